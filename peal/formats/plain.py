"""Lines as a person sees them, whatever characters they are written with: odd blanks, wide letters, drawn boxes."""

import re

from peal.classes import frozen

# Blanks that markdown takes for letters, characters that take no room, and the wide forms of ASCII.
_BLANKS = (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_NOTHING = (0xAD, 0x180E, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF)
_SEEN = {
    **dict.fromkeys(_BLANKS, " "),
    **dict.fromkeys(_NOTHING, ""),
    **{wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, "∶꞉﹕︓"), ":"),
    **dict.fromkeys(map(ord, "‐‑‒−﹣"), "-"),
}
_TICKS = "xXхХ×✓✔√"
_BULLET = r"(?:[-*+]|\d{1,9}[.)])"
_TASK = re.compile(r" {0,3}#{1,6}[ \t]+(?:\*\*)?task[ \t]+\d+(?: ?[:.-])?", re.IGNORECASE | re.ASCII)
_BOX = re.compile(
    rf"(?P<before>[ \t>]*(?:{_BULLET}[ \t]+)+)\[(?:[ \t]+|[ \t]*(?P<mark>[{_TICKS}~/-])[ \t]*)\](?=(?:\\?\*)?(?:\s|$))",
    re.ASCII,
)
_PLAIN_BOXES = ("- [ ] ", "- [x] ", "* [ ] ", "* [x] ")
_NEARLY = re.compile(rf" {{0,3}}{_BULLET}(?:\s*\[[ xX~/-]\]|\s+\[\])(?=\s)", re.ASCII)
_DRAWN = "☐◻◽▢□⬜🔲❏❑"
_ANY_BULLET = rf"(?:[^\w\s\[\]()`#|<>\\{_DRAWN}]{{1,2}}|\(?\w{{1,3}}[.):]|[①-⑳])[ \t]*"
_BLANK_BOX = r"\[[ \t_]{1,3}\](?![(\[:])|\[\](?=\s)|\\\[[ \t_]{0,3}\\?\](?![(\[:])"
_OPEN = re.compile(rf"[ \t]*(?:{_ANY_BULLET})?[*_]{{0,3}}(?:{_BLANK_BOX}|[{_DRAWN}])")
_ODDLY_MARKED = re.compile(rf"[ \t]*{_BULLET}[ \t]+\[[^\w\s\[\]…~/-]\](?=\s)")


@frozen
class Resemblance:
    """How a line looks like a task of a list, which markdown does not take it for."""

    is_item: bool
    """It is one but for a blank; otherwise it begins with a box, behind a bullet of whatever kind or none."""
    is_ticked: bool = False
    """The box is; of one that is no item it is never known to be."""


def seen(line: str) -> str:
    """The line in plain characters, as far as others look like them."""
    return line if line.isascii() else line.translate(_SEEN)


def for_markdown(line: str) -> str:
    """
    The line with the beginning of a task written so that markdown sees it.

    The rest stays as it is; so does a line that begins no task.
    """
    if line.startswith(_PLAIN_BOXES):
        return line
    shown = seen(line)
    if found := _TASK.match(shown):
        return shown[: found.end()] + line[_length_of(line, found.end()) :]
    if found := _BOX.match(shown):
        mark = found["mark"] or " "
        box = "[x]" if mark in _TICKS and mark not in "xX" else f"[{mark}]"
        return found["before"] + box + line[_length_of(line, found.end()) :]
    return line


def _length_of(line: str, shown: int) -> int:
    """How many characters of a line show as its first `shown` ones."""
    if line.isascii():
        return shown
    at = count = 0
    while count < shown:
        count += len(seen(line[at]))
        at += 1
    return at


def resemblance(line: str) -> Resemblance | None:
    """How a line looks like a task of a list, which markdown does not take it for."""
    shown = seen(line)
    if found := _NEARLY.match(shown):
        return Resemblance(is_item=True, is_ticked=found[0][-2] in _TICKS)
    is_open = _OPEN.match(shown) or _ODDLY_MARKED.match(shown)
    return Resemblance(is_item=False) if is_open else None


def indent(line: str) -> int:
    """The column where a person sees the line begin."""
    shown = seen(line).expandtabs(4)
    return len(shown) - len(shown.lstrip(" "))
