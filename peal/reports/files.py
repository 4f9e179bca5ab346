"""Reports as files: one takes the place of an earlier one, and of nothing else."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from peal.errors import PealError
from peal.system.files import replace

STANDARD_OUTPUT = Path("-")
_READ = 4096
"""Bytes at the beginning of a file that tell whether it is a report."""


def write(path: Path, text: str, mark: str) -> None:
    """
    Put a report where it is wanted, `-` for standard output; its first lines hold `mark`.

    PealError if it cannot be written, or if a file is there that does not have the mark, for it is no report of this kind.
    """
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    try:
        if not path.is_file():
            _put(path, text)
        elif _may_go(path, mark):
            replace(path.resolve(), text)
        else:
            raise PealError(f"`{path}` is there and is no such report; name another file, or remove it")
    except OSError as error:
        raise PealError(f"`{path}` cannot be written: {error.strerror or error}; name another file") from None


def link_from(page: Path) -> Callable[[Path], str]:
    """Gives the address of a file with all of its path, as seen from a page, which may go to another place together with it."""

    if page == STANDARD_OUTPUT:
        return Path.as_uri
    folder = os.path.realpath(page.parent)
    return lambda path: quote(os.fsencode(os.path.relpath(path, folder)))


def append(path: Path, text: str) -> None:
    """Add to a file, which may not be there yet; PealError if it cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise PealError(f"`{path}` cannot be written: {error.strerror or error}; make it writable") from None


def _put(path: Path, text: str) -> None:
    """Where nothing is yet, or a device or a pipe, which stays what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.write_text(text, encoding="utf-8")
    else:
        replace(path, text)


def _may_go(path: Path, mark: str) -> bool:
    with path.open("rb") as file:
        begin = file.read(_READ)
    return not begin.strip() or mark.encode() in begin
