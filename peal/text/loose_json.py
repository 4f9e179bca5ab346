"""What JSON from outside holds at a place, whatever its shape."""

from collections.abc import Mapping
from typing import Any


def inner(event: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The object at this path inside an event; an empty one if there is none."""
    found: Any = event
    for word in path:
        found = found.get(word) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def objects(event: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list under this key; none if there is no list."""
    found = event.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text(event: Mapping[str, Any], key: str) -> str:
    """The text under this key; empty if there is none."""
    found = event.get(key)
    return found if isinstance(found, str) else ""


def number(event: Mapping[str, Any], key: str) -> int:
    """The whole number under this key; 0 if there is none."""
    found = event.get(key)
    return int(found) if isinstance(found, int | float) and abs(found) < 1e15 else 0


def amount(event: Mapping[str, Any], key: str) -> float | None:
    """The number under this key; None if there is none."""
    found = event.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e15:
        return None
    return float(found)
