"""A plan drawn as the graph it is: in waves as text, or in the language of Graphviz."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter

from peal.model.plan import Ordered, Plan, Task, TaskId, segments_of
from peal.text.display import harmless
from peal.text.names import ranges, widest


def needs(tasks: Sequence[Ordered]) -> dict[TaskId, tuple[TaskId, ...]]:
    """What each task waits for: by name, or else what stands before its segment; without what follows from that."""
    found: dict[TaskId, tuple[TaskId, ...]] = {}
    last: dict[TaskId, None] = {}  # a set that keeps the order
    named = {task.id: task.after for task in tasks}
    for segment in segments_of(tasks):
        before = tuple(last)
        found |= {task: named[task] or before for task in segment.tasks}
        if any(not named[task] for task in segment.tasks):
            last.clear()
        over = {one for task in segment.tasks for one in named[task]}
        last = dict.fromkeys(task for task in (*last, *segment.tasks) if task not in over)
    return found


def waves(plan: Plan) -> list[list[Task]]:
    """The tasks by the length of the longest chain before them; a plan without circles."""
    waits_for, depth = needs(plan.tasks), dict[TaskId, int]()
    for task in _in_order(waits_for):
        depth[task] = 1 + max((depth[needed] for needed in waits_for[task]), default=-1)
    found: list[list[Task]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for one in plan.tasks:
        found[depth[one.id]].append(one)
    return found


def chain(plan: Plan) -> tuple[TaskId, ...]:
    """The longest row of tasks that have to come one after another."""
    waits_for, longest = needs(plan.tasks), dict[TaskId, tuple[TaskId, ...]]()
    for task in _in_order(waits_for):
        before = max((longest[needed] for needed in waits_for[task]), key=len, default=())
        longest[task] = (*before, task)
    return max(longest.values(), key=len, default=())


def _in_order(waits_for: Mapping[TaskId, tuple[TaskId, ...]]) -> tuple[TaskId, ...]:
    return tuple(TopologicalSorter(waits_for).static_order())


def as_text(plan: Plan) -> Iterator[str]:
    """Wave by wave, each task with what it waits for; and the longest chain, which no number of places makes shorter."""
    waits_for, wide = needs(plan.tasks), widest(task.id for task in plan.tasks)
    for number, wave in enumerate(waves(plan)):
        for place, task in enumerate(wave):
            head = ("" if place else "first" if number == 0 else "then").ljust(5)
            needed = f"  ← {ranges(waits_for[task.id])}" if waits_for[task.id] else ""
            yield f"  {head} {task.id:>{wide}}  {harmless(task.shown_title)}{needed}"
    longest = chain(plan)
    yield f"  longest chain: {' → '.join(longest)} ({len(longest)} of {len(plan.tasks)} tasks)"


def as_dot(plan: Plan) -> Iterator[str]:
    """For `dot -Tsvg`; what a segment waits for as a whole meets in one point."""
    yield "digraph plan {"
    yield "  rankdir=LR; node [shape=box, style=rounded];"
    for task in plan.tasks:
        mark = ", color=gray, fontcolor=gray" if task.done else ""
        yield f'  {_node(task.id)} [label="{_quoted(f"{task.id}  {task.shown_title}".strip())}"{mark}];'
    named, waits_for = {task.id: task.after for task in plan.tasks}, needs(plan.tasks)
    for place, segment in enumerate(plan.segments):
        yield from (
            f"  {_node(needed)} -> {_node(task)};" for task in segment.tasks for needed in named[task]
        )
        if place and (waiting := [task for task in segment.tasks if not named[task]]):
            yield f"  {_point(place)} [shape=point];"
            yield from (
                f"  {_node(needed)} -> {_point(place)} [arrowhead=none];" for needed in waits_for[waiting[0]]
            )
            yield from (f"  {_point(place)} -> {_node(task)};" for task in waiting)
    yield "}"


def _node(task: TaskId) -> str:
    return f'"{_quoted(task)}"'


def _point(place: int) -> str:
    return f'"segment {place}"'  # no id has a blank in it


def _quoted(text: str) -> str:
    return harmless(text).replace("\\", "\\\\").replace('"', '\\"')
