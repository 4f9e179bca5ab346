"""Programs that are told something beside a run: nothing waits for them, and nothing of them is left."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from attrs import field

from peal.agents.registry import surroundings
from peal.classes import define, frozen
from peal.errors import PealError
from peal.model.notification import Notification
from peal.model.process import Ended, Ending
from peal.notify.message import as_json
from peal.system import signals
from peal.system.files import end_of, put
from peal.system.process import Cancel, Clocks, Launch
from peal.system.scratch import Scratch, watched
from peal.text.display import duration, tail

EVENT = "PEAL_EVENT"
_MOST_OUTPUT = 1_000_000
"""Bytes."""
_GRACE_SEC = 1.0
"""Seconds after which a person is told that there is something to wait for, and between TERM and KILL where nobody waits."""
_HOPELESS_SEC = 5.0
"""Seconds after which a program that KILL does not end is left to the reaper."""
_LINES, _LONGEST = 3, 300
"""Of what a program has complained of; letters of it."""


@frozen
class Channel:
    """A program that carries words to a person."""

    name: str
    """What people are told that it is."""
    argv: tuple[str, ...]
    stdin: Callable[[str], str]
    """What it reads, given the event."""


@define(eq=False)
class Sending:
    """
    Hands events to programs, each in a thread of its own; only `close` waits for them.

    They run in the repository, with the person's own environment and the event in PEAL_EVENT. What goes wrong changes nothing
    and is told once for each channel.
    """

    channels: tuple[Channel, ...]
    repo: Path
    hide: Callable[[str], str]
    timeout: float
    """Seconds that a program may take."""
    run: str = field(factory=lambda: uuid.uuid4().hex[:12])
    _threads: list[Thread] = field(factory=list)
    _failures: SimpleQueue[tuple[str, str]] = field(factory=SimpleQueue)
    _told: set[str] = field(factory=set)
    _stack: ExitStack = field(factory=ExitStack)
    _scratch: Scratch | None = None
    _cancel: Cancel | None = None

    def send(self, told: Notification) -> None:
        """Begin to tell everybody; returns at once."""
        event = as_json(told, self.hide)
        for channel in self.channels:
            try:
                self._begin(channel, event)
            except (PealError, RuntimeError) as error:  # no room for its files, or no thread to be had
                self.failed(channel.name, str(error))

    def _begin(self, channel: Channel, event: str) -> None:
        place, cancel = self._opened()
        number = len(self._threads) + 1
        work = _Work(channel, event, number, self, place, cancel)
        thread = Thread(target=work.carry_out, name=f"notify-{number}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def failed(self, name: str, why: str) -> None:
        """A channel could not tell; from any thread."""
        self._failures.put((name, why))

    def news(self) -> Iterator[str]:
        """What went wrong since the last time, of each channel what was first."""
        while True:
            try:
                name, why = self._failures.get_nowait()
            except Empty:
                return
            if name not in self._told:
                self._told.add(name)
                yield self.hide(f"{name} could not tell you: {why}; the run is not changed by that")

    def close(self, say: Callable[[str], None], at_once: bool = False) -> None:
        """
        Returns when no program is left: their time is over soon, and so it is by a signal, or `at_once`.

        `say` is told where a person has to wait for that.
        """
        if self._cancel is None:
            return
        cancel = self._cancel
        with signals.heard(lambda _: cancel.set(hard=cancel.is_set), besides=True):
            if at_once:
                cancel.set()
            if not self._over_within(_GRACE_SEC) and not cancel.is_set:
                say(f"you are still being told, for {duration(self.timeout)} at most; Ctrl-C ends that")
                self._over_within(self.timeout)
            cancel.set(hard=True)
            self._over_within(_HOPELESS_SEC)
        self._stack.close()
        self._cancel = None

    def _over_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    def _opened(self) -> tuple[Scratch, Cancel]:
        """The folder and what ends everybody, made when they are needed first."""
        if self._scratch is None or self._cancel is None:
            place = watched(self.run, lambda text: self.failed("peal", text))
            self._scratch = self._stack.enter_context(place)
            self._cancel = Cancel()
        return self._scratch, self._cancel


@frozen
class _Work:
    """One program that is told one event."""

    channel: Channel
    event: str
    number: int
    sending: Sending
    place: Scratch
    cancel: Cancel

    def carry_out(self) -> None:
        """To its end; what went wrong is put where it is told."""
        try:
            why = self._failure()
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        if why:
            self.sending.failed(self.channel.name, why)

    def _failure(self) -> str:
        output = self.place.folder / f"{self.number}.out"
        put(str(output), "")
        ending = self.place.carry_out(f"notify-{self.number}", self._launch(str(output)), self.cancel)
        return _failure(ending, output, self.sending.hide)

    def _launch(self, output: str) -> Launch:
        read = str(self.place.folder / f"{self.number}.in")
        put(read, self.channel.stdin(self.event))
        repo = self.sending.repo
        env = {**surroundings(), EVENT: self.event, "PWD": str(repo), "TMPDIR": str(self.place.folder)}
        encoded = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
        clocks = Clocks(self.sending.timeout, None, _MOST_OUTPUT)
        return Launch(self.channel.argv, repo, encoded, output, output, stdin=read, clocks=clocks)


def _failure(ending: Ending, output: Path, hide: Callable[[str], str]) -> str:
    if ending.is_clean:
        return ""
    match ending.how:
        case Ended.TIMED_OUT:
            return f"it was ended after {duration(ending.seconds)}"
        case Ended.FLOODED:
            return f"it was ended, for it wrote more than {_MOST_OUTPUT // 1_000_000} MB"
        case Ended.CANCELLED:
            return "it was ended with the run"
    said = hide(" | ".join(line for line in tail(end_of(output), _LINES) if line))
    if len(said) > _LONGEST:  # its end: where an output begins that was cut, half of a secret may stand
        said = f"…{said[1 - _LONGEST :]}"
    return f"{ending.status}{f' ({said})' if said else ''}"
