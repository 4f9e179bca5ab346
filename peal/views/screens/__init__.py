"""What a run is shown on: a terminal, a file or pipe, a program that reads JSON; one file each."""

import io
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TextIO

from peal.classes import define
from peal.model.decision import Decision
from peal.record.events import Event
from peal.record.history import History

_PLAIN = str.maketrans({"━": "#", "─": "-", "×": "x", "…": "~"})
"""For terminals that cannot write everything."""


class Screen(Protocol):
    """Shows a run; only the main thread draws."""

    def say(self, text: str) -> None:
        """One line that stays."""

    def decided(self, decision: Decision) -> None:
        """The loop is about to do this."""

    def show(self, events: Sequence[Event], history: History) -> None:
        """These events have just been recorded."""

    def woken_by(self, wake: Callable[[], None]) -> None:
        """`wake` lets it draw soon though nothing happens: it may be called from any thread, and in a signal handler."""

    def due(self) -> float | None:
        """When it wants to draw again though nothing happens, in wall-clock seconds; None for never."""

    def close(self) -> None:
        """The run is over; leave the terminal as it was."""


@define
class Output:
    """A stream whose reader may go away (`peal run … | head`, a closed terminal) without ending the run."""

    stream: TextIO
    is_heard: bool = True

    @classmethod
    def standard(cls) -> "Output":
        """Standard output; Python has none at all if peal was started with it closed."""
        return cls(sys.stdout) if sys.stdout else cls(io.StringIO(), is_heard=False)

    @property
    def is_terminal(self) -> bool:
        """Whether it is one, and somebody may look at it."""
        return self.is_heard and self.stream.isatty()

    def can_redraw(self, environ: Mapping[str, str]) -> bool:
        """Whether a person looks at a terminal on which lines can be written over: no file, no pipe, no CI."""
        in_ci = environ.get("CI", "").lower() not in ("", "false", "0")
        is_dumb = environ.get("TERM", "").lower() in ("", "dumb", "unknown")
        return self.is_terminal and not in_ci and not is_dumb

    @property
    def can_take(self) -> bool:
        """Whether a terminal takes something now: one that is stopped (Ctrl-S) would let who writes wait."""
        try:
            return bool(select.select([], [self.stream], [], 0)[1])
        except (OSError, ValueError):
            return True

    def put(self, line: str) -> None:
        """Print a line if anybody is there to read it."""
        self.write(line + "\n")

    def write(self, text: str) -> None:
        """Write at once if anybody is there to read it; what the stream has no letters for is replaced."""
        if self.is_heard:
            try:
                self._write(text)
            except (OSError, ValueError):
                self.is_heard = False

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
        except UnicodeEncodeError as error:
            known = text.translate(_PLAIN).encode(error.encoding, "replace")
            self.stream.write(known.decode(error.encoding))
        self.stream.flush()
