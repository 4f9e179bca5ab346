"""From the lines where tasks begin to whole tasks: what stands in each is its text, and everything else is the context."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from attrs import evolve

from peal.classes import frozen
from peal.formats.blocks import Box
from peal.formats.document import Document
from peal.formats.marks import one_line
from peal.formats.protocol import quoted
from peal.formats.source import dedented
from peal.model.plan import Problem, Task, TaskId
from peal.text.names import ranges

_PLACEHOLDER = re.compile(r"\{\{[A-Z_]+\}\}")
_AMBIGUOUS = "-~>"
"""Marks of what is cut to some, and under way or queued to others."""


@frozen
class Entry:
    """A task whose text is still in the file."""

    task: Task
    """Without its body."""
    end: int
    """The last line that may belong to it."""
    indent: int = 0
    """The column where its text begins, for an item of a list."""
    title_end: int = 0
    """The last line of its title; the one where it begins, if that is not told."""

    @property
    def body_begin(self) -> int:
        return max(self.title_end, self.task.line) + 1


def entry_of(box: Box, task: Task) -> Entry:
    """The entry of a task that is an item with a box; what its first paragraph says on further lines is text."""
    return Entry(task, box.end, box.indent)


def assembled(document: Document, entries: Sequence[Entry]) -> tuple[tuple[Task, ...], str]:
    """
    The tasks with their bodies, and the text around them with a word where they stood.

    Entries come in file order; each ends where the next begins, at the latest.
    """
    cut = [evolve(one, end=min(one.end, after.task.line - 1)) for one, after in pairwise(entries)] + list(
        entries[-1:]
    )
    tasks = tuple(evolve(one.task, body=_body(document, one)) for one in cut)
    return tasks, context_around(document, cut)


def context_around(document: Document, entries: Iterable[Entry]) -> str:
    """The text around entries that do not overlap, with a word where they stood, so that an agent can tell the section of its task."""
    parts: list[str] = []
    waiting: list[TaskId] = []
    line = 1
    for entry in entries:
        if text := document.text(line, entry.task.line - 1):
            parts += [*_place(waiting), text]
            waiting = []
        waiting.append(entry.task.id)
        line = entry.end + 1
    rest = document.text(line, len(document.lines))
    if parts or rest:
        parts += [*_place(waiting), rest]
    return "\n\n".join(part for part in parts if part)


def _body(document: Document, entry: Entry) -> str:
    if not entry.indent:
        return document.text(entry.body_begin, entry.end)
    return dedented(document.lines[entry.body_begin - 1 : entry.end], entry.indent)


def _place(tasks: Sequence[TaskId]) -> list[str]:
    word = "task" if len(tasks) == 1 else "tasks"
    return [f"({word} {ranges(tasks)})"] if tasks else []


def unknown_marks(boxes: Sequence[Box]) -> Iterator[Problem]:
    """A word on each box whose mark nobody can know: its task is neither done nor open."""
    for box in boxes:
        if not box.is_known:
            shown, title = quoted(f"[{box.mark}]"), quoted(one_line(box.text))
            yield Problem(
                box.line, f"the mark {shown} of {title} is not known; write `[ ]`, or `[x]` if it is done"
            )


def with_numbers(told: Sequence[str]) -> tuple[TaskId, ...]:
    """The numbers that tasks are written with; one without gets its place, or the next number that is free."""
    used, names, free = set(told), [], 1
    for place, number in enumerate(told, 1):
        free = max(free, place)
        while not number and str(free) in used:
            free += 1
        used.add(number or str(free))
        names.append(TaskId(number or str(free)))
    return tuple(names)


def is_placeholder(text: str) -> bool:
    """Whether a line of a template is all there is, `{{NUMBER}}. {{TITLE}}`, that nobody has filled in."""
    rest = _PLACEHOLDER.sub("", text) if "{{" in text else text
    return rest != text and not any(map(str.isalpha, rest))


def no_tasks(boxes: Sequence[Box], why: str = "") -> Iterator[Problem]:
    """A word on boxes that are only text, at the first of them, with why where that does not go without saying."""
    if boxes:
        yield Problem(
            boxes[0].line,
            f"{first_of(boxes)}{why and f' {why}'}: no task; it goes to the agents as text",
        )


def first_of(boxes: Sequence[Box]) -> str:
    """The first of some boxes for a message, and how many more there are."""
    more = f" and {len(boxes) - 1} more" if boxes[1:] else ""
    return f"{quoted(one_line(boxes[0].text))}{more}"


def ambiguous_marks(boxes: Sequence[Box]) -> Iterator[Problem]:
    """A word on each box whose mark says that it is cut to some, and under way or queued to others."""
    for box in boxes:
        if box.mark in _AMBIGUOUS:
            message = f"`[{box.mark}]` is read as not done; write `[x]` for what is not to be worked on"
            yield Problem(box.line, message)


def listed_ids(text: str, pattern: str, spans: Sequence[TaskId] = ()) -> tuple[TaskId, ...]:
    """
    The ids of that shape that a list such as `T001, T003-T005` names, in its order; an end of a range is found among `spans`.

    A range whose ends are not both there names just these two.
    """
    found: dict[TaskId, None] = {}
    for part in re.finditer(
        rf"(?P<first>{pattern})(?:\s*(?:-|–|—|\.\.|to|through)\s*(?P<last>{pattern}))?", text
    ):
        first, last = TaskId(part["first"]), part["last"] and TaskId(part["last"])
        if last and first in spans and last in spans:
            found |= dict.fromkeys(spans[spans.index(first) : spans.index(last) + 1])
        else:
            found |= dict.fromkeys((first, *([last] if last else [])))
    return tuple(found)
