"""Lists with outline numbers, as several tools write them: the items that hold no others are the tasks."""

import re
from collections.abc import Iterator, Sequence

from attrs import evolve

from peal.formats.document import Document
from peal.formats.entries import Entry, assembled, unknown_marks
from peal.formats.front_matter import held_in_settings
from peal.formats.outline_doubts import (
    Loose,
    between,
    dropped,
    loose_boxes,
    misplaced,
    told_loose,
    unnumbered_sections,
)
from peal.formats.outline_items import NUMBER, Item, Outline
from peal.formats.outline_order import order_of
from peal.formats.protocol import Reading
from peal.model.plan import Parent, Problem, Task, TaskId

_TICKED_HEADING = re.compile(rf"\[(?P<mark>[ xX~/-])\]\s+(?P<id>{NUMBER})[.)]?(?=\s|$)")
_FILES = re.compile(
    r"\s*(?:[-*+]\s+)?(?:_Files?:(?P<told>[^_].*)_|<!--\s*Files?:(?P<hidden>.*)-->)\s*", re.IGNORECASE
)


def read(document: Document, outline: Outline) -> Reading:
    """The items that hold no others as tasks; what the others say is part of the context."""
    order = order_of(document, outline)
    placed = zip(outline.leaves, order.after, order.sections, order.optional, strict=True)
    tasks, context, notes = _with_headings(document, [_entry(document, *one) for one in placed])
    loose = tuple(loose_boxes(document, outline))
    return Reading(
        tasks=tasks,
        context=context,
        parents=tuple(
            Parent(item.id, item.title, item.box.is_ticked, item.box.line)
            for item in outline.items
            if item.id in outline.holders
        ),
        problems=tuple(_problems(document, outline, loose)),
        notes=(*order.notes, *notes, *told_loose(loose)),
        dependency="Depends on: …",
    )


def _entry(
    document: Document, item: Item, after: tuple[TaskId, ...], section: int, is_optional: bool
) -> Entry:
    task = Task(
        id=item.id,
        title=item.title,
        body="",
        parallel=item.parallel,
        done=item.box.is_ticked,
        after=after,
        section=section,
        is_optional=is_optional,
        files=tuple(_files(document, item)),
        line=item.box.line,
    )
    return Entry(task, item.end, item.box.indent)


def _problems(document: Document, outline: Outline, loose: Sequence[Loose]) -> Iterator[Problem]:
    yield from unknown_marks([item.box for item in outline.items])
    yield from misplaced(outline)
    yield from dropped(document, outline)
    yield from between(loose)
    yield from unnumbered_sections(document, outline, loose)
    yield from held_in_settings(document)


def _files(document: Document, item: Item) -> Iterator[str]:
    for line in document.lines[item.box.line : item.end]:
        if "iles" in line and (found := _FILES.fullmatch(line)):
            told = (one.strip(" `") for one in (found["told"] or found["hidden"]).split(","))
            yield from (one for one in told if one and " " not in one)


def _with_headings(
    document: Document, entries: Sequence[Entry]
) -> tuple[tuple[Task, ...], str, list[Problem]]:
    """Each task with what a second listing says of it, under headings such as `#### [x] 1.1 title`."""
    tasks = {entry.task.id: entry.task for entry in entries}
    further, notes = [], []
    for heading in document.headings:
        found = _TICKED_HEADING.match(heading.text)
        if found and (task := tasks.get(TaskId(found["id"]))):
            further.append(Entry(evolve(task, line=heading.line), document.section_end(heading)))
            if (found["mark"] in "xX") != task.done:
                message = f"`{task.id}` is ticked here or on line {task.line}, not in both; line {task.line} counts: correct the other"
                notes.append(Problem(heading.line, message))
    every = sorted((*entries, *further), key=lambda entry: entry.task.line)
    read, context = assembled(document, every)
    if not further:
        return read, context, []
    return tuple(_joined(read, [entry.task.line for entry in entries])), context, notes


def _joined(read: Sequence[Task], lines: Sequence[int]) -> Iterator[Task]:
    bodies: dict[str, list[str]] = {}
    for task in read:
        bodies.setdefault(task.id, []).append(task.body)
    own = set(lines)
    for task in read:
        if task.line in own:
            yield evolve(task, body="\n\n".join(filter(None, bodies[task.id])))
