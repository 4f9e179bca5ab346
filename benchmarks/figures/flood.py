"""Whether output costs memory: many agents that write very much at once, and peal's own peak."""

import json
import os
import shutil
from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import Ground, Missing, alternate
from benchmarks.plans import SHARED, one_liners
from benchmarks.rows import Bound, Judged, Row
from benchmarks.watched import watch

_AT_MOST = 3
"""Repetitions: a peak hardly varies, and each writes gigabytes."""
_SPARE = 1.25


@frozen
class Flood:
    """
    One parallel segment, all tasks at once; each agent floods its stdout in `plan`.

    That is the worst place: the end of what it says there is the plan that the next prompt contains.
    """

    agents: int = 64
    megabytes: int = 50
    name: str = "flood"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        self._find_room(ground)
        ours, theirs = alternate(
            min(ground.repeat, _AT_MOST),
            lambda: self._peak(ground, self.megabytes),
            lambda: self._peak(ground, 0),
        )
        what = f"peak of peal, {self.agents} agents of {self.megabytes} MB"
        yield Row(self.name, what, ours, "agents that say nothing", theirs, "MB", Bound(100, Judged.OURS))

    def _find_room(self, ground: Ground) -> None:
        needed = self.agents * self.megabytes * 1_000_000 * _SPARE
        if shutil.disk_usage(ground.folder).free < needed:
            raise Missing(f"needs {needed / 1e9:.0f} GB of disk")

    def _peak(self, ground: Ground, megabytes: int) -> float:
        script = f"yes 'what an agent says while it works' | head -c {megabytes * 1_000_000}"
        flood = ["sh", "-c", script]
        settings = f'{SHARED}[agents.flood]\ncommand = ["true"]\nplan = {json.dumps(flood)}\n'
        repository = ground.repository(one_liners(self.agents), settings)
        words = ("run", "plan.md", "--agent", "flood", "--max-parallel", str(self.agents))
        with (repository.path.parent / "output").open("wb") as output:
            usage = watch([repository.program, *words], repository.path, repository.env, output.fileno())
        for transcript in repository.path.glob(".peal/*/attempts/*/stdout"):
            os.truncate(transcript, 0)  # gives the room back and keeps the inode
        return usage.peak

    def small(self) -> "Flood":
        """Two that say little."""
        return evolve(self, agents=2, megabytes=1)
