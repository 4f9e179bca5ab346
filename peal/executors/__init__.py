"""How attempts are carried out at once: `submit`, `wait`, `cancel`; one file each."""

from typing import Protocol

from peal.classes import frozen
from peal.model.work import Order
from peal.record.events import Event


@frozen
class Happened:
    """Something that has happened to a plan; to all that are under way, where none is named."""

    event: Event
    plan: str = ""


class Executor(Protocol):
    """Carries out attempts, of one plan or of several; what happens comes back in the order it happened."""

    def submit(self, plan: str, order: Order) -> None:
        """Carry this attempt at a task of a plan out, beside the others."""

    def wait(self, until: float | None) -> list[Happened]:
        """What has happened; waits for something to happen, but not past `until` (wall-clock seconds)."""

    def wake(self) -> None:
        """Have `wait` return though nothing has happened; from any thread, and in a signal handler."""

    def cancel(self, plan: str, hard: bool = False) -> None:
        """End what runs of a plan; every submitted attempt still reports its end."""

    def close(self) -> None:
        """End what runs and give everything back."""
