"""Which tasks of a plan may be worked on now: kept up to date as they change, so that a decision costs what is in motion."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping

from attrs import field

from peal.classes import define
from peal.model.decision import Halt, Reason
from peal.model.plan import TaskId
from peal.record.history import History
from peal.record.task_state import TaskState
from peal.schedule.agenda import Stage, stage_of
from peal.schedule.halts import halt_of
from peal.schedule.work import Work


@define
class PlanAgenda:
    """
    The tasks of some work that are open: everything that has to be over before them is.

    It follows the history from the moment it is made, for as long as one run goes on.
    """

    work: Work
    history: History
    segment: int = 0
    """Segments before this one are over in this run; this one's tasks are open, unless they wait for others by name."""
    _segment_of: Mapping[TaskId, int] = field(init=False)
    _not_reached: set[TaskId] = field(factory=set)
    """What waits for a task that has failed, and is not waited for."""
    _left: list[int] = field(init=False)
    """How many tasks of each segment are not over."""
    _stage: dict[TaskId, Stage] = field(factory=dict)
    _idle: dict[Stage, list[TaskId]] = field(factory=lambda: {stage: [] for stage in Stage})
    _ahead: set[TaskId] = field(factory=set)
    """Open tasks of later segments that are not over."""

    @_segment_of.default
    def _segments_by_task(self) -> dict[TaskId, int]:
        return {task: place for place, part in enumerate(self.work.segments) for task in part.tasks}

    @_left.default
    def _left_in_each(self) -> list[int]:
        states = self.history.states
        self._not_reached |= self.work.not_reached(self.history.failed)
        return [sum(not self._is_over(states[task]) for task in part.tasks) for part in self.work.segments]

    def __attrs_post_init__(self) -> None:
        self._open_next()
        for task in self.work.after:
            self._file(self.history.states[task])
        self.history.changed = self.changed

    def changed(self, before: TaskState | None, now: TaskState) -> None:
        """A task was this and is that."""
        task = now.task.id
        if task not in self._segment_of:
            return
        if before is not None and before.failed is None and now.failed is not None:
            self._give_up_on(task)
        was_over = before is not None and self._is_over(before)
        self._left[self._segment_of[task]] += was_over - self._is_over(now)
        self._file(now)
        self._open_next(already=self.segment)
        if now.is_complete:
            for waiting in self.work.dependents.get(task, ()):
                self._file(self.history.states[waiting])

    def idle(self, stage: Stage) -> list[TaskId]:
        """The open tasks at this stage, in order."""
        return self._idle[stage]

    def startable(self, stage: Stage) -> list[TaskId]:
        """After a failure that ends the run only what has begun no later than where that happened goes on."""
        tasks, rules = self._idle[stage], self.history.rules
        if rules.continue_with_remaining_tasks and not self.history.cap_reached:
            return tasks
        failed = [task for task in self.history.failed if task in self._segment_of]
        if not (failed or self.history.cap_reached):
            return tasks
        return [] if stage is Stage.FRESH else self._no_later(tasks, failed)

    @property
    def front(self) -> tuple[TaskId, ...]:
        """The tasks that are open, or have been open last, in order."""
        at = min(self.segment, len(self.work.segments) - 1)
        here = self.work.segments[at].tasks if self.work.segments else ()
        return tuple(self.work.in_order({*here, *self._ahead})) if self._ahead else here

    def is_open(self, task: TaskId) -> bool:
        """Whether everything that has to be over before a task is."""
        if (needed := self.work.after.get(task)) is not None:
            return all(self.history.states[one].is_complete for one in needed)
        return self._segment_of.get(task, len(self._left)) <= self.segment

    def in_order(self, tasks: Iterable[TaskId]) -> list[TaskId]:
        """These tasks in the order of the plan."""
        return self.work.in_order(tasks)

    def is_eager(self, task: TaskId) -> bool:
        """Tasks that wait for others by name, and those that are waited for so."""
        return task in self.work.eager

    @property
    def waits(self) -> tuple[Reason, ...]:
        """The order of the tasks says it all."""
        return ()

    def end(self, now: float) -> Halt:
        """From what became of the tasks that were asked for."""
        return halt_of(self.work, self.history, now)

    def _no_later(self, tasks: Iterable[TaskId], others: Iterable[TaskId]) -> list[TaskId]:
        """Those tasks that stand in no later segment than the last of the others, or wait for tasks by name."""
        last = max((self._segment_of[other] for other in others), default=-1)
        return [task for task in tasks if self._segment_of[task] <= last or task in self.work.after]

    def _is_over(self, state: TaskState) -> bool:
        """Whether nobody has to wait for the task any more."""
        if state.is_complete:
            return True
        is_lost = state.failed is not None or state.task.id in self._not_reached
        return is_lost and self.history.rules.continue_with_remaining_tasks

    def _give_up_on(self, failed: TaskId) -> None:
        """What waits for it by name is not reached in this run."""
        for task in self.work.not_reached([failed]) - self._not_reached:
            state = self.history.states[task]
            was_over = self._is_over(state)
            self._not_reached.add(task)
            self._left[self._segment_of[task]] += was_over - self._is_over(state)

    def _open_next(self, already: int = -1) -> None:
        """Go on to the first segment that is not over; its tasks are open then."""
        while self.segment < len(self._left) and not self._left[self.segment]:
            self.segment += 1
        for part in self.work.segments[already + 1 : self.segment + 1]:
            for task in part.tasks:
                self._file(self.history.states[task])

    def _file(self, state: TaskState) -> None:
        """Put a task where it belongs."""
        task = state.task.id
        stage = stage_of(state, self.history) if self.is_open(task) else None
        is_ahead = task in self.work.after and self._segment_of[task] > self.segment
        has_more = is_ahead and self.is_open(task) and not self._is_over(state)
        (self._ahead.add if has_more else self._ahead.discard)(task)
        before, place = self._stage.get(task), self.work.places.__getitem__
        if stage is before:
            return
        if before is not None:
            waiting = self._idle[before]
            del waiting[bisect_left(waiting, place(task), key=place)]
            del self._stage[task]
        if stage is not None:
            insort(self._idle[stage], task, key=place)
            self._stage[task] = stage
