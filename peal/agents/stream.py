"""Outputs read line by line as events in JSON."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


def events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The JSON objects among the lines; a line cut off in the middle, a banner or a warning is passed over."""
    for line in lines:
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found


def inner(event: dict[str, Any], *path: str) -> dict[str, Any]:
    """The object at this path inside an event; an empty one if there is none."""
    for word in path:
        found = event.get(word)
        if not isinstance(found, dict):
            return {}
        event = found
    return event


def objects(event: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list under this key; none if there is no list."""
    found = event.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text(event: dict[str, Any], key: str) -> str:
    """The text under this key; empty if there is none."""
    found = event.get(key)
    return found if isinstance(found, str) else ""


def number(event: dict[str, Any], key: str) -> int:
    """The whole number under this key; 0 if there is none."""
    found = event.get(key)
    return int(found) if isinstance(found, int | float) and abs(found) < 1e15 else 0


def amount(event: dict[str, Any], key: str) -> float | None:
    """The number under this key; None if there is none."""
    found = event.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e15:
        return None
    return float(found)


def use(tool: str, given: dict[str, Any]) -> str:
    """A use of a tool in a few words: its name, and what it was to be used on."""
    keys = ("file_path", "filePath", "path", "command")
    on = next((found for key in keys if (found := text(given, key))), "") or (
        json.dumps(given) if given else ""
    )
    return f"{tool} {on}".strip()[:200]
