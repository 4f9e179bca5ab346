"""`land` where the branch is checked out nowhere: it is moved from the commit it was verified on, or left."""

import time
from pathlib import Path

from peal.landing import checkouts, locks
from peal.landing.outcomes import Target, ahead, held, outdated
from peal.model.work import Outcome, Result
from peal.system import git, git_refusals
from peal.system.git_objects import objects_of
from peal.system.ref_changes import ref_changes

_AGAIN_AFTER = 0.1


def landed(target: Target, commit: str) -> Outcome | None:
    """Move a branch to a commit, and nothing else; None if somebody has checked it out meanwhile: then it is as it was."""
    until = time.monotonic() + locks.PATIENCE
    while True:
        found = _tried(target, commit)
        if not isinstance(found, Path):
            return found
        if time.monotonic() > until or locks.is_left(found, target.repo):
            return held(git.story_of(found, target.repo))
        time.sleep(_AGAIN_AFTER)


def _tried(target: Target, commit: str) -> Outcome | Path | None:
    """One look and one try; the lock if somebody else's git holds the branch."""
    repo, found = target.repo, ahead(target, commit)
    if isinstance(found, Outcome):
        return found
    if why := checkouts.in_hand(repo, target.branch):
        return held(why)
    if not found.is_next:
        return outdated(target)
    if (lock := locks.of_branch(git.common_folder(repo), target.branch)).exists():
        return lock
    why = _moved(target, commit, found.head)
    if why and not objects_of(repo).contains(target.ref, commit):
        return _refused(target, found.head, why)
    return None if _is_taken_back(target, commit, found.head) else Outcome(Result.PASSED, commit=commit)


def _moved(target: Target, commit: str, before: str) -> str:
    """Why git could not move the branch, in its own words; empty if it has."""
    if ref_changes(target.repo).move(target.ref, commit, before):
        return ""
    try:
        git.output(target.repo, "update-ref", "-m", "peal", target.ref, commit, before)
    except git.GitError as error:
        return str(error)
    return ""


def _refused(target: Target, head: str, words: str) -> Outcome | Path:
    if lock := git_refusals.lock_named(words, target.repo):
        return lock
    if objects_of(target.repo).commit_id(target.ref) != head:
        return outdated(target)
    return held(f"git could not move `{target.branch}`: {words}; put that right")


def _is_taken_back(target: Target, commit: str, head: str) -> bool:
    """
    Whether somebody has checked the branch out in that moment, and it is back where it was.

    Their tree has what the branch held before or what it held after, and git brings it along from both.
    """
    checkouts.settled(target.repo)
    if checkouts.found(target.repo, target.branch) is None:
        return False
    return not _moved(target, head, commit)
