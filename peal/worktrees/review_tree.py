"""The worktree of a reviewer that keeps a session there: nobody works in it, and nothing is committed from it."""

import os
from collections.abc import Callable
from pathlib import Path

from peal.classes import frozen
from peal.system import git, removal
from peal.system.files import replace
from peal.worktrees.agent_git import Origin
from peal.worktrees.worktree import Worktree

_OWN_SETTINGS = ("config.toml", "system_prompt_optimized.txt")
"""What a person may have told stet about a repository, beside the sessions."""
_NOTED = "refs/notes/stet"
"""Where stet keeps for a person what it has seen; see git-notes(1)."""


@frozen
class ReviewTree:
    """One worktree for all runs; stet keeps what it learns beside the files, and has a git folder of its own."""

    worktree: Worktree
    origin: Callable[[], Origin]

    @property
    def repo(self) -> Path:
        """The repository."""
        return self.worktree.repo

    @property
    def path(self) -> Path:
        """The worktree's folder."""
        return self.worktree.path

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
        own = self.worktree.agent_git
        return self.worktree.exists and own.is_in_place and own.is_detached

    def check_out(self, commit: str, goes_on: bool = False) -> None:
        """The files of this commit, HEAD detached there; `GitError` if that cannot be. A session that `goes_on` is kept."""
        words = ("reset", "--quiet", "--hard", commit)
        was_whole = self.is_whole
        if self.worktree.exists:
            self.worktree.unlock()
        if not was_whole or self.worktree.run(*words).returncode != 0:
            self.sweep()
            self.worktree.make()
            self.worktree.output(*words)
        self._without_link()
        if goes_on and was_whole:
            self.worktree.agent_git.follow(self.worktree.own_index.parent)
        else:
            self.worktree.hand_over(self.origin())

    def _without_link(self) -> None:
        """What a task has committed under the name of stet's folder must not lead anybody elsewhere."""
        if self.notes.is_symlink() or not self.notes.is_dir():
            removal.remove(self.notes)

    def bring_settings(self) -> None:
        """What the person has told stet about the repository holds here too."""
        for name in _OWN_SETTINGS:
            theirs = self.repo / self.notes.name / name
            if theirs.is_file():
                self.notes.mkdir(exist_ok=True)
                removal.remove(self.notes / name)
                replace(self.notes / name, theirs.read_bytes())

    def sweep(self) -> None:
        """Take away a session without stet's help, and the worktrees that belong to it, also those of an older peal's."""
        self._without_link()
        listed = git.run(self.repo, "worktree", "list", "--porcelain", "-z").stdout.split(b"\0")
        inside = f"worktree {os.path.realpath(self.worktrees)}/"
        for entry in map(os.fsdecode, listed):
            if entry.startswith(inside):
                git.run(self.repo, "worktree", "remove", "-ff", entry.removeprefix("worktree "))
        removal.remove(self.worktrees)
        removal.remove(self.notes / "session.json")

    def take_over_notes(self) -> None:
        """What stet has noted in its own git is noted in the repository too, unless that has moved on meanwhile."""
        own, common = self.worktree.agent_git, git.common_folder(self.repo)
        noted = own.refs(_NOTED).get(_NOTED, "")
        before = git.commit_id(self.repo, _NOTED)
        if not noted or noted == before:
            return
        wanted = f"{noted}\n{f'^{before}' if before else ''}\n".encode()
        objects = own.objects_for_git(common)
        packed = self.worktree.run("pack-objects", "--revs", "--stdout", "-q", stdin=wanted, env=objects)
        git.printed(packed, self.path, ("pack-objects",))
        self.worktree.output("unpack-objects", "--strict", "-q", stdin=packed.stdout)
        if not before or git.is_ancestor(self.repo, before, noted):
            git.output(self.repo, "update-ref", _NOTED, noted, before or "0" * len(noted))
