"""Outputs read line by line as events in JSON."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from peal.text.loose_json import amount, inner, number, objects, text

__all__ = ["amount", "events", "inner", "number", "objects", "text", "use"]


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


def use(tool: str, given: dict[str, Any]) -> str:
    """A use of a tool in a few words: its name, and what it was to be used on."""
    keys = ("file_path", "filePath", "path", "command")
    on = next((found for key in keys if (found := text(given, key))), "") or (
        json.dumps(given) if given else ""
    )
    return f"{tool} {on}".strip()[:200]
