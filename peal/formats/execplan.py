"""An ExecPlan: the list under `## Progress` says what is to be done and what is; milestones are the text to it."""

import re

from peal.formats.blocks import Box
from peal.formats.document import Document
from peal.formats.entries import assembled, entry_of
from peal.formats.headed_list import headed_list, other_boxes, problems
from peal.formats.marks import one_line, unwrapped
from peal.formats.protocol import Evidence, Reading, quoted
from peal.model.plan import Problem, Task, TaskId

name = "execplan"

_PROGRESS = re.compile(r"Progress\W*", re.IGNORECASE)
_MUST_HAVE = (
    re.compile(r"Surprises\s*(?:&|and)\s*Discoveries\b", re.IGNORECASE),
    re.compile(r"Decision Log\b", re.IGNORECASE),
    re.compile(r"Outcomes\s*(?:&|and)\s*Retrospective\b", re.IGNORECASE),
)
_TIME = re.compile(r"\(\d{4}-\d\d-\d\d[^()]{0,40}\)\s*")


def evidence(document: Document) -> Evidence | None:
    """A heading `Progress` with boxes under it, and two of the three others that every ExecPlan keeps up to date."""
    told = sum(any(one.match(heading.text) for heading in document.headings) for one in _MUST_HAVE)
    found = headed_list(document, _PROGRESS) if told > 1 else None
    return Evidence(found.heading.line, quoted(found.heading.text)) if found and found.boxes else None


def read(document: Document) -> Reading:
    """The entries of the list, numbered as they stand; all else is the context."""
    found = headed_list(document, _PROGRESS)
    if not found:
        return Reading(problems=(Problem(1, "there is no heading `## Progress`; write one above the tasks"),))
    entries = [entry_of(box, _task(box, number)) for number, box in enumerate(found.boxes, 1)]
    tasks, context = assembled(document, entries)
    return Reading(
        tasks=tasks,
        context=context,
        problems=tuple(problems(document, found)),
        notes=tuple(other_boxes(document, found.boxes)),
    )


def _task(box: Box, number: int) -> Task:
    title = unwrapped(_TIME.sub("", one_line(box.text), count=1))
    return Task(id=TaskId(str(number)), title=title, body="", done=box.is_ticked, line=box.line)
