"""What comes after what in a list with outline numbers: the order of the list, and what items and groups depend on."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from peal.classes import frozen
from peal.formats.dependencies import Dependencies, Needs
from peal.formats.document import Document
from peal.formats.entries import listed_ids
from peal.formats.outline_items import NUMBER, WORD, Item, Outline
from peal.model.plan import Problem, TaskId

_GROUP = re.compile(r"\W{0,4}(?:Task )?Group (?P<number>\d{1,5})\b", re.IGNORECASE)


@frozen
class Order:
    """For each task, in file order."""

    after: tuple[tuple[TaskId, ...], ...]
    """What it waits for by name; nothing where it waits for all that stands before it."""
    sections: tuple[int, ...]
    optional: tuple[bool, ...]
    notes: tuple[Problem, ...]


def order_of(document: Document, outline: Outline) -> Order:
    """The order of an outline's tasks."""
    leaves = outline.leaves
    starred = {item.id for item in outline.items if item.box.is_optional}
    optional = tuple(
        item.id in starred or any(up in starred for up in outline.ancestors(item.id)) for item in leaves
    )
    names = _Names.of(document, outline, optional)
    own = {item.id: _told(document, item, names.dependencies) for item in outline.items}
    return Order(
        after=tuple(_after(document, outline, names, own, optional)),
        sections=tuple(_sections(document, outline)),
        optional=optional,
        notes=tuple(_notes(outline, own)),
    )


def _told(document: Document, item: Item, dependencies: Dependencies) -> Needs:
    lines = _lines(document, item.box.line + 1, item.end, dependencies)
    return Needs.together([*dependencies.of_title(item.title), *lines])


def _lines(document: Document, first: int, last: int, dependencies: Dependencies) -> Iterator[Needs]:
    for line in range(first, last + 1):
        needs = dependencies.of_line(document.lines[line - 1])
        if needs is not None and not document.hider(line):
            yield needs


@frozen
class _Names:
    """What the names that dependencies use stand for."""

    dependencies: Dependencies
    ids: tuple[TaskId, ...]
    known: frozenset[str]
    held: dict[str, list[TaskId]]
    """The tasks below a number, also where only a heading has it."""
    groups: dict[str, list[TaskId]]
    group_of: tuple[str, ...]
    """For each task the number of the section such as `#### Task Group 1` that it stands in."""

    @classmethod
    def of(cls, document: Document, outline: Outline, optional: Sequence[bool]) -> "_Names":
        leaves = outline.leaves
        group_of = tuple(_group_of(document, leaves))
        held: dict[str, list[TaskId]] = {}
        groups: dict[str, list[TaskId]] = {}
        for item, group, is_optional in zip(leaves, group_of, optional, strict=True):
            if not is_optional:
                parts = item.id.split(".")
                numbers = {".".join(parts[:count]) for count in range(1, len(parts))}
                for name in {*numbers, *outline.ancestors(item.id)}:
                    held.setdefault(name, []).append(item.id)
                groups.setdefault(group, []).append(item.id)
        has_words = any(not item.id[0].isdecimal() for item in outline.items)
        return cls(
            dependencies=Dependencies(rf"(?:{WORD}|{NUMBER})" if has_words else NUMBER),
            ids=tuple(item.id for item in outline.items),
            known=frozenset(item.id for item in leaves),
            held=held,
            groups=groups,
            group_of=group_of,
        )

    def meant(self, needs: Needs) -> tuple[TaskId, ...]:
        """The tasks that are needed; what is not there is named as it is written, and refused for that later."""
        spanned = (
            listed_ids(f"{first} to {last}", self.dependencies.shape, self.ids) for first, last in needs.spans
        )
        tasks = (self._tasks(one) for one in chain(needs.tasks, *spanned))
        groups = (self._group(one) for one in needs.groups)
        return tuple(dict.fromkeys(chain(*tasks, *groups)))

    def _tasks(self, name: str) -> Sequence[TaskId]:
        return [TaskId(name)] if name in self.known else self.held.get(name) or [TaskId(name)]

    def _group(self, number: str) -> Sequence[TaskId]:
        held = () if any(self.group_of) else self.held.get(number, ())
        return self.groups.get(number) or held or [TaskId(f"Group {number}")]


def _group_of(document: Document, leaves: Sequence[Item]) -> Iterator[str]:
    headings = iter(document.headings)
    heading = next(headings, None)
    number, level = "", 0
    for item in leaves:
        while heading and heading.line < item.box.line:
            if found := _GROUP.match(heading.text):
                number, level = found["number"], heading.level
            elif heading.level <= level:
                number, level = "", 0
            heading = next(headings, None)
        yield number


def _group_needs(document: Document, outline: Outline, names: _Names) -> dict[str, tuple[TaskId, ...]]:
    """What the sections such as `#### Task Group 2` say that they depend on, above their first item."""
    begins = sorted({item.box.line for item in outline.items} | {one.line for one in document.headings})
    end_of = {line: after - 1 for line, after in pairwise([*begins, len(document.lines) + 1])}
    found = {}
    for heading in document.headings:
        if group := _GROUP.match(heading.text):
            told = _lines(document, heading.line + 1, end_of[heading.line], names.dependencies)
            found[group["number"]] = names.meant(Needs.together(told))
    return found


def _after(
    document: Document, outline: Outline, names: _Names, own: dict[TaskId, Needs], optional: Sequence[bool]
) -> Iterator[tuple[TaskId, ...]]:
    """
    What each task waits for by name.

    The first task of what depends on others waits for those, and the next ones for the one before them;
    an optional one is waited for by none, as it may never be done.
    """
    needed = _needed(document, outline, names, own)
    begun: set[str] = set()
    tips: dict[str, list[TaskId]] = {}
    for item, group, is_optional in zip(outline.leaves, names.group_of, optional, strict=True):
        units = [unit for unit in _units(outline, item, group) if unit in needed]
        fresh = [one for unit in units if unit not in begun for one in needed[unit]]
        waited = tips.get(units[0], []) if units else []
        told = own[item.id]
        if not told.is_whole:
            yield ()
        elif told:
            yield tuple(dict.fromkeys((*names.meant(told), *(one for unit in units for one in needed[unit]))))
        else:
            yield tuple(dict.fromkeys((*waited, *fresh)))
        if units and not is_optional:
            begun.update(units)
            tips[units[0]] = [*waited, item.id] if told else [item.id]


def _units(outline: Outline, item: Item, group: str) -> Iterator[str]:
    """What holds a task, from the outside in."""
    if group:
        yield f"group {group}"
    yield from reversed(list(outline.ancestors(item.id)))


def _needed(
    document: Document, outline: Outline, names: _Names, own: dict[TaskId, Needs]
) -> dict[str, tuple[TaskId, ...]]:
    """What each unit depends on as a whole; where tasks in it are side by side, only the order of the list counts."""
    needed = {
        f"group {number}": tasks for number, tasks in _group_needs(document, outline, names).items()
    } | {one: names.meant(own[TaskId(one)]) for one in outline.holders}
    crowded = {
        unit
        for item, group in zip(outline.leaves, names.group_of, strict=True)
        if item.parallel
        for unit in _units(outline, item, group)
    }
    return {unit: tasks for unit, tasks in needed.items() if tasks and unit not in crowded}


def _sections(document: Document, outline: Outline) -> Iterator[int]:
    """Tasks of two headings or of two parents are never side by side."""
    section, before = 0, None
    for item in outline.leaves:
        place = (document.headings_before(item.box.line), outline.parent_of.get(item.id))
        section += place != before and before is not None
        before = place
        yield section


def _notes(outline: Outline, own: dict[TaskId, Needs]) -> Iterator[Problem]:
    vague = [item for item in outline.items if not own[item.id].is_whole]
    if vague:
        more = f" and {len(vague) - 1} more" if vague[1:] else ""
        yield Problem(
            vague[0].box.line,
            f"what `{vague[0].id}`{more} depends on is not told by ids alone: it comes after all that stands before it",
        )
    for item in outline.items:
        if item.parallel and item.id in outline.holders:
            yield Problem(
                item.box.line,
                f"`(P)` of `{item.id}` is not followed, as that holds others; mark those that may be side by side",
            )
