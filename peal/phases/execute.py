"""`execute`: the agent does the task."""

from peal.model import Outcome, Result
from peal.phases.verdict import Evidence, unfit

NO_CHANGE = "NO CHANGE:"


def verdict(evidence: Evidence) -> Outcome:
    """Passed if the attempt ended well and, where that is asked for, the repository changed or need not have."""
    if bad := unfit(evidence):
        return bad
    if evidence.require_change and evidence.changed == () and not _says_none_was_needed(evidence.reply.text):
        return Outcome(
            Result.FAILED,
            f"no change: nothing in the repository differs and the reply does not end in `{NO_CHANGE} reason`",
        )
    return Outcome(Result.PASSED)


def _says_none_was_needed(reply: str) -> bool:
    lines = reply.rstrip().rsplit("\n", 1)
    last = lines[-1].strip().strip("`*_ ")
    return last.startswith(NO_CHANGE) and bool(last.removeprefix(NO_CHANGE).strip())
