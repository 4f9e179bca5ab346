"""A file that is JSON: what stands in it, and on which line."""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from attrs import field

from peal.classes import frozen
from peal.formats.document import Document
from peal.formats.source import whole_letters
from peal.model.plan import Problem

# Numbers stay as they are written: `1.10` may be a name, and one of a million digits is none that counts.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_BLANKS = re.compile(r"[ \t\n\r]*")
_BEGIN = re.compile(r"\s*(?:\{\s*(?:[\"}]|$)|\[\s*(?:[{\[\]\"]|$))")
_BROKEN = (json.JSONDecodeError, RecursionError)


@frozen
class JsonText:
    """The text of a file that begins like JSON; numbers in it are the words that they are written as."""

    text: str
    _line_ends: tuple[int, ...] = field(repr=False)

    @classmethod
    def of(cls, document: Document) -> "JsonText | None":
        """The text of a document; None if it does not begin like JSON."""
        first = next((line for line in document.lines if line.strip()), "")
        if not _BEGIN.match(first):
            return None
        text = "\n".join(document.lines)
        return cls(text, tuple(found.start() for found in re.finditer("\n", text)))

    @property
    def begin(self) -> int:
        """Where the outermost value begins."""
        return self._skipped(0)

    def line(self, at: int) -> int:
        """The line of a place, counted from 1."""
        return bisect_left(self._line_ends, at) + 1

    def column(self, at: int) -> int:
        """How many characters of its line stand before a place."""
        return at - self.text.rfind("\n", 0, at) - 1

    def is_list(self, at: int) -> bool:
        """Whether the value that begins there is a list."""
        return self.text.startswith("[", at)

    def problem(self) -> Problem | None:
        """Where it is no JSON; None if all of it is."""
        try:
            _, end = _DECODER.raw_decode(self.text, self.begin)
        except json.JSONDecodeError as error:
            return _broken(error.lineno, error.colno, f"{error.msg[:1].lower()}{error.msg[1:]}")
        except RecursionError:
            return Problem(1, "this JSON is nested too deep to be read; nest it less deep")
        rest = self._skipped(end)
        if rest == len(self.text):
            return None
        return _broken(self.line(rest), self.column(rest) + 1, "the file goes on after its end")

    def members(self, at: int) -> Iterator[tuple[str, int]]:
        """
        The names in the object that begins there, and where their values begin; nothing if it is no object.

        Of one that is broken, those that begin before the break.
        """
        if not self.text.startswith("{", at):
            return
        try:
            at = self._skipped(at + 1)
            while not self.text.startswith("}", at):
                name, at = _DECODER.raw_decode(self.text, at)
                at = self._skipped(self._skipped(at) + 1)
                yield whole_letters(str(name)), at
                at = self._behind(_DECODER.raw_decode(self.text, at)[1])
        except _BROKEN:
            return

    def elements(self, at: int) -> Iterator[tuple[Any, int]]:
        """The values in the list that begins there, and where each begins, down to a break; nothing if it is no list."""
        if not self.is_list(at):
            return
        try:
            at = self._skipped(at + 1)
            while not self.text.startswith("]", at):
                value, end = _DECODER.raw_decode(self.text, at)
                yield value, at
                at = self._behind(end)
        except _BROKEN:
            return

    def value(self, at: int) -> Any:
        """The value that begins there; None where it is broken."""
        try:
            return _DECODER.raw_decode(self.text, at)[0]
        except _BROKEN:
            return None

    def end(self, at: int) -> int:
        """Where the value that begins there ends, in a text that is not broken."""
        return _DECODER.raw_decode(self.text, at)[1]

    def _behind(self, end: int) -> int:
        """Where the next part begins behind one that ends there, or what closes the whole stands."""
        at = self._skipped(end)
        return self._skipped(at + 1) if self.text.startswith(",", at) else at

    def _skipped(self, at: int) -> int:
        found = _BLANKS.match(self.text, at)
        assert found, "nothing is blank too"
        return found.end()


def _broken(line: int, column: int, what: str) -> Problem:
    return Problem(line, f"this is no valid JSON: {what} (column {column}); mend it, or undo what broke it")
