"""What every phase asks of an agent's attempt: that its process ended well."""

import signal

from attrs import frozen

from peal.model import Ended, Ending, Finding, Outcome, Reply, Result
from peal.text import duration


@frozen
class Evidence:
    """What is known of an attempt once its process has ended."""

    ending: Ending | None
    """None where no process was needed."""
    reply: Reply
    last_words: str = ""
    """The last line of output, stderr before stdout."""
    changed: bool | None = None
    """Whether the repository changed meanwhile; None where that cannot be told."""
    require_change: bool = False
    findings: tuple[Finding, ...] = ()
    """What the reviewers found before the agent began."""


def unfinished(evidence: Evidence) -> Outcome | None:
    """The outcome of an attempt whose process did not end well; None if it did."""
    ending = evidence.ending
    if ending is None or ending.is_clean:
        return None
    if ending.how is Ended.CANCELLED:
        return Outcome(Result.INTERRUPTED, "the run was ended", evidence.findings)
    return Outcome(Result.FAILED, _reason(ending, evidence.last_words), evidence.findings)


def _reason(ending: Ending, last_words: str) -> str:
    said = f": {last_words}" if last_words else ""
    match ending.how:
        case Ended.TIMED_OUT:
            return f"timed out after {duration(ending.seconds)}{said}"
        case Ended.IDLE:
            return f"hung: no output for too long, ended after {duration(ending.seconds)}{said}"
        case Ended.FLOODED:
            return "flooded: wrote more output than `max_output_mb` allows"
        case _ if ending.exit_code < 0:
            return f"ended by {_signal(-ending.exit_code)}{said}"
        case _:
            return f"exit status {ending.exit_code}{said}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
