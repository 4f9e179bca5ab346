"""The backlog as the branch has it that a run lands in, with what a person has not committed yet beside it."""

import os
import shlex
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from attrs import field

from peal.backlog import item_file
from peal.backlog.committing import Committer
from peal.backlog.field_guard import FieldGuard
from peal.backlog.item import Item
from peal.backlog.looked_folder import LookedFolder
from peal.backlog.messages import message_of
from peal.backlog.parsed_items import ParsedItems
from peal.backlog.store import ARCHIVE, Backlog, Kept, Looked, look
from peal.classes import define
from peal.errors import Busy, PealError
from peal.landing.fast_forward import busy
from peal.record import lock
from peal.system import git
from peal.system.layout import RepoPaths
from peal.text.display import harmless
from peal.workspaces import Edit, Files, Pool
from peal.workspaces.additions import ChangedFiles, FolderFiles, is_edited, put_in

_RECENT = 4
"""Backlogs that are kept in memory: what the branch has, and what it will have."""

Make = Callable[[Files], Iterable[Edit]]


class Items(Protocol):
    """Where a run finds its items, and writes what becomes of them."""

    def read(self) -> Backlog:
        """As they are now; the very same one as long as nothing has changed."""

    def read_from(self, files: Files) -> Backlog:
        """As they are in some files."""

    def unsaved(self, kept: Kept) -> bool:
        """Whether a person has changes in an item's file that are not committed."""

    def is_edited(self, path: str, committed: bytes | None) -> bool:
        """Whether a person has changes in a file that are not committed; `committed` is what it held."""

    def new(self) -> tuple[Kept, ...]:
        """Items in files that are not committed yet."""

    def uncommitted(self) -> Collection[str]:
        """The names of the person's files that could be items and are not committed yet, and the ids in them."""

    def save_new(self, kept: Kept) -> str:
        """Commit such a file by itself; why that cannot be, empty if it could."""

    def is_rehearsed(self, item: Item) -> bool:
        """Whether an item has come to where it is in a rehearsal only, so that what its phases write is not there."""

    def folders(self, inside: str) -> Collection[str]:
        """The names of what is in a folder of the repository."""

    def put(self, edits: Make, message: str) -> tuple[str, tuple[str, ...]]:
        """Make edits in a commit of their own: why that cannot be, empty if it could; and what is to be told."""


@define
class BlobItems:
    """Items in files that are told apart by their ids in git: what was read once is not read again."""

    folder: Path
    """In the person's tree, which is where they are told to be."""
    relative: str
    _known: dict[Hashable, tuple[Item, bytes]] = field(factory=dict)
    """Items with their bytes, by what tells their files' versions from others: of what is committed git's ids."""
    _looked: dict[tuple[str, Hashable], Looked] = field(factory=dict)
    """By path and id."""
    _recent: deque[tuple[tuple[Mapping[str, Hashable], ...], Backlog]] = field(
        factory=lambda: deque(maxlen=_RECENT)
    )
    """The latest backlogs, each with what its folders held."""

    def remember(self, kept: Iterable[Kept], id_of: Callable[[bytes], Hashable]) -> None:
        """What is known of these files already; `id_of` is what tells a file's version from another by what it holds."""
        self._known.update((id_of(one.raw), (one.item, one.raw)) for one in kept)

    def read_from(self, files: Files) -> Backlog:
        """What is in some files; for the same files the same backlog."""
        folders = self.relative, f"{self.relative}/{ARCHIVE}"
        versions = tuple(map(files.versions, folders))
        for seen, backlog in tuple(self._recent):
            if seen == versions:
                return backlog
        found = [
            self._look(f"{folder}/{name}", version, files, is_archived=folder is folders[1])
            for folder, names in zip(folders, versions, strict=True)
            for name, version in names.items()
            if name.endswith(".md") and not name.startswith(".")
        ]
        made = Backlog.made(self.folder, found)
        self._recent.appendleft((versions, made))
        return made

    def _look(self, path: str, version: Hashable, files: Files, is_archived: bool) -> Looked:
        if known := self._looked.get((path, version)):
            return known
        place = self.folder / ARCHIVE if is_archived else self.folder
        found = look(
            place / path.rpartition("/")[2],
            is_archived,
            lambda _: self._known.get(version) or _read(files.content(path)),
        )
        assert found is not None, "what is listed is there"
        self._looked[path, version] = found
        return found

    def relative_of(self, kept: Kept) -> str:
        """The path of an item's file in the repository."""
        inside = kept.path.relative_to(self.folder).as_posix()
        return f"{self.relative}/{inside}"


def _read(raw: bytes | None) -> tuple[Item, bytes] | None:
    """The item in a file with its bytes; None for one that does not begin as items do."""
    if raw is None:
        raise item_file.NoItem("it is no plain file; put one there, or take it away")
    return (item_file.read(raw), raw) if item_file.has_front_matter(raw) or not raw else None


@define
class ItemsOfBranch:
    """The items of a run whose results are committed."""

    pool: Pool
    repo_paths: RepoPaths
    files: BlobItems
    hooks: bool
    parsed: ParsedItems = field(factory=ParsedItems)
    """What is known of files in the person's tree."""
    _latest: tuple[str, Backlog] | None = None
    """What was read last, and of which commit; one value, for what lands reads in its own thread."""

    def read(self) -> Backlog:
        """As the branch has them, read again where it has moved."""
        tip, latest = self.pool.tip(), self._latest
        if latest and latest[0] == tip:
            return latest[1]
        found = self.files.read_from(self.pool.files)
        backlog = latest[1] if latest and found == latest[1] else found
        self._latest = tip, backlog
        return backlog

    def read_from(self, files: Files) -> Backlog:
        """As they are in some files."""
        return self.files.read_from(files)

    def unsaved(self, kept: Kept) -> bool:
        """In the tree where the branch is checked out, if it is in one."""
        return self.is_edited(self.files.relative_of(kept), kept.raw)

    def is_edited(self, path: str, committed: bytes | None) -> bool:
        """In the tree where the branch is checked out, if it is in one."""
        return is_edited(self.pool.checked_out_at(), path, committed)

    def new(self) -> tuple[Kept, ...]:
        """Files in the person's tree whose names the branch does not have, as long as the branch is checked out there."""
        if not self.pool.is_checked_out_here():
            return ()
        found, committed = self._beside(self.repo_paths.repo, self.files.relative), self.read().by_id
        return tuple(one.kept for one in found if one.kept and one.kept.item.id not in committed)

    def uncommitted(self) -> Collection[str]:
        """In the person's own tree, whatever is checked out there, and in that of the branch, if it is in one."""
        trees = dict.fromkeys(filter(None, (self.repo_paths.repo, self.pool.checked_out_at())))
        folders = (self.files.relative, f"{self.files.relative}/{ARCHIVE}")
        found = [one for tree in trees for folder in folders for one in self._beside(tree, folder)]
        return [*(one.name for one in found), *(one.kept.item.id for one in found if one.kept)]

    def _beside(self, tree: Path, folder: str) -> Iterator[Looked]:
        """What is in a folder of a tree in files whose names the branch does not have there."""
        known = self.pool.files.versions(folder)
        try:
            names = [name for name in os.listdir(tree / folder) if name not in known]  # noqa: PTH208 - 3 times as fast
        except OSError:
            return
        for name in sorted(names):
            if name.endswith(".md") and name[0] != ".":
                found = look(tree / folder / name, False, self.parsed.read)
                if found:
                    yield found

    def save_new(self, kept: Kept) -> str:
        """As a command does that adds one, and on no other branch than the run's."""
        repo = self.repo_paths.repo
        try:
            with lock.landing(self.repo_paths):
                if begun := busy(git.own_folder(repo)):
                    return begun
                if not self.pool.is_checked_out_here():
                    shown, way = harmless(self.pool.branch), shlex.quote(self.pool.branch)
                    return f"its file is not committed, and `{shown}` is not checked out; `git switch {way}`"
                committer = Committer(repo, hooks=self.hooks)
                committer.commit([kept.path], message_of(kept.item.id, f"add: {kept.item.title}"))
        except PealError as error:
            return str(error)
        return ""

    def is_rehearsed(self, item: Item) -> bool:  # noqa: ARG002
        """All of it is real."""
        return False

    def folders(self, inside: str) -> Collection[str]:
        """As the branch has them."""
        return self.pool.files.versions(inside)

    def put(self, edits: Make, message: str) -> tuple[str, tuple[str, ...]]:
        """As a landing: never over what a person is at work on."""
        outcome = self.pool.put(edits, message)
        return (
            "" if outcome.result.weight.name == "SUCCESS" else outcome.reason or str(outcome.result)
        ), outcome.notes


@define
class RehearsedItems:
    """Items of a run that changes nothing: what becomes of them is known as long as it goes on."""

    real: Items
    files: BlobItems
    _changed: ChangedFiles
    _backlog: Backlog | None = None

    @classmethod
    def of(cls, real: Items, files: BlobItems, below: Files) -> "RehearsedItems":
        """As they are, with those that are not committed yet."""
        new = {f"{files.relative}/{kept.path.name}": kept for kept in real.new()}
        files.remember(new.values(), lambda raw: raw)
        return cls(real, files, ChangedFiles(below, {path: kept.raw for path, kept in new.items()}))

    def read(self) -> Backlog:
        """As they would be."""
        self._backlog = self._backlog or self.files.read_from(self._changed)
        return self._backlog

    def read_from(self, files: Files) -> Backlog:
        """As they are in some files."""
        return self.files.read_from(files)

    def unsaved(self, kept: Kept) -> bool:
        """As it is; what has changed since would be committed."""
        return self.files.relative_of(kept) not in self._changed.changes and self.real.unsaved(kept)

    def is_edited(self, path: str, committed: bytes | None) -> bool:  # noqa: ARG002
        """What is not written hinders nobody."""
        return False

    def new(self) -> tuple[Kept, ...]:
        """They would be committed by then."""
        return ()

    def uncommitted(self) -> Collection[str]:
        """As they are."""
        return self.real.uncommitted()

    def save_new(self, kept: Kept) -> str:  # noqa: ARG002
        """There are none."""
        return ""

    def is_rehearsed(self, item: Item) -> bool:
        """If it is another one than in truth."""
        return self.real.read().by_id.get(item.id) != item

    def folders(self, inside: str) -> Collection[str]:
        """As they are."""
        return self.real.folders(inside)

    def put(self, edits: Make, message: str) -> tuple[str, tuple[str, ...]]:  # noqa: ARG002
        """In memory."""
        self._changed.changes.update({edit.path: edit.content for edit in edits(self._changed)})
        self._backlog = None
        return "", ()


@define
class ItemsOfFolder:
    """The items of a run that commits nothing: as they are on disk."""

    repo: Path
    folder: Path
    parsed: ParsedItems = field(factory=ParsedItems)
    guard: FieldGuard = field(init=False)
    _backlog: Backlog = field(init=False)

    @guard.default
    def _nothing_seen_yet(self) -> FieldGuard:
        return FieldGuard(RepoPaths(self.repo), LookedFolder(self.folder, self.parsed))

    @_backlog.default
    def _nothing_yet(self) -> Backlog:
        return Backlog(self.folder)

    def read(self) -> Backlog:
        """As they are on disk, without what an agent at work has made of their fields."""
        found = self.guard.backlog()
        if found != self._backlog:
            self._backlog = found
        return self._backlog

    def read_from(self, files: Files) -> Backlog:  # noqa: ARG002
        """They are nowhere else."""
        return self.read()

    def unsaved(self, kept: Kept) -> bool:  # noqa: ARG002
        """Nothing is committed."""
        return False

    def is_edited(self, path: str, committed: bytes | None) -> bool:  # noqa: ARG002
        """Nothing is committed."""
        return False

    def new(self) -> tuple[Kept, ...]:
        """Every file counts."""
        return ()

    def uncommitted(self) -> Collection[str]:
        """Every file counts."""
        return ()

    def save_new(self, kept: Kept) -> str:
        """Nothing is committed."""
        return f"`{harmless(str(kept.path))}` is not to be committed"

    def is_rehearsed(self, item: Item) -> bool:  # noqa: ARG002
        """All of it is real."""
        return False

    def put(self, edits: Make, message: str) -> tuple[str, tuple[str, ...]]:  # noqa: ARG002
        """In their place, one after another with what commands change."""
        try:
            with lock.landing(RepoPaths(self.repo)):
                made = tuple(edits(FolderFiles(self.repo)))
                put_in(self.repo, made)
                self.guard.note(made)
        except Busy as error:
            return str(error), ()
        return "", ()

    def folders(self, inside: str) -> Collection[str]:
        """As they are on disk."""
        return FolderFiles(self.repo).versions(inside)
