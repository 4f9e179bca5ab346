"""Who does the work: one adapter per file, each pure; to add one, write its file and name it here."""

from collections.abc import Mapping
from pathlib import Path

from peal.agents.command import CommandAgent
from peal.agents.protocol import Agent, Request
from peal.agents.shell import ShellAgent
from peal.errors import PealError
from peal.settings import AgentSettings

__all__ = ["Agent", "Request", "find"]

BUILT_IN: dict[str, type[Agent]] = {"shell": ShellAgent}


def find(name: str, tables: Mapping[str, AgentSettings], repo: Path, model: str | None) -> Agent:
    """The agent of this name, ready to be used in `repo`; PealError says how to go on if there is none."""
    if name == "auto":
        raise PealError(
            'no agent was found: agent = "auto" knows none yet; pass --agent shell to run the plan\'s `sh` blocks, '
            "or describe a command in peal.toml as [agents.NAME] and pass --agent NAME"
        )
    if name in tables:
        agent: Agent = CommandAgent(name, tables[name], repo)
    elif name in BUILT_IN:
        agent = BUILT_IN[name]()
    else:
        known = ", ".join(f"`{known}`" for known in [*BUILT_IN, *sorted(tables)])
        raise PealError(
            f"there is no agent `{name}`; known are {known}; describe a command as [agents.{name}] in peal.toml"
        )
    if problem := agent.missing(model):
        raise PealError(problem)
    return agent
