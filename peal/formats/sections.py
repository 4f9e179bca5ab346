"""Plans whose tasks are headings with a number: where each ends, whether its own words say it is done, what it says of files and checks."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

from attrs import frozen

from peal.formats.blocks import Box, Heading
from peal.formats.document import Document
from peal.formats.entries import Entry, no_tasks
from peal.formats.marks import Marked, bare, one_line, unwrapped, without_trailing
from peal.formats.plain import indent
from peal.formats.protocol import quoted_line
from peal.model.plan import Problem, Task, TaskId

DEPENDS = re.compile(r"depends(?: on)?|dependencies|dependency|依赖|依赖项|依存", re.IGNORECASE)
"""A label before what a task waits for."""
_STATUS = re.compile(
    r"\s*(?:[-*+]\s+)?(?:\*\*|__)?(?:phase |step |task )?(?:status|状态|狀態|estado|statut|статус)\s*(?:\*\*|__)?\s*[:：]\s*(?:\*\*|__)?\s*"
    r"(?P<word>[^|]*)",
    re.IGNORECASE,
)
_DONE_WORDS = frozenset(
    [
        "complete",
        "completed",
        "done",
        "finished",
        "closed",
        "shipped",
        "merged",
        "passed",
        "完成",
        "已完成",
        "completado",
        "hecho",
        "terminé",
        "fertig",
        "erledigt",
    ]
)
_OPEN_WORDS = frozenset(
    [
        "pending",
        "open",
        "todo",
        "to-do",
        "planned",
        "ready",
        "draft",
        "blocked",
        "started",
        "not_started",
        "not-started",
        "in_progress",
        "in-progress",
        "inprogress",
        "wip",
        "not",
        "in",
        "待处理",
        "待开始",
        "进行中",
        "未开始",
        "pendiente",
    ]
)
_LABEL = re.compile(
    r"\s*(?:[-*+]\s+)?(?:\*\*|__)(?P<label>[^*_]{1,60}?)(?:\*\*|__)?\s*[:：](?:\*\*|__)?\s*(?P<rest>.*)"
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

_Labelled = tuple[str, int, str]
"""A label, and a line that stands under it: its number and its text."""


@frozen
class Section:
    """A task's heading, with what it says."""

    heading: Heading
    number: str
    marked: Marked
    """The title, and the marks that were around it."""
    end: int
    """The last line before the next heading of its level or above."""


def sections(
    document: Document, pattern: re.Pattern[str], left_out: Container[int] = frozenset()
) -> list[Section]:
    """
    The headings of one level that the pattern matches, with its groups `number` and `title`: the level of most of them.

    Those on the lines that are left out do not count.
    """
    found = [
        (heading, match)
        for heading in document.headings
        if heading.line not in left_out and (match := pattern.match(bare(heading.text)))
    ]
    if not found:
        return []
    levels = Counter(heading.level for heading, _ in found)
    level = min(levels, key=lambda one: (-levels[one], one))
    return [
        Section(
            heading,
            match["number"],
            without_trailing(Marked(unwrapped(one_line(match["title"] or "").strip(" *")))),
            document.section_end(heading),
        )
        for heading, match in found
        if heading.level == level
    ]


def entry(document: Document, section: Section) -> Entry:
    """The task of a section, as its own words say."""
    first, last = section.heading.line + 1, section.end
    status, labelled = own_status(document, first, last), list(_labelled(document, first, last))
    marked = section.marked
    done = status if status is not None else marked.done or document.is_ticked_off(first, last)
    task = Task(
        id=TaskId(section.number),
        title=marked.text,
        body="",
        parallel=marked.parallel,
        done=done,
        after=marked.after,
        is_planned=marked.is_planned,
        agent=marked.agent,
        model=marked.model,
        checks=tuple(_checks(labelled)),
        manual_checks=tuple(_manual_checks(labelled)),
        files=_named_files(labelled),
        line=section.heading.line,
    )
    return Entry(task, last)


def status_at(line: str) -> re.Match[str] | None:
    """A line such as `**Status:** complete`, with what stands behind the colon as its group `word`."""
    return _STATUS.fullmatch(line)


def is_manual(document: Document, first: int, line: int) -> bool:
    """Whether a line stands in what a person should look at, in a section that begins at `first`."""
    return any(at == line and _MANUAL.fullmatch(label) for label, at, _ in _labelled(document, first, line))


def own_status(document: Document, first: int, last: int) -> bool | None:
    """
    Whether a line such as `**Status:** complete` among these says that it is done; None where none says.

    One above all headings counts alone; below them each is about a part, and all parts have to be done.
    """
    told = [(line, _is_done(found["word"])) for line, found in _statuses(document, first, last)]
    below = next((one.line for one in document.headings_within(first, last)), last + 1)
    if told and told[0][0] < below:
        return told[0][1]
    return told[0][1] if len(told) == 1 else all(done for _, done in told) if told else None


def _statuses(document: Document, first: int, last: int) -> Iterator[tuple[int, re.Match[str]]]:
    """The status lines that stand in no item with a box: there they are about that."""
    boxes = [box for box in document.boxes_within(first, last) if box.depth == 0]
    for line in range(first, last + 1):
        text = document.lines[line - 1]
        found = _STATUS.fullmatch(text) if ":" in text or "：" in text else None
        if found and not document.hider(line):
            above = boxes[max(bisect_right(boxes, line, key=_line) - 1, 0) :][:1]
            if not any(box.line < line <= box.end and indent(text) >= box.indent for box in above):
                yield line, found


def _line(box: Box) -> int:
    return box.line


def _is_done(word: str) -> bool | None:
    text = re.sub(r"^[^\w(（]+|[\s*_`✅☑✔.]+$", "", word).lower()
    first = re.match(r"[^\s(（,.;:—–]*", text)
    if re.match(r"\W{0,8}\[[xX]\]", word) or ("✅" in word and not text):
        return True
    known = first[0] if first else ""
    return True if known in _DONE_WORDS else False if known in _OPEN_WORDS else None


def unknown_statuses(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    """A word on each status line that says neither done nor open."""
    for section in found:
        for line, status in _statuses(document, section.heading.line + 1, section.end):
            if _is_done(status["word"]) is None and status["word"].strip(" *"):
                shown = quoted_line(document, line)
                yield Problem(
                    line,
                    f"{shown} says neither done nor open, so the boxes decide; write `complete` or `pending`",
                )


def _labelled(document: Document, first: int, last: int) -> Iterator[_Labelled]:
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


def named_files(document: Document, first: int, last: int) -> tuple[str, ...]:
    """The paths that a list under `**Files:**` names in code, the first of each item."""
    return _named_files(_labelled(document, first, last))


def _named_files(labelled: Iterable[_Labelled]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for label, _, text in labelled:
        if _FILES.fullmatch(label) and not _STEP.match(text) and (span := _SPAN.search(text)):
            path = span[1].split(":")[0]
            if _PATH.fullmatch(path):
                found[path] = None
    return tuple(found)


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


def _checks(labelled: Iterable[_Labelled]) -> Iterator[str]:
    for label, _, text in labelled:
        item = _ITEM.fullmatch(text)
        if _AUTOMATED.fullmatch(label) and item and (command := _command(item["text"])):
            yield command


def _command(text: str) -> str:
    """The command in an item such as ``Tests pass: `make test` `` or `` `make test` passes``; empty where it holds none."""
    found = _RUN.match(text) or _TOLD.search(text)
    return found["command"].strip() if found else ""


def _manual_checks(labelled: Iterable[_Labelled]) -> Iterator[str]:
    for label, _, text in labelled:
        item = _ITEM.fullmatch(text)
        if _MANUAL.fullmatch(label) and item:
            yield one_line(item["text"])


def boxes_elsewhere(document: Document, parts: Iterable[range], where: str) -> Iterator[Problem]:
    """A word on boxes outside of these lines: what they mean, nobody can know."""
    inside = {box.line for part in parts for box in document.boxes_within(part.start, part.stop - 1)}
    return no_tasks([box for box in document.boxes if box.line not in inside and box.depth == 0], where)


def steps(document: Document, section: Section) -> Sequence[Box]:
    """The boxes of a section that stand in no other item."""
    return [box for box in document.boxes_within(section.heading.line, section.end) if box.depth == 0]
