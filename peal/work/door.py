"""Where the programs of attempts run: here, or wherever another door leads."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from peal.classes import frozen
from peal.model.agent import Command, Session
from peal.model.process import Ending, Sign
from peal.model.work import Order
from peal.system import removal
from peal.system.files import content
from peal.system.process import Clocks
from peal.work.programs import Programs
from peal.workspaces import Change, Workspace, Workspaces


class Spot(Protocol):
    """A place for the programs of one attempt; paths are as those programs see them."""

    @property
    def path(self) -> Path:
        """The folder to work in."""

    @property
    def folder(self) -> Path:
        """The attempt's own folder."""

    @property
    def is_confined(self) -> bool:
        """Whether a sandbox of peal's own stands around programs there."""

    def goes_on(self, session: Session) -> bool:
        """Whether this is where a conversation began: agents tie theirs to the place."""

    def carry_out(
        self,
        command: Command,
        clocks: Clocks,
        prefix: str = "",
        sign: Callable[[str], Sign | None] | None = None,
    ) -> Ending:
        """See `Programs.carry_out`."""

    def needs_setup(self) -> bool:
        """Whether the worktree has to be readied first, as the person has asked for."""

    def mark_set_up(self) -> tuple[str, ...]:
        """It has been; what is to be told of that."""

    def content(self, file: Path, limit: int) -> bytes | None:
        """What a file there holds, at most so many bytes; None if it is no plain file."""

    def remove(self, file: Path) -> None:
        """Take a file there away."""

    def shown(self, file: Path) -> Path:
        """A file of peal's, as programs there can read it."""

    def bring_back(self) -> None:
        """Have in the attempt's worktree here what was done."""

    def left_out(self) -> tuple[str, ...]:
        """Files that git ignores, were made elsewhere, and stay there."""


class Door(Protocol):
    """Lends spots."""

    def lend(self, order: Order, workspace: Workspace | Change) -> AbstractContextManager[Spot]:
        """A spot for an attempt, which may have to be waited for."""


@frozen
class SpotHere:
    """The worktree itself, or the person's tree."""

    programs: Programs
    order: Order
    workspace: Workspace | Change
    spaces: Workspaces

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.workspace.path

    @property
    def folder(self) -> Path:
        """Below peal's own."""
        return self.order.folder

    @property
    def is_confined(self) -> bool:
        """As the run began."""
        return bool(self.programs.confinement and self.programs.confinement.is_known)

    def goes_on(self, session: Session) -> bool:
        """By its folder, of which nothing was noted where all work in one."""
        return Path(session.workspace or self.path) == self.path

    def carry_out(
        self,
        command: Command,
        clocks: Clocks,
        prefix: str = "",
        sign: Callable[[str], Sign | None] | None = None,
    ) -> Ending:
        """As a child of this process."""
        return self.programs.carry_out(self.order, self.path, command, clocks, prefix, sign)

    def needs_setup(self) -> bool:
        """As its worktree tells."""
        return self.spaces.needs_setup(self.path)

    def mark_set_up(self) -> tuple[str, ...]:
        """For as long as the worktree exists."""
        return self.spaces.mark_set_up(self.path)

    def content(self, file: Path, limit: int) -> bytes | None:
        """As it is."""
        return content(file, limit)

    def remove(self, file: Path) -> None:
        """At once."""
        removal.remove(file)

    def shown(self, file: Path) -> Path:
        """As it is."""
        return file

    def bring_back(self) -> None:
        """It is there."""

    def left_out(self) -> tuple[str, ...]:
        """None: it is there."""
        return ()


@frozen
class DoorHere:
    """Leads nowhere else."""

    programs: Programs
    spaces: Workspaces

    @contextmanager
    def lend(self, order: Order, workspace: Workspace | Change) -> Iterator[SpotHere]:
        """The worktree that the attempt has."""
        yield SpotHere(self.programs, order, workspace, self.spaces)
