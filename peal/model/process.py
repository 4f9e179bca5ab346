"""How a process ended."""

from enum import Enum, StrEnum

from peal.classes import frozen


class Ended(StrEnum):
    """Why a process is no longer running."""

    EXITED = "exited"
    TIMED_OUT = "timed out"
    IDLE = "idle"
    FLOODED = "flooded"
    CANCELLED = "cancelled"
    OVERSTAYED = "overstayed"
    """It had said its last word and did not go away."""
    STUCK = "stuck"
    """It said that it waits for something that peal can wait for better."""


@frozen
class Ending:
    """How a process ended."""

    how: Ended
    exit_code: int
    """As the operating system tells it; minus the signal's number if a signal ended it."""
    seconds: float
    notes: tuple[str, ...] = ()
    """What a person should know of what it has left."""

    @property
    def is_clean(self) -> bool:
        """The process ended by itself and says it succeeded, or had only to be sent home."""
        return self.how is Ended.OVERSTAYED or (self.how is Ended.EXITED and self.exit_code == 0)

    @property
    def status(self) -> str:
        """What a process that ended by itself says of it: `exit status 3`, `ended by signal 9`."""
        return (
            f"exit status {self.exit_code}" if self.exit_code >= 0 else f"ended by signal {-self.exit_code}"
        )


class Sign(Enum):
    """What one line of a live output tells."""

    LAST = "nothing follows; the process ought to go away"
    STUCK = "it waits for something that peal can wait for better"
