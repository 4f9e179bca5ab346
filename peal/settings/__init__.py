"""Flags > `PEAL_*` > `peal.toml` > defaults, merged once into one frozen value that knows where each part came from."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from attrs import evolve

from peal.classes import frozen
from peal.errors import PealError
from peal.settings.legacy_names import (
    OTHER_NAMES,
    PHASE_GOLEM_NAMES,
    REPLACED,
    REPLACED_FLAGS,
    REPLACED_VARIABLES,
)
from peal.settings.schema import (
    CLIS,
    COMMIT_MESSAGE,
    GIVEN_TO_AGENTS,
    PROFILES,
    AgentSettings,
    BacklogSettings,
    ExecutionSettings,
    GuardrailSettings,
    ItemPhaseSettings,
    MachineSettings,
    NotifySettings,
    PhaseSettings,
    PipelineSettings,
    PriceSettings,
    ReviewerSettings,
    Settings,
    StetPatternSettings,
    default,
    flag_of,
    keys,
    scalars,
)
from peal.settings.validation import Text, joined, structured
from peal.text.display import decoded, harmless

__all__ = [
    "CLIS",
    "COMMIT_MESSAGE",
    "ENV_PREFIX",
    "FILE",
    "GIVEN_TO_AGENTS",
    "NO_KEYS",
    "OTHER_NAMES",
    "PHASE_GOLEM_NAMES",
    "PROFILES",
    "REPLACED_FLAGS",
    "AgentSettings",
    "BacklogSettings",
    "ExecutionSettings",
    "GuardrailSettings",
    "ItemPhaseSettings",
    "MachineSettings",
    "NotifySettings",
    "PhaseSettings",
    "PipelineSettings",
    "PriceSettings",
    "Readable",
    "ReviewerSettings",
    "Settings",
    "StetPatternSettings",
    "Text",
    "checked",
    "default",
    "flag_of",
    "keys",
    "load",
    "parsed",
    "put",
    "readable",
    "scalars",
    "structured",
    "under_first_names",
]

FILE = "peal.toml"
ENV_PREFIX = "PEAL_"
NO_KEYS = (
    *("task", "from_task", "format_name", "sets", "config"),
    *("target", "only", "cap", "triage"),
)
"""What a run, of a plan or of a backlog, is told by flags and is no key."""


@frozen
class _Layer:
    """What one source says, and what is wrong with it."""

    source: str
    tree: dict[str, Any]
    problems: tuple[str, ...] = ()
    is_readable: bool = True
    """Whether anything is known of what it says."""
    tells_who: bool = True
    """Whether its word on who works is in `tree`."""

    @property
    def implied(self) -> dict[str, tuple[bool, str]]:
        """
        Keys that follow from others of this source, each with its value and what it follows from.

        `max_parallel` set without `parallel` beside it turns it on; 0 or 1 turns it off even then. A length of plans
        that is asked for is looked at.
        """
        found: dict[str, tuple[bool, str]] = {}
        most = structured(self.tree.get("max_parallel"), int)[0]
        if most is not None and (most <= 1 or "parallel" not in self.tree):
            found["parallel"] = most > 1, "max_parallel"
        if structured(self.tree.get("min_plan_text_len"), int)[0] and "validate_plan_text" not in self.tree:
            found["validate_plan_text"] = True, "min_plan_text_len"
        return found


@frozen
class Readable:
    """Settings as far as they can be read, and everything that is wrong with them."""

    settings: Settings
    """What cannot be read is as by default, a table as a whole."""
    problems: tuple[str, ...] = ()
    """Each with its place."""
    tells_who: bool = True
    """Whether what they say of agents and reviewers can be believed."""


def load(
    repo: Path, flags: Mapping[str, Any], sets: Sequence[str] = (), config: Path | None = None
) -> Settings:
    """
    The settings in force: `flags` are the keys given on the command line, `sets` are `KEY=VALUE` from `--set`.

    Every problem of every source is in one `PealError`, each with its place.
    """
    found = readable(repo, flags, sets, config)
    if found.problems:
        raise PealError("\n".join(found.problems))
    return found.settings


def readable(
    repo: Path, flags: Mapping[str, Any], sets: Sequence[str] = (), config: Path | None = None
) -> Readable:
    """The same, with what is wrong told and not raised."""
    layers = (_from_file(repo, config), _from_env(os.environ), _from_command_line(flags, sets))
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        implied = layer.implied
        tree = _over(tree, {**layer.tree, **{name: value for name, (value, _) in implied.items()}})
        origins |= dict.fromkeys(_paths(layer.tree), layer.source)
        origins |= {name: f"{cause}, {layer.source}" for name, (_, cause) in implied.items()}
    chosen = structured(tree.get("profile"), str)[0]
    for name, value in PROFILES.get(chosen, {}).items():
        if name not in origins:
            tree[name], origins[name] = value, f"profile, {origins['profile']}"
    problems = tuple(_problems(layers, tree))
    wrong = _wrong_words(layers, tree) if problems else frozenset()
    settings = structured({name: tree[name] for name in tree.keys() - wrong}, Settings)[0]
    is_told = all(layer.is_readable and layer.tells_who for layer in layers) and wrong.isdisjoint(_WHO)
    return Readable(evolve(settings, origins=origins), problems, is_told)


_WHO = ("agent", "agent_cmd", "agents", "phases", "reviewers", "stet", "stet_commands", "stet_path")
"""The keys that say who works and who looks, also by names that are gone."""


def _wrong_words(layers: Sequence[_Layer], tree: dict[str, Any]) -> frozenset[str]:
    """The keys of the outermost table that cannot be taken."""
    paths = [path for path, _ in structured(tree, Settings)[1]]
    words = {
        name
        for name in tree
        if any(path == name or path.startswith((f"{name}.", f"{name}[")) for path in paths)
    }
    words |= {"agents"} if any(_agent_gaps(name, table) for name, table in _agents(tree).items()) else set()
    machines = _tables(tree, "machines").items()
    words |= (
        {"machines"} if any(gap for name, table in machines for gap in _machine_gaps(name, table)) else set()
    )
    words |= {"pipelines"} if any(_pipeline_gaps(tree)) else set()
    words |= {"reviewers"} if any(gap for layer in layers for gap in _reviewer_gaps(layer.tree)) else set()
    return frozenset(words)


def checked(text: str, source: str = FILE) -> tuple[dict[str, Any], list[str]]:
    """The tables in the text of a settings file, and everything that is wrong with it taken by itself."""
    layer = _from_text(text, source)
    return layer.tree, _problems([layer], layer.tree)


def put(values: dict[str, Any], name: str, text: str) -> None:
    """Set the key at a dotted path in a tree of tables from its text; ValueError for no such key or no such value."""
    if name in PHASE_GOLEM_NAMES:
        raise ValueError(f"`{name}` is another name for `{PHASE_GOLEM_NAMES[name]}`; use that")
    settings, wrong = structured(_nested(name, Text(text)), Settings)
    for path, problem in wrong:
        raise ValueError(f"`{path}` {problem}")
    value = reduce(_inside, name.split("."), settings)
    values.update(_over(values, _nested(name, value)))


def _inside(table: Any, word: str) -> Any:
    return table[word] if isinstance(table, dict) else getattr(table, word)


def parsed(kind: Any, text: str) -> Any:
    """A value from its text in a variable or on the command line; ValueError says what would be one."""
    value, wrong = structured(Text(text), kind)
    for _, problem in wrong:
        raise ValueError(problem)
    return value


def _from_file(repo: Path, config: Path | None) -> _Layer:
    path, source = config or repo / FILE, str(config or FILE)
    if config is None and not os.path.lexists(path):
        return _Layer(source, {})
    try:
        return _from_text(decoded(path.read_bytes()), source)
    except (OSError, ValueError) as error:
        reason = f"{error.strerror}; mend it or take it away" if isinstance(error, OSError) else error
        told = f"{source}: cannot be read: {reason}"
        return _Layer(source, {}, (told,), is_readable=False)


def _from_text(text: str, source: str) -> _Layer:
    import tomllib

    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        way = _TWO_AGENTS if _has_two_agents(text) else "mend it there"
        return _Layer(source, {}, (f"{source}: is no TOML: {error}; {way}",), is_readable=False)
    return _layer(source, tree, lambda path: f"{source}: `{path}`")


_TWO_AGENTS = "`agent` is a key and a table `[agent]` too: take one of them out"


def _has_two_agents(text: str) -> bool:
    """Whether a file has peal's key and phase-golem's table, which no TOML can."""
    return all(
        re.search(pattern, text, re.MULTILINE) for pattern in (r"^\s*agent\s*=", r"^\s*\[\s*agent\s*\]")
    )


def _from_env(variables: Mapping[str, str]) -> _Layer:
    known = [*(key.name for key in scalars()), *OTHER_NAMES, *REPLACED]
    texts = {name: variables.get(ENV_PREFIX + name.upper()) for name in known}
    tree = {name: Text(text) for name, text in texts.items() if text}
    found = _layer("environment", tree, lambda path: f"`{ENV_PREFIX}{path.upper()}`")
    gone = {ENV_PREFIX + name.upper(): instead for name, instead in REPLACED_VARIABLES.items()}
    told = (
        f"`{name}` is a variable of the Rust peal; here {gone[name]}" for name in gone if variables.get(name)
    )
    return evolve(found, problems=(*found.problems, *told))


def _from_command_line(flags: Mapping[str, Any], sets: Sequence[str]) -> _Layer:
    splits = [text.partition("=") for text in sets]
    trees = [_nested(name.strip(), Text(text)) for name, equals, text in splits if equals]
    tree = reduce(_over, trees) if trees else {}
    given = {name: value for name, value in flags.items() if value is not None}
    by_set = _layer("command line", tree, lambda path: f"--set `{path}`")
    by_flag = _layer("command line", given, _flag)
    problems = (
        *(f"--set `{name}` has no `=`; write --set KEY=VALUE" for name, equals, _ in splits if not equals),
        *by_set.problems,
        *by_flag.problems,
    )
    return _Layer("command line", _over(by_set.tree, by_flag.tree), problems, tells_who=by_set.tells_who)


def _flag(path: str) -> str:
    flags = {key.name: flag_of(key) for key in scalars()}
    return f"`--{flags.get(path, path.replace('_', '-'))}`"


def _layer(source: str, tree: dict[str, Any], called: Callable[[str], str]) -> _Layer:
    """What a source says, each key under its first name; `called` tells what a person calls a path there."""
    tree, foreign = _translated(tree)
    others = {other: first for other, first in OTHER_NAMES.items() if other in tree}
    wrong = {other: list(_wrong_under(other, first, tree)) for other, first in others.items()}
    named = under_first_names({name: value for name, value in tree.items() if not wrong.get(name)})
    rest = {name: value for name, value in named.items() if name not in others}
    foreign += [(other, problem) for other, problems in wrong.items() for problem in problems]
    told = [f"{called(path)} {problem}" for path, problem in foreign]
    tells_who = not any(path.startswith("agent.") for path, _ in foreign)
    return _Layer(source, rest, (*told, *_wrong(rest, called)), tells_who=tells_who)


def _translated(tree: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The same with phase-golem's tables under peal's names, and what is wrong with them."""
    if isinstance(tree.get("agent"), dict) or not tree.keys().isdisjoint(("project", "pipelines")):
        from peal.settings.phase_golem import translated

        return translated(tree)
    return tree, []


def _wrong_under(other: str, first: str, tree: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a key under its other name."""
    meant, wrong = structured({first: tree[other]}, Settings)
    yield from (problem for _, problem in wrong)
    beside = structured({first: tree[first]}, Settings)[0] if first in tree and not wrong else meant
    if beside is not None and meant is not None and getattr(beside, first) != getattr(meant, first):
        yield f"is another name for `{first}`, which is set differently beside it; take one of them out"


def under_first_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with each key under its first name, where it is not given under that too."""
    moved = {other: first for other, first in OTHER_NAMES.items() if other in values and first not in values}
    return {moved.get(name, name): value for name, value in values.items()}


def _nested(name: str, value: Any) -> dict[str, Any]:
    """The tree of tables with this one value at a dotted path."""
    tree: dict[str, Any] = reduce(lambda inner, word: {word: inner}, reversed(name.split(".")), value)
    return tree


def _over(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """A tree of tables laid over another: tables are merged key by key, lists and values replaced."""
    tables = [name for name in low.keys() & high.keys() if isinstance(low[name], dict)]
    both = {name: _over(low[name], high[name]) for name in tables if isinstance(high[name], dict)}
    return {**low, **high, **both}


def _paths(table: dict[str, Any], path: str = "") -> Iterator[str]:
    for word, value in table.items():
        here = joined(path, word)
        yield from _paths(value, here) if isinstance(value, dict) else [here]


def _problems(layers: Sequence[_Layer], tree: dict[str, Any]) -> list[str]:
    found = [problem for layer in layers for problem in layer.problems]
    for name, table in _agents(tree).items():
        sources = " and ".join(layer.source for layer in layers if name in _agents(layer.tree))
        found += [f"{sources}: `agents.{name}` {gap}" for gap in _agent_gaps(name, table)]
    for name, table in _tables(tree, "machines").items():
        sources = " and ".join(layer.source for layer in layers if name in _tables(layer.tree, "machines"))
        found += [f"{sources}: `machines.{name}` {gap}" for gap in _machine_gaps(name, table)]
    for path, gap in _pipeline_gaps(tree):
        sources = " and ".join(layer.source for layer in layers if "pipelines" in layer.tree)
        found.append(f"{sources}: `{path}` {gap}")
    for layer in layers:
        found += [f"{layer.source}: `reviewers[{at}]` {gap}" for at, gap in _reviewer_gaps(layer.tree)]
    return [harmless(problem) for problem in found]


def _pipeline_gaps(tree: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What pipelines lack whose keys are right."""
    if "pipelines" in tree:
        from peal.settings.pipelines import gaps

        yield from gaps(tree)


def _reviewer_gaps(tree: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Reviewers that are neither a command nor an agent, or both."""
    tables = tree.get("reviewers")
    for at, table in enumerate(tables if isinstance(tables, list) else []):
        if isinstance(table, dict) and ("command" in table) == ("agent" in table):
            yield at, "needs either a `command` or an `agent`; give it one of them"


def _agents(tree: dict[str, Any]) -> dict[str, Any]:
    return _tables(tree, "agents")


def _tables(tree: dict[str, Any], key: str) -> dict[str, Any]:
    tables = tree.get(key)
    return tables if isinstance(tables, dict) else {}


def _machine_gaps(name: str, table: Any) -> Iterator[str]:
    """Machines with no way to them, or with two."""
    if not isinstance(table, dict):
        return
    ways = [key for key in ("command", "url") if table.get(key)] + ["its name"] * ("://" in name)
    if not ways:
        yield "has neither `command` nor `url`; set one of them"
    elif len(ways) > 1:
        yield f"has `{ways[0]}`, and {'its name' if '://' in name else '`url`'} is a way there too; take one of them out"
    elif ways == ["command"] and (own := [key for key in ("ca", "cert", "key") if key in table]):
        yield f"has `{own[0]}`, which goes with `url` and not with `command`; take it out"


def _agent_gaps(name: str, table: Any) -> list[str]:
    return list(_misplaced(table) if name in CLIS else _gaps(table))


def _misplaced(table: Any) -> Iterator[str]:
    """What a built-in CLI cannot be told."""
    own = [
        key for key in ("command", "plan", "execute", "address", "prompt", "reply") if key in (table or {})
    ]
    if own:
        yield f"is a built-in CLI, whose `{own[0]}` peal knows; call an agent of your own otherwise"


def _gaps(table: Any) -> Iterator[str]:
    """What an agent lacks whose keys are right: known at the end, as one source may complete what another began."""
    agent: AgentSettings = structured(table, AgentSettings)[0] or AgentSettings(command=("unknown",))
    needed = {"file": "{prompt_file}", "argument": "{prompt}", "stdin": ""}[agent.prompt]
    for phase in ("plan", "execute", "address"):
        command = getattr(agent, phase) or agent.command
        if not command:
            yield f"has no command for `{phase}`; set `command` or `{phase}`"
        elif not any(needed in word for word in command):
            yield f'has prompt = "{agent.prompt}" but no {needed} in its command for `{phase}`; put it there'


def _wrong(tree: dict[str, Any], called: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(f"{called(path)} {problem}" for path, problem in structured(tree, Settings)[1])
