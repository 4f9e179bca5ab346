"""The reviewer `stet`: whether it is used, what it may pass over, and what it means if it cannot look."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import evolve

from peal.classes import define, frozen
from peal.errors import PealError
from peal.model.review import Finding
from peal.model.work import Outcome, Result
from peal.reviewers.protocol import ReviewContext
from peal.settings import Settings, StetPatternSettings
from peal.system import git, process

if TYPE_CHECKING:
    from peal.reviewers.stet.session import Tree

_TREE = "stet"
"""The worktree's name in the pool's folder."""
_COMMITS_ONLY = "stet sees commits only, and without `commit` and worktrees tasks make none"
_WAY_OUT = 'mend that, or set `on_stet_fail = "skip"` or `stet = "off"`'


class Way(Protocol):
    """How stet is asked."""

    told: list[str]

    def look(self, context: ReviewContext) -> tuple[Finding, ...] | Outcome:
        """What it finds; an outcome if it could not look."""

    def dismiss(self, context: ReviewContext, findings: Sequence[Finding]) -> None:
        """Let it know what of that was dismissed."""

    def end(self) -> None:
        """End what it has begun."""


@frozen
class Policy:
    """What the settings say about findings, and about looks that fail."""

    on_fail: str = "fail"
    patterns: tuple[StetPatternSettings, ...] = ()

    def sifted(self, finding: Finding) -> Finding:
        """The finding, dismissed if one of the person's patterns says so; the first that fits counts."""
        said = f"{finding.message} {finding.path}"
        reasons = (one.reason for one in self.patterns if one.pattern in said)
        return evolve(finding, dismissed=next(reasons, ""))


@define
class StetReviewer:
    """stet, by its sessions or by commands of the person's own."""

    way: Way
    policy: Policy = Policy()

    @classmethod
    def of(
        cls, settings: Settings, repo: Path, tree_of: "Callable[[str], Tree]", lands: bool
    ) -> "StetReviewer | None":
        """
        stet as the settings want it, with its worktree, which `tree_of` gives for its name; None if it is not used.

        PealError if it is asked for and cannot be used. `lands` tells whether tasks make commits.
        """
        way = _way(settings, repo, tree_of, lands)
        return cls(way, Policy(settings.on_stet_fail, settings.stet_dismiss_patterns)) if way else None

    @property
    def name(self) -> str:
        """There is only one."""
        return "stet"

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know of the last look besides its findings."""
        return tuple(self.way.told)

    def look(self, context: ReviewContext) -> tuple[Finding, ...] | Outcome:
        """Everything it finds in the task's own change; what a pattern dismisses is dismissed at once."""
        self.way.told.clear()
        found = self.way.look(context)
        is_failure = isinstance(found, Outcome) and found.result is Result.FAILED
        if is_failure and self.policy.on_fail == "retry_once":
            found = self.way.look(context)
        if isinstance(found, Outcome):
            return self._without(found)
        sifted = tuple(map(self.policy.sifted, found))
        self.way.dismiss(context, [finding for finding in sifted if finding.dismissed])
        return sifted

    def _without(self, failed: Outcome) -> tuple[Finding, ...] | Outcome:
        """What a look that failed means."""
        if failed.result is not Result.FAILED:
            return failed
        if self.policy.on_fail == "skip":
            self.way.told.append(f"passed over, for `on_stet_fail` is `skip`: {failed.reason}")
            return ()
        return evolve(failed, reason=f"{failed.reason}; {_WAY_OUT}")

    def heed(self, context: ReviewContext, findings: Sequence[Finding]) -> None:
        """stet takes it as a hint for its next look."""
        self.way.dismiss(context, findings)

    def leave(self) -> None:
        """Finish the session."""
        try:
            self.way.end()
        except (OSError, PealError):  # the run is over, and the next one clears up
            return


def unused(settings: Settings, repo: Path, lands: bool) -> str:
    """Why a stet that is there is not used though nobody has forbidden it; empty if there is nothing to say."""
    is_wanted = settings.stet == "auto" and not (lands or settings.stet_path or settings.stet_commands)
    return f"`stet` is not used: {_COMMITS_ONLY}" if is_wanted and process.program("stet", repo) else ""


def _way(settings: Settings, repo: Path, tree_of: "Callable[[str], Tree]", lands: bool) -> Way | None:
    if settings.stet == "off":
        return None
    may_dismiss = not settings.stet_disable_llm_triage
    if settings.stet_commands:
        from peal.reviewers.stet.commands import StetCommands

        return StetCommands.of(settings.stet_commands, repo, may_dismiss)
    is_asked_for = settings.stet == "on" or settings.stet_path is not None
    name = settings.stet_path or "stet"
    program = process.program(name, repo)
    if not is_asked_for and (program is None or not lands):
        return None
    if not lands:
        raise PealError(f"{_COMMITS_ONLY}; let tasks commit, or pass --stet off")
    if program is None:
        raise PealError(
            f"`{name}` is not a program on PATH or in `{repo}`; install it, mend `stet_path`, or pass --stet off"
        )
    from peal.reviewers.stet.session import StetSession

    return StetSession(
        program,
        partial(tree_of, _TREE),
        _start(settings.stet_start_ref, repo),
        settings.stet_start_extra_args,
        settings.stet_run_extra_args,
        may_dismiss,
    )


def _start(ref: str | None, repo: Path) -> str:
    """The commit to review from; a name would mean another one as soon as something has landed."""
    if ref is None:
        return ""
    if commit := git.commit_id(repo, ref):
        return commit
    raise PealError(f"`stet_start_ref` is `{ref}`, and `{repo}` has no such commit; mend it or take it out")
