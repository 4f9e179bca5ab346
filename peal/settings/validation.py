"""Values taken for what they are: nothing is converted that is of another kind, and every problem is told at once."""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from attrs import Attribute, fields, has

from peal.settings.legacy_names import OTHER_NAMES, REPLACED
from peal.settings.schema import keys, split


class Text(str):
    """A value as it stands in a variable or on the command line, where everything is text."""

    __slots__ = ()


def structured(value: Any, kind: Any) -> tuple[Any, list[tuple[str, str]]]:
    """The value as this kind, or None and everything that is wrong with it: paths and problems."""
    try:
        return _converter().structure(value, kind), []
    except (ValueError, ExceptionGroup) as error:
        return None, list(_told(error, ""))


def _told(error: Exception, path: str) -> Iterator[tuple[str, str]]:
    """The single problems in what cattrs raised, each with its path."""
    from cattrs import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

    match error:
        case ClassValidationError():
            placed, unplaced = error.group_exceptions()
            for inner, attribute in placed:
                yield from _told(inner, joined(path, attribute.name))
            for inner in unplaced:
                yield from _told(inner, path)
        case IterableValidationError():
            for inner, place in error.group_exceptions()[0]:
                if get_origin(place.type) is Literal:
                    yield _no_such_key(path, str(place.index), get_args(place.type))
                else:
                    yield from _told(inner, joined(path, place.index))
        case ForbiddenExtraKeysError():
            known = [key.name for key in keys(error.cl)]
            yield from (_no_such_key(path, word, known) for word in sorted(error.extra_fields))
        case KeyError():
            yield path, "is missing; set it"
        case _:
            yield path, str(error)


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


@cache
def _converter() -> Any:
    """Takes no value for one of another kind, and collects every problem; late because importing cattrs is dear."""
    from cattrs import Converter

    made = Converter()
    made.register_structure_hook_factory(has, _class_hook)
    for kind in _NAMED:
        made.register_structure_hook(kind, _exactly)
    hooks = {
        UnionType: _optional,
        Union: _optional,
        Literal: _one_of,
        Annotated: _own_name,
        tuple: _listed,
        dict: _table,
    }
    for origin, hook in hooks.items():
        made.register_structure_hook_func(partial(_comes_from, origin), hook)
    return made


def _comes_from(origin: Any, kind: Any) -> bool:
    return get_origin(kind) is origin


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
    if kind is str and re.search("[\ud800-\udfff]", meant):
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


def _optional(value: Any, kind: Any) -> Any:
    is_none = value is None or (isinstance(value, Text) and value.strip() in ("", "none"))
    return None if is_none else _converter().structure(value, get_args(kind)[0])


def _one_of(value: Any, kind: Any) -> str:
    if value not in get_args(kind):
        raise _other(value, " or ".join(f"`{choice}`" for choice in get_args(kind)))
    return str(value)


def _own_name(name: str, kind: Any) -> str:
    text: str = _exactly(name, str)
    kind.__metadata__[0](text)
    return text


def _listed(value: Any, kind: Any) -> tuple[Any, ...]:
    """A list; one of texts may be a single line, split as a shell would or as its kind says."""
    inner = get_args(kind)[0]
    divide = split if inner is str else _divider(inner)
    entries = _entries(value, divide) if isinstance(value, str) and divide else value
    if not isinstance(entries, list | tuple):
        raise _other(
            value, "a list of texts" if divide else "a list of tables, which peal.toml alone can hold"
        )
    return tuple(_converter().structure(entries, list[inner]))  # type: ignore[valid-type]


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


def _table(value: Any, kind: Any) -> dict[str, Any]:
    """A table with names of one's own, in two passes: cattrs does not look at a name whose value is wrong."""
    from cattrs import IterableValidationError

    names, inner = get_args(kind)
    passes: list[Any] = [Mapping[names, Any], Mapping[str, inner]]  # type: ignore[valid-type]
    made: dict[str, Any] = {}
    wrong: list[Exception] = []
    for part in passes:
        try:
            made = _converter().structure(_must_be_table(value), part)
        except IterableValidationError as error:
            wrong += error.exceptions
    if wrong:
        raise IterableValidationError("", wrong, kind)
    return made


def _class_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    """A table with given keys. Validators run key by key: attrs would stop at the first that fails."""
    from cattrs.gen import make_dict_structure_fn, override

    hooks: dict[str, Any] = {key.name: override(struct_hook=partial(_checked_key, key)) for key in keys(kind)}
    hooks |= {key.name: override(omit=True) for key in fields(kind) if key.name not in hooks}
    made = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **hooks)
    return lambda value, _: made(_must_be_table(value), kind)


def _checked_key(key: "Attribute[Any]", value: Any, kind: Any) -> Any:
    made = _converter().structure(value, kind)
    if key.validator:
        key.validator(None, key, made)
    return made


def _must_be_table(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise _other(value, "a table; name one of its keys")


def _other(value: Any, wanted: str) -> ValueError:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return ValueError(f"is `{text[:60]}`; it must be {wanted}")
