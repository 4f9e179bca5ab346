"""peal's own format: each task under a heading such as `## Task 1: title`."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from attrs import frozen

from peal.formats.document import Document
from peal.formats.heading import BadTask, NearlyTask, NotTask, Read, TaskHeading
from peal.formats.heading import read as read_heading
from peal.formats.protocol import Reading, quoted
from peal.model import Problem, Task

name = "peal"

_LOOKS_ALIKE = re.compile(r"[\s>*+.)\d-]*#{1,6}[^\S\n]*[^\w\s]{0,3}task[^\w]{0,3}\d", re.IGNORECASE)
_NO_BLANK = re.compile(r" {0,3}#{1,6}task\s*\d", re.IGNORECASE)
_MAY_BE_UNDERLINED = re.compile(r" {0,3}task\s+\d", re.IGNORECASE)
_UNDERLINE = re.compile(r" {0,3}(?:=+|--+)\s*")


@frozen
class _Section:
    """A heading with the text down to the next one that counts."""

    read: Read
    end: int

    @property
    def line(self) -> int:
        return self.read.heading.line


def recognises(document: Document) -> bool:
    """A single heading that is a task's, or should be."""
    found = any(not isinstance(read_heading(heading), NotTask) for heading in document.headings)
    return found or any(_NO_BLANK.match(document.lines[line - 1]) for line in _look_alikes(document))


def read(document: Document) -> Reading:
    """The tasks under their headings; what stands under no task's heading is the context."""
    headings = [read_heading(heading) for heading in document.headings]
    first = _first(headings)
    level = first.heading.level if first else 6
    headings = [_on_level(read, first) for read in headings]
    sections = _sections(document, [read for read in headings if read.heading.level <= level])
    tasks, repeated = _tasks(document, sections)
    context, notes = _context(document, sections)
    return Reading(
        tasks=tuple(tasks),
        context=context,
        problems=(*repeated, *_problems(headings, level)),
        notes=(*notes, *_notes(document, headings, level)),
    )


def _first(headings: Sequence[Read]) -> TaskHeading | BadTask | None:
    tasks = [read for read in headings if isinstance(read, TaskHeading)]
    return next(iter(tasks), next((read for read in headings if isinstance(read, BadTask)), None))


def _on_level(read: Read, first: TaskHeading | BadTask | None) -> Read:
    if not isinstance(read, TaskHeading) or not first or read.heading.level == first.heading.level:
        return read
    own = f"task `{read.number}` on line {read.heading.line} has a heading of level {read.heading.level}"
    others = f"the first task on line {first.heading.line} one of level {first.heading.level}"
    return BadTask(
        read.heading, f"{own}, but {others}; give all tasks the same level, or reword this heading"
    )


def _sections(document: Document, headings: Sequence[Read]) -> list[_Section]:
    ends = [read.heading.line - 1 for read in headings[1:]] + [len(document.lines)]
    return [_Section(read, end) for read, end in zip(headings, ends, strict=False)]


def _tasks(document: Document, sections: Sequence[_Section]) -> tuple[list[Task], list[Problem]]:
    tasks: dict[int, Task] = {}
    repeated = []
    for section in sections:
        if isinstance(section.read, TaskHeading):
            task = _task(document, section.read, section.end)
            first = tasks.setdefault(task.index, task)
            if first is not task:
                message = f"task `{task.id}` appears twice (first on line {first.line}); give each task its own number"
                repeated.append(Problem(task.line, message))
    return list(tasks.values()), repeated


def _task(document: Document, read: TaskHeading, end: int) -> Task:
    line, marked = read.heading.line, read.marked
    return Task(
        index=read.number,
        title=marked.text,
        body=document.text(line + 1, end),
        parallel=marked.parallel,
        done=marked.done or document.is_ticked_off(line + 1, end),
        after=marked.after,
        line=line,
    )


def _context(document: Document, sections: Sequence[_Section]) -> tuple[str, list[Problem]]:
    """What stands before the first task, then what a heading of something else cuts off from a task."""
    first = next(
        (at for at, section in enumerate(sections) if isinstance(section.read, TaskHeading)), len(sections)
    )
    preamble = document.text(1, sections[first].line - 1 if first < len(sections) else len(document.lines))
    cut_off = list(_cut_off(sections[first:]))
    parts = [preamble, *(document.text(begin, end) for begin, end in cut_off)]
    return "\n\n".join(part for part in parts if part), _cut_off_notes(document, cut_off)


def _cut_off(sections: Sequence[_Section]) -> Iterator[tuple[int, int]]:
    for cut_off, run in groupby(sections, key=lambda section: not isinstance(section.read, TaskHeading)):
        if cut_off:
            stretch = list(run)
            yield stretch[0].line, stretch[-1].end


def _cut_off_notes(document: Document, cut_off: Sequence[tuple[int, int]]) -> list[Problem]:
    headings = {heading.line for heading in document.headings}
    return [
        Problem(
            begin,
            f"the text from {quoted(document.lines[begin - 1])} on belongs to no task; it goes to the agents as context",
        )
        for begin, end in cut_off
        if any(document.lines[line - 1].strip() for line in range(begin, end + 1) if line not in headings)
    ]


def _problems(headings: Sequence[Read], level: int) -> Iterator[Problem]:
    for read in headings:
        if isinstance(read, BadTask) or (isinstance(read, NearlyTask) and read.heading.level <= level):
            yield Problem(read.heading.line, read.message)


def _notes(document: Document, headings: Sequence[Read], level: int) -> Iterator[Problem]:
    for read in headings:
        if isinstance(read, NearlyTask) and read.heading.level > level:
            yield Problem(read.heading.line, read.message)
    why = "but markdown sees no heading there; if it is a task, begin the line with `## Task`, at the left margin"
    for line in _look_alikes(document):
        yield Problem(line, f"{quoted(document.lines[line - 1].strip())} looks like a task heading, {why}")


def _look_alikes(document: Document) -> Iterator[int]:
    headings = {heading.line for heading in document.headings}
    for line, (text, below) in enumerate(pairwise((*document.lines, "")), 1):
        if line not in headings and _looks_alike(text, below):
            hider = document.hider(line)
            if not hider or hider.kind in ("code", "html"):
                yield line


def _looks_alike(line: str, below: str) -> bool:
    underlined = _MAY_BE_UNDERLINED.match(line) and _UNDERLINE.fullmatch(below)
    return bool(underlined or _LOOKS_ALIKE.match(line))
