"""What an attempt costs that runs on a machine: there and back, against the same attempt here."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from attrs import evolve, frozen

from benchmarks.ground import Ground, Missing, alternate
from benchmarks.journals import attempt_time
from benchmarks.links import dask, machines, ssh
from benchmarks.plans import scripts
from benchmarks.rows import Bound, Judged, Row, Unmeasured

_MACHINES, _PLACES = 3, 2


@frozen
class Machines:
    """One parallel segment, six at once on three machines; an attempt's time is what the journal says of `execute`."""

    tasks: int = 24
    seconds: float = 0.5
    name: str = "machines"

    def rows(self, ground: Ground) -> Iterator[Row | Unmeasured]:
        """A row for each link."""
        for link, opened in (
            ("local pipes", nullcontext(machines(ground, _MACHINES, _PLACES))),
            ("ssh", self._by_ssh(ground)),
            ("Dask", dask(ground, _MACHINES, _PLACES)),
        ):
            try:
                with opened as settings:
                    yield self._row(ground, link, settings)
            except Missing as missing:
                yield Unmeasured(self.name, f"skipped: {missing}")

    @contextmanager
    def _by_ssh(self, ground: Ground) -> Iterator[str]:
        with ssh(ground) as way:
            yield machines(ground, _MACHINES, _PLACES, way)

    def _row(self, ground: Ground, link: str, settings: str) -> Row:
        there, here = alternate(
            ground.repeat,
            lambda: self._attempt(ground, settings),
            lambda: self._attempt(ground, ""),
        )
        adds = tuple(one - other for one, other in zip(there, here, strict=True))
        what = f"what a machine adds to an attempt of {self.seconds:g} s, by {link}"
        return Row(self.name, what, adds, "the attempt here", here, "ms", Bound(150, Judged.OURS))

    def _attempt(self, ground: Ground, settings: str) -> float:
        """The median of all attempts at `execute`, in milliseconds."""
        works = (
            f"sleep {self.seconds}; mkdir -p out; echo 1 >out/{number}" for number in range(1, self.tasks + 1)
        )
        repository = ground.project(scripts(*works), settings)
        repository.peal("run", "plan.md", "--agent", "shell", "--max-parallel", str(_MACHINES * _PLACES))
        repository.expect_landed(self.tasks)
        return attempt_time(repository)

    def small(self) -> "Machines":
        """A handful, and hardly any waiting."""
        return evolve(self, tasks=3, seconds=0.05)
