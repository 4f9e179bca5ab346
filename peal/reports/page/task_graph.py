"""Where each task stands in the drawing of what waits for what: a column for each step of the longest way there; pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter

from peal.classes import frozen
from peal.model.plan import TaskId

_LARGE = 150
"""Tasks; more are drawn as small squares."""
_TALL = 40
"""Small squares in a column; more go beside them."""
_MANY_LINES = 2000
"""More are not drawn, for nobody could tell them apart."""


@frozen
class Box:
    """A task in the drawing, all in pixels."""

    task: TaskId
    left: int
    top: int


@frozen
class Line:
    """From what is waited for to what waits."""

    begin: tuple[int, int]
    end: tuple[int, int]


@frozen
class TaskGraph:
    """A drawing of so many pixels."""

    width: int
    height: int
    box: tuple[int, int]
    """Width and height of each box."""
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    left_out: int = 0
    """Lines that are not drawn."""

    @property
    def has_titles(self) -> bool:
        """Whether a box has room for words."""
        return self.box != _SMALL_BOX


_BOX, _SMALL_BOX = (170, 26), (12, 12)
_APART, _SMALL_APART = (60, 8), (28, 4)
"""Pixels between columns, and between boxes of one."""
_EDGE = 8


def task_graph_of(waits_for: Mapping[TaskId, tuple[TaskId, ...]]) -> TaskGraph:
    """The drawing of these tasks, each with what it waits for."""
    is_large = len(waits_for) > _LARGE
    box, apart = (_SMALL_BOX, _SMALL_APART) if is_large else (_BOX, _APART)
    places: dict[TaskId, tuple[int, int]] = {}
    left, lowest = _EDGE, 0
    for column in _columns(waits_for):
        for number, task in enumerate(column):
            across, down = divmod(number, _TALL) if is_large else (0, number)
            places[task] = (left + across * (box[0] + apart[1]), _EDGE + down * (box[1] + apart[1]))
            lowest = max(lowest, places[task][1] + box[1])
        left = max(places[task][0] for task in column) + box[0] + apart[0]
    lines = list(_lines(waits_for, places, box, apart[0]))
    is_too_much = len(lines) > _MANY_LINES
    return TaskGraph(
        width=left - apart[0] + _EDGE if places else 0,
        height=lowest + _EDGE,
        box=box,
        boxes=tuple(Box(task, *places[task]) for task in waits_for),
        lines=() if is_too_much else tuple(lines),
        left_out=len(lines) if is_too_much else 0,
    )


def _columns(waits_for: Mapping[TaskId, tuple[TaskId, ...]]) -> list[list[TaskId]]:
    """Tasks by how many have to be done before them one after another; in each column near to what they wait for."""
    depth: dict[TaskId, int] = {}
    for task in TopologicalSorter(waits_for).static_order():
        depth[task] = 1 + max((depth[before] for before in waits_for.get(task, ())), default=-1)
    columns: list[list[TaskId]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for task in waits_for:
        columns[depth[task]].append(task)
    row: dict[TaskId, int] = {}
    for column in columns:
        column.sort(key=lambda task: _mean([row[before] for before in waits_for[task]]))
        row |= {task: number for number, task in enumerate(column)}
    return columns


def _mean(rows: Sequence[int]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _lines(
    waits_for: Mapping[TaskId, tuple[TaskId, ...]],
    places: Mapping[TaskId, tuple[int, int]],
    box: tuple[int, int],
    gap: int,
) -> Iterator[Line]:
    """Where several wait for the same several, their lines meet in a point: else each would have one to each."""
    together = defaultdict[tuple[TaskId, ...], list[TaskId]](list)
    for task, needed in waits_for.items():
        if needed:
            together[needed].append(task)

    def leaving(task: TaskId) -> tuple[int, int]:
        return places[task][0] + box[0], places[task][1] + box[1] // 2

    def entering(task: TaskId) -> tuple[int, int]:
        return places[task][0], places[task][1] + box[1] // 2

    for needed, tasks in together.items():
        if len(needed) > 1 and len(tasks) > 1:
            heights = [entering(task)[1] for task in tasks] + [leaving(task)[1] for task in needed]
            point = (min(places[task][0] for task in tasks) - gap // 3, sum(heights) // len(heights))
            yield from (Line(leaving(one), point) for one in needed)
            yield from (Line(point, entering(task)) for task in tasks)
        else:
            yield from (Line(leaving(one), entering(task)) for task in tasks for one in needed)
