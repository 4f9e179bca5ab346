"""A machine as it is seen from here: connected to, and again when the link has ended."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from attrs import Factory, field

from peal.classes import define
from peal.errors import MachineLost
from peal.machines.connection import Connection
from peal.machines.link import Begin

START_SEC = 60.0
"""Seconds that a machine may take to say who it is, unless a person says otherwise: ssh, or a container, has to begin first."""
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


@define(eq=False)
class Machine:
    """Used from any thread."""

    name: str
    begin: Begin
    silence: float
    start_sec: float = START_SEC
    """Seconds until it says who it is: it may stand in a queue."""
    why_not: str = field(
        default=Factory(lambda self: f"machine `{self.name}` does not answer yet", takes_self=True)
    )
    """Why it was not there when that was last seen, in words for a person."""
    unfit: Callable[[Connection], str] = lambda _: ""
    """Why nothing may run there though it answers, in words that follow its name; empty for nothing."""
    _connection: Connection | None = None
    _unmet: Connection | None = None
    """That of a link which is begun, and at whose end nobody has answered yet."""
    _connecting: threading.Lock = field(factory=threading.Lock)
    """Held for as long as a link is begun."""
    _failures: int = 0
    _not_before: float = 0.0
    _is_closed: bool = False

    @property
    def is_there(self) -> bool:
        """Whether it answers, as far as is known."""
        return self._connection is not None

    def met(self) -> Connection:
        """The connection to it, at once; `MachineLost` if there is none now."""
        if connection := self._connection:
            return connection
        raise MachineLost(self.why_not)

    def connect(self) -> Connection:
        """The same, for which a link is begun if there is none: that takes `start_sec` at most."""
        with self._connecting:
            return self._connection or self._connected()

    def connect_beside(self) -> bool:
        """
        Have it connected to in a thread, if enough time has passed since that failed; whether that is under way.

        A host that is switched off may take a minute to be so, for which nobody has to wait.
        """
        is_due = not self._is_closed and time.monotonic() >= self._not_before
        if is_due and self._connecting.acquire(blocking=False):
            threading.Thread(
                target=self._connect_beside, name=f"machine {self.name} anew", daemon=True
            ).start()
        return self._connecting.locked()

    def close(self) -> None:
        """Let it go, and connect to it no more."""
        self._is_closed = True
        for connection in (self._connection, self._unmet):
            if connection:
                connection.close()

    # --- inside

    def _connect_beside(self) -> None:
        try:
            with suppress(MachineLost):
                self._connected()
        finally:
            self._connecting.release()

    def _connected(self) -> Connection:
        try:
            connection = self._unmet = Connection.open(
                self.name, self.begin, self.silence, self.start_sec, self._ended
            )
            if self._is_closed:
                connection.close()
            connection.meet(self.start_sec)
            self._check(connection)
        except MachineLost as lost:
            self._put_off(str(lost))
            raise
        finally:
            self._unmet = None
        self._connection, self._failures = connection, 0
        if self._is_closed or connection.is_over:  # in the meantime
            self._ended(connection, "it is gone")
            connection.close()
        return connection

    def _check(self, connection: Connection) -> None:
        if why := self.unfit(connection):
            connection.close()
            raise MachineLost(f"machine `{self.name}`: {why}")

    def _ended(self, connection: Connection, why: str) -> None:
        if self._connection is connection:
            self._connection = None
            self._put_off(str(connection.lost(why)))

    def _put_off(self, why: str) -> None:
        """Not to be connected to again for a while."""
        self._failures += 1
        self._not_before = time.monotonic() + min(_PAUSE * 2**self._failures, _LONGEST_PAUSE)
        self.why_not = why
