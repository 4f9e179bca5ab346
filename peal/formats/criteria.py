"""Boxes that are no work: what work is measured by, such as acceptance criteria or a definition of done, and legends."""

import re
from collections.abc import Iterator

from attrs import evolve

from peal.classes import frozen
from peal.formats.blocks import Heading
from peal.formats.document import Document
from peal.formats.labels import label_alone
from peal.formats.marks import one_line
from peal.formats.plain import indent

_CRITERIA = re.compile(
    r"\W{0,8}(?:[\d.]{1,6}\s)?(?:overall |final |key |phase \w+ )?(?:"
    r"(?:acceptance|success|exit|completion|done|approval|release) (?:criteria|criterion|metrics|indicators)"
    r"|definition of done|dod|quality gates?|done when|checkpoint(?=\s*(?:[:：—–-]|$))"
    r"|criterios de (?:aceptación|éxito)|critérios de (?:aceitação|aceite|sucesso)|critères d'acceptation"
    r"|akzeptanzkriterien|abnahmekriterien|erfolgskriterien"
    r"|验收标准|驗收標準|成功标准|成功標準|完成标准|完成標準|受け入れ基準|受入基準|受入条件|受け入れ条件|成功基準|完了条件|完了の定義|인수 기준|완료 조건"
    r")\b(?! (?:mapping|tests?|testing)\b)",
    re.IGNORECASE,
)
# Boxes that only show what the marks mean.
_LEGEND = re.compile(
    r"\W{0,8}(?:(?:(?:task )?status|progress|symbol|checkbox|mark) )?(?:legend|key)\W{0,8}"
    r"|\W{0,8}(?:图例|圖例|凡例|범례|leyenda|legenda|légende|legende)\W{0,8}",
    re.IGNORECASE,
)
# As a heading of its own such a section is work as often as not; as a label it belongs to what stands before.
_CHECKS = re.compile(r"\W{0,8}(?:final |manual |automated )?(?:verification|checklist)\W{0,8}", re.IGNORECASE)
_MAY_BE_CHECKS = re.compile(
    r"\W{0,8}(?:[\w/&-]{1,30} ){0,4}(?:verification|validation|checklist)\b[^:]{0,60}", re.IGNORECASE
)
_MAY_WAIT = re.compile(
    r"\W{0,8}(?:(?:currently|explicitly|tasks|items) )?(?:out of scope|not in scope|won'?t (?:do|fix)|wontfix|deferred|cancell?ed|rejected|dropped|descoped"
    r"|abandoned|on hold|parked|parking lot|icebox|someday|blocked|not now|future|later|ideas|post-mvp|暂缓|搁置|阻塞|范围外|スコープ外|保留)"
    r"(?: (?:work|items|tasks|features|enhancements|improvements|ideas|considerations|phases?|releases?|by|on|until|to|for)\b.{0,60}"
    r"|\s?[/&,(（:：—–].{0,60}|\W{0,8})",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\s*[-*+]\s+(?!\[)")
_RULE = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*")


@frozen
class Place:
    """Where a box stands, as far as that says what it is."""

    label: str = ""
    """The words of the line such as `**Notes:**` that it stands below, in its section."""
    heading: str = ""
    criteria: str = ""
    """The words that make criteria of the boxes here; empty where none do."""

    @property
    def is_checks(self) -> bool:
        """Whether the heading may as well be one of work as one of checks."""
        return not self.criteria and bool(_CHECKS.fullmatch(self.heading))

    @property
    def may_be_checks(self) -> bool:
        """Whether the heading names such a list, whatever it says that it is for: `Code Review Checklist`."""
        return not self.criteria and bool(_MAY_BE_CHECKS.fullmatch(self.heading))

    @property
    def may_wait(self) -> bool:
        """Whether the heading says that what stands below is not to be done, or not now."""
        return not self.criteria and bool(_MAY_WAIT.fullmatch(self.heading))


def places(document: Document) -> Iterator[Place]:
    """The place of each box, in file order."""
    marks = _marks(document)
    mark = next(marks, None)
    # Each with the column that a box has to reach to stand below it; a section is everywhere.
    open_places = [(0, Place())]
    for box in document.boxes:
        while mark and mark[0] < box.line:
            _, column, place = mark
            while open_places and open_places[-1][0] >= column:
                open_places.pop()
            around = open_places[-1][1] if open_places else Place()
            open_places.append((column, _within(place, around)))
            mark = next(marks, None)
        while open_places[1:] and open_places[-1][0] > indent(document.lines[box.line - 1]):
            open_places.pop()
        yield open_places[-1][1]


def _within(place: Place, around: Place) -> Place:
    return evolve(place, heading=place.heading or around.heading, criteria=place.criteria or around.criteria)


def _marks(document: Document) -> Iterator[tuple[int, int, Place]]:
    """The lines from which on boxes stand in another place, each with a column: -1 for a section, 0 for one without labels."""
    headings = iter(document.headings)
    heading = next(headings, None)
    criteria: tuple[int, str] | None = None
    for line, text in enumerate(document.lines, 1):
        if heading and heading.line == line:
            criteria = _criteria_of(heading, criteria)
            yield line, -1, Place(heading=one_line(heading.text), criteria=criteria[1] if criteria else "")
            heading = next(headings, None)
        elif _may_be_label(text) and not document.hider(line):
            if _RULE.fullmatch(text):
                yield line, 0, Place()
            elif label := label_alone(text):
                words, is_item = label
                yield (
                    line,
                    indent(text) + is_item,
                    Place(words, criteria=_criteria_below(document, line, words)),
                )


def _may_be_label(line: str) -> bool:
    bare = line.strip()
    return bool(bare) and (bare[0] in "*_-+" or bare[-1] in ":：")


def _criteria_below(document: Document, line: int, words: str) -> str:
    """The words of a label that makes criteria of the boxes below, unless it labels a list without boxes."""
    if not (_CRITERIA.match(words) or _CHECKS.fullmatch(words) or is_legend(words)):
        return ""
    while line < len(document.lines) and not document.lines[line].strip():
        line += 1
    return words if line >= len(document.lines) or not _BULLET.match(document.lines[line]) else ""


def _criteria_of(heading: Heading, within: tuple[int, str] | None) -> tuple[int, str] | None:
    """The level and words of the section of criteria that a heading begins or stands in; a title of a file begins none."""
    if within and heading.level > within[0]:
        return within
    text = one_line(heading.text)
    is_no_work = _CRITERIA.match(text) or is_legend(text)
    return (heading.level, text) if heading.level > 1 and is_no_work else None


def is_legend(words: str) -> bool:
    """Whether these words stand above an explanation of marks."""
    return _LEGEND.fullmatch(words) is not None
