"""An item's file: read with every problem, written, and changed so that all other bytes stay as they are."""

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import asdict, fields

from peal.backlog.item import Blocked, Item
from peal.errors import PealError
from peal.model.phase_result import Description
from peal.settings import Text, structured
from peal.text.display import harmless

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

_MARK = "---"
_BROKEN = "put quotes around a text with `: ` or `#` in it, or mend it"
_ID = re.compile(r"[^\W_]+-[\w.-]*\w")
_KEYS = tuple(one.name for one in fields(Item) if not one.metadata.get("internal"))
_WIDE = 10**9
"""Columns: texts are not folded."""
_ALWAYS = ("id", "title", "status")
"""Written also where they are as usual."""


class NoItem(PealError):
    """The file is no item, or has mistakes: a line for each."""


def has_front_matter(raw: bytes) -> bool:
    """Whether a file begins as every item does."""
    return re.match(rb"---\r?\n", raw) is not None


def read(raw: bytes) -> Item:
    """The item in a file; `NoItem` with every problem if it is none."""
    front, text = _parts(_decoded(raw))
    given = {str(key.value): _value(value) for key, value in _nodes(front)}
    known = {key: value for key, value in given.items() if key in _KEYS and value is not None}
    found, wrong = structured(known, Item)
    problems = [f"`{path}` {problem}" for path, problem in wrong] or list(_contradictions(found))
    if problems:
        raise NoItem("\n".join(problems))
    item: Item = found
    return Item(**{**asdict(item, recurse=False), "text": text})


def _contradictions(item: Item) -> Iterator[str]:
    if not _ID.fullmatch(item.id):
        yield f"`id` is `{harmless(item.id)}`; write PREFIX-SUFFIX, such as WRK-001"
    if not item.title.strip() or "\n" in item.title:
        yield "`title` has to be one line of text; write it"
    if (item.status == "blocked") != (item.blocked is not None):
        yield (
            f"`status` is {item.status}, and `blocked` {'says why it waits' if item.blocked else 'does not say why'}; "
            "let them say the same: `peal backlog block` and `unblock` do"
        )


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoItem(f"it is no UTF-8 at byte {error.start}; save it as UTF-8") from None


def _parts(text: str) -> tuple[str, str]:
    """The front matter, and the text below it."""
    begin = re.match(r"---\r?\n", text)
    if begin is None:
        raise NoItem("it has no front matter; begin it with a line `---`")
    end = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE).search(text, begin.end())
    if end is None:
        raise NoItem("its front matter does not end; write a line `---` behind it")
    return text[begin.end() : end.start()], text[end.end() :]


def _nodes(front: str) -> "list[tuple[Node, Node]]":
    """The keys of front matter, each with its value."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import MappingNode

    try:
        node = YAML(typ="base", pure=True).compose(front)
    except (YAMLError, ValueError, RecursionError) as error:
        told = harmless(" ".join(str(error).split()))
        raise NoItem(f"the front matter is no YAML: {told}; {_BROKEN}") from None
    if node is None:
        return []
    if not isinstance(node, MappingNode):
        raise NoItem(f"the front matter has no keys; {_BROKEN}")
    names = [str(key.value) for key, _ in node.value]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise NoItem(f"`{harmless(twice)}` is there twice; keep one of them")
    return list(node.value)


def _value(node: "Node") -> Any:
    """A value with every word as text; None for nothing."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        pairs = ((str(key.value), _value(value)) for key, value in node.value)
        return {key: value for key, value in pairs if value is not None}
    if isinstance(node, SequenceNode):
        return [_value(one) for one in node.value]
    return None if str(node.tag).endswith(":null") else Text(node.value)


def written(item: Item) -> bytes:
    """A new file for an item; what is as usual is left out."""
    usual = Item(item.id, item.title)
    shown = [key for key in _KEYS if key in _ALWAYS or getattr(item, key) != getattr(usual, key)]
    front = "".join(_entry(key, item) for key in shown)
    return f"{_MARK}\n{front}{_MARK}\n{item.text}".encode()


def changed(raw: bytes, item: Item) -> bytes:
    """
    The file with what has become of its item: a key that says another thing is written anew, one that says nothing any more
    goes, a new one comes last. Every other byte stays.

    `NoItem` if the file cannot be read.
    """
    before = read(raw)
    text = _decoded(raw)
    front, body = _parts(text)
    different = [key for key in _KEYS if getattr(item, key) != getattr(before, key)]
    there = {str(key.value): (key, value) for key, value in _nodes(front)}
    usual = Item(item.id, item.title)
    for key in reversed([key for key in there if key in different]):
        begin, end = _span(front, *there[key])
        keeps = key in _ALWAYS or getattr(item, key) != getattr(usual, key)
        front = (
            front[:begin] + (_entry(key, item, _behind(front, *there[key])) if keeps else "") + front[end:]
        )
    added = [key for key in different if key not in there and getattr(item, key) != getattr(usual, key)]
    if added and front and not front.endswith("\n"):
        front += "\n"
    front += "".join(_entry(key, item) for key in added)
    end_of_line = "\r\n" if text.startswith(f"{_MARK}\r\n") else "\n"
    if end_of_line == "\r\n":
        front = re.sub(r"(?<!\r)\n", "\r\n", front)
    head = text[: len(_MARK) + len(end_of_line)]
    middle = text[len(head) :].removesuffix(body)
    closing = middle[len(_parts(text)[0]) :]
    return f"{head}{front}{closing}{item.text}".encode()


def _span(front: str, key: "Node", value: "Node") -> tuple[int, int]:
    """The lines of a key and its value."""
    begin = front.rfind("\n", 0, key.start_mark.index) + 1
    last = max(value.start_mark.index, key.end_mark.index)
    told = front[last : value.end_mark.index].rstrip()
    end = front.find("\n", last + len(told))
    return begin, len(front) if end < 0 else end + 1


def _behind(front: str, key: "Node", value: "Node") -> str:
    """A comment that stands behind a value on its line."""
    line_end = front.find("\n", value.start_mark.index)
    line = front[value.end_mark.index : line_end if line_end >= 0 else len(front)]
    found = re.match(r"[ \t]+#[^\n]*", line)
    return (
        found[0].rstrip("\r")
        if found and "\n" not in front[key.start_mark.index : value.end_mark.index]
        else ""
    )


def _entry(key: str, item: Item, behind: str = "") -> str:
    """A key with its value, as lines of YAML."""
    from ruamel.yaml import YAML

    yaml, out = YAML(pure=True), io.StringIO()
    yaml.allow_unicode, yaml.width = True, _WIDE
    yaml.dump({key: _plain(getattr(item, key))}, out)
    text = out.getvalue()
    return f"{text.rstrip()}{behind}\n" if behind and text.count("\n") == 1 else text


def _plain(value: Any) -> Any:
    """A value as YAML is to show it: a list in one line, a text of several lines as such."""
    from ruamel.yaml.comments import CommentedSeq
    from ruamel.yaml.scalarstring import LiteralScalarString

    if isinstance(value, tuple):
        listed = CommentedSeq(value)
        listed.fa.set_flow_style()
        return listed
    if isinstance(value, Blocked | Description):
        return {name: _plain(one) for name, one in asdict(value).items() if one}
    return LiteralScalarString(value) if isinstance(value, str) and "\n" in value else value
