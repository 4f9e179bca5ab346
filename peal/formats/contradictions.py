"""Items whose words say another thing of how far they are than their box, which alone counts."""

import re
from collections.abc import Iterator, Sequence

from peal.formats.document import Document
from peal.formats.marks import one_line, says_done
from peal.formats.protocol import quoted
from peal.model.plan import Problem, Task
from peal.text.display import count

_WORDS = (
    r"deferred|skipped|cancell?ed|blocked|postponed|dropped|obsolete|superseded|won'?t (?:do|fix)|on hold|n/a"
)
_UNFINISHED = r"todo|wip|in progress|partial|partially done|not started|pending|incomplete|unfinished"
_LAST = 80
"""Characters at the end of a text in which it may say so."""
_ID = r"(?:[A-Z]{0,8}-?[\d.]{1,9}[a-z]?[.:)]? )?"
_STRUCK = re.compile(rf"\A[^~\w]{{0,6}}{_ID}~~|~~\W{{0,3}}\Z")
_TICKED = re.compile(rf"\A{_ID}[✅✔☑❌🚫⏸]")


def _set_off(words: str) -> re.Pattern[str]:
    """These words where they are no part of a sentence: in brackets, behind a dash, or in capitals at the end."""
    inside = rf"[(\[（]\W{{0,3}}(?i:{words})\b[^()\[\]]{{0,60}}[)\]）]"
    return re.compile(rf"(?:{inside}|[–—-] \W{{0,3}}(?i:{words})|(?<=\W)(?:{words.upper()}))\W{{0,3}}\Z")


_LEFT_OUT = re.compile(rf"\A{_ID}[\[(](?i:{_WORDS})[\])]")
_ENDS_LEFT_OUT, _ENDS_OPEN = _set_off(_WORDS), _set_off(f"{_WORDS}|{_UNFINISHED}")


def contradictions(document: Document, tasks: Sequence[Task]) -> Iterator[Problem]:
    """A word on the first of them, and how many more there are."""
    boxes = {box.line: one_line(box.text.partition("\n")[0]) for box in document.boxes}
    told = [(task, boxes[task.line]) for task in tasks if task.line in boxes]
    unsure = [(task.line, text) for task, text in told if not task.done and _is_no_work(text)]
    ended = [(task.line, text) for task, text in told if task.done and _is_unfinished(text)]
    for found, message in (
        (unsure, "is worked on, for its box is open; tick the box if it is done or not to be done"),
        (ended, "counts as done, for its box is ticked; clear the box if it is not"),
    ):
        if found:
            more = f", as with {count(len(found) - 1, 'other task')}," if found[1:] else ""
            yield Problem(found[0][0], f"{quoted(found[0][1])}{more} {message}")


def _is_no_work(text: str) -> bool:
    """Whether words say that it is done, or not to be done."""
    return bool(
        says_done(text)
        or _STRUCK.search(text)
        or _TICKED.match(text)
        or _LEFT_OUT.match(text)
        or _ENDS_LEFT_OUT.search(text[-_LAST:])
    )


def _is_unfinished(text: str) -> bool:
    return bool(
        re.search(r"[❌🚫⏳🚧🔄⏸]\ufe0f?(?: [\w ]{1,20})?\W{0,3}\Z", text[-_LAST:])
        or _ENDS_OPEN.search(text[-_LAST:])
    )
