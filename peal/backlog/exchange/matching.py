"""Which of another tool's items become items here, under which ids, and which are here already; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, field

from peal.backlog.checks import circles
from peal.backlog.exchange.foreign import Foreign, Reading
from peal.backlog.item import FINAL, Item
from peal.backlog.item_file import is_id
from peal.backlog.store import Backlog, Kept
from peal.classes import frozen
from peal.text.display import harmless

IMPORTED = "imported"
"""The key in an item's file that tells where it is from, with what has no field here."""
_MARK = b"\nimported:"
_PARENTS = ("parent", "parent_task_id")
"""What the rest calls another item by its id."""
_SHOWN = 80
"""Letters of an id."""
_PEAL = "peal"
"""Where an item is from that was peal's before."""


@frozen
class Addition:
    """An item that is new here."""

    item: Item
    keys: Mapping[str, Any]
    """What its file says besides."""
    foreign: Foreign


@frozen
class Known:
    """An item that is here already."""

    kept: Kept
    foreign: Foreign
    has_changed: bool
    """Whether it has changed where it is from, since it was imported."""


@frozen
class Matched:
    """What importing comes to."""

    additions: tuple[Addition, ...] = ()
    known: tuple[Known, ...] = ()
    left_out: Mapping[str, int] = field(factory=dict)
    """How many that are over are left out, by their status."""
    problems: tuple[str, ...] = ()
    """Why nothing may be imported."""
    notes: tuple[str, ...] = ()


def matched(reading: Reading, backlog: Backlog, prefix: str, with_archived: bool, at: str) -> Matched:
    """What becomes of the items that were read; `at` is when those were made that do not say so."""
    if problems := (*reading.problems, *_twice(reading.items)):
        return Matched(problems=problems)
    known, others = _known(reading, backlog)
    over = [one for one in others if one.item.status in FINAL and not with_archived]
    new = [one for one in others if one.item.status not in FINAL or with_archived]
    ids = _ids(new, reading.keeps_ids, backlog, prefix)
    names = {_folded(one.foreign): one.kept.item.id for one in known}
    names |= {_folded(one): id_ for one, id_ in zip(new, ids, strict=True)}
    here = {one.item.id.casefold(): one.item.id for one in backlog.kept}
    around = _Around(reading.source, {**here, **names}, {_folded(one): one.item.status for one in over}, at)
    found = [_addition(one, id_, around) for one, id_ in zip(new, ids, strict=True)]
    additions = tuple(one for one, _ in found)
    wrong = [problem for _, problems in found for problem in problems]
    wrong += _cycles(additions, backlog)
    counts: Counter[str] = Counter(one.item.status for one in over)
    return Matched(additions, tuple(known), counts, tuple(wrong), reading.notes)


@frozen
class _Around:
    """What an item is looked at with."""

    source: str
    names: Mapping[str, str]
    """The ids that items get, or have, by those that they have there."""
    over: Mapping[str, str]
    """The status of those that are left out."""
    at: str


def _folded(one: Foreign) -> str:
    return one.item.id.casefold()


def _twice(items: Sequence[Foreign]) -> Iterator[str]:
    first: dict[str, Foreign] = {}
    for one in items:
        other = first.setdefault(_folded(one), one)
        if other is not one:
            shown = harmless(one.item.id)[:_SHOWN]
            yield f"`{one.where}`: `{shown}` is there twice, first in `{other.where}`; take one of them out"


def _known(reading: Reading, backlog: Backlog) -> tuple[list[Known], list[Foreign]]:
    """The items that are here already, and those that are not."""
    before: dict[tuple[str, str], tuple[Kept, str]] = {}
    for kept in backlog.kept:
        told = kept.other_keys().get(IMPORTED) if _MARK in kept.raw.replace(b"\r\n", b"\n") else None
        if isinstance(told, dict):
            id_ = str(told.get("id", "")).casefold()
            before[str(told.get("from", "")), id_] = kept, str(told.get("digest", ""))
    by_id = {kept.item.id.casefold(): kept for kept in backlog.kept}
    known, others = [], []
    for one in reading.items:
        if there := before.get((_source(one, reading), _folded(one))):
            known.append(Known(there[0], one, there[1] != one.digest))
        elif (same := by_id.get(_folded(one))) and _is_same(same.item, one.item):
            known.append(Known(same, one, has_changed=False))
        else:
            others.append(one)
    return known, others


def _source(one: Foreign, reading: Reading) -> str:
    return reading.source if one.keys is None else _PEAL


def _is_same(here: Item, there: Item) -> bool:
    """Whether two items with one id are the same."""
    return here.title == there.title or (here.created == there.created != "")


def _ids(items: Sequence[Foreign], keeps: bool, backlog: Backlog, prefix: str) -> list[str]:
    """An id for each: its own if it can be kept, otherwise a new number."""
    taken = {one.item.id.casefold() for one in backlog.kept}
    kept = [
        one.item.id if keeps and is_id(one.item.id) and _folded(one) not in taken else "" for one in items
    ]
    there = tuple(Kept(Item(id_, ""), backlog.folder, b"") for id_ in kept if id_)
    numbers = evolve(backlog, kept=(*backlog.kept, *there)).free_ids(prefix)
    return [id_ or next(numbers) for id_ in kept]


def _addition(one: Foreign, id_: str, around: _Around) -> tuple[Addition, list[str]]:
    depends: list[str] = []
    done: list[str] = []
    problems: list[str] = []
    for other in one.item.depends:
        if other.casefold() == _folded(one):
            problems.append(f"`{one.where}`: `{harmless(other)[:_SHOWN]}` waits for itself; take that out")
        elif name := around.names.get(other.casefold()):
            depends.append(name)
        elif around.over.get(other.casefold()) == "done":
            done.append(other)
        else:
            problems.append(_dangling(one, other, around))
    item = evolve(
        one.item,
        id=id_,
        depends=tuple(dict.fromkeys(depends)),
        origin=_renamed_origin(one.item.origin, around),
        created=one.item.created or ("" if one.keys is not None else around.at),
        updated=one.item.updated or ("" if one.keys is not None else around.at),
    )
    return Addition(item, _keys(one, id_, done, around), one), problems


def _dangling(one: Foreign, other: str, around: _Around) -> str:
    shown, id_ = harmless(other)[:_SHOWN], harmless(one.item.id)[:_SHOWN]
    if other.casefold() in around.over:
        why = f"`{id_}` waits for `{shown}`, which is cancelled there; take that out, or give --archived"
    else:
        why = (
            f"`{id_}` waits for `{shown}`, which is neither there nor in the backlog; take that out, or import "
            "both together"
        )
    return f"`{one.where}`: {why}"


def _renamed_origin(origin: str, around: _Around) -> str:
    """`WRK-002/design` for `tg-1a2b3/design`."""
    item, slash, phase = origin.partition("/")
    return f"{around.names.get(item.casefold(), item)}{slash}{phase}"


def _keys(one: Foreign, id_: str, done: Sequence[str], around: _Around) -> dict[str, Any]:
    """What the file says besides: where the item is from, and what has no field."""
    if one.keys is not None and id_ == one.item.id and not done:
        return dict(one.keys)
    names = {key: _renamed(value, around) for key, value in one.rest.items() if key in _PARENTS}
    rest = {**one.rest, **names, **({"depends_done": list(done)} if done else {})}
    before = dict(one.keys or {})
    if IMPORTED in before:
        rest[IMPORTED] = before.pop(IMPORTED)
    source = around.source if one.keys is None else _PEAL
    told = {"from": source, "id": one.item.id, "digest": one.digest, **({"rest": rest} if rest else {})}
    return {**before, IMPORTED: told}


def _renamed(value: Any, around: _Around) -> Any:
    return around.names.get(value.casefold(), value) if isinstance(value, str) else value


def _cycles(additions: Iterable[Addition], backlog: Backlog) -> Iterator[str]:
    new = {one.item.id: one for one in additions}
    needs = {one.id: one.depends for one in backlog.items if one.status not in FINAL}
    needs |= {id_: one.item.depends for id_, one in new.items()}
    for circle in circles(needs):
        if there := [new[id_] for id_ in circle if id_ in new]:
            names = [harmless(new[id_].foreign.item.id if id_ in new else id_)[:_SHOWN] for id_ in circle]
            way = " -> ".join((*names, names[0]))
            yield f"`{there[0].foreign.where}`: items wait for each other: {way}; take one of these out"
