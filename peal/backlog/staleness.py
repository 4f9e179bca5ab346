"""Whether a phase may build on what the one before it rested on, when that may be gone from the branch; pure."""

from typing import Literal

from peal.classes import frozen
from peal.settings import ItemPhaseSettings


@frozen
class Staleness:
    """What is to be done about it, and why in words."""

    action: Literal["go on", "warn", "block"]
    why: str = ""


_FINE = Staleness("go on")


def is_asked_of(phase: ItemPhaseSettings) -> bool:
    """Whether it matters to a phase: one that is destructive, or whose settings say so."""
    return phase.is_destructive or phase.staleness != "ignore"


def staleness(
    commit: str, is_in_history: bool | None, setting: Literal["ignore", "warn", "block"]
) -> Staleness:
    """
    What comes of the commit that an item's phase before rested on, empty if there is none.

    `is_in_history` is None where git does not know the commit: that blocks whatever the setting is, for nobody can say then
    what the work was made for.
    """
    if not commit or is_in_history:
        return _FINE
    if is_in_history is None:
        return Staleness("block", f"commit {commit[:12]}, which the phase before rested on, is unknown here")
    if setting == "ignore":
        return _FINE
    return Staleness(
        setting, f"commit {commit[:12]}, which the phase before rested on, is no longer in the history"
    )
