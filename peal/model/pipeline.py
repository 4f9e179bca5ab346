"""The phases of a task."""

from enum import StrEnum
from itertools import pairwise


class Phase(StrEnum):
    """The stages of a task, in order."""

    PLAN = "plan"
    EXECUTE = "execute"
    ADDRESS = "address"
    LAND = "land"
    """Only where peal commits: the verified result enters the branch. No agent takes part."""

    @property
    def next(self) -> "Phase | None":
        """The phase after this one; None after the last."""
        return _NEXT.get(self)

    def comes_after(self, other: "Phase") -> bool:
        """Whether a task reaches `other` first."""
        phases = list(Phase)
        return phases.index(self) > phases.index(other)


_NEXT = dict(pairwise(Phase))

AGENT_PHASES = (Phase.PLAN, Phase.EXECUTE, Phase.ADDRESS)
"""The phases in which an agent may work."""
