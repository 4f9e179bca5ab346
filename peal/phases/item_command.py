"""A phase of an item that a command carries out: its exit status says how it ended."""

from peal.model.phase_result import PhaseResult
from peal.model.work import Outcome, Result
from peal.phases.verdict import Evidence, unfit
from peal.text.display import last_line


def verdict(evidence: Evidence) -> Outcome:
    """Complete if the command ended well; the last line of what it printed is the summary."""
    if bad := unfit(evidence):
        return bad
    done = evidence.item_phase
    assert done, "only a phase of an item is carried out so"
    said = last_line(evidence.reply.text.encode("utf-8", "replace")) or evidence.last_words
    answer = PhaseResult(done.item, done.phase, "phase_complete", said or "the command ended well")
    return Outcome(Result.PASSED, findings=evidence.findings, answer=answer)
