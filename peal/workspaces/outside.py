"""What changed in the person's own tree while an attempt worked: an agent may have found its way there."""

import os
import sys
import time
from pathlib import Path

from attrs import field

from peal.classes import define
from peal.system import git, process
from peal.system.layout import FOLDER


@define
class PersonTree:
    """The person's own tree, looked at from time to time."""

    repo: Path
    _gone: dict[str, int] = field(factory=dict)
    """When each path that is gone was first seen to be, in ns: nothing that is still there tells when it went."""

    def look(self) -> None:
        """Remember what is gone already."""
        self._differing()

    def changed_since(self, since: int) -> tuple[str, ...]:
        """
        The paths there that differ from what is committed, ignored ones left out, and changed after a moment in ns.

        What somebody still writes in is not of an attempt that is over: a log, as where this peal's own output goes.
        """
        found = tuple(path for path in self._differing() if self._changed_at(path) >= since)
        written = process.being_written() if found else set()
        return tuple(path for path in found if os.path.realpath(self.repo / path) not in written)

    def _differing(self) -> list[str]:
        words = (
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            "--ignore-submodules=all",
        )
        now = time.time_ns()
        looked = git.run(self.repo, *words)
        entries = os.fsdecode(looked.stdout).split("\0") if looked.returncode == 0 else []
        paths = [path for entry in entries if entry and (path := entry[3:]) != FOLDER]
        gone = (path for path in paths if not os.path.lexists(self.repo / path))
        self._gone = {path: self._gone.get(path, now) for path in gone}
        return paths

    def _changed_at(self, name: str) -> int:
        """In ns; of one that is gone, when something left the folder that still stands, if it was not seen gone before."""
        path = self.repo / name
        for place in (path, *path.parents):
            try:
                return min(place.lstat().st_ctime_ns, self._gone.get(name, sys.maxsize))
            except OSError:
                continue
        return 0
