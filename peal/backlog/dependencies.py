"""What items wait for: whether a dependency may be, and which are not met."""

from collections.abc import Iterable, Mapping

from peal.backlog.item import Item
from peal.errors import PealError

MISSING = "missing"
"""How far an item is that there is not."""


def check(item: Item, items: Mapping[str, Item]) -> None:
    """PealError if an item can never be worked on for what it waits for: itself, by way of others, or nothing there is."""
    for needed in item.depends:
        if needed == item.id:
            raise PealError(f"{item.id} cannot wait for itself; take it out of its dependencies")
        if needed not in items:
            raise PealError(
                f"{item.id} cannot wait for `{needed}`, which there is not; `peal backlog list --all` lists them"
            )
        if items[needed].status == "cancelled":
            raise PealError(
                f"{item.id} would wait for {needed} for ever, for that is cancelled; leave it out"
            )
        if way := _way(needed, item.id, items):
            raise PealError(
                f"items would wait for each other: {' -> '.join((item.id, *way))}; leave one of these out"
            )


def _way(start: str, goal: str, items: Mapping[str, Item]) -> tuple[str, ...]:
    """From an item by what it waits for to another; nothing if that leads nowhere."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop()
        if way[-1] == goal:
            return way
        needed = items[way[-1]].depends if way[-1] in items else ()
        ways += [(*way, one) for one in needed if one not in seen]
        seen.update(needed)
    return ()


def unmet(item: Item, items: Mapping[str, Item]) -> tuple[tuple[str, str], ...]:
    """What an item still waits for, each with how far that is; `MISSING` for one that there is not."""
    states = ((needed, items[needed].status if needed in items else MISSING) for needed in item.depends)
    return tuple((needed, state) for needed, state in states if state != "done")


def waiting(id_: str, items: Iterable[Item]) -> tuple[str, ...]:
    """The open items that wait for this one."""
    return tuple(one.id for one in items if id_ in one.depends)
