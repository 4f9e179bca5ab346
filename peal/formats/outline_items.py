"""The items of a list with outline numbers, `1`, `1.1`, `1.1.1`, and which of them hold others."""

import re
from collections.abc import Iterator, Sequence

from attrs import field

from peal.classes import frozen
from peal.formats.blocks import Box
from peal.formats.document import Document
from peal.formats.entries import is_placeholder
from peal.formats.marks import one_line, unwrapped
from peal.formats.phase_log import without_log
from peal.model.plan import TaskId
from peal.model.values import evolve

NUMBER = r"\d{1,5}(?:\.\d{1,5}){0,5}[a-z]?"
WORD = r"[A-Z][A-Z0-9_]{1,30}(?:-[A-Z0-9_]{1,30}){0,3}-\d{1,5}[a-z]?"

# Letters that follow a number without a blank, as their languages write none.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af（【「"
_NUMBERED = re.compile(
    rf"(?P<struck>~~)?(?P<wrap>\*\*|__|`|\[|)(?P<id>{NUMBER})(?P<stop>[.)、:：]?)(?P<star>\\?\*(?!\*))?"
    rf"(?P<close>\*\*|__|`|\]|)(?P<after>[:：.]?)(?=[\s{_UNSPACED}]|$)(?P<title>.*)"
)
_WORDED = re.compile(rf"\*\*(?P<id>{WORD})[:：]\s*(?P<title>.*)")
_FIRST = frozenset("0123456789*_`[~")
_PARALLEL = re.compile(r"\s*(?:\(P\)|\[P\])(?=\s|$)")
_DASH = re.compile(r"\s*(?:[–—:：]|-(?=\s))\s*")
_HEADED = re.compile(rf"(?P<id>{NUMBER})[.)、:：]?(?=[\s{_UNSPACED}])|(?P<dotted>\d{{1,5}})\.(?=\D)")


@frozen
class Item:
    """A box with an id of its own."""

    box: Box
    id: TaskId
    title: str
    parallel: bool
    is_sure: bool
    """Its number is written as one; else `3 tests` may be meant."""
    end: int = 0
    """The last line before the next item that may belong to it."""

    @property
    def is_bare(self) -> bool:
        """Its number stands in no bold type or the like."""
        return self.box.text[0].isdecimal()

    @property
    def is_whole_number(self) -> bool:
        """A number without a dot."""
        return self.id.isdecimal()


@frozen
class Outline:
    """Items in file order, and which holds which; how they are indented does not matter."""

    items: tuple[Item, ...] = ()
    parent_of: dict[str, str] = field(factory=dict)
    """By the id of an item that of the one that holds it."""
    holders: frozenset[str] = frozenset()
    """The ids of those that hold others."""

    def __bool__(self) -> bool:
        return bool(self.items)

    @property
    def leaves(self) -> tuple[Item, ...]:
        """The items that hold no others, which are the work."""
        return tuple(item for item in self.items if item.id not in self.holders)

    def tasks_below(self) -> dict[str, list[TaskId]]:
        """By the id of each that holds others the tasks in it, however deep."""
        below: dict[str, list[TaskId]] = {}
        for item in self.leaves:
            for up in self.ancestors(item.id):
                below.setdefault(up, []).append(item.id)
        return below

    def ancestors(self, one: str) -> Iterator[str]:
        """What holds an item, from the inside out."""
        while parent := self.parent_of.get(one):
            yield parent
            one = parent


def outline_of(document: Document, with_words: bool = False) -> Outline:
    """The boxes that have a number, and those with a word such as `**CORE-1: title**` where that is asked for."""
    found = {
        box.line: item for box in without_log(document, document.boxes) if (item := _item(box, with_words))
    }
    above = {up for item in found.values() for up in _above(item.id)}
    items = _with_ends(
        [
            item
            for item in _outside_others(document, found)
            if item.is_sure or not item.is_whole_number or item.id in above
        ]
    )
    known = {item.id for item in items}
    headed = set(heading_numbers(document))
    zeros = {item.id for item in items if _may_hold(item) and item.id.partition(".")[0] not in headed}
    parent_of = {str(item.id): parent for item in items if (parent := _parent(item.id, known, zeros))}
    return Outline(items, parent_of, frozenset(parent_of.values()))


def heading_numbers(document: Document) -> Iterator[str]:
    """The numbers of headings such as `## 1. title`."""
    return (number for _, number in numbered_headings(document))


def numbered_headings(document: Document) -> Iterator[tuple[int, str]]:
    """The lines of headings such as `## 1. title`, each with its number."""
    for heading in document.headings:
        if found := _HEADED.match(heading.text):
            yield heading.line, found["id"] or found["dotted"]


def _item(box: Box, with_words: bool) -> Item | None:
    if box.text[:1] not in _FIRST or is_placeholder(box.text):
        return None
    if with_words and box.depth == 0 and (found := _WORDED.match(box.text)):
        return Item(box, TaskId(found["id"]), _title(found["title"], "**"), parallel=False, is_sure=True)
    if not (found := _NUMBERED.match(box.text)):
        return None
    is_wrapped = bool(found["wrap"] and found["close"])
    mark = _PARALLEL.match(found["title"])
    title = _title(found["title"][mark.end() if mark else 0 :], "" if is_wrapped else found["wrap"])
    title = _title(title, found["struck"] or "")
    return Item(
        # The star may stand behind the number as well as behind the box.
        evolve(box, is_optional=box.is_optional or bool(found["star"])),
        TaskId(found["id"]),
        title,
        parallel=bool(mark),
        is_sure=bool(found["stop"] or is_wrapped),
    )


def _title(text: str, opened: str) -> str:
    """The title without the end of the bold type that began before its number."""
    bare = one_line(text.replace(opened, "", 1) if opened else text)
    return unwrapped(_DASH.sub("", bare, count=1) if _DASH.match(bare) else bare)


def _above(number: str) -> Iterator[str]:
    """`1.1` and `1` for `1.1.1`."""
    while "." in number:
        number = number.rpartition(".")[0]
        yield number


def _outside_others(document: Document, found: dict[int, Item]) -> Iterator[Item]:
    """Those that stand in no box without an id: in such a one they are its steps."""
    end = 0
    for box in document.boxes:
        if box.line > end and (item := found.get(box.line)):
            yield item
        else:
            end = max(end, box.end)


def _with_ends(items: Sequence[Item]) -> tuple[Item, ...]:
    following = [item.box.line - 1 for item in items[1:]] + [items[-1].box.end] if items else []
    return tuple(evolve(one, end=min(one.box.end, last)) for one, last in zip(items, following, strict=True))


def _may_hold(item: Item) -> bool:
    """Whether a number such as `1.0` may stand for all of `1.1` and the like, and not for a version."""
    return item.id.endswith(".0") and (item.is_bare or item.end < item.box.end)


def _parent(one: str, known: set[TaskId], zeros: set[TaskId]) -> str | None:
    for up in _above(one):
        if up in known:
            return up
        # `1.0` holds `1.1` and the like, unless a heading does that.
        if "." not in up and f"{up}.0" in zeros and f"{up}.0" != one:
            return f"{up}.0"
    return None
