"""What an attempt has made that does not get into its commit, or is more than anybody would expect there."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from peal.system.git_objects import objects_of
from peal.text.display import count, some
from peal.worktrees.clearing import not_in
from peal.worktrees.worktree import Worktree

_AT_MOST = 5000
"""Files that are looked at: a folder of ignored things can hold a whole ecosystem."""
_CACHES = frozenset(
    {
        "__pycache__", "node_modules", "bower_components", ".venv", "venv", ".tox", ".nox", ".eggs", ".cache", ".gradle",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".next", ".nuxt", ".turbo", ".terraform", "target",
        ".git", ".DS_Store", ".coverage", "htmlcov", ".peal",
    }
)  # fmt: skip
"""What tools fill for themselves: nobody misses it in a commit."""
_CACHE_ENDS = (".pyc", ".pyo", ".o", ".class", ".swp", ".egg-info", ".tsbuildinfo")
_SHOWN = 5
_MANY_FILES = 1000
_MANY_BYTES = 20_000_000

_TICK = 20_000_000
"""Nanoseconds by which the stamps of files may lag behind the clock: kernels take theirs once per tick."""


def from_now_on() -> int:
    """The moment, in ns, after which whatever is changed from now on has its stamp."""
    return time.time_ns() - _TICK


def ignored_since(worktree: Worktree, since: int, staged: str = "") -> list[str]:
    """
    Files that git ignores and that were made or changed since a moment in ns, tools' own caches left out.

    git is asked for them where something lies there that is not in the tree that is `staged`.
    """
    if staged and not _may_be_ignored(worktree, staged):
        return []
    listed = worktree.output(
        "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"
    ).split("\0")
    own = {name.as_posix() for name in worktree.included}
    entries = [path for path in listed if path and path not in own and not _is_cache(path)]
    found = set()  # git lists a folder, and again what is in it, where that has a `.gitignore` of its own
    for number, path in enumerate(file for entry in entries for file in _files(worktree.path, entry)):
        if number == _AT_MOST:
            break
        if path not in own and _changed_at(worktree.path / path) >= since:
            found.add(path)
    return sorted(found)


def _may_be_ignored(worktree: Worktree, staged: str) -> bool:
    """Whether anything lies in the worktree that is neither staged nor a cache, as far as can be told without git."""
    others = not_in(worktree.path, objects_of(worktree.repo).folders(staged))
    return others is None or not all(_is_cache(entry.name) for entry in others)


def _files(root: Path, entry: str) -> Iterator[str]:
    """The files of one entry of the list: itself, or everything below a folder; links are not followed."""
    if not entry.endswith("/"):
        yield entry
    for folder, folders, names in os.walk(root / entry):
        folders[:] = [name for name in folders if not _is_cache(name)]
        yield from (os.path.relpath(f"{folder}/{name}", root) for name in names if not _is_cache(name))


def _is_cache(path: str) -> bool:
    names = path.rstrip("/").split("/")
    return not _CACHES.isdisjoint(names) or names[-1].endswith(_CACHE_ENDS)


def _changed_at(path: Path) -> int:
    """When a file was changed last, in ns, as nobody can set it; 0 if it is gone."""
    try:
        return path.lstat().st_ctime_ns
    except OSError:
        return 0


def large(worktree: Worktree, new: Sequence[str]) -> tuple[str, ...]:
    """A line on new files, if they are so many or so large that nobody may have meant it."""
    sizes = {path: _size(worktree.path / path) for path in new}
    size = sum(sizes.values())
    if len(sizes) < _MANY_FILES and size < _MANY_BYTES:
        return ()
    by_folder: dict[str, int] = {}
    for path, weight in sizes.items():
        first = path.partition("/")[0]
        by_folder[first] = by_folder.get(first, 0) + weight + 1
    heaviest = sorted(by_folder, key=lambda name: -by_folder[name])
    told = f"adds {count(len(sizes), 'file')}, {size / 1_000_000:.0f} MB, most of it in {some(heaviest[:_SHOWN], _SHOWN)}"
    return (f"{told}; if that is not meant, stop the run, let git ignore it and `peal redo` the task",)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
