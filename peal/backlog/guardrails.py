"""What an item may be at most to be worked on without a person's word; pure."""

from collections.abc import Iterator

from peal.backlog.item import Item, rank
from peal.backlog.lifecycle import blocked
from peal.settings import GuardrailSettings


def exceeded(item: Item, guardrails: GuardrailSettings) -> Iterator[str]:
    """In what an item is beyond the guardrails; what nobody has assessed is not."""
    limits = {
        "size": guardrails.max_size,
        "complexity": guardrails.max_complexity,
        "risk": guardrails.max_risk,
    }
    for name, most in limits.items():
        found = getattr(item, name)
        if rank(found) > rank(most):
            yield f"`{name}` is {found}, and `guardrails.max_{name}` is {most}"


def objection(item: Item, guardrails: GuardrailSettings) -> str:
    """
    Why a person has to decide before the item is worked on by itself; empty if nobody has to.

    To be asked before each main phase begins: what has been assessed, and what is allowed, may have changed since the last one.
    """
    if item.requires_human_review:
        return f"a person is to review it first; `peal backlog unblock {item.id}` says that it may go on"
    if item.guardrails_overridden:
        return ""
    if beyond := ", ".join(exceeded(item, guardrails)):
        allow = f"`peal backlog unblock {item.id} --override-guardrails` lets it go on"
        return f"it is beyond the guardrails: {beyond}; {allow}"
    return ""


def guarded(item: Item, guardrails: GuardrailSettings, at: str) -> Item:
    """The item, blocked for a decision if a person has to make one before it goes on."""
    why = objection(item, guardrails)
    return blocked(item, "decision", why, at) if why else item
