"""The values that nobody may read, as far as settings and the environment know them."""

import itertools
import os

from peal.settings import Settings
from peal.text.redaction import secrets

_ADDRESS = "notify.urls"
"""Stands for the name of a variable, and can be none."""


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """The values of variables that peal has, of those it sets for agents, and addresses with tokens in them."""
    given = (agent.env.items() for agent in settings.agents.values())
    addresses = ((_ADDRESS, url) for url in settings.notify.urls)
    return secrets(itertools.chain(os.environ.items(), *given, addresses), (*settings.redact, _ADDRESS))
