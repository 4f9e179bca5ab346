"""What may be touched, as rules on paths: the innermost rule for a path holds."""

from collections.abc import Iterable
from enum import Enum

from peal.classes import frozen


class Touch(Enum):
    """What may be done to a path and to all that is below it."""

    HIDE = "neither read nor written"
    READ = "read"
    WRITE = "read and written"
    OWN = "read and written, as an empty folder of the program's own"


@frozen
class Rule:
    """One path of the machine's own, by its real name; something is there."""

    path: str
    touch: Touch
    is_folder: bool = True
    instead: str = ""
    """A file that is shown in place of one that is hidden; nothing if there is none."""


@frozen
class Sandbox:
    """All that a wrapper has to be told about one program."""

    workspace: str
    """The folder it is started in."""
    rules: tuple[Rule, ...]
    """Whoever looks at them one after another ends with the one that holds. Where none does, a path may be read."""
    own: str
    """What the paths that are its own lead to."""
    has_network: bool = True
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What placeholders in a wrapper's words stand for."""


def in_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """From the outermost path to the innermost, the last one for a path alone, without those that change nothing."""
    last = {rule.path: rule for rule in rules}
    found: list[Rule] = []
    for rule in sorted(last.values(), key=lambda rule: (_depth(rule.path), rule.path)):
        if rule.touch is Touch.WRITE or _makes_a_difference(rule.touch, touch(found, rule.path)):
            found.append(rule)
    return tuple(found)


def _makes_a_difference(wanted: Touch, without: Touch) -> bool:
    """Whether it is different without a rule; an empty folder hides what the machine has there, too."""
    return wanted is not without and (wanted, without) != (Touch.HIDE, Touch.OWN)


def _depth(path: str) -> int:
    return path.rstrip("/").count("/")


def touch(rules: Iterable[Rule], path: str) -> Touch:
    """What may be done to a path; the rules are in order."""
    found = Touch.READ
    for rule in rules:
        if path == rule.path or path.startswith(f"{rule.path.rstrip('/')}/"):
            found = rule.touch
    return found
