"""The lines of files that a change is about."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from peal.classes import frozen
from peal.system import git

_HEADER = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_LONGEST = 200
_CONTEXT = 3
"""Lines around each change that belong to it, as in every diff by default."""


@frozen
class Hunk:
    """Neighbouring lines of a changed file, as they are after the change."""

    start: int
    """The number of the first one, counted from 1."""
    lines: tuple[str, ...]

    def first_of(self, first: int, last: int) -> str | None:
        """The first of these lines of the file, without blanks around it; None if the change is about none of them."""
        context = max(first - self.start, 0)
        if context >= len(self.lines) or self.start + context > last:
            return None
        return (
            self.lines[context]
            .encode("utf-8", "surrogateescape")
            .decode("utf-8", "replace")
            .strip()[:_LONGEST]
        )


def between(repo: Path, base: str, commit: str) -> dict[str, tuple[Hunk, ...]]:
    """What differs from `base` in `commit`, by the path after the change; a deleted file has no lines."""
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    return in_patch(git.output(repo, "diff", *options, f"--unified={_CONTEXT}", base, commit, "--"))


def in_patch(patch: str) -> dict[str, tuple[Hunk, ...]]:
    """What a patch changes, by path. Lines are counted, for a changed line may look like a header."""
    found: dict[str, list[Hunk]] = {}
    old, lines = "", iter(patch.split("\n"))
    for line in lines:
        if line.startswith("--- "):
            old = path_in(line[4:])
        elif line.startswith("+++ "):
            path = path_in(line[4:])
            hunks = found.setdefault(old if path == os.devnull else path, [])
        elif header := _HEADER.match(line):
            before, start, after = header.groups()
            sizes = [1 if size is None else int(size) for size in (before, after)]
            hunks.append(Hunk(int(start), tuple(_after(lines, *sizes))))
    return {path: tuple(hunks) for path, hunks in found.items()}


def _after(lines: Iterator[str], before: int, after: int) -> Iterator[str]:
    """The lines of one hunk that are there after the change."""
    while before or after:
        line = next(lines)
        if line[:1] not in ("+", "-", "\\"):
            before, after = before - 1, after - 1
            yield line[1:]
        elif line[0] == "+":
            after -= 1
            yield line[1:]
        elif line[0] == "-":
            before -= 1


def path_in(text: str) -> str:
    """A path as a patch writes it: quoted as in C if it holds odd letters, and with a tab behind one with blanks."""
    text = text.rstrip("\t")
    if len(text) > 1 and text[0] == text[-1] == '"':
        inner = text.encode("utf-8", "surrogateescape").decode("latin-1")
        text = os.fsdecode(ast.literal_eval("b" + re.sub("[\x80-\xff]", _escaped, inner)))
    return text[2:] if text.startswith(("a/", "b/")) else text


def _escaped(letter: re.Match[str]) -> str:
    return f"\\{ord(letter[0]):03o}"
