"""`land`: the branch in the person's own tree is moved forward to a verified merge, or left exactly as it is."""

import os
import re
import time
from pathlib import Path

from peal import git
from peal.model import Outcome, Result
from peal.text import harmless

_PATIENCE = 10.0
"""Seconds to wait for the person's own git to give the index free."""
_AGAIN_AFTER = 0.1
_SHOWN = 5
_FORWARD = (
    "-c", f"core.hooksPath={os.devnull}",
    "merge", "--ff-only", "--quiet", "--no-stat", "--no-squash", "--no-verify-signatures", "--no-overwrite-ignore",
)  # fmt: skip
"""Nothing of the person's is overwritten, ignored files included, whatever they have set for merges in general."""
UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
"""Files in a repository's own folder that tell of something a person has begun; see gitrepository-layout(5)."""
_IN_THE_WAY = re.compile(r"(?:overwritten by merge|lose untracked files in them):\n((?:\t[^\n]*\n)+)")


def landed(repo: Path, branch: str, commit: str) -> Outcome:
    """Fast-forward the person's checkout of `branch` to `commit`; passed only if git says it is there afterwards."""
    ref = f"refs/heads/{branch}"
    looked = git.attempt(
        repo,
        "rev-parse",
        f"{ref}^{{commit}}",
        f"{commit}^1",
        "--symbolic-full-name",
        "HEAD",
        *_asked_of_git(),
    )
    if looked.returncode != 0:
        if not git.commit_id(repo, ref):
            return _held(f"there is no branch `{branch}` any more; make it again")
        return _outdated(branch)  # the merge was not kept: it is made again
    head, stands_on, checked_out, *paths = os.fsdecode(looked.stdout).removesuffix("\n").split("\n")
    if stands_on != head and git.is_ancestor(repo, commit, head):
        return Outcome(Result.PASSED, commit=commit)
    if checked_out != ref:
        other = checked_out.removeprefix("refs/heads/")
        is_branch = other != checked_out
        shown = f"`{harmless(other)}`" if is_branch else "a commit without a branch"
        return _held(f"{shown} is checked out, not `{branch}`; `git switch {branch}`")
    if busy := _first_of(repo, paths):
        return _held(f"a {busy} is under way; finish it, or `git {busy} --abort`")
    return _forwarded(repo, branch, commit) if stands_on == head else _outdated(branch)


def _outdated(branch: str) -> Outcome:
    return Outcome(Result.OUTDATED, f"`{branch}` has moved on: to be verified again on top")


def _forwarded(repo: Path, branch: str, commit: str) -> Outcome:
    until = time.monotonic() + _PATIENCE
    while True:
        done = git.attempt(repo, *_FORWARD, commit)
        words = done.stderr.decode("utf-8", "replace")
        if done.returncode == 0 or ".lock': File exists" not in words or time.monotonic() > until:
            break
        time.sleep(_AGAIN_AFTER)
    if git.is_ancestor(repo, commit, f"refs/heads/{branch}"):
        return Outcome(Result.PASSED, commit=commit)
    if "Not possible to fast-forward" in words:
        return _outdated(branch)
    return _held(_why(words) or git.said(done))


def _why(words: str) -> str:
    """Whose files git would not overwrite."""
    names = [name for found in _IN_THE_WAY.findall(words) for name in found.split("\n") if name]
    if not names:
        return ""
    shown = ", ".join(f"`{harmless(name.strip())}`" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN)
    return f"your own {shown}{more} would be overwritten; commit, stash or move it away"


def _held(why: str) -> Outcome:
    return Outcome(Result.HELD, f"{why}, then `peal resume`")


def under_way(repo: Path) -> str:
    """What the person has begun in the repository and not finished: `merge`, `rebase`, …; empty for nothing."""
    return _first_of(repo, git.output(repo, "rev-parse", *_asked_of_git()).split("\n"))


def _asked_of_git() -> list[str]:
    return [word for name in UNDER_WAY for word in ("--git-path", name)]


def _first_of(repo: Path, paths: list[str]) -> str:
    found = zip(UNDER_WAY.values(), paths, strict=True)
    return next((name for name, path in found if (repo / path).exists()), "")
