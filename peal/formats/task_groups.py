"""Lists of Agent OS and ai-dev-tasks: `- [ ] 1.0 title` holds `- [ ] 1.1 title`, often in sections called task groups."""

import re

from attrs import evolve

from peal.formats.document import Document
from peal.formats.entries import ambiguous_marks
from peal.formats.outline import read as read_outline
from peal.formats.outline_items import heading_numbers, outline_of
from peal.formats.protocol import Evidence, Reading

name = "task_groups"

_ZERO = re.compile(r"\A\W{0,4}\d{1,5}\.0(?!\.?\d)")
_GROUP = re.compile(r"\W{0,4}Task Group \d", re.IGNORECASE)


def evidence(document: Document) -> Evidence | None:
    """Boxes with `1.0`, unless a heading has that number; or sections called task groups."""
    lines = _zeros(document) or _grouped(document)
    return Evidence.of_line(document, lines[0]) if lines else None


def _zeros(document: Document) -> list[int]:
    if not any(_ZERO.search(box.text) for box in document.boxes):
        return []
    outline = outline_of(document)
    headed = set(heading_numbers(document))
    zeros = [
        item
        for item in outline.items
        if re.fullmatch(r"\d+\.0", item.id) and item.id.partition(".")[0] not in headed
    ]
    is_sure = (zeros[1:] and all(item.is_bare for item in zeros)) or any(
        item.id in outline.holders for item in zeros
    )
    return [item.box.line for item in zeros] if is_sure else []


def _grouped(document: Document) -> list[int]:
    groups = [heading.line for heading in document.headings if _GROUP.match(heading.text)]
    return groups if groups and len(outline_of(document).items) > 1 else []


def read(document: Document) -> Reading:
    """The items that hold no others."""
    outline = outline_of(document)
    reading = read_outline(document, outline)
    marks = ambiguous_marks([item.box for item in outline.items])
    return evolve(reading, notes=(*reading.notes, *marks))
