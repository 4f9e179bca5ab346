"""The machine does not go to sleep while a run goes on, as far as a program of the system's can see to that; the display may."""

import shutil
import time
from collections.abc import Callable, Sequence

from peal.classes import define
from peal.model.decision import Decision
from peal.record.events import Event, RunOpened
from peal.record.history import History
from peal.system.process import Companion
from peal.text.display import last_line

_EVERY = 1.0
"""Seconds between two looks at it."""
_WAITS = "cat"
"""Ends with its standard input, which is when peal does."""
_PROGRAMS: tuple[tuple[str, ...], ...] = (
    ("systemd-inhibit", "--what=idle:sleep", "--who=peal", "--why=a run goes on", "--mode=block", _WAITS),
    ("caffeinate", "-i", _WAITS),
)
_MAY_SLEEP = "the machine may go to sleep while the run goes on; `keep_awake = false` leaves it at that"


@define
class Awake:
    """Follows the runs of one command, from the first that is opened until it is closed."""

    is_asked_for: bool
    """A person has set the key: what becomes of it is told. By default it is a help where there is one."""
    say: Callable[[str], None]
    _companion: Companion | None = None
    _has_begun: bool = False
    _looks_at: float = 0.0

    def decided(self, decision: Decision) -> None:  # noqa: ARG002
        """In a turn of the loop, now and then: whether it is still seen to."""
        if self._companion is not None and (now := time.monotonic()) >= self._looks_at:
            self._looks_at = now + _EVERY
            self._look()

    def show(self, events: Sequence[Event], history: History) -> None:  # noqa: ARG002
        """It begins with the first run that is opened."""
        if not self._has_begun and any(isinstance(event, RunOpened) for event in events):
            self._has_begun = True
            self._begin()

    def close(self) -> None:
        """The machine may go to sleep again."""
        self._look()
        if self._companion is not None:
            self._companion.release()
            self._companion = None

    def _begin(self) -> None:
        argv = next((argv for argv in _PROGRAMS if shutil.which(argv[0])), None)
        if argv is None:
            names = " nor ".join(f"`{name}`" for name, *_ in _PROGRAMS)
            self._tell(f"`keep_awake`: neither {names} is here; {_MAY_SLEEP}")
            return
        try:
            self._companion = Companion.start(argv)
        except OSError as error:
            self._tell(f"`keep_awake`: `{argv[0]}` cannot be started: {error.strerror}; {_MAY_SLEEP}")

    def _look(self) -> None:
        if self._companion is not None and self._companion.has_ended:
            said = last_line(self._companion.said())
            self._companion.release()
            self._companion = None
            self._tell(f"`keep_awake`: it was given up{f' ({said})' if said else ''}; {_MAY_SLEEP}")

    def _tell(self, text: str) -> None:
        if self.is_asked_for:
            self.say(text)
