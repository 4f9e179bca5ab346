"""`execute`: the agent does the task."""

from peal.model.work import Outcome, Result
from peal.phases.verdict import SHOWN, Evidence, ignored, unfit
from peal.text.display import some

NO_CHANGE = "NO CHANGE:"


def verdict(evidence: Evidence) -> Outcome:
    """Passed if the attempt ended well and, where that is asked for, the repository changed or need not have."""
    if bad := unfit(evidence):
        return bad
    if evidence.changed == () and not _says_none_was_needed(evidence.reply.text):
        return _unchanged(evidence)
    return Outcome(Result.PASSED)


def _unchanged(evidence: Evidence) -> Outcome:
    """Of an attempt that left its tree as it was, and did not say that this is right."""
    if evidence.outside:
        return Outcome(
            Result.FAILED,
            f"its worktree is unchanged, while {some(evidence.outside, SHOWN)} changed in your own tree: an agent has to "
            "work in the folder it is started in; put back there what was not you",
        )
    if not evidence.require_change:
        return Outcome(Result.PASSED)
    but = f"{ignored(evidence.left_out)} nothing else" if evidence.left_out else "nothing in the repository"
    return Outcome(
        Result.FAILED, f"no change: {but} differs and the reply does not end in `{NO_CHANGE} reason`"
    )


def _says_none_was_needed(reply: str) -> bool:
    lines = reply.rstrip().rsplit("\n", 1)
    last = lines[-1].strip().strip("`*_ ")
    return last.startswith(NO_CHANGE) and bool(last.removeprefix(NO_CHANGE).strip())
