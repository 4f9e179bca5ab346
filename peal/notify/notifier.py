"""Follows the runs of one command, and sees to it that a person is told when that is due."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, field

from peal.classes import define
from peal.model.decision import Decision, Halt
from peal.model.notification import Cause, Notification
from peal.model.work import Result
from peal.notify import causes
from peal.notify.causes import Pause, PlanSeen
from peal.notify.counts import Counted, added_up
from peal.record.events import Event, RunClosed, RunOpened, StepEnded, StepStarted
from peal.record.history import History
from peal.text.names import ranges

if TYPE_CHECKING:
    from peal.notify.sending import Sending


@define(eq=False)
class Notifier:
    """One word at a time, at most one for one cause."""

    on: frozenset[Cause]
    repo: str
    open_sending: "Callable[[], Sending]"
    """Makes what carries words, when there is one to be carried."""
    say: Callable[[str], None]
    """Is told what could not be sent."""
    ring: Callable[[], None] | None
    """Rings the bell of the person's terminal; None where there is none."""
    _plans: dict[str, PlanSeen] = field(factory=dict)
    _counted: dict[str, Counted] = field(factory=dict)
    _told: dict[Cause, float] = field(factory=dict)
    _pause: Pause | None = None
    _is_watchful: bool = False
    """Something was met that may have to be told while the run goes on."""
    _has_met_limit: bool = False
    _is_over: bool = False
    _was_stopped: bool = False
    _sending: "Sending | None" = None

    def of(self, plan: str) -> "PlanFollower":
        """Who follows the run of one plan."""
        return PlanFollower(self, plan)

    def over(self, halt: Halt) -> None:
        """The command has come to its end."""
        now = time.time()
        cause = causes.cause_of_end(halt.code, self._plans.values(), self._told, now)
        self._is_over, self._was_stopped = True, halt.code in causes.BY_A_PERSON
        self._tell(cause, halt.why, now, halt.code)

    def broken_off(self, halt: Halt) -> None:
        """An error has ended the command; what comes after its end has been told of."""
        if not self._is_over:
            self._was_stopped = halt.code in causes.BY_A_PERSON
            cause = causes.cause_of_breaking_off(halt.code, self._plans.values())
            self._tell(cause, halt.why, time.time(), halt.code)

    def close(self) -> None:
        """Returns when everybody is told who can be, or that takes too long; who has stopped the run does not wait."""
        if self._sending:
            self._sending.close(self.say, at_once=self._was_stopped)
        self._say_news()

    def opened(self, plan: str, history: History) -> None:
        """A run was."""
        self._plans[plan], self._counted[plan] = PlanSeen(), Counted.of(history)

    def begun(self, plan: str) -> None:
        """A step was."""
        self._plans[plan] = evolve(self._plans[plan], has_begun=True)

    def ended(self, plan: str, event: StepEnded) -> bool:
        """A step has, in whatever way; whether that is news."""
        seen = self._plans[plan]
        if not causes.is_news(event, self._counted[plan].history):
            return False
        result = event.outcome.result
        if result is Result.HELD and seen.held_at is None:
            seen = evolve(seen, held_at=event.at)
        self._has_met_limit = self._has_met_limit or result is Result.LIMITED
        self._is_watchful = self._is_watchful or result in (Result.HELD, Result.LIMITED)
        self._plans[plan] = evolve(seen, has_news=True)
        return True

    def closed(self, plan: str, event: RunClosed) -> None:
        """The run of one plan is over; the command may go on with others."""
        history = self._counted[plan].history
        paused_for = causes.why_paused(history, event.code, event.at)
        self._plans[plan] = evolve(self._plans[plan], is_over=True, paused_for=paused_for)

    def decided(self, plan: str, decision: Decision) -> None:
        """The loop takes a turn; mostly there is nothing to be thought of."""
        if self._is_watchful:
            self._watch(plan, decision, time.time())
        if self._sending:
            self._say_news()

    def _watch(self, plan: str, decision: Decision, now: float) -> None:
        history = self._counted[plan].history
        until = causes.paused_until(decision, history, now) if self._has_met_limit else None
        self._plans[plan] = evolve(self._plans[plan], paused_until=until)
        self._pause = causes.paused(self._pause, causes.all_paused_until(self._plans.values()), now)
        cause = causes.cause_meanwhile(self._plans.values(), self._pause, self._told, now)
        self._tell(cause, self._why(cause, now), now)

    @property
    def _histories(self) -> list[History]:
        return [one.history for one in self._counted.values()]

    def _why(self, cause: Cause | None, now: float) -> str:
        match cause:
            case Cause.HELD:
                return next(_held(history) for history in self._histories if history.held)
            case Cause.LIMITED:
                agents = (f"`{agent}`" for agent in _limited(self._histories, now))
                return f"usage limit of {' and '.join(agents)}"
        return ""

    def _tell(self, cause: Cause | None, why: str, now: float, code: int | None = None) -> None:
        if cause is None:
            return
        self._told[cause] = now
        if cause not in self.on:
            return
        if self.ring:
            self.ring()
        histories = self._histories
        limits = _limited(histories, now) if cause is Cause.LIMITED else {}
        told = Notification(
            cause=cause,
            why=why,
            at=now,
            repo=self.repo,
            plans=tuple(self._plans),
            run=next((history.opened.session for history in histories if history.opened), ""),
            counts=added_up(self._counted.values()),
            code=code,
            until=min(limits.values(), default=None),
        )
        self._sending = self._sending or self.open_sending()
        self._sending.send(told)

    def _say_news(self) -> None:
        for text in self._sending.news() if self._sending else ():
            self.say(text)


@define(eq=False)
class PlanFollower:
    """Follows the run of one plan for a notifier."""

    notifier: Notifier
    plan: str
    _has_begun: bool = False
    _has_news: bool = False

    def decided(self, decision: Decision) -> None:
        """The loop is about to do this."""
        self.notifier.decided(self.plan, decision)

    def show(self, events: Sequence[Event], history: History) -> None:
        """These events have just been recorded; that a step was begun, and one was worked at, is news once."""
        for event in events:
            match event:
                case StepStarted() if not self._has_begun:
                    self._has_begun = True
                    self.notifier.begun(self.plan)
                case StepEnded() if not self._has_news or causes.is_of_surroundings(event):
                    self._has_news = self.notifier.ended(self.plan, event) or self._has_news
                case RunOpened():
                    self.notifier.opened(self.plan, history)
                case RunClosed():
                    self.notifier.closed(self.plan, event)


def _held(history: History) -> str:
    """Which tasks wait for the person, and why the first of them does."""
    tasks = history.in_order(history.held)
    which = f"task {ranges(tasks)} is" if len(tasks) == 1 else f"tasks {ranges(tasks)} are"
    return f"{which} held: {history.states[tasks[0]].held}"


def _limited(histories: Iterable[History], now: float) -> dict[str, float]:
    """The agents whose usage limit is reached, and when each is reset."""
    found = [history.providers.limited for history in histories]
    return {agent: until for limits in found for agent, until in limits.items() if until > now}
