"""spec-kit's `tasks.md`: each `- [ ] T001 [P] [US1] text` is a task, and the phases they stand in come one after another."""

import re
from collections.abc import Iterator, Sequence

from peal.formats.blocks import Box
from peal.formats.document import Document
from peal.formats.entries import Entry, assembled, entry_of, listed_ids, unknown_marks
from peal.formats.marks import one_line, unwrapped
from peal.formats.protocol import Evidence, Reading, quoted
from peal.model.plan import Problem, Task, TaskId

name = "speckit"

_ID = r"T\d{1,5}(?:\.\d{1,4})*[a-z]?"
# The id, bold or in brackets or in backticks, then marks in brackets in any order.
_TASK = re.compile(
    rf"(?:\*\*|`|\[)?(?P<id>{_ID})(?:\*\*|`|\])?:?(?P<marks>(?:\s*\[[^\[\]]{{1,20}}\])*)(?:\s+(?P<title>.*)|$)"
)
_MARK = re.compile(r"\[([^\[\]]*)\]")
_TOLD_MARK = re.compile(r"P\d?|S|US[\w, –-]*|Story[\w ]*|Infra|Setup", re.IGNORECASE)
_DEPENDS = re.compile(r"\(depends on (?P<which>[^()]*)\)", re.IGNORECASE)


def evidence(document: Document) -> Evidence | None:
    """The first box with an id such as `T001`; one alone is enough where the id has three digits."""
    found = [box for box in document.boxes if _TASK.match(box.text)]
    sure = [box for box in found if re.match(r"\W*T\d{3}", box.text)] or found[1:]
    return Evidence(sure[0].line, quoted(document.lines[sure[0].line - 1].strip())) if sure else None


def read(document: Document) -> Reading:
    """The boxes with an id; every other one is a criterion or a step and goes to the agents as text."""
    boxes = [box for box in document.boxes if _TASK.match(box.text)]
    ids = tuple(_id(box) for box in boxes)
    entries = [_entry(document, box, ids) for box in boxes]
    tasks, context = assembled(document, entries)
    return Reading(
        tasks=tasks,
        context=context,
        problems=tuple(unknown_marks(boxes)),
        notes=tuple(_notes(document, boxes)),
    )


def _id(box: Box) -> TaskId:
    found = _TASK.match(box.text)
    assert found, "only boxes with an id are tasks"
    return TaskId(found["id"])


def _entry(document: Document, box: Box, ids: Sequence[TaskId]) -> Entry:
    found = _TASK.match(one_line(box.text))
    assert found, "only boxes with an id are tasks"
    title = (found["title"] or "").removeprefix(":").strip()
    task = Task(
        id=TaskId(found["id"]),
        title=unwrapped(title),
        body="",
        parallel="P" in _MARK.findall(found["marks"]),
        done=box.is_ticked,
        after=tuple(
            one for told in _DEPENDS.finditer(title) for one in listed_ids(told["which"], rf"\b{_ID}\b", ids)
        ),
        section=document.headings_before(box.line),
        is_optional=box.is_optional,
        line=box.line,
    )
    return entry_of(box, task)


def _notes(document: Document, boxes: Sequence[Box]) -> Iterator[Problem]:
    known = {box.line for box in boxes}
    others = [box for box in document.boxes if box.line not in known and box.depth == 0]
    if others:
        seen, more = quoted(one_line(others[0].text)), f" and {len(others) - 1} more" if others[1:] else ""
        yield Problem(
            others[0].line,
            f"{seen}{more} without an id such as `T001`: no task; it goes to the agents as text",
        )
