"""Runs as tables that are drawn over and over at the end of a terminal, by the main thread alone."""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence

from attrs import evolve, field

from peal.classes import define
from peal.model.decision import Decision
from peal.model.plan import Segment, TaskId
from peal.model.work import Weight
from peal.record.events import Event, ProcessStarted, RunOpened, StepEnded, StepStarted, StopAsked
from peal.record.history import History
from peal.record.task_state import Attempt
from peal.system.terminal import Terminal
from peal.views.pace import Pace, end_of
from peal.views.screens.area import Area
from peal.views.screens.keys import NO_MORE, OF_RUN, QUIT, UNTOUCHED, Extent, Keys, View, turned
from peal.views.screens.lines import noted, safe, stamped
from peal.views.screens.scene import Scene
from peal.views.screens.spans import Row, Span, fit
from peal.views.screens.table import Screenful, render

_AFTER_EVENT = 0.5
"""Seconds between two drawings at the least."""
_AFTER_NOTHING = 1.0
"""Seconds between two drawings while something runs and nothing happens."""
_WHILE_WAITING = 10.0
"""Seconds between two drawings while nothing runs and a time is waited for."""
_AFTER_KEY = 0.05
"""Seconds between two drawings for a person who scrolls or drags the window."""
_ESTIMATE_AGAIN = 5.0
"""Seconds in which an estimate of the end holds, or more where there are many tasks: making it takes 16 ms for a thousand."""
_ESTIMATE_AGAIN_PER_TASK = 0.02
_SETTLING = 0.05
"""Seconds in which what follows from an event, like the next step, gets onto the same drawing."""


def next_drawing(
    drawn: float,
    changed: float | None,
    is_running: bool,
    is_waiting: bool = False,
    asked: float | None = None,
) -> float | None:
    """
    When to draw again, after a drawing at `drawn` and a first change at `changed`; None for not at all.

    A person has `asked` for something first then.
    """
    times = []
    if asked is not None:
        times.append(max(asked, drawn + _AFTER_KEY))
    if changed is not None:
        times.append(max(changed + _SETTLING, drawn + _AFTER_EVENT))
    if not times and (is_running or is_waiting):
        times.append(drawn + (_AFTER_NOTHING if is_running else _WHILE_WAITING))
    return min(times, default=None)


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


def _nobody() -> None:
    """Is not to be woken."""


@define
class Board:
    """The end of a terminal: a table for each plan at work, under a line of its own where there are several."""

    area: Area
    keys: Keys = OF_RUN
    """What is said of keys."""
    headline: str = ""
    """Above the tables; empty where there is nothing above one plan."""
    wake: Callable[[], None] = _nobody
    """Has the main thread draw soon; from any thread, and in signal handlers."""
    view: View = UNTOUCHED
    _tables: list["Live"] = field(factory=list)
    _drawn: float = float("-inf")
    _changed: float | None = None
    _asked: float | None = None
    """When a person asked for something that is not drawn yet."""
    _typed: deque[str] = field(factory=deque)
    """Keys that nobody has looked at yet."""
    _extent: Extent = NO_MORE
    _terminal: Terminal | None = None

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
        if not self._tables:
            self.close()
            self.view = UNTOUCHED

    def close(self) -> None:
        """Nobody hears keys any more, and the terminal has its modes back; what is drawn stays until it is drawn over."""
        terminal, self._terminal = self._terminal, None
        if terminal is not None:
            terminal.close()

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
        is_waiting = any(table.history.waiting for table in self._shown)
        return next_drawing(self._drawn, self._changed, is_running, is_waiting, self._asked)

    def draw(self) -> None:
        """All of it, now."""
        self._attend()
        self._turn()
        columns, room = self.area.room
        rows: list[Row] = [(Span(fit(self.headline, columns).rstrip(), "bold"),)] if self.headline else []
        now, shown = time.time(), self._shown
        for left, table in zip(range(len(shown), 0, -1), shown, strict=True):
            # What one has no use for is left to those below.
            seen = self._seen(table, now, columns, max((room - len(rows)) // left, 1), is_last=left == 1)
            rows += seen.rows
        self.area.draw(rows[:room])
        self._drawn, self._changed = time.monotonic(), None

    def _seen(self, table: "Live", now: float, columns: int, room: int, is_last: bool) -> Screenful:
        """One table; what is said of keys stands at the end of all."""
        view = self.view if is_last else evolve(self.view, keys=None, is_help=False)
        seen = render(table.scene(now, len(self._shown)), now, columns, room, view)
        self._extent = max(self._extent, seen.extent, key=lambda extent: (extent.is_more, extent.last))
        return seen

    def _attend(self) -> None:
        """Hear what a person types, from the first drawing on."""
        if self._terminal is None and self.area.out.is_terminal:
            self._terminal = Terminal(0, self._hear, self._redraw)
            self._terminal.open()
        is_heard = self._terminal is not None and self._terminal.is_heard
        self.view = evolve(self.view, keys=self.keys if is_heard else None)

    def _turn(self) -> None:
        """Do what keys ask for."""
        self._asked = None
        while self._typed:
            self.view = turned(self.view, self._typed.popleft(), self._extent)
        if not self.view.is_help:  # behind the help there is as much to see as before
            self._extent = NO_MORE

    def _hear(self, keys: tuple[str, ...]) -> None:
        """
        Keys were pressed; `q` ends the run only where it comes alone, for what comes with others at once is pasted text.

        From the help it leads back, as any key does.
        """
        if set(keys) == {QUIT} and not self.view.is_help:
            for _ in keys:
                os.kill(os.getpid(), signal.SIGINT)
            return
        self._typed.extend(keys)
        self._ask()

    def _redraw(self, is_overwritten: bool) -> None:
        """The terminal has another size, or others have written there."""
        self.area.is_overwritten = self.area.is_overwritten or is_overwritten
        self._ask()

    def _ask(self) -> None:
        if self._asked is None:
            self._asked = time.monotonic()
        self.wake()


@define(eq=False)
class Live:
    """Tasks of a plan as a table, with failures and what is said in lines above it."""

    board: Board
    segments: tuple[Segment, ...]
    """What was asked for."""
    last_output: Callable[[Attempt], str]
    label: str = ""
    """Before lines, where several plans are at work."""
    history: History = field(factory=History)
    begun: set[TaskId] = field(factory=set)
    """What was begun since the run was opened."""
    _decision: Decision = field(factory=Decision)
    _noted: set[str] = field(factory=set)
    _pace: Pace | None = None
    _ends_at: float | None = None
    _estimated: float = float("-inf")
    """When that was."""
    _between: tuple[int, ...] = ()
    """How much had come in between by then."""

    def scene(self, now: float, plans: int = 1) -> Scene:
        """What is seen of it at this moment, beside other plans."""
        return Scene(
            self.history,
            self.segments,
            self._decision,
            self.last_output,
            frozenset(self.begun),
            self._pace.per_hour(now) if self._pace else None,
            self._estimate(now, plans),
        )

    def _estimate(self, now: float, plans: int) -> float | None:
        """When the run ends, by an estimate that is not made anew for each drawing as long as nothing comes in between."""
        history = self.history
        between = (len(history.failed), len(history.held), len(history.waiting), history.stop is None)
        holds = max(_ESTIMATE_AGAIN, _ESTIMATE_AGAIN_PER_TASK * len(history.states))
        is_good = between == self._between and 0 <= now - self._estimated < holds
        if self._pace is not None and self._pace.finished and not is_good:
            self._estimated, self._between = now, between
            self._ends_at = end_of(history, self.segments, self._pace, now, plans)
        return self._ends_at

    def say(self, text: str) -> None:
        """One line, above the table while there is one."""
        self.board.say(text)

    def woken_by(self, wake: Callable[[], None]) -> None:
        """For keys, and for a terminal of another size."""
        self.board.wake = wake

    def decided(self, decision: Decision) -> None:
        """Tells which segment is the current one and what waits."""
        self._decision = decision

    def follow(self, events: Sequence[Event], history: History) -> None:
        """These events have been recorded, and are in the history."""
        self.history = history
        self.begun |= {event.task for event in events if isinstance(event, StepStarted)}
        if self._pace is None or any(isinstance(event, RunOpened) for event in events):
            self._pace = Pace.of(history)
        else:
            self._pace.follow(events, history)

    def show(self, events: Sequence[Event], history: History) -> None:
        """Failures, and what is noted, as lines; the rest is seen at the next drawing, which happens here when it is due."""
        self.follow(events, history)
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
