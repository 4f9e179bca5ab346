"""The tools whose items can be read, and which of them it is."""

from typing import cast

from peal.backlog.exchange import backlog_md, ideas, task_golem, wreckit
from peal.backlog.exchange.files import Place
from peal.backlog.exchange.foreign import Source
from peal.errors import PealError

SOURCES: tuple[Source, ...] = cast("tuple[Source, ...]", (task_golem, wreckit, backlog_md, ideas))
"""In the order in which they are tried."""
NAMES = tuple(one.name for one in SOURCES)


def source_at(place: Place) -> Source:
    """The tool whose items these are, by what they look like; PealError if that cannot be told."""
    for one in SOURCES:
        if one.is_at(place):
            return one
    raise PealError(
        f"`{place.told}` looks like none of {', '.join(NAMES)}; name the file or folder with the items, or say what "
        "they are with --from"
    )
