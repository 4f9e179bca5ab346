"""What a person is told of a run who does not look on."""

from enum import StrEnum

from peal.classes import frozen


class Cause(StrEnum):
    """What they are told of; each is a word of `notify.on`."""

    HELD = "held"
    """A landing, or a task, waits for the person; the others go on, or the run has ended so."""
    LIMITED = "limited"
    """Nothing goes on before a usage limit is reset, and that takes long; or the run has ended at one."""
    FAILED = "failed"
    """The run has ended, and not well: tasks failed, findings remain, or it broke off."""
    FINISHED = "finished"
    """The run has ended, and everything that was asked for is done."""
    BUDGET = "budget"
    """The run has ended because its budget is used up."""


@frozen
class Counts:
    """How many tasks of a run stand how."""

    done: int = 0
    failed: int = 0
    held: int = 0
    all: int | None = 0
    """None where tasks come while it goes on."""


@frozen
class Notification:
    """One word to the person."""

    cause: Cause
    why: str
    at: float
    repo: str
    plans: tuple[str, ...]
    run: str
    counts: Counts
    code: int | None = None
    """The exit code of a run that is over; None while it goes on."""
    until: float | None = None
    """When the limit that is waited for is reset, in wall-clock seconds."""
