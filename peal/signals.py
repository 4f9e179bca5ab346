"""Ctrl-C and its kin, heard for as long as somebody listens."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
"""What each of them does to a run."""


@contextmanager
def heard(by: Callable[[int], None]) -> Iterator[None]:
    """Hand their numbers to `by` instead of ending peal; a hang-up that was ignored before (nohup) stays ignored."""

    def hear(number: int, _frame: FrameType | None) -> None:
        by(number)

    before = {number: signal.getsignal(number) for number in NAMES}
    for number in NAMES:
        if number is not signal.SIGHUP or before[number] is not signal.SIG_IGN:
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
