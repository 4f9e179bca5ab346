"""Phases that are over without a landing of their own, seen in the history and written into their items."""

import time
from collections.abc import Iterable, Iterator

from attrs import evolve, field

from peal.backlog.agenda import ItemAgenda
from peal.backlog.endings import Endings
from peal.backlog.open_plans import OpenPlans
from peal.backlog.plan_phase import PlanPhase
from peal.backlog.standing import is_open
from peal.backlog.store import Backlog
from peal.backlog.tally import Tally
from peal.backlog.task_names import is_of_plan, phase_of
from peal.classes import define
from peal.model.plan import ItemPhase, TaskId
from peal.record.events import Event, TaskRead, TasksAdded
from peal.record.history import History


@define
class PhaseEnds:
    """Of one run."""

    endings: Endings
    plans: OpenPlans
    tally: Tally
    unwritten: dict[str, str] = field(factory=dict)
    """Items whose ends could not be written, and why: they are not begun anew in this run."""
    _marked: set[TaskId] = field(factory=set)
    """Tasks that have failed, whose items are marked so, or cannot be."""
    _over: list[TaskRead] = field(factory=list)
    """Tasks of plans that are over, which is not in the history yet."""

    def mark(self, history: History, backlog: Backlog, agenda: ItemAgenda) -> bool:
        """Write what has become of items whose tasks have failed for good, or whose plans are over; whether there were any."""
        has_marked = False
        for task in history.failed - self._marked:
            self._marked.add(task)
            phase = phase_of(task)
            if not is_of_plan(task) and is_open(backlog.by_id.get(phase.item)):
                self._note(phase, self.endings.failed(phase, history.states[task]))
                has_marked = True
        for task, plan in tuple(self.plans.over(history, agenda)):
            self._end_plan(plan, history)
            self.plans.leave(task, agenda)
            has_marked = True
        return has_marked

    def done_again(self, tasks: Iterable[TaskId]) -> None:
        """If they fail once more, their items are marked once more."""
        self._marked.difference_update(tasks)

    def put_away(self) -> Iterator[Event]:
        """What is done of a plan counts no more once its phase is over: who comes to it again carries all of it out anew."""
        if self._over:
            yield TasksAdded(time.time(), tuple(self._over))
            self._over.clear()

    def _end_plan(self, plan: PlanPhase, history: History) -> None:
        states = [history.states[one] for one in plan.tasks]
        if answer := plan.answer(history):
            self._note(plan.phase, self.endings.plan_done(plan.phase, answer, states))
            self.tally.plan_done()
            if plan.phase.item not in self.unwritten:
                self._over += (evolve(one, done=True) for one in plan.readings())
        else:
            self._note(plan.phase, self.endings.plan_failed(plan.phase, plan.failure(history), states))
            self.tally.plan_failed(plan.has_met_system_failure(history))

    def _note(self, phase: ItemPhase, why: str) -> None:
        if why:
            self.unwritten[phase.item] = why
