"""Which tasks of a plan a person means by ids and ranges of them."""

import re
from collections.abc import Sequence

from peal.errors import PealError
from peal.model.plan import Plan, TaskId, find
from peal.text.names import ranges, whole_number


def chosen(texts: tuple[str, ...], plan: Plan) -> tuple[TaskId, ...]:
    """
    The plan's tasks that `2,5-7` and the like name, in the plan's order; what is a task's id is never read as anything else.

    A range goes from one task to another in that order. One of numbers may have gaps, also at its ends. PealError if a task is
    not there, or for anything else.
    """
    there = tuple(task.id for task in plan.tasks)
    parts = [part.strip() for text in texts for part in text.split(",")]
    found = {task for part in parts for task in _named(part, there, plan)}
    return tuple(task for task in there if task in found)


def _named(part: str, there: Sequence[TaskId], plan: Plan) -> tuple[TaskId, ...]:
    if task := find(part, there):
        return (task,)
    if numbers := re.fullmatch(r"(\d+)\s*-\s*(\d+)", part, re.ASCII):
        low, high = (int(number) for number in numbers.groups())
        if high < low:
            raise PealError(f"`{part}` is no range of tasks; write the lower number first: {high}-{low}")
        found = tuple(task for task in there if low <= _number(task) <= high)
    else:
        found = _between(part, there)
    if not found:
        raise PealError(_not_found(part, there, plan))
    return found


def _number(task: TaskId) -> int:
    number = whole_number(task)
    return -1 if number is None else number


def _between(part: str, there: Sequence[TaskId]) -> tuple[TaskId, ...]:
    """The tasks from one to another, whose ids may have dashes in them; none if these are no two ids."""
    for dash in re.finditer("-", part):
        first, last = find(part[: dash.start()].strip(), there), find(part[dash.end() :].strip(), there)
        if first and last:
            low, high = there.index(first), there.index(last)
            if high < low:
                raise PealError(
                    f"`{part}` is no range of tasks: task {last} comes first; write {last}-{first}"
                )
            return tuple(there[low : high + 1])
    return ()


def named(text: str, plan: Plan) -> TaskId:
    """The plan's task that a person means; PealError if it is not there."""
    there = tuple(task.id for task in plan.tasks)
    if task := find(text.strip(), there):
        return task
    raise PealError(_not_found(text, there, plan))


def _not_found(part: str, there: Sequence[TaskId], plan: Plan) -> str:
    if not part:
        return "no task is named; write ids and ranges of them: 2,5-7"
    return f"task {part} not found in plan `{plan.path}`; it has {ranges(there)}"
