"""What happened, for machines: JSON lines in the plan's folder, and plain lines on stderr on request."""

import sys
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import Any, TextIO, cast

from attrs import define, field

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

    A thread of its own writes, and imports structlog, the dearest import of all, so that neither holds up a run. A
    log that cannot be written ends nothing: the journal on the same disk is what has to be kept.
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

    def tell(self, level: str, event: str, facts: dict[str, Any]) -> None:
        """One line everywhere the level is wanted."""
        if self.path is None:
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
            loggers = self._opened(files)
            while not (is_last := self._is_over.wait(_EVERY)) or not self._lines.empty():
                self._write_lines(loggers)
                if is_last:
                    return

    def _write_lines(self, loggers: list[Any]) -> None:
        with suppress(Empty):
            while True:
                level, event, facts = self._lines.get_nowait()
                for logger in loggers:
                    getattr(logger, level)(event, **facts)

    def _opened(self, files: ExitStack) -> list[Any]:
        from structlog.processors import JSONRenderer, KeyValueRenderer

        assert self.path is not None
        renderer = JSONRenderer(lambda line, **_: as_json(line))
        file = files.enter_context(self.path.open("a", encoding="utf-8"))
        loggers = [_logger(file, renderer, LEVELS[self.level]).bind(**self.bound)]
        if self.also:
            with suppress(OSError):
                more = files.enter_context(self.also.open("a", encoding="utf-8"))
                loggers.append(_logger(_Tolerant(more), renderer, LEVELS[self.level]).bind(**self.bound))
        if self.verbose:
            readable = KeyValueRenderer(key_order=["timestamp", "event"])
            loggers.append(_logger(_Tolerant(sys.stderr), readable, LEVELS["debug"]))
        return loggers


def line_of(event: Event) -> Line:
    """An event as a line of the log: level, words and facts."""
    match event:
        case StepStarted():
            return "debug", "step started", {**_where(event), "agent": event.agent}
        case ProcessStarted():
            return "debug", "process started", {**_where(event), "pid": event.pid}
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


def _logger(file: TextIO | _Tolerant, renderer: Any, level: int) -> Any:
    import structlog

    return structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", file)),
        processors=[structlog.stdlib.add_log_level, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
