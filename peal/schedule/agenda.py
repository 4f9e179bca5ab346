"""What a decision asks of a run's work: which tasks may be worked on now, and at which stage each is."""

from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from peal.model.decision import Halt, Reason
from peal.model.pipeline import Kind
from peal.model.plan import TaskId
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


class Agenda(Protocol):
    """Which tasks may be worked on now, in which order they are preferred, and how a run ends that comes to no more."""

    history: History

    def idle(self, stage: Stage) -> list[TaskId]:
        """The open tasks at this stage, the preferred one first."""

    def startable(self, stage: Stage) -> list[TaskId]:
        """Those of them that may start, whatever has failed."""

    @property
    def front(self) -> tuple[TaskId, ...]:
        """The tasks that are open, or have been open last."""

    def is_open(self, task: TaskId) -> bool:
        """Whether everything that has to be over before a task is."""

    def in_order(self, tasks: Iterable[TaskId]) -> list[TaskId]:
        """These tasks as one after another would take them."""

    def is_eager(self, task: TaskId) -> bool:
        """Whether a task is reviewed as soon as it is made, whatever the others do."""

    @property
    def waits(self) -> tuple[Reason, ...]:
        """Why others are not open, where the order of the tasks does not say so."""

    def end(self, now: float) -> Halt:
        """Why the run is over, in which nothing runs and nothing may start at `now`."""
