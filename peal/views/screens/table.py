"""What the live table shows, as lines of styled text: pure, so every screen can be told from its second and size."""

from collections.abc import Callable
from heapq import nsmallest

from attrs import field, frozen
from rich.cells import cell_len, set_cell_size

from peal.model.decision import Decision
from peal.model.pipeline import PIPELINE
from peal.model.plan import Segment, TaskId
from peal.record.history import History
from peal.record.spending import dollars
from peal.record.task_state import Attempt, TaskState
from peal.text.display import count, duration, harmless
from peal.views.status import TaskStatus, task_status

_LEAST_NAME = 12
"""Cells that the plan's name must keep, or it is left out."""
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
class Span:
    """Text in one style, in rich's words; nothing in it is markup."""

    text: str
    style: str = ""


Row = tuple[Span, ...]


@frozen
class Scene:
    """All that a screen is made from."""

    history: History
    segments: tuple[Segment, ...]
    """What was asked for."""
    decision: Decision
    """The latest: it knows what is open and what waits for what."""
    last_output: Callable[[Attempt], str]
    begun: frozenset[TaskId] = frozenset()
    """What was begun since the run was opened."""
    tasks: frozenset[TaskId] = field(init=False)

    @tasks.default
    def _tasks_asked_for(self) -> frozenset[TaskId]:
        if self.is_open_ended:
            return self.begun
        return frozenset(task for segment in self.segments for task in segment.tasks)

    @property
    def is_open_ended(self) -> bool:
        """Nobody knows how much there will be to do: only what was begun can be counted."""
        return self.history.opened is not None and self.history.opened.is_open_ended

    @property
    def current(self) -> tuple[TaskId, ...]:
        """The tasks of the current segment; of the last one when all are over."""
        return self.decision.front or (self.segments[0].tasks if self.segments else ())


def plain(row: Row) -> str:
    """A row without its styles."""
    return "".join(span.text for span in row)


def render(scene: Scene, now: float, width: int, height: int) -> list[Row]:
    """The screen at `now`: at most `height` rows, none wider than `width` cells."""
    lines = [_header(scene, now, width)]
    if height >= 6 and not scene.is_open_ended:
        lines.append(_bar(scene, width))
    lines += _table(scene, now, width, height - len(lines))
    return [_clipped(line, width) for line in lines[: max(height, 0)]]


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells, cut with an ellipsis or filled up."""
    near = text[: 8 * width + 8]
    if cell_len(near) > width > 0:
        near = set_cell_size(near, width - 1).rstrip() + "…"
    return set_cell_size(near, max(width, 0))


def _clipped(row: Row, width: int) -> Row:
    """A row that ends where the screen ends, without blanks behind."""
    kept: list[Span] = []
    for span in row:
        if (room := width - sum(cell_len(one.text) for one in kept)) <= 0:
            break
        text = span.text if cell_len(span.text) <= room else fit(span.text, room)
        kept.append(Span(text, span.style))
    while kept and not kept[-1].text.strip():
        kept.pop()
    return (*kept[:-1], Span(kept[-1].text.rstrip(), kept[-1].style)) if kept else ()


def _header(scene: Scene, now: float, width: int) -> Row:
    """The plan, how long it has been running and the totals; what there is no room for is left out."""
    opened = scene.history.opened
    name = harmless(opened.plan) if opened else ""
    took = f"  {duration(now - opened.at)}  " if opened else ""
    for totals in (_totals(scene), _short_totals(scene)):
        room = width - cell_len(took) - cell_len(plain(totals))
        if room >= min(cell_len(name), _LEAST_NAME):
            return (Span(fit(name, min(cell_len(name), room)), "bold"), Span(took), *totals)
    totals = _short_totals(scene)
    return (Span(took.lstrip()), *totals) if cell_len(took + plain(totals)) <= width + 2 else totals


def _totals(scene: Scene) -> Row:
    done, running, failed, waiting = _counts(scene)
    of_all = "" if scene.is_open_ended else f" of {len(scene.tasks)}"
    parts = [Span(f"{done}{of_all} done"), Span(f"{running} running")]
    if failed:
        parts.append(Span(f"{failed} failed", "bold red"))
    if blocked := len(scene.history.blocked & scene.tasks):
        parts.append(Span(f"{blocked} blocked", "bold yellow"))
    if held := len(scene.history.held & scene.tasks):
        parts.append(Span(f"{held} held", "bold yellow"))
    if waiting or not scene.is_open_ended:
        parts.append(Span(f"{waiting} waiting"))
    if (cost := scene.history.providers.spent.total.cost) is not None:
        parts.append(Span(dollars(cost)))
    return _joined(parts, ", ")


def _short_totals(scene: Scene) -> Row:
    done, running, failed, _ = _counts(scene)
    blocked = len(scene.history.blocked & scene.tasks)
    of_all = " done" if scene.is_open_ended else f"/{len(scene.tasks)}"
    parts = [Span(f"{done}{of_all}"), Span(f"{running} run")]
    parts += [Span(f"{failed} fail", "bold red")] if failed else []
    parts += [Span(f"{blocked} ask", "bold yellow")] if blocked else []
    return _joined(parts, " ")


def _joined(spans: list[Span], glue: str) -> Row:
    return tuple(part for span in spans for part in (Span(glue), span))[1:]


def _counts(scene: Scene) -> tuple[int, int, int, int]:
    """How many of the tasks asked for are done, running, have failed, wait."""
    done = len(scene.history.completed & scene.tasks)
    running = len(scene.history.running)
    stuck = len((scene.history.failed | scene.history.held) & scene.tasks)
    failed = len((scene.history.failed - scene.history.blocked) & scene.tasks)
    return done, running, failed, len(scene.tasks) - done - running - stuck


def _bar(scene: Scene, width: int) -> Row:
    """How many of all phases are over, and how many will not be reached; full only when everything is done."""
    done, _, failed, _ = _counts(scene)
    total = _phases(scene) * max(len(scene.tasks), 1)
    states = (scene.history.states[task] for task in scene.current)
    over = _phases(scene) * done + sum(_phases_over(line, scene.history) for line in states)
    label = f" {100 * over // total:3} %"
    room = max(width - len(label), 0)
    full, lost = room * over // total, room * _phases(scene) * failed // total
    rest = room - full - lost
    return (Span("━" * full, "green"), Span("×" * lost, "red"), Span("─" * rest, "dim"), Span(label))


def _phases(scene: Scene) -> int:
    """How many phases a task has."""
    return len(scene.history.pipeline(PIPELINE).phases)


def _phases_over(state: TaskState, history: History) -> int:
    """The phases that a task under way has behind it."""
    over = state.is_settled and state.held is None
    return 0 if over or state.next is None else history.pipeline(state.task.pipeline).place(state.next)


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
    return _joined([cell for cell in shown if cell.text], gap)
