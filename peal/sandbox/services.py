"""Where programs of this machine listen: the sockets that are files."""

import os
import stat
from pathlib import Path

_LISTED = Path("/proc/net/unix")
_PATH = 7
"""The column; see proc_net_unix(5)."""


def listening() -> tuple[str, ...]:
    """
    Their paths, as far as the kernel tells them; none on systems without /proc.

    It tells a path as it was when the service began, and nothing of those in other network namespaces.
    """
    try:
        lines = _LISTED.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    columns = (line.split(maxsplit=_PATH) for line in lines)
    paths = {column[_PATH] for column in columns if len(column) > _PATH}
    return tuple(sorted(path for path in paths if path.startswith("/") and is_socket(path)))


def is_socket(path: str) -> bool:
    """Whether one is there."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
