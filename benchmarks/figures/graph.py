"""What `(after …)` gains: tasks in diamonds and chains, against a list scheduler's reckoning and against segments."""

import heapq
from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from benchmarks.ground import Ground, alternate
from benchmarks.plans import reviewed_by
from benchmarks.rows import Bound, Row

_PLACES = 4
_NEEDS: Mapping[int, tuple[int, ...]] = {1: (), 2: (1,), 3: (1,), 4: (2, 3), 5: (4,), 6: (5,)}
"""A diamond with a chain behind it; there are as many of them as places."""
_DEPTH = {1: 0, 2: 1, 3: 1, 4: 2, 5: 3, 6: 4}
_LONG = (1, 2, 4, 5)
"""Which task of each group takes long."""


@frozen
class Graph:
    """Tasks of uneven length; each lands, with a reviewer that looks at nothing."""

    groups: int = _PLACES
    long: float = 8.0
    short: float = 2.0
    """Seconds of a task."""
    name: str = "graph"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """Against what places and order allow at best, and against the same tasks in segments."""
        graph, segments = alternate(
            ground.repeat,
            lambda: self._run(ground, self._graph()),
            lambda: self._run(ground, self._segments()),
        )
        ideal = (self.makespan(),) * ground.repeat
        what = f"{len(self.needs())} tasks in diamonds and chains, {_PLACES} at once"
        yield Row(self.name, what, graph, "a list scheduler, reckoned", ideal, "s", Bound(1.1))
        yield Row(self.name, what, graph, "the same in segments", segments, "s", Bound(0.7))

    def needs(self) -> dict[int, tuple[int, ...]]:
        """What each task waits for; tasks of the same depth stand together, as segments would have them."""
        number = {(group, one): at for at, (_, group, one) in enumerate(self._keys, 1)}
        return {
            number[group, one]: tuple(number[group, needed] for needed in _NEEDS[one])
            for _, group, one in self._keys
        }

    @property
    def _keys(self) -> list[tuple[int, int, int]]:
        """Of each task how deep it stands, in which group, and which of that group's it is; in the order of the plan."""
        return sorted((_DEPTH[one], group, one) for group in range(self.groups) for one in _NEEDS)

    def seconds(self, task: int) -> float:
        """How long a task takes: in each group one takes long, in each of them at another depth."""
        _, group, one = self._keys[task - 1]
        return self.long if one == _LONG[group] else self.short

    def makespan(self) -> float:
        """What a list scheduler needs that starts whatever is ready, in the order of the plan."""
        needs, now, done = self.needs(), 0.0, set[int]()
        waiting, running = sorted(needs), list[tuple[float, int]]()
        while waiting or running:
            ready = [task for task in waiting if done.issuperset(needs[task])]
            for task in ready[: _PLACES - len(running)]:
                waiting.remove(task)
                heapq.heappush(running, (now + self.seconds(task), task))
            now, ended = heapq.heappop(running)
            done.add(ended)
        return now

    def _graph(self) -> list[str]:
        return [
            _task(
                task, f"(after {', '.join(map(str, needed))})" if needed else "(parallel)", self.seconds(task)
            )
            for task, needed in self.needs().items()
        ]

    def _segments(self) -> list[str]:
        """Tasks of the same depth side by side; neighbouring segments need a task between them, which does next to nothing."""
        depth, plan = dict[int, int](), list[str]()
        for task, needed in self.needs().items():
            depth[task] = 1 + max((depth[one] for one in needed), default=-1)
            if depth[task] > depth.get(task - 1, 0):
                plan.append(_task(len(plan) + 1, "", 0.0))
            plan.append(_task(len(plan) + 1, "(parallel)", self.seconds(task)))
        return plan

    def _run(self, ground: Ground, plan: list[str]) -> float:
        repository = ground.project("\n".join(plan), reviewed_by("true"))
        took = repository.peal("run", "plan.md", "--agent", "shell", "--max-parallel", str(_PLACES))
        repository.expect_landed(len(plan))
        return took

    def small(self) -> "Graph":
        """One diamond, much shorter."""
        return evolve(self, groups=1, long=0.1, short=0.02)


def _task(number: int, mark: str, seconds: float) -> str:
    heading = f"## Task {number} {mark}".rstrip()
    return f"{heading}: Some work\n\n```sh\nsleep {seconds}; mkdir -p out; echo {number} >out/{number}\n```\n"
