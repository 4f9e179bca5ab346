"""A plan drawn as the graph it is: in waves as text, or in the language of Graphviz."""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter

from peal.model.plan import Plan, Task
from peal.text.display import harmless, ranges


def needs(plan: Plan) -> dict[int, tuple[int, ...]]:
    """What each task waits for: by name, or else what stands before its segment; without what follows from that."""
    found: dict[int, tuple[int, ...]] = {}
    last = set[int]()
    named = {task.index: task.after for task in plan.tasks}
    for segment in plan.segments:
        before = tuple(sorted(last))
        found |= {task: named[task] or before for task in segment.tasks}
        if any(not named[task] for task in segment.tasks):
            last.clear()
        last = last.union(segment.tasks).difference(*(named[task] for task in segment.tasks))
    return found


def waves(plan: Plan) -> list[list[Task]]:
    """The tasks by the length of the longest chain before them; a plan without circles."""
    waits_for, depth = needs(plan), dict[int, int]()
    for task in _in_order(waits_for):
        depth[task] = 1 + max((depth[needed] for needed in waits_for[task]), default=-1)
    found: list[list[Task]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for one in plan.tasks:
        found[depth[one.index]].append(one)
    return found


def chain(plan: Plan) -> tuple[int, ...]:
    """The longest row of tasks that have to come one after another."""
    waits_for, longest = needs(plan), dict[int, tuple[int, ...]]()
    for task in _in_order(waits_for):
        before = max((longest[needed] for needed in waits_for[task]), key=len, default=())
        longest[task] = (*before, task)
    return max(longest.values(), key=len, default=())


def _in_order(waits_for: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(TopologicalSorter(waits_for).static_order())


def as_text(plan: Plan) -> Iterator[str]:
    """Wave by wave, each task with what it waits for; and the longest chain, which no number of places makes shorter."""
    waits_for = needs(plan)
    for number, wave in enumerate(waves(plan)):
        for place, task in enumerate(wave):
            head = ("" if place else "first" if number == 0 else "then").ljust(5)
            needed = f"  ← {ranges(sorted(waits_for[task.index]))}" if waits_for[task.index] else ""
            yield f"  {head} {task.index:>4}  {harmless(task.title)}{needed}"
    longest = chain(plan)
    yield f"  longest chain: {' → '.join(map(str, longest))} ({len(longest)} of {len(plan.tasks)} tasks)"


def as_dot(plan: Plan) -> Iterator[str]:
    """For `dot -Tsvg`; what a segment waits for as a whole meets in one point."""
    yield "digraph plan {"
    yield "  rankdir=LR; node [shape=box, style=rounded];"
    for task in plan.tasks:
        mark = ", color=gray, fontcolor=gray" if task.done else ""
        yield f'  t{task.index} [label="{_quoted(f"{task.index}  {task.title}".strip())}"{mark}];'
    named, waits_for = {task.index: task.after for task in plan.tasks}, needs(plan)
    for place, segment in enumerate(plan.segments):
        yield from (f"  t{needed} -> t{task};" for task in segment.tasks for needed in named[task])
        if place and (waiting := [task for task in segment.tasks if not named[task]]):
            yield f"  s{place} [shape=point];"
            yield from (f"  t{needed} -> s{place} [arrowhead=none];" for needed in waits_for[waiting[0]])
            yield from (f"  s{place} -> t{task};" for task in waiting)
    yield "}"


def _quoted(text: str) -> str:
    return harmless(text).replace("\\", "\\\\").replace('"', '\\"')
