"""The words by which tools say how far a task is: `done`, `To Do`, `in-progress`."""

from peal.classes import frozen
from peal.formats.protocol import quoted
from peal.model.plan import Problem

_DONE = {"done", "complete", "completed", "closed", "finished", "pass", "passed", "passing", "✓", "✅"}
_OPEN = {
    *("", "to do", "todo", "open", "pending", "not started", "backlog", "ready", "new", "planned", "queued"),
    *("in progress", "inprogress", "doing", "started", "active", "wip", "under way", "partial"),
    *("fail", "failed", "failing", "draft", "drafted", "approved", "ready for dev", "ready for development"),
}
_OPEN_TO_SOME = {"blocked", "review", "in review", "ready for review", "testing", "on hold"}
_LEFT_OUT = {"deferred", "cancelled", "canceled", "skipped", "dropped", "wontfix", "won't do", "archived"}


@frozen
class Status:
    """How far a task is by the word for it."""

    done: bool = False
    is_optional: bool = False
    """It is not to be done now, or not at all."""
    problem: str = ""
    note: str = ""


def read(word: str) -> Status:
    """What a word says; one that nobody can know is a problem, and one that means two things a note."""
    plain = " ".join(word.lower().replace("_", " ").replace("-", " ").split())
    if plain in _DONE or plain in _OPEN:
        return Status(done=plain in _DONE)
    if plain in _OPEN_TO_SOME:
        return Status(note=f"status {quoted(word)} is read as not done; write `done` if it is")
    if plain in _LEFT_OUT:
        return Status(is_optional=True, note=f"status {quoted(word)}: worked on only with --optional")
    return Status(problem=f"the status {quoted(word)} is not known; write `pending`, or `done` if it is")


def as_problems(status: Status, line: int) -> tuple[list[Problem], list[Problem]]:
    """What is wrong with it, and what is worth a word, at that line."""
    return (
        [Problem(line, status.problem)] if status.problem else [],
        [Problem(line, status.note)] if status.note else [],
    )
