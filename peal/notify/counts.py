"""How many tasks of a run stand how; pure."""

from collections.abc import Iterable

from peal.classes import frozen
from peal.model.notification import Counts
from peal.model.plan import TaskId
from peal.record.history import History


@frozen
class Counted:
    """A run whose tasks are counted; where tasks come while it goes on, what was done before is none of it."""

    history: History
    before: int

    @classmethod
    def of(cls, history: History) -> "Counted":
        """A run that has just been opened."""
        is_open_ended = history.opened is not None and history.opened.is_open_ended
        return cls(history, len(history.completed) if is_open_ended else 0)

    @property
    def counts(self) -> Counts:
        """How many of those that were asked for stand how by now."""
        history, opened = self.history, self.history.opened
        meant = None if opened is None or opened.selected is None else frozenset(opened.selected)

        def number(tasks: set[TaskId]) -> int:
            return len(tasks) if meant is None else len(meant & tasks)

        every = None if opened and opened.is_open_ended else len(history.states if meant is None else meant)
        done = max(number(history.completed) - self.before, 0)
        return Counts(done, number(history.failed), number(history.held), every)


def added_up(runs: Iterable[Counted]) -> Counts:
    """Those of several together."""
    found = [run.counts for run in runs]
    alls = [one.all for one in found]
    known = [one for one in alls if one is not None]
    return Counts(
        sum(one.done for one in found),
        sum(one.failed for one in found),
        sum(one.held for one in found),
        sum(known) if len(known) == len(alls) else None,
    )
