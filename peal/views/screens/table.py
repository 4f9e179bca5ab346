"""What the live table shows, as lines of styled text: pure, so every screen can be told from its second and size."""

from collections.abc import Callable, Sequence
from heapq import nsmallest
from itertools import islice

from attrs import evolve
from rich.cells import cell_len

from peal.classes import frozen
from peal.model.decision import Decision
from peal.model.plan import TaskId
from peal.record.history import History
from peal.record.task_state import Attempt, TaskState
from peal.text.columns import wrapped
from peal.text.display import count, duration, harmless
from peal.views.screens.heading import bar, header, pace, waiting
from peal.views.screens.keys import NO_MORE, UNTOUCHED, Extent, Keys, View
from peal.views.screens.scene import Scene
from peal.views.screens.spans import Row, Span, clipped, fit, joined
from peal.views.status import TaskStatus, task_status
from peal.views.waiting import cause_of, waits_since

_BAR_FROM = 6
"""Rows from which on there is room for how far it is."""
_MORE_FROM = 8
"""Rows from which on there is room for when it ends and what is waited for."""
_FEW = 10
"""So few tasks are all shown, if they fit."""
_NEXT = 5
"""Tasks shown that come after those that are open."""
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


@frozen
class Screenful:
    """What is seen at once, and how much more there would be."""

    rows: list[Row]
    extent: Extent = NO_MORE


def render(scene: Scene, now: float, width: int, height: int, view: View = UNTOUCHED) -> Screenful:
    """The screen at `now`: at most `height` rows, none wider than `width` cells."""
    lines, has_help = [header(scene, now, width)], view.is_help and view.keys is not None
    if height >= _BAR_FROM and not (scene.is_open_ended or has_help):
        lines.append(bar(scene, width))
    if height >= _MORE_FROM and not has_help:
        lines += filter(None, (pace(scene, now, width), waiting(scene, now, width)))
    room = height - len(lines)
    if view.keys and has_help:
        below = Screenful(_help(view.keys, width, room))
    else:
        below = _tasks(scene, now, width, room, view)
    lines += below.rows
    return Screenful([clipped(line, width) for line in lines[: max(height, 0)]], below.extent)


def _help(keys: Keys, width: int, room: int) -> list[Row]:
    """Each key with what it does, the words under each other."""
    wide = max(cell_len(name) for name, _ in keys.help) + 2
    rows: list[Row] = [
        (Span(fit("" if more else name, wide), "bold"), Span(line))
        for name, words in keys.help
        for more, line in enumerate(wrapped(words, max(width - wide, 8)))
    ]
    return rows[: max(room, 0)]


def _tasks(scene: Scene, now: float, width: int, room: int, view: View) -> Screenful:
    """Those that matter, or a page of all."""
    listed, history = scene.listed, scene.history
    near = listed if len(listed) <= min(room, _FEW) else _near(scene, listed)
    if room <= 0 or not near:
        return Screenful([])
    chosen = _chosen(near, history, room if len(listed) <= room or room == 1 else room - 1)
    if len(chosen) == len(listed):
        rows = _rows(scene, chosen, now, width)
        return Screenful([*rows, *_footer([], view.keys, width)] if room > len(rows) else rows)
    page = max(room - 1, 1)
    here = _place(listed, history.in_order(history.running) or scene.current)
    extent = Extent(here, page, max(len(listed) - page, 0))
    if view.top is None:
        said = [f"… and {len(listed) - len(chosen)} more"]
    else:
        top = min(view.top, extent.last)
        chosen = list(listed[top : top + page])
        said = [f"{top + 1}-{top + len(chosen)} of {count(len(listed), 'task')}", "f for what matters"]
    footer = _footer(said, view.keys, width) if room > 1 else []
    return Screenful([*_rows(scene, chosen, now, width), *footer], extent)


def _near(scene: Scene, listed: Sequence[TaskId]) -> tuple[TaskId, ...]:
    """What is open, runs, has failed or is held, wherever it stands, and what comes next; in order."""
    history, current = scene.history, scene.current
    near = {*current, *history.running, *((history.failed | history.held) & scene.tasks)}
    if not scene.is_open_ended:
        behind = listed[_place(listed, current[-1:]) :]
        coming = (task for task in behind if task not in near and not history.states[task].is_complete)
        near.update(islice(coming, _NEXT))
    return tuple(history.in_order(near))


def _place(listed: Sequence[TaskId], tasks: Sequence[TaskId]) -> int:
    """Where the first of some tasks stands among all."""
    return listed.index(tasks[0]) if tasks and tasks[0] in listed else 0


def _footer(said: list[str], keys: Keys | None, width: int) -> list[Row]:
    """What is not seen, and what keys there are, as far as there is room."""
    hints = [keys.hint, "? for help"] if keys else []
    texts = ["   ".join(filter(None, (*said, hint))) for hint in (*hints, "")]
    fitting = next((text for text in texts if cell_len(text) <= width), texts[-1])
    return [(Span(fitting, "dim"),)] if fitting else []


def _chosen(tasks: Sequence[TaskId], history: History, room: int) -> list[TaskId]:
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
    told, states = _waits(scene.decision), [scene.history.states[task] for task in tasks]
    shown = [
        task_status(state, now, True, told.get(state.task.id, ""), _reader(scene, width)) for state in states
    ]
    lasting = [_lasting(state, scene.history, now) for state in states]
    cells = [_cells(task, width, since) for task, since in zip(shown, lasting, strict=True)]
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


def _lasting(state: TaskState, history: History, now: float) -> str:
    """How long it has been kept from going on, if it was."""
    since = waits_since(state) if cause_of(state, history, now) else None
    return "" if since is None else f"for {duration(now - since)}: "


def _cells(task: TaskStatus, width: int, lasting: str) -> Row:
    """Number, state, phase, time, title and note; empty where the width has no room for the column."""
    quiet = "dim" if task.state in ("done", "waiting", "not begun") else ""
    return (
        Span(task.id, "dim"),
        Span(task.state if width >= _WORDS_FROM else _SHORT[task.state], _STYLES.get(task.state, quiet)),
        Span(_phase(task) if width >= _WORDS_FROM else "", quiet),
        Span(duration(task.seconds) if width >= 30 and task.seconds is not None else "", quiet),
        Span(harmless(task.title), quiet),
        Span(
            _note(task, lasting) if width >= _NOTES_FROM else "", "red" if task.state == "failed" else "dim"
        ),
    )


def _phase(task: TaskStatus) -> str:
    if task.phase is None or task.state == "not begun":
        return ""
    return f"{task.phase} #{task.attempt}" if task.attempt > 1 else str(task.phase)


def _note(task: TaskStatus, lasting: str) -> str:
    """What it says, why it failed, what it waits for and how long already, or what is left."""
    if task.state == "running":
        there = f"{harmless(task.machine)}:" if task.machine else ""
        return " ".join(filter(None, (there, task.last_output)))
    left = f"{count(task.findings, 'finding')} left" if task.findings else ""
    why = harmless(task.reason)
    return "; ".join(filter(None, [f"{lasting}{why}" if why else "", left]))


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
    title, note = shown[-2:]
    if note.text and not title.text.isascii():
        shown[-1] = evolve(note, column=sum(widths[:-1]) + len(gap) * sum(map(bool, widths[:-1])))
    return joined([cell for cell in shown if cell.text], gap)
