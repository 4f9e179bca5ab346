"""Attempts in threads of this process: the default."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Protocol

from attrs import define, field

from peal.executors import Happened
from peal.model.work import Order
from peal.record.events import ProcessStarted
from peal.system.process import Cancel

Inbox = SimpleQueue[Happened | BaseException]
"""Where workers and signal handlers put what happens; a SimpleQueue may be used inside a signal handler."""

_LONGEST_WAIT = 3600.0
_COMPANY = 0.05
"""Seconds that the news of a started process, which asks for no decision, waits for other news to go along with."""


class Performer(Protocol):
    """Does attempts at the tasks of a plan, in whatever thread it is called in."""

    @property
    def cancel(self) -> Cancel:
        """Ends every process that an attempt waits for."""

    def perform(self, order: Order) -> None:
        """Carry an attempt out; the last thing put into the inbox is its end."""


@define
class Threads:
    """At most `places` attempts at once; raises in `wait` what a performer could not handle."""

    performers: Mapping[str, Performer]
    """By plan."""
    inbox: Inbox
    places: int
    _pool: ThreadPoolExecutor = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.places, thread_name_prefix="attempt")

    def submit(self, plan: str, order: Order) -> None:
        """Hand the attempt to a thread."""
        self._pool.submit(self.performers[plan].perform, order)

    def wait(self, until: float | None) -> list[Happened]:
        """Everything in the inbox, at least one thing unless time runs out first."""
        seconds = _LONGEST_WAIT if until is None else min(max(until - time.time(), 0), _LONGEST_WAIT)
        found: list[Happened | BaseException] = []
        with suppress(Empty):
            found.append(self.inbox.get(timeout=seconds))
            while _can_wait(found[-1]):
                found.append(self.inbox.get(timeout=_COMPANY))
            while True:
                found.append(self.inbox.get_nowait())
        known: list[Happened] = []
        for at, happened in enumerate(found):
            if isinstance(happened, BaseException):
                if not known:
                    raise happened
                for later in found[at:]:  # what happened before it is to be recorded first
                    self.inbox.put(later)
                break
            known.append(happened)
        return known

    def cancel(self, plan: str, hard: bool = False) -> None:
        """End every process that an attempt at this plan waits for."""
        self.performers[plan].cancel.set(hard)

    def close(self) -> None:
        """End what runs and wait for the threads."""
        for performer in self.performers.values():
            performer.cancel.set(hard=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
        for performer in self.performers.values():
            performer.cancel.close()


def _can_wait(happened: Happened | BaseException) -> bool:
    return isinstance(happened, Happened) and isinstance(happened.event, ProcessStarted)
