"""The names of tasks and files: which are numbers, how many are listed in short, and what is fit for a file."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

_UNSAFE = re.compile(r"[^\w.-]+")
_SAFE = re.compile(r"\w[\w-]*(?:\.[\w-]+)*", re.ASCII)
_PARTS = re.compile(r"\d+|\D+")
_LONGEST = 60
_MOST_DIGITS = 15
"""Numbers with more are not the same to every reader of JSON; see RFC 8259, section 6."""


def whole_number(name: str) -> int | None:
    """The number that a name is, written as numbers are; None for any other name, `07` among them."""
    is_one = name.isascii() and name.isdecimal() and len(name) <= _MOST_DIGITS
    return int(name) if is_one and (name == "0" or not name.startswith("0")) else None


def without_zeros(name: str) -> str:
    """A whole number without zeros in front of it, as `1` for `01`; any other name as it is."""
    return name.lstrip("0") or "0" if name.isascii() and name.isdecimal() else name


def ranges(names: Iterable[str]) -> str:
    """`1, 3-5` for 1, 3, 4, 5: a list that stays short for hundreds of tasks; other names follow in the order they come in."""
    spans: list[list[int]] = []
    numbers: set[int] = set()
    others: dict[str, None] = {}
    for name in names:
        if (number := whole_number(name)) is None:
            others[name] = None
        else:
            numbers.add(number)
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = [str(low) if low == high else f"{low}-{high}" for low, high in spans]
    return ", ".join((*shown, *others))


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """What names are sorted by so that 2 comes before 10, whatever stands around the numbers."""
    parts = _PARTS.findall(name.casefold())
    return tuple((int(part), "") if part.isdecimal() and len(part) < 16 else (0, part) for part in parts)


def widest(names: Iterable[str]) -> int:
    """Characters for a column of names: four at the least, so that lists of most plans look the same."""
    return max((4, *map(len, names)))


def slug(name: str, longest: int = 40) -> str:
    """A name for a file: letters of any language, digits, `.`, `_` and `-`; never empty or hidden."""
    folded = unicodedata.normalize("NFC", name)
    return _UNSAFE.sub("-", folded)[:longest].strip(".-") or "plan"


def first_words(text: str, longest: int = 40) -> str:
    """A name for a file of the words that a text begins with, in small letters: `Add a login page.` is `add-a-login-page`."""
    words = [
        word.rstrip(".-") for word in re.findall(r"\w[\w.-]*", unicodedata.normalize("NFC", text.lower()))
    ]
    name, *more = words or [""]
    for word in more:
        if len(name) + len(word) >= longest:
            break
        name += f"-{word}"
    return slug(name, longest)


def branch_part(name: str) -> str:
    """A name for a part of a branch's: as for a file, and nothing of what git refuses there."""
    part = re.sub(r"[.]+", ".", slug(name))
    return f"{part.removesuffix('.lock')}-lock" if part.endswith(".lock") else part


def file_name(name: str) -> str:
    """The name itself where files and git branches can have it, otherwise one made of it, with a mark that tells it apart."""
    if len(name) <= _LONGEST and _SAFE.fullmatch(name) and not name.endswith(".lock"):
        return name
    return marked(name)


def marked(name: str) -> str:
    """A file name made of a name, that no other name gets."""
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{re.sub(r'[.]+', '.', slug(name))}-{mark}"
