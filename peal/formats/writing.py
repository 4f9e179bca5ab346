"""Any plan as text in peal's own format, which is read as the same plan."""

import re
from collections.abc import Iterator, Sequence

from peal.classes import frozen
from peal.formats.document import Document
from peal.model.plan import GRAPH, Plan, Task, TaskId

_DEEPEST = 6
_LEVEL = 2
"""That of tasks' headings."""


@frozen
class Written:
    """A plan as text, and what of it could not be said there."""

    text: str
    told: tuple[str, ...] = ()


def written(plan: Plan) -> Written:
    """The plan in peal's own format, its tasks numbered in their order; a word on each thing that the format has no mark for."""
    numbers = {task.id: TaskId(str(number)) for number, task in enumerate(plan.tasks, 1)}
    after = _after(plan)
    parts = [plan.context] if plan.context else []
    for task in plan.tasks:
        parts.append(_heading(task, numbers[task.id], [numbers[one] for one in after[task.id]]))
        parts += [_demoted(task.body)] if task.body else []
    return Written("\n\n".join(parts) + "\n", tuple(_told(plan, numbers)))


def _heading(task: Task, number: TaskId, after: Sequence[TaskId]) -> str:
    marks = [
        *(["(parallel)"] if task.parallel or task.section == GRAPH else []),
        *([f"(after {', '.join(after)})"] if after else []),
        *([] if task.is_planned else ["(no plan)"]),
        *([f"(agent: {task.agent})"] if task.agent else []),
        *([f"(model: {task.model})"] if task.model else []),
    ]
    title = f": {task.title}" if task.title else ""
    done = " ✅" if task.done else ""
    return f"{'#' * _LEVEL} Task {' '.join([number, *marks])}{title}{done}"


def _after(plan: Plan) -> dict[TaskId, tuple[TaskId, ...]]:
    """What each task waits for by name: also what keeps two groups of neighbours apart that stand in different sections."""
    named = {task.id: task.after for task in plan.tasks}
    found = dict(named)
    parallel = {task.id for task in plan.tasks if task.parallel or task.section == GRAPH}
    for before, segment in zip(plan.segments, plan.segments[1:], strict=False):
        if parallel.issuperset((*before.tasks, *segment.tasks)):
            found |= {task: before.tasks for task in segment.tasks if not named[task]}
    return found


def _demoted(body: str) -> str:
    """The text with its headings deeper than that of its task."""
    document = Document.of(body.encode("utf-8", "replace"))
    highest = min((heading.level for heading in document.headings), default=_DEEPEST)
    more = max(_LEVEL + 1 - highest, 0)
    lines = list(document.lines)
    for heading in document.headings if more else ():
        hashes = re.match(r"\s*(#+)", lines[heading.line - 1])
        assert hashes, "a heading begins with its marks"
        deeper = min(more, _DEEPEST - heading.level)
        lines[heading.line - 1] = "#" * deeper + lines[heading.line - 1].lstrip()
    return "\n".join(lines) if more else body


def _told(plan: Plan, numbers: dict[TaskId, TaskId]) -> Iterator[str]:
    for task in plan.tasks:
        number = numbers[task.id]
        if task.is_optional and not task.done:
            yield f"task {number} was optional, and is a task like any other now"
        if task.by_person and not task.done:
            yield f"task {number} is for a person to do, and peal's own format has no mark for that"
        if task.checks or task.manual_checks:
            yield f"the checks of task {number} are only text now"
