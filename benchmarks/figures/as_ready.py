"""What `address = "as-ready"` gains: short tasks that are reviewed and land while a long one still works."""

from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import Ground, alternate
from benchmarks.plans import reviewed_by, scripts
from benchmarks.rows import Bound, Row

_PLACES = 4


@frozen
class AsReady:
    """One parallel segment whose first task takes long; a reviewer takes its time with each."""

    tasks: int = 8
    long: float = 4.0
    short: float = 0.2
    review: float = 0.5
    name: str = "as-ready"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        ours, theirs = alternate(
            ground.repeat, lambda: self._run(ground, "as-ready"), lambda: self._run(ground, "after-all")
        )
        what = f"{self.tasks} tasks, the first slow, a reviewer of {self.review:g} s"
        yield Row(self.name, what, ours, '`address = "after-all"`', theirs, "s", Bound(0.75))

    def _run(self, ground: Ground, address: str) -> float:
        works = [
            f"sleep {self.short if number > 1 else self.long}; mkdir -p out; echo {number} >out/{number}"
            for number in range(1, self.tasks + 1)
        ]
        repository = ground.project(scripts(*works), reviewed_by(f"sleep {self.review}"))
        words = ("run", "plan.md", "--agent", "shell", "--address", address, "--max-parallel", str(_PLACES))
        took = repository.peal(*words)
        repository.expect_landed(self.tasks)
        return took

    def small(self) -> "AsReady":
        """Two, much shorter."""
        return evolve(self, tasks=2, long=0.1, short=0.01, review=0.01)
