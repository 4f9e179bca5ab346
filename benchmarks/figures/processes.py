"""What an agent process costs: many that do nothing, against GNU parallel with its job log."""

from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import Ground, alternate, find_gnu_parallel, run
from benchmarks.plans import NOOP, one_liners
from benchmarks.rows import Bound, Row

_PHASES = 2
"""Phases that start a process: without a reviewer `address` starts none."""
_PLACES = 4


@frozen
class Processes:
    """One parallel segment of tasks, four at once."""

    tasks: int = 200
    name: str = "processes"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        find_gnu_parallel()
        self._jobs(ground, 1)  # it looks at the machine once and remembers
        count = self.tasks * _PHASES
        ours, theirs = alternate(
            ground.repeat,
            lambda: self._run(ground) * 1000 / count,
            lambda: self._jobs(ground, count) * 1000 / count,
        )
        what = f"each of {count} processes, {_PLACES} at once"
        yield Row(self.name, what, ours, "GNU `parallel --joblog`", theirs, "ms", Bound(1))

    def _run(self, ground: Ground) -> float:
        repository = ground.repository(one_liners(self.tasks), NOOP)
        return repository.peal("run", "plan.md", "--agent", "noop", "--max-parallel", str(_PLACES))

    def _jobs(self, ground: Ground, count: int) -> float:
        folder = ground.fresh()
        numbers = folder / "numbers"
        numbers.write_text("".join(f"{number}\n" for number in range(count)), encoding="ascii")
        argv = ["parallel", "--will-cite", "--joblog", str(folder / "jobs"), f"-j{_PLACES}", "true", "{}"]
        return run(argv, folder, ground.env, stdin=numbers)

    def small(self) -> "Processes":
        """A handful."""
        return evolve(self, tasks=4)
