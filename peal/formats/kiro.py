"""Kiro's `tasks.md`, and the lists of cc-sdd and spec-workflow: `- [ ] 1. title` holds `- [ ] 1.1 title`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from peal.formats.blocks import Hidden
from peal.formats.criteria import places
from peal.formats.document import Document
from peal.formats.entries import is_placeholder
from peal.formats.outline import read as read_outline
from peal.formats.outline_items import Item, Outline, outline_of
from peal.formats.protocol import Evidence, Reading, quoted
from peal.model.plan import Problem, Task, TaskId

name = "kiro"

_FIELD = re.compile(r"\s*(?:[-*+]\s+)?_(?:Requirements|Boundary|Contracts|Leverage|Prompt)\b.{0,20}:")
_DEPENDS = re.compile(r"\s*(?:[-*+]\s+)?\*\*(?:Dependencies|Depends on)\b", re.IGNORECASE)
_WAVES = re.compile(r'"waves"\s*:')


def evidence(document: Document) -> Evidence | None:
    """Numbers such as `1.` or words such as `CORE-1` at boxes, or what only Kiro writes at a numbered one."""
    outline = outline_of(document)
    own = [
        item
        for item in outline.items
        if item.parallel or item.box.is_optional or _has(document, item, _FIELD)
    ]
    whole = [item for item in outline.items if item.is_whole_number and item.is_bare]
    if len(outline.items) > 1 and whole and not _is_plain(document, outline):
        own += whole
    line = min((item.box.line for item in own or _worded(document)), default=0)
    return Evidence.of_line(document, line) if line else None


def _worded(document: Document) -> Sequence[Item]:
    """Two or more with words for ids, of which one tells what it depends on."""
    if sum(box.text.startswith("**") for box in document.boxes) < 2:
        return ()
    found = [item for item in outline_of(document, with_words=True).items if not item.id[0].isdecimal()]
    return found if found[1:] and any(_has(document, item, _DEPENDS) for item in found) else ()


def _has(document: Document, item: Item, field: re.Pattern[str]) -> bool:
    return any(field.match(line) for line in document.lines[item.box.line : item.end])


def _is_plain(document: Document, outline: Outline) -> bool:
    """
    Whether it is a list of titles that happen to begin with a number, as none is `1.1`.

    Then others stand beside them, or the numbers begin anew in another section.
    """
    if not all(item.is_whole_number for item in outline.items):
        return False
    lines = {item.box.line for item in outline.items}
    section_of: dict[str, int] = {}
    for item in outline.items:
        section = document.headings_before(item.box.line)
        if section_of.setdefault(item.id, section) != section:
            return True
    sections = set(section_of.values())
    return any(
        box.depth == 0
        and box.line not in lines
        and document.headings_before(box.line) in sections
        and not (place.label or place.criteria or is_placeholder(box.text))
        for box, place in zip(document.boxes, places(document), strict=True)
    )


def read(document: Document) -> Reading:
    """The items that hold no others, in the order of the list or of the graph that follows it."""
    outline = outline_of(document, with_words=True)
    reading = read_outline(document, outline)
    graphs = [block for block in document.hidden if block.kind == "fence" and _is_graph(document, block)]
    if not graphs:
        return reading
    graph = _graph(document, graphs[0])
    if isinstance(graph, Problem) or graphs[1:]:
        twice = f"there is a graph of waves on line {graphs[0].line} too; keep one of them"
        problem = graph if isinstance(graph, Problem) else Problem(graphs[1].line, twice)
        return evolve(reading, problems=(*reading.problems, problem))
    return _ordered(reading, outline, graph)


def _is_graph(document: Document, block: Hidden) -> bool:
    return any(_WAVES.search(line) for line in document.lines[block.line : block.end])


@frozen
class _Graph:
    """Which tasks are side by side, and that what is in one wave comes after the waves before it."""

    waves: tuple[tuple[str, ...], ...]
    line: int


def _graph(document: Document, block: Hidden) -> _Graph | Problem:
    try:
        told = json.loads("\n".join(document.lines[block.line : block.end - 1]))
        waves = [tuple(_names(wave if isinstance(wave, list) else wave["tasks"])) for wave in told["waves"]]
    except json.JSONDecodeError as error:
        message = (
            f"the graph of waves is no JSON: {error.msg} at column {error.colno}; correct it or remove it"
        )
        return Problem(block.line + error.lineno, message)
    except (TypeError, KeyError, RecursionError):
        message = 'the graph is not written like `{"waves": [{"id": 0, "tasks": ["1.1"]}]}`; correct it or remove it'
        return Problem(block.line, message)
    return _Graph(tuple(waves), block.line)


def _names(tasks: object) -> Iterator[str]:
    if not isinstance(tasks, list) or not all(type(one) in (str, int) for one in tasks):
        raise TypeError("tasks are named in a list, by their numbers")
    return map(str, tasks)


def _ordered(reading: Reading, outline: Outline, graph: _Graph) -> Reading:
    """The tasks as the graph orders them; those in no wave come after all that are in one."""
    tasks = {task.id: task for task in reading.tasks}
    below = outline.tasks_below()
    wave_of: dict[TaskId, int] = {}
    ordered: list[Task] = []
    problems: list[Problem] = []
    for wave, names in enumerate(graph.waves):
        for one in names:
            meant = [TaskId(one)] if one in tasks else below.get(one, [])
            again = next((task for task in meant if task in wave_of), None)
            if again or not meant:
                why = "which is in a wave already" if again else "which is no task here"
                problems.append(
                    Problem(graph.line, f"the graph names {quoted(one)}, {why}; correct it or remove it")
                )
                continue
            wave_of |= dict.fromkeys(meant, wave)
            ordered += _one_by_one([tasks[task] for task in meant], wave)
    rest = [
        evolve(task, parallel=False, section=len(graph.waves))
        for task in reading.tasks
        if task.id not in wave_of
    ]
    return evolve(
        reading,
        tasks=(*ordered, *rest),
        problems=(*reading.problems, *problems, *_against(reading.tasks, wave_of)),
        notes=(*reading.notes, *_in_no_wave(rest, graph)),
    )


def _one_by_one(tasks: Sequence[Task], wave: int) -> Iterator[Task]:
    """The tasks of one name in a wave: beside the others of that wave, but not beside each other."""
    before: tuple[TaskId, ...] = ()
    for task in tasks:
        yield evolve(task, parallel=True, section=wave, after=before)
        before = before if task.is_optional else (task.id,)


def _against(tasks: Sequence[Task], wave_of: Mapping[TaskId, int]) -> Iterator[Problem]:
    for task in tasks:
        for needed in task.after:
            if task.id in wave_of and wave_of.get(needed, -1) >= wave_of[task.id]:
                yield Problem(
                    task.line,
                    f"`{task.id}` depends on `{needed}`, which the graph puts no earlier; correct one of the two",
                )


def _in_no_wave(rest: Sequence[Task], graph: _Graph) -> Iterator[Problem]:
    if rest:
        more = f" and {len(rest) - 1} more" if rest[1:] else ""
        message = f"in no wave of the graph on line {graph.line}: after all that are in one"
        yield Problem(rest[0].line, f"`{rest[0].id}`{more} {message}")
