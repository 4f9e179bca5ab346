"""spec-kit's `tasks.md`: each `- [ ] T001 [P] [US1] text` is a task, and the phases they stand in come one after another."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from peal.formats.blocks import Box
from peal.formats.dependencies import Dependencies
from peal.formats.document import Document
from peal.formats.entries import Entry, assembled, entry_of, listed_ids, no_tasks, unknown_marks
from peal.formats.marks import one_line, unwrapped
from peal.formats.protocol import Evidence, Reading, quoted
from peal.model.plan import Problem, Task, TaskId

name = "speckit"

_ID = r"T\d{1,5}(?:\.\d{1,4})*[a-z]?"
# The id, in brackets or in backticks, then marks in brackets in any order; bold type may begin before it and end anywhere behind.
_TASK = re.compile(
    rf"(?P<bold>\*\*)?[`\[]?(?P<id>{_ID})[`\]]?(?P<end>(?:\*\*)?):?(?P<marks>(?:\s*\[[^\[\]]{{1,20}}\])*)"
    r"(?P<late_end>(?:\*\*)?):?(?:\s+(?P<title>.*)|$)"
)
_MARK = re.compile(r"\[([^\[\]]*)\]")
_DEPENDS = re.compile(r"\(depends on (?P<which>[^()]*)\)", re.IGNORECASE)
# Words that mean a dependency only where nothing but ids follows: `(requires T001)`, but not `(after the release)`.
_NEEDS = re.compile(
    rf"[(（](?:after|requires|needs|blocked by|依赖)[:：]?\s*(?P<which>{_ID}(?:\s*(?:[,、，&+–-]|and|to)\s*{_ID})*)\.?[)）]",
    re.IGNORECASE,
)
_FIELDS = Dependencies(_ID)
_LEADING = re.compile(r"[:：]\s*|[—–-]\s+")
_WITHOUT_BOX = re.compile(
    rf" {{0,3}}[-*+]\s+(?:\*\*|`)?(?P<id>{_ID})(?:\*\*|`)?(?:[:：]|\s+(?![-–—]\s*T\d|to\s))\s*\S"
)


def evidence(document: Document) -> Evidence | None:
    """The first box with an id such as `T001`; one alone is enough where the id has three digits."""
    found = [box for box in document.boxes if _TASK.match(box.text)]
    sure = [box for box in found if re.match(r"\W*T\d{3}", box.text)] or found[1:]
    return Evidence.of_line(document, sure[0].line) if sure else None


def read(document: Document) -> Reading:
    """The boxes with an id; every other one is a criterion or a step and goes to the agents as text."""
    boxes = [box for box in document.boxes if _TASK.match(box.text)]
    ids = tuple(_id(box) for box in boxes)
    ends = [min(box.end, after.line - 1) for box, after in pairwise(boxes)] + [box.end for box in boxes[-1:]]
    entries = [_entry(document, box, end, ids) for box, end in zip(boxes, ends, strict=True)]
    tasks, context = assembled(document, entries)
    return Reading(
        tasks=tasks,
        context=context,
        problems=(*unknown_marks(boxes), *_without_box(document, boxes, ids)),
        notes=tuple(_notes(document, boxes)),
        dependency="(depends on …)",
    )


def _id(box: Box) -> TaskId:
    found = _TASK.match(box.text)
    assert found, "only boxes with an id are tasks"
    return TaskId(found["id"])


def _entry(document: Document, box: Box, end: int, ids: Sequence[TaskId]) -> Entry:
    found = _TASK.match(one_line(box.text))
    assert found, "only boxes with an id are tasks"
    task = Task(
        id=TaskId(found["id"]),
        title=_title(found),
        body="",
        parallel="P" in _MARK.findall(found["marks"]),
        done=box.is_ticked,
        after=tuple(dict.fromkeys(_needed(document, box, end, ids))),
        section=document.headings_before(box.line),
        is_optional=box.is_optional,
        line=box.line,
    )
    return entry_of(box, task)


def _title(found: re.Match[str]) -> str:
    """The title without what stands between it and the id, and without the end of bold type that began before that."""
    title = found["title"] or ""
    if found["bold"] and not (found["end"] or found["late_end"]):
        title = title.replace("**", "", 1)
    return unwrapped(
        _LEADING.sub("", title.strip(), count=1) if _LEADING.match(title.strip()) else title.strip()
    )


def _needed(document: Document, box: Box, end: int, ids: Sequence[TaskId]) -> Iterator[TaskId]:
    """The ids that a task names as what it depends on, in its first paragraph or on a line of its own such as `Depends on: T001`."""
    paragraph = one_line(" ".join((box.text, *document.lines[box.line : box.paragraph_end])))
    for pattern in (_DEPENDS, _NEEDS) if "(" in paragraph or "（" in paragraph else ():
        for told in pattern.finditer(paragraph):
            yield from listed_ids(told["which"], rf"\b{_ID}\b", ids)
    for line in range(box.line + 1, end + 1):
        needs = _FIELDS.of_line(document.lines[line - 1])
        if needs and not document.hider(line):
            yield from map(TaskId, needs.tasks)
            for first, last in needs.spans:
                yield from listed_ids(f"{first} to {last}", _ID, ids)


def _without_box(document: Document, boxes: Sequence[Box], ids: Sequence[TaskId]) -> Iterator[Problem]:
    """Items with an id of their own among the tasks of a section, but without a box: nobody can say whether they are work."""
    known = set(ids)
    sections = {document.headings_before(box.line) for box in boxes}
    for line, text in enumerate(document.lines, 1):
        found = _WITHOUT_BOX.match(text)
        if (
            found
            and found["id"] not in known
            and document.headings_before(line) in sections
            and not document.hider(line)
        ):
            yield Problem(
                line,
                f"{quoted(text.strip())} has no box, but those around it have; write `- [ ]` before its id",
            )


def _notes(document: Document, boxes: Sequence[Box]) -> Iterator[Problem]:
    known = {box.line for box in boxes}
    others = [box for box in document.boxes if box.line not in known and box.depth == 0]
    return no_tasks(others, "without an id such as `T001`")
