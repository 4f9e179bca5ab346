"""Plain task lists: each `- [ ] title` at the left margin is a task, numbered in file order."""

import re
from collections.abc import Container, Iterator, Sequence
from heapq import merge
from itertools import groupby

from attrs import evolve

from peal.formats.blocks import Box
from peal.formats.criteria import Place, is_legend, places
from peal.formats.document import Document, LookAlike
from peal.formats.entries import (
    Entry,
    ambiguous_marks,
    context_around,
    entry_of,
    is_placeholder,
    unknown_marks,
)
from peal.formats.front_matter import held_in_settings
from peal.formats.marks import bare, one_line, unwrapped, without_remarks
from peal.formats.protocol import Evidence, Reading, quoted, quoted_line
from peal.formats.source import dedented
from peal.model.plan import Problem, Task, TaskId
from peal.text.display import count

name = "checklist"

_LETTER_MARK = re.compile(r" {0,3}[-*+] {1,4}(?P<mark>\[[A-WYZa-wyz0-9]\]) +\S")
_PARALLEL = re.compile(r"\A[\[(]P[\])]\s|\s\[P\]\Z")
_LABEL = re.compile(r"(?:\*\*)?Task (?P<number>\d{1,10}(?:\.\d{1,10})*[a-z]?)\b", re.IGNORECASE)
_ISSUE = re.compile(r"(?<![\w&])#(?P<number>\d{1,10})\b")
_WORD_MARK = re.compile(r" {0,3}[-*+] {1,4}(?P<mark>\[[a-z][a-z _-]{2,20}\]) +\S", re.ASCII)


def evidence(document: Document) -> Evidence | None:
    """A single box that stands in no other box, or looks as if it should."""
    lines = [box.line for box in _own(document)]
    lines += [one.line for one in document.look_alikes if one.how.is_item]
    return Evidence.of_line(document, min(lines)) if lines else None


def read(document: Document) -> Reading:
    """The items with a box that are no criteria; what stands in none of them is the context."""
    placed = list(_placed(document))
    boxes = [box for box, place in placed if not place.criteria and not is_placeholder(box.text)]
    tasks = _by_label([_task(document, box, number) for number, box in enumerate(boxes, 1)])
    entries = map(entry_of, boxes, tasks)
    texts = list(_sections_of(document, tasks))
    bodies = {text.task.id: document.text(text.body_begin, text.end) for text in texts}
    return Reading(
        tasks=tuple(evolve(task, body=bodies[task.id]) if task.id in bodies else task for task in tasks),
        context=context_around(document, merge(entries, sorted(texts, key=_line), key=_line)),
        problems=(
            *_problems(document, [box for box, _ in placed]),
            *held_in_settings(document),
            *_only_criteria(placed),
            *_in_tables(document, len(tasks)),
            *_unknown_words(document, boxes),
            *_unknown_letters(document, boxes),
            *unknown_marks(boxes),
        ),
        notes=(
            *_notes(document, {box.line for box, _ in placed}),
            *ambiguous_marks(boxes),
            *_criteria(placed),
            *_checks(placed),
            *_waiting(placed),
            *_left_over(placed),
            *_without_bullet(document),
            *_parallel_elsewhere(tasks),
        ),
    )


def _placed(document: Document) -> Iterator[tuple[Box, Place]]:
    """The boxes that may be tasks, each with its place."""
    own = iter(_own(document))
    following = next(own, None)
    for box, place in zip(document.boxes, places(document), strict=True):
        if box is following:
            yield box, place
            following = next(own, None)


def _own(document: Document) -> list[Box]:
    """The boxes at the left margin; where there are none, those in items that have no box."""
    margin = [box for box in document.boxes if box.depth == 0]
    return margin or list(_outermost(document.boxes))


def _outermost(boxes: Sequence[Box]) -> Iterator[Box]:
    end = 0
    for box in boxes:
        if box.line > end:
            end = box.end
            yield box


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


def _by_label(tasks: Sequence[Task]) -> list[Task]:
    """The tasks, where titles such as `Task 3: title` or `Issue #3` have numbers of their own: then dependencies mean those."""
    if not any(task.after for task in tasks):
        return list(tasks)
    ids = {found["number"]: task.id for task in tasks if (found := _LABEL.match(task.title))}
    issues = {found["number"]: task.id for task in tasks if (found := _ISSUE.search(task.title))}
    if not ids and issues:
        numbers = {one for task in tasks for one in task.after}
        ids = {one: issues.get(one, TaskId(f"#{one}")) for one in numbers}
    return [
        evolve(task, after=tuple(dict.fromkeys(ids.get(one, one) for one in task.after))) for task in tasks
    ]


def _sections_of(document: Document, tasks: Sequence[Task]) -> Iterator[Entry]:
    """Where the text of tasks stands that have none, but that a heading repeats word by word."""
    sections = {bare(heading.text): heading for heading in document.headings}
    for task in tasks:
        heading = sections.pop(bare(task.title), None) if not task.body else None
        if heading:
            yield Entry(evolve(task, line=heading.line), document.section_end(heading))


def _line(entry: Entry) -> int:
    return entry.task.line


def _problems(document: Document, own: Sequence[Box]) -> Iterator[Problem]:
    way_out = "write `- [ ] title`, with an empty line before the list"
    for one in document.look_alikes:
        if one.how.is_item or not _is_in_a_task(own, one):
            shown = quoted_line(document, one.line)
            yield Problem(one.line, f"{shown} looks like a task, but markdown sees no box there; {way_out}")


def _in_tables(document: Document, tasks: int) -> Iterator[Problem]:
    """Rows of tables with a box, where they are as many as the tasks, or more: then they are the work, or tell of it again."""
    rows = list(document.rows_with_boxes())
    if rows[1:] and len(rows) >= tasks:
        shown = quoted(document.lines[rows[0] - 1].strip())
        yield Problem(rows[0], f"{shown} is a row of a table, and no task; write each as `- [ ] title`")


def _unknown_words(document: Document, boxes: Sequence[Box]) -> Iterator[Problem]:
    """Items marked with a word that is none of those known, where words are what others are marked with."""
    if not any(len(box.mark) > 1 for box in boxes):
        return
    for line, text in enumerate(document.lines, 1):
        found = _WORD_MARK.match(text)
        if found and not document.boxes_within(line, line) and not document.hider(line):
            message = (
                f"the mark {quoted(found['mark'])} is not known; write `[pending]`, or `[done]` if it is"
            )
            yield Problem(line, message)


def _unknown_letters(document: Document, boxes: Sequence[Box]) -> Iterator[Problem]:
    """Items marked with a letter or a digit right between items with boxes; elsewhere that is how legends explain letters."""
    begins, ends = {box.line for box in boxes}, {box.end for box in boxes}
    for line, text in enumerate(document.lines, 1):
        if line in begins or line - 1 not in ends or line + 1 not in begins:
            continue
        if found := _LETTER_MARK.match(text):
            yield Problem(
                line, f"the mark {quoted(found['mark'])} is not known; write `[ ]`, or `[x]` if it is done"
            )


def _is_in_a_task(own: Sequence[Box], one: LookAlike) -> bool:
    """Whether a line stands in a task's item, and looks as if it did."""
    around = (box for box in own if box.line < one.line <= box.end)
    return any(one.indent >= box.indent for box in around)


def _only_criteria(placed: Sequence[tuple[Box, Place]]) -> Iterator[Problem]:
    if placed and all(place.criteria for _, place in placed):
        box, place = placed[0]
        message = f"all boxes stand below {quoted(place.criteria)}, which is no work; put the tasks under another heading"
        yield Problem(box.line, message)


def _criteria(placed: Sequence[tuple[Box, Place]]) -> Iterator[Problem]:
    """A word on what is left out, once for each place."""
    for words, run in groupby(placed, key=lambda pair: pair[1].criteria):
        boxes = [box for box, _ in run]
        if words:
            which = "one box" if len(boxes) == 1 else f"the {len(boxes)} boxes"
            why = ", which explains marks" if is_legend(words) else " by which work is measured"
            message = f"{which} below {quoted(words)}{why}: no task; agents get it as text"
            yield Problem(boxes[0].line, message)


def _left_over(placed: Sequence[tuple[Box, Place]]) -> Iterator[Problem]:
    for box, _ in placed:
        if is_placeholder(box.text):
            yield Problem(box.line, f"{quoted(box.text)} is left from a template: no task")


def _without_bullet(document: Document) -> Iterator[Problem]:
    """A word on ticked boxes at the left margin before which no bullet stands; an open one is refused as a look-alike."""
    for line, text in enumerate(document.lines, 1):
        if text.startswith(("[x] ", "[X] ")) and not document.hider(line):
            yield Problem(
                line, f"{quoted(text.strip())} has no bullet: no task; it goes to the agents as text"
            )


def _parallel_elsewhere(tasks: Sequence[Task]) -> Iterator[Problem]:
    """A word on marks of other tools, which may as well say something else."""
    found = [task for task in tasks if _PARALLEL.search(task.title)]
    if found:
        more = f" and {count(len(found) - 1, 'other task')}" if found[1:] else ""
        message = f"the mark of {quoted(found[0].title)}{more} is not followed; to have tasks side by side write `(parallel)` behind each"
        yield Problem(found[0].line, message)


def _checks(placed: Sequence[tuple[Box, Place]]) -> Iterator[Problem]:
    """A word on what may have been meant as checks, where there is other work too."""
    checks = [(box, place) for box, place in placed if place.may_be_checks]
    if len(checks) < sum(not place.criteria for _, place in placed):
        way_out = "if they only say what to check, call it `Acceptance Criteria`"
        for heading, run in groupby(checks, key=lambda pair: pair[1].heading):
            line = next(run)[0].line
            yield Problem(line, f"the boxes below {quoted(heading)} are read as tasks; {way_out}")


def _waiting(placed: Sequence[tuple[Box, Place]]) -> Iterator[Problem]:
    """A word on open boxes that may not be meant to be worked on, where there is other work too."""
    waiting = [(box, place) for box, place in placed if place.may_wait and not box.is_ticked]
    if len(waiting) < sum(not place.criteria for _, place in placed):
        for heading, run in groupby(waiting, key=lambda pair: pair[1].heading):
            line = next(run)[0].line
            message = f"the boxes below {quoted(heading)} are read as tasks; if they are not to be done, write `-` without a box"
            yield Problem(line, message)


def _notes(document: Document, own: Container[int]) -> Iterator[Problem]:
    task_end = 0
    for box in document.boxes:
        if box.line in own:
            task_end = box.end
        elif box.line > task_end:
            yield Problem(
                box.line,
                f"{quoted(box.text)} stands in an item without a box, so it is no task; it goes to the agents as context",
            )
