"""A landing that git could not finish is taken back, whatever cut it off, and without touching a person's own work."""

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from functools import cached_property
from pathlib import Path

from attrs import asdict, evolve

from peal.classes import define, frozen
from peal.landing import locks, obstacles, person_index
from peal.landing.person_tree import FILE, SUBMODULE, Mark, Tree, parents
from peal.system import git, process
from peal.system.files import content, replace
from peal.system.layout import RepoPaths
from peal.text.display import some

_SHOWN = 5
_GIT_WITHIN = 120.0
"""Seconds that the git of a peal that was killed may still take to finish by itself."""


@frozen
class Note:
    """What git was about to do in a tree of the person's."""

    head: str
    """The commit that the branch was on."""
    commit: str
    """The one it was to be moved to."""
    branch: str
    git_folder: str
    pid: int
    """The peal that did it."""
    at: float
    marks: dict[str, Mark | None]
    """What lay at each path concerned before anything was changed."""
    new_folders: tuple[str, ...]
    """Folders that were not there."""
    index: Mark | None
    tree: str = ""
    """Where it is, if that is another worktree than the one that has the note."""

    def folder(self, repo: Path) -> Path | None:
        """The tree as it is found now; None if that worktree is gone."""
        if not self.tree:
            return repo
        # A worktree that was moved is found by what git keeps of it; see gitrepository-layout(5).
        leads_to = os.fsdecode(content(Path(self.git_folder, "gitdir")) or b"").rstrip("\n")
        moved = Path(self.git_folder, leads_to).parent
        return next((tree for tree in (Path(self.tree), moved) if self._is_of(tree)), None)

    def _is_of(self, tree: Path) -> bool:
        found = git.run(tree, "rev-parse", "--absolute-git-dir")
        return found.returncode == 0 and os.fsdecode(found.stdout).rstrip("\n") == self.git_folder


@frozen
class Moving:
    """A branch that is checked out, to be moved from one commit to another with the tree."""

    branch: str
    head: str
    commit: str
    tree: Path
    git_folder: Path


def note(repo: Path, move: Moving, paths: Iterable[str]) -> None:
    """Write down, in the repository's memory, how these paths are before git changes them; OSError if that cannot be written."""
    tree, repo_paths, git_folder = Tree(move.tree), RepoPaths(repo), move.git_folder
    marks = {path: tree.mark(path) for path in paths}
    above = {folder for path in marks for folder in parents(path)}
    new = tuple(sorted(folder for folder in above if not tree.is_folder(folder)))
    index = _mark_of(git_folder / "index")
    if index:
        shutil.copyfile(git_folder / "index", repo_paths.landing_index)
    else:
        repo_paths.landing_index.unlink(missing_ok=True)
    elsewhere = str(move.tree) if move.tree != repo else ""
    told = Note(
        move.head, move.commit, move.branch, str(git_folder), os.getpid(), time.time(), marks, new, index, elsewhere,
    )  # fmt: skip
    replace(repo_paths.landing, json.dumps(asdict(told)))


def forget(repo: Path) -> None:
    """The change is in the tree as a whole, or not at all."""
    RepoPaths(repo).landing.unlink(missing_ok=True)
    RepoPaths(repo).landing_index.unlink(missing_ok=True)


def noted(repo: Path) -> Note | None:
    """The landing that was begun and not finished; None if there is none."""
    try:
        found = json.loads(RepoPaths(repo).landing.read_text(encoding="utf-8"))
        marks = {path: tuple(mark) if mark is not None else None for path, mark in found["marks"].items()}
        index = tuple(found["index"]) if found["index"] is not None else None
        return Note(**{**found, "marks": marks, "index": index, "new_folders": tuple(found["new_folders"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _mark_of(file: Path) -> Mark | None:
    return Tree(file.parent).mark(file.name)


@frozen
class Undone:
    """What has become of a landing that was cut off."""

    restored: tuple[str, ...] = ()
    """Paths that are again as they were."""
    kept: tuple[str, ...] = ()
    """Paths that a person has changed since; they are as the person has left them."""
    stuck: str = ""
    """What keeps the rest from being put back, with the way out; empty once all is done."""
    where: str = ""
    """The tree, if it is another than the one peal was started in."""

    def told(self) -> str:
        """A line for people; empty if there is nothing to say."""
        parts = []
        if self.restored:
            parts.append(f"a landing was cut off; put back as they were: {some(self.restored, _SHOWN)}")
        if self.kept:
            parts.append(
                f"left as you have changed them since a landing was cut off: {some(self.kept, _SHOWN)}"
            )
        if self.stuck:
            parts.append(f"a landing was cut off and cannot be taken back yet: {self.stuck}")
        return (f"in `{self.where}`: " if self.where and parts else "") + "; ".join(parts)


def undo(repo: Path, was_killed: bool = True) -> Undone:
    """
    Put back what a landing that was not finished has changed: each path that was touched since and holds what the
    landing brought, or a torn part of it, or nothing. The peal at work here has to be this one.

    A git that `was_killed` may have left its locks, which go too.
    """
    begun = noted(repo)
    if begun is None:
        return Undone()
    if begun.pid != os.getpid():
        process.outlast(git.OF_PEAL, str(begun.pid), _GIT_WITHIN)
    tree = begun.folder(repo)
    if tree is None:  # and with it all that the landing had changed
        forget(repo)
        return Undone()
    undone = evolve(_undone(repo, tree, begun, was_killed), where=str(tree) if begun.tree else "")
    if not undone.stuck:
        forget(repo)
    return undone


def _undone(repo: Path, tree: Path, begun: Note, was_killed: bool) -> Undone:
    try:
        return _Rollback(tree, begun, RepoPaths(repo).landing_index, was_killed).done()
    except git.GitError as error:
        return Undone(stuck=str(error))
    except OSError as error:
        return Undone(stuck=f"`{error.filename or tree}`: {error.strerror}; put that right")


class Step(Enum):
    """What taking a landing back means for one path."""

    NOTHING = "it is as it was"
    KEEP = "a person has changed it since"
    REMOVE = "the landing has put it there"
    RESTORE = "the landing has changed it or taken it away"


_TO_DO = (Step.REMOVE, Step.RESTORE)


@frozen
class Found:
    """What lies at a path that was touched since a landing began."""

    now: git.Version | None
    is_torn: bool = False
    """It is the beginning of what the landing brings."""
    is_blocked: bool = False
    """Something lies where a folder around it would have to be."""


def step(change: git.Change, found: Found, has_modes: bool) -> Step:
    """What to do there; `has_modes` says that the disk can tell which files are programs."""
    before, after, now = change.before, change.after, found.now
    if now is None and (before is None or found.is_blocked):
        return Step.KEEP if before else Step.NOTHING
    if now is None:
        return Step.RESTORE
    if before and _is_same(now, before) and (now.mode == before.mode or not has_modes):
        return Step.NOTHING
    if not found.is_torn and not (after and _is_same(now, after)):
        return Step.KEEP
    return Step.RESTORE if before and before.kind == now.kind else Step.REMOVE


def _is_same(now: git.Version, other: git.Version) -> bool:
    return now.kind == other.kind and (now.kind == SUBMODULE or now.blob == other.blob)


@define(slots=False)
class _Rollback:
    """One try to take a landing back."""

    repo: Path
    """The tree in which it was begun."""
    begun: Note
    index: Path
    """The index there as it was before, kept."""
    was_killed: bool
    _said: git.Done | None = None
    """What git had to say about putting files back."""

    def done(self) -> Undone:
        """Go as far as possible."""
        begun = self.begun
        if self._is_untouched() or git.is_ancestor(self.repo, begun.commit, f"refs/heads/{begun.branch}"):
            return Undone()
        if lock := self._lock():
            return Undone(stuck=lock)
        first = self._steps()
        self._remove(path for path, one in first.items() if one is Step.REMOVE)
        self._restore([path for path, one in self._steps().items() if one is Step.RESTORE])
        unstaged = self._put_index_back()
        last = self._steps()
        left = [path for path, one in last.items() if one in _TO_DO]
        kept = tuple(path for path, one in last.items() if one is Step.KEEP)
        done = unstaged.union(path for path, one in first.items() if one in _TO_DO).difference(left, kept)
        return Undone(tuple(sorted(done)), kept, self._stuck(left) if left else "")

    def _is_untouched(self) -> bool:
        """Whether git had not changed anything yet, or nothing at all."""
        is_same = all(self._tree.mark(path) == mark for path, mark in self.begun.marks.items())
        return is_same and self.begun.index == _mark_of(Path(self.begun.git_folder) / "index")

    def _lock(self) -> str:
        """What keeps the index from being changed."""
        folder = Path(self.begun.git_folder)
        if self.was_killed:
            return locks.cleared(self.repo, folder, self.begun.branch, self.begun.at)
        return locks.awaited(self.repo, folder)

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self.repo)

    @cached_property
    def _before(self) -> dict[str, person_index.Entry]:
        """The person's index as the landing found it."""
        return person_index.entries(self.repo, self.index) if self.index.exists() else {}

    @cached_property
    def _changes(self) -> dict[str, git.Change]:
        """
        What the landing was to change, and could: git does not touch what is staged otherwise.

        Without what the person has committed since, which is not for peal to take back.
        """
        found = git.changes(self.repo, self.begun.head, self.begun.commit)
        moved = git.changes(self.repo, self.begun.head, "HEAD")
        return {
            path: change
            for path, change in found.items()
            if path not in moved and _version(self._before.get(path)) == change.before
        }

    @cached_property
    def _has_modes(self) -> bool:
        asked = git.run(self.repo, "config", "--type=bool", "core.fileMode")
        return asked.stdout.strip() != b"false"

    def _steps(self) -> dict[str, Step]:
        """What to do with each path that was touched."""
        touched = {
            path: change
            for path, change in self._changes.items()
            if self._tree.mark(path) != self.begun.marks.get(path)
        }
        return {
            path: step(change, self._found(path, change, now), self._has_modes)
            for (path, change), now in zip(touched.items(), self._versions(touched), strict=True)
        }

    def _versions(self, touched: Mapping[str, git.Change]) -> Iterator[git.Version | None]:
        """What lies at each of these paths now."""
        seen = {path: self._tree.version(path, _any(change)) for path, change in touched.items()}
        files = [path for path, now in seen.items() if now and now.kind == FILE]
        blobs = dict(zip(files, self._blobs(files), strict=True))
        return (evolve(now, blob=blobs[path]) if now and path in blobs else now for path, now in seen.items())

    def _found(self, path: str, change: git.Change, now: git.Version | None) -> Found:
        return Found(now, self._is_torn(path, change, now), self._tree.is_blocked(path))

    def _blobs(self, paths: Sequence[str]) -> list[str]:
        """What git would name the content of these files, as its filters clean it."""
        if not paths:
            return []
        listed = os.fsencode("".join(f"{_in_quotes(path)}\n" for path in paths))
        return git.output(self.repo, "hash-object", "--stdin-paths", stdin=listed).split("\n")

    def _is_torn(self, path: str, change: git.Change, now: git.Version | None) -> bool:
        """Whether a file holds the beginning of what the landing brings there, for its writing was cut off."""
        after = change.after
        if not now or not after or now.kind != FILE or after.kind != FILE or now.blob in _blobs_of(change):
            return False
        content = (self.repo / path).read_bytes()
        if not content:
            return True
        whole = git.run(self.repo, "cat-file", "--filters", f"--path={path}", after.blob)
        return whole.returncode == 0 and whole.stdout.startswith(content)

    def _remove(self, paths: Iterable[str]) -> None:
        """Take away what the landing has put there, and the folders that it has made and nobody else uses."""
        for path in paths:
            with suppress(OSError):
                (self.repo / path).rmdir() if self._tree.is_folder(path) else (self.repo / path).unlink()
        for folder in sorted(self.begun.new_folders, key=len, reverse=True):
            if self._tree.is_folder(folder):
                with suppress(OSError):
                    (self.repo / folder).rmdir()

    def _restore(self, paths: Sequence[str]) -> None:
        """Let git write these files again; what it cannot write shows in the next look."""
        if not paths:
            return
        skipped = (
            ["--ignore-skip-worktree-bits"] if any(self._before[path].is_skipped for path in paths) else []
        )
        listed = os.fsencode("".join(f"{path}\0" for path in paths))
        kept = {"GIT_INDEX_FILE": str(self.index)}
        self._said = git.run(
            self.repo, "checkout-index", "--force", *skipped, "-z", "--stdin", stdin=listed, env=kept
        )

    def _put_index_back(self) -> set[str]:
        """Entries that the landing has brought go out of the index again; their paths."""
        now = person_index.entries(self.repo)
        wanted = {
            path: self._before.get(path)
            for path, change in self._changes.items()
            if now.get(path) != self._before.get(path) and _version(now.get(path)) == change.after
        }
        if wanted:
            person_index.put(self.repo, wanted)
        git.run(self.repo, "update-index", "-q", "--refresh")
        return set(wanted)

    def _stuck(self, paths: Sequence[str]) -> str:
        """Why these could not be put back."""
        changes = {path: self._changes[path] for path in paths}
        said = git.said(self._said) if self._said and self._said.returncode else ""
        because = obstacles.found(self.repo, changes) or (f"git says {said}; put that right" if said else "")
        return f"{some(paths, _SHOWN)} could not be put back as before: {because or 'make way there'}"


def _version(entry: person_index.Entry | None) -> git.Version | None:
    return entry.version if entry else None


def _any(change: git.Change) -> git.Version:
    found = change.before or change.after
    assert found is not None, "a change has one side at least"
    return found


def _blobs_of(change: git.Change) -> set[str]:
    return {version.blob for version in (change.before, change.after) if version}


def _in_quotes(path: str) -> str:
    """A path as git reads it in a list of lines; see git-config(1), `core.quotePath`."""
    if "\n" not in path and not path.startswith('"'):
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
