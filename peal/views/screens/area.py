"""The last rows of a terminal, drawn over in place, with lines that stay above them."""

import io
import os
from collections.abc import Iterator, Sequence
from itertools import chain

from attrs import field
from rich.cells import cell_len
from rich.console import Console
from rich.segment import ControlType
from rich.segment import Segment as Piece
from rich.segment import Segments as Pieces
from rich.style import Style

from peal.classes import define
from peal.views.screens import Output
from peal.views.screens.spans import Row, Span, plain

_WRAP_OFF, _WRAP_ON = "\x1b[?7l", "\x1b[?7h"
"""A letter that the terminal takes for wider than rich does must not begin another line."""
_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"


def rows_above(widths: Sequence[int], columns: int) -> int:
    """How many rows lines of these widths take up after the terminal has been made `columns` wide."""
    return sum(max(-(-width // columns), 1) for width in widths)


@define
class Area:
    """The last rows of a terminal: drawn over in place; lines that stay go above."""

    out: Output
    no_color: bool = False
    _console: Console = field(init=False)
    _rows: list[Row] = field(factory=list)
    _said: list[Row] = field(factory=list)
    _drawn: list[int] = field(factory=list)
    """The widths of the rows that are on the screen."""
    _columns: int = 0
    """How wide the terminal was then."""
    is_overwritten: bool = False
    """Somebody else has written below what is drawn: that stays as it is, and what comes is drawn further down."""

    def __attrs_post_init__(self) -> None:
        # Rich styles and `out` writes: what goes wrong while writing must not come up here.
        self._console = Console(file=io.StringIO(), force_terminal=True, no_color=self.no_color or None)

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows that can be drawn on: the last column would wrap, the last row holds the cursor."""
        columns, rows = self._size()
        return max(columns - 1, 1), max(rows - 1, 1)

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self.out.stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        return (columns, rows) if columns and rows else (80, 24)

    def draw(self, rows: list[Row]) -> None:
        """Show these rows instead of those before; not now if the terminal is stopped (Ctrl-S)."""
        self._rows = rows
        if self.out.can_take:
            self._put()

    def say(self, *rows: Row) -> None:
        """Rows that stay, above what is drawn; later with the next drawing if the terminal is stopped."""
        self._said += rows
        if not self._rows or self.out.can_take:
            self._put()

    def clear(self) -> None:
        """Take away what is drawn; what was said stays."""
        self._rows = []
        self._put()

    def _put(self) -> None:
        columns, lines = self._size()
        if self.is_overwritten:
            self.is_overwritten, self._drawn = False, []
        up = min(rows_above(self._drawn, columns), lines - 1)
        # What a terminal wrapped when it was made narrower it joins again later, unless it was erased.
        is_erased = bool(self._said) or not self._rows or columns != self._columns
        said = "".join(f"{line}\n" for line in self._styled(self._said))
        rows = "".join(f"{line}{_ERASE_LINE}\n" for line in self._styled(self._rows))
        drawn = f"{_WRAP_OFF}{rows}{_WRAP_ON}{_ERASE_BELOW}" if rows else ""
        if up or said or drawn:
            self.out.write(f"{_back(up, is_erased)}{said}{drawn}")
        self._drawn, self._columns = [cell_len(plain(row)) for row in self._rows], columns
        self._said = []

    def _styled(self, rows: list[Row]) -> list[str]:
        """The rows with the colours that the terminal has, if any."""
        pieces = [piece for row in rows for piece in (*chain.from_iterable(map(_pieces, row)), Piece("\n"))]
        with self._console.capture() as captured:
            self._console.print(Pieces(pieces), end="", crop=False)
        return captured.get().split("\n")[: len(rows)]


def _back(up: int, is_erased: bool) -> str:
    """To the first of the drawn rows; erased one by one, as tmux keeps a screen that is erased as a whole."""
    if not up:
        return ""
    rise = f"\r\x1b[{up}A"
    return rise + (_ERASE_LINE + "\n") * up + rise if is_erased else rise


def _pieces(span: Span) -> Iterator[Piece]:
    if span.column is not None:
        yield Piece(f"{_ERASE_LINE}\x1b[{span.column + 1}G", control=[(ControlType.CURSOR_MOVE_TO_COLUMN, 0)])
    yield Piece(span.text, Style.parse(span.style) if span.style else None)
