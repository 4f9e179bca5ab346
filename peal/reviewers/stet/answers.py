"""What stet says: findings in JSON, or a status and a few words for why there are none."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peal.model.process import Ended, Ending
from peal.model.work import Outcome, Result
from peal.reviewers import reports
from peal.reviewers.protocol import Ran
from peal.system.files import end_of
from peal.text.display import duration, tail

_WORDS = 3
"""Lines of what it said that are told."""
_NONE = re.compile(r"0 finding\(s\)")
_SHORT = re.compile(r"[0-9a-f]{4,64}  (?P<file>.+):(?P<line>\d+)  (?P<severity>[A-Za-z]+)  (?P<message>.+)")
"""A finding as stet prints it for people."""
_DOWN = 2


def listed(text: str) -> list[dict[str, Any]] | None:
    """The findings in an answer in JSON, whatever shape of list it is; None if it is none of them."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    items = reports.listed(found)
    if items is None and isinstance(found, dict):
        items = _counted(found.get("count"))
    return (
        None if items is None else [one if isinstance(one, dict) else {"message": str(one)} for one in items]
    )


def _counted(count: Any) -> list[str] | None:
    if type(count) is not int or count < 0:
        return None
    return [f"{count} findings, of which nothing but their number is told"] if count else []


def shown(text: str) -> list[dict[str, Any]]:
    """The findings in an answer for people; text that is of no known form is one finding."""
    lines = text.strip().splitlines()
    if not lines or _NONE.match(lines[-1].strip()):
        return []
    found = [match.groupdict() for line in lines if (match := _SHORT.fullmatch(line.strip()))]
    known = [{**one, "line": int(one["line"])} for one in found]
    return known or [{"message": "\n".join(tail(text.encode(), 60))}]


def lines_of(item: Mapping[str, Any]) -> tuple[int, int]:
    """The first and the last line that a finding is about; zeros if it is about none."""
    span = item.get("range")
    ends = (span.get("start"), span.get("end")) if isinstance(span, dict) else (item.get("line"),) * 2
    first, last = (end if type(end) is int and end > 0 else 0 for end in ends)
    line = item.get("line")
    first = first or (line if type(line) is int and line > 0 else 0)
    return first, max(first, last)


def text_of(path: Path) -> str:
    """What was printed into a file."""
    return path.read_text(encoding="utf-8", errors="replace")


def no_look(ran: Ran, what: str) -> Outcome:
    """Why stet could not look."""
    ending = ran.ending
    if ending.how is Ended.CANCELLED:
        return Outcome(Result.INTERRUPTED, "the run was ended")
    said = [line for path in (ran.stderr, ran.stdout) for line in tail(end_of(path), _WORDS) if line.strip()]
    words = f": {' / '.join(said[:_WORDS])[:500]}" if said else ""
    return unable(f"{what} {_how(ending)}{words}")


def unable(why: str) -> Outcome:
    """stet could not look."""
    return Outcome(Result.FAILED, f"reviewer `stet` could not look: {why}")


def _how(ending: Ending) -> str:
    if ending.how is not Ended.EXITED:
        return f"{ending.how} after {duration(ending.seconds)}"
    match ending.exit_code:
        case 0:
            return "printed nothing that can be read as findings"
        case code if code == _DOWN:
            return "cannot reach its model (exit status 2)"
        case code if code < 0:
            return f"was ended by signal {-code}"
        case code:
            return f"ended with exit status {code}"
