"""What both ends of a link have to agree on."""

import re
from collections.abc import Mapping
from typing import Any

from peal.model.process import Ended

PROTOCOL = 4
"""Counts what can be asked of a machine and how; two ends with other numbers do not speak with each other."""
SILENCE = 60.0
"""
Seconds without a sign of life after which the near end counts as gone, until it has said how long that is. It does so at once;
what leads here may not pass on that it was killed before, as srun does not.
"""

_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_COMMIT_OR_NOTHING = re.compile(f"(?:{_COMMIT.pattern})?")
Shape = Any
"""
A type or several, a pattern for a text, a set of what it may be; `[shape]` for a list, `{"name": shape}` for these names and no
others, `{str: shape}` for any.
"""

HELLO: Shape = {
    "life": str, "peal": str, "protocol": int, "git": [int], "room": int, "clis": {str: str},
}  # fmt: skip
ANSWERS: Mapping[str, Shape] = {
    "hello": {str: object},  # another peal may say it otherwise
    "programs": {str: bool},
    "sandbox": {"kind": [str], "problem": str, "left_out": [str]},
    "agents": [
        {
            "name": str, "program": str, "version": str, "tested": str, "problem": str, "notes": [str], "is_auto": bool,
        }
    ],
    "stores": [{"path": str, "size": int, "is_in_use": bool, "damage": str}],
    "remove_stores": [{"path": str, "size": int, "kept": str}],
    "bases": [_COMMIT],
    "bring": type(None),
    "take": {"tree": str, "path": str, "folder": str},
    "give_back": type(None),
    "put": type(None),
    "read": (bytes, type(None)),
    "remove": type(None),
    "carry_out": {"how": frozenset(Ended), "code": int, "seconds": (int, float), "notes": [str]},
    "snapshot": {"commit": _COMMIT_OR_NOTHING, "is_staged": bool, "left_out": [str], "broken": str},
    "is_set_up": bool,
    "mark_set_up": [str],
}  # fmt: skip
"""What may be asked of a machine, with what it answers: that is foreign, and looked through before anything is made of it."""


def has_shape(value: Any, shape: Shape) -> bool:
    """Whether a value that has come from the other end is what it ought to be."""
    match shape:
        case [inner]:
            return isinstance(value, list) and all(has_shape(one, inner) for one in value)
        case dict() if str in shape:
            return isinstance(value, dict) and all(
                isinstance(key, str) and has_shape(one, shape[str]) for key, one in value.items()
            )
        case dict():
            return (
                isinstance(value, dict)
                and value.keys() == shape.keys()
                and all(has_shape(value[key], inner) for key, inner in shape.items())
            )
        case re.Pattern():
            return isinstance(value, str) and shape.fullmatch(value) is not None
        case frozenset():
            return isinstance(value, str) and value in shape
    return isinstance(value, shape)
