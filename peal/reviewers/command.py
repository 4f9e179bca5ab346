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
        return cls(table.name, (program, *words[1:]))

    def findings(self, ending: Ending, *outputs: bytes) -> tuple[Finding, ...]:
        """What the ended command means; `outputs` are the ends of what it wrote."""
        if ending.is_clean:
            return ()
        said = [line for output in outputs for line in tail(output, OUTPUT_LINES)]
        return (Finding(self.name, "\n".join([_headline(ending), *said])),)


def _headline(ending: Ending) -> str:
    if ending.how is Ended.EXITED and ending.exit_code >= 0:
        return f"exit status {ending.exit_code}"
    if ending.how is Ended.EXITED:
        return f"ended by signal {-ending.exit_code}"
    return f"{ending.how} after {duration(ending.seconds)}"
