"""The programs by which a person wants to be told."""

from collections.abc import Callable, Iterator
from pathlib import Path

from peal.notify.sending import Channel, Sending
from peal.settings import NotifySettings


def sending_of(settings: NotifySettings, repo: Path, hide: Callable[[str], str]) -> Sending:
    """Tells by all of them, from `repo` and without what `hide` takes out."""
    return Sending(tuple(_channels(settings)), repo, hide, settings.timeout_sec)


def _channels(settings: NotifySettings) -> Iterator[Channel]:
    if settings.command:
        yield Channel(f"`{settings.command[0]}`", settings.command, lambda event: f"{event}\n")
