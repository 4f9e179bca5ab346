"""What has been done for items, month by month, for people to read; pure."""

from peal.classes import frozen
from peal.text.display import harmless

FOLDER = "_worklog"


@frozen
class Entry:
    """What is said of one phase of one item."""

    at: str
    """In ISO 8601 and UTC, as all of an item's."""
    item: str
    title: str
    facts: tuple[tuple[str, str], ...]
    """Each with its name, such as `Outcome`; those without a text are left out."""

    def __str__(self) -> str:
        lines = [f"- **{name}:** {harmless(text)}" for name, text in self.facts if text]
        head = f"## {self.at} — {self.item} ({harmless(self.title)})"
        return "\n".join((head, "", *lines, "", "---", ""))


def path_of(at: str) -> str:
    """The file of the month of a moment, in the repository."""
    return f"{FOLDER}/{_month(at)}.md"


def _month(at: str) -> str:
    return at[: len("2026-01")]


def with_entry(content: bytes | None, entry: Entry) -> bytes:
    """The file with one more entry at its end; None if there is no file yet. An entry that is there already is not doubled."""
    before = f"# Worklog {_month(entry.at)}\n".encode() if content is None else content
    end_of_line = b"\r\n" if b"\r\n" in before else b"\n"
    text = str(entry).encode().replace(b"\n", end_of_line)
    if text in before:
        return before
    if before and not before.endswith(b"\n"):
        before += end_of_line
    return before + (end_of_line if before else b"") + text
