"""For each phase the verdict on an attempt; the prompts are templates beside it."""

from collections.abc import Callable

from peal.model.pipeline import Phase
from peal.model.work import Outcome
from peal.phases import address, execute, plan
from peal.phases.verdict import Evidence, notes

__all__ = ["Evidence", "notes", "verdict"]

_VERDICTS: dict[Phase, Callable[[Evidence], Outcome]] = {
    Phase.PLAN: plan.verdict,
    Phase.EXECUTE: execute.verdict,
    Phase.ADDRESS: address.verdict,
}


def verdict(phase: Phase, evidence: Evidence) -> Outcome:
    """What an agent's attempt at this phase amounts to."""
    return _VERDICTS[phase](evidence)
