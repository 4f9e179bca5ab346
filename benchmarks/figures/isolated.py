"""Worktrees, a reviewer and landing under real waiting: eight tasks of a second, and one that needs them all."""

from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import Broken, Ground, Missing, alternate, find_gnu_parallel, run
from benchmarks.plans import reviewed_by, scripts
from benchmarks.rows import Bound, Row

_PLACES = 4
_FIRST = 8


@frozen
class Isolated:
    """The first eight go four at once, so the ideal is three times what one takes."""

    seconds: float = 1.0
    name: str = "isolated"

    @property
    def _work(self) -> str:
        return f"sleep {self.seconds}; mkdir -p out; echo {{}} >out/{{}}"

    @property
    def _last(self) -> str:
        return f"sleep {self.seconds}; ls out | wc -l >count; cp count out/{_FIRST + 1}"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """A row against the ideal, and one against GNU parallel where there is one."""
        what = f"{_FIRST} tasks of {self.seconds:g} s, then one more, all in worktrees"
        try:
            find_gnu_parallel()
        except Missing:
            (ours,) = alternate(ground.repeat, lambda: self._run(ground))
            theirs = None
        else:
            self._jobs(ground)  # it looks at the machine once and remembers
            ours, theirs = alternate(ground.repeat, lambda: self._run(ground), lambda: self._jobs(ground))
        ideal = self.seconds * (_FIRST / _PLACES + 1)
        yield Row(self.name, what, ours, "the ideal", (ideal,), "s", Bound(1.25))
        if theirs:
            yield Row(self.name, what, ours, "GNU `parallel`, one tree, no git", theirs, "s", Bound(1.25))

    def _run(self, ground: Ground) -> float:
        works = [self._work.replace("{}", str(number)) for number in range(1, _FIRST + 1)]
        repository = ground.project(scripts(*works, then=self._last), reviewed_by("test -d ."))
        took = repository.peal("run", "plan.md", "--agent", "shell", "--max-parallel", str(_PLACES))
        repository.expect_landed(_FIRST + 1)
        if (counted := repository.git("show", "main:count")) != str(_FIRST):
            raise Broken(f"the last task saw {counted} results of {_FIRST}")
        return took

    def _jobs(self, ground: Ground) -> float:
        folder = ground.fresh()
        numbers = folder / "numbers"
        numbers.write_text("".join(f"{number}\n" for number in range(1, _FIRST + 1)), encoding="ascii")
        argv = ["parallel", "--will-cite", "--joblog", str(folder / "jobs"), f"-j{_PLACES}", self._work]
        return run(argv, folder, ground.env, stdin=numbers) + run(
            ["sh", "-c", self._last], folder, ground.env
        )

    def small(self) -> "Isolated":
        """Hardly any waiting."""
        return evolve(self, seconds=0.05)
