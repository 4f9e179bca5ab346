"""What may become of an item: one table, and the changes that go with it; pure."""

from collections.abc import Mapping

from attrs import evolve

from peal.backlog.item import BETWEEN_NOTES, FINAL, Blocked, BlockType, Item, Status
from peal.errors import PealError

TRANSITIONS: Mapping[Status, tuple[Status, ...]] = {
    "new": ("scoping", "blocked", "cancelled"),
    "scoping": ("ready", "blocked", "cancelled"),
    "ready": ("in_progress", "blocked", "cancelled"),
    "in_progress": ("done", "blocked", "cancelled"),
    "blocked": ("new", "scoping", "ready", "in_progress", "cancelled"),
    "done": (),
    "cancelled": (),
}
"""What each status may become; out of `blocked` only what it was before, or `cancelled`."""


def possible(item: Item) -> tuple[Status, ...]:
    """What an item may become now."""
    return (item.blocked.before, "cancelled") if item.blocked else TRANSITIONS[item.status]


def moved(item: Item, to: Status, at: str) -> Item:
    """
    The item with another status from a moment on; PealError, with what is possible, if that is not in the table.

    Blocking says why, and unblocking what a person thinks of it: `blocked` and `unblocked` do these.
    """
    if to == "blocked" or to not in possible(item):
        raise _impossible(item, f"become {to}")
    is_over = to in FINAL
    return evolve(
        item,
        status=to,
        blocked=None,
        phase="" if is_over else item.phase,
        pool=None if is_over else item.pool,
        updated=at,
    )


def blocked(item: Item, why: BlockType, reason: str, at: str) -> Item:
    """The item waiting for a person, who is told the reason; PealError if it is over, or waits already."""
    if "blocked" not in possible(item):
        raise _impossible(item, "be blocked")
    held = Blocked(item.status, why, reason, at, item.phase)
    return evolve(item, status="blocked", blocked=held, updated=at)


def unblocked(item: Item, notes: str, at: str, overrides_guardrails: bool = False) -> Item:
    """
    The item as it was before it was blocked; what a person has to say stands below what no phase was told yet.

    PealError if it is not blocked. What its phase rested on is taken anew, and a person who unblocks it has looked at it.
    """
    if item.blocked is None:
        raise _impossible(item, "be unblocked")
    return evolve(
        item,
        status=item.blocked.before,
        blocked=None,
        notes=BETWEEN_NOTES.join(filter(None, (item.notes.rstrip(), notes))),
        last_phase_commit="",
        requires_human_review=False,
        guardrails_overridden=item.guardrails_overridden or overrides_guardrails,
        updated=at,
    )


def _impossible(item: Item, what: str) -> PealError:
    can = " or ".join(possible(item)) or "nothing any more"
    return PealError(f"item {item.id} is {item.status} and cannot {what}; it can become {can}")
