"""spec-kit's `tasks.md`: each `- [ ] T001 [P] [US1] text` is a task, and the phases they stand in come one after another."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import pairwise

from attrs import evolve

from peal.formats.blocks import Box
from peal.formats.criteria import places
from peal.formats.dependencies import Dependencies
from peal.formats.document import Document
from peal.formats.entries import Entry, assembled, entry_of, listed_ids, no_tasks, unknown_marks
from peal.formats.marks import one_line, unwrapped
from peal.formats.protocol import Evidence, Reading, quoted
from peal.model.plan import Parent, Problem, Task, TaskId

name = "speckit"

_ID = r"T\d{1,5}[A-Za-z]?(?:\.\d{1,4}[a-z]?)*"
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
# An id of the same kind with another letter, as of work that is put off: `V2.1`; requirements and questions have such ones too.
_OTHER_ID = re.compile(r"(?:\*\*|`|\[)?(?P<id>[A-PS-Z]\d{1,3}\.\d{1,3})(?![\w.])")
_WITHOUT_BOX = re.compile(
    rf" {{0,3}}[-*+]\s+(?:\*\*|`)?(?P<id>{_ID})(?:\*\*|`)?(?:[:：]|\s+(?![-–—]\s*T\d|to\s))\s*\S"
)


def evidence(document: Document) -> Evidence | None:
    """The first box with an id such as `T001`; one alone is enough where the id has three digits."""
    found = [box for box in document.boxes if _TASK.match(box.text)]
    sure = [box for box in found if re.match(r"\W*T\d{3}", box.text)] or found[1:]
    return Evidence.of_line(document, sure[0].line) if sure else None


def read(document: Document) -> Reading:
    """The boxes with an id that hold no part of theirs; every other one is a criterion or a step and goes to the agents as text."""
    boxes = [box for box in document.boxes if _TASK.match(box.text)]
    ids = tuple(_id(box) for box in boxes)
    ends = [min(box.end, after.line - 1) for box, after in pairwise(boxes)] + [box.end for box in boxes[-1:]]
    entries = [_entry(document, box, end, ids) for box, end in zip(boxes, ends, strict=True)]
    parts = dict(_parts(boxes))
    holders = frozenset(parts.values())
    tasks, context = assembled(document, [one for one in entries if one.task.id not in holders])
    return Reading(
        tasks=tuple(_among_parts(document, tasks, parts)) if parts else tasks,
        context=context,
        parents=tuple(
            Parent(one.task.id, one.task.title, one.task.done, one.task.line)
            for one in entries
            if one.task.id in holders
        ),
        problems=(
            *unknown_marks(boxes),
            *_without_box(document, boxes, ids),
            *_with_other_ids(document, boxes),
            *_repeated(boxes, holders),
        ),
        notes=tuple(_notes(document, boxes)),
        dependency="(depends on …)",
    )


def _parts(boxes: Sequence[Box]) -> Iterator[tuple[TaskId, TaskId]]:
    """Each that stands in the item of one whose id its own begins with, `T1.1` in `T1`, and that one."""
    around: list[Box] = []
    for box in boxes:
        while around and box.line > around[-1].end:
            around.pop()
        if around and _id(box).startswith(f"{_id(around[-1])}."):
            yield _id(box), _id(around[-1])
        around.append(box)


def _among_parts(document: Document, tasks: Sequence[Task], parts: Mapping[TaskId, TaskId]) -> Iterator[Task]:
    """The tasks, of which those of two parents are never side by side; who waits for a parent waits for all that it holds."""
    held: dict[TaskId, list[TaskId]] = {}
    for task in tasks:
        up = parts.get(task.id)
        while up:
            held.setdefault(up, []).append(task.id)
            up = parts.get(up)
    section, before = 0, None
    for task in tasks:
        place = (document.headings_before(task.line), parts.get(task.id))
        section += place != before and before is not None
        before = place
        after = (one for needed in task.after for one in held.get(needed, [needed]))
        yield evolve(task, section=section, after=tuple(dict.fromkeys(after)))


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


def _repeated(boxes: Sequence[Box], holders: Container[TaskId]) -> Iterator[Problem]:
    """Second ones of those that hold parts; of tasks that is told for all formats."""
    first: dict[TaskId, int] = {}
    for box in boxes:
        line = first.setdefault(_id(box), box.line)
        if line != box.line and _id(box) in holders:
            yield Problem(box.line, f"`{_id(box)}` is on line {line} too; give each a name of its own")


def _with_other_ids(document: Document, boxes: Sequence[Box]) -> Iterator[Problem]:
    """Boxes whose ids have another letter than `T`: what else could they be than work, too?"""
    known = {box.line for box in boxes}
    for box, place in zip(document.boxes, places(document), strict=True):
        found = _OTHER_ID.match(box.text)
        if found and box.line not in known and not (box.depth or place.criteria):
            yield Problem(
                box.line,
                f"`{found['id']}` is no id such as `T001`, as the others have; write it with a T, or take its box out if it is no task",
            )


def _notes(document: Document, boxes: Sequence[Box]) -> Iterator[Problem]:
    known = {box.line for box in boxes}
    others = [box for box in document.boxes if box.line not in known and box.depth == 0]
    return no_tasks(others, "without an id such as `T001`")
