"""What a reviewer is towards the rest of peal, and what it is given to work with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from peal.classes import frozen
from peal.model.agent import Reply
from peal.model.plan import Task
from peal.model.process import Ending
from peal.model.review import Finding
from peal.model.work import Outcome


@frozen
class Ran:
    """A program that a reviewer ran to its end."""

    ending: Ending
    stdout: Path
    stderr: Path


class ReviewContext(Protocol):
    """One look at one task's change; everything a reviewer may use."""

    @property
    def task(self) -> Task:
        """Whose change it is."""

    @property
    def path(self) -> Path:
        """The folder that holds the change."""

    @property
    def attempt_folder(self) -> Path:
        """Where the attempt keeps its files."""

    @property
    def scratch(self) -> Path:
        """Where programs may write files for whoever has started them; it goes with the attempt."""

    @property
    def base(self) -> str:
        """The commit the change goes on top of; empty in a tree that all tasks share."""

    def changed(self) -> tuple[str, ...]:
        """The paths that differ from `base`, or, in a shared tree, from what is committed."""

    def diff(self) -> str:
        """The change as a patch."""

    def commit(self) -> str:
        """The change as a commit on top of `base`; empty in a shared tree."""

    def run(
        self,
        argv: Sequence[str],
        name: str,
        timeout_sec: int | None = None,
        folder: Path | None = None,
        has_network: bool = True,
    ) -> Ran:
        """Run a program to its end, in the change's folder or another; `name` is for the files it prints into."""

    def ask(
        self, agent: str, model: str | None, prompt: str, name: str, has_network: bool = True
    ) -> Reply | Outcome:
        """Ask an agent that may only read; an outcome if it could not answer."""

    def apart(self, argv: Sequence[str], folder: Path, timeout: float) -> None:
        """Run a program outside of any attempt, which the end of the run does not end; as good as it goes."""


class Reviewer(Protocol):
    """Looks for something to mend. One of a kind for a run; looks come one after another."""

    @property
    def name(self) -> str:
        """What its findings are called after."""

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know of its last look besides what it found."""

    def look(self, context: ReviewContext) -> tuple[Finding, ...] | Outcome:
        """Everything it finds in a change; an outcome if it could not look."""

    def heed(self, context: ReviewContext, findings: Sequence[Finding]) -> None:
        """These findings of its last look were dismissed, each with `dismissed` set to why."""

    def leave(self) -> None:
        """The run is over, however: end what it has begun. Never raises."""
