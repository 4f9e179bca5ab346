"""Every agent there is; a coding CLI's adapter has a file and a value of its name."""

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from peal.agents.cli import CliAgent, program_of
from peal.agents.command import CommandAgent
from peal.agents.protocol import Agent, Cli
from peal.agents.shell import ShellAgent
from peal.errors import PealError
from peal.settings import CLIS, AgentSettings
from peal.system import git

MARKERS = frozenset(
    (
        "AI_AGENT", "CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_EXECPATH",
        "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_SSE_PORT",
        "CODEX_CI", "CODEX_MANAGED_BY_NPM", "CODEX_MANAGED_PACKAGE_ROOT", "CODEX_SANDBOX",
        "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_SESSION_ID", "CODEX_THREAD_ID", "CODEX_TOOL_CALL_ID", "CODEX_VERSION",
        "CURSOR_AGENT",
        "OPENCODE", "OPENCODE_PID",
        "GEMINI_CLI", "GEMINI_CLI_NO_RELAUNCH",
        "QWEN_CODE", "QWEN_CODE_NO_RELAUNCH",
        "COPILOT_AGENT_SESSION_ID", "COPILOT_CLI", "COPILOT_CLI_BINARY_VERSION", "COPILOT_CLI_RESOLVED_DIST_DIR",
        "COPILOT_LOADER_PID",
    )
)  # fmt: skip
"""
Variables that CLIs set for what they start; in peal's own environment they would confuse an agent. They stand here, as
every run needs all of them and few adapters.
"""


def adapter(name: str) -> Cli:
    """The adapter of one of `CLIS`, imported when it is asked for."""
    found: Cli = getattr(import_module(f"peal.agents.{name}"), name.upper())
    return found


@cache
def adapters() -> Mapping[str, Cli]:
    """All adapters by name, in the order of `CLIS`."""
    return {name: adapter(name) for name in CLIS}


def surroundings() -> dict[str, str]:
    """peal's own environment without what steers git or tells an agent that it is inside another."""
    return {name: value for name, value in os.environ.items() if name not in git.STEERING | MARKERS}


def first_here(is_for_items: bool = False) -> str:
    """What `agent = "auto"` means on this machine; PealError if no CLI is installed. `shell` is no way out for items."""
    for name in CLIS:
        if program_of(adapter(name)):
            return name
    shell = "" if is_for_items else " pass --agent shell to run the plan's `sh` blocks,"
    raise PealError(
        f"no agent was found: none of {', '.join(CLIS)} is installed; install one,{shell} or describe a command in "
        "peal.toml as [agents.NAME] and pass --agent NAME"
    )


def find(
    name: str, tables: Mapping[str, AgentSettings], repo: Path, model: str | None, is_here: bool = True
) -> Agent:
    """
    The agent of this name, ready to be used in `repo`, or on machines; PealError says how to go on if there is none.
    """
    table = tables.get(name, AgentSettings())
    agent: Agent
    if name in CLIS:
        agent = CliAgent(adapter(name), table)
    elif name == "shell":
        agent = ShellAgent()
    elif name in tables:
        agent = CommandAgent(name, table, repo, adapter(table.reply) if table.reply in CLIS else None)
    else:
        known = ", ".join(f"`{known}`" for known in ["shell", *CLIS, *sorted(tables.keys() - set(CLIS))])
        raise PealError(
            f"there is no agent `{name}`; known are {known}; describe a command as [agents.{name}] in peal.toml"
        )
    if problem := agent.missing(model, is_here):
        raise PealError(problem)
    return agent
