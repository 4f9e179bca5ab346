"""The worktree that stet reviews in: nobody works there, and nothing is committed from it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from peal.classes import frozen
from peal.system import git, removal

_OWN_SETTINGS = ("config.toml", "system_prompt_optimized.txt")
"""What a person may have told stet about a repository, beside the sessions."""


@frozen
class StetTree:
    """One worktree for all runs; stet keeps what it learns beside the files."""

    repo: Path
    place: Callable[[], Path]
    """Where it is, which is only known once there is something to review."""

    @property
    def path(self) -> Path:
        """The worktree's folder."""
        return self.place()

    @property
    def notes(self) -> Path:
        """Where stet keeps its session and what it learns."""
        return self.path / ".review"

    @property
    def worktrees(self) -> Path:
        """Where stet puts worktrees of its own."""
        return self.notes / "worktrees"

    @property
    def holds_session(self) -> bool:
        """Whether a session was begun here and not finished, or not wholly."""
        return any(map(os.path.lexists, (self.notes / "session.json", self.worktrees)))

    @property
    def is_whole(self) -> bool:
        """Whether git takes the folder for the worktree it is: otherwise stet would work in the person's repository."""
        if not self.path.is_dir():
            return False
        found = git.run(self.path, "rev-parse", "--show-toplevel", "--symbolic-full-name", "HEAD")
        return os.fsdecode(found.stdout).splitlines() == [os.path.realpath(self.path), "HEAD"]

    def check_out(self, commit: str) -> None:
        """The files of this commit, HEAD detached there; `GitError` if that cannot be."""
        words = ("reset", "--quiet", "--hard", commit)
        if not self.is_whole or not git.succeeds(self.path, *words):
            self._make()
            git.output(self.path, *words)

    def _make(self) -> None:
        self.sweep()
        left = removal.remove(self.path)
        if left is not None:
            raise git.GitError(
                f"worktree `{self.path}` cannot be emptied ({left.why}); `{left.command()}` removes it"
            )
        git.run(self.repo, "worktree", "remove", "-ff", str(self.path))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Without its files at first: a checkout would run the person's hooks.
        words = ("worktree", "add", "--quiet", "-ff", "--detach", "--no-checkout", str(self.path))
        if not git.succeeds(self.repo, *words):  # git trips over a worktree that is being added beside it
            git.output(self.repo, *words)

    def bring_settings(self) -> None:
        """What the person has told stet about the repository holds here too."""
        for name in _OWN_SETTINGS:
            theirs = self.repo / self.notes.name / name
            if theirs.is_file():
                self.notes.mkdir(exist_ok=True)
                shutil.copyfile(theirs, self.notes / name)

    def sweep(self) -> None:
        """Take away a session without stet's help, and the worktrees that belong to it."""
        listed = git.run(self.repo, "worktree", "list", "--porcelain", "-z").stdout.split(b"\0")
        inside = f"worktree {os.path.realpath(self.worktrees)}/"
        for entry in map(os.fsdecode, listed):
            if entry.startswith(inside):
                git.run(self.repo, "worktree", "remove", "-ff", entry.removeprefix("worktree "))
        removal.remove(self.worktrees)
        (self.notes / "session.json").unlink(missing_ok=True)
