"""What attempts left in their folders, read back."""

import os
from pathlib import Path

from peal.history import Try
from peal.places import PlanPlace
from peal.text import last_line, tail

_TAIL = 8192
TEXTS = ("prompt.md", "stdout", "stderr", "reply.md")


def folder_of(place: PlanPlace, one: Try) -> Path:
    """The attempt's folder; not every attempt needed one."""
    return place.attempt(one.task, one.phase, one.number)


def outputs_of(folder: Path) -> list[Path]:
    """The files in which an attempt's processes printed, the agent's last, in the order they ran."""
    helpers = [
        path for kind in ("setup.std*", "hooks.std*", "review-*.std*") for path in sorted(folder.glob(kind))
    ]
    return [path for path in (*helpers, folder / "stdout", folder / "stderr") if path.exists()]


def end_of(path: str | Path, size: int = _TAIL) -> bytes:
    """The last bytes of a file; nothing if it is not there."""
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(max(os.fstat(file.fileno()).st_size - size, 0))
            return file.read(size)
    except OSError:
        return b""


def last_output(place: PlanPlace, one: Try) -> str:
    """The last line an attempt printed so far."""
    folder = folder_of(place, one)
    latest = max(
        (path for path in outputs_of(folder) if path.stat().st_size),
        key=lambda path: path.stat().st_mtime,
        default=None,
    )
    return last_line(end_of(latest, 4096)) if latest else ""


def last_outputs(place: PlanPlace, one: Try, lines: int) -> list[str]:
    """The last lines an attempt printed: what went to stderr if there is any, else stdout."""
    folder = folder_of(place, one)
    return tail(end_of(folder / "stderr"), lines) or tail(end_of(folder / "stdout"), lines)
