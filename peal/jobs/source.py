"""Where the tasks of a run come from, and who says which of them is next: here those of a plan, which stand from the beginning."""

from collections.abc import Container, Iterable, Mapping
from typing import Protocol

from peal.classes import frozen
from peal.model.decision import Halt
from peal.model.plan import Plan, Task, TaskId
from peal.model.work import Order, Outcome, Result
from peal.record.events import Event
from peal.record.history import History
from peal.schedule.agenda import Agenda
from peal.schedule.halts import finished, is_complete
from peal.schedule.plan_agenda import PlanAgenda
from peal.schedule.work import Work
from peal.views.status import advice

BACKLOG = "backlog"
"""In which format runs of a backlog are remembered to be: no plan has it."""


class Source(Protocol):
    """What a run works on."""

    @property
    def is_open_ended(self) -> bool:
        """Whether tasks come while a run goes on, so that what it has left is no sign that it was cut short."""

    @property
    def tasks(self) -> Mapping[TaskId, Task]:
        """The tasks that are known by now."""

    def agenda(self, history: History) -> Agenda:
        """What decides which of them may be worked on; it follows the history from now on."""

    def news(self, history: History) -> Iterable[Event]:
        """What there is to do by now that the history does not know; looked for before each decision, in the main thread."""

    def told(self) -> Iterable[str]:
        """What a person should know of that and was not told yet."""

    def rehearsed(self, order: Order) -> Outcome:
        """How an attempt ends that is only told about: it passes."""

    def summary(self) -> Iterable[str]:
        """What the run has brought, as far as nobody else tells it."""

    def advice(self, history: History) -> tuple[str, ...]:
        """What a person may want to type next, when the run is over."""

    def over(self, history: History) -> Halt | None:
        """The end of a run that would find nothing to do; None for one that may."""


@frozen
class PlanTasks:
    """The tasks of a plan."""

    tasks: Mapping[TaskId, Task]
    work: Work
    """What was asked for of them."""
    is_open_ended = False

    @classmethod
    def of(cls, plan: Plan, selected: Container[TaskId] | None) -> "PlanTasks":
        """Those of a plan that are selected, if there is a selection."""
        return cls({task.id: task for task in plan.tasks}, Work.of(plan.tasks, selected))

    def agenda(self, history: History) -> Agenda:
        """By the plan's order."""
        return PlanAgenda(self.work, history)

    def news(self, history: History) -> Iterable[Event]:  # noqa: ARG002
        """A plan is read before its run."""
        return ()

    def rehearsed(self, order: Order) -> Outcome:  # noqa: ARG002
        """Nothing depends on how."""
        return Outcome(Result.PASSED, "rehearsed")

    def summary(self) -> Iterable[str]:
        """The report tells all of it."""
        return ()

    def told(self) -> Iterable[str]:
        """Nothing is found while it goes on."""
        return ()

    def advice(self, history: History) -> tuple[str, ...]:
        """As after any run of a plan."""
        return advice(history, is_alive=False)

    def over(self, history: History) -> Halt | None:
        """If everything asked for is done."""
        return finished(self.work, history) if is_complete(self.work, history) else None
