"""Whether what agents print on machines costs memory here: many that write very much at once, and peal's own peak."""

import os
import shutil
from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import Ground, Missing, alternate
from benchmarks.links import machines
from benchmarks.plans import scripts
from benchmarks.rows import Bound, Judged, Row
from benchmarks.watched import watch

_AT_MOST = 3
"""Repetitions: a peak hardly varies, and each writes gigabytes."""
_MACHINES, _PLACES = 3, 4
_SPARE = 2.5
"""What is printed lies there while an attempt runs, and here."""


@frozen
class FarOutput:
    """One parallel segment on three machines of this one; its attempts flood their stdout."""

    agents: int = 64
    megabytes: int = 50
    name: str = "far-output"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        needed = self.agents * self.megabytes * 1_000_000 * _SPARE
        if shutil.disk_usage(ground.folder).free < needed:
            raise Missing(f"needs {needed / 1e9:.0f} GB of disk")
        ours, theirs = alternate(
            min(ground.repeat, _AT_MOST),
            lambda: self._peak(ground, self.megabytes),
            lambda: self._peak(ground, 0),
        )
        what = f"peak of peal, {self.agents} attempts of {self.megabytes} MB on machines"
        yield Row(self.name, what, ours, "attempts that say nothing", theirs, "MB", Bound(100, Judged.OURS))

    def _peak(self, ground: Ground, megabytes: int) -> float:
        flood = f"yes 'what an agent says while it works' | head -c {megabytes * 1_000_000} || true"
        works = (f"{flood}\nmkdir -p out\necho 1 >out/{number}" for number in range(1, self.agents + 1))
        repository = ground.project(
            scripts(*(f"set +o pipefail\n{work}" for work in works)), machines(ground, _MACHINES, _PLACES)
        )
        words = ("run", "plan.md", "--agent", "shell", "--max-parallel", str(_MACHINES * _PLACES))
        with (repository.path.parent / "output").open("wb") as output:
            usage = watch([repository.program, *words], repository.path, repository.env, output.fileno())
        repository.expect_landed(self.agents)
        for transcript in repository.path.glob(".peal/*/attempts/*/stdout"):
            os.truncate(transcript, 0)  # gives the room back and keeps the inode
        return usage.peak

    def small(self) -> "FarOutput":
        """Two that say little."""
        return evolve(self, agents=2, megabytes=1)
