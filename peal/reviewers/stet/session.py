"""stet's session for one task's change: begun, asked again after each mend, and finished however it ends."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from attrs import evolve, field

from peal.classes import define
from peal.errors import PealError
from peal.model.review import DISMISSALS, Finding
from peal.model.work import Outcome
from peal.reviewers.protocol import Ran, ReviewContext
from peal.reviewers.reports import plain
from peal.reviewers.stet import hunks
from peal.reviewers.stet.answers import lines_of, listed, no_look, text_of, unable

_MOST_DISMISSED = 20
"""Findings of one look that stet is told to be dismissed: a process each, and only a hint for its next look."""
_TIMEOUT = 20.0
"""Seconds for what asks no model."""


class Tree(Protocol):
    """The worktree that stet reviews in."""

    @property
    def repo(self) -> Path:
        """The repository."""

    @property
    def path(self) -> Path:
        """The worktree's folder."""

    @property
    def notes(self) -> Path:
        """Where stet keeps its session and what it learns."""

    @property
    def worktrees(self) -> Path:
        """Where stet puts worktrees of its own."""

    @property
    def holds_session(self) -> bool:
        """Whether a session was begun here and not finished, or not wholly."""

    @property
    def is_whole(self) -> bool:
        """Whether git takes the folder for the worktree it is."""

    def check_out(self, commit: str, goes_on: bool = False) -> None:
        """The files of this commit; `GitError` if that cannot be. A session that `goes_on` is kept."""

    def bring_settings(self) -> None:
        """What the person has told stet about the repository holds here too."""

    def sweep(self) -> None:
        """Take away a session without stet's help."""

    def take_over_notes(self) -> None:
        """What stet has noted is noted in the repository."""


@define(slots=False)
class StetSession:
    """
    One session at a time, for one task on one base.

    Later looks are whole reviews that replace what was found before: an increment (`stet run`) never looks again at a
    hunk in which anything was dismissed or mended, and goes on to report what was there, at the line it had.
    """

    program: str
    tree_of: Callable[[], Tree]
    """Where it reviews, which is only known once there is something to review."""
    start_ref: str = ""
    """The commit to review from instead of the change's base."""
    start_args: tuple[str, ...] = ()
    run_args: tuple[str, ...] = ()
    may_dismiss: bool = True
    told: list[str] = field(factory=list)
    """What is to be known of the last look besides its findings."""
    _about: tuple[str, str] | None = None
    """The task and the base that the open session is about."""
    _begun: bool = False
    _asked: int = 0
    _apart: Callable[..., None] | None = None
    """Runs a program outside of any attempt; None as long as there was no look."""

    @cached_property
    def tree(self) -> Tree:
        """The one worktree."""
        return self.tree_of()

    def look(self, context: ReviewContext) -> tuple[Finding, ...] | Outcome:
        """Review the change; an outcome if that was not possible, and then the session is over."""
        commit, self._apart = context.commit(), context.apart
        own = hunks.between(self.tree.repo, context.base, commit)
        if not own:
            return ()
        try:
            ran, what = self._reviewed(context, commit)
        except PealError as error:
            return unable(str(error))
        items = listed(text_of(ran.stdout)) if ran.ending.is_clean else None
        if items is None:
            self.end()
            return no_look(ran, what)
        found = [finding for item in items if (finding := self._finding(item, own))]
        if others := len(items) - len(found):
            self.told.append(f"`stet` found {others} more outside of the task's own change")
        return tuple(found)

    def _reviewed(self, context: ReviewContext, commit: str) -> tuple[Ran, str]:
        about = context.task.id, context.base
        if self._about == about:
            self.tree.check_out(commit, goes_on=True)
            return self._run(context, "rerun", "--replace", "--output=json", *self.run_args)
        self.end()
        self.tree.check_out(commit)
        self.tree.bring_settings()
        self._begun = True
        start = self.start_ref or context.base
        ran, what = self._run(context, "start", start, "--output=json", "--allow-dirty", *self.start_args)
        self._about = about
        return ran, what

    def _run(self, context: ReviewContext, *words: str) -> tuple[Ran, str]:
        self._asked += 1  # what is printed into a file that is there already goes behind it
        name = f"review-stet-{self._asked}-{words[0]}."
        return context.run(self._argv(*words), name, folder=self.tree.path), f"`stet {words[0]}`"

    def _argv(self, *words: str) -> Sequence[str]:
        """Whatever a person has set, sessions of peal's are kept apart from theirs."""
        kept = (f"STET_STATE_DIR={self.tree.notes}", f"STET_WORKTREE_ROOT={self.tree.worktrees}")
        return ("env", *kept, self.program, *words)

    def _finding(self, item: Mapping[str, Any], own: Mapping[str, tuple[hunks.Hunk, ...]]) -> Finding | None:
        """The finding, if it is about the task's own change."""
        found = plain(item, "stet", lambda _path, _line: "")
        path = found.path if found.path in own else hunks.path_in(found.path)
        first, last = lines_of(item)
        if path not in own and (found.path or first):
            return None
        found = evolve(found, path=path, line=first, may_dismiss=self.may_dismiss)
        if not first:
            return found
        text = next((text for hunk in own[path] if (text := hunk.first_of(first, last)) is not None), None)
        return None if text is None else evolve(found, context=text)

    def dismiss(self, context: ReviewContext, findings: Sequence[Finding]) -> None:
        """Let stet know; as good as it goes."""
        known = [finding for finding in findings if finding.id and not finding.id.startswith("-")]
        if self._about == (context.task.id, context.base) and self.tree.is_whole:
            for finding in known[:_MOST_DISMISSED]:
                reasons = (reason for reason in DISMISSALS if finding.dismissed.startswith(reason))
                context.apart(self._argv("dismiss", finding.id, *reasons), self.tree.path, _TIMEOUT)

    def end(self) -> None:
        """Finish the session, also one that a run which was killed has left."""
        begun, self._begun, self._about = self._begun, False, None
        if (begun or self.tree.holds_session) and self.tree.is_whole:
            if self._apart:
                self._apart(self._argv("finish"), self.tree.path, _TIMEOUT)
                with suppress(PealError):
                    self.tree.take_over_notes()
            self.tree.sweep()  # stet wants to know who commits, and leaves its session if git does not
