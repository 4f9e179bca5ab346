"""Entries of the worklog that could not be written when their phases landed, kept until a later landing takes them along."""

import json
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from attrs import asdict, field

from peal.backlog.worklog import Entry
from peal.classes import frozen
from peal.system.files import replace


@frozen
class LeftOut:
    """A small file, which is gone when nothing is left out."""

    file: Path
    is_kept: bool = True
    """False where nothing is to be written."""
    _lock: Lock = field(factory=Lock, eq=False, repr=False)
    """Several may land at once, each in a thread of its own."""

    def read(self) -> tuple[Entry, ...]:
        """The entries, the oldest first; none if the file cannot be read."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            listed = json.loads(self.file.read_bytes())
            return tuple(
                Entry(
                    one["at"], one["item"], one["title"], tuple((name, text) for name, text in one["facts"])
                )
                for one in listed
            )
        return ()

    def change(self, written: Container[Entry], left_out: Iterable[Entry]) -> None:
        """Some entries are written by now, and others are left out; OSError if that cannot be noted."""
        with self._lock:
            before = self.read()
            left = (one for one in before if one not in written)
            self._keep(before, tuple(dict.fromkeys((*left, *left_out))))

    def _keep(self, before: tuple[Entry, ...], wanted: tuple[Entry, ...]) -> None:
        if not self.is_kept or wanted == before:
            return
        if not wanted:
            self.file.unlink(missing_ok=True)
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        replace(self.file, json.dumps([asdict(one) for one in wanted], ensure_ascii=False, indent=1) + "\n")
