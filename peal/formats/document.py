"""What every format sees of a markdown file: its lines, headings, list items with boxes, and what hides others."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import TypeVar

from peal.classes import frozen
from peal.formats.blocks import Box, Heading, Hidden, blocks_of
from peal.formats.plain import Resemblance, for_markdown, indent, resemblance
from peal.formats.source import decoded, front_matter_end, trimmed
from peal.model.plan import Problem

_CELL = re.compile(r"\|\s*\[[ xX]?\]\s*\|")
_CODE = 4
"""Columns from which on an indented line is code."""


@frozen
class LookAlike:
    """A line that looks like a task of a list to a person, where markdown sees no box."""

    line: int
    how: Resemblance
    indent: int
    """The column where it begins."""


@frozen
class Document:
    """A file as read; lines are counted from 1."""

    lines: tuple[str, ...]
    headings: tuple[Heading, ...] = ()
    boxes: tuple[Box, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    """Code and HTML, in file order."""
    comments: tuple[Hidden, ...] = ()
    """Comments that markdown does not take for comments down to their end."""
    look_alikes: tuple[LookAlike, ...] = ()
    front_matter: tuple[str, ...] = ()
    """The lines between `---` and `---` at the top, of which the first is line 2; `lines` has blank ones in their place."""
    problems: tuple[Problem, ...] = ()
    name: str = ""
    """What the file is called, without its folder: some tools name a task by it."""

    @classmethod
    def of(cls, raw: bytes, name: str = "") -> "Document":
        """The document in a file's bytes, front matter blanked; bytes that are no UTF-8 are a problem."""
        text, problems = decoded(raw)
        raw_lines = text.split("\n")
        end = front_matter_end(raw_lines)
        lines = tuple([""] * end + raw_lines[end:])
        plain = tuple(map(for_markdown, lines))
        blocks = blocks_of(plain, lines)
        return cls(
            lines=lines,
            front_matter=tuple(raw_lines[1 : max(end - 1, 1)]),
            headings=tuple(blocks.headings),
            boxes=tuple(blocks.boxes),
            hidden=tuple(blocks.hidden),
            look_alikes=tuple(_look_alikes(plain, blocks.boxes, blocks.hidden)),
            comments=tuple(blocks.comments),
            problems=(*problems, *blocks.problems),
            name=name,
        )

    def text(self, first: int, last: int) -> str:
        """These lines as they stand in the file, blank ends trimmed."""
        return trimmed("\n".join(self.lines[first - 1 : last]))

    def is_ticked_off(self, first: int, last: int) -> bool:
        """Whether there are boxes in these lines and all are ticked, also what only looks like one."""
        boxes = _within(self.boxes, first, last)
        is_open = any(not one.how.is_ticked for one in _within(self.look_alikes, first, last))
        return bool(boxes) and all(box.is_ticked for box in boxes) and not is_open

    def boxes_within(self, first: int, last: int) -> Sequence[Box]:
        """The boxes that begin in these lines."""
        return _within(self.boxes, first, last)

    def headings_within(self, first: int, last: int) -> Sequence[Heading]:
        """The headings in these lines."""
        return _within(self.headings, first, last)

    def headings_before(self, line: int) -> int:
        """How many headings stand before a line."""
        return bisect_left(self.headings, line, key=_line)

    def section_end(self, heading: Heading) -> int:
        """The last line before the next heading of its level or above."""
        after = range(bisect_right(self.headings, heading.line, key=_line), len(self.headings))
        ends = (self.headings[at].line - 1 for at in after if self.headings[at].level <= heading.level)
        return next(ends, len(self.lines))

    def rows_with_boxes(self) -> Iterator[int]:
        """The lines that are rows of tables in which a cell is nothing but a box."""
        for line, text in enumerate(self.lines, 1):
            if text.count("|") > 1 and _CELL.search(text) and not self.hider(line):
                yield line

    def hider(self, line: int) -> Hidden | None:
        """The code or HTML that a line stands in."""
        return _around(self.hidden, line)


_Part = TypeVar("_Part", Box, Heading, Hidden, LookAlike)


def _line(part: Box | Heading | Hidden | LookAlike) -> int:
    return part.line


def _within(parts: Sequence[_Part], first: int, last: int) -> Sequence[_Part]:
    """Those that begin in these lines."""
    return parts[bisect_left(parts, first, key=_line) : bisect_right(parts, last, key=_line)]


def _around(hidden: Sequence[Hidden], line: int) -> Hidden | None:
    at = bisect_right(hidden, line, key=_line) - 1
    return hidden[at] if at >= 0 and line <= hidden[at].end else None


def _look_alikes(lines: Sequence[str], boxes: Sequence[Box], hidden: Sequence[Hidden]) -> Iterator[LookAlike]:
    known = {box.line for box in boxes}
    for line, text in enumerate(lines, 1):
        if line not in known and (how := resemblance(text)):
            hider = _around(hidden, line)
            # A list item may begin with code by its indent: its own line is what a person sees a box in.
            if not hider or hider.kind == "html" or (hider.kind == "code" and indent(text) < _CODE):
                yield LookAlike(line, how, indent(text))
