"""The command of a phase that no agent works in: run as it is, it asks nobody and costs nothing."""

from pathlib import Path

from peal.agents.protocol import Request, Transcript
from peal.classes import frozen
from peal.model.access import Access
from peal.model.agent import Command, Declined, Reply
from peal.system import process


@frozen
class PhaseCommand:
    """The `command` of a phase of items, called as its line says."""

    name: str
    argv: tuple[str, ...]
    repo: Path
    has_network: bool = True
    require_change = False
    idle_timeout_sec = None
    reports_cost = True
    reports_usage = True
    sign = None

    @classmethod
    def of(cls, line: str, repo: Path, has_network: bool = True) -> "PhaseCommand":
        """What a line of the settings says."""
        name = line if has_network else f"{line} (without network)"
        return cls(name, tuple(process.arguments(line)), repo, has_network)

    @property
    def programs(self) -> tuple[str, ...]:
        """The one that its line names."""
        return self.argv[:1]

    def missing(self, model: str | None, is_here: bool = True) -> str | None:  # noqa: ARG002 - has no model
        """Its program must be there."""
        if not is_here or process.program(self.argv[0], self.repo):
            return None
        return f"`{self.argv[0]}` is not a program on PATH or in `{self.repo}`; install it, or mend the phase's `command`"

    def prepare(self, request: Request) -> Command | Reply | Declined:
        """The command; a program of the repository is the one of the workspace, for the item may be about it."""
        program = self.argv[0]
        own = request.workspace / program
        if "/" in program and not Path(program).is_absolute():
            program = str(own if own.is_file() else self.repo / program)
        return Command((program, *self.argv[1:]), access=Access(has_network=self.has_network))

    def read(self, transcript: Transcript) -> Reply:
        """What it has printed."""
        return Reply(transcript.text)
