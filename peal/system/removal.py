"""Files and folders taken away whatever state they are in, with word of what could not be."""

import errno
import os
import re
import shlex
import stat
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

from attrs import field

from peal.classes import define, frozen
from peal.text.display import harmless

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(rb"\\([0-7]{3})")
_KEPT = 3
"""Obstacles that are remembered; all are counted."""
_LONGEST = 80


@frozen
class Obstacle:
    """Something that could not be removed."""

    path: str
    """Below what was to be removed; empty for that itself."""
    error: int
    """As in `errno`; EBUSY where another file system is mounted."""


@frozen
class Left:
    """What still stands after a removal."""

    path: Path
    """What was to be removed."""
    count: int
    first: tuple[Obstacle, ...]

    @property
    def why(self) -> str:
        """The first few obstacles in words."""
        shown = [f"`{short(one.path or str(self.path))}`: {os.strerror(one.error)}" for one in self.first]
        more = [f"{self.count - len(shown)} more"] if self.count > len(shown) else []
        return ", ".join([*shown, *more])

    def command(self, at: Path | None = None) -> str:
        """What a person types to remove it, from the place where it is now."""
        where, errors = at or self.path, {one.error for one in self.first}
        sudo = "" if os.geteuid() == 0 else "sudo "
        busy = [one.path for one in self.first if one.error == errno.EBUSY and one.path]
        freed = [f"{sudo}umount {shlex.quote(str(where / path))}" for path in busy]
        if errno.EPERM in errors:  # files that are marked as not to be changed
            mark = "chflags -R nouchg,noschg" if sys.platform == "darwin" else "chattr -R -i"
            freed.append(f"{sudo}{mark} {shlex.quote(str(where))}")
        return "; ".join([*freed, f"{sudo}{by_hand(where)}"])


def by_hand(path: Path) -> str:
    """What a person types to remove something of their own."""
    return f"rm -rf {shlex.quote(str(path))}"


def short(path: str) -> str:
    """The beginning of a path, for people."""
    return harmless(path if len(path) <= _LONGEST else f"{path[: _LONGEST - 1]}…")


def remove(path: Path) -> Left | None:
    """
    Take away what is at `path`, never what a link leads to; None if it is gone, else what stands in the way.

    Folders that nobody may write in are made writable where they are ours, and may be nested however deep. What
    is mounted inside is left alone.
    """
    return _carried_out(_Removal(path, _mounted_below(path)))


def empty(path: Path, but_for: frozenset[str]) -> Left | None:
    """
    The same, but for folders that stay, and are empty afterwards: the one at `path` itself, and those below it that are named.

    A file system takes longer to remove a folder and make it anew than to look into it.
    """
    return _carried_out(_Removal(path, _mounted_below(path), but_for | {""}))


def _carried_out(removal: "_Removal") -> Left | None:
    try:
        removal.carry_out()
    finally:
        removal.close()
    return Left(removal.top, removal.count, tuple(removal.first)) if removal.count else None


def free_name(path: Path, kind: str) -> Path:
    """A name beside `path` for what was there: `1.kept-…` if it holds work, `1.left-…` if it does not."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (path.with_name(f"{path.name}.{kind}-{stamp}{f'-{number}' * bool(number)}") for number in count())
    return next(name for name in names if not os.path.lexists(name))


def holds_mounts(folder: Path, names: Iterable[str]) -> bool:
    """Whether anything is mounted in one of these parts of a folder."""
    mounted = _mounted_below(folder)
    return any(f"{point}/".startswith(f"{name.rstrip('/')}/") for name in names for point in mounted)


@define
class _Level:
    """A folder on the way down."""

    name: str
    identity: tuple[int, int]
    folders: list[str] = field(factory=list)
    """The folders in it that are still to be removed."""
    is_blocked: bool = False
    """Something in it could not be removed."""


@define
class _Removal:
    """
    A removal on its way.

    Every step is made from inside the deepest folder, and only that one is open: so there are no long paths, and no
    more open files than one however deep it goes.
    """

    top: Path
    mounted: frozenset[str]
    stays: frozenset[str] = frozenset()
    """Folders that are only emptied; the top is ``."""
    first: list[Obstacle] = field(factory=list)
    count: int = 0
    _levels: list[_Level] = field(factory=list)
    _at: int | None = None

    def carry_out(self) -> None:
        """Remove all that can be removed."""
        try:
            is_folder = stat.S_ISDIR(self.top.lstat().st_mode)
        except FileNotFoundError:
            return
        except OSError as error:
            self._note("", error)
            return
        if not is_folder:
            self._unlink(str(self.top))
            return
        self._enter(str(self.top))
        while self._levels:
            level = self._levels[-1]
            if level.folders:
                self._enter(level.folders.pop())
            else:
                self._leave()

    def close(self) -> None:
        """Let go of the open folder."""
        if self._at is not None:
            os.close(self._at)
            self._at = None

    def _enter(self, name: str) -> None:
        """Go into a folder and remove the files there."""
        if self.mounted and self._path_of(name) in self.mounted:
            self._note(name, OSError(errno.EBUSY, ""))
            return
        try:
            folder = _opened(name, self._at)
        except OSError as error:
            self._rmdir(name, error)
            return
        found = os.fstat(folder)
        if self._levels and found.st_dev != self._levels[-1].identity[0]:
            os.close(folder)
            self._note(name, OSError(errno.EBUSY, ""))
            return
        self.close()
        self._at = folder
        self._levels.append(_Level(name, (found.st_dev, found.st_ino)))
        try:
            self._levels[-1].folders = self._without_files(folder)
        except OSError as error:
            self._note("", error)

    def _without_files(self, folder: int) -> list[str]:
        """Remove what is no folder from the one that was entered; its folders."""
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_folder in found:
            if not is_folder:
                self._unlink(name)
        return [name for name, is_folder in found if is_folder]

    def _leave(self) -> None:
        """Go back to the folder above, and remove the one that was left."""
        level = self._levels.pop()
        if not self._levels:
            self.close()
            if not level.is_blocked:
                self._finish(level)
            return
        assert self._at is not None, "somewhere inside"
        above = os.open("..", _FOLDER, dir_fd=self._at)
        self.close()
        self._at = above
        found = os.fstat(above)
        if (found.st_dev, found.st_ino) != self._levels[-1].identity:  # somebody is moving things about
            self._note(level.name, OSError(errno.ESTALE, ""))
            self._levels.clear()
        elif level.is_blocked:
            self._levels[-1].is_blocked = True
        else:
            self._finish(level)

    def _finish(self, level: _Level) -> None:
        """A folder is empty."""
        if not self.stays or self._path_of(level.name) not in self.stays:
            self._rmdir(level.name, None)

    def _unlink(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._at)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._note(name, error)

    def _rmdir(self, name: str, hindered: OSError | None) -> None:
        """Remove a folder that is empty; one that could not be entered may be."""
        try:
            os.rmdir(name, dir_fd=self._at)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._note(name, hindered or error)

    def _note(self, name: str, error: OSError) -> None:
        if self._levels:
            self._levels[-1].is_blocked = True
        self.count += 1
        if len(self.first) < _KEPT:
            self.first.append(Obstacle(self._path_of(name), error.errno or errno.EIO))

    def _path_of(self, name: str) -> str:
        """Below the top; empty for the top itself."""
        parts = [*(level.name for level in self._levels[1:]), name] if self._levels else []
        return "/".join(filter(None, parts))


def _opened(name: str, above: int | None) -> int:
    """A folder to work in, made ours to write in if that can be."""
    try:
        folder = os.open(name, _FOLDER, dir_fd=above)
    except PermissionError:
        _make_readable(name, above)
        folder = os.open(name, _FOLDER, dir_fd=above)
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    if mode & 0o700 != 0o700:
        with suppress(OSError):  # somebody else's: what cannot be removed there is told
            os.fchmod(folder, mode | 0o700)
    return folder


def _make_readable(name: str, above: int | None) -> None:
    """Let us into a folder of ours; never by a link, should one take its place meanwhile."""
    if sys.platform == "linux":
        folder = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
        try:
            mode = stat.S_IMODE(os.fstat(folder).st_mode)
            Path(f"/proc/self/fd/{folder}").chmod(mode | 0o700)
        finally:
            os.close(folder)
    else:
        os.chmod(name, 0o700, dir_fd=above, follow_symlinks=False)


def _mounted_below(top: Path) -> frozenset[str]:
    """The places below a folder where something is mounted, also of the same file system; see proc(5)."""
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:
        return frozenset()
    inside = os.fsencode(os.path.realpath(top.parent)) + b"/" + os.fsencode(top.name) + b"/"
    points = (_OCTAL.sub(lambda code: bytes([int(code[1], 8)]), line.split(b" ")[4]) for line in lines)
    return frozenset(os.fsdecode(point.removeprefix(inside)) for point in points if point.startswith(inside))
