"""Branches set, moved and deleted by one git that goes on, each change a transaction of its own."""

from functools import cache
from pathlib import Path
from typing import IO

from peal.classes import frozen
from peal.system import git
from peal.system.git_dialogue import Dialogue


@frozen
class RefChanges:
    """Those of one repository. What is told as done lasts like what any git has done; see git-update-ref(1)."""

    _changing: Dialogue

    def set(self, ref: str, commit: str) -> bool:
        """Let a branch be at this commit; whether that could be done."""
        return self._is_done(f"update {ref} {commit}")

    def delete(self, ref: str) -> bool:
        """Delete a branch; whether that could be done."""
        return self._is_done(f"delete {ref}")

    def move(self, ref: str, commit: str, before: str) -> bool:
        """Let a branch go from one commit to another, if it is on the one still; whether that could be done."""
        return self._is_done(f"update {ref} {commit} {before}")

    def _is_done(self, change: str) -> bool:
        try:
            self._changing.ask([f"start\n{change}\ncommit"], _read_consent)
        except git.GitError:  # a lock in its way, or a git before 2.27
            return False
        return True


@cache
def ref_changes(repo: Path) -> RefChanges:
    """Those of a repository, and of all its worktrees."""
    words = ("update-ref", "-m", "peal", "--stdin")
    return RefChanges(Dialogue(git.common_folder(repo), words, takes_locks=True))


def _read_consent(stream: IO[bytes]) -> None:
    """A git that refuses ends."""
    for asked in (b"start", b"commit"):
        if stream.readline() != asked + b": ok\n":
            raise EOFError
