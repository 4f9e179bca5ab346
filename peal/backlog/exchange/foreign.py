"""Items as another tool has them: what all readers of such items give."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from attrs import field, fields

from peal.backlog.exchange.files import Place, Unfit
from peal.backlog.item import LONGEST_TITLE, Item
from peal.classes import frozen
from peal.settings import structured
from peal.text.display import harmless, unix

T = TypeVar("T")
_SHOWN = 200
_DEEPEST = 12
"""Values inside of values; more could not be read in an item's file."""


@frozen
class Foreign:
    """An item that another tool has."""

    item: Item
    """In our fields, with the ids that it, its dependencies and its origin have there."""
    where: str
    """Its file, and line."""
    digest: str
    """Of all that is known of it there: another one tells that it has changed."""
    rest: Mapping[str, Any] = field(factory=dict)
    """What has no field of ours, under its name there, as JSON has it."""
    keys: Mapping[str, Any] | None = None
    """Of an item that was peal's before: what its file said under keys that peal does not know."""
    files: tuple[tuple[str, bytes], ...] = ()
    """Files that belong to it, by their names."""


@frozen
class Reading:
    """All items that were found, in their order there."""

    source: str
    """What they are called after in `peal backlog import --from`."""
    items: tuple[Foreign, ...] = ()
    problems: tuple[str, ...] = ()
    """Why nothing may be imported: each with file and line, and the way out."""
    notes: tuple[str, ...] = ()
    keeps_ids: bool = True
    """Whether ids that could be ours are kept."""


class Source(Protocol):
    """A tool whose items can be read; a module is one."""

    name: str

    @staticmethod
    def is_at(place: Place) -> bool:
        """Whether this looks like the tool's."""

    @staticmethod
    def read(place: Place) -> Reading:
        """All items that are there, also those that are over."""


def object_in(text: str) -> dict[str, Any]:
    """The JSON object that a text is; `Unfit` if it is none, has a name twice, or is nested deeper than items need."""
    try:
        found = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text else f"column {error.colno}"
        raise Unfit(
            f"it is no valid JSON: {error.msg[:1].lower()}{error.msg[1:]} ({place}); mend it"
        ) from None
    except RecursionError:
        raise Unfit("this JSON is nested too deep to be read; nest it less deep") from None
    except ValueError as error:
        raise Unfit(f"it is no valid JSON: {harmless(str(error))[:_SHOWN]}; mend it") from None
    if not isinstance(found, dict):
        raise Unfit("it is no JSON object; an item begins with `{`")
    if not _is_flat(found):
        raise Unfit("this JSON is nested too deep for an item; nest it less deep")
    return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{twice}` is there twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"`{name}` is no number")


def _is_flat(value: Any, depth: int = 0) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth <= _DEEPEST and all(_is_flat(one, depth + 1) for one in inner)


def taken(record: Mapping[str, Any], kind: type[T]) -> T:
    """The part of a record that an attrs class has fields for; `Unfit` with everything that is wrong with it."""
    names = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    found, wrong = structured({name: record[name] for name in names if name in record}, kind)
    if wrong:
        raise Unfit("\n".join(f"`{harmless(path)}` {harmless(problem)}" for path, problem in wrong))
    made: T = found
    return made


def told_at(where: str, error: Exception) -> Iterator[str]:
    """What is wrong at a place, a line for each problem."""
    return (f"`{where}`: {line}" for line in str(error).splitlines())


def title_of(text: str) -> tuple[str, dict[str, str]]:
    """A title as items have it, one line that is not too long; and, if that says less, what it is there. `Unfit` without words."""
    line = " ".join(harmless(text).split())
    if not line:
        raise Unfit("its title is empty; write some words")
    short = line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1].rstrip()}…"
    return short, {} if short == text.strip() else {"title": text}


def tags_of(words: Iterable[str]) -> tuple[str, ...]:
    """Tags as items have them: one line each, and none twice."""
    return tuple(dict.fromkeys(filter(None, (" ".join(harmless(word).split()) for word in words))))


def body_of(text: str) -> str:
    """What stands in an item's file below the front matter."""
    written = unix(text).strip("\n")
    return f"\n{written}\n" if written.strip() else ""


def digest_of(*parts: bytes) -> str:
    """A short mark of some contents."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
