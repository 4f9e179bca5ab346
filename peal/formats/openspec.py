"""OpenSpec's `tasks.md`: `- [ ] 1.1 title` under `## 1. title`, and now and then boxes without numbers there."""

import re

from attrs import evolve

from peal.formats import checklist
from peal.formats.blocks import Heading
from peal.formats.criteria import places
from peal.formats.document import Document
from peal.formats.entries import ambiguous_marks
from peal.formats.outline import read as read_outline
from peal.formats.outline_items import heading_numbers, outline_of
from peal.formats.protocol import Evidence, Reading
from peal.model.plan import Problem

name = "openspec"

_HEADING = re.compile(r"\d{1,3}\.\s*\D")
_TASK_HEADING = re.compile(r"\d{1,3}\.\d{1,3}[a-z]?\.?\s+\S")


def evidence(document: Document) -> Evidence | None:
    """Boxes with numbers such as `1.1`, or headings such as `## 1. title` with nothing but boxes or numbered headings below."""
    items = outline_of(document).items
    headed = set(heading_numbers(document))
    dotted = [item.box.line for item in items if not item.is_whole_number]
    sure = [
        item.box.line for item in items if not item.is_whole_number and item.id.partition(".")[0] in headed
    ]
    lines = sure or (dotted[1:] and dotted) or _headings_over_boxes(document) or _headings_as_tasks(document)
    return Evidence.of_line(document, lines[0]) if lines else None


def _sections(document: Document) -> list[Heading]:
    return [one for one in document.headings if one.level == 2 and _HEADING.match(one.text)]


def _headings_over_boxes(document: Document) -> list[int]:
    """The lines of two headings or more with a number, where boxes stand right below each, and no others elsewhere."""
    sections = _sections(document)
    if len(sections) < 2:
        return []
    boxes = {box.line for box in document.boxes if box.depth == 0}
    own = {document.headings_before(one.line) + 1 for one in sections}
    elsewhere = any(
        box.depth == 0 and document.headings_before(box.line) not in own and not place.criteria
        for box, place in zip(document.boxes, places(document), strict=True)
    )
    is_list = all(_next_line(document, one.line) in boxes for one in sections)
    return [one.line for one in sections] if is_list and not elsewhere else []


def _next_line(document: Document, line: int) -> int:
    line += 1
    while line < len(document.lines) and not document.lines[line - 1].strip():
        line += 1
    return line


def _headings_as_tasks(document: Document) -> list[int]:
    """The lines of headings such as `### 1.1 title` below `## 1. title` in a file without a box."""
    found = [one.line for one in document.headings if one.level == 3 and _TASK_HEADING.match(one.text)]
    return found if found[1:] and _sections(document) and not document.boxes else []


def read(document: Document) -> Reading:
    """The items that hold no others; where none has a number, the boxes as in a plain list."""
    if lines := _headings_as_tasks(document):
        message = "this looks like a task list of OpenSpec whose tasks have no boxes; write each as `- [ ] 1.1 title`"
        return Reading(problems=(Problem(lines[0], message),))
    outline = outline_of(document)
    if not outline:
        return checklist.read(document)
    reading = read_outline(document, outline)
    marks = ambiguous_marks([item.box for item in outline.items])
    return evolve(reading, notes=(*reading.notes, *marks))
