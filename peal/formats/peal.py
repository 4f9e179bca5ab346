"""peal's own format: each task under a heading such as `## Task 1: title`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, pairwise

from peal.classes import frozen
from peal.formats import overview
from peal.formats.document import Document
from peal.formats.entries import listed_ids
from peal.formats.labels import DEPENDS, files_in, labelled, labelled_value
from peal.formats.marks import is_nearly_done
from peal.formats.plain import seen
from peal.formats.protocol import Evidence, Reading, quoted, quoted_line
from peal.formats.status_lines import own_status
from peal.formats.task_headings import BadTask, NearlyTask, NotTask, ParentHeading, Read, TaskHeading
from peal.formats.task_headings import read as read_heading
from peal.model.plan import Parent, Problem, Task, TaskId
from peal.text.names import whole_number, without_zeros

name = "peal"

_LOOKS_ALIKE = re.compile(r"[\s>*+.)\d-]*#{1,6}[^\S\n]*[^\w\s]{0,3}task[^\w]{0,3}\d", re.IGNORECASE)
_NO_BLANK = re.compile(r" {0,3}#{1,6}task\s*\d", re.IGNORECASE)
_MAY_BE_UNDERLINED = re.compile(r" {0,3}task\s+\d", re.IGNORECASE)
_BOLD = re.compile(r" {0,3}(?:\*\*|__)task\s+\d", re.IGNORECASE)
_NUMBER = re.compile(r"task[^\w]{0,3}(\d+)", re.IGNORECASE)
_ID = r"\b\d{1,10}(?:\.\d{1,10})*[a-z]?\b"
_NEARLY_MARK = re.compile(
    r"\A\([^()]*\bparallel\b[^()]*\)|\((?:after|depends on) [^()]*\b(?:t|tasks? )\d[^()]*\)\Z", re.IGNORECASE
)
_LONGEST = 10
"""Digits of a number that are looked at."""
_UNDERLINE = re.compile(r" {0,3}(?:=+|--+)\s*")


@frozen
class _Section:
    """A heading with the text down to the next one that counts."""

    read: Read
    end: int

    @property
    def line(self) -> int:
        return self.read.heading.line


def evidence(document: Document) -> Evidence | None:
    """A single heading that is a task's, or should be."""
    headings = (one.line for one in document.headings if not isinstance(read_heading(one), NotTask))
    look_alikes = (line for line in _look_alikes(document) if _NO_BLANK.match(seen(document.lines[line - 1])))
    found = next(chain(headings, look_alikes), None)
    return None if found is None else Evidence.of_line(document, found)


def read(document: Document) -> Reading:
    """The tasks under their headings; what stands under no task's heading is the context."""
    headings = [read_heading(heading) for heading in document.headings]
    first = _first(headings)
    level = first.heading.level if first else 6
    headings = _with_parents(headings)
    parents = [read for read in headings if isinstance(read, ParentHeading)]
    headings = [_on_level(read, first, parents) for read in headings]
    sections = _sections(document, [read for read in headings if _counts(read, level)])
    tasks, repeated = _tasks(document, sections)
    context, notes = _context(document, sections)
    numbers = {number for task in tasks if (number := whole_number(task.id)) is not None}
    look_alikes = list(_look_alikes(document))
    dropped = [line for line in look_alikes if _is_dropped(document, line, numbers)]
    others = [line for line in look_alikes if line not in dropped and not _is_bold(document, line)]
    no_heading = "looks like a task heading, but markdown sees no heading there"
    begin = "begin the line with `## Task`, at the left margin"
    return Reading(
        tasks=tuple(tasks),
        context=context,
        parents=tuple(
            Parent(read.number, read.marked.text, read.marked.done, read.heading.line) for read in parents
        ),
        problems=(
            *repeated,
            *_problems(headings, level),
            *_told(document, dropped, f"{no_heading}; {begin}, or reword it"),
        ),
        notes=(
            *notes,
            *_notes(headings, level),
            *_said_to_be_done(document, sections, tasks),
            *overview.said_to_be_done(document, tasks, _of_tasks(sections)),
            *_unread_marks(tasks),
            *_told(document, others, f"{no_heading}; if it is a task, {begin}"),
        ),
    )


def _first(headings: Sequence[Read]) -> TaskHeading | BadTask | None:
    tasks = [read for read in headings if isinstance(read, TaskHeading)]
    return next(iter(tasks), next((read for read in headings if isinstance(read, BadTask)), None))


def _with_parents(headings: Sequence[Read]) -> list[Read]:
    """The headings, where `Task 10` with a `Task 10a` or `Task 10.1` below it is a parent."""
    found = list(headings)
    above: list[int] = []
    for at, read in enumerate(headings):
        while above and headings[above[-1]].heading.level >= read.heading.level:
            above.pop()
        if not isinstance(read, TaskHeading):
            continue
        if (
            above
            and isinstance(parent := headings[above[-1]], TaskHeading)
            and _is_part(read.number, parent.number)
        ):
            found[above[-1]] = ParentHeading(parent.heading, parent.number, parent.marked)
        above.append(at)
    return found


def _is_part(number: str, of: str) -> bool:
    return number.startswith(f"{of}.") or (number[:-1] == of and number[-1:].isalpha())


def _counts(read: Read, level: int) -> bool:
    """Whether a heading ends what stands before it."""
    return read.heading.level <= level or isinstance(read, TaskHeading)


def _on_level(read: Read, first: Read | None, parents: Sequence[ParentHeading]) -> Read:
    """A task of another level than the first is a mistake; a part of a task is on a level of its own."""
    if not isinstance(read, TaskHeading) or not first or read.heading.level == first.heading.level:
        return read
    if any(_is_part(read.number, parent.number) for parent in parents):
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
    """The tasks by their numbers, and those whose number another has."""
    tasks: dict[str, tuple[TaskHeading, Task]] = {}
    repeated = []
    for section in sections:
        if isinstance(section.read, TaskHeading):
            task = _task(document, section.read, section.end)
            _, first = tasks.setdefault(section.read.number, (section.read, task))
            if first is not task:
                message = f"task `{task.id}` appears twice (first on line {first.line}); give each task its own number"
                repeated.append(Problem(task.line, message))
    in_order = sorted(tasks.values(), key=lambda found: found[0].rank)
    return [task for _, task in in_order], repeated


def _task(document: Document, read: TaskHeading, end: int) -> Task:
    line, marked = read.heading.line, read.marked
    told = labelled_value(document, line + 1, end, DEPENDS) or ""
    listed = listed_ids(told, _ID) if told.lower().startswith("task") else ()
    named = (TaskId(without_zeros(number)) for number in listed)
    return Task(
        id=TaskId(read.number),
        title=marked.text,
        body=document.text(line + 1, end),
        parallel=marked.parallel,
        done=marked.done or document.is_ticked_off(line + 1, end),
        after=tuple(dict.fromkeys((*marked.after, *named))),
        is_planned=marked.is_planned,
        agent=marked.agent,
        model=marked.model,
        files=files_in(labelled(document, line + 1, end)),
        line=line,
    )


def _said_to_be_done(
    document: Document, sections: Sequence[_Section], tasks: Sequence[Task]
) -> Iterator[Problem]:
    """A word on tasks of which a status line says that they are done, for only their headings and boxes count."""
    open_tasks = {task.line: task for task in tasks if not task.done}
    for section in sections:
        task = open_tasks.get(section.line)
        if task and own_status(document, section.line + 1, section.end):
            yield Problem(
                task.line,
                f"task `{task.id}` is said to be done by its status, but not by its heading or boxes; "
                f"it is worked on: if it is done, write ✅ at the end of its heading",
            )


def _of_tasks(sections: Sequence[_Section]) -> Iterator[range]:
    """The lines of each task."""
    return (
        range(section.line, section.end + 1) for section in sections if isinstance(section.read, TaskHeading)
    )


def _unread_marks(tasks: Sequence[Task]) -> Iterator[Problem]:
    """A word on remarks in titles that are nearly marks, so that nobody takes them for followed."""
    for task in tasks:
        if found := _NEARLY_MARK.search(task.title):
            way_out = "write `(parallel)` or `(after 1, 2)` right behind the number to have it followed"
            yield Problem(task.line, f"{quoted(found[0])} of task `{task.id}` is only text; {way_out}")
        if not task.done and is_nearly_done(task.title):
            way_out = "if it is done, write ✅ at the end of its heading"
            yield Problem(
                task.line,
                f"the title {quoted(task.title)} does not say that task `{task.id}` is done; {way_out}",
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


def _notes(headings: Sequence[Read], level: int) -> Iterator[Problem]:
    for read in headings:
        if isinstance(read, NearlyTask) and read.heading.level > level:
            yield Problem(read.heading.line, read.message)


def _told(document: Document, lines: Iterable[int], message: str) -> Iterator[Problem]:
    return (Problem(line, f"{quoted_line(document, line)} {message}") for line in lines)


def _look_alikes(document: Document) -> Iterator[int]:
    headings = {heading.line for heading in document.headings}
    for line, (text, below) in enumerate(pairwise((*map(seen, document.lines), "")), 1):
        if line not in headings and _looks_alike(text, below):
            hider = document.hider(line)
            if not hider or hider.kind in ("code", "html"):
                yield line


def _looks_alike(line: str, below: str) -> bool:
    return bool(_is_underlined(line, below) or _LOOKS_ALIKE.match(line) or _BOLD.match(line))


def _is_underlined(line: str, below: str) -> bool:
    return bool(_MAY_BE_UNDERLINED.match(line) and _UNDERLINE.fullmatch(below))


def _is_bold(document: Document, line: int) -> bool:
    return _BOLD.match(seen(document.lines[line - 1])) is not None


def _is_dropped(document: Document, line: int, numbers: set[int]) -> bool:
    """
    Whether a line that looks like a heading has to be one, or the plan would run without a task.

    In a list, a quote or code it may be an example, unless its number is the very one that is missing or comes next.
    """
    text, below = (seen(document.lines[at]) if at < len(document.lines) else "" for at in (line - 1, line))
    found = _NUMBER.search(text)
    number = int(found[1][:_LONGEST]) if found else -1
    if number in numbers:
        return bool(_NO_BLANK.match(text))
    hider = document.hider(line)
    is_at_the_margin = (
        _NO_BLANK.match(text) or _is_underlined(text, below) or (hider and hider.kind == "html")
    )
    is_wanted = min(numbers, default=0) < number <= max(numbers, default=-1) + 1
    return bool(is_at_the_margin) or is_wanted
