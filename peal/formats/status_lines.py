"""Lines such as `**Status:** complete` in a task's text, and whether they say that it is done."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from peal.formats.blocks import Box
from peal.formats.document import Document
from peal.formats.plain import indent
from peal.formats.protocol import quoted_line
from peal.model.plan import Problem

_STATUS = re.compile(
    r"\s*(?:[-*+]\s+)?(?:\*\*|__)?(?:phase |step |task )?(?:status|状态|狀態|estado|statut|статус)\s*(?:\*\*|__)?\s*[:：]\s*(?:\*\*|__)?\s*"
    r"(?P<word>[^|]*)",
    re.IGNORECASE,
)
_DONE_WORDS = {
    *("complete", "completed", "done", "finished", "closed", "shipped", "merged", "passed"),
    *("完成", "已完成", "完了", "completado", "completada", "hecho", "hecha", "completato"),
    *("concluído", "concluída", "feito", "feita", "terminé", "terminée"),
    *("fertig", "erledigt", "abgeschlossen", "готово", "завершено", "выполнено"),
}
_OPEN_WORDS = {
    *("pending", "open", "todo", "to-do", "planned", "ready", "draft", "blocked", "started", "wip"),
    *("not_started", "not-started", "in_progress", "in-progress", "inprogress"),
    *("not", "in"),  # the first words of `not started` and `in progress`
    *(
        "待处理",
        "待开始",
        "进行中",
        "未开始",
        "pendiente",
        "pendente",
        "planejado",
        "planeado",
        "planificado",
    ),
    *("offen", "geplant", "prévu", "запланировано"),
}
_PHRASE = 4
"""Words from which on a cell says more than how far something is."""


def status_at(line: str) -> re.Match[str] | None:
    """A line such as `**Status:** complete`, with what stands behind the colon as its group `word`."""
    return _STATUS.fullmatch(line)


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


def unknown_statuses(document: Document, parts: Iterable[range]) -> Iterator[Problem]:
    """A word on each status line in these parts of the file that says neither done nor open."""
    for part in parts:
        for line, status in _statuses(document, part.start, part.stop - 1):
            if _is_done(status["word"]) is None and status["word"].strip(" *"):
                shown = quoted_line(document, line)
                yield Problem(
                    line,
                    f"{shown} says neither done nor open, so the boxes decide; write `complete` or `pending`",
                )


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


def is_word_for_done(cell: str) -> bool:
    """Whether the cell of a table says done: `✅`, `Complete`."""
    return _is_done(cell) is True and len(cell.split()) < _PHRASE
