"""The only door to git: what a repository is, where it begins, and what has changed in it."""

import hashlib
import os
import stat
import subprocess
from pathlib import Path

from attrs import frozen

from peal import process
from peal.errors import PealError

_READ_WHOLE = 1_000_000
STEERING = frozenset(
    (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_NAMESPACE",
    )
)
"""Variables by which a hook, or an outer git, would steer every git that is started below it."""


def environment() -> dict[str, str]:
    """
    The environment of peal's own git calls.

    Without the run's markers, so that no clean-up cuts git short; never asking anybody; without the index refresh
    that would take the lock agents need; and not steered by a hook or an outer git that peal was started from.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in STEERING and name not in (process.RUN_MARKER, process.ATTEMPT_MARKER)
    }
    return {
        **kept,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
        "LC_ALL": "C",
    }


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *words],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise PealError("`git` is not installed or not on PATH; install it") from None


def top_level(folder: Path) -> Path:
    """The root of the repository that holds `folder`."""
    if not folder.is_dir():
        raise PealError(f"repository `{folder}` is not a folder; name one with --repo")
    found = _git(folder, "rev-parse", "--show-toplevel")
    if found.returncode == 0 and found.stdout.strip():
        return Path(os.fsdecode(found.stdout.removesuffix(b"\n"))).resolve()
    said = found.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
    if found.returncode == 0 or "must be run in a work tree" in said:
        raise PealError(f"repository `{folder}` has no working tree; name a checkout with --repo")
    if "not a git repository" in said:
        raise PealError(
            f"`{folder}` is not inside a git repository; run `git init` there or name one with --repo"
        )
    raise PealError(f"git cannot use `{folder}`: {said}")


@frozen
class Look:
    """The state of a working tree at one moment; two that are equal saw no change between them."""

    head: str
    changed: tuple[tuple[str, str], ...]
    """Each path that differs from HEAD, with its status and what tells its content."""


def look(folder: Path) -> Look:
    """What a later look can be compared with; ignored files do not count."""
    status = _git(folder, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all")
    if status.returncode != 0:
        said = status.stderr.decode(errors="replace").strip()
        raise PealError(f"git cannot tell what changed in `{folder}`: {said}")
    head, changed = "", []
    for entry in os.fsdecode(status.stdout).split("\0"):
        if entry.startswith("# branch.oid "):
            head = entry
        elif entry and not entry.startswith("# "):
            changed.append((entry, _content(folder / _path_of(entry))))
    return Look(head, tuple(changed))


def _path_of(entry: str) -> str:
    """The path in one record of porcelain v2; see `git help status`, "Porcelain Format Version 2"."""
    fields_before_the_path = {"1": 8, "2": 9, "u": 10, "?": 1, "!": 1}
    before = fields_before_the_path.get(entry[0], 0)
    return entry.split(" ", before)[-1]


def _content(path: Path) -> str:
    """Tells whether a file is still the same; of a large one by size and time of change, to stay quick."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            return f"{found.st_mode} {path.readlink()}"
        if not stat.S_ISREG(found.st_mode):
            return f"{found.st_mode}"
        if found.st_size > _READ_WHOLE:
            return f"{found.st_mode} {found.st_size} {found.st_mtime_ns}"
        return f"{found.st_mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError:
        return ""
