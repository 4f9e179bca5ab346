"""What `--jobs` gains: plans whose tasks come one after another, four plans at once, against one plan at a time."""

from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import Broken, Ground, alternate
from benchmarks.rows import Bound, Row

_JOBS = 4


@frozen
class Batch:
    """Every task works in a worktree and lands in the one branch."""

    plans: int = 8
    tasks: int = 3
    seconds: float = 1.0
    name: str = "batch"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """Against what jobs allow at best, and against the same batch one plan at a time."""
        at_once, alone = alternate(
            ground.repeat, lambda: self._run(ground, _JOBS), lambda: self._run(ground, 1)
        )
        rounds = -(-self.plans // _JOBS)
        ideal = (rounds * self.tasks * self.seconds,) * ground.repeat
        what = f"{self.plans} plans of {self.tasks} tasks, {_JOBS} plans at once"
        yield Row(self.name, what, at_once, "the ideal", ideal, "s", Bound(1.25))
        yield Row(self.name, what, at_once, "one after another", alone, "s", Bound(0.35))

    def _run(self, ground: Ground, jobs: int) -> float:
        plans = {f"plans/{plan}.md": self._plan(plan) for plan in range(1, self.plans + 1)}
        repository = ground.project("", files=plans)
        took = repository.peal("run", "plans", "--agent", "shell", "--jobs", str(jobs))
        there = repository.git("ls-tree", "-r", "--name-only", "main", "out/").split("\n")
        if len(there) != self.plans * self.tasks:
            raise Broken(f"of {self.plans * self.tasks} tasks these are in the branch: {there}")
        return took

    def _plan(self, plan: int) -> str:
        return "\n".join(self._task(plan, task) for task in range(1, self.tasks + 1))

    def _task(self, plan: int, task: int) -> str:
        script = f"sleep {self.seconds}; mkdir -p out; echo {task} >out/{plan}-{task}"
        return f"## Task {task}: Some work\n\n```sh\n{script}\n```\n"

    def small(self) -> "Batch":
        """Two plans, and hardly any waiting."""
        return evolve(self, plans=2, tasks=1, seconds=0.02)
