"""Which phases of items may be worked on now: those that were chosen, and those that are under way."""

from collections.abc import Callable, Iterable, Mapping

from attrs import field

from peal.classes import define
from peal.model.decision import Halt, Reason
from peal.model.plan import TaskId
from peal.record.history import History
from peal.record.task_state import TaskState
from peal.schedule.agenda import Stage, stage_of
from peal.schedule.plan_agenda import PlanAgenda
from peal.schedule.work import Work

LATE = (Stage.REVIEW, Stage.LAND, Stage.AGAIN)
"""Whoever waits there has its work done, and is not chosen anew."""


@define
class ItemAgenda:
    """Follows the history from the moment it is made; what may begin is told from outside, before each decision."""

    history: History
    ended: Callable[[float], Halt]
    """Why the run is over, at a moment, when nothing runs and nothing may start."""
    watch: Callable[[TaskState | None, TaskState], None]
    """Is told what a task was and is, at every change."""
    _waits: tuple[Reason, ...] = ()
    _chosen: tuple[TaskId, ...] = ()
    _meant: Mapping[TaskId, object] = field(factory=dict)
    _under_way: dict[TaskId, None] = field(factory=dict)
    _coming: dict[TaskId, Work] = field(factory=dict)
    _plans: dict[TaskId, PlanAgenda] = field(factory=dict)
    """Those of phases that are plans."""

    def __attrs_post_init__(self) -> None:
        self.history.changed = self._changed

    def follow(self, phase: TaskId, work: Work) -> None:
        """The tasks of a plan are worked on too; the history has to know them at the next look."""
        self._coming[phase] = work

    def leave(self, phase: TaskId) -> None:
        """A plan is over."""
        self._plans.pop(phase, None)
        self._coming.pop(phase, None)

    def is_over(self, phase: TaskId) -> bool:
        """Whether nothing of a plan runs or may start, now or later in this run."""
        plan = self._opened().get(phase)
        if plan is None or any(task in plan.work.places for task in self.history.running):
            return False
        return not any(map(plan.startable, Stage))

    def _opened(self) -> dict[TaskId, PlanAgenda]:
        """An agenda for each plan, made when its tasks are known."""
        for phase, work in list(self._coming.items()):
            if all(task in self.history.states for task in work.tasks):
                self._plans[phase] = PlanAgenda(work, self.history)
                self.history.changed = self._changed
                del self._coming[phase]
        return self._plans

    def offer(
        self, chosen: Iterable[TaskId], meant: Mapping[TaskId, object], waits: tuple[Reason, ...]
    ) -> None:
        """These may begin, the best first, where there are places; `meant` are those that their items are at."""
        self._chosen, self._meant, self._waits = tuple(chosen), meant, waits

    @property
    def waits(self) -> tuple[Reason, ...]:
        """Why other items do not go on."""
        if not (clashed := self._clashed):
            return self._waits
        late = tuple(task for task in self._chosen if task not in self.under_way)
        why = f"{clashed[0]} is carried out anew first, as its change clashed"
        return (*([Reason(late, why, is_wait=True)] if late else []), *self._waits)

    @property
    def under_way(self) -> tuple[TaskId, ...]:
        """What was begun in this run and is not over, and what only waits for its review or to land."""
        late = (task for task in self._meant if self._stage(task) in LATE and task not in self._under_way)
        return (*self._under_way, *late)

    def idle(self, stage: Stage) -> list[TaskId]:
        """What is under way goes first, the tasks of plans too."""
        return self._first(stage, [task for plan in self._opened().values() for task in plan.idle(stage)])

    def startable(self, stage: Stage) -> list[TaskId]:
        """Items have nothing to do with one another; a plan ends at a failure as one does that is run by itself."""
        of_plans = [task for plan in self._opened().values() for task in plan.startable(stage)]
        return self._first(stage, of_plans)

    def _first(self, stage: Stage, of_plans: list[TaskId]) -> list[TaskId]:
        """What is at this stage: what is under way, and then what was chosen."""
        under_way = [task for task in self.under_way if self._stage(task) is stage]
        chosen = [task for task in self._chosen if self._stage(task) is stage and task not in under_way]
        return [*under_way, *of_plans, *([] if self._clashed else chosen)]

    @property
    def _clashed(self) -> list[TaskId]:
        """What is made anew when nothing else is under way: others could come for ever, so they wait."""
        return [task for task in self.under_way if self._stage(task) is Stage.AGAIN]

    @property
    def front(self) -> tuple[TaskId, ...]:
        """What is under way and what may begin."""
        of_plans = (task for plan in self._opened().values() for task in plan.front)
        chosen = (task for task in self._chosen if task in self.history.states)
        return tuple(dict.fromkeys((*self.under_way, *of_plans, *chosen)))

    def is_open(self, task: TaskId) -> bool:
        """Whether its item is at this phase, or its plan at this task."""
        return task in self._meant or any(
            plan.is_open(task) for plan in self._opened().values() if task in plan.work.places
        )

    def in_order(self, tasks: Iterable[TaskId]) -> list[TaskId]:
        """What is under way, then by what was chosen first."""
        place = {task: number for number, task in enumerate(self.front)}
        return sorted(tasks, key=place.__getitem__)

    def is_eager(self, task: TaskId) -> bool:  # noqa: ARG002
        """No item waits for another's review."""
        return True

    def end(self, now: float) -> Halt:
        """As it is told from outside."""
        return self.ended(now)

    def _stage(self, task: TaskId) -> Stage | None:
        state = self.history.states.get(task)
        return stage_of(state, self.history) if state else None

    def _changed(self, before: TaskState | None, now: TaskState) -> None:
        task = now.task.id
        for plan in self._plans.values():
            if task in plan.work.places:
                plan.changed(before, now)
                self.watch(before, now)
                return
        if now.is_settled or not now.has_begun:
            self._under_way.pop(task, None)
        elif now.running:
            self._under_way[task] = None
        self.watch(before, now)
