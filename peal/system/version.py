"""Which peal this is: its version, and the commit of its source where that is known."""

import os

STAMP = "commit.txt"
"""Beside the package's modules where it was built; what a checkout is at is asked of git."""
_STATUS = (
    "git", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch", "--untracked-files=normal",
)  # fmt: skip
_PATIENCE = 2.0
"""Seconds for that; what is not known by then is not told."""
_COMMIT = "# branch.oid "
_DIGITS = 12


def version() -> str:
    """The number, and behind it the commit where that is known."""
    from peal import __version__

    known = commit(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return f"{__version__} ({known})" if known else __version__


def commit(package: str) -> str:
    """
    The commit that the package in this folder was made of, with a word if its source was changed since; empty if nobody knows.

    Needs nothing of peal's: the build calls it by itself, to stamp what it builds.
    """
    try:
        with open(os.path.join(package, STAMP), encoding="ascii") as file:
            return file.readline().strip()
    except (OSError, ValueError):
        root = os.path.dirname(os.path.abspath(package))
        return _told(_status(root)) if _is_checkout(root) else ""


def _is_checkout(root: str) -> bool:
    """Whether it is one of peal's, and not a project that has the package alone in it."""
    return all(os.path.exists(os.path.join(root, name)) for name in (".git", "build_hook.py"))


def _status(root: str) -> str:
    """What git says of a work tree; nothing if it cannot."""
    import subprocess

    steering = {name for name in os.environ if name.startswith("GIT_") and not name.startswith("GIT_CONFIG")}
    env = {name: value for name, value in os.environ.items() if name not in steering}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_CEILING_DIRECTORIES": os.path.dirname(root)}
    try:
        return subprocess.run(
            _STATUS, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            check=True, timeout=_PATIENCE, encoding="utf-8", errors="replace",
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""


def _told(status: str) -> str:
    """A status in short; empty where there is no commit yet."""
    lines = status.splitlines()
    at = "".join(line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT))
    if not at or at.startswith("("):
        return ""
    return at[:_DIGITS] + (", changed" if any(not line.startswith("#") for line in lines) else "")
