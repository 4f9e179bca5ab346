"""Items as they were parsed, so that a file is parsed again only when it has changed."""

import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import asdict, define, field, fields, frozen

from peal import __version__
from peal.backlog import item_file
from peal.backlog.item import Blocked, Item
from peal.model.phase_result import Description
from peal.system.files import replace

_GRAIN = 2 * 10**9
"""Nanoseconds within which a file may change twice and show the same time, on the coarsest of file systems."""
_PARTS = {"blocked": Blocked, "description": Description}
_SHAPE = [__version__, *(one.name for kind in (Item, *_PARTS.values()) for one in fields(kind))]
"""What was written by another peal, or for other fields, is not read."""


@frozen
class _Entry:
    mark: list[int]
    raw: str
    values: Mapping[str, Any]
    """What is not as usual, as JSON has it."""


@define
class ParsedItems:
    """What is known of files by their size, times and number; whatever is wrong with the file it is kept in is no matter."""

    _known: dict[str, _Entry] = field(factory=dict)
    _seen: dict[str, _Entry] = field(factory=dict)
    _is_news: bool = False

    @classmethod
    def of(cls, file: Path) -> "ParsedItems":
        """What an earlier command has kept; nothing if that cannot be read."""
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            kept = json.loads(file.read_bytes())
            if kept["shape"] == _SHAPE:
                return cls({path: _Entry(*entry) for path, entry in kept["items"].items()})
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
        if known and known.mark == _mark(found):
            with suppress(TypeError, KeyError, ValueError, AttributeError, item_file.NoItem):
                item, raw = _item_of(known), known.raw.encode()
                self._seen[str(path)] = known
                return item, raw
        return self._parsed(path)

    def _parsed(self, path: Path) -> tuple[Item, bytes] | None:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb", buffering=0) as opened:
            found = os.fstat(file)
            raw = opened.readall()
        if not raw:
            raise item_file.NoItem("it is empty; write an item into it, or take it away")
        if not item_file.has_front_matter(raw):
            return None
        item = item_file.read(raw)
        if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _GRAIN:
            entry = _Entry(_mark(found), raw.decode(), _values(item))
            self._seen[str(path)] = entry
            self._is_news = True
        return item, raw

    def keep(self, file: Path) -> None:
        """Write what was read since the last time for later commands, if it is news; nothing if that cannot be written."""
        if self._is_news or self._seen.keys() != self._known.keys():
            items = {path: [one.mark, one.raw, one.values] for path, one in self._seen.items()}
            with suppress(OSError, ValueError):
                replace(file, json.dumps({"shape": _SHAPE, "items": items}))
        self._known, self._seen, self._is_news = self._seen, {}, False


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a fifo",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def _mark(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _values(item: Item) -> dict[str, Any]:
    usual = asdict(Item(item.id, ""))
    return {
        name: value for name, value in asdict(item).items() if value != usual[name] and name != "text"
    } | {"id": item.id}


def _item_of(entry: _Entry) -> Item:
    values: dict[str, Any] = {
        name: tuple(value)
        if isinstance(value, list)
        else _PARTS[name](**value)
        if isinstance(value, dict)
        else value
        for name, value in entry.values.items()
    }
    return Item(**values, text=item_file.text_of(entry.raw.encode()))
