"""Plans whose tasks are headings with a number: where each begins and ends, and the task that it is."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

from attrs import frozen

from peal.formats.blocks import Box, Heading
from peal.formats.document import Document
from peal.formats.entries import Entry, no_tasks
from peal.formats.labels import checks_in, files_in, labelled, manual_checks_in
from peal.formats.marks import Marked, bare, one_line, unwrapped, without_trailing
from peal.formats.status_lines import own_status
from peal.model.plan import Problem, Task, TaskId


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
        (heading, match)
        for heading in document.headings
        if heading.line not in left_out and (match := pattern.match(bare(heading.text)))
    ]
    if not found:
        return []
    levels = Counter(heading.level for heading, _ in found)
    level = min(levels, key=lambda one: (-levels[one], one))
    return [
        Section(
            heading,
            match["number"],
            without_trailing(Marked(unwrapped(one_line(match["title"] or "").strip(" *")))),
            document.section_end(heading),
        )
        for heading, match in found
        if heading.level == level
    ]


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


def boxes_elsewhere(document: Document, parts: Iterable[range], where: str) -> Iterator[Problem]:
    """A word on boxes outside of these lines: what they mean, nobody can know."""
    inside = {box.line for part in parts for box in document.boxes_within(part.start, part.stop - 1)}
    return no_tasks([box for box in document.boxes if box.line not in inside and box.depth == 0], where)


def steps(document: Document, section: Section) -> Sequence[Box]:
    """The boxes of a section that stand in no other item."""
    return [box for box in document.boxes_within(section.heading.line, section.end) if box.depth == 0]
