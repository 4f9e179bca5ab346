"""Attempts in threads of this process: the default."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue

from attrs import define, field

from peal.model.work import Order
from peal.record.events import Event, ProcessStarted
from peal.system.process import Cancel

Inbox = SimpleQueue[Event | BaseException]
"""Where workers and signal handlers put what happens; a SimpleQueue may be used inside a signal handler."""

_LONGEST_WAIT = 3600.0
_COMPANY = 0.05
"""Seconds that the news of a started process, which asks for no decision, waits for other news to go along with."""


@define
class Threads:
    """At most `places` attempts at once; raises in `wait` what a worker could not handle."""

    perform: Callable[[Order], None]
    inbox: Inbox
    stop: Cancel
    places: int
    _pool: ThreadPoolExecutor = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.places, thread_name_prefix="attempt")

    def submit(self, order: Order) -> None:
        """Hand the attempt to a thread."""
        self._pool.submit(self.perform, order)

    def wait(self, until: float | None) -> list[Event]:
        """Everything in the inbox, at least one event unless time runs out first."""
        seconds = _LONGEST_WAIT if until is None else min(max(until - time.time(), 0), _LONGEST_WAIT)
        found: list[Event | BaseException] = []
        with suppress(Empty):
            found.append(self.inbox.get(timeout=seconds))
            while isinstance(found[-1], ProcessStarted):
                found.append(self.inbox.get(timeout=_COMPANY))
            while True:
                found.append(self.inbox.get_nowait())
        events: list[Event] = []
        for at, happened in enumerate(found):
            if isinstance(happened, BaseException):
                if not events:
                    raise happened
                for later in found[at:]:  # what happened before it is to be recorded first
                    self.inbox.put(later)
                break
            events.append(happened)
        return events

    def cancel(self, hard: bool = False) -> None:
        """End every process that a worker waits for."""
        self.stop.set(hard)

    def close(self) -> None:
        """End what runs and wait for the threads."""
        self.stop.set(hard=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.stop.close()
