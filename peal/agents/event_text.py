"""What a line of a coding CLI's output says to a person."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from peal.text.display import duration

_LONGEST_ARGUMENT = 200
_ERROR = "error: "


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
        plain = text.strip().removeprefix(_ERROR)
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
    says = _SAYS.get(_words(event, "type"))
    return (says(event) if says else "") or ("" if is_of_an_agent(event) else line)


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
    kind = _words(event, "type")
    return bool(_THEIRS.match(kind)) or (kind in _COMMON and not _MARKS.isdisjoint(event))


def _at(event: Any, *path: str) -> Any:
    """What lies at a path inside an event; None if nothing does."""
    for word in path:
        event = event.get(word) if isinstance(event, dict) else None
    return event


def _words(event: Any, *path: str) -> str:
    """The text at a path inside an event; empty if there is none."""
    found = _at(event, *path)
    return found if isinstance(found, str) else ""


def _parts(event: dict[str, Any]) -> list[Any]:
    """The parts of a message as claude writes it; one that is a plain text has one part."""
    content = _at(event, "message", "content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _message(event: dict[str, Any]) -> str:
    said = [_words(part, "text") or _tool(_words(part, "name"), _at(part, "input")) for part in _parts(event)]
    return "\n".join(filter(None, said))


def _refused(event: dict[str, Any]) -> str:
    """Of a tool's results only what went wrong: the rest is for the model."""
    wrong = [part for part in _parts(event) if _at(part, "is_error") is True]
    return "\n".join(_error(_words(part, "content")) for part in wrong)


def _result(event: dict[str, Any]) -> str:
    if _at(event, "status") == "error":
        return _error(_words(event, "error", "message"))
    if _at(event, "is_error") is not True:
        return _words(event, "result")
    errors = _at(event, "errors")
    listed = "; ".join(str(one) for one in errors) if isinstance(errors, list) else ""
    return _error(_words(event, "result") or listed or _words(event, "subtype"))


def _waiting(event: dict[str, Any]) -> str:
    if _words(event, "subtype") != "api_retry":
        return ""
    wait, status = _at(event, "retry_delay_ms"), _at(event, "error_status")
    after = f" in {duration(wait / 1000)}" if isinstance(wait, int | float) and 0 < wait < 1e9 else ""
    why = _words(event, "error") or "no connection"
    return f"tries again{after}: {why}" + (f" (status {status})" if status else "")


def _limit(event: dict[str, Any]) -> str:
    is_over = _words(event, "rate_limit_info", "status") == "rejected"
    return _error("usage limit reached") if is_over else ""


def _item(event: dict[str, Any]) -> str:
    """codex tells of a command when it begins, and of everything when it is over."""
    item, is_over = _at(event, "item"), _words(event, "type") == "item.completed"
    match _words(item, "type"):
        case "command_execution":
            status = _at(item, "exit_code")
            failed = _error(f"exit status {status}") if is_over and status else ""
            return failed if is_over else _tool("", item)
        case "file_change":
            changes = _at(item, "changes")
            paths = [_words(one, "path") for one in changes] if isinstance(changes, list) else []
            return f"changes {', '.join(filter(None, paths))}" if is_over else ""
        case "agent_message":
            return _words(item, "text") if is_over else ""
        case "error":
            return _words(item, "message") if is_over else ""
        case "mcp_tool_call" | "web_search" as kind:
            return _tool(_words(item, "tool") or kind, {"query": _at(item, "query")}) if is_over else ""
    return ""


def _used(event: dict[str, Any]) -> str:
    """A tool of opencode, which tells of it when it is over, or of gemini, which tells before."""
    if "part" not in event:
        return _tool(_words(event, "tool_name"), _at(event, "parameters"))
    state = _at(event, "part", "state")
    used = _tool(_words(event, "part", "tool"), _at(state, "input"))
    return "\n".join(filter(None, (used, _error(_words(state, "error")))))


def _called(event: dict[str, Any]) -> str:
    """A tool of cursor: `{"shellToolCall": {"args": {...}}}`."""
    calls = _at(event, "tool_call")
    if _words(event, "subtype") != "started" or not isinstance(calls, dict):
        return ""
    return "\n".join(_tool(name.removesuffix("ToolCall"), _at(call, "args")) for name, call in calls.items())


def _wrong(event: dict[str, Any]) -> str:
    """What each of them calls an error, wherever it keeps the words."""
    paths = (
        ("message",),
        ("error", "message"),
        ("error", "data", "message"),
        ("data", "message"),
        ("error", "name"),
    )
    return _error(next(filter(None, (_words(event, *path) for path in paths)), ""))


def _failed(event: dict[str, Any]) -> str:
    return _error(_words(event, "error", "message")) if _at(event, "status") == "error" else ""


def _error(said: str) -> str:
    return f"{_ERROR}{said}" if said else ""


_MAIN = (
    "command", "cmd", "file_path", "filePath", "absolute_path", "notebook_path", "path", "dir_path", "pattern", "query",
    "url", "description", "prompt",
)  # fmt: skip
"""What tools call the argument that tells most, the most telling first."""


def _tool(name: str, given: Any) -> str:
    """A tool and what it is used on: `$ pytest -q`, `Write src/a.py`."""
    found = ((key, _at(given, key)) for key in _MAIN)
    key, on = next(((key, on) for key, on in found if on and isinstance(on, str | list)), ("", ""))
    text = on if isinstance(on, str) else shlex.join(str(word) for word in on)
    if key in ("command", "cmd"):
        return f"$ {_short(_unwrapped(text))}"
    return f"{name} {_short(text)}".strip()


def _unwrapped(command: str) -> str:
    """The command inside `/bin/bash -lc '...'`."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    is_wrapped = len(words) == 3 and words[1] in ("-c", "-lc") and words[0].endswith("sh")
    return words[2] if is_wrapped else command


def _short(text: str) -> str:
    lines = text.strip().splitlines() or [""]
    first = lines[0][:_LONGEST_ARGUMENT]
    return first if len(lines) == 1 and first == lines[0] else f"{first} …"


_SAYS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    # claude, cursor, qwen
    "assistant": _message,
    "user": _refused,
    "result": _result,
    "system": _waiting,
    "rate_limit_event": _limit,
    "tool_call": _called,
    # codex
    "item.started": _item,
    "item.completed": _item,
    "turn.failed": _wrong,
    # opencode, gemini
    "error": _wrong,
    "text": lambda event: _words(event, "part", "text"),
    "tool_use": _used,
    "tool_result": _failed,
    "message": lambda event: _words(event, "content") if _words(event, "role") == "assistant" else "",
    # copilot
    "assistant.message": lambda event: _words(event, "data", "content"),
    "tool.execution_start": lambda event: _tool(
        _words(event, "data", "toolName"), _at(event, "data", "arguments")
    ),
    "tool.execution_complete": lambda event: _error(_words(event, "data", "error", "message")),
    "session.error": _wrong,
}
