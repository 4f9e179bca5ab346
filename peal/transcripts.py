"""What attempts left in their folders, read back."""

import re
from pathlib import Path

from peal.files import end_of
from peal.history import Try
from peal.places import PlanPlace
from peal.speech import Reading, event_of, is_of_an_agent, readable
from peal.text import harmless, tail

_TAIL = 8192
_GLANCE = 4096
_FAR = 128 * 1024
"""How far back to look for a line that says something: a file that an agent writes is one line of its output."""
_SETUP = ("setup.stderr", "setup.stdout")
TEXTS = ("prompt.md", "stdout", "stderr", "reply.md")


def folder_of(place: PlanPlace, one: Try) -> Path:
    """The attempt's folder; not every attempt needed one."""
    return place.attempt(one.task, one.phase, one.number)


def outputs_of(folder: Path) -> list[Path]:
    """The files in which an attempt's processes printed, the agent's last, in the order they ran."""
    helpers = [
        path for kind in ("setup.std*", "hooks.*std*", "review-*.std*") for path in sorted(folder.glob(kind))
    ]
    return [path for path in (*helpers, folder / "stdout", folder / "stderr") if path.exists()]


def is_of_agent(path: Path) -> bool:
    """Whether an output is an agent's, who may print events: who is asked has a prompt beside it."""
    prefix = path.name.removesuffix("stdout")
    return prefix != path.name and (not prefix or path.with_name(f"{prefix}prompt.md").exists())


def last_output(place: PlanPlace, one: Try) -> str:
    """The last thing an attempt said so far, on one line."""
    folder = folder_of(place, one)
    latest = max(
        (path for path in outputs_of(folder) if path.stat().st_size),
        key=lambda path: path.stat().st_mtime,
        default=None,
    )
    return last_words(latest) if latest else ""


def last_words(path: str | Path) -> str:
    """The last line of an output that says something to a person; empty if there is none within reach."""
    for size in (_GLANCE, _FAR):
        raw = end_of(path, size)
        if said := last_said(raw, is_cut=len(raw) == size):
            return said
        if len(raw) < size:
            break
    return ""


def last_outputs(place: PlanPlace, one: Try, lines: int) -> list[str]:
    """
    The last lines an attempt printed: what went to stderr if there is any, else stdout; with events what they say.

    Of an attempt that has got no further, those of what readies its worktree; what hooks and reviewers print is told as findings.
    """
    folder = folder_of(place, one)
    if not (folder / "stdout").exists():
        return next((said for name in _SETUP if (said := tail(end_of(folder / name), lines))), [])
    complaints, raw = tail(end_of(folder / "stderr"), lines), end_of(folder / "stdout", _FAR)
    if not _is_events(raw):
        return complaints or tail(raw[-_TAIL:], lines)
    said = _said(raw, is_cut=len(raw) == _FAR)
    return [*said, *complaints[-max(lines // 2, 1) :]][-lines:]


def last_said(raw: bytes, is_cut: bool) -> str:
    """The last line with something to read for a person in the tail of an output; `is_cut` if it begins anywhere."""
    for line in reversed(_lines(raw, is_cut)):
        for part in reversed(readable(line).splitlines()):
            if shown := harmless(part).strip():
                return shown
    return ""


def _said(raw: bytes, is_cut: bool) -> list[str]:
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


def _is_events(raw: bytes) -> bool:
    """Whether an output is one of events, as far as its tail tells."""
    lines = raw.decode("utf-8", "replace").splitlines()
    return any(is_of_an_agent(event) for line in lines[-5:] if (event := event_of(line)))
