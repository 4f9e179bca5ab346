"""phase-golem's tables, read as the keys that peal has for the same."""

from collections.abc import Mapping
from typing import Any

from attrs import field, fields

from peal.classes import frozen
from peal.settings.legacy_names import PHASE_GOLEM_NAMES
from peal.settings.schema import BacklogSettings, ItemPhaseSettings, Settings
from peal.settings.validation import Text, joined, structured

Problems = list[tuple[str, str]]
"""Paths, as a person wrote them, and what is wrong there."""


@frozen
class _Agent:
    cli: str = field(default="claude", validator=fields(Settings).agent.validator)
    model: str | None = field(default=None, validator=fields(ItemPhaseSettings).model.validator)


@frozen
class _Project:
    prefix: str = field(default="WRK", validator=fields(BacklogSettings).prefix.validator)


@frozen
class _Tables:
    agent: _Agent = field(factory=_Agent)
    project: _Project = field(factory=_Project)


def translated(tree: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """What a source says with peal's keys in the place of phase-golem's, and everything that is wrong with those."""
    foreign = {name: value for name, value in tree.items() if _is_foreign(name, value)}
    own = {name: value for name, value in tree.items() if name not in foreign}
    problems: Problems = []
    for name, table in foreign.items():
        given = _given(name, table)
        wrong = structured({name: given}, _Tables)[1]
        if not wrong:
            own, wrong = _moved(own, {f"{name}.{key}": value for key, value in given.items()})
        problems += wrong
    if "pipelines" in own:
        own["pipelines"] = _renamed(own["pipelines"], "pipelines", problems)
    return own, problems


def _is_foreign(name: str, value: Any) -> bool:
    return name == "project" or (name == "agent" and isinstance(value, dict))


def _given(name: str, table: Any) -> Any:
    """
    What a table says as phase-golem understands it: a blank model is none, and without `cli` it is claude that works.

    A single key on the command line stands for itself alone.
    """
    if name != "agent" or any(isinstance(value, Text) for value in table.values()):
        return table
    given = {"cli": _Agent().cli, **table}
    model = given.get("model")
    if isinstance(model, str):
        given["model"] = model.strip()
    return {key: value for key, value in given.items() if (key, value) != ("model", "")}


def _moved(own: dict[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """The keys of a table put where peal has them, but for those that say another thing there."""
    problems: Problems = []
    for other, value in given.items():
        first = PHASE_GOLEM_NAMES[other]
        outer, _, last = first.rpartition(".")
        beside = own.get(outer, {}) if outer else own
        if not isinstance(beside, dict):
            continue  # told as no table
        if beside.get(last, value) != value:
            problems.append((other, _SET_TWICE.format(first)))
            continue
        changed = {**beside, last: value}
        own = {**own, outer: changed} if outer else changed
    return own, problems


_SET_TWICE = "is another name for `{}`, which is set differently beside it; take one of them out"


def _renamed(value: Any, path: str, problems: Problems) -> Any:
    """Pipelines with `is_destructive` where a phase says `destructive`."""
    if isinstance(value, list):
        return [_renamed(inner, joined(path, at), problems) for at, inner in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if path.endswith("]") and "destructive" in value:
        return _phase(value, path, problems)
    return {name: _renamed(inner, joined(path, name), problems) for name, inner in value.items()}


def _phase(table: dict[str, Any], path: str, problems: Problems) -> dict[str, Any]:
    rest = {name: value for name, value in table.items() if name != "destructive"}
    is_destructive, wrong = structured(table["destructive"], bool)
    problems += ((joined(path, "destructive"), problem) for _, problem in wrong)
    if not wrong and rest.get("is_destructive", is_destructive) != is_destructive:
        problems.append((joined(path, "destructive"), _SET_TWICE.format("is_destructive")))
    return rest if wrong else {"is_destructive": is_destructive, **rest}
