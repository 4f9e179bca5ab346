"""Ideas as a plain list: bullets with what is indented below them, or one in each line."""

import re
from collections.abc import Iterator

from attrs import field

from peal.backlog.exchange.files import Place, Unfit
from peal.backlog.exchange.foreign import Foreign, Reading, body_of, digest_of, title_of, told_at
from peal.backlog.item import Item
from peal.classes import define

name = "ideas"

_BULLET = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[(?P<box>[ xX])\](?:[ \t]+|$))?(?P<title>.*)")
_HEADING = re.compile(r"#{1,6}[ \t]+(?P<words>.*?)[ \t#]*$")
_FENCE = re.compile(r"(`{3,}|~{3,})")


@define
class _Idea:
    line: int
    title: str
    is_done: bool = False
    section: str = ""
    below: list[str] = field(factory=list)


def is_at(place: Place) -> bool:
    """Text of any kind."""
    return place.raw is not None or (
        not place.is_folder and place.path.suffix in (".md", ".markdown", ".txt", "")
    )


def read(place: Place) -> Reading:
    """The ideas in their order; an idea is known by its words."""
    try:
        text = place.text()
    except Unfit as error:
        return Reading(name, problems=tuple(told_at(place.told, error)))
    lines = text.split("\n")
    is_list = any(map(_BULLET.match, lines))
    if not is_list and place.path.suffix in (".md", ".markdown") and text.strip():
        why = "it has no list; begin each idea with `- ` on a line of its own"
        return Reading(name, problems=(f"`{place.told}`: {why}",))
    ideas, left = _listed(lines) if is_list else _lines(lines)
    items: list[Foreign] = []
    problems: list[str] = []
    for idea in ideas:
        where = f"{place.told} line {idea.line}"
        try:
            items.append(_foreign(idea, where))
        except Unfit as error:
            problems += told_at(where, error)
    notes = [f"`{place.told} line {line}`: this is no idea of the list; it is left out" for line in left]
    return Reading(name, tuple(items), tuple(problems), tuple(notes), keeps_ids=False)


def _lines(lines: list[str]) -> tuple[list[_Idea], list[int]]:
    return [_Idea(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()], []


def _listed(lines: list[str]) -> tuple[list[_Idea], list[int]]:
    """The ideas of a list, and the first lines of what stands between them."""
    ideas: list[_Idea] = []
    left: list[int] = []
    section, fence, is_open, was_blank = "", "", False, True
    for number, line in enumerate(lines, 1):
        if fence or _FENCE.match(line):
            found = _FENCE.match(line)
            if found and not fence:
                left.append(number)
            fence = (found[1] if found else "") if not fence else "" if line.startswith(fence) else fence
            is_open = False
        elif bullet := _BULLET.match(line):
            ideas.append(_Idea(number, bullet["title"], bullet["box"] in ("x", "X"), section))
            is_open = True
        elif heading := _HEADING.match(line):
            section, is_open = heading["words"], False
        elif not line.strip() or (is_open and (line[0] in " \t" or not was_blank)):
            if ideas and is_open:
                ideas[-1].below.append(line)
        else:
            if was_blank or is_open:
                left.append(number)
            is_open = False
        was_blank = not line.strip()
    return ideas, left


def _foreign(idea: _Idea, where: str) -> Foreign:
    title, rest = title_of(idea.title)
    if idea.section:
        rest = {**rest, "section": idea.section}
    text = "\n".join(_below(idea))
    item = Item(" ".join(idea.title.casefold().split()), title, text=body_of(text))
    if idea.is_done:
        item = Item(item.id, title, "done", text=item.text)
    return Foreign(item, where, digest_of(text.strip().encode(), str(idea.is_done).encode()), rest)


def _below(idea: _Idea) -> Iterator[str]:
    """What stands below the first line, as far to the left as it goes."""
    lines = [line.expandtabs(4) for line in idea.below]
    depths = [len(line) - len(line.lstrip()) for line in lines if line.startswith(" ") and line.strip()]
    depth = min(depths, default=0)
    yield from (line[depth:] if line.startswith(" ") else line for line in lines)
