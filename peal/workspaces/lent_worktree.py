"""A worktree in the hands of one attempt at `plan` or `execute`: what it did there is kept as the task's commit."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from attrs import field

from peal.classes import define
from peal.errors import PealError
from peal.model.pipeline import Kind
from peal.model.work import Order
from peal.system.git_objects import objects_of
from peal.text.display import some
from peal.workspaces.messages import Messages
from peal.worktrees import commits, leftovers
from peal.worktrees.left_out import from_now_on, ignored_since
from peal.worktrees.staging import Staged, staged
from peal.worktrees.worktree import Worktree

_SHOWN = 3


@define
class LentWorktree:
    """See `Workspace`."""

    worktree: Worktree
    order: Order
    base: str
    ref: str
    messages: Messages
    identity: Mapping[str, str]
    outside: Callable[[int], tuple[str, ...]]
    """What changed in the person's tree after a moment in ns."""
    kept: bool = False
    """The worktree stays with the task for its next phase."""
    notes: list[str] = field(factory=list)
    _watched_at: int = 0
    _staged: Staged | None = None
    """What there is to be committed, once the agent has ended."""

    head = ""

    @property
    def path(self) -> Path:
        """The worktree."""
        return self.worktree.path

    def blank(self) -> None:
        """It is ready already."""

    def guarded(self) -> AbstractContextManager[None]:
        """What it has written is looked at when it lands."""
        return nullcontext()

    def watch(self) -> None:
        """The worktree is clean: what it is compared with is known, and only the time is new."""
        self._watched_at = from_now_on()

    def left_out(self) -> tuple[str, ...]:
        """Files that git ignores and that this attempt has made."""
        if self.order.phase.kind is Kind.WRITE:
            self._stage()
        tree = self._staged.tree if self._staged else ""
        return tuple(ignored_since(self.worktree, self._watched_at, tree))

    def _stage(self) -> None:
        """Stage what `keep` will commit: beside that lies what git ignores. Where it cannot be, `keep` says so."""
        with suppress(PealError):
            self.worktree.check_intact()
            self.worktree.clearing.open_up()
            self._staged = staged(self.worktree, self.base, is_fresh=True)

    def changed_outside(self) -> tuple[str, ...]:
        """What changed in the person's tree, by whomever."""
        return self.outside(self._watched_at)

    def changed(self) -> tuple[str, ...]:
        """The paths that differ from its base."""
        return (self._staged.paths if self._staged else ()) or self.worktree.changed()

    def keep(self, run: str) -> str:
        """Commit, and let a branch of peal's point there, so that the worktree is free for others."""
        self.worktree.clearing.open_up()
        text = self.messages.of_task(self.order.task, run)

        def commit_of(tree: str) -> str:
            return commits.made(self.worktree.repo, tree, self._parents, text, self.identity)

        made = commits.checkpoint(self.worktree, self.base, commit_of, self._staged)
        commit, left = made.commit, commits.save_submodules(self.worktree, self.order.folder)
        self.notes += made.notes
        if left and not commit:
            raise PealError(f"{left[0]}; commit it in the submodule")
        self.notes += left
        if not commit and (away := self.worktree.put_away()):
            raise PealError(
                f"the agent's work is not in its worktree but in {some(away, _SHOWN)} of its own git, which nobody else sees"
            )
        if commit:
            self.notes += commits.keep(self.worktree.repo, self.ref, commit)
        leftovers.settle(self.worktree)
        return commit

    @property
    def _parents(self) -> tuple[str, ...]:
        """What the task's one commit comes after; a later phase's takes the place of the one that it began on."""
        begun_on = objects_of(self.worktree.repo).commit(self.base) if self.order.base else None
        return begun_on.parents if begun_on else (self.base,)

    def rescue(self) -> str:
        """A patch against the base."""
        return leftovers.rescue(self.worktree)
