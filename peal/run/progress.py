"""Notices a run that goes round in circles: a step that ends again and again, at once, and nothing comes of it."""

from collections.abc import Iterable

from attrs import evolve, field

from peal.classes import define, frozen
from peal.model.work import NO_CHANGE, Change, Step
from peal.record.events import Event, StepEnded
from peal.record.history import History
from peal.record.task_state import TaskState

_AT_MOST = 100
"""Ends of a step in a row from which nothing follows; more than any rule for trying again allows at once."""
_AT_ONCE = 1.0
"""Seconds from one end to the next within which nobody has waited for anything."""


class NoProgressError(RuntimeError):
    """The run would go on for ever: a bug in peal."""


@frozen
class _Standing:
    """What has to change for a step to have got anywhere."""

    next: str | None
    failures: int = 0
    conflicts: int = 0
    rounds: int = 0
    change: Change = NO_CHANGE

    @classmethod
    def of(cls, state: TaskState) -> "_Standing":
        return cls(state.next, state.failures, state.conflicts, len(state.seen), state.change)


@frozen
class _Ends:
    """How a step has ended so far."""

    standing: _Standing
    at: float
    count: int = 0


@define
class Progress:
    """Follows a run; `note` raises `NoProgressError` when it gets nowhere."""

    _ends: dict[Step, _Ends] = field(factory=dict)

    def note(self, events: Iterable[Event], history: History) -> None:
        """These events have just been recorded."""
        for event in events:
            if isinstance(event, StepEnded):
                self._ended(Step(event.task, event.phase), event.at, history.states[event.task])

    def _ended(self, step: Step, at: float, state: TaskState) -> None:
        before, now = self._ends.get(step), _Ends(_Standing.of(state), at)
        if before and before.standing == now.standing and at - before.at < _AT_ONCE:
            now = evolve(now, count=before.count + 1)
        if now.count >= _AT_MOST:
            raise NoProgressError(f"{step} has ended {now.count} times in a row, and nothing came of it")
        self._ends[step] = now
