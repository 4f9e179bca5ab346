"""What events of coding CLIs say to a person, as far as several tell it alike."""

import shlex
from collections.abc import Callable, Mapping
from typing import Any

Says = Mapping[str, Callable[[dict[str, Any]], str]]
"""By the type of an event, what it says: words, a tool and what it is used on, what went wrong; empty for nothing."""

_LONGEST_ARGUMENT = 200
ERROR = "error: "


def at(event: Any, *path: str) -> Any:
    """What lies at a path inside an event; None if nothing does."""
    for word in path:
        event = event.get(word) if isinstance(event, dict) else None
    return event


def words(event: Any, *path: str) -> str:
    """The text at a path inside an event; empty if there is none."""
    found = at(event, *path)
    return found if isinstance(found, str) else ""


def _parts(event: dict[str, Any]) -> list[Any]:
    """The parts of a message as claude writes it; one that is a plain text has one part."""
    content = at(event, "message", "content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def message(event: dict[str, Any]) -> str:
    """The words of a message as claude writes it, and the tools it uses."""
    said = [words(part, "text") or tool(words(part, "name"), at(part, "input")) for part in _parts(event)]
    return "\n".join(filter(None, said))


def refused(event: dict[str, Any]) -> str:
    """Of a tool's results only what went wrong: the rest is for the model."""
    wrong = [part for part in _parts(event) if at(part, "is_error") is True]
    return "\n".join(error(words(part, "content")) for part in wrong)


def wrong(event: dict[str, Any]) -> str:
    """What each of them calls an error, wherever it keeps the words."""
    paths = (
        ("message",),
        ("error", "message"),
        ("error", "data", "message"),
        ("data", "message"),
        ("error", "name"),
    )
    return error(next(filter(None, (words(event, *path) for path in paths)), ""))


def error(said: str) -> str:
    """What went wrong, marked as that; empty if nothing is told."""
    return f"{ERROR}{said}" if said else ""


_MAIN = (
    "command", "cmd", "file_path", "filePath", "absolute_path", "notebook_path", "path", "dir_path", "pattern", "query",
    "url", "description", "prompt",
)  # fmt: skip
"""What tools call the argument that tells most, the most telling first."""


def tool(name: str, given: Any) -> str:
    """A tool and what it is used on: `$ pytest -q`, `Write src/a.py`."""
    found = ((key, at(given, key)) for key in _MAIN)
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
