"""Every agent there is; to add one, write its file and name it here."""

import os
from collections.abc import Mapping
from pathlib import Path

from peal.agents.aider import AIDER
from peal.agents.claude import CLAUDE
from peal.agents.cli import CliAgent, program_of
from peal.agents.codex import CODEX
from peal.agents.command import CommandAgent
from peal.agents.copilot import COPILOT
from peal.agents.cursor import CURSOR
from peal.agents.gemini import GEMINI
from peal.agents.opencode import OPENCODE
from peal.agents.protocol import Agent, Cli
from peal.agents.qwen import QWEN
from peal.agents.shell import ShellAgent
from peal.errors import PealError
from peal.settings import CLIS, AgentSettings
from peal.system import git

_ALL = (CLAUDE, CODEX, CURSOR, OPENCODE, GEMINI, QWEN, COPILOT, AIDER)
ADAPTERS: dict[str, Cli] = {cli.name: cli for cli in _ALL}
MARKERS = frozenset(marker for cli in ADAPTERS.values() for marker in cli.markers)
"""Variables of an agent inside which peal itself was started; an agent that sees them behaves otherwise."""


def surroundings() -> dict[str, str]:
    """peal's own environment without what steers git or tells an agent that it is inside another."""
    return {name: value for name, value in os.environ.items() if name not in git.STEERING | MARKERS}


def first_here() -> str:
    """What `agent = "auto"` means on this machine; PealError if no CLI is installed."""
    for name in CLIS:
        if name in ADAPTERS and program_of(ADAPTERS[name]):
            return name
    raise PealError(
        f"no agent was found: none of {', '.join(CLIS)} is installed; install one, pass --agent shell to run the plan's "
        "`sh` blocks, or describe a command in peal.toml as [agents.NAME] and pass --agent NAME"
    )


def find(name: str, tables: Mapping[str, AgentSettings], repo: Path, model: str | None) -> Agent:
    """The agent of this name, ready to be used in `repo`; PealError says how to go on if there is none."""
    table = tables.get(name, AgentSettings())
    agent: Agent
    if name in ADAPTERS:
        agent = CliAgent(ADAPTERS[name], table)
    elif name == "shell":
        agent = ShellAgent()
    elif name in tables:
        agent = CommandAgent(name, table, repo, ADAPTERS.get(table.reply))
    else:
        known = ", ".join(f"`{known}`" for known in ["shell", *CLIS, *sorted(tables.keys() - set(CLIS))])
        raise PealError(
            f"there is no agent `{name}`; known are {known}; describe a command as [agents.{name}] in peal.toml"
        )
    if problem := agent.missing(model):
        raise PealError(problem)
    return agent
