"""A program that runs on a machine, as it is followed from here: what it prints comes, and when it has to end is told there."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from attrs import evolve, field

from peal.classes import define
from peal.machines.connection import Connection, Question
from peal.machines.rpc import FarError
from peal.model.process import Ended, Ending, Sign
from peal.system.process import Cancel, Listener

_OUTPUTS = ("stdout", "stderr")


@define(eq=False)
class Errand:
    """One program, from before it starts to its end."""

    machine: Connection
    name: str
    outputs: str
    """What the paths begin with to which `stdout` and `stderr` are written."""
    cancel: Cancel
    """The run's."""
    _files: dict[str, IO[bytes]] = field(factory=dict)
    _error: OSError | None = None
    """Why what it prints could not be written here: nothing that the machine could help."""
    _told: set[bool] = field(factory=set)
    """How it was told to end: at once, or not."""

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Have what it prints written down as it comes; both files are there even if nothing does."""
        with ExitStack() as stack:
            for name in _OUTPUTS:
                file = Path(f"{self.outputs}{name}").open("ab", buffering=0)  # noqa: SIM115 - closed by the stack
                self._files[name] = stack.enter_context(file)
            with self.machine.hearing(self.name, self._heard):
                yield

    def followed(self, question: Question, sign: Callable[[str], Sign | None] | None) -> Ending:
        """Wait for its end; `MachineLost` if that is not told, OSError if it cannot be started, or its output be kept."""
        listener = Listener(sign, tuple(f"{self.outputs}{name}" for name in _OUTPUTS)) if sign else None
        heard: list[Ended] = []

        def look() -> None:
            if listener and not heard and (found := listener.heard(time.monotonic())):
                heard.append(found)
                self._end(hard=False)
            if self.cancel.is_set:
                self._end(self.cancel.hard)

        try:
            told = self.machine.answer(question, look)
        except FarError as error:
            raise OSError(0, f"machine `{self.machine.name}`: {error}") from None
        if self._error:
            raise self._error
        notes = tuple(f"machine `{self.machine.name}`: {note}" for note in told["notes"])
        ending = Ending(Ended(told["how"]), told["code"], told["seconds"], notes)
        return evolve(ending, how=heard[0]) if heard and ending.how is Ended.CANCELLED else ending

    def _heard(self, name: str, data: bytes) -> None:
        try:
            self._files[name].write(data)
        except OSError as error:
            self._error = self._error or error
            self._end(hard=False)

    def _end(self, hard: bool) -> None:
        if hard not in self._told:
            self._told.add(hard)
            self.machine.tell("cancel", self.name, hard)
