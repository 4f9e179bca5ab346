"""Lists with boxes that count only under one heading: which boxes these are, and what is odd about them."""

from collections.abc import Iterator, Sequence
from re import Pattern

from peal.classes import frozen
from peal.formats.blocks import Box, Heading
from peal.formats.document import Document
from peal.formats.entries import no_tasks, unknown_marks
from peal.formats.protocol import quoted, quoted_line
from peal.model.plan import Problem


@frozen
class HeadedList:
    """The boxes at the left margin between a heading and the next of its level."""

    heading: Heading
    end: int
    boxes: tuple[Box, ...]


def headed_list(document: Document, pattern: Pattern[str]) -> HeadedList | None:
    """The list under the first heading of that pattern, of several under the first that has boxes; None if there is none."""
    found = [_under(document, heading) for heading in document.headings if pattern.fullmatch(heading.text)]
    return next((one for one in found if one.boxes), found[0] if found else None)


def _under(document: Document, heading: Heading) -> HeadedList:
    end = document.section_end(heading)
    boxes = document.boxes_within(heading.line + 1, end)
    return HeadedList(heading, end, tuple(box for box in boxes if box.depth == 0))


def problems(document: Document, found: HeadedList) -> Iterator[Problem]:
    """What cannot be read: marks nobody knows, items that markdown sees no box in, and that there is none."""
    yield from unknown_marks(found.boxes)
    for one in document.look_alikes:
        if one.how.is_item and found.heading.line < one.line <= found.end:
            shown = quoted_line(document, one.line)
            yield Problem(
                one.line, f"{shown} looks like a task, but markdown sees no box there; write `- [ ] title`"
            )
    if not found.boxes:
        shown = quoted(found.heading.text)
        yield Problem(
            found.heading.line,
            f"under {shown} there is no task; write each as `- [ ] title` at the left margin",
        )


def other_boxes(document: Document, tasks: Sequence[Box]) -> Iterator[Problem]:
    """A word on boxes that are no tasks."""
    known = {box.line for box in tasks}
    return no_tasks([box for box in document.boxes if box.depth == 0 and box.line not in known])
