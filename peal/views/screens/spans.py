"""Lines of styled text, cut and filled by the cells they take."""

from attrs import evolve
from rich.cells import cell_len, set_cell_size

from peal.classes import frozen


@frozen
class Span:
    """Text in one style, in rich's words; nothing in it is markup."""

    text: str
    style: str = ""
    column: int | None = None
    """Where it begins, counted from 0, however wide the terminal takes what stands before for; None right behind that."""


Row = tuple[Span, ...]


def plain(row: Row) -> str:
    """A row without its styles."""
    return "".join(span.text for span in row)


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells, cut with an ellipsis or filled up."""
    near = text[: 8 * width + 8]
    if cell_len(near) > width > 0:
        near = set_cell_size(near, width - 1).rstrip() + "…"
    return set_cell_size(near, max(width, 0))


def clipped(row: Row, width: int) -> Row:
    """A row that ends where the screen ends, without blanks behind."""
    kept: list[Span] = []
    room = width
    for span in row:
        if room <= 0:
            break
        wide = cell_len(span.text)
        kept.append(span if wide <= room else evolve(span, text=fit(span.text, room)))
        room -= wide
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept and kept[-1].text.endswith(" "):
        kept[-1] = evolve(kept[-1], text=kept[-1].text.rstrip())
    return tuple(kept)


def joined(spans: list[Span], glue: str) -> Row:
    """Spans in one row, with `glue` between them."""
    return tuple(part for span in spans for part in (Span(glue), span))[1:]
