"""Where an item stands towards one of its phases; pure."""

from collections.abc import Iterable, Mapping

from peal.backlog.item import FINAL, Item
from peal.backlog.pipelines import ItemStep, next_step
from peal.backlog.task_names import is_of_plan, task_of
from peal.errors import PealError
from peal.model.plan import ItemPhase, TaskId
from peal.record.events import TaskRead
from peal.record.task_state import TaskState
from peal.settings import PipelineSettings
from peal.text.display import stamp


def is_open(item: Item | None) -> bool:
    """Whether an item is there, and neither blocked nor over."""
    return item is not None and item.status not in ("blocked", *FINAL)


def steps_at(
    phases: Iterable[ItemPhase], items: Mapping[str, Item], pipelines: Mapping[str, PipelineSettings]
) -> dict[TaskId, tuple[Item, ItemStep]]:
    """Those of some phases that their items are at, by the tasks that they are."""
    found = {}
    for phase in dict.fromkeys(phases):
        item = items.get(phase.item)
        if item is None or not is_open(item):
            continue
        try:
            step = next_step(item, pipelines)
        except PealError:
            continue
        if step.phase == phase.phase:
            found[task_of(item.id, step.phase)] = item, step
    return found


def may_be_at(item: Item | None, phase: str, pipelines: Mapping[str, PipelineSettings]) -> bool:
    """Whether an item is at a phase, or may be again when a person has looked at it or at the settings."""
    if item is None or item.status in FINAL:
        return False
    try:
        return item.status == "blocked" or next_step(item, pipelines).phase == phase
    except PealError:
        return True


def told(item: Item | None) -> str:
    """How an item is that is not at the phase it was at."""
    if item is None:
        return "not in the backlog any more"
    return f"at `{item.phase}` now" if is_open(item) else f"{item.status} now"


def is_to_be_done_again(state: TaskState, now: TaskRead, item: Item) -> bool:
    """Whether what was done for a task counts no more: its item has come to it anew, or its text is another one."""
    if state.failed is not None:
        return True
    if is_of_plan(now.id):
        last = state.last()
        is_put_back = last is not None and item.updated > stamp(last.ended or 0)
        is_put_away = state.task.done and not now.done
        return state.has_begun and ((is_put_away and is_put_back) or state.task.digest != now.digest)
    return state.is_complete
