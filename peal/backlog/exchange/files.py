"""Where items of other tools are, read within bounds: links are not followed, and fifos not waited for."""

import stat
from pathlib import Path

from peal.classes import frozen
from peal.system.files import content
from peal.text.display import decoded, harmless, size

MOST = 32 * 2**20
"""Bytes of a file."""


class Unfit(Exception):
    """Something cannot be read: a problem for each line of the text, without its place."""


@frozen
class Place:
    """A file or a folder that a person has named, or what came on standard input."""

    path: Path
    raw: bytes | None = None
    """What came on standard input."""

    @property
    def is_folder(self) -> bool:
        """Whether there can be several files."""
        return self.raw is None and self.path.is_dir()

    @property
    def told(self) -> str:
        """What it is called in messages."""
        return "standard input" if self.raw is not None else told(self.path)

    def text(self) -> str:
        """What is in it; `Unfit` if that is no text."""
        return text_at(self.path) if self.raw is None else _text(self.raw)


def told(path: Path) -> str:
    """A path in messages."""
    return harmless(str(path))


def bytes_at(path: Path) -> bytes:
    """What is in a file; `Unfit` if it cannot be read, is too large, or no regular file."""
    try:
        found = path.lstat()
    except OSError as error:
        raise Unfit(f"it cannot be read: {error.strerror}; make it readable") from None
    if not stat.S_ISREG(found.st_mode):
        raise Unfit("it is no regular file, and links are not followed; put a file there, or take it away")
    if found.st_size > MOST:
        raise Unfit(f"it has {size(found.st_size)}, and {size(MOST)} are the most; divide it")
    raw = content(path, MOST)
    if raw is None:
        raise Unfit("it cannot be read; make it readable")
    return raw


def text_at(path: Path) -> str:
    """The text in a file, with LF line ends."""
    return _text(bytes_at(path))


def _text(raw: bytes) -> str:
    if len(raw) > MOST:
        raise Unfit(f"it is longer than {size(MOST)}; divide it")
    try:
        text = decoded(raw)
    except ValueError as error:
        raise Unfit(str(error)) from None
    if (at := text.find("\0")) >= 0:
        raise Unfit(f"line {text.count(chr(10), 0, at) + 1} holds a NUL; take it out")
    return text


def folder_in(folder: Path) -> list[Path]:
    """What is right in a folder, in the order of the names, without what is hidden; nothing if there is none."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unfit(f"it cannot be read: {error.strerror}; make it readable") from None
