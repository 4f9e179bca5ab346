"""The plans that phases of items are, for as long as they are carried out in a run."""

from collections.abc import Iterator

from attrs import field

from peal.backlog.agenda import ItemAgenda
from peal.backlog.briefs import Briefs
from peal.backlog.item import Item
from peal.backlog.landing import ItemLandings
from peal.backlog.plan_phase import NoPlan, PlanPhase, PlanReader
from peal.backlog.task_names import pipeline_name_of, task_of
from peal.classes import define
from peal.model.plan import ItemPhase, Task, TaskId
from peal.record.events import TaskRead
from peal.record.history import History
from peal.settings import ItemPhaseSettings
from peal.text.display import harmless


@define
class OpenPlans:
    """Each by the task that its phase would be if it were one."""

    reader: PlanReader
    briefs: Briefs
    landings: ItemLandings
    _plans: dict[TaskId, PlanPhase] = field(factory=dict)
    _followed: dict[TaskId, None] = field(factory=dict)
    """Those whose tasks are on the agenda."""

    def __contains__(self, task: TaskId) -> bool:
        return task in self._plans

    @property
    def followed(self) -> tuple[TaskId, ...]:
        """Those whose tasks are on the agenda."""
        return tuple(self._followed)

    def read(self, item: Item, phase: ItemPhaseSettings) -> str:
        """Read the plan of an item's phase; what is to be told of it. PealError if it cannot be carried out."""
        name = pipeline_name_of(item, phase.name, self.landings.pipelines)
        about, folder = self.briefs.about(item, phase.name), self.briefs.folder(item)
        it, pattern = ItemPhase(item.id, phase.name), phase.plan or ""
        told = ""
        try:
            found = self.reader.read(it, folder, pattern, name, about)
        except NoPlan:
            if not self.briefs.items.is_rehearsed(item):
                raise
            found, told = (
                self.reader.unwritten(it, folder, pattern, name),
                "is not written yet, so it is one task here",
            )
        self._plans[task_of(item.id, phase.name)] = found
        return f"{item.id}/{phase.name}: `{harmless(found.file.path)}` {told}" if told else ""

    def follow(self, task: TaskId, agenda: ItemAgenda, tasks: dict[TaskId, Task]) -> tuple[TaskRead, ...]:
        """Have the tasks of a plan worked on; nothing for one whose are already."""
        if task in self._followed:
            return ()
        plan = self._plans[task]
        self._followed[task] = None
        agenda.follow(task, plan.work)
        tasks.update(plan.tasks)
        self.landings.plans |= dict.fromkeys(plan.tasks, plan)
        return tuple(plan.readings())

    def over(self, history: History, agenda: ItemAgenda) -> Iterator[tuple[TaskId, PlanPhase]]:
        """Plans of which nothing is left to do in this run, and nothing waits for a person."""
        for task, plan in self._plans.items():
            is_held = any(one in history.held for one in plan.tasks)
            if agenda.is_over(task) and not is_held:
                yield task, plan

    def leave(self, task: TaskId, agenda: ItemAgenda) -> None:
        """A plan is over."""
        del self._plans[task], self._followed[task]
        agenda.leave(task)
