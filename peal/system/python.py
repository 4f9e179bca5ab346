"""Which Python peal needs; an older one has to be able to read this."""

from __future__ import annotations

from collections.abc import Sequence

OLDEST = (3, 11)


def too_old(version: Sequence[object]) -> tuple[str, str] | None:
    """What is wrong with a Python of this version, and how a person mends it; None if it is young enough."""
    if tuple(version[:2]) >= OLDEST:
        return None
    here, needed = (".".join(str(number) for number in numbers[:2]) for numbers in (version, OLDEST))
    return (
        f"Python {here} is older than {needed}, which peal needs",
        f"install peal with a newer one, such as `pipx install --python python{needed} .` in the folder of its source",
    )
