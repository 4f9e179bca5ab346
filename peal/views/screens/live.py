"""A run as a table that is drawn over and over at the end of a terminal, by the main thread alone."""

import io
import os
import select
import time
from collections.abc import Callable, Sequence

from attrs import define, field
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment as Piece
from rich.segment import Segments as Pieces
from rich.style import Style

from peal.model.decision import Decision
from peal.model.plan import Segment, TaskId
from peal.model.work import Weight
from peal.record.events import Event, ProcessStarted, StepEnded, StepStarted, StopAsked
from peal.record.history import History
from peal.record.task_state import Attempt
from peal.views.screens import Output
from peal.views.screens.lines import noted, safe, stamped
from peal.views.screens.scene import Scene
from peal.views.screens.spans import Row, Span, fit, plain
from peal.views.screens.table import render

_WRAP_OFF, _WRAP_ON = "\x1b[?7l", "\x1b[?7h"
"""A letter that the terminal takes for wider than rich does must not begin another line."""
_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"
_AFTER_EVENT = 0.5
"""Seconds between two drawings at the least."""
_AFTER_NOTHING = 1.0
"""Seconds between two drawings while something runs and nothing happens."""
_SETTLING = 0.05
"""Seconds in which what follows from an event, like the next step, gets onto the same drawing."""


def next_drawing(drawn: float, changed: float | None, is_running: bool) -> float | None:
    """When to draw again: after a drawing at `drawn` and a first change at `changed`; None for not at all."""
    if changed is not None:
        return max(changed + _SETTLING, drawn + _AFTER_EVENT)
    return drawn + _AFTER_NOTHING if is_running else None


def rows_above(widths: Sequence[int], columns: int) -> int:
    """How many rows lines of these widths take up after the terminal has been made `columns` wide."""
    return sum(max(-(-width // columns), 1) for width in widths)


def told(event: Event) -> str | None:
    """The style of the line that an event leaves above the table; None if it leaves none."""
    match event:
        case StepEnded() if event.outcome.weight is Weight.FAILURE:
            return "red"
        case StepEnded() if event.outcome.weight is Weight.WARNING:
            return "bold yellow"
        case StopAsked():
            return "bold"
    return None


@define
class Area:
    """The last rows of a terminal: drawn over in place; lines that stay go above."""

    out: Output
    no_color: bool = False
    _console: Console = field(init=False)
    _rows: list[Row] = field(factory=list)
    _said: list[Row] = field(factory=list)
    _drawn: list[int] = field(factory=list)
    """The widths of the rows that are on the screen."""
    _columns: int = 0
    """How wide the terminal was then."""

    def __attrs_post_init__(self) -> None:
        # Rich styles and `out` writes: what goes wrong while writing must not come up here.
        self._console = Console(file=io.StringIO(), force_terminal=True, no_color=self.no_color or None)

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows that can be drawn on: the last column would wrap, the last row holds the cursor."""
        columns, rows = self._size()
        return max(columns - 1, 1), max(rows - 1, 1)

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self.out.stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        return (columns, rows) if columns and rows else (80, 24)

    def draw(self, rows: list[Row]) -> None:
        """Show these rows instead of those before; not now if the terminal is stopped (Ctrl-S)."""
        self._rows = rows
        if self._is_writable():
            self._put()

    def say(self, *rows: Row) -> None:
        """Rows that stay, above what is drawn; later with the next drawing if the terminal is stopped."""
        self._said += rows
        if not self._rows or self._is_writable():
            self._put()

    def clear(self) -> None:
        """Take away what is drawn; what was said stays."""
        self._rows = []
        self._put()

    def _is_writable(self) -> bool:
        try:
            return bool(select.select([], [self.out.stream], [], 0)[1])
        except (OSError, ValueError):
            return True

    def _put(self) -> None:
        columns, lines = self._size()
        up = min(rows_above(self._drawn, columns), lines - 1)
        # What a terminal wrapped when it was made narrower it joins again later, unless it was erased.
        is_erased = bool(self._said) or not self._rows or columns != self._columns
        said = "".join(f"{line}\n" for line in self._styled(self._said))
        rows = "".join(f"{line}{_ERASE_LINE}\n" for line in self._styled(self._rows))
        drawn = f"{_WRAP_OFF}{rows}{_WRAP_ON}{_ERASE_BELOW}" if rows else ""
        if up or said or drawn:
            self.out.write(f"{_back(up, is_erased)}{said}{drawn}")
        self._drawn, self._columns = [cell_len(plain(row)) for row in self._rows], columns
        self._said = []

    def _styled(self, rows: list[Row]) -> list[str]:
        """The rows with the colours that the terminal has, if any."""
        pieces = [piece for row in rows for piece in (*map(_piece, row), Piece("\n"))]
        with self._console.capture() as captured:
            self._console.print(Pieces(pieces), end="", crop=False)
        return captured.get().split("\n")[: len(rows)]


def _back(up: int, is_erased: bool) -> str:
    """To the first of the drawn rows; erased one by one, as tmux keeps a screen that is erased as a whole."""
    if not up:
        return ""
    rise = f"\r\x1b[{up}A"
    return rise + (_ERASE_LINE + "\n") * up + rise if is_erased else rise


def _piece(span: Span) -> Piece:
    return Piece(span.text, Style.parse(span.style) if span.style else None)


@define
class Board:
    """The end of a terminal: a table for each plan at work, under a line of its own where there are several."""

    area: Area
    headline: str = ""
    """Above the tables; empty where there is nothing above one plan."""
    _tables: list["Live"] = field(factory=list)
    _drawn: float = float("-inf")
    _changed: float | None = None

    def table(
        self, segments: tuple[Segment, ...], last_output: Callable[[Attempt], str], label: str = ""
    ) -> "Live":
        """Below the others; `segments` is what was asked for of the plan, `label` stands before its lines."""
        table = Live(self, segments, last_output, label)
        self._tables.append(table)
        return table

    def say(self, text: str) -> None:
        """One line that stays, above the tables."""
        self.area.say((Span(safe(text)),))

    def take_away(self, table: "Live") -> None:
        """A plan has come to its end."""
        self._tables.remove(table)
        self.area.clear()

    def clear(self) -> None:
        """No plan is at work; what is drawn stays until it is drawn over."""
        self._tables = []

    def changed(self) -> None:
        """Something is to be drawn, soon."""
        if self._changed is None:
            self._changed = time.monotonic()

    def draw_if_due(self) -> None:
        """Here and now, if it is time."""
        if (wanted := self._wanted()) is not None and wanted <= time.monotonic():
            self.draw()

    def due(self) -> float | None:
        """Soon after an event, at most twice a second; else once a second while something runs."""
        wanted = self._wanted()
        return None if wanted is None else time.time() + max(wanted - time.monotonic(), 0)

    @property
    def _shown(self) -> list["Live"]:
        return [table for table in self._tables if table.history.opened is not None]

    def _wanted(self) -> float | None:
        if not self.area.out.is_heard or not self._shown:
            return None
        is_running = any(table.history.running for table in self._shown)
        return next_drawing(self._drawn, self._changed, is_running)

    def draw(self) -> None:
        """All of it, now."""
        columns, room = self.area.room
        rows: list[Row] = [(Span(fit(self.headline, columns).rstrip(), "bold"),)] if self.headline else []
        for left, table in zip(range(len(self._shown), 0, -1), self._shown, strict=True):
            # What one has no use for is left to those below.
            rows += render(table.scene, time.time(), columns, max((room - len(rows)) // left, 1))
        self.area.draw(rows[:room])
        self._drawn, self._changed = time.monotonic(), None


@define(eq=False)
class Live:
    """The current segment of a plan as a table, with failures and what is said in lines above it."""

    board: Board
    segments: tuple[Segment, ...]
    """What was asked for."""
    last_output: Callable[[Attempt], str]
    label: str = ""
    """Before lines, where several plans are at work."""
    history: History = field(factory=History)
    _decision: Decision = field(factory=Decision)
    _noted: set[str] = field(factory=set)
    begun: set[TaskId] = field(factory=set)
    """What was begun since the run was opened."""

    @property
    def scene(self) -> Scene:
        """What is seen of it now."""
        return Scene(self.history, self.segments, self._decision, self.last_output, frozenset(self.begun))

    def say(self, text: str) -> None:
        """One line, above the table while there is one."""
        self.board.say(text)

    def decided(self, decision: Decision) -> None:
        """Tells which segment is the current one and what waits."""
        self._decision = decision

    def show(self, events: Sequence[Event], history: History) -> None:
        """Failures, and what is noted, as lines; the rest is seen at the next drawing, which happens here when it is due."""
        self.history = history
        self.begun |= {event.task for event in events if isinstance(event, StepStarted)}
        lines = [
            (style, line)
            for event in events
            if (style := told(event)) and (line := stamped(event, history, self.label))
        ]
        lines += [("yellow", text) for text in noted(events, self._noted, self.label)]
        if lines:
            self.board.area.say(*((Span(line, style),) for style, line in lines))
        if not all(isinstance(event, ProcessStarted) for event in events):
            self.board.changed()
        self.board.draw_if_due()

    def due(self) -> float | None:
        """When the board is to be drawn."""
        return self.board.due()

    def close(self) -> None:
        """The table goes; the lines stay."""
        self.board.take_away(self)
