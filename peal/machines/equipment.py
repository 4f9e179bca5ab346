"""What an agent needs of a machine."""

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
    def of(cls, agent: Agent) -> "Need":
        """Of what lies in the repository nothing is asked: it goes there with the commits."""
        if isinstance(agent, CliAgent):
            return cls(agent.name)
        return cls(programs=tuple(word for word in agent.programs if not lies_in_repository(word)))


def lies_in_repository(word: str) -> bool:
    """Whether a command's first word is a path from the repository's root."""
    return "/" in word and not Path(word).is_absolute()
