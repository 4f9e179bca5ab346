"""Attempts in threads of this process: the default."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Protocol

from attrs import field

from peal.classes import define
from peal.executors import Happened
from peal.model.work import Order
from peal.record.events import ProcessStarted
from peal.system.process import Cancel

Inbox = SimpleQueue[Happened | BaseException | None]
"""Where workers and signal handlers put what happens; a SimpleQueue may be used inside a signal handler. None only wakes."""

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
    """At most `places` attempts at once, of plans that come and go; raises in `wait` what a performer could not handle."""

    inbox: Inbox
    places: int
    _performers: dict[str, Performer] = field(factory=dict)
    """By plan."""
    _submitted: dict[str, list[futures.Future[None]]] = field(factory=lambda: defaultdict(list))
    """What may still be at work, by plan."""
    _pool: futures.ThreadPoolExecutor = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = futures.ThreadPoolExecutor(self.places, thread_name_prefix="attempt")

    @contextmanager
    def performing(self, plan: str, performer: Performer) -> Iterator[None]:
        """Attempts at a plan are for this performer; what of them runs at the end is ended."""
        self._performers[plan] = performer
        try:
            yield
        finally:
            performer.cancel.set(hard=True)
            for future in self._submitted.pop(plan, ()):
                future.cancel()
                futures.wait([future])
            del self._performers[plan]
            performer.cancel.close()

    def beside(self, work: Callable[[], object]) -> None:
        """Do something in a thread that nobody waits for before it is needed."""
        self._pool.submit(work)

    def submit(self, plan: str, order: Order) -> None:
        """Hand the attempt to a thread."""
        left = [future for future in self._submitted[plan] if not future.done()]
        self._submitted[plan] = [*left, self._pool.submit(self._performers[plan].perform, order)]

    def wait(self, until: float | None) -> list[Happened]:
        """Everything in the inbox; waits for one thing, or for `wake`, unless time runs out first."""
        seconds = _LONGEST_WAIT if until is None else min(max(until - time.time(), 0), _LONGEST_WAIT)
        found: list[Happened | BaseException | None] = []
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
            if happened is not None:
                known.append(happened)
        return known

    def wake(self) -> None:
        """Nothing has happened, and somebody is to look all the same."""
        self.inbox.put(None)

    def cancel(self, plan: str, hard: bool = False) -> None:
        """End every process that an attempt at this plan waits for."""
        self._performers[plan].cancel.set(hard)

    def close(self) -> None:
        """End the threads; nobody performs any more."""
        self._pool.shutdown(wait=True)


def _can_wait(happened: Happened | BaseException | None) -> bool:
    return isinstance(happened, Happened) and isinstance(happened.event, ProcessStarted)
