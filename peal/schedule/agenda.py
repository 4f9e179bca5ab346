"""Which tasks of a plan may be worked on now: kept up to date as they change, so that a decision costs what is in motion."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from enum import Enum
from functools import cached_property

from attrs import define, field, frozen

from peal.model.pipeline import Kind
from peal.model.plan import Ordered, Segment, TaskId, segments_of
from peal.record.history import History
from peal.record.task_state import TaskState


class Stage(Enum):
    """What a task waits for that has something left to do and does not run."""

    FRESH = "to be begun"
    BEGUN = "the next attempt or phase before its review"
    REVIEW = "its review"
    LAND = "to land"
    AGAIN = "to be made anew after a conflict, when all others have landed"


def stage_of(state: TaskState, history: History) -> Stage | None:
    """What a task waits for; None while it runs or has nothing left to do in this run."""
    if state.running or state.is_settled:
        return None
    match history.next_phase(state).kind:
        case Kind.LAND:
            return Stage.LAND
        case Kind.REVIEW:
            return Stage.REVIEW
    if state.clashed:
        return Stage.AGAIN
    return Stage.BEGUN if state.has_begun else Stage.FRESH


@frozen(slots=False)
class Work:
    """What was asked for of a plan, and what has to be over before what."""

    segments: tuple[Segment, ...]
    after: Mapping[TaskId, tuple[TaskId, ...]] = field(factory=dict)
    """Tasks that wait for exactly these to be complete, instead of for the segments before them."""

    @classmethod
    def of(cls, tasks: Iterable[Ordered], selected: Container[TaskId] | None = None) -> "Work":
        """Of tasks in their order, cut down to the selected ones where there is a selection; what is not asked for is not waited for."""
        listed = tuple(tasks)
        asked = frozenset(task.id for task in listed if selected is None or task.id in selected)
        segments = segments_of(listed)
        cut = (tuple(task for task in segment.tasks if task in asked) for segment in segments)
        return cls(
            tuple(Segment(kept) for kept in cut if kept),
            {
                task.id: tuple(one for one in task.after if one in asked)
                for task in listed
                if task.after and task.id in asked
            },
        )

    @cached_property
    def tasks(self) -> tuple[TaskId, ...]:
        """Every task asked for, in order."""
        return tuple(task for segment in self.segments for task in segment.tasks)

    @cached_property
    def places(self) -> Mapping[TaskId, int]:
        """Where each of them stands in that order."""
        return {task: place for place, task in enumerate(self.tasks)}

    def in_order(self, tasks: Iterable[TaskId]) -> list[TaskId]:
        """These of them in that order."""
        return sorted(tasks, key=self.places.__getitem__)

    @cached_property
    def dependents(self) -> Mapping[TaskId, tuple[TaskId, ...]]:
        """Of each task that others name in their `after`, those others."""
        found: dict[TaskId, list[TaskId]] = defaultdict(list)
        for task, needed in self.after.items():
            for one in needed:
                found[one].append(task)
        return {task: tuple(others) for task, others in found.items()}

    @cached_property
    def eager(self) -> frozenset[TaskId]:
        """Tasks that are reviewed as soon as they are made: those that wait for others by name, and those that are waited for so."""
        return frozenset((*self.after, *self.dependents))

    def not_reached(self, failed: Iterable[TaskId]) -> frozenset[TaskId]:
        """The tasks that wait for one of these, or for one that does, by name."""
        found: set[TaskId] = set()
        waiting = list(failed)
        while waiting:
            new = found.symmetric_difference((*found, *self.dependents.get(waiting.pop(), ())))
            found |= new
            waiting += new
        return frozenset(found)


@define
class Agenda:
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

    def no_later(self, tasks: Iterable[TaskId], others: Iterable[TaskId]) -> list[TaskId]:
        """Those tasks that stand in no later segment than the last of the others, or wait for tasks by name."""
        places = (self._segment_of[other] for other in others if other in self._segment_of)
        last = max(places, default=-1)
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
