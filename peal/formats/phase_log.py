"""Plans that list their phases a second time, only to tick off what has been checked: boxes there are no tasks."""

import re
from collections.abc import Mapping, Sequence

from peal.formats.blocks import Box
from peal.formats.document import Document
from peal.formats.marks import bare

PHASE = re.compile(
    r"Phase (?P<number>\d{1,4}(?:\.\d+)*[a-z]?|[A-Z])(?:\s*(?:[:：.)]|\s[—–-])\s*(?P<title>.*)|\s*(?P<rest>\(.*\))?)$",
    re.IGNORECASE,
)
"""A heading `Phase 1: title`, without what is drawn before it."""
_PROGRESS = re.compile(r"\W*Progress\W*", re.IGNORECASE)


def logged_phases(document: Document) -> Mapping[str, range]:
    """The lines in which a section called Progress repeats a phase that stands outside of it, by the number of the phase."""
    section = next((one for one in document.headings if _PROGRESS.fullmatch(one.text)), None)
    if not section:
        return {}
    inside = range(section.line, document.section_end(section) + 1)
    phases = [(one, found["number"]) for one in document.headings if (found := PHASE.match(bare(one.text)))]
    outside = {number for one, number in phases if one.line not in inside}
    return {
        number: range(one.line, document.section_end(one) + 1)
        for one, number in phases
        if one.line in inside and number in outside
    }


def without_log(document: Document, boxes: Sequence[Box]) -> Sequence[Box]:
    """The boxes that do not stand where phases are repeated."""
    log = logged_phases(document).values()
    logged = {box.line for lines in log for box in document.boxes_within(lines.start, lines.stop - 1)}
    return [box for box in boxes if box.line not in logged] if logged else boxes
