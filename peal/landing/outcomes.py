"""How a landing ends whichever way it goes: what is clear before anything is touched, and what is said of the rest."""

from pathlib import Path

from peal.classes import frozen
from peal.landing import renamed_branch
from peal.model.work import Outcome, Result
from peal.system.git_objects import objects_of


@frozen
class Target:
    """A branch that results land in."""

    repo: Path
    """Whose memory a landing is noted in."""
    branch: str
    is_named: bool = False
    """It was asked for by its name, wherever it is checked out; otherwise it is what was checked out when the run began."""

    @property
    def ref(self) -> str:
        """Its full name."""
        return f"refs/heads/{self.branch}"

    def gone(self) -> str:
        """What to say if it is not there any more, with the way out."""
        return renamed_branch.gone(self.repo, self.branch, self.is_named)


@frozen
class Ahead:
    """What a landing would do."""

    head: str
    """The commit that the branch is on."""
    is_next: bool
    """The merge was verified on top of that one."""


def ahead(target: Target, commit: str) -> Ahead | Outcome:
    """What the landing of a verified merge would do; how it ends where that is clear already."""
    objects = objects_of(target.repo)
    head, merge = objects.commit_id(target.ref), objects.commit(commit)
    if not head:
        return Outcome(Result.HELD, target.gone())
    if merge is None:
        return outdated(target)  # it was not kept: it is made again
    is_next = merge.parents[:1] == (head,)
    if not is_next and objects.contains(head, commit):
        return Outcome(Result.PASSED, commit=commit)
    return Ahead(head, is_next)


def held(why: str) -> Outcome:
    """Something has to be put right first."""
    return Outcome(Result.HELD, f"{why}, then `peal resume`")


def outdated(target: Target) -> Outcome:
    """The branch is not where it was when the merge was verified."""
    return Outcome(Result.OUTDATED, f"`{target.branch}` has moved on: to be verified again on top")
