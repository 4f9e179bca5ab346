"""Commands of the person's own in place of stet's session: all of them once, then the last for every look."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, field

from peal.classes import define
from peal.errors import PealError
from peal.model.review import Finding
from peal.model.work import Outcome
from peal.reviewers.protocol import Ran, ReviewContext
from peal.reviewers.reports import plain
from peal.reviewers.stet.answers import lines_of, listed, no_look, shown, text_of, unable
from peal.system import process


@define
class StetCommands:
    """`stet_commands`: run in the change's folder, without a shell."""

    lines: tuple[tuple[str, ...], ...]
    may_dismiss: bool = True
    told: list[str] = field(factory=list)
    """What is to be known of the last look besides its findings."""
    _is_ready: bool = False
    _asked: int = 0

    @classmethod
    def of(cls, commands: Sequence[str], repo: Path, may_dismiss: bool) -> "StetCommands":
        """The commands as they are to be run; PealError if a program is not there."""
        lines = [process.arguments(command) for command in commands]
        for words in lines:
            if process.program(words[0], repo) is None:
                raise PealError(
                    f"`stet_commands`: `{words[0]}` is not a program on PATH or in `{repo}`; install it, or mend the setting"
                )
        return cls(tuple(map(tuple, lines)), may_dismiss)

    def look(self, context: ReviewContext) -> tuple[Finding, ...] | Outcome:
        """What the last command finds; in the first look those before it are run too."""
        before = () if self._is_ready else self.lines[:-1]
        for words in before:
            ran = self._run(context, words)
            if isinstance(ran, Outcome):
                return ran
            if not ran.ending.is_clean:
                return no_look(ran, f"`{shlex.join(words)}`")
        self._is_ready = True
        ran = self._run(context, self.lines[-1])
        return ran if isinstance(ran, Outcome) else self._read(ran)

    def _run(self, context: ReviewContext, words: tuple[str, ...]) -> Ran | Outcome:
        self._asked += 1
        own = context.path / words[0]
        program = str(own) if "/" in words[0] and own.is_file() else words[0]
        try:
            return context.run((program, *words[1:]), f"review-stet-{self._asked}.")
        except PealError as error:
            return unable(str(error))

    def _read(self, ran: Ran) -> tuple[Finding, ...] | Outcome:
        said = text_of(ran.stdout)
        items = listed(said)
        if items is None and ran.ending.is_clean:
            items = shown(said)
        if items is None:
            return no_look(ran, f"`{shlex.join(self.lines[-1])}`")
        found = (evolve(plain(item, "stet", _no_text), line=lines_of(item)[0]) for item in items)
        return tuple(evolve(finding, may_dismiss=self.may_dismiss) for finding in found)

    def dismiss(self, context: ReviewContext, findings: Sequence[Finding]) -> None:
        """There is no session to tell."""

    def end(self) -> None:
        """There is no session to finish."""


def _no_text(_path: str, _line: int) -> str:
    return ""
