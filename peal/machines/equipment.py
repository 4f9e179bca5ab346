"""What an agent needs of a machine."""

import os
from pathlib import Path

from peal.agents.cli import CliAgent
from peal.agents.protocol import Agent
from peal.classes import frozen


@frozen
class Need:
    """What has to be there for an agent."""

    cli: str = ""
    """A coding CLI, by its name."""
    programs: tuple[str, ...] = ()
    """Others, by what a command begins with."""

    @classmethod
    def of(cls, agent: Agent, repo: Path) -> "Need":
        """Of what lies in the repository nothing is asked: it goes there with the commits."""
        if isinstance(agent, CliAgent):
            return cls(agent.name)
        return cls(programs=tuple(word for word in agent.programs if not path_in_repository(word, repo)))


def path_in_repository(word: str, repo: Path) -> str:
    """Where the program that a command begins with lies, from the repository's root; empty if it does not lie there."""
    path = os.path.normpath(repo / word)
    return os.path.relpath(path, repo) if "/" in word and Path(path).is_relative_to(repo) else ""


def leads_out(word: str, repo: Path) -> bool:
    """Whether a path from the repository's root names what is not in there: no machine has anything at that place."""
    return "/" in word and not Path(word).is_absolute() and not path_in_repository(word, repo)
