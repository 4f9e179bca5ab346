"""Plans whose tasks are headings with a number: where each begins and ends, and the task that it is."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

from peal.classes import frozen
from peal.formats.blocks import Box, Heading
from peal.formats.document import Document
from peal.formats.entries import Entry, no_tasks
from peal.formats.labels import checks_in, files_in, labelled, manual_checks_in
from peal.formats.marks import (
    Marked,
    bare,
    is_nearly_done,
    one_line,
    unwrapped,
    without_box,
    without_trailing,
)
from peal.formats.protocol import quoted
from peal.formats.status_lines import own_status, unknown_statuses
from peal.model.plan import Problem, Task, TaskId

_BOX_BEFORE = re.compile(r"(?P<box>\[[ xX]\])\s+(?=\w)")
_TICK_BEHIND = re.compile(r"(?P<number>\w+ #?\d[\d.]*)\s*(?P<box>\[[ xX]\]|[✅✓✔☑]\ufe0f?)(?=\s*[:：–—-])")
_TICK_BEFORE = re.compile(r"[\s*]{0,4}[✅✓✔☑]\ufe0f?[\s*]")
# Symbols before headings that say nothing of how far these are: beside them a tick may be one more picture.
_DRAWN = re.compile(r"[\s*]{0,4}(?![✅✓✔☑⏳⌛🔄⬜🔲☐🚧📋❌⏸🟡🟢🔴🟠⚪⚫🔵🔜🕐📅▶⏭⏩])[^\w\s\[(`*#~\"'_-]")


@frozen
class Section:
    """A task's heading, with what it says."""

    heading: Heading
    number: str
    marked: Marked
    """The title, and the marks that were around it."""
    end: int
    """The last line before the next heading of its level or above."""

    @property
    def lines(self) -> range:
        """Those of the heading and of all below it."""
        return range(self.heading.line, self.end + 1)


def sections(
    document: Document, pattern: re.Pattern[str], left_out: Container[int] = frozenset()
) -> list[Section]:
    """
    The headings of one level that the pattern matches, with its groups `number` and `title`: the level of most of them.

    Those on the lines that are left out do not count.
    """
    found = [
        (heading, match, done)
        for heading in document.headings
        for text, done in [without_tick(heading.text)]
        if heading.line not in left_out and (match := pattern.match(text))
    ]
    if not found:
        return []
    levels = Counter(heading.level for heading, *_ in found)
    level = min(levels, key=lambda one: (-levels[one], one))
    is_drawn = any(_DRAWN.match(heading.text) for heading, *_ in found if heading.level == level)
    return [
        Section(
            heading,
            match["number"],
            without_trailing(
                without_box(
                    Marked(
                        unwrapped(one_line(match["title"] or "").strip(" *")),
                        done=done or (not is_drawn and _is_ticked(document, heading)),
                    )
                )
            ),
            document.section_end(heading),
        )
        for heading, match, done in found
        if heading.level == level
    ]


def _is_ticked(document: Document, heading: Heading) -> bool:
    """Whether a tick before a heading says that it is done, and no box below it that it is not."""
    if not _TICK_BEFORE.match(heading.text):
        return False
    return all(box.is_ticked for box in document.boxes_within(heading.line, document.section_end(heading)))


def without_tick(text: str) -> tuple[str, bool]:
    """A heading's text without a box before it and a tick behind its number, and whether either says that it is done."""
    plain = bare(text)
    before = _BOX_BEFORE.match(plain)
    plain = plain[before.end() :] if before else plain
    behind = _TICK_BEHIND.match(plain)
    if behind:
        plain = behind["number"] + plain[behind.end() :]
    is_done = any(found and found["box"] != "[ ]" for found in (before, behind))
    return plain, is_done


def entry(document: Document, section: Section) -> Entry:
    """The task of a section, as its own words say."""
    first, last = section.heading.line + 1, section.end
    status, marked = own_status(document, first, last), section.marked
    lines = list(labelled(document, first, last))
    done = status if status is not None else marked.done or document.is_ticked_off(first, last)
    task = Task(
        id=TaskId(section.number),
        title=marked.text,
        body="",
        parallel=marked.parallel,
        done=done,
        after=marked.after,
        is_planned=marked.is_planned,
        agent=marked.agent,
        model=marked.model,
        checks=tuple(checks_in(lines)),
        manual_checks=tuple(manual_checks_in(lines)),
        files=files_in(lines),
        line=section.heading.line,
    )
    return Entry(task, last)


def doubts(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    """A word on status lines that say neither done nor open, and on marks of headings that do not count."""
    for section in found:
        if _may_say_done(document, section):
            shown = quoted(section.heading.text)
            yield Problem(
                section.heading.line,
                f"{shown} is not taken to say that it is done; if it is, write ✅ at the end of the heading",
            )
    yield from unknown_statuses(document, [section.lines for section in found])


def _may_say_done(document: Document, section: Section) -> bool:
    """Whether something in the heading of an open task may be meant to say that it is done."""
    if section.marked.done or not (
        _TICK_BEFORE.match(section.heading.text) or is_nearly_done(section.marked.text)
    ):
        return False
    first, last = section.heading.line + 1, section.end
    return own_status(document, first, last) is None and not document.is_ticked_off(first, last)


def boxes_elsewhere(document: Document, parts: Iterable[range], where: str) -> Iterator[Problem]:
    """A word on boxes outside of these lines: what they mean, nobody can know."""
    inside = {box.line for part in parts for box in document.boxes_within(part.start, part.stop - 1)}
    return no_tasks([box for box in document.boxes if box.line not in inside and box.depth == 0], where)


def steps(document: Document, section: Section) -> Sequence[Box]:
    """The boxes of a section that stand in no other item."""
    return [box for box in document.boxes_within(section.heading.line, section.end) if box.depth == 0]
