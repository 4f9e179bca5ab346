"""Attempts that are only told about and always pass: `--dry-run`."""

import time
from collections.abc import Callable

from attrs import field

from peal.classes import define
from peal.executors import Happened
from peal.model.work import Order, Outcome
from peal.record.events import StepEnded


@define
class Rehearsal:
    """Passes every attempt as soon as it has been told."""

    tell: Callable[[Order], Outcome]
    """Tells of an attempt, and with what it passes."""
    _happened: list[Happened] = field(factory=list)

    def submit(self, plan: str, order: Order) -> None:
        """Tell of the attempt; it has passed."""
        outcome = self.tell(order)
        ended = StepEnded(time.time(), order.task.id, order.phase.name, order.number, outcome)
        self._happened.append(Happened(ended, plan))

    def wait(self, until: float | None) -> list[Happened]:  # noqa: ARG002 - nothing takes time here
        """One end at a time, in the order they were submitted."""
        return [self._happened.pop(0)] if self._happened else []

    def wake(self) -> None:
        """Nobody waits."""

    def cancel(self, plan: str, hard: bool = False) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is held."""
