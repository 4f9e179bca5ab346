"""Small things done to files, so that a crash leaves the old or the new and never half of it."""

import errno
import os
import stat
import time
from pathlib import Path

TAIL = 8192
"""Bytes of the end of an output that are enough to show."""


def replace(path: Path, content: str | bytes, mode: int | None = None) -> None:
    """Put `content` into the file in one step: a reader sees the old or the new, also after a crash."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    try:
        with beside.open("wb") as file:
            write_all(file.fileno(), data)
            if mode is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:  # Ctrl-C too
        beside.unlink(missing_ok=True)
        raise


def rewrite(path: Path, content: str | bytes) -> None:
    """The same with a file of the person's, which keeps its mode; a new one if there is none."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    replace(path, content, mode)


def markdown_in(folder: Path) -> dict[str, bytes]:
    """What is in the markdown files right in a folder, by their names; hidden ones do not count."""
    found = (path for path in folder.glob("*.md") if path.is_file() and not path.name.startswith("."))
    return {path.name: path.read_bytes() for path in found}


def write_all(file: int, data: bytes) -> None:
    """Write everything to an open file, however little of it each call takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def put(path: str, text: str) -> None:
    """Make a small file with as few system calls as it takes: each lets go of the interpreter's lock."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o644)
    except FileNotFoundError:  # an agent's `git clean -fdx` takes the folder too
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = os.open(path, flags, 0o644)
    try:
        write_all(file, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(file)


def content(path: str | Path, limit: int | None = None) -> bytes | None:
    """
    What a regular file holds, at most its first `limit` bytes; None for anything else.

    Who had the folder before may have left a link that leads elsewhere or a fifo that nobody writes into: neither is
    followed or waited for.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        with open(file, "rb", buffering=0, closefd=False) as opened:
            return opened.read(limit)
    finally:
        os.close(file)


def age(path: Path) -> float:
    """Seconds since a file was last written; 0 if it is gone."""
    try:
        return max(time.time() - path.stat().st_mtime, 0.0)
    except OSError:
        return 0.0


FULL = (errno.ENOSPC, errno.EDQUOT)
"""No room left, on the disk or of a quota."""


def is_full(error: OSError) -> bool:
    """Whether there is no room left, on the disk or of a quota."""
    return error.errno in FULL


def end_of(path: str | Path, size: int = TAIL) -> bytes:
    """The last bytes of a file; nothing if it is not there."""
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(max(os.fstat(file.fileno()).st_size - size, 0))
            return file.read(size)
    except OSError:
        return b""


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
