"""What a machine keeps of a repository, looked at and removed while nobody uses it."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from peal.classes import frozen
from peal.machines.trees import GIT, LOCK, Store, folder_of
from peal.system import git, removal
from peal.text.display import last_line

_REST = ".left-"
"""Between the name of a store and when it was removed, in what is left of it."""


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
    """All of them, each looked through by git; a run that begins meanwhile has them all the same."""
    return [_found(folder) for folder in _folders(home, repository)]


def _found(folder: Path) -> StoreFound:
    damage = "" if _is_in_use(folder) else _damage(folder)
    is_in_use = _is_in_use(folder)  # once more: what was half written by somebody is no damage
    return StoreFound(str(folder), _size(folder), is_in_use, "" if is_in_use else damage)


def remove(home: Path, repository: str) -> list[StoreRemoved]:
    """Those that nobody uses are gone afterwards; tells what became of each."""
    return [_removed(folder) for folder in _folders(home, repository)]


def _removed(folder: Path) -> StoreRemoved:
    size = _size(folder)
    if not (held := Store.held(folder)):
        return StoreRemoved(str(folder), size, "another peal is using it")
    try:
        left = removal.remove(_set_aside(folder))
    except OSError as error:
        return StoreRemoved(str(folder), size, error.strerror or str(error))
    finally:
        held.close()
    return StoreRemoved(str(left.path if left else folder), size, left.why if left else "")


def _set_aside(folder: Path) -> Path:
    """Out of the way of whoever opens the store now: that is another one, made anew."""
    return folder if _REST in folder.name else folder.rename(removal.free_name(folder, _REST.strip(".-")))


def _is_in_use(folder: Path) -> bool:
    """Whether a peal has the store; the lock is held for no longer than it takes to ask."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _folders(home: Path, repository: str) -> Iterator[Path]:
    """However many there are: one between them may have been removed. With what could not be removed of others."""
    names = {folder_of(home, repository, number).name for number in range(1, 100)}
    yield from sorted(path for path in home.iterdir() if path.name.partition(_REST)[0] in names)


def _damage(folder: Path) -> str:
    if not (folder / GIT).is_dir():
        return ""
    try:
        git.output(folder / GIT, "rev-list", "--objects", "--quiet", "--all")
    except git.GitError as error:
        return last_line(str(error).encode()) or "git cannot read it"
    return ""


def _size(folder: Path) -> int:
    """As far as it stays: a run may be at work there."""
    return sum(_size_of(Path(place) / name) for place, _, names in os.walk(folder) for name in names)


def _size_of(file: Path) -> int:
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return 0
