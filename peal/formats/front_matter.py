"""The settings at the top of a file, between `---` and `---`: which there are, and what they say."""

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING

from attrs import evolve, field

from peal.classes import frozen
from peal.formats.document import Document
from peal.formats.source import whole_letters
from peal.formats.ticking import Edit
from peal.model.plan import Problem

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

_KEY = re.compile(r"(?P<quote>['\"]?)(?P<key>[A-Za-z_][\w-]*)(?P=quote)\s*:(?=\s|$)")
_OF_TASKS = {"todos", "depends_on", "dependencies", "conflicts_with", "parent_task_id"}
FIRST = 2
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
    is_in_braces: bool = False
    """Values with names that are written as `{name: value}`."""
    name_begin: int = 0
    """Where the name of a value begins in the text of the front matter."""
    span: tuple[int, int] = (0, 0)
    """Where a value with a name begins and ends there, quotes included; right behind the colon where there is none."""

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
    found = ((line, _KEY.match(text)) for line, text in enumerate(document.front_matter, FIRST))
    return {key["key"]: line for line, key in reversed([(line, key) for line, key in found if key])}


def unclosed(document: Document) -> dict[str, int]:
    """The names in what begins like settings at the top and is none, for it does not end as they have to."""
    if document.front_matter or document.lines[0].rstrip() != "---":
        return {}
    lines = takewhile(str.strip, document.lines[1:])
    return {found["key"]: line for line, text in enumerate(lines, FIRST) if (found := _KEY.match(text))}


def held_in_settings(document: Document) -> Iterator[Problem]:
    """A problem where front matter says that the file is one task, or holds its tasks: it must not be torn into its criteria."""
    there = keys(document)
    telling = _OF_TASKS | ({"status"} if "id" in there else set())
    if found := [(line, key) for key, line in there.items() if key in telling]:
        line, key = min(found)
        why = "this file is one task or holds its tasks in its front matter, so its boxes are none"
        yield Problem(line, f"by `{key}` {why}; take the front matter out if they are")


def read(document: Document) -> Setting:
    """The settings, with the lines of the file that they stand on; Unreadable if they are not to be read."""
    # Only here: few files need it, and it takes longer to load than most plans to read.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        source = _source(document)
        node = YAML(typ="base", pure=True).compose(source)
        return _setting(source, node, set()) if node else Setting(FIRST)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (column {mark.column + 1})" if mark else ""
        told = error.problem or error.context or "it cannot be read"
        line = FIRST + mark.line if mark else FIRST
        raise Unreadable(line, _broken(f"{told}{where}")) from None
    except RecursionError:
        raise Unreadable(FIRST, _broken("it is nested too deep")) from None
    except (YAMLError, ValueError) as error:
        raise Unreadable(FIRST, _broken(str(error).partition("\n")[0])) from None


def said(document: Document, settings: Setting, name: str, word: str) -> list[Edit]:
    """
    What has values with names say this word under that name, in the quotes that stand there.

    A name that is missing is added behind the first one. Nothing where it stands for more than a word.
    """
    source = _source(document)
    if (value := settings.fields.get(name)) is None:
        return _added(source, settings, name, word)
    if value.is_list or value.fields:
        return []
    begin, end = value.span
    quote = source[begin] if source[begin:end].startswith(("'", '"')) else ""
    return [_edit(source, begin, end, f"{quote}{word}{quote}" if begin < end else f" {word}")]


def _added(source: str, settings: Setting, name: str, word: str) -> list[Edit]:
    there = [one.name_begin for one in settings.fields.values()]
    if not there:
        return []
    at = there[:2][-1]
    _, column = _place(source, at)
    between = ", " if settings.is_in_braces else f"\n{' ' * column}"
    return [_edit(source, at, at, f"{name}: {word}{between}")]


def _edit(source: str, begin: int, end: int, text: str) -> Edit:
    (line, column), (last, end_column) = _place(source, begin), _place(source, end)
    return Edit(line, column, end_column, text, last)


def _place(source: str, at: int) -> tuple[int, int]:
    """The line of the file, and the column, of a place in the text of its front matter."""
    return FIRST + source.count("\n", 0, at), at - source.rfind("\n", 0, at) - 1


def _source(document: Document) -> str:
    return "\n".join(document.front_matter)


def _broken(what: str) -> str:
    return f"the front matter is no valid YAML: {what}; put quotes around a text with `: ` or `#` in it, or mend it"


def _setting(source: str, node: "Node", known: set[int]) -> Setting:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    line = FIRST + node.start_mark.line
    if id(node) in known:  # Without this a few lines of aliases would be more than fits in memory.
        raise Unreadable(line, _broken("what begins here is used again (`*name`)"))
    known.add(id(node))
    if isinstance(node, SequenceNode):
        return Setting(line, items=tuple(_setting(source, one, known) for one in node.value), is_list=True)
    if isinstance(node, MappingNode):
        return Setting(line, fields=dict(_fields(source, node, known)), is_in_braces=bool(node.flow_style))
    text = "" if str(node.tag).endswith(":null") else str(node.value).strip()
    return Setting(line, whole_letters(text))


def _fields(source: str, node: "Node", known: set[int]) -> Iterator[tuple[str, Setting]]:
    there: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        if name in there:
            line = FIRST + key.start_mark.line
            raise Unreadable(line, _broken(f"`{name}` is there twice"))
        there.add(name)
        found = _setting(source, value, known)
        yield name, evolve(found, name_begin=key.start_mark.index, span=_span(source, key, value))


def _span(source: str, key: "Node", value: "Node") -> tuple[int, int]:
    """What is written for a value; a block ends with its last letter, and nothing stands right behind the colon."""
    begin = value.start_mark.index
    if told := source[begin : value.end_mark.index].rstrip():
        return begin, begin + len(told)
    end = key.end_mark.index
    behind = source.find(":", end) + 1 or end
    return behind, behind
