"""The addresses at which a person wants to be told by Apprise."""

import os
import re
from importlib.util import find_spec

from peal.errors import PealError
from peal.settings import NotifySettings

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


def addresses(settings: NotifySettings) -> tuple[str, ...]:
    """The addresses with the variables that they name filled in; PealError if one is not set, or Apprise not here."""
    if settings.urls and find_spec("apprise") is None:
        raise PealError(
            "`notify.urls` needs Apprise, which is not installed where peal is; install peal with `[notify]` behind it, as "
            "README.md tells, or take the addresses out"
        )
    return tuple(_filled_in(url, number) for number, url in enumerate(settings.urls, 1))


def _filled_in(url: str, number: int) -> str:
    for found in _VARIABLE.finditer(url):
        if (name := found[1] or found[2]) not in os.environ:
            raise PealError(
                f"address {number} of `notify.urls` names the variable `{name}`, which is not set; set it, or write `%24` "
                "for a `$` that is meant as one"
            )
    return _VARIABLE.sub(lambda found: os.environ[found[1] or found[2]], url)
