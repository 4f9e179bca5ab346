"""Values taken for what they are: nothing is converted that is of another kind, and every problem is told at once."""

import difflib
import json
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from attrs import NOTHING, Attribute, has

from peal.settings.legacy_names import OTHER_NAMES, REPLACED
from peal.settings.schema import keys, split


class Text(str):
    """A value as it stands in a variable or on the command line, where everything is text."""

    __slots__ = ()


Problems = list[tuple[str, str]]
"""Paths, and what is wrong there."""


def structured(value: Any, kind: Any) -> tuple[Any, Problems]:
    """The value as this kind, or None and everything that is wrong with it."""
    wrong: Problems = []
    made = _taken(value, kind, "", wrong)
    return None if wrong else made, wrong


def _taken(value: Any, kind: Any, path: str, wrong: Problems) -> Any:
    """The value as this kind; None if there is something wrong with it, which is put into `wrong`."""
    try:
        if kind in _NAMED:
            return _exactly(value, kind)
        if has(kind):
            return _object(value, kind, path, wrong)
        origin = get_origin(kind)
        if origin in _SINGLE:
            return _SINGLE[origin](value, kind)
        return _MADE_OF_OTHERS[origin](value, kind, path, wrong)
    except ValueError as error:
        wrong.append((path, str(error)))
        return None


def joined(path: str, step: str | int) -> str:
    """The dotted path one step further in."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def _no_such_key(path: str, word: str, known: Iterable[str]) -> tuple[str, str]:
    if not path and word in OTHER_NAMES:
        return word, f"is another name for `{OTHER_NAMES[word]}`; use that"
    if not path and word in REPLACED:
        return word, f"is a setting of the Rust peal; here {REPLACED[word]}"
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    meant = f"did you mean `{joined(path, near[0])}`?" if near else "`peal config` lists them all"
    return joined(path, word), f"is no key; {meant}"


_NAMED: dict[Any, str] = {
    bool: "`true` or `false`",
    float: "a number",
    int: "a whole number",
    str: "a text in quotes",
}
MOST = 2**31 - 1
"""Clocks and counters of the system take no more everywhere; in seconds it is 68 years."""


def _exactly(value: Any, kind: Any) -> Any:
    meant = _meant(value, kind) if isinstance(value, Text) else value
    if kind is float and type(meant) is int:
        meant = float(meant)
    if type(meant) is not kind:
        raise _other(value, _NAMED[kind])
    if kind is str and "\0" in meant:
        raise ValueError("holds a NUL, which no program can be given; take it out")
    if kind is str and not _is_unicode(meant):
        raise ValueError("is no UTF-8 text; write it as one")
    if kind is int and meant > MOST:
        raise _other(value, f"at most {MOST}")
    return meant


def _meant(text: Text, kind: Any) -> Any:
    """What a text stands for; the text again if that is nothing of this kind."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _optional(value: Any, kind: Any, path: str, wrong: Problems) -> Any:
    is_none = value is None or (isinstance(value, Text) and value.strip() in ("", "none"))
    return None if is_none else _taken(value, get_args(kind)[0], path, wrong)


def _one_of(value: Any, kind: Any) -> str:
    if value not in get_args(kind):
        raise _other(value, " or ".join(f"`{choice}`" for choice in get_args(kind)))
    return str(value)


def _own_name(name: Any, kind: Any) -> str:
    text: str = _exactly(name, str)
    kind.__metadata__[0](text)
    return text


def _listed(value: Any, kind: Any, path: str, wrong: Problems) -> tuple[Any, ...]:
    """A list; one of texts may be a single line, split as a shell would or as its kind says."""
    inner = get_args(kind)[0]
    divide = split if inner is str else _divider(inner)
    entries = _entries(value, divide) if isinstance(value, str) and divide else value
    if not isinstance(entries, list | tuple):
        raise _other(
            value, "a list of texts" if divide else "a list of tables, which peal.toml alone can hold"
        )
    return tuple(_taken(entry, inner, joined(path, place), wrong) for place, entry in enumerate(entries))


def _divider(inner: Any) -> Callable[[str], list[str]] | None:
    """How the entries of a list are told apart in a text; None for tables."""
    if get_origin(inner) is not Annotated:
        return None
    divide: Callable[[str], list[str]] = inner.__metadata__[1]
    return divide


def _entries(text: str, divide: Callable[[str], list[str]]) -> list[Any]:
    """A list as peal.toml has it, or the parts of a line."""
    if text.lstrip().startswith("["):
        with suppress(tomllib.TOMLDecodeError):
            found: list[Any] = tomllib.loads(f"it = {text}")["it"]
            return found
    return divide(text)


def _table(value: Any, kind: Any, path: str, wrong: Problems) -> dict[str, Any]:
    """A table with names of one's own. Its names are looked at first: a wrong one may be why its value is."""
    names, inner = get_args(kind)
    table = _must_be_table(value)
    for word in table:
        if get_origin(names) is not Literal:
            _taken(word, names, joined(path, word), wrong)
        elif word not in get_args(names):
            wrong.append(_no_such_key(path, word, get_args(names)))
    return {word: _taken(each, inner, joined(path, word), wrong) for word, each in table.items()}


_SINGLE: dict[Any, Callable[[Any, Any], str]] = {Literal: _one_of, Annotated: _own_name}
_MADE_OF_OTHERS: dict[Any, Callable[[Any, Any, str, Problems], Any]] = {
    UnionType: _optional,
    Union: _optional,
    tuple: _listed,
    dict: _table,
}


def _object(value: Any, kind: Any, path: str, wrong: Problems) -> Any:
    """A table with given keys. Validators run key by key: attrs would stop at the first that fails."""
    table = _must_be_table(value)
    found: Problems = []
    made = {}
    for key in keys(kind):
        if key.name in table:
            made[key.name] = _checked_key(table[key.name], key, joined(path, key.name), found)
        elif key.default is NOTHING:
            found.append((joined(path, key.name), "is missing; set it"))
    known = [key.name for key in keys(kind)]
    found += [_no_such_key(path, word, known) for word in sorted(table.keys() - set(known))]
    wrong += found
    return None if found else kind(**made)


def _checked_key(value: Any, key: "Attribute[Any]", path: str, wrong: Problems) -> Any:
    before = len(wrong)
    made = _taken(value, key.type, path, wrong)
    if key.validator and len(wrong) == before:
        try:
            key.validator(None, key, made)
        except ValueError as error:
            wrong.append((path, str(error)))
    return made


def _must_be_table(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise _other(value, "a table; name one of its keys")


def _other(value: Any, wanted: str) -> ValueError:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return ValueError(f"is `{text[:60]}`; it must be {wanted}")
