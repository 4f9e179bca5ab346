"""`land`: the branch in the person's own tree is moved forward to a verified merge, or left exactly as it is."""

import os
import re
import time
from pathlib import Path

from attrs import frozen

from peal.landing import locks, obstacles, renamed_branch, rollback
from peal.model.work import Outcome, Result
from peal.system import git, git_refusals
from peal.system.files import content
from peal.system.git_objects import objects_of
from peal.system.layout import RepoPaths
from peal.text.display import harmless, some

_AGAIN_AFTER = 0.1
_SHOWN = 5
_FORWARD = (
    "merge", "--ff-only", "--quiet", "--no-stat", "--no-squash", "--no-autostash", "--no-verify-signatures", "--no-overwrite-ignore",
)  # fmt: skip
"""Nothing of the person's is overwritten, ignored files included, whatever they have set for merges in general."""
_IN_THE_WAY = re.compile(r"(?:overwritten by merge|lose untracked files in them):\n((?:\t[^\n]*\n)+)")


def landed(repo: Path, branch: str, commit: str) -> Outcome:
    """Fast-forward the person's checkout of `branch` to `commit`; passed only if git says it is there afterwards."""
    if stuck := rollback.undo(repo).stuck:
        return _held(stuck)
    until = time.monotonic() + locks.PATIENCE
    while True:
        found = _tried(repo, branch, commit)
        if isinstance(found, Outcome):
            return found
        if time.monotonic() > until or locks.is_left(found, repo):
            return _held(git.story_of(found, repo))
        time.sleep(_AGAIN_AFTER)


def _tried(repo: Path, branch: str, commit: str) -> Outcome | Path:
    """One look and one try; the lock if somebody else's git holds one, who may be switching branches."""
    objects, folder = objects_of(repo), git.own_folder(repo)
    head, merge = objects.commit_id(f"refs/heads/{branch}"), objects.commit(commit)
    if not head:
        return Outcome(Result.HELD, renamed_branch.gone(repo, branch))
    if merge is None:
        return _outdated(branch)  # it was not kept: it is made again
    is_next = merge.parents[:1] == (head,)
    if not is_next and objects.contains(head, commit):
        return Outcome(Result.PASSED, commit=commit)
    if why := _elsewhere(repo, branch) or _busy(folder):
        return _held(why)
    return _forwarded(repo, _Move(branch, head, commit, folder)) if is_next else _outdated(branch)


def _elsewhere(repo: Path, branch: str) -> str:
    """What is checked out, if it is not the branch."""
    if content(git.own_folder(repo) / "HEAD") == b"ref: refs/heads/%s\n" % os.fsencode(branch):
        return ""
    # Other ways to be on the branch, as in a repository without a file for each, only git knows.
    checked_out = git.output(repo, "rev-parse", "--symbolic-full-name", "HEAD")
    if checked_out == f"refs/heads/{branch}":
        return ""
    other = checked_out.removeprefix("refs/heads/")
    shown = f"`{harmless(other)}`" if other != checked_out else "a commit without a branch"
    return f"{shown} is checked out, not `{branch}`; `git switch {branch}`"


def _busy(git_folder: Path) -> str:
    """What a person has begun and not finished."""
    busy = git.UNDER_WAY.get(git.work_under_way(git_folder))
    return f"a {busy} is under way; finish it, or {give_up(busy)}" if busy else ""


def give_up(busy: str) -> str:
    """The command that ends what is under way."""
    return "`git bisect reset`" if busy == "bisect" else f"`git {busy} --abort`"


def _outdated(branch: str) -> Outcome:
    return Outcome(Result.OUTDATED, f"`{branch}` has moved on: to be verified again on top")


@frozen
class _Move:
    """A branch that is checked out, from one commit to another."""

    branch: str
    head: str
    commit: str
    git_folder: Path


def _forwarded(repo: Path, move: _Move) -> Outcome | Path:
    """The branch is moved and the tree with it, or neither; the lock that is to be waited for."""
    if lock := locks.in_the_way(move.git_folder, move.branch):
        return lock
    try:
        changes = objects_of(repo).brought_by(move.commit)
        if obstacle := obstacles.found(repo, changes):
            return _held(obstacle)
        rollback.note(repo, move.git_folder, move.branch, move.head, move.commit, changes)
    except OSError as error:
        return _held(
            f"cannot write `{RepoPaths(repo).landing}`: {error.strerror}; make room or make it writable"
        )
    # A strategy that is set for the branch would make a merge of it.
    own = git.settings((f"branch.{move.branch}.mergeOptions", ""))
    done = git.run(repo, *_FORWARD, move.commit, env=own)
    if objects_of(repo).contains(f"refs/heads/{move.branch}", move.commit):
        rollback.forget(repo)
        return Outcome(Result.PASSED, commit=move.commit)
    return _refused(repo, move, done, rollback.undo(repo, was_killed=done.returncode < 0))


def _refused(repo: Path, move: _Move, done: git.Done, undone: rollback.Undone) -> Outcome | Path:
    """What to say of a landing that did not come about."""
    words = done.stderr.decode("utf-8", "replace")
    if undone.stuck:
        return _held(undone.told())
    if lock := git_refusals.lock_named(words, repo):
        return lock
    if "Not possible to fast-forward" in words:
        return _outdated(move.branch)
    if done.returncode == 0:
        return _held(
            f"another branch than `{move.branch}` was checked out in that moment, and has it now; see `git reflog`"
        )
    return _held(_why(words) or _unfinished(done, repo, undone))


def _unfinished(done: git.Done, repo: Path, undone: rollback.Undone) -> str:
    """git's own words, and what has become of what it had begun."""
    back = ", and what it had begun is taken back" if undone.restored else ""
    if done.returncode < 0:
        return f"git was {git.said(done)}{back}; see why"
    return f"git could not land it{back}: {git.why(done, repo)}; put that right"


def _why(words: str) -> str:
    """Whose files git would not overwrite."""
    names = [name for found in _IN_THE_WAY.findall(words) for name in found.split("\n") if name]
    if not names:
        return ""
    shown = some([name.strip() for name in names], _SHOWN)
    return f"your own {shown} would be overwritten; commit, stash or move it away"


def _held(why: str) -> Outcome:
    return Outcome(Result.HELD, f"{why}, then `peal resume`")
