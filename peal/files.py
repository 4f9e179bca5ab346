"""Small things done to files, so that a crash leaves the old or the new and never half of it."""

import os
from pathlib import Path


def replace(path: Path, content: str | bytes) -> None:
    """Put `content` into the file in one step: a reader sees the old or the new, also after a crash."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    try:
        with beside.open("wb") as file:
            write_all(file.fileno(), data)
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def write_all(file: int, data: bytes) -> None:
    """Write everything to an open file, however little of it each call takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
