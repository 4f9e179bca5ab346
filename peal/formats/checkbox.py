"""Plain task lists: each `- [ ] title` at the left margin is a task, numbered in file order."""

import re
from collections.abc import Iterator, Sequence

from peal.formats.document import Box, Document
from peal.formats.marks import one_line, unwrapped, without_parallel
from peal.formats.protocol import Reading, quoted
from peal.formats.source import dedented
from peal.model import Problem, Task
from peal.text import ranges

name = "checkbox"

_LOOKS_ALIKE = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s*\[[ xX~/-]\]|\s+\[\])(?=\s)")


def recognises(document: Document) -> bool:
    """A single box that stands in no other list item, or looks as if it should."""
    return any(_own(document)) or any(_look_alikes(document))


def read(document: Document) -> Reading:
    """The items with a box; what stands in none of them is the context."""
    boxes = list(_own(document))
    return Reading(
        tasks=tuple(_task(document, box, number) for number, box in enumerate(boxes, 1)),
        context=_context(document, boxes),
        problems=tuple(_problems(document)),
        notes=tuple(_notes(document)),
    )


def _own(document: Document) -> Iterator[Box]:
    return (box for box in document.boxes if box.depth == 0)


def _task(document: Document, box: Box, number: int) -> Task:
    """A `(parallel)` counts at the end of the first line, and at the end of the first paragraph."""
    title = without_parallel(unwrapped(one_line(box.text)))
    lines = list(document.lines[box.line : box.end])
    wrapped = box.paragraph_end - box.line
    last = without_parallel(lines[wrapped - 1]) if wrapped else title
    if wrapped and last.parallel:
        lines[wrapped - 1] = last.text
    return Task(
        index=number,
        title=unwrapped(title.text),
        body=dedented(lines, box.indent),
        parallel=title.parallel or last.parallel,
        done=box.is_ticked,
        line=box.line,
    )


def _context(document: Document, boxes: Sequence[Box]) -> str:
    """The text around the items, with a word where they stood, so that an agent can tell the section of its task."""
    parts: list[str] = []
    waiting: list[int] = []
    line = 1
    for number, box in enumerate(boxes, 1):
        if text := document.text(line, box.line - 1):
            parts += [*_place(waiting), text]
            waiting = []
        waiting.append(number)
        line = box.end + 1
    rest = document.text(line, len(document.lines))
    if parts or rest:
        parts += [*_place(waiting), rest]
    return "\n\n".join(part for part in parts if part)


def _place(numbers: Sequence[int]) -> list[str]:
    word = "task" if len(numbers) == 1 else "tasks"
    return [f"({word} {ranges(numbers)})"] if numbers else []


def _problems(document: Document) -> Iterator[Problem]:
    way_out = "write `- [ ] title`, with an empty line before the list"
    for line in _look_alikes(document):
        yield Problem(
            line,
            f"{quoted(document.lines[line - 1].strip())} looks like a task, but markdown sees no box there; {way_out}",
        )


def _look_alikes(document: Document) -> Iterator[int]:
    boxes = {box.line for box in document.boxes}
    for line, text in enumerate(document.lines, 1):
        if line not in boxes and _LOOKS_ALIKE.match(text):
            hider = document.hider(line)
            if not hider or hider.kind == "html":
                yield line


def _notes(document: Document) -> Iterator[Problem]:
    task_end = 0
    for box in document.boxes:
        if box.depth == 0:
            task_end = box.end
        elif box.line > task_end:
            yield Problem(
                box.line,
                f"{quoted(box.text)} stands in an item without a box, so it is no task; it goes to the agents as context",
            )
