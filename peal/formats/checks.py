"""What every plan has to keep, whatever its format."""

import re
import unicodedata
from bisect import bisect_right
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from peal.formats.blocks import Hidden
from peal.formats.document import Document
from peal.formats.protocol import quoted
from peal.model.plan import Plan, Problem, Task, TaskId, overlaps
from peal.text.display import count, harmless
from peal.text.names import whole_number

_LOOKS_LIKE_TASK = re.compile(r"\s*#{1,6}\s*task\s*(?P<number>\d{1,10})\b", re.IGNORECASE | re.ASCII)
_LOOKS_LIKE_BOX = re.compile(r" {0,3}[-*+] \[[ xX]\] ")


def no_task(plan: Plan) -> list[Problem]:
    """A plan without a task can not be run."""
    way_out = "begin each task with a heading like `## Task 1: title`, or with a checkbox like `- [ ] title` at the left margin"
    return [] if plan.tasks else [Problem(1, f"there is no task in this file; {way_out}")]


def unread(document: Document) -> list[Problem]:
    """The first line of a file in no format that a person may take for a task."""
    lines = [one.line for one in document.look_alikes] or list(document.rows_with_boxes())
    if not lines:
        return []
    shown = quoted(document.lines[lines[0] - 1].strip())
    return [
        Problem(lines[0], f"{shown} looks like a task, but is none; write each as `- [ ] title`, in no table")
    ]


def nothing_to_do(plan: Plan) -> list[Problem]:
    """A task needs a text for an agent to work on."""
    return [
        Problem(
            task.line,
            f"task `{task.id}` has neither a title nor a text; write what is to be done, or remove it",
        )
        for task in plan.tasks
        if not task.title and not task.body
    ]


def unfit_ids(plan: Plan) -> list[Problem]:
    """An id is one word, and no two are alike: they are written in lists, and files and branches are named after them."""
    found, known = [], dict[str, Task]()
    for task in plan.tasks:
        first = known.setdefault(unicodedata.normalize("NFC", task.id).casefold(), task)
        if "," in task.id or task.id.split() != [task.id] or harmless(task.id) != task.id:
            message = f"{quoted(task.id)} cannot be a task's name; write one word without commas"
            found.append(Problem(task.line, message))
        elif first is not task:
            alike = "is the name of" if first.id == task.id else f"differs only in case from `{first.id}`,"
            message = (
                f"task name `{task.id}` {alike} the task on line {first.line}; give each a name of its own, "
                "or keep one list if both are of the same work"
            )
            found.append(Problem(task.line, message))
    return found


def unknown_needs(plan: Plan) -> list[Problem]:
    """What a task waits for by name has to be another task of the plan."""
    known = {task.id for task in plan.tasks}
    return [
        Problem(task.line, f"task `{task.id}` is to come after task `{needed}`, {why}")
        for task in plan.tasks
        for needed in task.after
        if (why := _why_not(task, needed, known))
    ]


def _why_not(task: Task, needed: TaskId, known: set[TaskId]) -> str:
    if needed == task.id:
        return "which is itself; remove that name"
    return "" if needed in known else "which is not in this plan; correct it or remove it"


def circles(plan: Plan, dependency: str) -> list[Problem]:
    """No task may wait for itself by way of others, by name or because they come first in the plan."""
    if not any(task.after for task in plan.tasks):
        return []  # an order by place has none
    try:
        TopologicalSorter(_waits(plan)).prepare()
    except CycleError as error:
        tasks = {task.id: task for task in plan.tasks}
        path = [node for node in reversed(error.args[1]) if node in tasks]
        path += path[:1] if path[0] != path[-1] else []
        steps = ", ".join(f"which {_waits_how(tasks[one], other)}" for one, other in pairwise(path))
        first = tasks[path[0]]
        is_by_name = all(other in tasks[one].after for one, other in pairwise(path))
        way_out = f"take one `{dependency}` out" + ("" if is_by_name else ", or change the order")
        return [
            Problem(
                first.line,
                f"task `{first.id}` waits for itself: it {steps.removeprefix('which ')}; {way_out}",
            )
        ]
    return []


def _waits_how(task: Task, other: TaskId) -> str:
    return f"is after task `{other}`" if other in task.after else f"comes behind task `{other}`"


def _waits(plan: Plan) -> dict[TaskId | int, list[TaskId | int]]:
    """
    What each task waits for; places between segments are nodes of their own, counted from 1.

    So the graph grows with the plan, and not with its square.
    """
    after = {task.id: task.after for task in plan.tasks}
    graph: dict[TaskId | int, list[TaskId | int]] = {}
    for place, segment in enumerate(plan.segments, 1):
        graph[place + 1] = [place, *segment.tasks]
        for task in segment.tasks:
            graph[task] = [one for one in after[task] if one in after and one != task] or [place]
    return graph


def order_by_name(plan: Plan, dependency: str) -> list[Problem]:
    """A word on what `(after …)` and its like mean, for it once only had to agree with the order of the plan."""
    named = [task for task in plan.tasks if task.after]
    if not named:
        return []
    first, others = named[0], count(len(named) - 1, "other task")
    which = f"task `{first.id}`" if len(named) == 1 else f"task `{first.id}` and {others}"
    return [
        Problem(
            first.line,
            f"{which} with `{dependency}`: each starts when exactly those have landed, whatever else stands before it",
        )
    ]


def shared_files(plan: Plan) -> list[Problem]:
    """A word on tasks that may run side by side and name the same file: what they did has to be merged."""
    lines = {task.id: task.line for task in plan.tasks}
    return [
        Problem(
            lines[one.second],
            f"tasks `{one.first}` and `{one.second}` may run side by side, and both name `{harmless(one.path)}`",
        )
        for one in overlaps(plan)
    ]


def swallowed(document: Document, plan: Plan) -> list[Problem]:
    """A block or comment that goes on further than was meant must not make tasks disappear, or appear."""
    numbers = {number for task in plan.tasks if (number := whole_number(task.id)) is not None}
    span = range(min(numbers, default=0), max(numbers, default=0))
    found = [_in_block(document, block, numbers, span) for block in document.hidden]
    return [problem for problem in found if problem] + _in_comments(document, plan)


def _in_block(document: Document, block: Hidden, numbers: set[int], span: range) -> Problem | None:
    for at in range(block.line + 1, block.end + 1):
        line = document.lines[at - 1]
        if not block.is_closed and (_LOOKS_LIKE_TASK.match(line) or _LOOKS_LIKE_BOX.match(line)):
            return Problem(
                block.line,
                f"what begins here is never closed, so {quoted(line)} on line {at} is no task; close it",
            )
        if block.kind != "comment" and (number := _fills_a_gap(line, numbers, span)):
            way_out = (
                "end that before it (a fence around fences has to be longer than those), or change the number"
            )
            return Problem(
                at,
                f"task `{number}` is missing, but {quoted(line)} stands in what begins on line {block.line}; {way_out}",
            )
    return None


def _fills_a_gap(line: str, numbers: set[int], span: range) -> int | None:
    found = _LOOKS_LIKE_TASK.match(line)
    number = int(found["number"]) if found else -1
    return number if number in span and number not in numbers else None


def _in_comments(document: Document, plan: Plan) -> list[Problem]:
    tasks = sorted(plan.tasks, key=_line)
    way_out = "end the comment before the task, or begin a line of its own with `<!--`"
    found = []
    for comment in document.comments:
        first = bisect_right(tasks, comment.line, key=_line)
        if first < len(tasks) and tasks[first].line <= comment.end:
            where = f"after task `{tasks[first].id}` on line {tasks[first].line}"
            found.append(Problem(comment.line, f"the comment that begins here ends only {where}; {way_out}"))
    return found


def _line(task: Task) -> int:
    return task.line
