"""The outputs of a process that has ended, read back in ways that no length of theirs can hurt."""

import os
from collections.abc import Iterator

from peal.system.files import end_of

_LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of a line that are read: tools print whole files in one line, but nobody prints a whole disk."""


def lines_of(path: str) -> Iterator[str]:
    """The lines of a file without their ends; none if somebody took it away. What is too long is cut into several."""
    try:
        with open(path, "rb") as file:
            while raw := file.readline(_LONGEST_LINE):
                yield raw.rstrip(b"\r\n").decode("utf-8", "replace")
    except OSError:
        return


def cut_to(path: str, size: int) -> str:
    """A file's text, of a very long one its last bytes; nothing if somebody took it away."""
    left_out = os.stat(path).st_size - size if os.path.exists(path) else 0
    text = end_of(path, size).decode("utf-8", "replace")
    return text if left_out <= 0 else f"[the first {left_out} bytes are left out]\n{text}"
