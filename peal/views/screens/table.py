"""What the live table shows, as lines of styled text: pure, so every screen can be told from its second and size."""

from collections.abc import Callable
from heapq import nsmallest

from rich.cells import cell_len

from peal.model.decision import Decision
from peal.model.plan import TaskId
from peal.record.history import History
from peal.record.task_state import Attempt, TaskState
from peal.text.display import count, duration, harmless
from peal.views.screens.heading import bar, header
from peal.views.screens.scene import Scene
from peal.views.screens.spans import Row, Span, clipped, fit, joined
from peal.views.status import TaskStatus, task_status

_WIDE_FROM = 79
"""Cells from which on columns keep a distance: a terminal of 80 columns, whose last one stays free."""
_NOTES_FROM = 64
"""Cells from which on there is room for the last line of output."""
_WORDS_FROM = 40
"""Cells from which on there is room for the phase and for whole words."""
_LEAST = (2, 7, 7, 5, 0, 0)
_LEAST_NARROW = (2, 4, 0, 5, 0, 0)
"""Columns this wide stay where they are when another task comes into view."""
_SHORT = {
    "done": "done",
    "failed": "fail",
    "blocked": "asks",
    "held": "held",
    "running": "run",
    "cut off": "cut",
    "waiting": "wait",
    "not begun": "wait",
}
_STYLES = {
    "running": "cyan",
    "done": "green",
    "failed": "bold red",
    "blocked": "bold yellow",
    "cut off": "yellow",
    "held": "bold yellow",
}


def render(scene: Scene, now: float, width: int, height: int) -> list[Row]:
    """The screen at `now`: at most `height` rows, none wider than `width` cells."""
    lines = [header(scene, now, width)]
    if height >= 6 and not scene.is_open_ended:
        lines.append(bar(scene, width))
    lines += _table(scene, now, width, height - len(lines))
    return [clipped(line, width) for line in lines[: max(height, 0)]]


def _table(scene: Scene, now: float, width: int, room: int) -> list[Row]:
    tasks = scene.current
    if room <= 0 or not tasks:
        return []
    fitting = room if len(tasks) <= room or room == 1 else room - 1
    rows = _rows(scene, _chosen(tasks, scene.history, fitting), now, width)
    hidden = len(tasks) - len(rows)
    return [*rows, (Span(f"… and {hidden} more", "dim"),)] if hidden and room > 1 else rows


def _chosen(tasks: tuple[TaskId, ...], history: History, room: int) -> list[TaskId]:
    """The tasks that are shown: all in order if they fit; else those in motion first, then failed, waiting, done."""
    if len(tasks) <= room:
        return list(tasks)
    return nsmallest(room, tasks, key=lambda task: _rank(history.states[task]))


def _rank(state: TaskState) -> int:
    if state.running:
        return 0
    if state.is_complete:
        return 4
    return 1 if state.failed is not None or state.held is not None else 2 if state.has_begun else 3


def _rows(scene: Scene, tasks: list[TaskId], now: float, width: int) -> list[Row]:
    told = _waits(scene.decision)
    shown = [
        task_status(scene.history.states[task], now, True, told.get(task, ""), _reader(scene, width))
        for task in tasks
    ]
    cells = [_cells(task, width) for task in shown]
    gap = "  " if width >= _WIDE_FROM else " "
    widths = _widths(cells, width, len(gap))
    return [_aligned(row, widths, gap) for row in cells]


def _waits(decision: Decision) -> dict[TaskId, str]:
    """What each waiting task waits for."""
    return {task: reason.text for reason in decision.reasons if reason.is_wait for task in reason.tasks}


def _reader(scene: Scene, width: int) -> Callable[[Attempt], str]:
    """Looks at the output of what runs, and only where it is shown."""
    has_room = width >= _NOTES_FROM
    return lambda one: scene.last_output(one) if has_room and one.ended is None else ""


def _cells(task: TaskStatus, width: int) -> Row:
    """Number, state, phase, time, title and note; empty where the width has no room for the column."""
    quiet = "dim" if task.state in ("done", "waiting", "not begun") else ""
    return (
        Span(task.id, "dim"),
        Span(task.state if width >= _WORDS_FROM else _SHORT[task.state], _STYLES.get(task.state, quiet)),
        Span(_phase(task) if width >= _WORDS_FROM else "", quiet),
        Span(duration(task.seconds) if width >= 30 and task.seconds is not None else "", quiet),
        Span(harmless(task.title), quiet),
        Span(_note(task) if width >= _NOTES_FROM else "", "red" if task.state == "failed" else "dim"),
    )


def _phase(task: TaskStatus) -> str:
    if task.phase is None or task.state == "not begun":
        return ""
    return f"{task.phase} #{task.attempt}" if task.attempt > 1 else str(task.phase)


def _note(task: TaskStatus) -> str:
    """What it says, why it failed, what it waits for or what is left."""
    if task.state == "running":
        return task.last_output
    left = f"{count(task.findings, 'finding')} left" if task.findings else ""
    return "; ".join(filter(None, [harmless(task.reason), left]))


def _widths(cells: list[Row], width: int, gap: int) -> list[int]:
    """The width of each column; title and note share what the others leave, and the note gets the end of it."""
    widths = [max(cell_len(row[column].text) for row in cells) for column in range(6)]
    least = _LEAST if width >= _WORDS_FROM else _LEAST_NARROW
    widths = [max(one, few) if one else 0 for one, few in zip(widths, least, strict=True)]
    room = width - sum(one + gap for one in widths[:4] if one)
    title = min(widths[4], room // 2) if width >= _NOTES_FROM else room
    return [*widths[:4], title, room - title - gap if widths[5] else 0]


def _aligned(row: Row, widths: list[int], gap: str) -> Row:
    """The cells in their columns; numbers and times end where their column ends."""
    shown = [
        Span(fit(cell.text.rjust(width) if column in (0, 3) else cell.text, width), cell.style)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return joined([cell for cell in shown if cell.text], gap)
