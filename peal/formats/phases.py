"""Specifications in phases: each `## Phase 1: title` is a task, with its steps and checks as text."""

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from peal.formats.document import Document
from peal.formats.entries import Entry, assembled, unknown_marks
from peal.formats.marks import bare
from peal.formats.phase_log import PHASE, logged_phases
from peal.formats.protocol import Evidence, Reading, quoted
from peal.formats.sections import Section, boxes_elsewhere, entry, sections, steps
from peal.formats.status_lines import own_status, unknown_statuses
from peal.model.plan import Problem

name = "phases"

_TASKS = re.compile(r"\s*(?:[-*+]\s+)?\*\*Tasks:?\*\*:?\s*", re.IGNORECASE)
_CHECKS = re.compile(
    r"(?:success|exit|acceptance|completion) criteria|(?:automated|manual) verification|tasks|changes required",
    re.IGNORECASE,
)
# The id of a piece of work: `API-12`, `P1-01`, `Task 3:`, `1.2`.
_WITH_ID = re.compile(
    r"(?:\*\*|`|\[)?(?:[A-Z][A-Z0-9]{0,9}-\d{1,5}(?:[.-]\d{1,4})*[a-z]?|Task \d{1,5}(?:\.\d{1,4})*|\d{1,4}(?:\.\d{1,4})+)(?![\w-])"
)


def evidence(document: Document) -> Evidence | None:
    """
    Headings `Phase 1: title`, unless it is the boxes under them that have tasks' texts of their own.

    A label such as `**Tasks:**`, a list of criteria or a status of a phase says that the boxes are steps.
    """
    found = _found(document)
    if not found or not (
        _is_labelled(document, found) or logged_phases(document) or _are_steps(document, found)
    ):
        return None
    return Evidence(found[0].heading.line, quoted(found[0].heading.text))


def read(document: Document) -> Reading:
    """The phases; what stands in none is the context."""
    found, log = _found(document), logged_phases(document)
    tasks, context = assembled(document, [_entry(document, section, log) for section in found])
    boxes = [box for section in found for box in document.boxes_within(section.heading.line, section.end)]
    return Reading(
        tasks=tasks,
        context=context,
        problems=(*_problems(document, found), *unknown_marks(boxes)),
        notes=(*unknown_statuses(document, [section.lines for section in found]), *_notes(document, found)),
    )


def _found(document: Document) -> list[Section]:
    return sections(document, PHASE, {lines.start for lines in logged_phases(document).values()})


def _entry(document: Document, section: Section, log: Mapping[str, range]) -> Entry:
    """The phase, which is done when all is ticked where it is listed a second time for that."""
    made = entry(document, section)
    lines = log.get(section.number)
    if lines is None or own_status(document, section.heading.line + 1, section.end) is not None:
        return made
    done = section.marked.done or document.is_ticked_off(lines.start, lines.stop - 1)
    return evolve(made, task=evolve(made.task, done=done))


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
    """
    Whether the phases are what is worked on, and the boxes under them its steps.

    They are not where boxes have a text below them or all have an id, nor where there is one phase with nothing but boxes.
    """
    boxes = [box for section in found for box in steps(document, section)]
    if not boxes:
        return True
    is_lone = len(found) == 1 and document.headings_before(boxes[-1].line) == document.headings_before(
        found[0].heading.line + 1
    )
    has_texts = any(document.text(box.paragraph_end + 1, box.end) for box in boxes)
    return not is_lone and not has_texts and not all(_WITH_ID.match(box.text) for box in boxes)


def _problems(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    level = found[0].heading.level if found else 0
    log = {lines.start for lines in logged_phases(document).values()}
    for heading in document.headings:
        if heading.level != level and heading.line not in log and PHASE.match(bare(heading.text)):
            yield Problem(
                heading.line,
                f"{quoted(heading.text)} is a phase of another level than the one on line {found[0].heading.line}; "
                "give all phases one level, or reword this heading",
            )


def _notes(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    """A word on boxes that stand in no phase: what they mean, nobody can know."""
    parts = [section.lines for section in found]
    parts += logged_phases(document).values()
    return boxes_elsewhere(document, parts, "in no phase")
