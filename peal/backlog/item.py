"""An item of the backlog: what is known of a wish, as a frozen value."""

from typing import Literal, get_args

from attrs import field

from peal.classes import frozen
from peal.model.phase_result import Description, Level, Size

Status = Literal["new", "scoping", "ready", "in_progress", "blocked", "done", "cancelled"]
"""
How far an item is: nobody has looked at it; it goes through the phases that find out what it takes; it may be worked on;
it is; it waits for a person; it is done; it will not be, so what depends on it waits on.
"""
Pool = Literal["pre", "main"]
"""The list of a pipeline that a phase is in."""
BlockType = Literal["clarification", "decision", "conflict", "failure"]
"""What a blocked item waits for."""

FINAL: frozenset[Status] = frozenset(("done", "cancelled"))
"""Nothing comes after these."""
LONGEST_TITLE = 200
"""Letters of a title that is given; one that is written into a file may be longer."""

BETWEEN_NOTES = "\n\n"
"""Between what a person said at one time and at another."""


def rank(degree: Size | Level | None) -> int:
    """What sizes and levels are compared by; 0 for one that nobody has assessed."""
    scale: tuple[str, ...] = get_args(Size) if degree in get_args(Size)[::2] else get_args(Level)
    return scale.index(degree) + 1 if degree else 0


@frozen
class Blocked:
    """Why an item waits for a person."""

    before: Status
    """What it was, and is again when it is unblocked."""
    type: BlockType
    reason: str
    since: str
    """A moment in ISO 8601, as all of an item's."""
    phase: str = ""


@frozen
class Item:
    """A wish, and how far it is."""

    id: str
    title: str
    status: Status = "new"
    phase: str = ""
    """The phase that it is in or comes next; kept while it is blocked."""
    pool: Pool | None = None
    pipeline: str = ""
    """The name of its pipeline; empty for the usual one."""
    priority: int = 0
    """Higher comes first."""
    size: Size | None = None
    complexity: Level | None = None
    risk: Level | None = None
    impact: Level | None = None
    requires_human_review: bool = False
    guardrails_overridden: bool = False
    """A person has allowed it to be more than the guardrails let pass; never taken back."""
    tags: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    """The items that have to be done before it."""
    origin: str = ""
    """`ITEM/PHASE`, for one that came up while another was worked on."""
    created: str = ""
    updated: str = ""
    blocked: Blocked | None = None
    notes: str = ""
    """What a person said when it was unblocked; told to the next phase, once. What was said later stands below."""
    reason: str = ""
    """Why it was cancelled."""
    last_phase_commit: str = ""
    """What its latest phase rested on."""
    summary: str = ""
    """What was said at the end of its latest phase; told to the next one."""
    description: Description = field(factory=Description)
    text: str = field(default="", metadata={"internal": True})
    """What stands below the front matter."""
