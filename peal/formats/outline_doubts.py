"""What stands in a list with outline numbers and is not explained by them: told, or refused, but never left out in silence."""

import re
from collections.abc import Iterator, Sequence, Set
from itertools import chain

from peal.classes import frozen
from peal.formats.blocks import Box
from peal.formats.criteria import Place, places
from peal.formats.document import Document
from peal.formats.entries import first_of, is_placeholder, no_tasks
from peal.formats.marks import one_line
from peal.formats.outline_items import NUMBER, Item, Outline, numbered_headings
from peal.formats.plain import seen
from peal.formats.protocol import quoted
from peal.model.plan import Problem

_LOOKS_ALIKE = re.compile(
    r"\s*(?:(?:[-*+]|\d{1,5}[.)])\s*)?\\?\[(?:\s{0,3}|[^\W\d_]|[^\w\s\[\]])\\?\]\S{0,3}?\s*(?:\*\*|__)?"
    rf"(?P<id>\d{{1,5}}(?=[.)]\s)|{NUMBER.replace('{0,5}', '{1,5}')}(?=[.):\s]|$))"
)
_WITHOUT_BOX = re.compile(rf"\s*[-*+]\s+(?:\*\*)?(?P<id>{NUMBER})(?:[.)]\s|(?<=\.\d)\s|(?<=\.\d\d)\s)\S")


def misplaced(outline: Outline) -> Iterator[Problem]:
    """Items that stand apart from the one that seems to hold them, and second ones that hold others."""
    path: list[str] = []
    first: dict[str, int] = {}
    for item in outline.items:
        parent = outline.parent_of.get(item.id)
        if item.id in first and item.id in outline.holders:
            yield Problem(
                item.box.line,
                f"the number `{item.id}` is the one of line {first[item.id]} too; give each a number of its own",
            )
        elif parent and parent not in path:
            yield Problem(
                item.box.line,
                f"`{item.id}` does not stand below `{parent}`, which seems to hold it; move it there, or give it another number",
            )
        first.setdefault(item.id, item.box.line)
        while path and path[-1] != parent:
            path.pop()
        path.append(item.id)


def dropped(document: Document, outline: Outline) -> Iterator[Problem]:
    """Lines that a person takes for further items, where markdown sees no box or there is none."""
    known = {item.id for item in outline.items}
    boxes = {box.line for box in document.boxes}
    following = chain(outline.items, [None])
    last, after = None, next(following)
    for line, text in enumerate(document.lines, 1):
        if after and after.box.line == line:
            last, after = after, next(following)
        elif text and line not in boxes:
            why = _looks_alike(text, known) or (last and _goes_on(document, last, line, known))
            if why and not _is_shown(document, line):
                yield Problem(line, f"{quoted(text.strip())} {why}")


def _looks_alike(text: str, known: Set[str]) -> str:
    found = _LOOKS_ALIKE.match(seen(text)) if "]" in text else None
    way_out = "write `- [ ]` and a blank before its number, with an empty line before the list"
    return (
        f"looks like a task, but markdown sees no box there; {way_out}"
        if found and found["id"] not in known
        else ""
    )


def _goes_on(document: Document, last: Item, line: int, known: Set[str]) -> str:
    """Why a line is one of the row that the item before it stands in, outside of that."""
    found = _WITHOUT_BOX.match(document.lines[line - 1])
    if not found or found["id"] in known or line <= last.box.end:
        return ""
    is_beside = found["id"].rpartition(".")[0] == last.id.rpartition(".")[0]
    is_meant = is_beside and _is_one_section(document, last.box.line, line)
    return (
        f"goes on in the row of `{last.id}`, but has no box; write `- [ ]` before its number"
        if is_meant
        else ""
    )


def _is_shown(document: Document, line: int) -> bool:
    """Whether a line is an example; an indent may have made code of what is none."""
    hider = document.hider(line)
    return bool(hider and hider.kind != "code")


def _is_one_section(document: Document, first: int, last: int) -> bool:
    return document.headings_before(first) == document.headings_before(last)


@frozen
class Loose:
    """A box without an id that is no step of a task."""

    box: Box
    place: Place
    is_between: bool
    """It stands between two items of one section, as if it were one."""


def loose_boxes(document: Document, outline: Outline) -> Iterator[Loose]:
    """The boxes that are neither items nor stand in the text of a task."""
    items = chain(outline.items, [None])
    last, after = None, next(items)
    end = 0
    for box, place in zip(document.boxes, places(document), strict=True):
        if after and after.box.line == box.line:
            last, after = after, next(items)
            end = 0 if last.id in outline.holders else last.end
        elif box.line > end:
            end = box.end
            yield Loose(box, place, _is_amid(document, last, after))


def _is_amid(document: Document, last: Item | None, after: Item | None) -> bool:
    return bool(last and after and _is_one_section(document, last.box.line, after.box.line))


def between(boxes: Sequence[Loose]) -> Iterator[Problem]:
    """Boxes without a number amid those that have one: nobody can say whether they are work."""
    for one in boxes:
        if one.is_between and not (one.place.label or one.place.criteria or is_placeholder(one.box.text)):
            way_out = "give it one, or indent it as a step of the one before"
            seen_as = quoted(one_line(one.box.text))
            yield Problem(one.box.line, f"{seen_as} has no number, but those around it have; {way_out}")


def unnumbered_sections(document: Document, outline: Outline, boxes: Sequence[Loose]) -> Iterator[Problem]:
    """Sections with a number whose open boxes have none, where those of other sections have: their work would be left out."""
    numbers = dict(numbered_headings(document))
    section_of = [_own_section(document, item.box.line) for item in outline.items]
    if not any(
        numbers.get(line) == item.id.partition(".")[0]
        for line, item in zip(section_of, outline.items, strict=True)
    ):
        return
    told = set(section_of)
    for one in boxes:
        line = _own_section(document, one.box.line)
        is_work = not (one.box.depth or one.box.is_ticked or one.place.criteria or one.place.is_checks)
        if line in numbers and line not in told and is_work:
            told.add(line)
            yield Problem(
                one.box.line,
                f"{quoted(one_line(one.box.text))} has no number, but those of other sections have; "
                f"write `{numbers[line]}.1` before it and go on from there",
            )


def _own_section(document: Document, line: int) -> int:
    at = document.headings_before(line)
    return document.headings[at - 1].line if at else 0


def told_loose(boxes: Sequence[Loose]) -> Iterator[Problem]:
    """A word on boxes without a number that go to the agents as text."""
    left_over = [one.box for one in boxes if is_placeholder(one.box.text)]
    criteria = [one.box for one in boxes if one.place.criteria and not is_placeholder(one.box.text)]
    others = [one.box for one in boxes if not (one.place.criteria or is_placeholder(one.box.text))]
    if left_over:
        yield Problem(left_over[0].line, f"{first_of(left_over)} is left from a template: no task")
    yield from no_tasks(criteria, "by which work is measured")
    yield from no_tasks(others, "without a number")
