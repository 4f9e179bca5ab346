"""`land`: the branch in the person's own tree is moved forward to a verified merge, or left exactly as it is."""

import os
import re
import time
from pathlib import Path

from peal import git
from peal.model import Outcome, Result
from peal.text import harmless, some

_PATIENCE = 10.0
"""Seconds to wait for the person's own git to give the index free."""
_AGAIN_AFTER = 0.1
_SHOWN = 5
_FORWARD = (
    "-c", f"core.hooksPath={os.devnull}",
    "merge", "--ff-only", "--quiet", "--no-stat", "--no-squash", "--no-autostash", "--no-verify-signatures", "--no-overwrite-ignore",
)  # fmt: skip
"""Nothing of the person's is overwritten, ignored files included, whatever they have set for merges in general."""
_IN_THE_WAY = re.compile(r"(?:overwritten by merge|lose untracked files in them):\n((?:\t[^\n]*\n)+)")


def landed(repo: Path, branch: str, commit: str) -> Outcome:
    """Fast-forward the person's checkout of `branch` to `commit`; passed only if git says it is there afterwards."""
    until = time.monotonic() + _PATIENCE
    while True:
        outcome = _tried(repo, branch, commit)
        if outcome is not None:
            return outcome
        if time.monotonic() > until:
            return _held(f"your own git is at work in `{repo}` (`index.lock`); let it finish")
        time.sleep(_AGAIN_AFTER)


def _tried(repo: Path, branch: str, commit: str) -> Outcome | None:
    """One look and one try; None if somebody else's git holds the index, who may be switching branches."""
    ref = f"refs/heads/{branch}"
    looked = git.attempt(
        repo,
        "rev-parse",
        f"{ref}^{{commit}}",
        f"{commit}^1",
        "--symbolic-full-name",
        "HEAD",
        "--absolute-git-dir",
    )
    if looked.returncode != 0:
        if not git.commit_id(repo, ref):
            return _held(f"there is no branch `{branch}` any more; make it again")
        if git.commit_id(repo, commit):
            raise git.GitError(f"`{commit}` is no merge: {git.said(looked)}")
        return _outdated(branch)  # the merge was not kept: it is made again
    head, stands_on, checked_out, folder = os.fsdecode(looked.stdout).removesuffix("\n").split("\n", 3)
    if stands_on != head and git.is_ancestor(repo, commit, head):
        return Outcome(Result.PASSED, commit=commit)
    if checked_out != ref:
        other = checked_out.removeprefix("refs/heads/")
        shown = f"`{harmless(other)}`" if other != checked_out else "a commit without a branch"
        return _held(f"{shown} is checked out, not `{branch}`; `git switch {branch}`")
    if busy := git.UNDER_WAY.get(git.under_way(Path(folder))):
        return _held(f"a {busy} is under way; finish it, or {give_up(busy)}")
    return _forwarded(repo, branch, commit) if stands_on == head else _outdated(branch)


def give_up(busy: str) -> str:
    """The command that ends what is under way."""
    return "`git bisect reset`" if busy == "bisect" else f"`git {busy} --abort`"


def _outdated(branch: str) -> Outcome:
    return Outcome(Result.OUTDATED, f"`{branch}` has moved on: to be verified again on top")


def _forwarded(repo: Path, branch: str, commit: str) -> Outcome | None:
    done = git.attempt(repo, *_FORWARD, commit)
    words = done.stderr.decode("utf-8", "replace")
    if git.is_ancestor(repo, commit, f"refs/heads/{branch}"):
        return Outcome(Result.PASSED, commit=commit)
    if ".lock': File exists" in words:
        return None
    if "Not possible to fast-forward" in words:
        return _outdated(branch)
    if done.returncode == 0:
        return _held(
            f"another branch than `{branch}` was checked out in that moment, and has it now; see `git reflog`"
        )
    return _held(_why(words) or git.said(done))


def _why(words: str) -> str:
    """Whose files git would not overwrite."""
    names = [name for found in _IN_THE_WAY.findall(words) for name in found.split("\n") if name]
    if not names:
        return ""
    shown = some([name.strip() for name in names], _SHOWN)
    return f"your own {shown} would be overwritten; commit, stash or move it away"


def _held(why: str) -> Outcome:
    return Outcome(Result.HELD, f"{why}, then `peal resume`")
