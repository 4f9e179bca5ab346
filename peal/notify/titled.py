"""Shows in a terminal's title how far the runs of one command are."""

import time
from collections.abc import Sequence

from attrs import field

from peal.classes import define
from peal.model.decision import Decision
from peal.notify.counts import Counted, added_up
from peal.notify.message import progress
from peal.record.events import Event, RunClosed, RunOpened, StepEnded
from peal.record.history import History
from peal.views.screens.terminal import Terminal

_EVERY = 0.1
"""Seconds between two titles at the least."""


@define(eq=False)
class Titled:
    """Those that are at work."""

    terminal: Terminal
    _at_work: dict[str, Counted] = field(factory=dict)
    _has_changed: bool = False
    _due: float = float("-inf")

    def of(self, plan: str) -> "_TitledPlan":
        """Who follows the run of one plan."""
        return _TitledPlan(self, plan)

    def opened(self, plan: str, history: History) -> None:
        """A plan is at work."""
        self._at_work[plan] = Counted.of(history)
        self._has_changed = True

    def changed(self) -> None:
        """One of them has come further."""
        self._has_changed = True

    def closed(self, plan: str) -> None:
        """It is over; the title stays until there is another."""
        del self._at_work[plan]
        self._has_changed = bool(self._at_work)

    def entitle(self) -> None:
        """Show it, if it is time."""
        if self._has_changed and (now := time.monotonic()) >= self._due:
            self._has_changed, self._due = False, now + _EVERY
            self.terminal.entitle(progress(tuple(self._at_work), added_up(self._at_work.values())))


@define(eq=False)
class _TitledPlan:
    titled: Titled
    plan: str

    def decided(self, decision: Decision) -> None:  # noqa: ARG002
        """What has changed by then is shown."""
        self.titled.entitle()

    def show(self, events: Sequence[Event], history: History) -> None:
        """Whatever a title could tell."""
        for event in events:
            match event:
                case StepEnded():
                    self.titled.changed()
                case RunOpened():
                    self.titled.opened(self.plan, history)
                case RunClosed():
                    self.titled.closed(self.plan)
