"""Text without secrets: which values of the environment are secret, and what is shown in their place."""

import re
from collections.abc import Callable, Iterable, Sequence

HIDDEN = "[hidden]"
_LOOKS_SECRET = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)S?(_|$)", re.IGNORECASE
)
BEYOND = 4096
"""Bytes; secrets are shorter, so one that stands across the place where a text is cut is known from so much more of it."""
_SHORTEST = 8
"""Letters; a shorter value, such as `true` or `test`, would blot out half of what is shown."""


def looks_secret(name: str) -> bool:
    """Whether a variable of this name is likely to hold a key."""
    return bool(_LOOKS_SECRET.search(name))


def secrets(variables: Iterable[tuple[str, str]], named: Sequence[str] = ()) -> tuple[str, ...]:
    """
    The values that nobody may read: of the variables named, and of those whose names look like keys.

    Of one with several lines each by itself too, for that is how it is shown. The longest first, for one may be a part of another.
    """
    whole = {
        value
        for name, value in variables
        if value.strip() and (name in named or (looks_secret(name) and len(value) >= _SHORTEST))
    }
    lines = {line.strip() for value in whole if "\n" in value for line in value.splitlines()}
    found = whole | {line for line in lines if len(line) >= _SHORTEST}
    return tuple(sorted(found, key=lambda one: (-len(one), one)))


def redactor(values: Sequence[str]) -> Callable[[str], str]:
    """A function that puts `[hidden]` in place of each of these values, wherever they stand in a text."""
    if not values:
        return lambda text: text
    pattern = re.compile("|".join(re.escape(value) for value in values))
    return lambda text: pattern.sub(HIDDEN, text)
