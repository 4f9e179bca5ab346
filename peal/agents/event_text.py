"""What a line of a coding CLI's output says to a person."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from peal.agents.said import ERROR
from peal.classes import define


@define
class Reading:
    """An output turned into what a person wants to read of it, line by line."""

    _last: str = ""

    def of(self, line: str) -> list[str]:
        """The lines to show for this one. An event that repeats the last one's words, as a result does, gives none."""
        text = readable(line)
        if text == line:
            self._last = ""
            return [line]
        plain = text.strip().removeprefix(ERROR)
        if not plain or plain == self._last:
            return []
        self._last = plain
        return text.splitlines()


def event_of(line: str) -> dict[str, Any] | None:
    """The event that a line is; None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("type"), str) else None


def readable(line: str) -> str:
    """
    What a line of an agent's output says to a person.

    Of an event in JSON: what was said, which tool was used on what, what went wrong; empty if it is none of these.
    Any other line is given as it is.
    """
    event = event_of(line)
    if event is None:
        return line
    told = (says(event) for says in _by_type().get(event["type"], ()))
    return next(filter(None, told), "") or ("" if is_of_an_agent(event) else line)


@cache
def _by_type() -> Mapping[str, Sequence[Callable[[dict[str, Any]], str]]]:
    """What the adapters know of events, by type."""
    from peal.agents.registry import adapters  # only here: whoever shows no output needs no adapter

    found: dict[str, list[Callable[[dict[str, Any]], str]]] = defaultdict(list)
    for cli in adapters().values():
        for kind, says in cli.says.items():
            if says not in found[kind]:
                found[kind].append(says)
    return found


_THEIRS = re.compile(
    r"(thread|turn|item|session|assistant|model|tool|user|system|permission|subagent|hook|skill)\.\w+"
)
_COMMON = frozenset(
    (
        "assistant", "done", "error", "init", "message", "rate_limit_event", "reasoning", "result", "step_finish",
        "step_start", "stream_event", "system", "text", "thinking", "tool_call", "tool_result", "tool_use", "user",
    )
)  # fmt: skip
_MARKS = frozenset(("session_id", "sessionID", "sessionId", "timestamp"))


def is_of_an_agent(event: dict[str, Any]) -> bool:
    """Whether an object is an event of a coding CLI: other programs write JSON too, and theirs is to be seen."""
    kind = event["type"]
    return bool(_THEIRS.match(kind)) or (kind in _COMMON and not _MARKS.isdisjoint(event))
