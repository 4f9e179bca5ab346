"""Task lists of other tools, which must not be read as plain ones: told by their marks, and refused by name."""

import re
from collections.abc import Callable

from peal.formats import front_matter
from peal.formats.document import Document
from peal.formats.protocol import Evidence, Reading
from peal.model.plan import Problem

name = "foreign"

_SPEC_KIT = re.compile(r"(?:\*\*)?\[?T(?:\d{3,}|\d+\.\d+)\b")
_TICKED = re.compile(r"\[[ xX~/-]\]\s")
_PHASE = re.compile(r"\W*Phase (?P<number>\w+)(?![\w–-])", re.IGNORECASE)
_CHECKS = re.compile(r"\W*(?:Success Criteria|Automated Verification|Manual Verification)\b", re.IGNORECASE)
_TASKS_LABEL = re.compile(r"\*\*Tasks:?\*\*:?\s*")
_DEPENDS = re.compile(r"\s+(?:[-*+] )?(?:\*\*|_)Depend(?:s|s on|encies)(?:\*\*)?:")


def evidence(document: Document) -> Evidence | None:
    """The marks of another tool's list."""
    seen = _seen(document)
    return Evidence(*seen) if seen else None


def read(document: Document) -> Reading:
    """Nothing but the problem that says whose list this seems to be."""
    seen = _seen(document)
    assert seen, "only a recognised document is read"
    line, what = seen
    way_out = "write each task as `## Task 1: title`"
    return Reading(
        problems=(Problem(line, f"this looks like {what}, which peal does not read yet; {way_out}"),)
    )


def _seen(document: Document) -> tuple[int, str] | None:
    tools: dict[str, Callable[[Document], int | None]] = {
        "a spec-kit task list": _spec_kit,
        "a plan whose headings have boxes": _ticked_headings,
        "a plan of phases with steps": _phases,
        "a task list with dependencies between its items": _depends,
        "a file that is one task, by its front matter": _one_task,
    }
    return next(((line, what) for what, find in tools.items() if (line := find(document))), None)


def _spec_kit(document: Document) -> int | None:
    texts = [(box.line, box.text) for box in document.boxes] + [
        (heading.line, heading.text) for heading in document.headings
    ]
    return min((line for line, text in texts if _SPEC_KIT.match(text)), default=None)


def _ticked_headings(document: Document) -> int | None:
    lines = [heading.line for heading in document.headings if _TICKED.match(heading.text)]
    return lines[0] if len(lines) > 1 else None


def _phases(document: Document) -> int | None:
    phases = [
        (heading.line, found["number"])
        for heading in document.headings
        if (found := _PHASE.match(heading.text))
    ]
    if not phases:
        return None
    # Two lists in one file, each from its own first phase on, can not be one row of tasks.
    repeated = sum(number == "1" for _, number in phases) > 1
    listed = any(_PHASE.match(box.text) for box in document.boxes)
    checks = any(_CHECKS.match(heading.text) for heading in document.headings)
    labelled = any(map(_TASKS_LABEL.fullmatch, document.lines))
    return phases[0][0] if repeated or listed or checks or labelled else None


def _one_task(document: Document) -> int | None:
    """Boxes in such a file are criteria; whose tool writes it, so that all of it could be read, is not known."""
    keys = front_matter.keys(document) or front_matter.unclosed(document)
    needs = keys.keys() & {"depends_on", "dependencies", "blocked_by", "parallel", "parent"}
    is_one = ("status" in keys and ("id" in keys or needs)) or "todos" in keys
    return min(keys.values()) if is_one or len(needs) > 1 else None


def _depends(document: Document) -> int | None:
    within = (line for box in document.boxes if not box.depth for line in range(box.line + 1, box.end + 1))
    return next((line for line in within if _DEPENDS.match(document.lines[line - 1])), None)
