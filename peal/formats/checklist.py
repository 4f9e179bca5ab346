"""Plain task lists: each `- [ ] title` at the left margin is a task, numbered in file order."""

from collections.abc import Iterator, Sequence

from attrs import evolve

from peal.formats.blocks import Box
from peal.formats.document import Document, LookAlike
from peal.formats.entries import Entry, context_around, entry_of, unknown_marks
from peal.formats.marks import one_line, unwrapped, without_remarks
from peal.formats.protocol import Evidence, Reading, quoted
from peal.formats.sections import bare
from peal.formats.source import dedented
from peal.model.plan import Problem, Task, TaskId

name = "checklist"

_AMBIGUOUS = "-~>"
"""Marks of what is cut to some, and under way or queued to others."""


def evidence(document: Document) -> Evidence | None:
    """A single box that stands in no other list item, or looks as if it should."""
    lines = [box.line for box in _own(document)]
    lines += [one.line for one in document.look_alikes if one.how.is_item]
    return Evidence(min(lines), quoted(document.lines[min(lines) - 1].strip())) if lines else None


def read(document: Document) -> Reading:
    """The items with a box; what stands in none of them is the context."""
    boxes = list(_own(document))
    tasks = [_task(document, box, number) for number, box in enumerate(boxes, 1)]
    entries = [entry_of(box, task) for box, task in zip(boxes, tasks, strict=True)]
    texts = list(_sections_of(document, tasks))
    bodies = {text.task.id: document.text(text.body_begin, text.end) for text in texts}
    return Reading(
        tasks=tuple(evolve(task, body=bodies.get(task.id, task.body)) for task in tasks),
        context=context_around(document, sorted((*entries, *texts), key=lambda entry: entry.task.line)),
        problems=(*_problems(document), *unknown_marks(boxes)),
        notes=tuple(_notes(document)),
    )


def _own(document: Document) -> Iterator[Box]:
    return (box for box in document.boxes if box.depth == 0)


def _task(document: Document, box: Box, number: int) -> Task:
    """Marks in brackets count at the end of the first line, and at the end of the first paragraph."""
    title = without_remarks(unwrapped(one_line(box.text)))
    lines = list(document.lines[box.line : box.end])
    wrapped = box.paragraph_end - box.line
    last = without_remarks(lines[wrapped - 1]) if wrapped else title
    if wrapped and last.text != lines[wrapped - 1]:
        lines[wrapped - 1] = last.text
    return Task(
        id=TaskId(str(number)),
        title=unwrapped(title.text),
        body=dedented(lines, box.indent),
        parallel=title.parallel or last.parallel,
        done=box.is_ticked,
        after=tuple(dict.fromkeys((*title.after, *last.after))),
        is_planned=title.is_planned and last.is_planned,
        agent=title.agent or last.agent,
        model=title.model or last.model,
        is_optional=box.is_optional,
        line=box.line,
    )


def _sections_of(document: Document, tasks: Sequence[Task]) -> Iterator[Entry]:
    """Where the text of tasks stands that have none, but that a heading repeats word by word."""
    sections = {bare(heading.text): heading for heading in document.headings}
    for task in tasks:
        heading = sections.pop(bare(task.title), None) if not task.body else None
        if heading:
            yield Entry(evolve(task, line=heading.line), document.section_end(heading))


def _problems(document: Document) -> Iterator[Problem]:
    way_out = "write `- [ ] title`, with an empty line before the list"
    for one in document.look_alikes:
        if one.how.is_item or not _is_in_a_task(document, one):
            shown = quoted(document.lines[one.line - 1].strip())
            yield Problem(one.line, f"{shown} looks like a task, but markdown sees no box there; {way_out}")


def _is_in_a_task(document: Document, one: LookAlike) -> bool:
    """Whether a line stands in a task's item, and looks as if it did."""
    around = (box for box in _own(document) if box.line < one.line <= box.end)
    return any(one.indent >= box.indent for box in around)


def _notes(document: Document) -> Iterator[Problem]:
    task_end = 0
    for box in document.boxes:
        if box.depth == 0:
            task_end = box.end
            if box.mark in _AMBIGUOUS:
                message = f"`[{box.mark}]` is read as not done; write `[x]` for what is not to be worked on"
                yield Problem(box.line, message)
        elif box.line > task_end:
            yield Problem(
                box.line,
                f"{quoted(box.text)} stands in an item without a box, so it is no task; it goes to the agents as context",
            )
