"""What a worktree, a commit and a landing cost: tasks that only write a file, against the same done by hand."""

from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import PYTHON, Ground, alternate, run
from benchmarks.peers import by_hand
from benchmarks.plans import scripts
from benchmarks.rows import Bound, Judged, Row

_PLACES = 4


@frozen
class Overhead:
    """One parallel segment, four at once; start and end of the run included."""

    tasks: int = 20
    name: str = "overhead"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        ours, theirs = alternate(
            ground.repeat,
            lambda: self._run(ground) * 1000 / self.tasks,
            lambda: self._by_hand(ground) * 1000 / self.tasks,
        )
        what = f"each of {self.tasks} tasks that write a file, in worktrees"
        peer = "a script: worktree, commit, merge"
        yield Row(self.name, what, ours, peer, theirs, "ms", Bound(80, Judged.OURS))

    def _work(self, number: int | str) -> str:
        return f"mkdir -p out; echo {number} >out/{number}"

    def _run(self, ground: Ground) -> float:
        repository = ground.project(scripts(*map(self._work, range(1, self.tasks + 1))))
        took = repository.peal("run", "plan.md", "--agent", "shell", "--max-parallel", str(_PLACES))
        repository.expect_landed(self.tasks)
        return took

    def _by_hand(self, ground: Ground) -> float:
        repository = ground.project("")
        argv = [PYTHON, str(by_hand.__file__), str(_PLACES), str(self.tasks), self._work("{task}")]
        took = run(argv, repository.path, ground.env)
        repository.expect_landed(self.tasks)
        return took

    def small(self) -> "Overhead":
        """A handful."""
        return evolve(self, tasks=3)
