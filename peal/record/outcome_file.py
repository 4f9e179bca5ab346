"""The outcome of an attempt as a file in the attempt's folder."""

import json
from pathlib import Path

from peal.model.work import Outcome
from peal.record.events import as_json, converter
from peal.system.files import content, put

_MOST_BYTES = 10_000_000
"""A larger file was not written by peal."""


def write(path: Path, outcome: Outcome) -> None:
    """Leave it there as JSON; without secrets, which is for the caller to see to."""
    put(str(path), as_json(converter().unstructure(outcome)) + "\n")


def read(path: Path) -> Outcome | None:
    """What was left there; None if there is none, or not the whole of it."""
    raw = content(path, _MOST_BYTES)
    try:
        return converter().structure(json.loads(raw), Outcome) if raw else None
    except Exception:  # cattrs tells what it does not understand in many ways
        return None
