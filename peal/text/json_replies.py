"""Answers in JSON, found in what an agent wrote around them."""

import json
from typing import Any


def answer_with(key: str, text: str) -> dict[str, Any] | None:
    """
    The last JSON object in a text that has this key at its top; None if there is none.

    Agents are asked to end with one, and often add a word or a fence around it.
    """
    decoder, at = json.JSONDecoder(), len(text)
    quoted = json.dumps(key)
    while (at := text.rfind("{", 0, at)) >= 0:
        if quoted not in text[at:]:
            continue
        try:
            found, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and key in found:
            return found
    return None
