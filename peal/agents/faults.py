"""What an error that a CLI reports means: its status and its words, which are never looked for in what a model said."""

import json
import re

from peal.agents.reset_times import Form, Told, is_too_far, sane, told
from peal.model.agent import Fault, Trouble

_NO_SESSION = re.compile(
    r"no (saved session|conversation|rollout) found|session not found|invalid session identifier"
    r"|no session, task,? or name matched",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(usage|session|weekly|daily|hourly|monthly|5-hour|opus|sonnet) limit|(?<!rate )limit (has been )?reached"
    r"|hit your .{0,20}limit|(exhausted|exceeded) your .{0,30}(quota|capacity|allowance)|quota (exceeded|exhausted)"
    r"|out of (extra )?usage",
    re.IGNORECASE,
)
_PAYMENT = re.compile(
    r"credit balance|spend(ing)? limit|billing(?! details)|payment required|purchase credits|out of credits"
    r"|insufficient_quota|insufficient (funds|balance)",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"\b401\b|unauthorized|unauthenticated|authentication|not authenticated|not logged in|log ?in again|/login"
    r"|(invalid|incorrect|missing) .{0,12}api.?key|api.?key .{0,20}(invalid|expired|not valid|not found)|oauth token"
    r"|please (log|sign) in|set an auth method",
    re.IGNORECASE,
)
_SETUP = re.compile(
    r"(unknown|unexpected|invalid|unrecognized) (option|argument|flag|model|value)|cannot use this model"
    r"|model .{0,60}(not found|does not exist|not (supported|available))|no such model|no (llm )?model was specified"
    r"|workspace trust|root/sudo privileges|error loading config|invalid configuration",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"(prompt|context|input|request) .{0,40}too (long|large)|context.{0,12}(length|window|overflow)|prompt_too_long"
    r"|maximum context|too many tokens",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"\b(408|425|429|500|502|503|504|529)\b|rate.?limit|too many requests|overloaded|high demand|internal server ?error"
    r"|temporarily|service unavailable|server error|timed? ?out|connection|connect to|network|econn|enotfound|eai_again"
    r"|socket hang up|fetch failed|stream disconnected|try again (later|in)",
    re.IGNORECASE,
)
_BY_STATUS = {
    401: Fault.UNAUTHENTICATED, 403: Fault.UNAUTHENTICATED, 404: Fault.MISCONFIGURED, 413: Fault.TOO_LONG,
    408: Fault.TRANSIENT, 425: Fault.TRANSIENT, 429: Fault.TRANSIENT,
}  # fmt: skip
_WORDS = ((_TOO_LONG, Fault.TOO_LONG), (_LOGIN, Fault.UNAUTHENTICATED), (_SETUP, Fault.MISCONFIGURED))
_STATUS = re.compile(r"(?:\bstatus(?: code)?:?|\bHTTP|\bAPI Error:|\"code\":)\s*([45]\d\d)\b", re.IGNORECASE)
_QUOTED = re.compile(r'"message"\s*:\s*("(?:[^"\\]|\\.)*")')
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ERROR = re.compile(r"(\w*error|fatal)\b", re.IGNORECASE)
_LONGEST = 1000
"""Characters of a complaint."""
_TOO_FAR = "the end that it names is more than a year away, so it is asked again before"
LONGEST_RETRY = 120.0
"""Seconds: who asks to be left alone for longer than this is out of its limit; for less, only out of breath."""


def trouble(message: str, at: float, status: int | None = None, end: Told | None = None) -> Trouble:
    """
    What an error means. `status` is that of HTTP if the CLI tells it, `end` when it is over if that is told as a number;
    else what the message says counts, with times seen from `at`.
    """
    if status is None and (found := _STATUS.search(message)):
        status = int(found[1])
    fault = _fault(message, status)
    if fault not in (Fault.TRANSIENT, Fault.LIMITED):
        return Trouble(fault, _plain(message))
    end = _meant(end, message, at)
    return _waiting(_by_end(fault, end, at), _plain(message), end, at)


def limited(message: str, at: float, end: Told | None) -> Trouble:
    """The trouble of a CLI that says by more than words that its limit is used up."""
    return _waiting(Fault.LIMITED, message or "usage limit reached", _meant(end, message, at), at)


def _meant(end: Told | None, message: str, at: float) -> Told | None:
    return end if sane(end, at) is not None else told(message, at) or end


def _by_end(fault: Fault, end: Told | None, at: float) -> Fault:
    """
    Whether it is a limit that is met, seen from when it is over.

    Who asks to be left alone for a moment is only out of breath, whatever it calls that; who names a time of day, or a
    moment further ahead, is out of its limit. A limit that is over by what it says itself stays one: it may be late.
    """
    if end is None or sane(end, at) is None:
        return fault
    ahead = end.moment - at
    if ahead > LONGEST_RETRY or end.form is Form.CLOCK:
        return Fault.LIMITED
    return Fault.TRANSIENT if end.form is Form.WAIT and ahead > 0 else fault


def _waiting(fault: Fault, message: str, end: Told | None, at: float) -> Trouble:
    far = f"; {_TOO_FAR}" if is_too_far(end, at) else ""
    return Trouble(fault, message + far, sane(end, at))


def complaint(stderr: str) -> str:
    """
    What a CLI that printed nothing else complains of: the last line that begins as an error, or else all lines.

    Warnings are none, nor is JSON: one CLI repeats its events there, and with them what the model said.
    """
    lines = [line.strip() for line in _COLOURS.sub("", stderr).splitlines()]
    lines = [line for line in lines if line and not line.lower().startswith(("warning", "{"))]
    errors = [line for line in lines if _ERROR.match(line)]
    return (errors[-1] if errors else " ".join(lines))[:_LONGEST]


def complains(stderr: str, at: float) -> Trouble | None:
    """The trouble in what a CLI complains of; None if it is content."""
    said = complaint(stderr)
    return trouble(said, at) if said else None


def is_limit(message: str) -> bool:
    """Whether an error tells of a limit that is used up."""
    return _LIMIT.search(message) is not None


def _plain(message: str) -> str:
    """The sentence in the JSON that a service answered with, if the message is such an answer."""
    found = _QUOTED.search(message)
    try:
        told = json.loads(found[1]) if found else ""
    except ValueError:
        return message
    return told.strip() or message


def _fault(message: str, status: int | None) -> Fault:
    if _NO_SESSION.search(message):
        return Fault.FAILED
    if status == 402 or _PAYMENT.search(message):
        return Fault.MISCONFIGURED
    if status in (None, 429) and _LIMIT.search(message):
        return Fault.LIMITED
    if by_status := _BY_STATUS.get(status or 0):
        return by_status
    if status is not None and status >= 500:
        return Fault.TRANSIENT
    words = (*_WORDS, (_TRANSIENT, Fault.TRANSIENT)) if status is None else _WORDS
    return next((fault for pattern, fault in words if pattern.search(message)), Fault.FAILED)
