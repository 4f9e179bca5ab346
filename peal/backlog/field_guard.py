"""The fields of items, kept as they are while an agent is at work in the person's own tree."""

import threading
from collections.abc import Iterable
from pathlib import Path

from attrs import evolve, field

from peal.backlog import item_file
from peal.backlog.command_writes import CommandWrites
from peal.backlog.looked_folder import LookedFolder
from peal.backlog.store import ARCHIVE, Backlog, Kept, Looked
from peal.backlog.taken_back import TakenBack, taken_back_here
from peal.classes import define
from peal.record import lock
from peal.system.files import content, replace
from peal.system.layout import RepoPaths
from peal.text.display import harmless
from peal.workspaces import Edit
from peal.workspaces.additions import put_in


@define
class FieldGuard:
    """See `Guard`. What commands and the run itself write meanwhile counts, and so does text below the fields."""

    repo_paths: RepoPaths
    looked: LookedFolder
    _before: dict[str, Kept] | None = None
    """The items as they were when the agent began, by their files' paths in the repository; None where none is at work."""
    _one_at_a_time: threading.Lock = field(factory=threading.Lock)
    """What is read while an agent is at work is judged before its work is over: afterwards all of it would count."""

    def begin(self) -> None:
        """Remember how they are."""
        with lock.landing(self.repo_paths), self._one_at_a_time:
            if self._before is None:
                self._writes.begin()
                self._before = self._named(self.looked.backlog().kept)

    def end(self, folder: Path) -> tuple[str, ...]:
        """Put them right."""
        with lock.landing(self.repo_paths), self._one_at_a_time:
            back = self._taken_back(self.looked.backlog())
            told = tuple(self._copied(one, folder) for one in back)
            put_in(self.repo_paths.repo, [one.edit for one in back])
            self._before = None
            self._writes.end()
        return told

    def note(self, edits: Iterable[Edit]) -> None:
        """What the run itself has written."""
        if self._before is not None:
            own = {self.repo_paths.repo / edit.path: edit.content for edit in edits}
            places = self.looked.folder, self.looked.folder / ARCHIVE
            self._writes.note({path: raw for path, raw in own.items() if path.parent in places})

    def backlog(self) -> Backlog:
        """The backlog as it counts now."""
        with self._one_at_a_time:
            return self._counted(self.looked.backlog())

    def _counted(self, now: Backlog) -> Backlog:
        """The same, where it is now this on disk."""
        back = self._taken_back(now)
        if not back:
            return now
        kept = self._named(now.kept)
        for edit in (one.edit for one in back):
            if edit.content is None:
                del kept[edit.path]
            else:
                path = self.repo_paths.repo / edit.path
                is_archived = path.parent != self.looked.folder
                kept[edit.path] = Kept(item_file.read(edit.content), path, edit.content, is_archived)
        made = Backlog.made(self.looked.folder, (Looked(one.path.name, one) for one in kept.values()))
        return evolve(made, unreadable=now.unreadable, unread=now.unread)

    @property
    def _writes(self) -> CommandWrites:
        return CommandWrites(self.repo_paths)

    def _named(self, kept: Iterable[Kept]) -> dict[str, Kept]:
        above = f"{self.repo_paths.repo}/"
        return {str(one.path).removeprefix(above): one for one in kept}

    def _taken_back(self, now: Backlog) -> list[TakenBack]:
        """What the agent has written that does not count; nothing where none is at work."""
        if (first := self._before) is None:
            return []
        latest = {name: one.raw for name, one in first.items()} | self._writes.read()
        before = {name: raw for name, raw in latest.items() if raw is not None}
        there = self._named(now.kept)
        found = {
            name: there[name].raw if name in there else content(self.repo_paths.repo / name)
            for name in before
        }
        ids = {one.item.id.casefold() for name, one in first.items() if name in before}
        twins = (name for name, one in there.items() if name not in before and one.item.id.casefold() in ids)
        return list(taken_back_here(before, found, twins))

    def _copied(self, one: TakenBack, folder: Path) -> str:
        """What is told of it, with the place of a copy: it may be a person's, who had not known."""
        path = self.repo_paths.repo / one.edit.path
        if (raw := content(path)) is None:
            return one.told
        copy = folder / f"taken-back-{path.name}"
        replace(copy, raw)
        return f"{one.told}; what was written is in `{harmless(str(copy.relative_to(self.repo_paths.repo)))}`"
