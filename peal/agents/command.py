"""Any command as an agent, described by a table in the settings."""

import re
from collections.abc import Callable
from pathlib import Path

from peal.agents.protocol import Cli, Request, Sign, Transcript
from peal.classes import frozen
from peal.model.access import Access
from peal.model.agent import Command, Declined, Reply
from peal.model.pipeline import AGENT_PHASES
from peal.settings import AgentSettings
from peal.system import process

_PLACEHOLDER = re.compile(r"\{(phase|task|workspace|model|prompt|prompt_file)\}")


@frozen
class CommandAgent:
    """`[agents.NAME]` of peal.toml."""

    name: str
    table: AgentSettings
    repo: Path
    speaks: Cli | None = None
    """The CLI in whose form it replies; None for plain text."""

    @property
    def require_change(self) -> bool:
        """As its table says; a program that nobody knows may well have nothing to change."""
        return bool(self.table.require_change)

    @property
    def idle_timeout_sec(self) -> int | None:
        """As its table says: an unknown program may be silent for long."""
        return self.table.idle_timeout_sec

    @property
    def reports_cost(self) -> bool:
        """If what it speaks does."""
        return self.speaks is not None and self.speaks.reports_cost

    @property
    def reports_usage(self) -> bool:
        """If what it speaks does."""
        return self.speaks is not None and self.speaks.reports_usage

    @property
    def programs(self) -> tuple[str, ...]:
        """Every phase's."""
        return tuple(dict.fromkeys(self._words(phase)[0] for phase in AGENT_PHASES))

    def missing(self, model: str | None, is_here: bool = True) -> str | None:
        """Every phase's program must be there, and a model if the command names one."""
        for phase in AGENT_PHASES:
            words = self._words(phase)
            if is_here and process.program(words[0], self.repo) is None:
                return (
                    f"agent `{self.name}`: `{words[0]}` is not a program on PATH or in `{self.repo}`; "
                    f"install it, or mend [agents.{self.name}] in peal.toml"
                )
            if model is None and any("{model}" in word for word in words):
                return f"agent `{self.name}` wants a {{model}} and none is set; pass --model"
        return None

    def prepare(self, request: Request) -> Command | Reply | Declined:
        """The table's command with its placeholders filled in, each once: a prompt may contain braces."""
        values = {
            "phase": request.phase.name,
            "task": request.task.id,
            "workspace": str(request.workspace),
            "model": request.model or "",
            "prompt": request.prompt.replace("\0", "\ufffd"),  # no argument can hold a NUL
            "prompt_file": str(request.prompt_file),
        }
        words = [
            _PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in self._words(request.phase.name)
        ]
        program = str(self.repo / words[0]) if "/" in words[0] else words[0]
        on_stdin = self.table.prompt == "stdin"
        access = Access(self.speaks.name if self.speaks else "", request.may_write)
        return Command((program, *words[1:]), on_stdin, dict(self.table.env), access=access)

    def read(self, transcript: Transcript) -> Reply:
        """Standard output as it is, or as the CLI that it speaks like would have meant it."""
        return self.speaks.read(transcript) if self.speaks else Reply(transcript.text)

    @property
    def sign(self) -> Callable[[str], Sign | None] | None:
        """By what it speaks: a line means what it would mean if that CLI had written it."""
        return self.speaks.sign if self.speaks else None

    def _words(self, phase: str) -> tuple[str, ...]:
        own: tuple[str, ...] = getattr(self.table, phase, ())
        return self.table.phases.get(phase) or own or self.table.command
