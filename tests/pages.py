"""Web pages read as browsers read them: a tree of elements, every one of them closed."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree.ElementTree import Element, TreeBuilder

_APART = frozenset(("td", "th", "li", "dt", "dd", "p", "div", "summary"))
_VOID = frozenset(("meta", "link", "br", "input", "img", "hr"))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.made = TreeBuilder()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self.made.end(tag)
        else:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made.start(tag, {name: value or "" for name, value in attrs})
        self.made.end(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        self.made.end(tag)

    def handle_data(self, data: str) -> None:
        if self.open:
            self.made.data(data)


def tree_of(page: str) -> Element:
    """The page's root."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open, f"not closed: {reader.open}"
    return reader.made.close()


def of_class(root: Element, name: str) -> list[Element]:
    """The elements of a class, in their order."""
    return [one for one in root.iter() if name in one.get("class", "").split()]


def text_of(element: Element) -> str:
    """All that is read in it, blanks made one."""
    return re.sub(r"\s+", " ", "".join(_texts(element))).strip()


def _texts(element: Element) -> Iterator[str]:
    yield element.text or ""
    for inner in element:
        yield from _texts(inner)
        yield f" {inner.tail or ''}" if inner.tag in _APART else inner.tail or ""


def links_of(root: Element) -> Iterator[str]:
    """Where its links lead."""
    return (one.get("href", "") for one in root.iter("a"))
