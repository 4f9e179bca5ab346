"""Changes to a plan's file that mark a task as done, and nothing else in it."""

import re
from collections.abc import Iterator, Sequence

from peal.classes import frozen
from peal.formats.blocks import Box, Heading
from peal.formats.document import Document
from peal.formats.labels import manual_lines
from peal.formats.status_lines import status_at
from peal.model.plan import Task

_LINE_END = re.compile(r"\r\n|\r|\n")
_BOX = re.compile(r"\[[^\[\]]{0,20}\]|［[^［］]{0,20}］")

_RAW_BOX = re.compile(rb"\A([ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+)\[[ xX/~-]\](?=(?:\\?\*)?[ \t])")


@frozen
class Edit:
    """Characters of a file, and what stands there instead."""

    line: int
    begin: int
    """The column on that line."""
    end: int
    """The column behind the last one."""
    text: str
    """With LF for the line ends of the file."""
    last_line: int = 0
    """The line that `end` is on, if that is another."""


def edited(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """The file with these edits, of which no two overlap; every other byte as it is. UnicodeDecodeError for what is no UTF-8."""
    text = raw.decode()
    mark = 1 if text.startswith("\ufeff") else 0
    line_ends = list(_LINE_END.finditer(text))
    starts = [mark, *(found.end() for found in line_ends)]
    newline = line_ends[0][0] if line_ends else "\n"
    parts, done = [], 0
    for edit in sorted(edits, key=lambda one: (one.line, one.begin)):
        begin = starts[edit.line - 1] + edit.begin
        parts += [text[done:begin], edit.text.replace("\n", newline)]
        done = starts[(edit.last_line or edit.line) - 1] + edit.end
    return "".join((*parts, text[done:])).encode()


def marked_in_markdown(document: Document, task: Task) -> list[Edit]:
    """What marks a task as done that begins with a box or a heading: the box, or the status and the boxes below the heading."""
    boxes = document.boxes_within(task.line, task.line)
    if boxes:
        return list(_ticked(document, boxes))
    headings = document.headings_within(task.line, task.line)
    return _marked_heading(document, headings[0]) if headings else []


def _ticked(document: Document, boxes: Sequence[Box]) -> Iterator[Edit]:
    for box in boxes:
        found = _BOX.search(document.lines[box.line - 1])
        if found and not box.is_ticked:
            yield Edit(box.line, found.start() + 1, found.end() - 1, "x")


def _marked_heading(document: Document, heading: Heading) -> list[Edit]:
    first, last = heading.line + 1, document.section_end(heading)
    boxes = [box for box in document.boxes_within(first, last) if not box.is_ticked]
    manual = manual_lines(document, first, last)
    own = [box for box in boxes if box.line not in manual]
    status, ticks = list(_completed(document, first, last)), list(_ticked(document, own))
    if status or (ticks and own == boxes):
        return status + ticks
    # What is left for a person to look at stays open, so the boxes alone would not say that the task is done.
    line = document.lines[heading.line - 1].rstrip()
    return [*ticks, Edit(heading.line, len(line), len(line), " ✅")]


def _completed(document: Document, first: int, last: int) -> Iterator[Edit]:
    """The words of a status line."""
    for line in range(first, last + 1):
        found = None if document.hider(line) else status_at(document.lines[line - 1])
        if found:
            word = found["word"].rstrip(" *_")
            yield Edit(line, found.start("word"), found.start("word") + len(word), "complete")
            return


def with_ticks(before: bytes, theirs: bytes, ours: bytes) -> bytes | None:
    """
    Our version of a file with the boxes ticked that theirs has ticked; None if they changed anything else, or if a line of
    theirs is not to be found in ours.
    """
    old, new = before.splitlines(keepends=True), theirs.splitlines(keepends=True)
    if len(old) != len(new) or any(
        _unticked(one) != _unticked(other) for one, other in zip(old, new, strict=True)
    ):
        return None
    lines = ours.splitlines(keepends=True)
    places: dict[bytes, list[int]] = {}
    for at, line in enumerate(lines):
        places.setdefault(_unticked(line), []).append(at)
    for at, (one, other) in enumerate(zip(old, new, strict=True)):
        if one != other:
            found = places.get(_unticked(other), [])
            place = at if at in found else found[0] if len(found) == 1 else None
            if place is None:
                return None
            lines[place] = other
    return b"".join(lines)


def _unticked(line: bytes) -> bytes:
    return _RAW_BOX.sub(rb"\1[ ]", line)
