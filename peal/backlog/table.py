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
_ALWAYS = ("ID", "STATUS", "TITLE")


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
    """A table of these, each followed by why it waits; cut to a terminal of that width. Columns that say nothing are left out."""
    columns = list(zip(_HEADS, *map(_row, shown), strict=True))
    told_of = [column for column in columns if column[0] in _ALWAYS or any(map(str.strip, column[1:]))]
    rows = [[word or "-" for word in row] for row in zip(*told_of, strict=True)]
    head, *lines_of_items = table(rows, wide)
    told = [head]
    for item, line in zip(shown, lines_of_items, strict=True):
        told += [line, *(f"  {reason}" for reason in waits(item, items))]
    return told if wide is None else [cut(line, wide) for line in told]


def _row(item: Item) -> tuple[str, ...]:
    words = (
        item.id,
        item.status,
        item.phase,
        item.pipeline,
        str(item.priority or ""),
        item.impact or "",
        item.size or "",
        item.risk or "",
        item.title,
    )
    return tuple(map(harmless, words))


def counted(items: Sequence[Item]) -> str:
    """`3 items: 1 blocked, 2 new`."""
    numbers = Counter(one.status for one in items)
    return f"{count(len(items), 'item')}: " + ", ".join(
        f"{numbers[one]} {one}" for one in ORDER if numbers[one]
    )
