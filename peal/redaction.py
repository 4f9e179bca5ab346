"""Text without secrets: which values of the environment are secret, and what is shown in their place."""

import re
from collections.abc import Callable, Mapping, Sequence

HIDDEN = "[hidden]"
_LOOKS_SECRET = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)S?(_|$)", re.IGNORECASE
)
_SHORTEST = 8
"""Letters; a shorter value, such as `true` or `test`, would blot out half of what is shown."""


def secrets(environ: Mapping[str, str], named: Sequence[str] = ()) -> tuple[str, ...]:
    """
    The values that nobody may read: of the variables named, and of those whose names look like keys.

    The longest first, for one may be a part of another.
    """
    by_look = {
        value for name, value in environ.items() if _LOOKS_SECRET.search(name) and len(value) >= _SHORTEST
    }
    by_name = {environ[name] for name in named if environ.get(name)}
    return tuple(
        sorted({value for value in by_look | by_name if value.strip()}, key=lambda one: (-len(one), one))
    )


def redactor(values: Sequence[str]) -> Callable[[str], str]:
    """A function that puts `[hidden]` in place of each of these values, wherever they stand in a text."""
    if not values:
        return lambda text: text
    pattern = re.compile("|".join(re.escape(value) for value in values))
    return lambda text: pattern.sub(HIDDEN, text)
