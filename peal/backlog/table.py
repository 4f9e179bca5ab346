"""The backlog as a person looks at it: in order, in columns, with why anything waits."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from peal.backlog.dependencies import unmet
from peal.backlog.item import Item, Status, rank
from peal.text.columns import cut, table
from peal.text.display import count, harmless
from peal.text.names import natural

ORDER: tuple[Status, ...] = ("in_progress", "blocked", "ready", "scoping", "new", "done", "cancelled")
"""What is nearest to its end, or waits for a person, comes first."""
_HEADS = ("ID", "STATUS", "PHASE", "PIPELINE", "PRIORITY", "IMPACT", "SIZE", "RISK", "TITLE")


def in_order(items: Iterable[Item]) -> list[Item]:
    """By how far they are, then the most urgent ones, then by their ids."""
    return sorted(
        items, key=lambda one: (ORDER.index(one.status), -one.priority, -rank(one.impact), natural(one.id))
    )


def waits(item: Item, items: Mapping[str, Item]) -> list[str]:
    """Why an item waits, a line for each reason."""
    held = item.blocked
    reasons = [f"blocked ({held.type}): {harmless(held.reason)}"] if held else []
    needed = [f"{one} ({state})" for one, state in unmet(item, items)]
    return [*reasons, f"waits for {', '.join(needed)}"] if needed else reasons


def lines(shown: Sequence[Item], items: Mapping[str, Item], wide: int | None) -> list[str]:
    """A table of these, each followed by why it waits; cut to a terminal of that width."""
    rows = table([_HEADS, *map(_row, shown)], wide)
    told = [rows[0]]
    for item, row in zip(shown, rows[1:], strict=True):
        reasons = [f"  {reason}" for reason in waits(item, items)]
        told += [row, *(reason if wide is None else cut(reason, wide) for reason in reasons)]
    return told


def _row(item: Item) -> tuple[str, ...]:
    words = (
        item.id,
        item.status,
        item.phase,
        item.pipeline,
        str(item.priority) if item.priority else "",
        item.impact or "",
        item.size or "",
        item.risk or "",
        item.title,
    )
    return tuple(harmless(word) or "-" for word in words)


def counted(items: Sequence[Item]) -> str:
    """`3 items: 1 blocked, 2 new`."""
    numbers = Counter(one.status for one in items)
    return f"{count(len(items), 'item')}: " + ", ".join(
        f"{numbers[one]} {one}" for one in ORDER if numbers[one]
    )
