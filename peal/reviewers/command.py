"""A command that looks: by its exit status and what it prints, or by a report in SARIF or JSON."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from attrs import evolve

from peal.classes import frozen
from peal.errors import PealError
from peal.model.process import Ended, Ending
from peal.model.review import Finding, Severity
from peal.model.work import Outcome, Result
from peal.reviewers.protocol import Ran, ReviewContext
from peal.reviewers.reports import Unreadable, from_json, from_sarif
from peal.settings import ReviewerSettings
from peal.system import process
from peal.system.files import content, end_of, replace
from peal.text.display import duration, tail
from peal.text.names import slug

OUTPUT_LINES = 60
_TAIL = 64 * 1024
_OUTPUT = "{output}"
_MEANT = (0, 1)
"""Exit statuses of a program that has looked, whether it found something or not; every linter uses them so."""


@frozen
class CommandReviewer:
    """`[[reviewers]]` with a `command`."""

    table: ReviewerSettings
    argv: tuple[str, ...]
    relative: str = ""
    """The program as the settings name it, if it lies in the repository."""

    @classmethod
    def of(cls, table: ReviewerSettings, repo: Path) -> "CommandReviewer":
        """The reviewer a table describes; PealError if its program is not there."""
        words = process.arguments(table.command or "")
        program = process.program(words[0], repo)
        if program is None:
            raise PealError(
                f"reviewer `{table.name}`: `{words[0]}` is not a program on PATH or in `{repo}`; "
                "install it, or mend [[reviewers]] in peal.toml"
            )
        return cls(table, (program, *words[1:]), words[0] if "/" in words[0] else "")

    @property
    def name(self) -> str:
        """As its table says."""
        return self.table.name

    @property
    def told(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def look(self, context: ReviewContext) -> tuple[Finding, ...] | Outcome:
        """Run it, unless nothing has changed that it looks at."""
        table = self.table
        if table.only and not any(_fits(path, table.only) for path in context.changed()):
            return ()
        prefix = f"review-{slug(table.name)}."
        written = context.scratch / f"{prefix}report"
        words = [word.replace(_OUTPUT, str(written)) for word in self.command(context.path)]
        ran = context.run(words, prefix, table.timeout_sec, has_network=table.network == "on")
        if table.format == "text":
            return self.findings(ran.ending, end_of(ran.stdout, _TAIL), end_of(ran.stderr, _TAIL))
        report = context.attempt_folder / f"{prefix}report"
        if (found := content(written)) is not None:
            replace(report, found)
        return self._reported(ran, report if _OUTPUT in (table.command or "") else ran.stdout, context)

    def command(self, folder: Path) -> tuple[str, ...]:
        """What to run in `folder`; a program of the repository as it is there, for the change may be about it."""
        own = folder / self.relative
        return (str(own), *self.argv[1:]) if self.relative and own.is_file() else self.argv

    def findings(self, ending: Ending, *outputs: bytes) -> tuple[Finding, ...]:
        """What the ended command means by its exit status; `outputs` are the ends of what it wrote."""
        if ending.is_clean:
            return ()
        return (evolve(finding_of(self.name, ending, *outputs), may_dismiss=bool(self.table.may_dismiss)),)

    def _reported(self, ran: Ran, report: Path, context: ReviewContext) -> tuple[Finding, ...] | Outcome:
        """What its report tells; a program that ended otherwise than one that has looked is believed nothing."""
        if ran.ending.how is not Ended.EXITED or ran.ending.exit_code not in _MEANT:
            return self._failed(ran, _headline(ran.ending))
        read = from_sarif if self.table.format == "sarif" else from_json
        try:
            found = read(report, self.name, context.path)
        except Unreadable as error:
            return self._failed(ran, str(error))
        floor = Severity(self.table.blocking)
        blocking = (finding for finding in found if finding.severity.weighs_as_much_as(floor))
        return tuple(evolve(finding, may_dismiss=self.table.may_dismiss is not False) for finding in blocking)

    def _failed(self, ran: Ran, why: str) -> Outcome:
        said = tail(end_of(ran.stderr), 3) or tail(end_of(ran.stdout), 3)
        words = f": {' / '.join(said)}" if said else ""
        return Outcome(Result.FAILED, f"reviewer `{self.name}` could not look: {why}{words}")

    def heed(self, context: ReviewContext, findings: Sequence[Finding]) -> None:
        """It has no memory."""

    def leave(self) -> None:
        """It leaves nothing open."""


def _fits(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path, or its name alone, fits one of the patterns, as with a `.gitignore`."""
    return any(fnmatch(path, pattern) or fnmatch(Path(path).name, pattern) for pattern in patterns)


def finding_of(reviewer: str, ending: Ending, *outputs: bytes) -> Finding:
    """What a command that did not end well has to say."""
    said = [line for output in outputs for line in tail(output, OUTPUT_LINES)]
    return Finding(reviewer, "\n".join([_headline(ending), *said]))


def _headline(ending: Ending) -> str:
    return ending.status if ending.how is Ended.EXITED else f"{ending.how} after {duration(ending.seconds)}"
