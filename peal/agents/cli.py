"""A coding CLI as an agent: its adapter, and what the person's settings change about it."""

import os
import shutil
from collections.abc import Callable

from attrs import evolve, field

from peal.agents.protocol import Cli, Request, Sign, Transcript
from peal.classes import frozen
from peal.model.access import Access
from peal.model.agent import Command, Fault, Reply
from peal.settings import AgentSettings

IDLE_SEC = 900
"""Silence that ends an attempt: a CLI prints nothing while a tool runs, and their own limit for a tool is ten minutes."""


@frozen
class CliAgent:
    """One of the built-in CLIs."""

    cli: Cli
    table: AgentSettings = field(factory=AgentSettings)

    @property
    def name(self) -> str:
        """As its adapter is called."""
        return self.cli.name

    @property
    def require_change(self) -> bool:
        """Unless its table says otherwise: a CLI whose edits were refused ends as if all were well."""
        return self.table.require_change is not False

    @property
    def idle_timeout_sec(self) -> int | None:
        """As its table says, or long enough for the slowest tool."""
        return self.table.idle_timeout_sec or IDLE_SEC

    @property
    def reports_cost(self) -> bool:
        """As its adapter says."""
        return self.cli.reports_cost

    @property
    def reports_usage(self) -> bool:
        """As its adapter says."""
        return self.cli.reports_usage

    programs = ()

    def missing(self, model: str | None, is_here: bool = True) -> str | None:  # noqa: ARG002 - it has a model of its own
        """Its program has to be there."""
        if not is_here or program_of(self.cli):
            return None
        names = " or ".join(f"`{name}`" for name in self.cli.programs)
        return (
            f"agent `{self.name}`: {names} is not on PATH; install it ({self.cli.install}), or choose another --agent; "
            "`peal agents` shows which are here"
        )

    def prepare(self, request: Request) -> Command:
        """Its program with the adapter's words and the person's own behind them; the prompt never as an argument."""
        program = program_of(self.cli) or self.cli.programs[0]
        return Command(
            (program, *self.cli.argv(request), *self.table.args),
            prompt_on_stdin=self.cli.prompt == "stdin",
            env={**self.cli.env(request), **self.table.env},
            files=dict(self.cli.files(request)),
            access=Access(self.name, request.may_write),
        )

    def read(self, transcript: Transcript) -> Reply:
        """By its adapter; one that is not logged in is told what a person has to do."""
        reply = self.cli.read(transcript)
        trouble = reply.trouble
        if trouble is None or trouble.fault is not Fault.UNAUTHENTICATED:
            return reply
        return evolve(reply, trouble=evolve(trouble, message=f"{trouble.message}; {self.cli.login}"))

    @property
    def sign(self) -> Callable[[str], Sign | None] | None:
        """By its adapter."""
        return self.cli.sign


def program_of(cli: Cli) -> str | None:
    """The CLI's program on PATH; a namesake from another maker does not count."""
    for name in cli.programs:
        path = shutil.which(name)
        if path and cli.is_its(name, os.path.realpath(path)):
            return name
    return None
