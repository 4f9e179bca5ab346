"""Which tasks of a plan may be worked on now: kept up to date as they change, so that a decision costs what is in motion."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from attrs import define, field, frozen

from peal.model.pipeline import Kind
from peal.model.plan import Segment
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


@frozen
class Work:
    """The part of a plan that was asked for."""

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, segments: Sequence[Segment], selected: frozenset[int] | None = None) -> "Work":
        """The plan's segments, cut down to the selected tasks where there is a selection."""
        if selected is None:
            return cls(tuple(segments))
        cut = (tuple(task for task in segment.tasks if task in selected) for segment in segments)
        return cls(tuple(Segment(tasks) for tasks in cut if tasks))

    @property
    def tasks(self) -> tuple[int, ...]:
        """Every task asked for, in order."""
        return tuple(task for segment in self.segments for task in segment.tasks)


@define
class Agenda:
    """
    The tasks of some work that are open: everything that has to be over before them is.

    It follows the history from the moment it is made, for as long as one run goes on.
    """

    work: Work
    history: History
    segment: int = 0
    """Segments before this one are over in this run; this one's tasks are open."""
    _segment_of: Mapping[int, int] = field(init=False)
    _left: list[int] = field(init=False)
    """How many tasks of each segment are not over."""
    _stage: dict[int, Stage] = field(factory=dict)
    _idle: dict[Stage, list[int]] = field(factory=lambda: {stage: [] for stage in Stage})

    @_segment_of.default
    def _segments_by_task(self) -> dict[int, int]:
        return {task: place for place, part in enumerate(self.work.segments) for task in part.tasks}

    @_left.default
    def _left_in_each(self) -> list[int]:
        states = self.history.lines
        return [sum(not self._is_over(states[task]) for task in part.tasks) for part in self.work.segments]

    def __attrs_post_init__(self) -> None:
        self._open_next()
        self.history.changed = self.changed

    def changed(self, before: TaskState | None, now: TaskState) -> None:
        """A task was this and is that."""
        task = now.task.index
        place = self._segment_of.get(task)
        if place is None:
            return
        was_over = before is not None and self._is_over(before)
        self._left[place] += was_over - self._is_over(now)
        if place <= self.segment:
            self._file(task, stage_of(now, self.history))
            self._open_next(already=self.segment)

    def idle(self, stage: Stage) -> list[int]:
        """The open tasks at this stage, in order."""
        return self._idle[stage]

    @property
    def front(self) -> tuple[int, ...]:
        """The tasks that are open, or have been open last."""
        at = min(self.segment, len(self.work.segments) - 1)
        return self.work.segments[at].tasks if self.work.segments else ()

    def is_open(self, task: int) -> bool:
        """Whether everything that has to be over before a task is."""
        return self._segment_of.get(task, len(self._left)) <= self.segment

    def no_later(self, tasks: Iterable[int], others: Iterable[int]) -> list[int]:
        """Those tasks that stand in no later segment than the last of the others."""
        places = (self._segment_of[other] for other in others if other in self._segment_of)
        last = max(places, default=-1)
        return [task for task in tasks if self._segment_of[task] <= last]

    def _is_over(self, state: TaskState) -> bool:
        """Whether nobody has to wait for the task any more."""
        goes_on = self.history.rules.continue_with_remaining_tasks
        return state.is_complete or (state.failed is not None and goes_on)

    def _open_next(self, already: int = -1) -> None:
        """Go on to the first segment that is not over; its tasks are open then."""
        while self.segment < len(self._left) and not self._left[self.segment]:
            self.segment += 1
        for part in self.work.segments[already + 1 : self.segment + 1]:
            for task in part.tasks:
                self._file(task, stage_of(self.history.lines[task], self.history))

    def _file(self, task: int, stage: Stage | None) -> None:
        before = self._stage.get(task)
        if stage is before:
            return
        if before is not None:
            waiting = self._idle[before]
            del waiting[bisect_left(waiting, task)]
            del self._stage[task]
        if stage is not None:
            insort(self._idle[stage], task)
            self._stage[task] = stage
