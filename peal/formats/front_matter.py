"""The settings at the top of a file, between `---` and `---`: which there are, and what they say."""

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING

from attrs import field, frozen

from peal.formats.document import Document
from peal.formats.source import whole_letters
from peal.formats.ticking import Edit
from peal.model.plan import Problem

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

_KEY = re.compile(r"(?P<quote>['\"]?)(?P<key>[A-Za-z_][\w-]*)(?P=quote)\s*:(?=\s|$)")
_FIRST = 2
"""The line of the file that the settings begin on."""


@frozen
class Setting:
    """A value: a word or text, or a list, or values with names."""

    line: int
    text: str = ""
    """Every value that is neither a list nor names, as it is written: `001` and `1.10` stay what they are."""
    items: tuple["Setting", ...] = ()
    fields: Mapping[str, "Setting"] = field(factory=dict)
    is_list: bool = False
    columns: tuple[int, int] | None = None
    """Where on its line a word begins and ends, quotes included."""

    def at(self, key: str) -> "Setting":
        """The value of that name; an empty one if there is none."""
        return self.fields.get(key, Setting(self.line))

    @property
    def words(self) -> tuple[str, ...]:
        """The values of a list that are words, or the one that this is."""
        found = [one.text for one in self.items] if self.is_list else [self.text]
        return tuple(filter(None, found))


class Unreadable(Exception):
    """Settings that are no YAML, or more of it than settings need."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, message)


def keys(document: Document) -> dict[str, int]:
    """The names of the outermost settings with their lines; without reading their values, and of broken ones too."""
    found = ((line, _KEY.match(text)) for line, text in enumerate(document.front_matter, _FIRST))
    return {key["key"]: line for line, key in reversed([(line, key) for line, key in found if key])}


def unclosed(document: Document) -> dict[str, int]:
    """The names in what begins like settings at the top and is none, for it does not end as they have to."""
    if document.front_matter or document.lines[0].rstrip() != "---":
        return {}
    lines = takewhile(str.strip, document.lines[1:])
    return {found["key"]: line for line, text in enumerate(lines, _FIRST) if (found := _KEY.match(text))}


def read(document: Document) -> Setting:
    """The settings, with the lines of the file that they stand on; Unreadable if they are not to be read."""
    # Only here: few files need it, and it takes longer to load than most plans to read.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        node = YAML(typ="base", pure=True).compose("\n".join(document.front_matter))
        return _setting(node, set()) if node else Setting(_FIRST)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (column {mark.column + 1})" if mark else ""
        told = error.problem or error.context or "it cannot be read"
        line = _FIRST + mark.line if mark else _FIRST
        raise Unreadable(line, _broken(f"{told}{where}")) from None
    except RecursionError:
        raise Unreadable(_FIRST, _broken("it is nested too deep")) from None
    except (YAMLError, ValueError) as error:
        raise Unreadable(_FIRST, _broken(str(error).partition("\n")[0])) from None


def said(document: Document, setting: Setting, word: str) -> list[Edit]:
    """What has a setting say this word, in the quotes it stands in; nothing where it is no word on one line."""
    begin, end = setting.columns or (0, 0)
    line = next(iter(document.front_matter[setting.line - _FIRST :]), "")
    told = line[begin:end]
    quote = told[0] if told.startswith(("'", '"')) else ""
    is_there = told != "" and told == f"{quote}{setting.text}{quote}"
    return [Edit(setting.line, begin, end, f"{quote}{word}{quote}")] if is_there else []


def _broken(what: str) -> str:
    return f"the front matter is no valid YAML: {what}; put quotes around a text with `: ` or `#` in it, or mend it"


def _setting(node: "Node", known: set[int]) -> Setting:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    line = _FIRST + node.start_mark.line
    if id(node) in known:  # Without this a few lines of aliases would be more than fits in memory.
        raise Unreadable(line, _broken("what begins here is used again (`*name`)"))
    known.add(id(node))
    if isinstance(node, SequenceNode):
        return Setting(line, items=tuple(_setting(one, known) for one in node.value), is_list=True)
    if isinstance(node, MappingNode):
        return Setting(line, fields=dict(_fields(node, known)))
    text = "" if str(node.tag).endswith(":null") else str(node.value).strip()
    begin, end = node.start_mark, node.end_mark
    columns = (begin.column, end.column) if begin.line == end.line else None
    return Setting(line, whole_letters(text), columns=columns)


def _fields(node: "Node", known: set[int]) -> Iterator[tuple[str, Setting]]:
    there: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        if name in there:
            line = _FIRST + key.start_mark.line
            raise Unreadable(line, _broken(f"`{name}` is there twice"))
        there.add(name)
        yield name, _setting(value, known)
