"""What a machine keeps of a repository, looked at and removed while nobody uses it."""

import os
from collections.abc import Iterator
from pathlib import Path

from peal.classes import frozen
from peal.machines.trees import GIT, Store, folder_of
from peal.system import git, removal
from peal.text.display import last_line


@frozen
class StoreFound:
    """One of the stores of a repository; each peal that is at work at the same time has its own."""

    path: str
    size: int
    """In bytes, trees included."""
    is_in_use: bool
    damage: str
    """What git says of it; empty if it is whole, or in use."""


@frozen
class StoreRemoved:
    """What became of a store."""

    path: str
    size: int
    """In bytes, as it was."""
    kept: str
    """Why it is still there; empty if it is gone."""


def find(home: Path, repository: str) -> list[StoreFound]:
    """All of them, each looked through by git."""
    found = []
    for folder in _folders(home, repository):
        held = Store.held(folder)
        try:
            found.append(
                StoreFound(str(folder), _size(folder), held is None, _damage(folder) if held else "")
            )
        finally:
            if held:
                held.close()
    return found


def remove(home: Path, repository: str) -> list[StoreRemoved]:
    """Those that nobody uses are gone afterwards; tells what became of each."""
    return [_removed(folder) for folder in _folders(home, repository)]


def _removed(folder: Path) -> StoreRemoved:
    size = _size(folder)
    if not (held := Store.held(folder)):
        return StoreRemoved(str(folder), size, "another peal is using it")
    try:
        left = removal.remove(folder)
    finally:
        held.close()
    return StoreRemoved(str(folder), size, left.why if left else "")


def _folders(home: Path, repository: str) -> Iterator[Path]:
    """However many there are: one between them may have been removed."""
    names = {folder_of(home, repository, number).name for number in range(1, 100)}
    yield from sorted(path for path in home.iterdir() if path.name in names)


def _damage(folder: Path) -> str:
    if not (folder / GIT).is_dir():
        return ""
    try:
        git.output(folder / GIT, "rev-list", "--objects", "--quiet", "--all")
    except git.GitError as error:
        return last_line(str(error).encode()) or "git cannot read it"
    return ""


def _size(folder: Path) -> int:
    return sum((Path(place) / name).lstat().st_size for place, _, names in os.walk(folder) for name in names)
