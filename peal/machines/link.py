"""What a machine is spoken with through, and the way to one that is a command."""

from collections.abc import Callable, Sequence
from typing import Protocol

from peal.machines.rpc import LinkError
from peal.system.process import Pipe


class Link(Protocol):
    """Two file descriptors that lead to `peal machine`; as `Pipe` is one."""

    @property
    def read(self) -> int:
        """What it says."""

    @property
    def write(self) -> int:
        """What it hears."""

    def complaint(self) -> str:
        """What is known of why it has ended; empty for nothing."""

    def kill(self) -> None:
        """End it at once: whoever waits to be heard by it is woken."""

    def close(self) -> None:
        """Let it go; nobody may write to it any more. What it has said can still be read."""


Begin = Callable[[], Link]
"""Begins a link; `LinkError` if that cannot be."""


def by_command(argv: Sequence[str], watch: Callable[[int], None]) -> Link:
    """
    That of a command which gives a pipe to `peal machine`.

    `watch` is told of it: what does not read, as in a queue, does not hear that peal is gone.
    """
    try:
        pipe = Pipe.start(argv)
    except OSError as error:
        raise LinkError(f"`{argv[0]}` cannot be started: {error.strerror}") from None
    watch(pipe.pid)
    return pipe
