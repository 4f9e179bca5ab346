"""Of what a person is to be told, and when: decided from what happens; pure."""

from collections.abc import Iterable, Mapping

from attrs import evolve

from peal.classes import frozen
from peal.model.decision import Decision
from peal.model.notification import Cause
from peal.model.work import Result
from peal.record.events import StepEnded
from peal.record.history import History

AT_ONCE_SEC = 1.0
"""Seconds that a landing has to wait before that is told while others go on: often it is the end of the run."""
LONG_SEC = 600.0
"""A pause is long if it takes at least so many seconds."""
SAME_SEC = 600.0
"""A pause that begins so few seconds after another has the same cause: the limit was not what it was said to be."""
END_SEC = 60.0
"""The end of a run in this time after its cause was told is told with that."""
BY_A_PERSON = (130, 143)
"""Exit codes of ends that somebody wanted, who knows of them; a terminal that hangs up may not be what they wanted."""
PAUSED = 4
_FAILED = 1
_NEVER = float("-inf")
_OF_A_PAUSE = (Cause.HELD, Cause.BUDGET, Cause.LIMITED)
"""Of several plans, what asks most of a person comes first."""
_OF_THE_SURROUNDINGS = (Result.HELD, Result.LIMITED, Result.STOPPED)


@frozen
class PlanSeen:
    """What was seen of the run of one plan, as far as it matters here."""

    has_begun: bool = False
    """A step was."""
    has_news: bool = False
    """Something has come of it that was not so before."""
    held_at: float | None = None
    """Since when a landing waits that did not wait before."""
    paused_until: float | None = None
    """Until when nothing goes on, for a usage limit; None if something does."""
    is_over: bool = False
    paused_for: Cause | None = None
    """Why it is over with exit code 4; held, too, where all that did not get on has a question for a person."""


@frozen
class Pause:
    """A time in which nothing goes on for a usage limit; one that begins soon after another is the same."""

    since: float
    seen: float
    """When it was seen last."""
    until: float

    @property
    def is_long(self) -> bool:
        """Whether a person may want to know of it."""
        return self.until - self.since >= LONG_SEC


def is_of_surroundings(event: StepEnded) -> bool:
    """Whether it has ended by what is around it, and not by its own work."""
    return event.outcome.result in _OF_THE_SURROUNDINGS


def is_news(event: StepEnded, history: History) -> bool:
    """Whether an attempt has ended otherwise than the one before it, or by its own work: a resume meets old hindrances again."""
    outcome = event.outcome
    before = [one.outcome for one in history.states[event.task].attempts[:-1] if one.outcome][-1:]
    was = [(one.result, one.reason) for one in before]
    return not is_of_surroundings(event) or was != [(outcome.result, outcome.reason)]


def paused_until(decision: Decision, history: History, now: float) -> float | None:
    """Until when nothing of a plan goes on because an agent's usage limit is reached; None if that is not so."""
    if decision.wake_at is None or decision.start or history.running:
        return None
    return decision.wake_at if any(until > now for until in history.providers.limited.values()) else None


def all_paused_until(plans: Iterable[PlanSeen]) -> float | None:
    """The same of all plans that are at work: until when nothing at all goes on."""
    ends = [plan.paused_until for plan in plans if not plan.is_over]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None


def paused(before: Pause | None, until: float | None, now: float) -> Pause | None:
    """The latest pause, as it is at `now`, when nothing goes on `until` then; None for something that does."""
    if until is None:
        return before
    if before is None or now - before.seen >= SAME_SEC:
        return Pause(now, now, until)
    return evolve(before, seen=now, until=until)


def why_paused(history: History, code: int, now: float) -> Cause | None:
    """What a run waits for that is over with this exit code; None if it does not wait."""
    if code != PAUSED:
        return Cause.HELD if history.failed and history.failed == history.blocked else None
    if history.held:
        return Cause.HELD
    if history.why_over_budget:
        return Cause.BUDGET
    return Cause.LIMITED if any(until > now for until in history.providers.limited.values()) else Cause.HELD


def cause_meanwhile(
    plans: Iterable[PlanSeen], latest: Pause | None, told: Mapping[Cause, float], now: float
) -> Cause | None:
    """What is to be told at `now` while a command goes on."""
    held = [plan.held_at for plan in plans if plan.held_at is not None]
    if held and Cause.HELD not in told and now - min(held) >= AT_ONCE_SEC:
        return Cause.HELD
    if latest and latest.seen == now and latest.is_long and told.get(Cause.LIMITED, _NEVER) < latest.since:
        return Cause.LIMITED
    return None


def cause_of_end(
    code: int, plans: Iterable[PlanSeen], told: Mapping[Cause, float], now: float
) -> Cause | None:
    """What is to be told of the end of a command; None where nothing is new, or somebody has ended it."""
    seen = tuple(plans)
    if code in BY_A_PERSON or not any(plan.has_news for plan in seen):
        return None
    if code == PAUSED:
        found = {plan.paused_for for plan in seen}
        cause = next((cause for cause in _OF_A_PAUSE if cause in found), Cause.HELD)
    elif code == _FAILED and all(plan.paused_for is Cause.HELD for plan in seen):
        cause = Cause.HELD
    else:
        cause = Cause.FAILED if code else Cause.FINISHED
    return None if now - told.get(cause, _NEVER) < END_SEC else cause


def cause_of_breaking_off(code: int, plans: Iterable[PlanSeen]) -> Cause | None:
    """What is to be told where an error has ended a command; None if it ended before any work was begun."""
    if code in BY_A_PERSON or not any(plan.has_begun for plan in plans):
        return None
    return Cause.HELD if code == PAUSED else Cause.FAILED
