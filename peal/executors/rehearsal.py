"""Attempts that are only told about and always pass: `--dry-run`."""

import time
from collections.abc import Callable

from attrs import define, field

from peal.model.work import Order, Outcome, Result
from peal.record.events import Event, StepEnded


@define
class Rehearsal:
    """Passes every attempt as soon as it has been told."""

    tell: Callable[[Order], None]
    _happened: list[Event] = field(factory=list)

    def submit(self, order: Order) -> None:
        """Tell of the attempt; it has passed."""
        self.tell(order)
        outcome = Outcome(Result.PASSED, "rehearsed")
        self._happened.append(StepEnded(time.time(), order.task.id, order.phase.name, order.number, outcome))

    def wait(self, until: float | None) -> list[Event]:  # noqa: ARG002 - nothing takes time here
        """One end at a time, in the order they were submitted."""
        return [self._happened.pop(0)] if self._happened else []

    def cancel(self, hard: bool = False) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is held."""
