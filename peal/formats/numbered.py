"""Plans whose headings have a number or a code: `### 1. title`, `## Step 1: title`, `### P1-01: title`, in any language."""

import re
from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping, Sequence

from attrs import evolve

from peal.formats.document import Document
from peal.formats.entries import Entry, assembled, unknown_marks
from peal.formats.labels import DEPENDS, is_told, labelled_value
from peal.formats.marks import bare
from peal.formats.overview import said_to_be_done
from peal.formats.protocol import Evidence, Reading, quoted
from peal.formats.sections import (
    Section,
    boxes_elsewhere,
    doubts,
    entry,
    sections,
    steps,
    without_tick,
)
from peal.model.plan import Problem, TaskId

name = "numbered"

_NUMBER = r"\d{1,4}(?:\.\d{1,4})*[a-z]?"
_TITLE = r"(?:\s*(?:[:：]|[.)、](?=\s|\W))|\s[—–-])\s*(?P<title>.+)"
_CODE = r"(?:Task )?\[?(?P<number>(?:[A-Z]{1,8}\d{0,3}-|T|TASK)\d{1,5}(?:[.-]\d{1,4})*[a-z]?|p\d{1,3}-t\d{1,4})\]?"
_CODED = re.compile(_CODE + _TITLE)
_PLAIN = re.compile(rf"(?P<number>{_NUMBER}){_TITLE}")
_WORD = re.compile(rf"(?P<word>[^\W\d_]{{2,15}})\s?#?(?P<number>{_NUMBER}){_TITLE}")
# What stands for a piece of work by itself; any other word needs boxes below it.
_WORK = {
    *("step", "milestone", "iteration", "stage", "sprint", "increment", "slice", "chunk"),
    *("task", "story", "feature", "workstream"),
    *("schritt", "aufgabe", "meilenstein", "etappe", "étape", "tâche", "jalon"),
    *("paso", "tarea", "hito", "passo", "tarefa", "etapa", "fase"),
    *("шаг", "этап", "задача"),
    *("任务", "步骤", "阶段", "里程碑", "タスク", "ステップ", "フェーズ"),
}
# What is a task by its very name, so that one of them is enough.
_TASK = {"aufgabe", "tâche", "tarea", "tarefa", "задача", "任务", "タスク"}
# What is chosen between, told or asked, and never worked on.
_NO_WORK = {
    *("phase", "option", "alternative", "approach", "example", "appendix", "figure", "table", "note"),
    *("question", "answer", "risk", "version", "scenario", "finding", "issue", "problem", "decision"),
    *("chapter", "section", "case", "test", "rule", "principle", "requirement", "assumption", "lesson"),
    *("week", "day", "round"),
}
_NO_WORK_CODES = (
    *("FR-", "NFR-", "REQ-", "ADR-", "AC-", "TC-", "RISK-", "R-", "Q-", "D-", "SC-", "OQ-", "BR-", "UC-"),
)
_KNOWN_CODES = re.compile(r"(?:T|TASK|TASK-|P\d+-|M\d+-|S\d+-)\d|p\d+-t\d")
_PARALLEL = re.compile(r"parallel|可并行|并行", re.IGNORECASE)
_ID = re.compile(r"(?<![\w.-])\w+(?:[.-]\w+)*")
_MARK = re.compile(r"\s*\[P\]\s*")


def evidence(document: Document) -> Evidence | None:
    """Two headings with codes or numbers that are pieces of work, as their boxes or the word before the number say."""
    found = _found(document)
    if not found or _has_its_list_elsewhere(document, found):
        return None
    return Evidence(found[0].heading.line, quoted(found[0].heading.text))


def read(document: Document) -> Reading:
    """The sections under these headings; what stands in none is the context."""
    found = _found(document)
    ids = {section.number: TaskId(section.number) for section in found}
    parts = _parts(document, found[0].heading.level if found else 0)
    tasks, context = assembled(document, [_entry(document, section, ids, parts) for section in found])
    boxes = [box for section in found for box in document.boxes_within(section.heading.line, section.end)]
    return Reading(
        tasks=tasks,
        context=context,
        problems=(*unknown_marks(boxes), *_dropped(document, found)),
        notes=(
            *doubts(document, found),
            *_notes(document, found),
            *said_to_be_done(document, tasks, _lines(found)),
        ),
        dependency="**Depends on:** …",
    )


def _parts(document: Document, level: int) -> list[int]:
    """The lines of headings above that level: what stands under two of them is not worked on side by side."""
    return [heading.line for heading in document.headings if heading.level < level]


def _found(document: Document) -> list[Section]:
    coded = [one for one in sections(document, _CODED) if not one.number.startswith(_NO_WORK_CODES)]
    if len(coded) > 1 and (_KNOWN_CODES.match(coded[0].number) or _all_have_steps(document, coded)):
        return coded
    if any(re.match(r"phase \w+\b", bare(heading.text), re.IGNORECASE) for heading in document.headings):
        return []  # steps within phases
    worded = sections(document, _WORD)
    # Where boxes stand below those with one word, those with another only speak of the same work.
    with_steps = {_word(section) for section in worded if steps(document, section)}
    worded = [section for section in worded if not with_steps or _word(section) in with_steps]
    words = {_word(section) for section in worded}
    is_one = (
        len(words) == 1 and (len(worded) > 1 or bool(words & _TASK and with_steps)) and not words & _NO_WORK
    )
    if is_one and (words <= _WORK or _all_have_steps(document, worded)):
        return worded
    plain = sections(document, _PLAIN)
    return plain if len(plain) > 1 and _all_have_steps(document, plain) else []


def _dropped(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    """Headings that begin like these, with a number that none of them has: without them the plan would run without it."""
    if not found or not (begun := _beginning(found[0])):
        return
    numbers = {section.number for section in found}
    for heading in document.headings:
        like = begun.match(without_tick(heading.text)[0])
        if like and not _is_known(like["number"], numbers):
            how = "of another level" if heading.level != found[0].heading.level else "not written like one"
            way_out = f"write `{'#' * found[0].heading.level} {like[0].strip()}: title`, or reword it"
            yield Problem(
                heading.line, f"{quoted(heading.text)} begins like the others, but is {how}; {way_out}"
            )


def _is_known(number: str, numbers: Container[str]) -> bool:
    """Whether a heading has the number of a task, or of a part of one: `1.2` where there is `1`."""
    parts = number.split(".")
    return any(".".join(parts[:at]) in numbers for at in range(1, len(parts) + 1))


def _beginning(section: Section) -> re.Pattern[str] | None:
    """How headings with the same word, or with codes, begin; None for bare numbers, which much begins with."""
    text = without_tick(section.heading.text)[0]
    if _CODED.fullmatch(text):
        return re.compile(rf"{_CODE}(?![\w.-])")
    if found := _WORD.match(text):
        return re.compile(rf"{re.escape(found['word'])}\s?#?(?P<number>{_NUMBER})(?![\w.])", re.IGNORECASE)
    return None


def _word(section: Section) -> str:
    found = _WORD.match(without_tick(section.heading.text)[0])
    assert found, "only headings with a word are asked"
    return found["word"].lower()


def _all_have_steps(document: Document, found: Sequence[Section]) -> bool:
    return all(steps(document, section) for section in found)


def _has_its_list_elsewhere(document: Document, found: Sequence[Section]) -> bool:
    """Whether boxes outside repeat these headings, while none stands under them: then the list is the plan."""
    if any(steps(document, section) for section in found):
        return False
    titles = {bare(box.text) for box in document.boxes}
    return any(bare(section.heading.text) in titles for section in found)


def _entry(document: Document, section: Section, ids: Mapping[str, TaskId], parts: Sequence[int]) -> Entry:
    made = entry(document, section)
    first, last = section.heading.line + 1, section.end
    named = labelled_value(document, first, last, DEPENDS) or ""
    after = (ids[word] for word in _ID.findall(named) if word in ids and word != section.number)
    title = _MARK.sub(" ", made.task.title).strip()
    is_parallel = title != made.task.title or is_told(labelled_value(document, first, last, _PARALLEL))
    task = evolve(
        made.task,
        title=title,
        parallel=made.task.parallel or is_parallel,
        after=tuple(dict.fromkeys((*made.task.after, *after))),
        section=bisect_left(parts, section.heading.line),
    )
    return evolve(made, task=task)


def _lines(found: Sequence[Section]) -> list[range]:
    return [range(section.heading.line, section.end + 1) for section in found]


def _notes(document: Document, found: Sequence[Section]) -> Iterator[Problem]:
    yield from boxes_elsewhere(document, _lines(found), "under none of these headings")
    row = next(document.rows_with_boxes(), 0)
    if row:
        shown = quoted(document.lines[row - 1].strip())
        yield Problem(row, f"{shown} is a row of a table: no task of its own; it goes to the agents as text")
