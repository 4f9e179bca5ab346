"""What the commits of a backlog are called; pure."""

from peal.text.display import harmless

_LONGEST = 72
"""Letters of a subject: more is cut by much that shows it."""
_NOTHING_SAID = "phase output"


def message(item: str, phase: str, *summaries: str) -> str:
    """
    `[ID][phase]` and the first of the summaries that says something, in one line of at most 72 letters.

    What does not fit there stands below in full.
    """
    label = f"[{item}][{phase}]"
    said = next(filter(None, (_without(label, summary) for summary in summaries)), _NOTHING_SAID)
    return _cut(label, said)


def message_of(item: str, said: str) -> str:
    """`[WRK-001] add: title`, for what is no phase of an item; cut in the same way."""
    return _cut(f"[{item}]", harmless(said))


def _cut(label: str, said: str) -> str:
    subject = f"{label} {said}"
    if len(subject) <= _LONGEST:
        return subject
    room = max(_LONGEST - len(label) - 2, 1)
    return f"{label} {said[:room].rstrip()}…\n\n{said}\n"


def _without(label: str, summary: str) -> str:
    """A summary in one line without the label that an agent has put before it."""
    said = harmless(summary)
    while said.casefold().startswith(label.casefold()):
        said = said[len(label) :].lstrip(" :-")
    return said
