"""The backlog as a person looks at it: in order, in columns, with why anything waits."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from peal.backlog.dependencies import unmet
from peal.backlog.guardrails import exceeded
from peal.backlog.item import Item, Status, rank
from peal.settings import GuardrailSettings
from peal.text.columns import cut, room_for_last, table, width, wrapped
from peal.text.display import count, harmless
from peal.text.names import natural

ORDER: tuple[Status, ...] = ("in_progress", "blocked", "ready", "scoping", "new", "done", "cancelled")
"""What is nearest to its end, or waits for a person, comes first."""
_HEADS = ("ID", "STATUS", "PHASE", "PIPELINE", "PRIORITY", "IMPACT", "SIZE", "RISK", "TITLE")
_ALWAYS = ("ID", "STATUS", "TITLE")
_FIRST_TO_GO = ("PIPELINE", "IMPACT", "RISK", "SIZE", "PRIORITY", "PHASE")
"""Columns that make room for the titles, as far as a terminal has none."""
_LEAST = 30
"""Columns in which a title says enough."""
_INDENT = "  "


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
    """
    A table of these, each followed by why it waits, for a terminal of that width: reasons are wrapped, titles cut. Columns that
    say nothing are left out, and others where there is no room for titles.
    """
    columns = list(zip(_HEADS, *map(_row, shown), strict=True))
    told_of = [column for column in columns if column[0] in _ALWAYS or any(map(str.strip, column[1:]))]
    head, *lines_of_items = _table(told_of, wide)
    told = [head]
    for item, line in zip(shown, lines_of_items, strict=True):
        told += [line, *(line for reason in waits(item, items) for line in _indented(reason, wide))]
    return told


def _table(columns: Sequence[Sequence[str]], wide: int | None) -> list[str]:
    if wide is None:
        return table(_rows(columns), None)
    needed = min(max(map(width, columns[-1])), _LEAST)
    for name in _FIRST_TO_GO:
        if room_for_last(_rows(columns), wide) < needed:
            columns = [column for column in columns if column[0] != name]
    return [cut(line, wide) for line in table(_rows(columns), wide)]


def _rows(columns: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[word or "-" for word in row] for row in zip(*columns, strict=True)]


def _indented(reason: str, wide: int | None) -> list[str]:
    """A reason below its item; what does not fit in a line goes on further in."""
    if wide is None:
        return [_INDENT + reason]
    first, *others = wrapped(reason, max(wide - 2 * len(_INDENT), 1))
    return [_INDENT + first, *(2 * _INDENT + line for line in others)]


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


def next_step(shown: Iterable[Item], guardrails: GuardrailSettings) -> str:
    """What to type for the first of these that waits for a person; empty if none does."""
    item = next((one for one in shown if one.blocked), None)
    if item is None or item.blocked is None:
        return ""
    is_beyond = item.blocked.before in ("ready", "in_progress") and any(exceeded(item, guardrails))
    allowed = " --override-guardrails" if is_beyond and not item.guardrails_overridden else ""
    return f"`peal backlog show {item.id}` tells all of it, `peal backlog unblock {item.id}{allowed}` lets it go on"


def counted(items: Sequence[Item]) -> str:
    """`3 items: 1 blocked, 2 new`."""
    numbers = Counter(one.status for one in items)
    return f"{count(len(items), 'item')}: " + ", ".join(
        f"{numbers[one]} {one}" for one in ORDER if numbers[one]
    )
