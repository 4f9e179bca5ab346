"""`land`: a branch is moved to a verified merge, with the tree that it is checked out in in that moment, if it is in one."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from peal.landing import checkouts, fast_forward, ref_only
from peal.landing.outcomes import Target, held
from peal.model.work import Outcome

_TRIES = 5


def landed(target: Target, commit: str, trees_in_hand: Callable[[], AbstractContextManager[None]]) -> Outcome:
    """
    Bring a verified merge into the branch, and into the tree that it is checked out in; passed only if it is there afterwards.

    One that is not meant by its name is looked for in the repository's own tree alone. Trees are only touched with
    `trees_in_hand`; a branch that is in none needs none of them.
    """
    for _ in range(_TRIES):
        tree = checkouts.found(target.repo, target.branch) if target.is_named else target.repo
        if tree is None:
            outcome = ref_only.landed(target, commit)
        elif why := checkouts.unusable(target.repo, tree, target.branch):
            outcome = held(why)
        else:
            with trees_in_hand():
                outcome = fast_forward.landed(target, commit, tree)
        if outcome is not None:
            return outcome
    return held(f"`{target.branch}` is checked out now here and now there; leave it where it is")
