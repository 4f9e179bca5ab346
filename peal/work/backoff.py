"""When an attempt that a provider could not serve is to be tried again."""

import random

from attrs import evolve

from peal.model.work import Outcome, Result

_FIRST = {Result.TRANSIENT: 2.0, Result.LOST: 2.0, Result.LIMITED: 300.0}
"""Seconds until the first new try, doubled with each that follows; for limits that do not say when they end."""
_LONGEST = {Result.TRANSIENT: 300.0, Result.LOST: 300.0, Result.LIMITED: 3600.0}
_SPREAD = 3.0
"""Seconds over which tries are spread after a moment that was told, so that not all come at once."""


def with_time(outcome: Outcome, setbacks: int, now: float) -> Outcome:
    """The outcome with the moment of the next try, if that is what it waits for; `setbacks` is how many came before."""
    if outcome.result not in _FIRST:
        return outcome
    spread = random.random()
    if outcome.until is not None and outcome.until > now:
        return evolve(outcome, until=outcome.until + spread * _SPREAD)
    # A time that is over was a whole second, or another clock's: what was waited for is there any moment.
    kind = outcome.result if outcome.until is None else Result.TRANSIENT
    pause = min(_FIRST[kind] * 2 ** min(setbacks, 20), _LONGEST[kind])
    return evolve(outcome, until=now + pause * (0.5 + spread / 2))


def at_its_limit(outcome: Outcome, setbacks: int, patience: int) -> Outcome:
    """
    The outcome as it is to be taken after so many setbacks in a row.

    Who speaks of a limit and asks more often than `patience` to be left alone for a moment has reached it: a limit is
    waited for, however it is told, and never a failed try.
    """
    if outcome.result is not Result.TRANSIENT or setbacks < patience:
        return outcome
    from peal.agents.faults import is_limit  # only here: few runs meet a limit, and its patterns are dear

    return evolve(outcome, result=Result.LIMITED, until=None) if is_limit(outcome.reason) else outcome
