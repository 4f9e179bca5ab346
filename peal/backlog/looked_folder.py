"""A folder of items that is looked at again and again: a file that shows no change is what it was."""

from os import DirEntry
from pathlib import Path

from attrs import field

from peal.backlog.parsed_items import Mark, ParsedItems, settled_mark
from peal.backlog.store import Backlog, Looked, files_in, look
from peal.classes import define


@define
class LookedFolder:
    """What is remembered of it."""

    folder: Path
    parsed: ParsedItems = field(factory=ParsedItems)
    _looked: dict[str, tuple[Mark, Looked]] = field(factory=dict)
    """By their paths, the files that could not change any more without showing it."""
    _latest: tuple[list[Looked], Backlog] | None = None

    def backlog(self) -> Backlog:
        """What is in it now; the very same value as long as nothing has changed. PealError if it cannot be read."""
        found = [
            one for entry, is_archived in files_in(self.folder) if (one := self._look(entry, is_archived))
        ]
        if self._latest is None or found != self._latest[0]:
            self._latest = found, Backlog.made(self.folder, found)
        return self._latest[1]

    def _look(self, entry: "DirEntry[str]", is_archived: bool) -> Looked | None:
        try:
            mark = settled_mark(entry.stat(follow_symlinks=False))
        except OSError:  # gone, or told by whoever reads it
            mark = None
        known = self._looked.get(entry.path)
        if mark and known and known[0] == mark:
            return known[1]
        found = look(Path(entry.path), is_archived, self.parsed.read)
        if mark and found:
            self._looked[entry.path] = mark, found
        return found
