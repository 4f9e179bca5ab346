"""The programs by which a person wants to be told: their own, and one that hands it to Apprise for their addresses."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from peal.notify.addresses import addresses
from peal.notify.sending import Channel, Sending
from peal.settings import NotifySettings


def sending_of(settings: NotifySettings, repo: Path, hide: Callable[[str], str]) -> Sending:
    """Tells by all of them, from `repo` and without what `hide` takes out; PealError where an address is of no use."""
    return Sending(tuple(_channels(settings)), repo, hide, settings.timeout_sec)


def _channels(settings: NotifySettings) -> Iterator[Channel]:
    if settings.command:
        yield Channel(f"`{settings.command[0]}`", settings.command, lambda event: f"{event}\n")
    if urls := addresses(settings):
        program = Path(__file__).with_name("by_apprise.py")
        argv = (sys.executable, "-P", str(program))  # nothing that it imports is looked for in the repository
        yield Channel("Apprise", argv, lambda event: json.dumps({"urls": urls, "event": json.loads(event)}))
