"""git's own words quoted, and what to say of a lock file that keeps it out."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from peal.text.display import duration, harmless

_LOCKED = re.compile(r"Unable to create '(.+?\.lock)': File exists")
_CONFIG_LOCKED = re.compile(r"could not lock config file (.+): File exists")
_SHOWN = 3
_UNTOLD = re.compile(
    r"hint: |Updating \w+\.\.\w+$|Aborting$|Merge with strategy |Another git process seems to be|an editor opened by 'git"
    r"|are terminated then try again|may have crashed in this|remove the file manually"
)
"""Lines of git's that tell nothing of why."""


def quoted(words: str) -> str:
    """Each line of what git says in quotation marks: nobody takes it for peal's own words, or two lines for one."""
    lines = [harmless(line).strip() for line in words.splitlines()]
    told = [line for line in lines if line and not _UNTOLD.match(line)] or [line for line in lines if line]
    more = [f"and {len(told) - _SHOWN} lines more"] if len(told) > _SHOWN else []
    return ", ".join([*(f'"{line}"' for line in told[:_SHOWN]), *more])


def lock_named(words: str, folder: Path) -> Path | None:
    """The lock file that kept git from working in `folder`."""
    if found := _LOCKED.search(words):
        return folder / found[1]
    found = _CONFIG_LOCKED.search(words)
    return folder / f"{found[1]}.lock" if found else None


def locked(lock: Path, age: float, at_work: Sequence[str]) -> str:
    """Whether the git that made a lock file still works, and what to do about it."""
    shown = harmless(str(lock))
    if at_work:
        return f"{at_work[0]} is at work there, and `{shown}` keeps others out; let it finish"
    return (
        f"`{shown}` keeps git out; it was made {duration(age)} ago and no git is at work there, so the one that made "
        f"it is dead; unless an editor or another machine works there, `rm {shlex.quote(shown)}`"
    )
