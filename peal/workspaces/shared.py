"""The repository itself as the place of every step: nothing is committed, nothing lands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import field

from peal.classes import define, frozen
from peal.model.agent import Command
from peal.model.review import Finding
from peal.model.work import Order, Outcome, Result
from peal.record import lock
from peal.system import git
from peal.system.git_objects import objects_of
from peal.system.layout import RepoPaths
from peal.workspaces.additions import NO_ADDITIONS, Additions, FolderFiles, put_in
from peal.workspaces.protocol import Guard
from peal.worktrees.review_tree import ReviewTree


@frozen
class NoGuard:
    """Nothing is peal's alone."""

    def begin(self) -> None:
        """Nothing is to be remembered."""

    def end(self, folder: Path) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing is taken back."""
        return ()


@define
class SharedFolder:
    """The repository as one attempt sees it; only an attempt that is alone there can be told what it changed."""

    path: Path
    order: Order
    additions: Additions
    guard: Guard
    head: str = ""
    base: str = ""
    is_empty: bool = False
    message: str = ""
    is_merge: bool = False
    kept: bool = False
    notes: list[str] = field(factory=list)
    _before: git.TreeState | None = None

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """By the guard of the tree."""
        self.guard.begin()
        try:
            yield
        finally:
            self.notes += self.guard.end(self.order.folder)

    def watch(self) -> None:
        """Look before the attempt where a look afterwards would mean something."""
        self._before = git.tree_state(self.path) if self.order.alone else None

    def changed(self) -> tuple[str, ...] | None:
        """The paths that differ from the look before."""
        return None if self._before is None else git.differing(self._before, git.tree_state(self.path))

    def left_out(self) -> tuple[str, ...]:
        """Nothing is committed, so nothing is left out."""
        return ()

    def changed_outside(self) -> tuple[str, ...]:
        """The tree is the person's."""
        return ()

    def git(self, *words: str) -> str:
        """In the person's tree."""
        return git.output(self.path, *words)

    def keep(self, run: str) -> str:  # noqa: ARG002
        """Nothing is committed."""
        return ""

    def rescue(self) -> str:
        """What was done stays in the tree."""
        return ""

    def merge_at_once(self) -> bool:
        """There is nothing to merge."""
        return True

    def blank(self) -> None:
        """The tree is the person's."""

    def check_out(self) -> None:
        """The change is there already."""

    def conflicts(self) -> tuple[Finding, ...]:
        """Nothing is merged."""
        return ()

    def begin_commit(self) -> tuple[str, ...]:
        """Nothing is committed."""
        return ()

    def hook(self, name: str) -> Command:
        """Nothing is committed."""
        raise AssertionError(f"hook `{name}` was not to be asked")

    def commit(self) -> None:
        """Nothing is committed."""

    def question(self) -> Command | None:
        """No branch moves."""
        return None

    def take_over(self) -> None:
        """No hook is asked."""

    def show_branch(self, is_change: bool) -> bool:  # noqa: ARG002
        """The tree is the person's."""
        return False

    def show_again(self) -> None:
        """The tree is the person's."""

    def take_up(self) -> bool:
        """Nothing is committed."""
        return False

    def clean(self) -> None:
        """The tree is the person's."""

    def commit_snapshot(self) -> str:
        """Nothing is committed."""
        return ""

    def commit_verified(self) -> str:
        """Nothing is committed; what belongs to the end of the task is in the tree."""
        with lock.landing(RepoPaths(self.path)):
            put_in(self.path, self.additions.edits(self.order, FolderFiles(self.path)))
        return ""

    def commit_mended(self) -> str:
        """Nothing is committed."""
        return ""


@define
class SharedTree:
    """Lends the repository to everybody."""

    place: Path
    setup: tuple[str, ...] = ()
    branch: str = ""
    additions: Additions = NO_ADDITIONS
    """What belongs to the end of each task beside what it has changed."""
    guard: Guard = field(factory=NoGuard)

    def tree_of(self, name: str) -> ReviewTree:
        """Nobody who needs a worktree looks at what is not committed."""
        raise AssertionError(f"there is no worktree `{name}`")

    @property
    def fence(self) -> dict[str, str]:
        """The tree is the person's."""
        return {}

    @contextmanager
    def lend(self, order: Order) -> Iterator[SharedFolder]:
        """The repository."""
        head = objects_of(self.place).commit_id("HEAD") if order.task.item_phase else ""
        yield SharedFolder(self.place, order, self.additions, self.guard, head)

    def change(self, order: Order) -> SharedFolder:
        """The repository as it is."""
        return SharedFolder(self.place, order, self.additions, self.guard)

    def needs_setup(self, path: Path) -> bool:  # noqa: ARG002
        """The person's tree is as they want it."""
        return False

    def mark_set_up(self, path: Path) -> tuple[str, ...]:  # noqa: ARG002
        """The person's tree is as they want it."""
        return ()

    def land(self, order: Order) -> Outcome:  # noqa: ARG002
        """The change is where it belongs already."""
        return Outcome(Result.PASSED)
