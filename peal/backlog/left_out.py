"""Entries of the worklog that could not be written when their phases landed, kept until a later landing takes them along."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from attrs import asdict, frozen

from peal.backlog.worklog import Entry
from peal.system.files import replace


@frozen
class LeftOut:
    """A small file, which is gone when nothing is left out."""

    file: Path
    is_kept: bool = True
    """False where nothing is to be written."""

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

    def keep(self, entries: Iterable[Entry]) -> None:
        """These are left out from now on, and no others; OSError if that cannot be written."""
        wanted = tuple(dict.fromkeys(entries))
        if not self.is_kept or wanted == self.read():
            return
        if not wanted:
            self.file.unlink(missing_ok=True)
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        replace(self.file, json.dumps([asdict(one) for one in wanted], ensure_ascii=False, indent=1) + "\n")
