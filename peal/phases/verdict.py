"""What every phase asks of an agent's attempt: that it ended well, and did so in its place."""

import json
import shlex
import signal
from collections.abc import Sequence

from attrs import evolve

from peal.classes import frozen
from peal.model.agent import Fault, Reply, Trouble
from peal.model.plan import ItemPhase
from peal.model.process import Ended, Ending
from peal.model.review import Finding
from peal.model.work import Outcome, Result
from peal.text.display import duration, harmless, some


@frozen
class Evidence:
    """What is known of an attempt once its process has ended."""

    ending: Ending | None
    """None where no process was needed."""
    reply: Reply
    last_words: str = ""
    """The last line of output, stderr before stdout."""
    changed: tuple[str, ...] | None = None
    """What changed in the repository meanwhile; None where that cannot be told."""
    left_out: tuple[str, ...] = ()
    """Files that the agent made or changed and that git ignores."""
    outside: tuple[str, ...] = ()
    """What changed meanwhile in the person's own tree, where the agent works in another."""
    require_change: bool = False
    least_plan: int = 0
    """Letters that the reply of `plan` has to have."""
    findings: tuple[Finding, ...] = ()
    """What the reviewers found before the agent began."""
    elsewhere: str = ""
    """The folder that the agent says it worked in, if that is not the workspace."""
    item_phase: ItemPhase | None = None
    """The phase of an item that it was an attempt at; None for a task of a plan."""
    answer: bytes | None = None
    """What is in the file that the result of an item's phase was to be written to; None if there is none."""


def unfinished(evidence: Evidence) -> Outcome | None:
    """
    The outcome of an attempt that did not end well; None if it did.

    That takes more than an exit status: the agent's own last word, and no word of its own about an error.
    """
    found = _unfinished(evidence)
    return evolve(found, findings=evidence.findings) if found else None


def unfit(evidence: Evidence) -> Outcome | None:
    """The outcome of an attempt that was to change something and could not, however well it ended; None if it could."""
    if bad := unfinished(evidence):
        return bad
    if evidence.elsewhere:
        why = f"the agent worked in `{evidence.elsewhere}` and not in its workspace; look there for what it changed"
        return Outcome(Result.FAILED, why, evidence.findings)
    if refusals := evidence.reply.refusals:
        return Outcome(Result.REFUSED, f"not permitted: {some(refusals, SHOWN)}", evidence.findings)
    return None


def notes(evidence: Evidence) -> tuple[str, ...]:
    """What a person should know of an attempt, however it ended."""
    told = []
    if evidence.left_out:
        first = evidence.left_out[0]
        told.append(
            f"{ignored(evidence.left_out)} and does not land; `commit_ignored = [{json.dumps(first)}]` lets it, and "
            f"`git check-ignore -v {shlex.quote(first)}` tells the rule"
        )
    if evidence.outside:
        told.append(
            f"{some(evidence.outside, SHOWN)} changed in your own tree meanwhile; if that was not you, it was the agent"
        )
    return tuple(told)


def ignored(paths: Sequence[str]) -> str:
    """`git ignores these files`."""
    return f"git ignores {some(paths, SHOWN)}, which this made,"


def _unfinished(evidence: Evidence) -> Outcome | None:
    ending, reply = evidence.ending, evidence.reply
    if ending is not None and ending.how is Ended.CANCELLED:
        return Outcome(Result.INTERRUPTED, "the run was ended")
    if ending is not None and ending.how in _BY_CLOCK and not _is_provider(reply.trouble):
        return Outcome(_BY_CLOCK[ending.how], _reason(ending, evidence.last_words))
    if trouble := reply.trouble:
        return Outcome(_RESULTS[trouble.fault], harmless(trouble.message)[:_LONGEST], until=trouble.until)
    if ending is not None and not ending.is_clean:
        return Outcome(Result.FAILED, _reason(ending, evidence.last_words))
    if not reply.is_finished:
        return Outcome(Result.FAILED, "the output ends before the agent's last word")
    return None


_BY_CLOCK = {
    Ended.TIMED_OUT: Result.FAILED,
    Ended.IDLE: Result.HUNG,
    Ended.FLOODED: Result.FLOODED,
    Ended.STUCK: Result.TRANSIENT,
}
_RESULTS = {
    Fault.FAILED: Result.FAILED,
    Fault.TOO_LONG: Result.TOO_LONG,
    Fault.TRANSIENT: Result.TRANSIENT,
    Fault.LIMITED: Result.LIMITED,
    Fault.UNAUTHENTICATED: Result.STOPPED,
    Fault.MISCONFIGURED: Result.STOPPED,
}
SHOWN = 3
_LONGEST = 2000


def _is_provider(trouble: Trouble | None) -> bool:
    """Whether an agent that peal has ended says itself what it was waiting for."""
    return trouble is not None and trouble.fault not in (Fault.FAILED, Fault.TOO_LONG)


def _reason(ending: Ending, last_words: str) -> str:
    said = f": {last_words}" if last_words else ""
    match ending.how:
        case Ended.TIMED_OUT:
            return f"timed out after {duration(ending.seconds)}{said}"
        case Ended.IDLE:
            return f"hung: no output for too long, ended after {duration(ending.seconds)}{said}"
        case Ended.FLOODED:
            return "flooded: wrote more output than `max_output_mb` allows"
        case Ended.STUCK:
            return f"ended while it waited for its provider{said}"
        case _ if ending.exit_code < 0:
            return f"ended by {_signal(-ending.exit_code)}{said}"
        case _:
            return f"exit status {ending.exit_code}{said}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
