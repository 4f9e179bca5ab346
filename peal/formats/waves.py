"""A graph of waves behind a list, as Kiro writes it in JSON: it decides which tasks are side by side, and what comes after what."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from peal.classes import frozen
from peal.formats.blocks import Hidden
from peal.formats.document import Document
from peal.formats.outline_items import Outline
from peal.formats.protocol import Reading, quoted
from peal.model.plan import Problem, Task, TaskId

_WAVES = re.compile(r'"waves"\s*:')


def in_waves(document: Document, outline: Outline, reading: Reading) -> Reading:
    """The reading with its tasks in the order of the graph; as it is where there is none."""
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
