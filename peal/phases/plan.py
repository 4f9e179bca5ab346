"""`plan`: the agent reads and writes a plan; it changes nothing."""

from peal.model import Outcome, Result
from peal.phases.verdict import Evidence, unfinished


def verdict(evidence: Evidence) -> Outcome:
    """Passed if the process ended well and nothing in the repository changed."""
    if bad := unfinished(evidence):
        return bad
    if evidence.changed:
        return Outcome(Result.FAILED, "`plan` changed the repository; it may only read")
    return Outcome(Result.PASSED)
