"""An item's file: read with every problem, written, and changed so that all other bytes stay as they are."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, fields

from peal.backlog.item import Blocked, Item
from peal.classes import frozen
from peal.errors import PealError
from peal.model.phase_result import Description
from peal.settings import Text, structured
from peal.text.display import harmless, is_utf16

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

_MARK = "---"
_BEGIN = re.compile(r"\ufeff?---[ \t]*\r?\n")
_END = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_BROKEN = "put quotes around a text with `: ` or `#` in it, or mend it"
_MOVE = "write its front matter plainly, each key on a line of its own, without `&` and `*`"
_ID = re.compile(r"[^\W_][\w-]*-[\w.-]*\w")
_KEYS = tuple(one.name for one in fields(Item) if not one.metadata.get("internal"))
_LISTS = ("tags", "depends")
"""Their values may also stand in one line, with commas between them."""
_WIDE = 10**9
"""Columns: texts are not folded."""
_ALWAYS = ("id", "title", "status")
"""Written also where they are as usual."""
_FIRST = 2
"""The line that front matter begins on."""
_DEEPEST = 20
"""Values inside of values; more is a riddle."""
_FRONTS = 64
"""Front matters that are kept as parsed: a change reads the same ones several times, and parsing costs more than all else."""


class NoItem(PealError):
    """The file is no item, or has mistakes: a line for each."""


def has_front_matter(raw: bytes) -> bool:
    """Whether a file begins as every item does; also one in UTF-16, of which `read` tells that."""
    begin = raw.replace(b"\0", b"") if is_utf16(raw) else raw
    return re.match(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?---[ \t]*\r?\n", begin) is not None


def is_id(text: str) -> bool:
    """Whether a text can be an item's id: PREFIX-SUFFIX."""
    return _ID.fullmatch(text) is not None


def read(raw: bytes) -> Item:
    """The item in a file; `NoItem` with every problem if it is none."""
    parts = _Parts.of(_decoded(raw))
    nodes = {str(key.value): value for key, value in _nodes(parts.front)}
    given = {key: _value(nodes[key]) for key in _KEYS if key in nodes}
    known = {key: _listed(key, value) for key, value in given.items() if value is not None}
    found, wrong = structured(known, Item)
    problems = [f"`{path}` {problem}" for path, problem in wrong] or list(_contradictions(found))
    if problems:
        raise NoItem("\n".join(problems))
    item: Item = found
    return evolve(item, text=parts.body)


@frozen
class Entry:
    """What front matter says under a key."""

    line: int
    value: Any
    """As JSON has it."""


def entries(raw: bytes) -> dict[str, Entry]:
    """All that the front matter of a file says, be it an item's or not; `NoItem` if it has none that can be read."""
    nodes = _nodes(_Parts.of(_decoded(raw)).front)
    return {str(key.value): Entry(key.start_mark.line + _FIRST, _typed(value)) for key, value in nodes}


def other_keys(raw: bytes) -> dict[str, Any]:
    """What an item's file says under keys that peal does not know."""
    return {key: entry.value for key, entry in entries(raw).items() if key not in _KEYS}


def text_of(raw: bytes) -> str:
    """What stands below the front matter of a file that is an item's."""
    return _Parts.of(_decoded(raw)).body


def _listed(key: str, value: Any) -> Any:
    return re.findall(r"[^,\s]+", value) if key in _LISTS and isinstance(value, str) else value


def _contradictions(item: Item) -> Iterator[str]:
    if not is_id(item.id):
        yield f"`id` is `{harmless(item.id)}`; write PREFIX-SUFFIX, such as WRK-001"
    if not harmless(item.title).strip() or "\n" in item.title:
        yield "`title` has to be one line of text; write it"
    if (item.status == "blocked") != (item.blocked is not None):
        yield (
            f"`status` is {item.status}, and `blocked` {'says why it waits' if item.blocked else 'does not say why'}; "
            "let them say the same: `peal backlog block` and `unblock` do"
        )


def _decoded(raw: bytes) -> str:
    if is_utf16(raw):
        raise NoItem("it is UTF-16; save it as UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoItem(f"it is no UTF-8 at byte {error.start}; save it as UTF-8") from None


@frozen
class _Parts:
    """The text of a file: its front matter between two lines, and what stands below. Together they are the file."""

    begin: str
    front: str
    end: str
    body: str

    @classmethod
    def of(cls, text: str) -> "_Parts":
        begin = _BEGIN.match(text)
        if begin is None:
            raise NoItem("it has no front matter; begin it with a line `---`")
        end = _END.search(text, begin.end())
        if end is None:
            raise NoItem("its front matter does not end; write a line `---` behind it")
        return cls(begin[0], text[begin.end() : end.start()], end[0], text[end.end() :])

    @property
    def line_end(self) -> str:
        return "\r\n" if self.begin.endswith("\r\n") else "\n"

    @property
    def raw(self) -> bytes:
        """The end of the front matter is a line of its own also where nothing stood below it before."""
        end = self.end if self.end.endswith("\n") or not self.body else self.end + self.line_end
        return f"{self.begin}{self.front}{end}{self.body}".encode()


@lru_cache(maxsize=_FRONTS)
def _nodes(front: str) -> "tuple[tuple[Node, Node], ...]":
    """The keys of front matter, each with its value; nobody changes them."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import MappingNode, ScalarNode

    try:
        node = YAML(typ="base", pure=True).compose(front)
    except (YAMLError, ValueError, RecursionError) as error:
        raise NoItem(f"the front matter is no YAML: {_told(error)}; {_BROKEN}") from None
    if node is None:
        return ()
    if not isinstance(node, MappingNode) or node.flow_style:
        raise NoItem(f"the front matter has no keys, each on a line of its own; {_BROKEN}")
    if any(not isinstance(key, ScalarNode) for key, _ in node.value):
        raise NoItem(f"the front matter has a key that is no word; {_BROKEN}")
    names = [str(key.value) for key, _ in node.value]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise NoItem(f"`{harmless(twice)}` is there twice; keep one of them")
    return tuple(node.value)


def _told(error: Exception) -> str:
    """What is wrong, with its line in the file: the front matter begins on the second."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    told = harmless(problem or " ".join(str(error).split()))
    return f"line {mark.line + _FIRST}: {told}" if mark else told


def _value(node: "Node", depth: int = 0) -> Any:
    """A value with every word as text; None for nothing."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    _check_plain(node, depth)
    if isinstance(node, MappingNode):
        pairs = ((str(key.value), _value(value, depth + 1)) for key, value in node.value)
        return {key: value for key, value in pairs if value is not None}
    if isinstance(node, SequenceNode):
        return [_value(one, depth + 1) for one in node.value]
    return None if str(node.tag).endswith(":null") else Text(node.value)


def _typed(node: "Node", depth: int = 0) -> Any:
    """A value as JSON has it; numbers that are written in another way than it writes them are texts."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    _check_plain(node, depth)
    if isinstance(node, MappingNode):
        return {str(key.value): _typed(value, depth + 1) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [_typed(one, depth + 1) for one in node.value]
    text, kind = str(node.value), str(node.tag).rpartition(":")[2]
    if kind == "null":
        return None
    if kind in ("int", "float", "bool"):
        with suppress(ValueError):
            if json.dumps(found := json.loads(text)) == text:
                return found
    return text


def _check_plain(node: "Node", depth: int) -> None:
    """`NoItem` for a value that could be more than fits in memory."""
    if depth > _DEEPEST or (depth and node.anchor and not isinstance(node.value, str)):
        raise NoItem("a value is made of names for other values (`&`, `*`); write it out")


def written(item: Item, others: Mapping[str, Any] = {}) -> bytes:
    """
    A new file for an item; what is as usual is left out. `others` are keys that peal does not know, with values as in JSON.

    `NoItem` if it is none that could be read again.
    """
    usual = Item(item.id, item.title)
    shown = [key for key in _KEYS if key in _ALWAYS or getattr(item, key) != getattr(usual, key)]
    front = _front({**{key: getattr(item, key) for key in shown}, **others})
    raw = _verified(_Parts(f"{_MARK}\n", front, f"{_MARK}\n", item.text).raw, item)
    if others and other_keys(raw) != others:
        raise _not_to_be_written(item)
    return raw


def changed(raw: bytes, item: Item) -> bytes:
    """
    The file with what has become of its item: a key that says another thing is written anew, one that says nothing any more
    goes, a new one comes last. Every other byte stays.

    `NoItem` if the file cannot be read, or is written in a way that cannot be changed so.
    """
    before = read(raw)
    parts = _Parts.of(_decoded(raw))
    different = [key for key in _KEYS if getattr(item, key) != getattr(before, key)]
    usual = Item(item.id, item.title)
    kept = {key for key in different if key in _ALWAYS or getattr(item, key) != getattr(usual, key)}
    front = parts.front
    there = {str(key.value): (key, value) for key, value in _nodes(front)}
    for name in reversed([name for name in there if name in different]):
        begin, end = _span(front, *there[name])
        entry = _entry(name, getattr(item, name), _behind(front, *there[name])) if name in kept else ""
        front = front[:begin] + entry.replace("\n", parts.line_end) + front[end:]
    added = "".join(_entry(key, getattr(item, key)) for key in different if key in kept and key not in there)
    front += added.replace("\n", parts.line_end)
    return _verified(evolve(parts, front=front, body=item.text).raw, item, raw)


def _verified(raw: bytes, item: Item, before: bytes | None = None) -> bytes:
    """The file, if it says what it is to say, and nothing else about keys that peal does not know."""
    try:
        is_right = read(raw) == item and (before is None or _unknown(raw) == _unknown(before))
    except NoItem:
        is_right = False
    if not is_right:
        raise _not_to_be_written(item)
    return raw


def _not_to_be_written(item: Item) -> NoItem:
    return NoItem(f"what `{harmless(item.id)}` becomes cannot be written so that it is read again; {_MOVE}")


def _unknown(raw: bytes) -> dict[str, str]:
    """What keys say that peal does not know."""
    parts = _Parts.of(_decoded(raw))
    nodes = [(str(key.value), value) for key, value in _nodes(parts.front)]
    return {
        key: parts.front[value.start_mark.index : value.end_mark.index].rstrip().replace("\r\n", "\n")
        for key, value in nodes
        if key not in _KEYS
    }


def _span(front: str, key: "Node", value: "Node") -> tuple[int, int]:
    """The lines of a key and its value, without what stands between that and the next key."""
    begin = front.rfind("\n", 0, key.start_mark.index) + 1
    end = front.find("\n", _end(front, value, key.end_mark.index))
    return begin, len(front) if end < 0 else end + 1


def _end(front: str, node: "Node", before: int) -> int:
    """Where a value ends; a parser says of many that they end where the next one begins. Nothing ends where it is told."""
    from ruamel.yaml.nodes import CollectionNode, MappingNode

    begin, end = int(node.start_mark.index), int(node.end_mark.index)
    if isinstance(node, CollectionNode) and not node.flow_style:
        is_mapping = isinstance(node, MappingNode)
        for part in (one for pair in node.value for one in pair) if is_mapping else node.value:
            before = _end(front, part, before)
        return before
    if begin < end and front[begin] in "|>":
        return begin + len(_text_in_lines(front[begin:]).rstrip())
    return end if begin < end else before


def _text_in_lines(front: str) -> str:
    """The `|` or `>` that front matter begins with, and the lines that are as far in as the first, or blank."""
    head, *lines = re.split(r"(?<=\n)", front)
    first = next((line for line in lines if line.strip()), "")
    indent = 1 if re.match(r"\S*\d", head) else max(len(first) - len(first.lstrip(" ")), 1)
    inside = takewhile(lambda line: line.startswith(" " * indent) or not line.strip(), lines)
    return head + "".join(inside)


def _behind(front: str, key: "Node", value: "Node") -> str:
    """A comment that stands behind a value on its line."""
    line_end = front.find("\n", value.start_mark.index)
    line = front[value.end_mark.index : line_end if line_end >= 0 else len(front)]
    found = re.match(r"[ \t]+#[^\n]*", line)
    is_one_line = "\n" not in front[key.start_mark.index : value.end_mark.index]
    return found[0].rstrip("\r") if found and is_one_line else ""


def _entry(key: str, value: Any, behind: str = "") -> str:
    """A key with its value, as lines of YAML."""
    text = _front({key: value})
    return f"{text.rstrip()}{behind}\n" if behind and text.count("\n") == 1 else text


def _front(values: Mapping[str, Any]) -> str:
    """Keys with their values, as lines of YAML."""
    from ruamel.yaml import YAML

    yaml, out = YAML(pure=True), io.StringIO()
    yaml.allow_unicode, yaml.width = True, _WIDE
    yaml.dump({key: _plain(value) for key, value in values.items()}, out)
    return out.getvalue()


def _plain(value: Any) -> Any:
    """A value as YAML is to show it: a list in one line, a text of several lines as such."""
    from ruamel.yaml.comments import CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        listed = CommentedSeq([_plain(one) for one in value])
        listed.fa.set_flow_style()
        return listed
    if isinstance(value, Blocked | Description):
        usual = {one.name: one.default for one in fields(type(value))}
        return {name: _plain(one) for name, one in asdict(value).items() if one != usual[name]}
    if not isinstance(value, str):
        return value
    if "\n" in value and _is_readable(value):
        return LiteralScalarString(value)
    return value if value.isprintable() else DoubleQuotedScalarString(value)


def _is_readable(text: str) -> bool:
    """Whether lines can stand in the file as they are; not where blank ones end it."""
    lines = text.split("\n")
    is_plain = all(line.isprintable() and line == line.strip() for line in lines)
    return is_plain and bool(lines[0]) and not text.endswith("\n\n")
