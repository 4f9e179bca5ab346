"""Conductor's `plan.md`: `- [ ] Task: title [sha]` under `## Phase 1: title`; the last task of a phase is the user's."""

import re
from collections.abc import Iterator, Sequence

from peal.formats.blocks import Box
from peal.formats.document import Document
from peal.formats.entries import assembled, entry_of, unknown_marks
from peal.formats.headed_list import other_boxes
from peal.formats.marks import one_line
from peal.formats.protocol import Evidence, Reading, quoted
from peal.formats.task_headings import TaskHeading
from peal.formats.task_headings import read as read_heading
from peal.model.plan import Problem, Task, TaskId

name = "conductor"

_PHASE = re.compile(r"\W*Phase \w+", re.IGNORECASE)
_TASK = re.compile(r"(?:\*\*)?Task:(?:\*\*)?\s+")
_WHOLLY_BOLD = re.compile(r"\*\*(?P<text>Task:\s+(?:(?!\*\*).)+)\*\*")
# What Conductor writes behind a task that it has committed; without brackets only what has both letters and digits.
_COMMIT = re.compile(
    r"\s*`?\[`?(?:checkpoint:\s*)?[0-9a-f]{7,40}`?\]`?\s*$"
    r"|\s+`?(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}`?\s*$"
)
_BY_USER = re.compile(r"Conductor\s*[-–—]\s*User Manual Verification\b", re.IGNORECASE)


def evidence(document: Document) -> Evidence | None:
    """A box under the heading of a phase whose text begins with `Task:`, unless headings are the tasks."""
    if any(isinstance(read_heading(heading), TaskHeading) for heading in document.headings):
        return None
    first = next((box for box, _ in _in_phases(document) if _TASK.match(box.text)), None)
    return Evidence.of_line(document, first.line) if first else None


def read(document: Document) -> Reading:
    """The boxes at the left margin of each phase, numbered as they stand; under a heading within a phase only those told."""
    boxes = [box for box, is_directly in _in_phases(document) if is_directly or _TASK.match(box.text)]
    entries = [entry_of(box, _task(document, box, number)) for number, box in enumerate(boxes, 1)]
    tasks, context = assembled(document, entries)
    return Reading(
        tasks=tasks,
        context=context,
        problems=tuple(unknown_marks(boxes)),
        notes=(*_untold(boxes), *other_boxes(document, boxes)),
    )


def _in_phases(document: Document) -> Iterator[tuple[Box, bool]]:
    """The boxes at the left margin that stand in a phase, and whether right under its heading."""
    headings = iter((*document.headings, None))
    following, phase, is_directly = next(headings), None, False
    for box in document.boxes:
        while following and following.line < box.line:
            is_phase = _PHASE.match(following.text) is not None
            if is_phase or (phase and following.level <= phase.level):
                phase = following if is_phase else None
            is_directly = is_phase
            following = next(headings)
        if phase and box.depth == 0:
            yield box, is_directly


def _untold(boxes: Sequence[Box]) -> Iterator[Problem]:
    for box in boxes:
        if not _TASK.match(box.text):
            yield Problem(
                box.line, f"{quoted(one_line(box.text))} is read as a task, though `Task:` is not before it"
            )


def _task(document: Document, box: Box, number: int) -> Task:
    text = _WHOLLY_BOLD.sub(r"\g<text>", one_line(box.text), count=1)
    title = _COMMIT.sub("", _TASK.sub("", text, count=1))
    return Task(
        id=TaskId(str(number)),
        title=title,
        body="",
        done=box.is_ticked,
        section=document.headings_before(box.line),
        by_person=title if _BY_USER.match(title) else "",
        line=box.line,
    )
