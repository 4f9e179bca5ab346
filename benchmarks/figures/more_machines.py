"""What more machines gain: the same tasks on three machines and on one, each with the same places."""

from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import Ground, alternate
from benchmarks.links import machines
from benchmarks.plans import scripts
from benchmarks.rows import Bound, Row

_PLACES = 2


@frozen
class MoreMachines:
    """One parallel segment; as many at once as there are places on three."""

    tasks: int = 24
    seconds: float = 2.0
    name: str = "more-machines"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        three, one = alternate(ground.repeat, lambda: self._run(ground, 3), lambda: self._run(ground, 1))
        what = f"{self.tasks} tasks of {self.seconds:g} s on 3 machines of {_PLACES} places"
        yield Row(self.name, what, three, "on 1 of them", one, "s", Bound(0.4))

    def _run(self, ground: Ground, count: int) -> float:
        works = (
            f"sleep {self.seconds}; mkdir -p out; echo 1 >out/{number}" for number in range(1, self.tasks + 1)
        )
        repository = ground.project(scripts(*works), machines(ground, count, _PLACES))
        took = repository.peal("run", "plan.md", "--agent", "shell", "--max-parallel", str(3 * _PLACES))
        repository.expect_landed(self.tasks)
        return took

    def small(self) -> "MoreMachines":
        """Hardly any waiting."""
        return evolve(self, tasks=3, seconds=0.05)
