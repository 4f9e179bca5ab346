"""How a task's commit gets onto the branch, by what the branch has of it already."""

from collections.abc import Callable
from enum import Enum

from peal.system.git_objects import Objects


class Way(Enum):
    """How a commit gets onto the branch."""

    NOTHING = "the branch has it already"
    MERGED = "it is a merge on top of the branch already, as mended so far"
    MERGE = "by a merge"
    REPLAY = "as the same change once more, for the person has rewritten what it stood on"


def way_onto(objects: Objects, base: str, brings: str, merged: Callable[[], str]) -> Way:
    """
    How `brings` gets onto `base`; `merged` tells the tree of a plain merge of both, empty where there is none.

    With a commit that the branch has a merge comes out as the branch is: only then the history has to be looked through.
    """
    parents = brought.parents if (brought := objects.commit(brings)) else ()
    stands_on = parents[0] if parents else ""
    if stands_on == base:
        return Way.MERGED if len(parents) > 1 else Way.MERGE
    if merged() in ("", objects.tree_of(base)) and objects.contains(base, brings):
        return Way.NOTHING
    return Way.MERGE if stands_on and objects.contains(base, stands_on) else Way.REPLAY
