"""A story of BMAD: the boxes at the left margin under `## Tasks / Subtasks` are the tasks, those within them their steps."""

import re
from collections.abc import Iterator, Sequence

from peal.formats import statuses
from peal.formats.blocks import Box
from peal.formats.document import Document
from peal.formats.entries import assembled, entry_of, with_numbers
from peal.formats.headed_list import HeadedList, headed_list, other_boxes, problems
from peal.formats.marks import one_line, unwrapped
from peal.formats.protocol import Evidence, Reading, quoted
from peal.model.plan import Problem, Task, TaskId

name = "bmad"

_HEADING = re.compile(r"\W*Tasks ?/ ?Subtasks\b.*", re.IGNORECASE)
_SHORT_HEADING = re.compile(r"\W*Tasks\W*", re.IGNORECASE)
_STORY = re.compile(r"Story \d+(?:\.\d+)+\b", re.IGNORECASE)
_TASK_HEADING = re.compile(r"\W*Task \d", re.IGNORECASE)
_TASK = re.compile(
    r"(?P<bold>\*\*)?(?P<word>Task )?(?P<number>\d+(?:\.\d+)*[a-z]?)"
    r"(?(word)\s*(?:[:.–—-]\s*|(?=\*\*|\s|$))|(?:[:.)](?:\s+|$)|(?:(?<=\.\d)|(?<=\.\d\d))\s+))",
    re.IGNORECASE,
)
_STEP = re.compile(r"(?:\*\*)?(?:Subtask )?\d+\.\d+", re.IGNORECASE)
_STATUS = re.compile(r"(?:[-*] )?(?:\*\*)?Status(?:\*\*)?:(?:\*\*)?\s*(?P<word>.*)", re.IGNORECASE)


def evidence(document: Document) -> Evidence | None:
    """The heading of the list; in a file that is headed as a story also `## Tasks`."""
    found = _list(document)
    if not found:
        return None
    within = (one for one in document.headings if found.heading.line < one.line <= found.end)
    # Where tasks are headings, these are what tells them apart, and their boxes are steps.
    is_headings = any(_TASK_HEADING.match(one.text) for one in within)
    return None if is_headings else Evidence(found.heading.line, quoted(found.heading.text))


def read(document: Document) -> Reading:
    """The tasks of the story; gates, checks and notes go along as context."""
    found = _list(document)
    if not found:
        return Reading(
            problems=(Problem(1, "there is no heading `## Tasks / Subtasks`; write one above the tasks"),)
        )
    told = [_TASK.match(box.text) for box in found.boxes]
    names = with_numbers([one["number"] if one else "" for one in told])
    entries = [entry_of(box, _task(box, name)) for box, name in zip(found.boxes, names, strict=True)]
    tasks, context = assembled(document, entries)
    return Reading(
        tasks=tasks,
        context=context,
        problems=(*problems(document, found), *_steps(found.boxes)),
        notes=(*other_boxes(document, found.boxes), *_status(document, found)),
    )


def _list(document: Document) -> HeadedList | None:
    is_story = any(_STORY.match(heading.text) for heading in document.headings)
    return headed_list(document, _HEADING) or (headed_list(document, _SHORT_HEADING) if is_story else None)


def _task(box: Box, name: TaskId) -> Task:
    text = unwrapped(one_line(box.text))
    found = _TASK.match(text)
    title = text[found.end() :] if found else text
    if found and found["bold"]:
        title = title.replace("**", "", 1)
    return Task(id=name, title=title.strip(), body="", done=box.is_ticked, line=box.line)


def _steps(boxes: Sequence[Box]) -> Iterator[Problem]:
    """Steps beside their task instead of in it: nothing tells which boxes are tasks then."""
    steps = [box for box in boxes if _STEP.match(box.text)]
    if steps and len(steps) < len(boxes):
        shown = quoted(one_line(steps[0].text))
        yield Problem(steps[0].line, f"{shown} is numbered as a step of a task; indent it below its task")


def _status(document: Document, found: HeadedList) -> Iterator[Problem]:
    for line, text in enumerate(document.lines[: found.heading.line], 1):
        told = _STATUS.match(text)
        if told and statuses.read(told["word"].strip("* ")).done:
            if any(not box.is_ticked for box in found.boxes):
                yield Problem(
                    line,
                    "the story is said to be done, but not all its tasks are ticked; tick what is done, the rest is worked on",
                )
            return
