"""A command whose exit status says whether something is to be mended, and whose output says what."""

from pathlib import Path

from attrs import frozen

from peal import process
from peal.errors import PealError
from peal.model import Ended, Ending, Finding
from peal.settings import ReviewerSettings
from peal.text import duration, tail

OUTPUT_LINES = 60


@frozen
class CommandReviewer:
    """`[[reviewers]]` with a `command`."""

    name: str
    argv: tuple[str, ...]
    relative: str = ""
    """The program as the settings name it, if it lies in the repository."""

    @classmethod
    def of(cls, table: ReviewerSettings, repo: Path) -> "CommandReviewer":
        """The reviewer a table describes; PealError if its program is not there."""
        words = process.arguments(table.command)
        program = process.program(words[0], repo)
        if program is None:
            raise PealError(
                f"reviewer `{table.name}`: `{words[0]}` is not a program on PATH or in `{repo}`; "
                "install it, or mend [[reviewers]] in peal.toml"
            )
        return cls(table.name, (program, *words[1:]), words[0] if "/" in words[0] else "")

    def command(self, folder: Path) -> tuple[str, ...]:
        """What to run in `folder`; a program of the repository as it is there, for the change may be about it."""
        own = folder / self.relative
        return (str(own), *self.argv[1:]) if self.relative and own.is_file() else self.argv

    def findings(self, ending: Ending, *outputs: bytes) -> tuple[Finding, ...]:
        """What the ended command means; `outputs` are the ends of what it wrote."""
        return () if ending.is_clean else (finding_of(self.name, ending, *outputs),)


def finding_of(reviewer: str, ending: Ending, *outputs: bytes) -> Finding:
    """What a command that did not end well has to say."""
    said = [line for output in outputs for line in tail(output, OUTPUT_LINES)]
    return Finding(reviewer, "\n".join([_headline(ending), *said]))


def _headline(ending: Ending) -> str:
    if ending.how is Ended.EXITED and ending.exit_code >= 0:
        return f"exit status {ending.exit_code}"
    if ending.how is Ended.EXITED:
        return f"ended by signal {-ending.exit_code}"
    return f"{ending.how} after {duration(ending.seconds)}"
