"""A phase of an item, triage too: whoever works on it answers with a result, and that says how it ended."""

from attrs import evolve

from peal.model.phase_result import PhaseResult
from peal.model.process import Ended
from peal.model.work import Outcome, Result
from peal.phases.item_results import NoResult, from_reply, read
from peal.phases.verdict import Evidence, unfit

_RESULTS = {
    "phase_complete": Result.PASSED,
    "subphase_complete": Result.PASSED,
    "failed": Result.FAILED,
    "blocked": Result.REJECTED,
}


def verdict(evidence: Evidence) -> Outcome:
    """
    What the result says, if the attempt ended well; a failure where there is none, or one that cannot be used.

    What could be read of it is kept however the attempt ended. An attempt that ends by itself without any result has met what
    would fail any item.
    """
    answer, problem = _answer(evidence)
    if bad := unfit(evidence):
        is_mute = bad.result is Result.FAILED and not (answer or problem or _was_ended(evidence))
        return evolve(bad, answer=answer, is_systemic=is_mute)
    if answer is None:
        why = f"its result cannot be used: {problem}" if problem else "there is no result"
        return Outcome(Result.FAILED, why, evidence.findings, is_systemic=not problem)
    result = _RESULTS[answer.result]
    reason = "" if result is Result.PASSED else answer.why
    return Outcome(result, reason, evidence.findings, answer=answer)


def _answer(evidence: Evidence) -> tuple[PhaseResult | None, str]:
    """The result, from its file before anything that the reply says; or what is wrong with it, nothing if there is none."""
    assert evidence.item_phase, "only a phase of an item is asked for a result"
    try:
        if evidence.answer is not None:
            return read(evidence.answer, evidence.item_phase), ""
        return from_reply(evidence.reply.text, evidence.item_phase), ""
    except NoResult as error:
        return None, "; ".join(str(error).splitlines())


def _was_ended(evidence: Evidence) -> bool:
    """Whether it was peal that ended the attempt: a long task is no fault of the machine."""
    return bool(evidence.elsewhere) or (
        evidence.ending is not None and evidence.ending.how is not Ended.EXITED
    )
