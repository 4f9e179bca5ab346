"""Text in columns of a terminal: how wide it is there; cut, wrapped and filled to a width."""

import unicodedata
from collections.abc import Sequence

_NO_WIDTH = ("Mn", "Me", "Cf")
"""Marks on the letter before them, and what is not seen at all."""
_GAP = "  "


def width(text: str) -> int:
    """The columns that a text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(letter: str) -> int:
    if unicodedata.category(letter) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def cut(text: str, wide: int) -> str:
    """The text, or as much of it as fits with `…` behind it; never half a letter."""
    if width(text) <= wide:
        return text
    kept, left = "", wide - 1
    for letter in text:
        left -= _width(letter)
        if left < 0:
            break
        kept += letter
    return f"{kept.rstrip()}…"


def wrapped(text: str, wide: int) -> list[str]:
    """The text in lines that fit, broken between words, and inside of one only where it fits in no line."""
    lines = [""]
    for word in text.split():
        if width(f"{lines[-1]} {word}".lstrip()) <= wide:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
        else:
            lines += _parts(word, wide)
    return [line for line in lines if line]


def _parts(word: str, wide: int) -> list[str]:
    parts = [""]
    for letter in word:
        if parts[-1] and width(parts[-1] + letter) > wide:
            parts.append("")
        parts[-1] += letter
    return parts


def room_for_last(rows: Sequence[Sequence[str]], wide: int) -> int:
    """How wide the last column of a table can be in a terminal."""
    widths = [max(map(width, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    return max(wide - sum(widths) - len(_GAP) * len(widths), 1)


def table(rows: Sequence[Sequence[str]], wide: int | None) -> list[str]:
    """Rows with their columns under each other; the last one is cut where a terminal ends, None for no terminal."""
    widths = [max(map(width, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    left = None if wide is None else room_for_last(rows, wide)
    return [
        _GAP.join((*map(_filled, row, widths), row[-1] if left is None else cut(row[-1], left))).rstrip()
        for row in rows
    ]


def _filled(text: str, wide: int) -> str:
    return text + " " * (wide - width(text))
