"""Lines of styled text, cut and filled by the cells they take."""

from attrs import frozen
from rich.cells import cell_len, set_cell_size


@frozen
class Span:
    """Text in one style, in rich's words; nothing in it is markup."""

    text: str
    style: str = ""


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
    for span in row:
        if (room := width - sum(cell_len(one.text) for one in kept)) <= 0:
            break
        text = span.text if cell_len(span.text) <= room else fit(span.text, room)
        kept.append(Span(text, span.style))
    while kept and not kept[-1].text.strip():
        kept.pop()
    return (*kept[:-1], Span(kept[-1].text.rstrip(), kept[-1].style)) if kept else ()


def joined(spans: list[Span], glue: str) -> Row:
    """Spans in one row, with `glue` between them."""
    return tuple(part for span in spans for part in (Span(glue), span))[1:]
