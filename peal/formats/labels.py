"""Labels such as `**Files:**`, and what stands under them in a task's text: its files, its checks, what it depends on."""

import re
from collections.abc import Iterable, Iterator

from peal.formats.document import Document
from peal.formats.marks import bare, one_line

DEPENDS = re.compile(r"depends(?: on)?|dependencies|dependency|依赖|依赖项|依存", re.IGNORECASE)
"""A label before what a task waits for."""
_LABEL = re.compile(
    r"\s*(?:[-*+]\s+)?(?:\*\*|__)(?P<label>[^*_]{1,60}?)(?:\*\*|__)?\s*[:：](?:\*\*|__)?\s*(?P<rest>.*)"
)
# Nothing but a label; without bold type the colon tells it.
_ALONE = re.compile(
    r"\s*(?P<bullet>[-*+]\s+)?(?:\*\*|__)(?P<bold>[^*_]{1,80})(?:\*\*|__)\s?[:：]?\s*|\s*(?P<plain>\w[\w '-]{1,60})[:：]\s*"
)
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[.\]\s+)?(?P<text>.*)")
_STEP = re.compile(r"\s*[-*+]\s+\[.\]\s")
_SPAN = re.compile(r"`([^`]+)`")
_PATH = re.compile(r"[\w@.~/-]+/[\w@.*~-]+|[\w@-]+\.[A-Za-z]\w{0,9}")
_PROGRAM = r"(?:\./)?[a-z][\w+/-]*"
# Code that an item begins with and says to succeed; a single word there may as well be the name of a test.
_RUN = re.compile(
    rf"`(?P<command>{_PROGRAM} [^`]+)`\s*(?:$|[—–:-]|(?:still )?(?:succeeds?|pass(?:es)?|exits?|runs|produces|completes|works|is)\b)"
)
# Code that an item ends with after a colon.
_TOLD = re.compile(rf"[:：]\s*`(?P<command>{_PROGRAM}(?: [^`]+)?)`\s*\.?$")
_FILES = re.compile(r"files?(?: to (?:modify|create|change|touch))?", re.IGNORECASE)
_AUTOMATED = re.compile(r"(?:automated )?verification|automated checks", re.IGNORECASE)
_MANUAL = re.compile(r"manual (?:verification|checks|testing)", re.IGNORECASE)
Labelled = tuple[str, int, str]
"""A label, and a line that stands under it: its number and its text."""


def label_alone(line: str) -> tuple[str, bool] | None:
    """The words of a line that is nothing but a label, `**Notes:**` or `Notes:`, and whether a bullet stands before it."""
    found = _ALONE.fullmatch(line)
    return ((found["bold"] or found["plain"]).strip(" :："), bool(found["bullet"])) if found else None


def labelled_value(document: Document, first: int, last: int, label: re.Pattern[str]) -> str | None:
    """What stands behind a bold label among these lines, such as `**Depends:** 1, 2`, also with others on its line."""
    for line in range(first, last + 1):
        text = document.lines[line - 1]
        if not ("**" in text or "__" in text) or document.hider(line):
            continue
        for part in text.split("|"):
            found = _LABEL.fullmatch(part)
            if found and label.fullmatch(found["label"].strip(" :：")):
                return found["rest"].strip()
    return None


def is_told(value: str | None) -> bool:
    """Whether a value says yes."""
    return value is not None and (
        value.startswith("✅") or value.split(" ")[0].strip(".,").lower() in ("yes", "true", "是")
    )


def manual_lines(document: Document, first: int, last: int) -> frozenset[int]:
    """Those of these lines that stand in what a person should look at."""
    return frozenset(line for label, line, _ in labelled(document, first, last) if _MANUAL.fullmatch(label))


def labelled(document: Document, first: int, last: int) -> Iterator[Labelled]:
    """Each line with the label that it stands under: that of a bold label or of a heading."""
    label = ""
    headings = {heading.line: heading for heading in document.headings_within(first, last)}
    for line in range(first, last + 1):
        text = document.lines[line - 1]
        if line in headings:
            label = bare(headings[line].text).rstrip(":： ")
        elif document.hider(line):
            continue
        elif (
            ("**" in text or "__" in text) and (found := _LABEL.fullmatch(text)) and not _ITEM.fullmatch(text)
        ):
            label = found["label"].strip()
            yield label, line, found["rest"]
        else:
            yield label, line, text


def files_in(lines: Iterable[Labelled]) -> tuple[str, ...]:
    """The paths that a list under `**Files:**` names in code, the first of each item."""
    found: dict[str, None] = {}
    for label, _, text in lines:
        if _FILES.fullmatch(label) and not _STEP.match(text) and (span := _SPAN.search(text)):
            path = span[1].split(":")[0]
            if _PATH.fullmatch(path):
                found[path] = None
    return tuple(found)


def checks_in(lines: Iterable[Labelled]) -> Iterator[str]:
    """The commands of a list of automated checks."""
    for label, _, text in lines:
        item = _ITEM.fullmatch(text)
        if _AUTOMATED.fullmatch(label) and item and (command := _command(item["text"])):
            yield command


def _command(text: str) -> str:
    """The command in an item such as ``Tests pass: `make test` `` or `` `make test` passes``; empty where it holds none."""
    found = _RUN.match(text) or _TOLD.search(text)
    return found["command"].strip() if found else ""


def manual_checks_in(lines: Iterable[Labelled]) -> Iterator[str]:
    """What a list of manual checks says that a person should look at."""
    for label, _, text in lines:
        item = _ITEM.fullmatch(text)
        if _MANUAL.fullmatch(label) and item:
            yield one_line(item["text"])
