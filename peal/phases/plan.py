"""`plan`: the agent reads and writes a plan; it changes nothing."""

from peal.model.work import Outcome, Result
from peal.phases.verdict import Evidence, unfinished
from peal.text.display import count, some

_SHOWN = 5


def verdict(evidence: Evidence) -> Outcome:
    """Passed if the process ended well, nothing in the repository changed, and the reply is as long as it must be."""
    if bad := unfinished(evidence):
        return bad
    if evidence.changed:
        return Outcome(Result.FAILED, f"`plan` changed {some(evidence.changed, _SHOWN)}; it may only read")
    found = len(evidence.reply.text.strip())
    if found < evidence.least_plan:
        wanted = f"a plan has at least {evidence.least_plan}"
        return Outcome(
            Result.FAILED, f"its reply has {count(found, 'letter')} without blanks around; {wanted}"
        )
    return Outcome(Result.PASSED)
