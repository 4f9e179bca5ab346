"""What a program in a sandbox has made in a place from which code is run later, outside of any: it is moved out of the way."""

import os
import shlex
import shutil
import stat
import threading
from collections.abc import Iterable
from pathlib import Path

from attrs import field

from peal.classes import define, frozen
from peal.system.files import content
from peal.text.display import harmless

_LONGEST = 100
"""Bytes of a file that is looked into."""


@frozen
class Place:
    """A path that may not be there, or may be a link: nothing can be mounted over either."""

    path: str
    meaning: str
    """What is done with what lies there."""
    is_way: bool = False
    """It is a folder above another place; a new one is nothing bad, a link that leads elsewhere is."""


@define
class Appeared:
    """The places that programs could have made something in while they were at work, all those of a run together."""

    _at_work: dict[str, int] = field(factory=dict)
    _before: dict[str, str | None] = field(factory=dict)
    """What was there when the first of those at work began: where a link led, None for nothing. All else is protected."""
    _one_at_a_time: threading.Lock = field(factory=threading.Lock)

    def begin(self, places: Iterable[Place]) -> None:
        """A program is about to be started that could do so."""
        with self._one_at_a_time:
            for one in places:
                if not self._at_work.get(one.path):
                    self._before.pop(one.path, None)
                    if os.path.islink(one.path) or not os.path.lexists(one.path):
                        self._before[one.path] = _led_to(one.path)
                self._at_work[one.path] = self._at_work.get(one.path, 0) + 1

    def end(self, places: Iterable[Place], folder: Path) -> tuple[str, ...]:
        """It is over: move what has appeared into its attempt's folder; what is to be told."""
        told = []
        with self._one_at_a_time:
            for one in sorted(places, key=lambda place: len(place.path)):  # a link above others first
                self._at_work[one.path] -= 1
                if one.path in self._before and (said := _put_right(one, self._before[one.path], folder)):
                    told.append(said)
        return tuple(told)


def _led_to(path: str) -> str | None:
    """Where a link leads; None if there is none."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def _put_right(place: Place, before: str | None, folder: Path) -> str:
    """Have there what was there; what is told of what was not."""
    if _is_as_it_was(place, before):
        return ""
    moved, why = _moved(place.path, folder)
    if before is not None and not os.path.lexists(place.path):
        os.symlink(before, place.path)
    return _told(place, before, moved, why)


def _is_as_it_was(place: Place, before: str | None) -> bool:
    if before is not None:
        return _led_to(place.path) == before
    if place.is_way:
        return not os.path.islink(place.path)
    try:
        return not os.path.lexists(place.path) or _holds_nothing(place.path)
    except (OSError, RecursionError):
        return False


def _moved(path: str, folder: Path) -> tuple[str, str]:
    """Where it is now, and why it could not be moved."""
    target = _free(folder / f"appeared-{os.path.basename(path)}")
    try:
        os.rename(path, target)
    except FileNotFoundError:
        return "", ""  # another attempt that has ended was first
    except OSError:
        try:
            shutil.move(path, target)
        except (OSError, shutil.Error) as error:
            return "", str(error)
    return target, ""


def _free(path: Path) -> str:
    """A name that nothing has."""
    number, found = 2, str(path)
    while os.path.lexists(found):
        number, found = number + 1, f"{path}-{number}"
    return found


def _told(place: Place, before: str | None, moved: str, why: str) -> str:
    shown = harmless(place.path)
    what = f"`{shown}`, {place.meaning},"
    if why:
        return f"{what} appeared while a program was at work in the sandbox, and cannot be moved away ({harmless(why)}): look at it, and remove it"
    if before is not None:
        kept = f"; what stood there is in `{harmless(moved)}`" if moved else ""
        return f"{what} is a link to `{harmless(before)}` that was replaced while a program was at work in the sandbox; it is there again{kept}"
    back = shlex.join(["mv", moved, place.path])
    return (
        f"{what} appeared while a program was at work in the sandbox, so it was taken away: `{harmless(back)}` puts it there if you want it"
        if moved
        else ""
    )


def _holds_nothing(path: str) -> bool:
    """Whether it is empty, also as JSON: programs make such files of their own accord when they are started for the first time."""
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode):
        return all(_holds_nothing(entry.path) for entry in os.scandir(path))
    text = content(path, _LONGEST) if stat.S_ISREG(mode) else None
    return text is not None and text.translate(None, b" \t\r\n") in (b"", b"{}", b"[]")
