"""Lock files in the person's repository that keep a landing from moving the branch."""

import time
from contextlib import suppress
from pathlib import Path

from peal.system import git
from peal.system.files import age

PATIENCE = 10.0
"""Seconds to wait for the person's own git to give a lock free."""
_AGAIN_AFTER = 0.1
_BRIEF = 2.0
"""Seconds for which a git that nobody can see at work, as in an editor, may hold a lock."""


def in_the_way(git_folder: Path, branch: str) -> Path | None:
    """A lock on what a landing changes; None if there is none."""
    return next((lock for lock in _locks(git_folder, branch) if lock.exists()), None)


def _locks(git_folder: Path, branch: str) -> list[Path]:
    """The index, HEAD and the branch; all worktrees of a repository share the branches."""
    shared = git_folder
    with suppress(OSError):
        shared = git_folder / (git_folder / "commondir").read_text(encoding="utf-8").strip()
    return [
        git_folder / "index.lock",
        git_folder / "HEAD.lock",
        git_folder / "ORIG_HEAD.lock",
        of_branch(shared, branch),
    ]


def of_branch(common_folder: Path, branch: str) -> Path:
    """The lock of a branch, where git keeps a file for each."""
    return common_folder / "refs" / "heads" / f"{branch}.lock"


def cleared(repo: Path, git_folder: Path, branch: str, since: float) -> str:
    """
    Remove the locks that a git of peal's has left which was killed at work here; what is to be done about others.

    While that git was at work nobody else could take a lock of the kind. So a lock from then on is its own, or of
    somebody who came after it: such a one is seen at work, or done within moments.
    """
    for lock in _locks(git_folder, branch):
        while lock.exists() and age(lock) < _BRIEF:
            time.sleep(_AGAIN_AFTER)
        with suppress(FileNotFoundError):
            if lock.stat().st_mtime < since - 1 or git.at_work(repo):
                return git.story_of(lock, repo)
            lock.unlink()
    return ""


def awaited(repo: Path, git_folder: Path) -> str:
    """Wait until nobody else's git holds the index; what is to be done if that takes too long."""
    lock, until = git_folder / "index.lock", time.monotonic() + PATIENCE
    while lock.exists():
        if time.monotonic() > until or is_left(lock, repo):
            return git.story_of(lock, repo)
        time.sleep(_AGAIN_AFTER)
    return ""


def is_left(lock: Path, repo: Path) -> bool:
    """Whether the git that made a lock is dead, as far as can be seen."""
    return age(lock) > PATIENCE and not git.at_work(repo)
