"""Specifications in phases: each `## Phase 1: title` is a task, with its steps and checks as text."""

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from peal.formats.document import Document
from peal.formats.entries import Entry, assembled, unknown_marks
from peal.formats.marks import bare
from peal.formats.overview import said_to_be_done
from peal.formats.phase_log import PHASE, logged_phases
from peal.formats.protocol import Evidence, Reading, quoted
from peal.formats.sections import Section, boxes_elsewhere, doubts, entry, sections, steps
from peal.formats.status_lines import own_status
from peal.model.plan import Problem

name = "phases"

_TASKS = re.compile(r"\s*(?:[-*+]\s+)?\*\*Tasks:?\*\*:?\s*", re.IGNORECASE)
_TICKED = re.compile(r"\[[ xX~/-]\]\s")
_CHECKS = re.compile(
    r"(?:success|exit|acceptance|completion) criteria|(?:automated|manual) verification|tasks|changes required",
    re.IGNORECASE,
)
# The id of a piece of work: `API-12`, `P1-01`, `Task 3:`, `1.2`.
_WITH_ID = re.compile(
    r"(?:\*\*|`|\[)?(?:[A-Z][A-Z0-9]{0,9}-\d{1,5}(?:[.-]\d{1,4})*[a-z]?|Task \d{1,5}(?:\.\d{1,4})*|\d{1,4}(?:\.\d{1,4})+)(?![\w-])"
)

_BEGUN = re.compile(r"(?:\[[ xX]\]\s+)?Phase (?P<number>\d{1,4}(?:\.\d+)*[a-z]?)(?![\w.])", re.IGNORECASE)


def evidence(document: Document) -> Evidence | None:
    """
    Headings `Phase 1: title`, unless it is the boxes under them that have tasks' texts of their own.

    A label such as `**Tasks:**`, a list of criteria or a status of a phase says that the boxes are steps.
    """
    found = _found(document)
    if sum(_TICKED.match(heading.text) is not None for heading in document.headings) > 1:
        return None  # these headings are the work, and say how far it is
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
        problems=(*_problems(document, found), *_dropped(document, found), *unknown_marks(boxes)),
        notes=(
            *doubts(document, found),
            *_notes(document, found),
            *said_to_be_done(document, tasks, _parts(found, log)),
        ),
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


def _dropped(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    """Headings that begin like a phase whose number no other has: without them the plan would run without it."""
    numbers = {section.number for section in found}
    for heading in document.headings:
        text = bare(heading.text)
        begun = _BEGUN.match(text)
        is_own = found and heading.level == found[0].heading.level
        if is_own and begun and begun["number"] not in numbers:
            number = begun["number"]
            message = f"{quoted(text)} begins like a phase, but is not written like one; write `Phase {number}: title`, or reword it"
            yield Problem(heading.line, message)


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
    return boxes_elsewhere(document, _parts(found, logged_phases(document)), "in no phase")


def _parts(found: Sequence[Section], log: Mapping[str, range]) -> list[range]:
    return [section.lines for section in found] + list(log.values())
