"""Items that wish for the same become one, and nothing that depends on any of them is lost; pure."""

from collections.abc import Container, Iterable, Mapping, Sequence

from attrs import evolve

from peal.backlog.item import FINAL, Item
from peal.backlog.lifecycle import moved
from peal.classes import frozen
from peal.text.display import harmless
from peal.text.names import natural


@frozen
class Merged:
    """What has become of an item and of its duplicates."""

    item: Item
    others: tuple[Item, ...] = ()
    """The other items that have changed."""
    sources: tuple[str, ...] = ()
    """Those that are cancelled, for they are part of another one now."""
    target: str = ""
    """The one that is left."""
    told: tuple[str, ...] = ()
    """What was left as it is, and why."""


def merged(
    item: Item, duplicates: Sequence[str], others: Mapping[str, Item], running: Container[str], at: str
) -> Merged:
    """
    An item made one with its duplicates: the earliest by its id is left, the others end as cancelled.

    `others` are all other items by their ids. What is over, missing or being worked on is left as it is, and told.
    """
    backlog = {**others, item.id: item}
    names = {name.casefold(): name for name in backlog}
    wanted = dict.fromkeys(names.get(one.strip().casefold(), one) for one in duplicates)
    reasons = {name: _why_not(name, item, backlog, running) for name in wanted}
    told = tuple(f"duplicate `{harmless(name)[:60]}` {why}" for name, why in reasons.items() if why)
    group = [item.id, *(name for name, why in reasons.items() if not why)]
    if len(group) == 1:
        return Merged(item, told=told)
    target, *sources = sorted(group, key=lambda name: (natural(name), name))
    made, dropped = _as_one(backlog, target, sources, at)
    changed = tuple(one for name, one in made.items() if one != backlog[name] and name != item.id)
    told += tuple(f"{target} no longer waits for {name}, which waits for it" for name in dropped)
    return Merged(made[item.id], changed, tuple(sources), target, told)


def _why_not(name: str, item: Item, backlog: Mapping[str, Item], running: Container[str]) -> str:
    """Why an item cannot be made one with another; empty if it can."""
    if name == item.id:
        return "is the item itself"
    if name not in backlog:
        return "is no item"
    if backlog[name].status in FINAL:
        return f"is {backlog[name].status} and left as it is"
    return "is being worked on and left as it is" if name in running else ""


def _as_one(
    backlog: Mapping[str, Item], target: str, sources: Sequence[str], at: str
) -> tuple[dict[str, Item], list[str]]:
    """All items with the sources gone into the target, and what that no longer waits for."""
    made = {name: _waiting_for(one, target, sources, at) for name, one in backlog.items()}
    gone = [backlog[name] for name in sources]
    inherited = [name for one in (backlog[target], *gone) for name in one.depends]
    kept, dropped = _without_circles(inherited, made, target, sources)
    context = "\n\n".join(filter(None, (backlog[target].description.context, *map(_told_of, gone))))
    made[target] = evolve(
        made[target],
        depends=kept,
        description=evolve(backlog[target].description, context=context),
        updated=at,
    )
    for one in gone:
        made[one.id] = evolve(moved(one, "cancelled", at), summary=f"merged into {target}")
    return made, dropped


def _waiting_for(one: Item, target: str, sources: Sequence[str], at: str) -> Item:
    """An open item that waits for the target where it waited for a source."""
    if one.status in FINAL or not set(sources).intersection(one.depends):
        return one
    depends = dict.fromkeys(target if name in sources else name for name in one.depends)
    return evolve(one, depends=tuple(depends), updated=at)


def _without_circles(
    names: Iterable[str], made: Mapping[str, Item], target: str, sources: Sequence[str]
) -> tuple[tuple[str, ...], list[str]]:
    """What the target can wait for, and what it cannot because that waits for the target."""
    wanted = [name for name in dict.fromkeys(names) if name != target and name not in sources]
    dropped = [name for name in wanted if _leads_to(target, name, made)]
    return tuple(name for name in wanted if name not in dropped), dropped


def _leads_to(target: str, start: str, items: Mapping[str, Item]) -> bool:
    """Whether an open item waits for the target, by way of others too."""
    seen, left = {start}, [start]
    while left:
        one = items.get(left.pop())
        for name in one.depends if one and one.status not in FINAL else ():
            if name == target:
                return True
            if name not in seen:
                seen.add(name)
                left.append(name)
    return False


def _told_of(source: Item) -> str:
    """What the target says of an item that is part of it now."""
    parts = {
        "Title": source.title,
        "Context": source.description.context,
        "Problem": source.description.problem,
        "Text": source.text,
        "Notes": source.notes,
        "Origin": source.origin,
    }
    said = "\n".join(f"{name}: {text.strip()}" for name, text in parts.items() if text.strip())
    return f"[Merged from {source.id}] {said}"
