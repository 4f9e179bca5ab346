"""Files of the backlog committed: exactly these, whatever else is staged or edited, and whoever else is at work."""

import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.landing.fast_forward import busy
from peal.landing.locks import PATIENCE, is_left
from peal.system import git, git_refusals
from peal.text.display import harmless
from peal.worktrees.hooks import Hooks

_AGAIN_AFTER = 0.05
_BY_HAND = "or give --no-commit and commit it yourself"
_FEW = 100
"""Files that git is asked about by name."""
_DIFFERING = ("diff", "--name-only", "--no-renames", "--ignore-submodules", "-z", "HEAD")
_GIVEN = ("--pathspec-from-file=-", "--pathspec-file-nul")
_LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}
"""`[` and `*` in a path are letters."""


class NotCommitted(PealError):
    """What was to be committed is in the files, and git has refused it."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(text)
        self.why = why
        """What git says."""


@frozen
class Committer:
    """Commits in the person's tree, on the branch that is checked out; one that is off leaves that to the person."""

    repo: Path
    is_on: bool = True
    hooks: bool = True
    """Whether the person's hooks are asked."""

    def check(self) -> None:
        """PealError if no commit can be made now: better before anything is changed for it."""
        if not self.is_on:
            return
        if begun := busy(git.own_folder(self.repo)):
            raise PealError(f"{begun}, {_BY_HAND}")
        if not git.branch(self.repo):
            raise PealError(
                f"no branch is checked out, so a commit would be on none; `git switch BRANCH`, {_BY_HAND}"
            )

    def commit(self, paths: Sequence[Path], message: str) -> None:
        """
        Commit these files as they are, and those of them that are gone as gone; nothing if that changes nothing.

        `NotCommitted` if git refuses, with the way out; the files stay, and what was staged stays so.
        """
        if not self.is_on:
            return
        names = [str(path.relative_to(self.repo)) for path in paths]
        known = self._listed(names, "ls-files", "-z")
        new = [name for name, path in zip(names, paths, strict=True) if name not in known and path.exists()]
        there = known.union(new)
        wanted = [name for name in names if name in there]
        done = self._patient(new, "add", "--intent-to-add") if new else None
        if done is None or done.returncode == 0:
            done = self._committed(wanted, message)
            if done.returncode == 0 or self._is_there(wanted):
                return
            if new:
                self._patient(new, "rm", "--cached", "--quiet", "--force")
        raise self._refused(done, wanted, new, message)

    def _committed(self, names: Sequence[str], message: str) -> git.Done:
        found = Hooks.of(self.repo) if self.hooks else None
        asking = ("-c", f"core.hooksPath={found.folder}") if found else ()
        how = ("--quiet", "--only", f"--message={message}", "--cleanup=whitespace")
        done = self._patient(names, *asking, "commit", *how)
        if found and "pre-commit" in found.names and done.returncode == 0:
            # Of what a hook has made of a file and added, git tells the commit alone, not the index.
            self._patient(names, "reset", "--quiet")
        return done

    def uncommitted(self, paths: Sequence[Path]) -> list[Path]:
        """Those of some files that the branch has never had; none where nothing is to be committed."""
        if not self.is_on or not paths:
            return []
        names = {path: str(path.relative_to(self.repo)) for path in paths}
        tree = ("ls-tree", "-rz", "--name-only", "--full-tree", "HEAD")
        there = self._listed(list(names.values()), *tree) if git.commit_id(self.repo, "HEAD") else set()
        return [path for path, name in names.items() if name not in there]

    def _listed(self, names: Sequence[str], *words: str) -> set[str]:
        """Those of some files that git lists; where they are many, it lists all."""
        asked = ("--", *names) if len(names) <= _FEW else ()
        return set(git.output(self.repo, *words, *asked, env=_LITERAL).split("\0")).intersection(names)

    def _is_there(self, names: Sequence[str]) -> bool:
        """Whether the branch holds the files as they are: git calls a commit that changes nothing a failure."""
        done = git.run(self.repo, *_DIFFERING, env=_LITERAL)
        return done.returncode == 0 and set(os.fsdecode(done.stdout).split("\0")).isdisjoint(names)

    def _patient(self, names: Sequence[str], *words: str) -> git.Done:
        """A git that is given these files, however many, and is tried again while another holds the index, or the branch."""
        until, given = time.monotonic() + PATIENCE, os.fsencode("\0".join(names))
        while True:
            done = git.run(self.repo, *words, *_GIVEN, stdin=given, env=_LITERAL)
            lock = (
                git_refusals.lock_named(done.stderr.decode(errors="replace"), self.repo)
                if done.returncode
                else None
            )
            if lock is None or time.monotonic() > until or is_left(lock, self.repo):
                return done
            time.sleep(_AGAIN_AFTER)

    def _refused(
        self, done: git.Done, names: Sequence[str], new: Sequence[str], message: str
    ) -> NotCommitted:
        shown = " and ".join(f"`{harmless(name)}`" for name in names)
        subject, listed = shlex.quote(message.splitlines()[0]), shlex.join(names)
        first = f"git add -- {shlex.join(new)} && " if new else ""
        why = git.why(done, self.repo)
        return NotCommitted(
            f"{shown} is changed, but git has not committed it: {why}; mend that, then "
            f"`{first}git commit -m {subject} -- {listed}`",
            why,
        )
