"""What a plan format has to offer, and what it hands back."""

from typing import Protocol

from peal.classes import frozen
from peal.formats.document import Document
from peal.model.plan import Parent, Problem, Task
from peal.text.display import harmless


@frozen
class Evidence:
    """By what a document is taken for one of a format."""

    line: int
    seen: str
    """The words of the file that say so, or what they are."""

    @classmethod
    def of_line(cls, document: Document, line: int) -> "Evidence":
        """What stands on that line."""
        return cls(line, quoted_line(document, line))


@frozen
class Reading:
    """What a format made of a document, as far as it could be read; problems and notes in any order."""

    tasks: tuple[Task, ...] = ()
    """As they come one after another."""
    context: str = ""
    parents: tuple[Parent, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    dependency: str = "(after …)"
    """How plans in this format write that a task waits for others."""
    is_markdown: bool = True
    """Whether code and comments hide tasks, as they do where these are headings or items of lists."""


class Format(Protocol):
    """
    One way to write a plan; a module with these three names is one.

    Where a box or a heading is not what says that a task is done, it has `marked(document, task)` too, which gives the edits
    that make it say so; or `marked = None`, if nothing in such a file does.
    """

    name: str

    # By what the document is meant to be in this format, even if it has mistakes; None where nothing says so.
    def evidence(self, document: Document) -> Evidence | None: ...

    # Never raises: what is wrong with the document is part of the reading.
    def read(self, document: Document) -> Reading: ...


def quoted(text: str) -> str:
    """A piece of a plan for a message: harmless, short, in backticks."""
    shown = harmless(text)
    return f"`{shown[:60]}…`" if len(shown) > 60 else f"`{shown}`"


def quoted_line(document: Document, line: int) -> str:
    """A line of a plan for a message."""
    return quoted(document.lines[line - 1].strip())
