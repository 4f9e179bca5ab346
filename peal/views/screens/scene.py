"""All that a screen is made from."""

from collections.abc import Callable

from attrs import field

from peal.classes import frozen
from peal.model.decision import Decision
from peal.model.plan import Segment, TaskId
from peal.record.history import History
from peal.record.task_state import Attempt


@frozen
class Scene:
    """All that a screen is made from."""

    history: History
    segments: tuple[Segment, ...]
    """What was asked for."""
    decision: Decision
    """The latest: it knows what is open and what waits for what."""
    last_output: Callable[[Attempt], str]
    begun: frozenset[TaskId] = frozenset()
    """What was begun since the run was opened."""
    per_hour: float | None = None
    """Tasks that are finished in an hour; None before there is one."""
    ends_at: float | None = None
    """When the run ends if the rest takes as long, in wall-clock seconds; None where nobody can tell."""
    tasks: frozenset[TaskId] = field(init=False)

    @tasks.default
    def _tasks_asked_for(self) -> frozenset[TaskId]:
        if self.is_open_ended:
            return self.begun
        return frozenset(task for segment in self.segments for task in segment.tasks)

    @property
    def is_open_ended(self) -> bool:
        """Nobody knows how much there will be to do: only what was begun can be counted."""
        return self.history.opened is not None and self.history.opened.is_open_ended

    @property
    def listed(self) -> tuple[TaskId, ...]:
        """The same in the order of the plan."""
        if self.is_open_ended:
            return tuple(self.history.in_order(self.begun))
        return tuple(task for segment in self.segments for task in segment.tasks)

    @property
    def current(self) -> tuple[TaskId, ...]:
        """The tasks of the current segment; of the last one when all are over."""
        return self.decision.front or (self.segments[0].tasks if self.segments else ())
