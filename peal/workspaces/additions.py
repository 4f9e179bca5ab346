"""What belongs to a task's landing beside what the task has changed: files edited on the tree that lands."""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from attrs import field

from peal.classes import frozen
from peal.model.plan import Task
from peal.model.work import Order
from peal.system import git
from peal.system.files import content, rewrite
from peal.system.git_objects import Objects
from peal.worktrees.worktree import Worktree


class Files(Protocol):
    """Files as they are in one moment, by their paths in the repository."""

    def content(self, path: str) -> bytes | None:
        """What a file holds; None if there is no plain file."""

    def versions(self, folder: str) -> Mapping[str, Hashable]:
        """What is in a folder by its names, each with what tells it from another version; nothing if there is none."""

    @property
    def before(self) -> "Files | None":
        """The same without what the task has changed; None where it has changed nothing, or that is not known."""


@frozen
class CommittedFiles:
    """Those of a tree."""

    objects: Objects
    tree: str
    base: str = ""
    """The tree that the task's change was put onto; empty where there is none."""

    @property
    def before(self) -> "CommittedFiles | None":
        """Those of the tree it was put onto."""
        return CommittedFiles(self.objects, self.base) if self.base else None

    def content(self, path: str) -> bytes | None:
        """As it is stored, before filters."""
        found = self.objects.file(self.tree, path)
        return self.objects.content(found.blob) if found and found.mode.startswith("100") else None

    def versions(self, folder: str) -> Mapping[str, Hashable]:
        """Told by ids, which mean the same for ever."""
        return {name: one.blob for name, one in self.objects.entries(self.tree, folder).items()}


@frozen
class FolderFiles:
    """Those of a folder on disk."""

    place: Path
    before = None

    def content(self, path: str) -> bytes | None:
        """As it is on disk."""
        return content(self.place / path)

    def versions(self, folder: str) -> Mapping[str, bytes | None]:
        """Told by what they hold: a file may be written twice within what a clock tells apart."""
        try:
            names = sorted(path.name for path in (self.place / folder).iterdir())
        except OSError:
            return {}
        return {name: content(self.place / folder / name) for name in names}


@frozen
class ChangedFiles:
    """Those that others have, with changes that are nowhere but in memory."""

    below: Files
    changes: dict[str, bytes | None] = field(factory=dict)
    """What a file holds now, by its path; None for one that is gone."""

    @property
    def before(self) -> "Files | None":
        """As it is for the others."""
        return self.below.before

    def content(self, path: str) -> bytes | None:
        """As it was changed."""
        return self.changes[path] if path in self.changes else self.below.content(path)

    def versions(self, folder: str) -> Mapping[str, Hashable]:
        """What was changed is told by what it holds."""
        found = dict(self.below.versions(folder))
        for path, changed in self.changes.items():
            above, _, name = path.rpartition("/")
            if above == folder:
                found |= {name: changed} if changed is not None else {}
                if changed is None:
                    found.pop(name, None)
        return found


@frozen
class Edit:
    """A file that holds something else when the task has landed, or is gone."""

    path: str
    content: bytes | None
    left_out: str = ""
    """What is said where the person is at work on the file and the task lands without; empty where it has to wait for them."""
    moved_to: str = ""
    """Where the file goes, of one that is gone because it moves; what it is to hold there is an edit of its own."""


class TickedFile(Protocol):
    """A plan that tasks are marked as done in: two such marks never clash."""

    @property
    def path(self) -> str:
        """In the repository, as git names it."""

    def united(self, tree: str, stages: dict[int, str]) -> str:
        """The tree with the conflict over this file resolved, given the blobs of its three sides; empty if it is a real one."""

    def united_in(self, worktree: Worktree) -> bool:
        """Whether the conflict over this file in a worktree could be resolved, in its index and in the file."""


class Additions(Protocol):
    """What belongs to the landing of a task."""

    @property
    def land_alone(self) -> bool:
        """Whether they land too where the task itself has changed nothing."""

    def edits(self, order: Order, files: Files) -> tuple[Edit, ...]:
        """What is edited in the files with which a task lands; the same for the same files."""

    def message(self, order: Order) -> str:
        """The text of the commit by which it lands; empty for the usual one."""

    def plan_of(self, task: Task) -> TickedFile | None:
        """The plan that a task stands in, if it lies in the repository."""


@frozen
class NoAdditions:
    """Nothing belongs to it."""

    land_alone = False

    def edits(self, order: Order, files: Files) -> tuple[Edit, ...]:  # noqa: ARG002
        """None."""
        return ()

    def message(self, order: Order) -> str:  # noqa: ARG002
        """The usual one."""
        return ""

    def plan_of(self, task: Task) -> None:
        """None."""


NO_ADDITIONS = NoAdditions()


@frozen
class Parted:
    """Edits without those that the person is at work on and that can be left out."""

    edits: Mapping[str, bytes | None]
    """What each file is to hold, by its path."""
    notes: tuple[str, ...] = ()
    """What is said of those that were left out."""


def parted(edits: Iterable[Edit], files: Files, person_tree: Path | None) -> Parted:
    """Which edits of files can be made, given the tree in which a person may be at work on them."""
    kept: dict[str, bytes | None] = {}
    notes: list[str] = []
    for edit in edits:
        if edit.left_out and is_edited(person_tree, edit.path, files.content(edit.path)):
            notes.append(edit.left_out)
        else:
            kept[edit.path] = edit.content
    return Parted(kept, tuple(notes))


def in_the_way(
    additions: Additions,
    order: Order,
    objects: Objects,
    commit: str,
    brings: Iterable[str],
    person_tree: Path | None,
) -> str:
    """The path of a file that the person is at work on, of which a commit brings nothing but an edit that can be left out."""
    before = CommittedFiles(objects, objects.tree_of(f"{commit}^1"))
    after = CommittedFiles(objects, objects.tree_of(commit))
    brought = set(brings)
    for edit in additions.edits(order, before) if brought else ():
        is_own = edit.path in brought and after.content(edit.path) == edit.content
        if edit.left_out and is_own and is_edited(person_tree, edit.path, before.content(edit.path)):
            return edit.path
    return ""


def is_edited(person_tree: Path | None, path: str, committed: bytes | None) -> bool:
    """Whether the person has changes in a file that are not committed, in the tree where they would be; `committed` is what it held."""
    if person_tree is None or content(person_tree / path) == committed:
        return False
    # Filters may make another thing of it on disk, which only git knows.
    return bool(git.output(person_tree, "status", "--porcelain", "-z", "--", f":(literal){path}"))


def put_in(place: Path, edits: Iterable[Edit]) -> None:
    """
    Make edits, one after another, in a tree that nothing is committed from.

    Whenever peal is killed, a file that moves is in one place; it says something new only where it goes, so whoever makes the
    edits once more makes that one too.
    """
    wanted = tuple(edits)
    moves = {edit.moved_to: edit.path for edit in wanted if edit.moved_to}
    for edit in wanted:
        path = place / edit.path
        if edit.content is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if edit.path in moves:
            (place / moves[edit.path]).rename(path)
        rewrite(path, edit.content)
