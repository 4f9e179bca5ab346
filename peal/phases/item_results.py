"""The result of an item's phase as an agent wrote it: read with every problem, in words that the agent can act on."""

import json
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Literal, get_args, get_origin

from attrs import has

from peal.errors import PealError
from peal.model.phase_result import TRIAGE, FollowUp, PhaseResult
from peal.model.plan import ItemPhase
from peal.text.display import decoded, harmless, size
from peal.text.json_replies import answer_with

MOST_BYTES = 1_000_000
"""A larger file is no result."""
_TOO_DEEP = "it is nested too deep; write one JSON object as asked"
_SHOWN = 60
_FENCE = re.compile(r"```\w*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_HERE = " @ $"
"""What cattrs puts between a problem and its path."""


class NoResult(PealError):
    """What was written is no result of this phase, or has mistakes: a line for each."""


def read(raw: bytes, meant: ItemPhase) -> PhaseResult:
    """The result in a file, which may have a fence around it; `NoResult` with every problem."""
    if len(raw) > MOST_BYTES:
        raise NoResult(f"it has more than {size(MOST_BYTES)}, and a result has at most that; write less")
    try:
        text = decoded(raw).strip()
    except ValueError as error:
        raise NoResult(str(error)) from None
    if not text:
        raise NoResult("it is empty; write one JSON object")
    fence = _FENCE.fullmatch(text)
    try:
        value = json.loads(fence[1] if fence else text)
    except ValueError as error:
        raise NoResult(f"it is no JSON: {error}; write one JSON object and nothing else") from None
    except RecursionError:
        raise NoResult(_TOO_DEEP) from None
    return _checked(value, meant)


def from_reply(reply: str, meant: ItemPhase) -> PhaseResult | None:
    """The result that a reply ends with; None if it has none, `NoResult` for one that cannot be used."""
    value = answer_with("result", reply)
    return None if value is None else _checked(value, meant)


def _checked(value: Any, meant: ItemPhase) -> PhaseResult:
    from cattrs import transform_error

    if not isinstance(value, dict):
        raise NoResult(f"it {_other(value, 'one JSON object')}")
    problems = _of_another(value, meant)
    try:
        found: PhaseResult = _converter().structure(_without_nulls(value), PhaseResult)
    except RecursionError:
        problems.append(_TOO_DEEP)
    except ExceptionGroup as error:
        problems += map(_placed, transform_error(error, format_exception=_words))
    else:
        problems += _unfit(found)
    if problems:
        raise NoResult("\n".join(problems))
    return found


def _of_another(value: dict[str, Any], meant: ItemPhase) -> list[str]:
    """What says that it is the result of another item or phase."""
    asked = {"item_id": meant.item, "phase": meant.phase}
    return [
        f"`{key}` {_other(value[key], f'`{wanted}`')}"
        for key, wanted in asked.items()
        if isinstance(value.get(key), str) and value[key] != wanted
    ]


def _unfit(result: PhaseResult) -> list[str]:
    """What is right by itself, and not in this result."""
    told = []
    if result.phase == TRIAGE and result.result == "subphase_complete":
        told.append("`result` is `subphase_complete`; triage has no parts, so say `phase_complete`")
    if not result.summary.strip():
        told.append("`summary` is empty; say in a sentence or two what was done")
    told += [
        f"`follow_ups[{at}].title` is empty; name the work in one line"
        for at, one in enumerate(result.follow_ups)
        if not harmless(one.title).strip()
    ]
    return told


def _without_nulls(value: Any) -> Any:
    """The value without the keys of objects that hold nothing: those are as good as not there."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _words(error: BaseException, _: type | None) -> str:
    return "is missing; add it" if isinstance(error, KeyError) else str(error)


def _placed(told: str) -> str:
    """A problem behind its path."""
    problem, _, path = told.rpartition(_HERE)
    return f"`{path.removeprefix('.')}` {problem}" if path else problem


@cache
def _converter() -> Any:
    """Takes no value for one of another kind; late because importing cattrs is dear."""
    from cattrs import Converter

    made = Converter()
    made.register_structure_hook_factory(has, _object)
    made.register_structure_hook(str, _text)
    made.register_structure_hook(bool, _yes_or_no)
    made.register_structure_hook_func(partial(_comes_from, Literal), _one_of)
    made.register_structure_hook_func(partial(_comes_from, tuple), _listed)
    return made


def _comes_from(origin: Any, kind: Any) -> bool:
    return get_origin(kind) is origin


def _object(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    from cattrs.gen import make_dict_structure_fn

    made = make_dict_structure_fn(kind, converter)

    def structure(value: Any, _: Any) -> Any:
        if kind is FollowUp and isinstance(value, str):
            return FollowUp(_text(value, str))
        if not isinstance(value, dict):
            raise _other(value, "a text or an object" if kind is FollowUp else "an object")
        return made(value, kind)

    return structure


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise _other(value, "a text")
    if _NO_TEXT.search(value):
        raise ValueError("holds NUL or half of a letter; write it as plain text")
    return value


def _yes_or_no(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise _other(value, "true or false")
    return value


def _one_of(value: Any, kind: Any) -> str:
    """A word of a few, in large or small letters."""
    word = value.strip().lower() if isinstance(value, str) else value
    if word not in get_args(kind):
        raise _other(value, " or ".join(f"`{choice}`" for choice in get_args(kind)))
    return str(word)


def _listed(value: Any, kind: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _other(value, "a list")
    return tuple(_converter().structure(value, list[get_args(kind)[0]]))  # type: ignore[misc]


def _other(value: Any, wanted: str) -> ValueError:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return ValueError(f"is `{text[:_SHOWN]}`; it must be {wanted}")
