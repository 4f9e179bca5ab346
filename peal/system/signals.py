"""Ctrl-C and its kin, heard for as long as somebody listens."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from peal.classes import define

NAMES: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
"""What each of them does to a run."""


class Stopped(BaseException):
    """A person, or their system, has ended peal before there was anything that had to be brought to an end."""

    def __init__(self, number: int) -> None:
        super().__init__(NAMES[number])
        self.number = number

    @property
    def code(self) -> int:
        """The exit code that says so, as a shell has it."""
        return 128 + self.number


@define
class Hearing:
    """
    What a signal does, from a run's beginning to its last line.

    At first it raises `Stopped`, once; who has something to bring to an end takes it over; and when the end is known no
    signal changes it any more, so that what is told of a run and what is remembered are the same.
    """

    _by: Callable[[int], None] | None = None
    _has_raised: bool = False

    def hand_to(self, by: Callable[[int], None]) -> None:
        """From now on signals are for `by`."""
        self._by = by

    def end(self) -> None:
        """From now on they change nothing."""
        self._by = _pass_over

    def hear(self, number: int) -> None:
        """A signal has come."""
        if self._by is not None:
            self._by(number)
        elif not self._has_raised:
            self._has_raised = True
            raise Stopped(number)


def _pass_over(_number: int) -> None:
    pass


@contextmanager
def listening() -> Iterator[Hearing]:
    """Signals are heard, by whoever it is handed to."""
    hearing = Hearing()
    with heard(hearing.hear):
        yield hearing


@contextmanager
def heard(by: Callable[[int], None], besides: bool = False) -> Iterator[None]:
    """
    Hand their numbers to `by` instead of ending peal; a hang-up that was ignored before (nohup) stays ignored.

    `besides` whoever has heard them so far and goes on hearing them.
    """

    def hear(number: int, frame: FrameType | None) -> None:
        by(number)
        if besides and callable(others := before[number]):
            others(number, frame)

    before = {number: signal.getsignal(number) for number in NAMES}
    for number in NAMES:
        if number is not signal.SIGHUP or before[number] is not signal.SIG_IGN:
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def kept() -> Iterator[Sequence[int]]:
    """
    The signals that have come meanwhile, which are heeded afterwards: as long as it lasts no handler raises anything.

    What one raises in the middle of `os.fork` is lost, for Python passes over what goes wrong in a callback of
    `os.register_at_fork`; in the middle of code that takes locks it may leave one that nobody opens.
    """
    came: list[int] = []
    before = {number: handler for number in NAMES if callable(handler := signal.getsignal(number))}
    try:
        for number in before:
            signal.signal(number, lambda number, _: came.append(number))
    except ValueError:  # not the main thread, which alone runs handlers
        before = {}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in came:
        signal.raise_signal(number)
