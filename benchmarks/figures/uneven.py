"""Whether a free place is filled at once: tasks of uneven length against a pool that never lets one idle."""

import json
from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import PYTHON, Ground, alternate, run
from benchmarks.peers import pool
from benchmarks.plans import SHARED, one_liners
from benchmarks.rows import Bound, Row

_PLACES = 4


@frozen
class Uneven:
    """One parallel segment in which the first of every four tasks takes long in both phases."""

    tasks: int = 16
    long: float = 1.0
    short: float = 0.1
    """Seconds for each phase."""
    name: str = "uneven"

    @property
    def _command(self) -> list[str]:
        script = f"[ $((($1 - 1) % {_PLACES})) = 0 ] && exec sleep {self.long}; exec sleep {self.short}"
        return ["sh", "-c", script, "sh", "{task}"]

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        one = evolve(self, tasks=1, long=0.0, short=0.0)
        whole, start_up, theirs = alternate(
            ground.repeat, lambda: self._run(ground), lambda: one._run(ground), lambda: self._pool(ground)
        )
        ours = tuple(all_of_it - start for all_of_it, start in zip(whole, start_up, strict=True))
        what = f"{self.tasks} uneven tasks, {_PLACES} at once"
        yield Row(self.name, what, ours, "a pool of threads", theirs, "s", Bound(1.05))

    def _run(self, ground: Ground) -> float:
        settings = f"{SHARED}[agents.sleeper]\ncommand = {json.dumps(self._command)}\n"
        repository = ground.repository(one_liners(self.tasks), settings)
        return repository.peal("run", "plan.md", "--agent", "sleeper", "--max-parallel", str(_PLACES))

    def _pool(self, ground: Ground) -> float:
        argv = [PYTHON, str(pool.__file__), str(_PLACES), str(self.tasks), *self._command]
        return run(argv, ground.fresh(), ground.env)

    def small(self) -> "Uneven":
        """The same order, much shorter."""
        return evolve(self, long=0.1, short=0.01)
