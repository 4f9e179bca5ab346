"""What a person can put right: each text is lower case, names in backticks, and ends in the way out."""


class PealError(Exception):
    """The plan, the settings, the repository or the call is not fit; shown once, without a traceback."""

    exit_code = 1


class Busy(PealError):
    """Another peal is at work in this repository."""

    exit_code = 5


class Paused(PealError):
    """Nothing is wrong, but a person has to make way before the run can go on."""

    exit_code = 4


class CannotStart(PealError):
    """A program that work is given to is not here, or is none: nothing that needs it can be done."""


class MachineLost(PealError):
    """A machine that an attempt ran on, or was to run on, is not there."""


class Interrupted(PealError):
    """A signal came before there was a run that could have ended by it."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.exit_code = 128 + number


class Damaged(PealError):
    """A file of peal's memory cannot be read; a copy was kept and nothing was overwritten."""
