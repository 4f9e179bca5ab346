"""What an agent is towards the rest of peal."""

from pathlib import Path
from typing import Protocol

from attrs import frozen

from peal.model import Command, Declined, Phase, Reply, Task


@frozen
class Request:
    """What an agent is asked to do in one attempt."""

    task: Task
    phase: Phase
    prompt: str
    prompt_file: Path
    workspace: Path
    model: str | None = None


class Agent(Protocol):
    """Two pure halves: a command before, a reply after. An agent starts nothing and reads no file itself."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def require_change(self) -> bool:
        """Whether an `execute` that changed nothing has failed."""

    @property
    def idle_timeout_sec(self) -> int | None:
        """Its own idle clock; None where its output tells nothing about its life."""

    def missing(self, model: str | None) -> str | None:
        """Why it cannot be used here and how to go on; None if it can."""

    def prepare(self, request: Request) -> Command | Reply | Declined:
        """What to start; or the reply at once, where no process is needed; or why nothing can be done."""

    def read(self, output: str) -> Reply:
        """The reply in what the process wrote to stdout; of a very long output only the end is handed in."""
