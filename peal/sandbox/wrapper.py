"""The words of a wrapper that a person has described, with what stands for a program's places filled in."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from peal.sandbox.rules import Sandbox

_PARTS = re.compile(r"(\{[a-z_]+\})")
"""What braces are around, and what is between them."""


def words(given: Sequence[str], sandbox: Sandbox) -> list[str]:
    """
    What stands in front of a program's own words.

    A word comes once for each thing that its placeholders stand for, as `{state}` does for each state folder; it is left out where
    they stand for nothing.
    """
    values = dict(sandbox.values)
    return [made for word in given for made in _filled(word, values)]


def _filled(word: str, values: Mapping[str, Sequence[str]]) -> Iterator[str]:
    names = list(dict.fromkeys(part[1:-1] for part in _PARTS.findall(word) if part[1:-1] in values))
    for chosen in product(*(values[name] for name in names)):
        meant = dict(zip(names, chosen, strict=True))
        yield "".join(_meant(part, meant) for part in _PARTS.split(word))


def _meant(part: str, meant: Mapping[str, str]) -> str:
    return meant.get(part[1:-1], part) if part[:1] == "{" else part
