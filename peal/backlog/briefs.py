"""What whoever works on a phase of an item is told, with the files that it is made of."""

from collections.abc import Callable, Mapping

from peal.backlog.item import Item
from peal.backlog.items_of_branch import Items
from peal.backlog.pipelines import phase_named, pipeline_of
from peal.backlog.prompts import CHANGES, body_of, folder_of, triage_body_of
from peal.backlog.store import Backlog
from peal.backlog.task_names import task_of
from peal.classes import frozen
from peal.model.phase_result import TRIAGE
from peal.model.plan import ItemPhase, Task
from peal.settings import PipelineSettings


@frozen
class Briefs:
    """Writes them."""

    items: Items
    pipelines: Mapping[str, PipelineSettings]
    workflow: Callable[[str], str]
    """The text of a workflow's file; PealError if it cannot be read."""

    def task(self, item: Item, phase: str, backlog: Backlog) -> Task:
        """The phase of an item as a task, with all that an agent has to know of it."""
        body = self._triage(item, backlog) if phase == TRIAGE else self._phase(item, phase)
        return Task(task_of(item.id, phase), item.title, body, item_phase=ItemPhase(item.id, phase))

    def _triage(self, item: Item, backlog: Backlog) -> str:
        others = (one.item for one in backlog.kept if not one.is_archived)
        return triage_body_of(item, others, self.pipelines)

    def _phase(self, item: Item, name: str) -> str:
        phase = phase_named(item, name, self.pipelines)
        workflows = [(file, self.workflow(file)) for file in phase.workflows]
        pipeline = pipeline_of(item, self.pipelines)
        return body_of(item, name, pipeline, self.folder(item), workflows, phase.instructions or "")

    def late(self, item: Item, phase: str) -> Task:
        """The same for one that only waits for its review and to land: of what it was to do nothing is read any more."""
        body = "" if phase == TRIAGE else self.about(item, phase)
        return Task(task_of(item.id, phase), item.title, body, item_phase=ItemPhase(item.id, phase))

    def about(self, item: Item, phase: str) -> str:
        """What is told beside each task of a plan that a phase is."""
        return body_of(item, phase, pipeline_of(item, self.pipelines), self.folder(item))

    def folder(self, item: Item) -> str:
        """Where the item's phases write things down for one another."""
        return folder_of(item, self.items.folders(CHANGES))
