"""`land` where the branch is checked out: it is moved forward to a verified merge with that tree, or left exactly as it is."""

import os
import re
import time
from pathlib import Path

from peal.classes import frozen
from peal.landing import locks, obstacles, rollback
from peal.landing.outcomes import Target, ahead, held, outdated
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


def landed(target: Target, commit: str, tree: Path) -> Outcome | None:
    """
    Fast-forward the checkout of a branch in `tree` to a commit; passed only if git says it is there afterwards.

    None if a branch that is meant wherever it is checked out turns out not to be checked out there.
    """
    place = _Place(target, tree)
    if stuck := rollback.undo(target.repo).stuck:
        return held(stuck)
    until = time.monotonic() + locks.PATIENCE
    while True:
        found = _tried(place, commit)
        if not isinstance(found, Path):
            return found
        if time.monotonic() > until or locks.is_left(found, tree):
            return place.held(git.story_of(found, tree))
        time.sleep(_AGAIN_AFTER)


@frozen
class _Place:
    """A branch and the tree in which it is checked out."""

    target: Target
    tree: Path

    @property
    def git_folder(self) -> Path:
        """What git keeps of the tree alone; another worktree may be taken away and made anew at any time."""
        if self.tree == self.target.repo:
            return git.own_folder(self.tree)
        return Path(git.output(self.tree, "rev-parse", "--absolute-git-dir"))

    def held(self, why: str) -> Outcome:
        """Something has to be put right there first; that says where, if it is not where peal was started."""
        is_other = self.tree != self.target.repo
        where = f"in `{harmless(str(self.tree))}`, where `{self.target.branch}` is checked out: "
        return held(f"{where if is_other else ''}{why}")


def _tried(place: _Place, commit: str) -> Outcome | Path | None:
    """One look and one try; the lock if somebody else's git holds one, who may be switching branches."""
    target, folder = place.target, place.git_folder
    found = ahead(target, commit)
    if isinstance(found, Outcome):
        return found
    if why := _elsewhere(place.tree, folder, target.branch):
        return None if target.is_named else place.held(why)
    if why := busy(folder):
        return place.held(why)
    if not found.is_next:
        return outdated(target)
    return _forwarded(place, rollback.Moving(target.branch, found.head, commit, place.tree, folder))


def _elsewhere(tree: Path, folder: Path, branch: str) -> str:
    """What is checked out, if it is not the branch."""
    if content(folder / "HEAD") == b"ref: refs/heads/%s\n" % os.fsencode(branch):
        return ""
    # Other ways to be on the branch, as in a repository without a file for each, only git knows.
    checked_out = git.output(tree, "rev-parse", "--symbolic-full-name", "HEAD")
    if checked_out == f"refs/heads/{branch}":
        return ""
    other = checked_out.removeprefix("refs/heads/")
    shown = f"`{harmless(other)}`" if other != checked_out else "a commit without a branch"
    return f"{shown} is checked out, not `{branch}`; `git switch {branch}`"


def busy(git_folder: Path) -> str:
    """What a person has begun and not finished in a tree."""
    begun = git.UNDER_WAY.get(git.work_under_way(git_folder))
    return f"a {begun} is under way; finish it, or {give_up(begun)}" if begun else ""


def give_up(begun: str) -> str:
    """The command that ends what is under way."""
    return "`git bisect reset`" if begun == "bisect" else f"`git {begun} --abort`"


def _forwarded(place: _Place, move: rollback.Moving) -> Outcome | Path:
    """The branch is moved and the tree with it, or neither; the lock that is to be waited for."""
    if lock := locks.in_the_way(move.git_folder, move.branch):
        return lock
    target, repo = place.target, place.target.repo
    try:
        changes = objects_of(repo).brought_by(move.commit)
        if obstacle := obstacles.found(move.tree, changes) or obstacles.deleted(move.tree, changes):
            return place.held(obstacle)
        rollback.note(repo, move, changes)
    except OSError as error:
        return held(
            f"cannot write `{RepoPaths(repo).landing}`: {error.strerror}; make room or make it writable"
        )
    # A strategy that is set for the branch would make a merge of it.
    own = git.settings((f"branch.{move.branch}.mergeOptions", ""))
    done = git.run(move.tree, *_FORWARD, move.commit, env=own)
    if objects_of(repo).contains(target.ref, move.commit):
        rollback.forget(repo)
        return Outcome(Result.PASSED, commit=move.commit)
    return _refused(place, move, done, rollback.undo(repo, was_killed=done.returncode < 0))


def _refused(place: _Place, move: rollback.Moving, done: git.Done, undone: rollback.Undone) -> Outcome | Path:
    """What to say of a landing that did not come about."""
    words = done.stderr.decode("utf-8", "replace")
    if undone.stuck:
        return held(undone.told())
    if lock := git_refusals.lock_named(words, move.tree):
        return lock
    if "Not possible to fast-forward" in words:
        return outdated(place.target)
    if done.returncode == 0:
        return place.held(
            f"another branch than `{move.branch}` was checked out in that moment, and has it now; see `git reflog`"
        )
    return place.held(_why(words) or _unfinished(done, move.tree, undone))


def _unfinished(done: git.Done, tree: Path, undone: rollback.Undone) -> str:
    """git's own words, and what has become of what it had begun."""
    back = ", and what it had begun is taken back" if undone.restored else ""
    if done.returncode < 0:
        return f"git was {git.said(done)}{back}; see why"
    return f"git could not land it{back}: {git.why(done, tree)}; put that right"


def _why(words: str) -> str:
    """Whose files git would not overwrite."""
    names = [name for found in _IN_THE_WAY.findall(words) for name in found.split("\n") if name]
    if not names:
        return ""
    shown = some([name.strip() for name in names], _SHOWN)
    return f"your own {shown} would be overwritten; commit, stash or move it away"
