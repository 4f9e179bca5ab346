"""How phases of items are called as tasks, and which phase a task is."""

from collections.abc import Mapping

from peal.backlog.item import Item
from peal.backlog.pipelines import usual
from peal.model.phase_result import TRIAGE
from peal.model.plan import ItemPhase, TaskId
from peal.settings import PipelineSettings


def task_of(item: str, phase: str) -> TaskId:
    """`WRK-001/build`: the task that a phase of an item is."""
    return TaskId(f"{item}/{phase}")


def task_of_plan(phase: ItemPhase, task: TaskId) -> TaskId:
    """`WRK-001/build/3`: a task of the plan that a phase is."""
    return TaskId(f"{phase.item}/{phase.phase}/{task}")


def phase_of(task: TaskId) -> ItemPhase:
    """The phase that a task is, or in whose plan it stands."""
    item, phase, *_ = task.split("/", 2)
    return ItemPhase(item, phase)


def is_of_plan(task: TaskId) -> bool:
    """Whether a task stands in the plan of a phase."""
    return task.count("/") > 1


def pipeline_name(pipeline: str, phase: str) -> str:
    """What the pipeline of such tasks is called."""
    return TRIAGE if phase == TRIAGE else f"{pipeline}/{phase}"


def pipeline_name_of(item: Item, phase: str, pipelines: Mapping[str, PipelineSettings]) -> str:
    """The same for a phase of an item, which may name no pipeline."""
    return pipeline_name(item.pipeline or usual(pipelines), phase)
