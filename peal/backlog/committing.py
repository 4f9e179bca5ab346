"""Files of the backlog committed: exactly these, whatever else is staged or edited, and whoever else is at work."""

import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from peal.errors import PealError
from peal.landing.fast_forward import busy
from peal.landing.locks import PATIENCE, is_left
from peal.system import git, git_refusals
from peal.text.display import harmless
from peal.worktrees.hooks import Hooks

_AGAIN_AFTER = 0.05
_BY_HAND = "or give --no-commit and commit it yourself"
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
        known = self._known(names)
        new = [name for name, path in zip(names, paths, strict=True) if name not in known and path.exists()]
        wanted = [name for name in names if name in known or name in new]
        done = self._patient("add", "--intent-to-add", "--", *new) if new else None
        if done is None or done.returncode == 0:
            done = self._committed(wanted, message)
            if done.returncode == 0 or self._is_there(wanted):
                return
            if new:
                self._patient("rm", "--cached", "--quiet", "--force", "--", *new)
        raise self._refused(done, wanted, new, message)

    def _committed(self, names: Sequence[str], message: str) -> git.Done:
        found = Hooks.of(self.repo) if self.hooks else None
        asking = ("-c", f"core.hooksPath={found.folder}") if found else ()
        how = ("--quiet", "--only", "--file=-", "--cleanup=whitespace")
        done = self._patient(*asking, "commit", *how, "--", *names, stdin=message)
        if found and "pre-commit" in found.names and done.returncode == 0:
            # Of what a hook has made of a file and added, git tells the commit alone, not the index.
            self._patient("reset", "--quiet", "--", *names)
        return done

    def uncommitted(self, paths: Sequence[Path]) -> list[Path]:
        """Those of some files that the branch has never had; none where nothing is to be committed."""
        if not self.is_on or not paths:
            return []
        names = {path: str(path.relative_to(self.repo)) for path in paths}
        done = git.run(
            self.repo, "ls-tree", "-rz", "--name-only", "--full-tree", "HEAD", "--", *names.values()
        )
        there = set(os.fsdecode(done.stdout).split("\0")) if done.returncode == 0 else set()
        return [path for path, name in names.items() if name not in there]

    def _known(self, names: Sequence[str]) -> set[str]:
        """Those that git has in its index."""
        return set(git.output(self.repo, "ls-files", "-z", "--", *names, env=_LITERAL).split("\0"))

    def _is_there(self, names: Sequence[str]) -> bool:
        """Whether the branch holds the files as they are: git calls a commit that changes nothing a failure."""
        return git.run(self.repo, "diff", "--quiet", "HEAD", "--", *names, env=_LITERAL).returncode == 0

    def _patient(self, *words: str, stdin: str = "") -> git.Done:
        """A git that is tried again while another holds the index, or the branch."""
        until = time.monotonic() + PATIENCE
        while True:
            done = git.run(self.repo, *words, stdin=stdin.encode(), env=_LITERAL)
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
