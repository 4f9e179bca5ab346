"""Which items a person means by `--only KEY=VALUE`; pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import get_args

from peal.backlog.item import Item, Status
from peal.classes import frozen
from peal.errors import PealError
from peal.model.phase_result import Level, Size
from peal.text.display import harmless

_STATUSES = get_args(Status)
_SIZES = get_args(Size)
_LEVELS = get_args(Level)
_ENUMS: Mapping[str, tuple[str, ...]] = {
    "status": _STATUSES,
    "impact": _LEVELS,
    "size": _SIZES,
    "risk": _LEVELS,
    "complexity": _LEVELS,
}
_VALUES: Mapping[str, Callable[[Item], tuple[str | None, ...]]] = {
    "status": lambda item: (item.status,),
    "impact": lambda item: (item.impact,),
    "size": lambda item: (item.size,),
    "risk": lambda item: (item.risk,),
    "complexity": lambda item: (item.complexity,),
    "tag": lambda item: item.tags,
    "pipeline_type": lambda item: (item.pipeline,),
}
"""Every field with what an item has there; nothing that can be written means None or an empty text."""
_OTHER_NAMES = {"pipeline": "pipeline_type"}
"""What the key is called in an item's file."""


@frozen
class Criterion:
    """One `KEY=VALUE`: a field has one of these values."""

    field: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.field}={','.join(self.values)}"

    def matches(self, item: Item) -> bool:
        """Whether an item has one of the values; one that has none there does not."""
        return any(value in self.values for value in _VALUES[self.field](item))


@frozen
class Filter:
    """All of these criteria; without any, every item."""

    criteria: tuple[Criterion, ...] = ()

    def __str__(self) -> str:
        return " AND ".join(map(str, self.criteria))

    def matches(self, item: Item) -> bool:
        """Whether every criterion is met."""
        return all(one.matches(item) for one in self.criteria)


def parse(texts: Sequence[str]) -> Filter:
    """What was meant by the flags; PealError with a line for everything that is wrong."""
    criteria: list[Criterion] = []
    problems: list[str] = []
    for text in texts:
        try:
            criteria.append(_criterion(text))
        except PealError as error:
            problems.append(str(error))
    problems += _clashes(criteria)
    if problems:
        raise PealError("\n".join(problems))
    return Filter(tuple(criteria))


def meant(wanted: Filter, items: Iterable[Item], before: frozenset[str] = frozenset()) -> frozenset[str]:
    """The items to work on: those that match, and those that have matched before in this run, whatever became of them."""
    return before | {item.id for item in items if wanted.matches(item)}


def _criterion(text: str) -> Criterion:
    key, _, value = (part.strip() for part in text.partition("="))
    if not key or not value:
        raise PealError(f"Filter must be in format KEY=VALUE, got: {harmless(text)}")
    name = _OTHER_NAMES.get(key.lower(), key.lower())
    if name not in _VALUES:
        raise PealError(f"Unknown filter field: {harmless(key)}. Supported: {', '.join(_VALUES)}")
    values: list[str] = []
    for token in map(str.strip, value.split(",")):
        if not token:
            raise PealError(
                f"Empty value in comma-separated list for field '{name}'. Each value must be non-empty."
            )
        if (found := _value(name, token)) in values:
            raise PealError(f"Duplicate value '{found}' for field '{name}'")
        values.append(found)
    return Criterion(name, tuple(values))


def _value(name: str, token: str) -> str:
    """A value as items have it: that of a scale in any case and by its first letter, any other to the letter."""
    allowed = _ENUMS.get(name)
    if allowed is None:
        return token
    wanted = token.lower()
    short = {} if name == "status" else {value[0]: value for value in allowed}
    if (found := short.get(wanted, wanted)) in allowed:
        return found
    raise PealError(
        f"Invalid value '{harmless(token)}' for field '{name}'. Valid values: {', '.join(allowed)}"
    )


def _clashes(criteria: Sequence[Criterion]) -> Iterator[str]:
    """Fields that are given twice: only tags may be, for an item can have several."""
    tags = [frozenset(one.values) for one in criteria if one.field == "tag"]
    for at, one in enumerate([one for one in criteria if one.field == "tag"]):
        if tags[at] in tags[:at]:
            yield f"Filter '{one}' is given twice; give it once"
    for name in dict.fromkeys(one.field for one in criteria if one.field != "tag"):
        same = [one for one in criteria if one.field == name]
        if len(same) > 1:
            joined = Criterion(name, tuple(dict.fromkeys(value for one in same for value in one.values)))
            yield f"Field '{name}' is given in separate --only flags; join its values with commas: --only {joined}"
