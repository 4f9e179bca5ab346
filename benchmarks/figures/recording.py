"""Whether recording gets dearer with what is done already: one more completion, after many and after few."""

import gc
import time
from collections.abc import Iterator
from statistics import mean

from attrs import define, evolve, field, frozen

from benchmarks.ground import Ground, alternate
from benchmarks.plans import PHASES, one_liners, open_memory, opened, passed
from benchmarks.rows import Bound, Row
from peal import formats
from peal.model.plan import Plan
from peal.record.events import Event
from peal.record.journal import Journal
from peal.schedule.decide import decide
from peal.schedule.plan_agenda import PlanAgenda
from peal.schedule.work import Work

_PLACES = 4


@frozen
class Recording:
    """
    Two journals and two state.json on disk, and the scheduler, without any process.

    Completions are recorded in turns, one where much is done and one where little is: how long the disk takes to
    sync changes from one moment to the next. A batch is as long as what peal completes at its quickest between two
    writings of state.json, so that each batch holds its share of them.
    """

    tasks: int = 10_100
    many: int = 10_000
    few: int = 10
    batch: int = 50
    name: str = "recording"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """A row for a sequential plan and one for a single parallel segment."""
        for parallel in (False, True):
            batches = [self._batch(ground, parallel) for _ in range(ground.repeat)]
            ours, theirs = zip(*batches, strict=True)
            shape = "parallel segment" if parallel else "sequential plan"
            what = f"a completion, {self.many} done, {shape}"
            yield Row(self.name, what, ours, f"the same, {self.few} done", theirs, "ms", Bound(1.5))

    def _batch(self, ground: Ground, parallel: bool) -> tuple[float, float]:
        """Milliseconds for a completion, on the average of a batch: after many and after few."""
        plan = formats.parse(one_liners(self.tasks, parallel).encode(), "plan.md")
        books = [_Book(open_memory(ground.fresh(), plan), plan, done) for done in (self.many, self.few)]
        gc.collect()
        many, few = alternate(self.batch, *(book.complete_one for book in books))
        for book in books:
            book.memory.close()
        return mean(many) * 1000, mean(few) * 1000

    def small(self) -> "Recording":
        """A short plan."""
        return evolve(self, tasks=60, many=40, few=4, batch=5)


@define
class _Book:
    """A run in which the first `done` tasks of a plan are complete; its loop stands before the next."""

    memory: Journal
    plan: Plan
    done: int
    _work: Work = field(init=False)
    _agenda: PlanAgenda = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._work = Work.of(self.plan.tasks)
        began = time.time()
        self.memory.append(opened("repository", _PLACES), *self._past())
        self._agenda = PlanAgenda(self._work, self.memory.history)
        decide(self._agenda, began)

    @property
    def _is_parallel(self) -> bool:
        return len(self._work.segments) == 1

    def _past(self) -> Iterator[Event]:
        """In a parallel segment no task is complete before all have left `execute`."""
        ids = [task.id for task in self.plan.tasks]
        for task in ids if self._is_parallel else ids[: self.done]:
            yield from (*passed(task, "plan"), *passed(task, "execute"))
        for task in ids[: self.done]:
            yield from passed(task, "address")

    def complete_one(self) -> float:
        """Bring the next task to its end; the seconds for what the loop does when its last step has ended."""
        self.done += 1
        task = self.plan.tasks[self.done - 1].id
        phases = ("address",) if self._is_parallel else PHASES
        *before, end = (event for phase in phases for event in passed(task, phase))
        self.memory.append(*before)
        began = time.perf_counter()
        self.memory.note(end)
        self.memory.settle()
        decide(self._agenda, began)
        return time.perf_counter() - began
