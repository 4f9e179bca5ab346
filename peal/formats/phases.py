"""Specifications in phases: each `## Phase 1: title` is a task, with its steps and checks as text."""

import re
from collections.abc import Iterator, Sequence

from peal.formats.document import Document
from peal.formats.entries import assembled, unknown_marks
from peal.formats.marks import one_line
from peal.formats.protocol import Evidence, Reading, quoted
from peal.formats.sections import Section, bare, entry, own_status, sections, steps, unknown_statuses
from peal.model.plan import Problem

name = "phases"

_PHASE = re.compile(
    r"Phase (?P<number>\d{1,4}(?:\.\d+)*[a-z]?|[A-Z])(?:\s*(?:[:：.)]|\s[—–-])\s*(?P<title>.*)|\s*(?P<rest>\(.*\))?)$",
    re.IGNORECASE,
)
_TASKS = re.compile(r"\s*(?:[-*+]\s+)?\*\*Tasks:?\*\*:?\s*", re.IGNORECASE)
_CHECKS = re.compile(
    r"(?:success|exit|acceptance|completion) criteria|(?:automated|manual) verification|tasks|changes required",
    re.IGNORECASE,
)


def evidence(document: Document) -> Evidence | None:
    """
    Headings `Phase 1: title`, unless it is the boxes under them that have tasks' texts of their own.

    A label such as `**Tasks:**`, a list of criteria or a status of a phase says that the boxes are steps.
    """
    found = sections(document, _PHASE)
    if not found or not (_is_labelled(document, found) or _are_steps(document, found)):
        return None
    return Evidence(found[0].heading.line, quoted(found[0].heading.text))


def read(document: Document) -> Reading:
    """The phases; what stands in none is the context."""
    found = sections(document, _PHASE)
    tasks, context = assembled(document, [entry(document, section) for section in found])
    boxes = [box for section in found for box in document.boxes_within(section.heading.line, section.end)]
    return Reading(
        tasks=tasks,
        context=context,
        problems=(*_problems(document, found), *unknown_marks(boxes)),
        notes=(*unknown_statuses(document, found), *_notes(document, found)),
    )


def _is_labelled(document: Document, found: Sequence[Section]) -> bool:
    for section in found:
        headings = document.headings_within(section.heading.line + 1, section.end)
        if any(_CHECKS.match(bare(heading.text)) for heading in headings):
            return True
        lines = range(section.heading.line + 1, section.end + 1)
        if any(_TASKS.fullmatch(document.lines[line - 1]) for line in lines):
            return True
        if own_status(document, section.heading.line + 1, section.end) is not None:
            return True
    return False


def _are_steps(document: Document, found: Sequence[Section]) -> bool:
    """Whether no box under these headings has a text below it: then it is a step, and the phase is what is worked on."""
    boxes = [box for section in found for box in steps(document, section)]
    return not any(document.text(box.paragraph_end + 1, box.end) for box in boxes)


def _problems(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    level = found[0].heading.level if found else 0
    for heading in document.headings:
        if heading.level != level and _PHASE.match(bare(heading.text)):
            yield Problem(
                heading.line,
                f"{quoted(heading.text)} is a phase of another level than the one on line {found[0].heading.line}; "
                "give all phases one level, or reword this heading",
            )


def _notes(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    """A word on boxes that stand in no phase: what they mean, nobody can know."""
    inside = {
        box.line for section in found for box in document.boxes_within(section.heading.line, section.end)
    }
    others = [box for box in document.boxes if box.line not in inside and box.depth == 0]
    if others:
        more = f" and {len(others) - 1} more" if others[1:] else ""
        yield Problem(
            others[0].line,
            f"{quoted(one_line(others[0].text))}{more} in no phase: no task; it goes to the agents as text",
        )
