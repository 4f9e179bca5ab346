"""
Hands one event to Apprise: `python -P by_apprise.py` reads it, with the addresses, as JSON on standard input.

A process of its own, so that no run waits for a service or loads what one takes. It imports nothing of peal's.
"""

import json
import logging
import sys
from typing import Any

_LIKE = {"failed": "failure", "finished": "success"}
"""What Apprise calls these; all others are for its `warning`."""


def main() -> int:
    """0 if they were told at all addresses; what went wrong is on stderr, without the secrets in addresses."""
    from apprise import Apprise  # only here: importing a module is to do nothing

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    asked: dict[str, Any] = json.load(sys.stdin)
    event, service = asked["event"], Apprise()
    unknown = [number for number, url in enumerate(asked["urls"], 1) if not service.add(url)]
    kind = _LIKE.get(event["event"], "warning")
    is_told = not len(service) or service.notify(event["text"], event["title"], kind, body_format="text")
    for number in unknown:
        logging.warning("Apprise does not understand address %d of `notify.urls`", number)
    return 0 if is_told and not unknown else 1


if __name__ == "__main__":
    sys.exit(main())
