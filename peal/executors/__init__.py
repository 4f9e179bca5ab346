"""How attempts are carried out at once: `submit`, `wait`, `cancel`; one file each."""

from typing import Protocol

from peal.model.work import Order
from peal.record.events import Event


class Executor(Protocol):
    """Carries out attempts; what happens comes back as events, in the order it happened."""

    def submit(self, order: Order) -> None:
        """Carry this attempt out, beside the others."""

    def wait(self, until: float | None) -> list[Event]:
        """What has happened; waits for something to happen, but not past `until` (wall-clock seconds)."""

    def cancel(self, hard: bool = False) -> None:
        """End what runs; every submitted attempt still reports its end."""

    def close(self) -> None:
        """End what runs and give everything back."""
