"""Items as they were parsed, so that a file is parsed again only when it has changed."""

import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import asdict, field, fields

from peal import __version__
from peal.backlog import item_file
from peal.backlog.item import Blocked, Item
from peal.classes import define, frozen
from peal.model.phase_result import Description
from peal.system.files import replace

_GRAIN = 2 * 10**9
"""Nanoseconds within which a file may change twice and show the same time, on the coarsest of file systems."""
_PARTS = {"blocked": Blocked, "description": Description}
_SHAPE = [__version__, *(one.name for kind in (Item, *_PARTS.values()) for one in fields(kind))]
"""What was written by another peal, or for other fields, is not read."""


Mark = list[int]
"""The size, times and number of a file."""


@frozen
class _Entry:
    """A file as it was read."""

    mark: Mark | None
    """None for one that may change once more without showing it."""
    raw: bytes
    item: Item


@define
class ParsedItems:
    """
    What is known of files by their size, times and number, or by what they hold.

    Whatever is wrong with the file that it is kept in for later commands is no matter.
    """

    _known: dict[str, _Entry] = field(factory=dict)
    _seen: set[str] = field(factory=set)
    """The files that were read since the last time that anything was kept."""
    _kept: dict[str, Mark] = field(factory=dict)
    """What was kept then: files with their marks."""

    @classmethod
    def of(cls, file: Path) -> "ParsedItems":
        """What an earlier command has kept; nothing if that cannot be read."""
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, item_file.NoItem):
            kept = json.loads(file.read_bytes())
            if kept["shape"] == _SHAPE:
                known = {path: _entry_of(*entry) for path, entry in kept["items"].items()}
                return cls(known, kept={path: entry[0] for path, entry in kept["items"].items()})
        return cls()

    def read(self, path: Path) -> tuple[Item, bytes] | None:
        """
        The item in a file with its bytes; None if the file does not begin as items do.

        `NoItem` if it is wrong, or no regular file: links are not followed, fifos not waited for. OSError if it cannot be read.
        """
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise item_file.NoItem(f"it is {_kind(found.st_mode)}; put a file there, or take it away")
        known = self._known.get(str(path))
        if known is None or known.mark != _mark(found):
            known = _read(path, known)
            if known is None:
                return None
            self._known[str(path)] = known
        self._seen.add(str(path))
        return known.item, known.raw

    def keep(self, file: Path) -> None:
        """Write what was read since the last time for later commands, if it is news; nothing if that cannot be written."""
        self._known = {path: self._known[path] for path in self._seen}
        marks = {path: entry.mark for path, entry in self._known.items() if entry.mark}
        if marks != self._kept:
            items = {
                path: [mark, self._known[path].raw.decode(), _values(self._known[path].item)]
                for path, mark in marks.items()
            }
            with suppress(OSError, ValueError):
                replace(file, json.dumps({"shape": _SHAPE, "items": items}))
        self._kept, self._seen = marks, set()


def _read(path: Path, before: _Entry | None) -> _Entry | None:
    """A file read anew; what holds the same as before is not parsed again."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, "rb", buffering=0) as opened:
        found = os.fstat(file)
        raw = opened.readall()
    if not raw:
        raise item_file.NoItem("it is empty; write an item into it, or take it away")
    if not item_file.has_front_matter(raw):
        return None
    item = before.item if before and before.raw == raw else item_file.read(raw)
    return _Entry(settled_mark(found), raw, item)


def settled_mark(found: os.stat_result) -> Mark | None:
    """What tells a file from what it was or will be; None for one that may change once more without showing it."""
    is_settled = time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _GRAIN
    return _mark(found) if is_settled else None


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a fifo",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def _mark(found: os.stat_result) -> Mark:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _values(item: Item) -> dict[str, Any]:
    usual = asdict(Item(item.id, ""))
    return {
        name: value for name, value in asdict(item).items() if value != usual[name] and name != "text"
    } | {"id": item.id}


def _entry_of(mark: Mark, raw: str, values: Mapping[str, Any]) -> _Entry:
    """What is kept of a file; `values` is what is not as usual in its item, as JSON has it."""
    known: dict[str, Any] = {
        name: tuple(value)
        if isinstance(value, list)
        else _PARTS[name](**value)
        if isinstance(value, dict)
        else value
        for name, value in values.items()
    }
    whole = raw.encode()
    return _Entry(mark, whole, Item(**known, text=item_file.text_of(whole)))
