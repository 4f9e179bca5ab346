"""One look of the reviewers at a change, and what of it stands."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from attrs import evolve

from peal.classes import define, frozen
from peal.model.access import Access
from peal.model.agent import Command, Reply
from peal.model.plan import Task
from peal.model.review import Finding
from peal.model.work import Outcome
from peal.record.events import as_json, converter
from peal.reviewers import Ran
from peal.system import git
from peal.system.files import put
from peal.work.attempt_context import FINDINGS, AttemptContext
from peal.workspaces import Change

_KEPT = 1000
"""Findings that the journal keeps of one look; the attempt's folder has them all."""


@define(slots=False)
class ReviewedChange:
    """What reviewers are given; see `peal.reviewers.Look`."""

    context: AttemptContext
    change: Change

    @property
    def task(self) -> Task:
        """The attempt's."""
        return self.context.order.task

    @property
    def path(self) -> Path:
        """Where the change is worked on."""
        return self.context.path

    @property
    def attempt_folder(self) -> Path:
        """The attempt's."""
        return self.context.order.folder

    @property
    def scratch(self) -> Path:
        """The attempt's."""
        return self.context.scratch

    @cached_property
    def base(self) -> str:
        """The commit of the branch; of a change that is in it already, the one that it landed on."""
        return landed_on(self.change, self.context.order.change.own) or self.change.base

    def changed(self) -> tuple[str, ...]:
        """By git; in a shared tree everything that is not committed, for nobody can tell whose it is."""
        words = ("diff", "--name-only", "--no-renames", "--ignore-submodules=dirty", "-z")
        listed = self.change.git(*words, self._from, "--") if self._from else ""
        others = self.change.git("ls-files", "--others", "--exclude-standard", "-z")
        return tuple(path for path in f"{listed}\0{others}".split("\0") if path)

    def diff(self) -> str:
        """As git shows it."""
        words = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short")
        return self.change.git(*words, "--ignore-submodules=dirty", self._from, "--") if self._from else ""

    @cached_property
    def _from(self) -> str:
        """What the change is told against; empty in a repository without a commit."""
        return self.base or ("HEAD" if git.commit_id(self.path, "HEAD") else "")

    def commit(self) -> str:
        """The merge as it stands."""
        return self.change.commit_snapshot()

    def run(
        self,
        argv: Sequence[str],
        name: str,
        timeout_sec: int | None = None,
        folder: Path | None = None,
        has_network: bool = True,
    ) -> Ran:
        """As a helper of the attempt."""
        command = Command(tuple(argv), access=Access(has_network=has_network))
        ending = self.context.help_by(command, name, f"reviewer `{argv[0]}`", timeout_sec, folder)
        base = self.attempt_folder
        return Ran(ending, base / f"{name}stdout", base / f"{name}stderr")

    def ask(
        self, agent: str, model: str | None, prompt: str, name: str, has_network: bool = True
    ) -> Reply | Outcome:
        """As the attempt's agent is asked."""
        return self.context.consult(agent, model, prompt, name, has_network)

    def apart(self, argv: Sequence[str], folder: Path, timeout: float) -> None:
        """In the sandbox of the attempt's programs."""
        self.context.programs.carry_out_apart(argv, folder, timeout)


def landed_on(change: Change, own: str) -> str:
    """The commit that a task's own one was landed on top of, if its base holds it: there its change would be empty."""
    if not own or not change.base:
        return ""
    since = change.git(
        "rev-list", "--first-parent", "--ancestry-path", "--parents", f"{own}..{change.base}"
    ).splitlines()
    return since[-1].split()[1] if since else ""


@frozen
class Seen:
    """What a look has brought."""

    standing: tuple[Finding, ...] = ()
    """What is to be mended."""
    dismissed: tuple[Finding, ...] = ()
    """What a reviewer has dismissed by itself."""
    others: int = 0
    """How many were found that stand against other tasks or were dismissed before."""


def sifted(context: AttemptContext, found: Sequence[Finding]) -> Seen:
    """What of the findings stands against this task; the attempt's folder gets them all."""
    order = context.order
    passed_over = order.review.charged | order.review.dismissed
    new = [finding for finding in found if finding.fingerprint not in passed_over]
    if found:
        listed = [converter().unstructure(finding) for finding in found]
        put(f"{order.folder}/{FINDINGS}", as_json(listed) + "\n")
    return Seen(
        tuple(finding for finding in new if not finding.dismissed),
        tuple(finding for finding in new if finding.dismissed),
        len(found) - len(new),
    )


def capped(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that an outcome remembers."""
    return findings[:_KEPT]


def tell_reviewers(review: ReviewedChange, findings: Sequence[Finding]) -> None:
    """Let each reviewer know what of its findings was dismissed."""
    for reviewer in review.context.reviewers:
        theirs = [finding for finding in findings if finding.reviewer == reviewer.name]
        if theirs:
            reviewer.heed(review, theirs)


def reviewed(review: ReviewedChange) -> tuple[Finding, ...] | Outcome:
    """Everything that the reviewers find, one after another; an outcome as soon as one cannot look."""
    found: list[Finding] = []
    for reviewer in review.context.reviewers:
        seen = reviewer.look(review)
        if isinstance(seen, Outcome):
            return seen
        found += (evolve(finding, reviewer=reviewer.name) for finding in seen)
    return tuple(found)
