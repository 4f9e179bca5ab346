"""Kiro's `tasks.md`, and the lists of cc-sdd and spec-workflow: `- [ ] 1. title` holds `- [ ] 1.1 title`."""

import re
from collections.abc import Sequence

from peal.formats.criteria import places
from peal.formats.document import Document
from peal.formats.entries import is_placeholder
from peal.formats.outline import read as read_outline
from peal.formats.outline_items import Item, Outline, outline_of
from peal.formats.protocol import Evidence, Reading
from peal.formats.waves import in_waves

name = "kiro"

_FIELD = re.compile(r"\s*(?:[-*+]\s+)?_(?:Requirements|Boundary|Contracts|Leverage|Prompt)\b.{0,20}:")
_DEPENDS = re.compile(r"\s*(?:[-*+]\s+)?\*\*(?:Dependencies|Depends on)\b", re.IGNORECASE)


def evidence(document: Document) -> Evidence | None:
    """Numbers such as `1.` or words such as `CORE-1` at boxes, or what only Kiro writes at a numbered one."""
    outline = outline_of(document)
    own = [
        item
        for item in outline.items
        if item.parallel or item.box.is_optional or _has(document, item, _FIELD)
    ]
    whole = [item for item in outline.items if item.is_whole_number and item.is_bare]
    if len(outline.items) > 1 and whole and not _is_plain(document, outline):
        own += whole
    line = min((item.box.line for item in own or _worded(document)), default=0)
    return Evidence.of_line(document, line) if line else None


def _worded(document: Document) -> Sequence[Item]:
    """Two or more with words for ids, of which one tells what it depends on."""
    if sum(box.text.startswith("**") for box in document.boxes) < 2:
        return ()
    found = [item for item in outline_of(document, with_words=True).items if not item.id[0].isdecimal()]
    return found if found[1:] and any(_has(document, item, _DEPENDS) for item in found) else ()


def _has(document: Document, item: Item, field: re.Pattern[str]) -> bool:
    return any(field.match(line) for line in document.lines[item.box.line : item.end])


def _is_plain(document: Document, outline: Outline) -> bool:
    """
    Whether it is a list of titles that happen to begin with a number, as none is `1.1`.

    Then others stand beside them, or the numbers begin anew in another section.
    """
    if not all(item.is_whole_number for item in outline.items):
        return False
    lines = {item.box.line for item in outline.items}
    section_of: dict[str, int] = {}
    for item in outline.items:
        section = document.headings_before(item.box.line)
        if section_of.setdefault(item.id, section) != section:
            return True
    sections = set(section_of.values())
    return any(
        box.depth == 0
        and box.line not in lines
        and document.headings_before(box.line) in sections
        and not (place.label or place.criteria or is_placeholder(box.text))
        for box, place in zip(document.boxes, places(document), strict=True)
    )


def read(document: Document) -> Reading:
    """The items that hold no others, in the order of the list or of the graph that follows it."""
    outline = outline_of(document, with_words=True)
    return in_waves(document, outline, read_outline(document, outline))
