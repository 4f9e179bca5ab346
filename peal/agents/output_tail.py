"""What the end of a program's output says to a person, be it plain text or a coding CLI's events."""

import re
from pathlib import Path

from peal.agents.event_text import Reading, event_of, is_of_an_agent, readable
from peal.system.files import end_of
from peal.text.display import harmless

_GLANCE = 4096
FAR = 128 * 1024
"""How far back to look for a line that says something: a file that an agent writes is one line of its output."""


def last_words(path: str | Path) -> str:
    """The last line of an output that says something to a person; empty if there is none within reach."""
    for size in (_GLANCE, FAR):
        raw = end_of(path, size)
        if said := last_said(raw, is_cut=len(raw) == size):
            return said
        if len(raw) < size:
            break
    return ""


def last_said(raw: bytes, is_cut: bool) -> str:
    """The last line with something to read for a person in the tail of an output; `is_cut` if it begins anywhere."""
    for line in reversed(_lines(raw, is_cut)):
        for part in reversed(readable(line).splitlines()):
            if shown := harmless(part).strip():
                return shown
    return ""


def said_lines(raw: bytes, is_cut: bool) -> list[str]:
    """Every line with something to read in the tail of an output."""
    reading = Reading()
    shown = [harmless(text) for line in _lines(raw, is_cut) for text in reading.of(line)]
    return [text for text in shown if text.strip()]


def _lines(raw: bytes, is_cut: bool) -> list[str]:
    """The lines of a tail, without a piece of an event at either end: half a line of JSON tells nobody anything."""
    lines = re.split(r"[\r\n]+", raw.decode("utf-8", "replace"))
    if lines[-1].startswith('{"') and event_of(lines[-1]) is None:
        lines.pop()
    if is_cut and lines and (len(lines) > 1 or lines[0].endswith("}")):
        lines = lines[1:]
    return lines


def is_events(raw: bytes) -> bool:
    """Whether an output is one of events, as far as its tail tells."""
    lines = raw.decode("utf-8", "replace").splitlines()
    return any(is_of_an_agent(event) for line in lines[-5:] if (event := event_of(line)))
