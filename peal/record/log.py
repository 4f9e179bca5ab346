"""What happened, for machines: JSON lines in the plan's folder, and plain lines on stderr on request."""

import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import Any, TextIO

from attrs import field

from peal.classes import define, frozen
from peal.model.plan import id_as_json
from peal.model.work import Weight
from peal.record.events import (
    Event,
    ProcessStarted,
    RunClosed,
    StepEnded,
    StepStarted,
    StopAsked,
    as_json,
)

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_EVERY = 0.25
"""Seconds between two writings at the most."""

Line = tuple[str, str, dict[str, Any]]
"""Level, words and facts."""


@define(eq=False)
class Log:
    """
    Logs into `path` and `also` from `level` on, and to stderr if `verbose`; `bound` goes with every line. Nothing
    without a path.

    A thread of its own writes, so that no run waits for a disk or a reader. A log that cannot be written ends nothing:
    the journal on the same disk is what has to be kept.
    """

    path: Path | None = None
    level: str = "info"
    verbose: bool = False
    bound: dict[str, str] = field(factory=dict)
    also: Path | None = None
    """A file that a person has named."""
    _lines: SimpleQueue[Line] = field(factory=SimpleQueue)
    _is_over: Flag = field(factory=Flag)
    _thread: Thread | None = None

    def wants(self, level: str) -> bool:
        """Whether a line of this level goes anywhere."""
        return self.path is not None and (self.verbose or LEVELS[level] >= LEVELS[self.level])

    def tell(self, level: str, event: str, facts: dict[str, Any]) -> None:
        """One line everywhere the level is wanted."""
        if not self.wants(level):
            return
        self._lines.put((level, event, {**facts, "timestamp": datetime.now(UTC).isoformat()}))
        if self._thread is None:
            self._thread = Thread(target=self._write, name="log", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Returns when everything told has been written."""
        self._is_over.set()
        if self._thread:
            self._thread.join()

    def _write(self) -> None:
        with suppress(OSError), ExitStack() as files:
            handlers = self._opened(files)
            while not (is_last := self._is_over.wait(_EVERY)) or not self._lines.empty():
                self._write_lines(handlers)
                if is_last:
                    return

    def _write_lines(self, handlers: list["_Handler"]) -> None:
        with suppress(Empty):
            while True:
                line = self._lines.get_nowait()
                for handler in handlers:
                    handler.write(line)

    def _opened(self, files: ExitStack) -> list["_Handler"]:
        assert self.path is not None
        file = files.enter_context(self.path.open("a", encoding="utf-8"))
        handlers = [_Handler(file, as_json, LEVELS[self.level], self.bound)]
        if self.also:
            with suppress(OSError):
                more = files.enter_context(self.also.open("a", encoding="utf-8"))
                handlers.append(_Handler(_Tolerant(more), as_json, LEVELS[self.level], self.bound))
        if self.verbose:
            handlers.append(_Handler(_Tolerant(sys.stderr), _readable, LEVELS["debug"]))
        return handlers


def line_of(event: Event) -> Line:
    """An event as a line of the log: level, words and facts."""
    match event:
        case StepStarted():
            return "debug", "step started", {**_where(event), "agent": event.agent}
        case ProcessStarted():
            place = {"machine": event.machine} if event.machine else {"pid": event.pid}
            return "debug", "process started", {**_where(event), **place}
        case StepEnded(outcome=outcome):
            level = "warning" if outcome.result.weight in (Weight.WARNING, Weight.FAILURE) else "info"
            facts = {**_where(event), "result": str(outcome.result), "reason": outcome.reason}
            return level, "step ended", {**facts, **({"notes": outcome.notes} if outcome.notes else {})}
        case StopAsked():
            return "warning", "stop asked", {"why": event.why}
        case RunClosed():
            return "info", "run closed", {"code": event.code, "why": event.why}
    return "info", type(event).__name__, {}


def _where(event: StepStarted | ProcessStarted | StepEnded) -> dict[str, Any]:
    return {"task": id_as_json(event.task), "phase": str(event.phase), "attempt": event.attempt}


@define(eq=False)
class _Tolerant:
    """A stream whose reader may go away while the log in the file goes on."""

    stream: TextIO

    def write(self, text: str) -> None:
        """Write if anybody is there."""
        with suppress(OSError, ValueError):
            self.stream.write(text)

    def flush(self) -> None:
        """Flush if anybody is there."""
        with suppress(OSError, ValueError):
            self.stream.flush()


@frozen
class _Handler:
    """Where lines go from one level on, and how they are written there."""

    stream: TextIO | _Tolerant
    written: Callable[[dict[str, Any]], str]
    least: int
    bound: dict[str, str] = field(factory=dict)

    def write(self, line: Line) -> None:
        """Write the line at once if its level is wanted."""
        level, event, facts = line
        if LEVELS[level] >= self.least:
            told = {**self.bound, **facts, "event": event, "level": level}
            self.stream.write(f"{self.written(told)}\n")
            self.stream.flush()


def _readable(told: dict[str, Any]) -> str:
    first = {name: told[name] for name in ("timestamp", "event")}
    return " ".join(f"{name}={value!r}" for name, value in {**first, **told}.items())
