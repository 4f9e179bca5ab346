"""What the places to work in are towards the rest of peal."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from peal.model.agent import Command
from peal.model.review import Finding
from peal.model.work import Order, Outcome
from peal.worktrees.review_tree import ReviewTree


class Workspace(Protocol):
    """A folder lent to one attempt at `plan` or `execute`."""

    @property
    def path(self) -> Path:
        """The folder to work in."""

    @property
    def base(self) -> str:
        """The commit it is on, with nothing changed; empty in a tree that others share."""

    @property
    def head(self) -> str:
        """The commit that was checked out in a tree that others share when an item's phase began there; otherwise empty."""

    def blank(self) -> None:
        """Ready the folder, for what has to be done there first."""

    notes: list[str]
    """What a person should know of the place, however the attempt ends; put there as it is found."""

    def guarded(self) -> AbstractContextManager[None]:
        """While an agent is at work here: where only peal writes, what it has written is taken back at the end, and noted."""

    kept: bool
    """Set by the borrower: the task goes on here with its next phase."""

    def watch(self) -> None:
        """An agent is about to work: remember what `changed` compares with."""

    def changed(self) -> tuple[str, ...] | None:
        """The paths that differ since `watch`, ignored ones left out; None where that cannot be told to be this attempt's."""

    def left_out(self) -> tuple[str, ...]:
        """Files made or changed since `watch` that git ignores, tools' own caches left out."""

    def changed_outside(self) -> tuple[str, ...]:
        """The paths that changed since `watch` in the person's own tree, where that is another."""

    def keep(self, run: str) -> str:
        """Make what was done the task's commit, whatever becomes of the folder; its id, empty if nothing changed."""

    def rescue(self) -> str:
        """Keep what was done as a patch in the attempt's folder, for it did not pass; says so if it is kept otherwise."""


class Change(Protocol):
    """What one round of `address` works on: a task's change as it would be in the branch."""

    @property
    def path(self) -> Path:
        """The folder that holds it."""

    @property
    def base(self) -> str:
        """The commit of the branch it is meant for; empty in the shared tree."""

    notes: list[str]
    """What a person should know of the place, however the attempt ends; put there as it is found."""

    def guarded(self) -> AbstractContextManager[None]:
        """While an agent is at work here: where only peal writes, what it has written is taken back at the end, and noted."""

    @property
    def is_empty(self) -> bool:
        """There is nothing to review."""

    def git(self, *words: str) -> str:
        """What git prints in the folder, by the person's settings only; `GitError` if it fails."""

    def merge_at_once(self) -> bool:
        """Whether the change is merged and nobody but reviewers needs the folder."""

    def blank(self) -> None:
        """Ready the folder without the change, for what has to be done there first."""

    def check_out(self) -> None:
        """Have the change in the folder."""

    def conflicts(self) -> tuple[Finding, ...]:
        """What could not be merged."""

    @property
    def message(self) -> str:
        """The text of the merge commit."""

    @property
    def is_merge(self) -> bool:
        """Whether that has two parents."""

    def begin_commit(self) -> tuple[str, ...]:
        """Ready the commit of the merge; the names of the person's hooks that are to look at it first, in order."""

    def hook(self, name: str) -> Command:
        """What starts such a hook in the folder."""

    def take_over(self) -> None:
        """Make what a hook has staged part of the merge; `GitError` if it has left that in disorder."""

    def commit(self) -> None:
        """Commit the merge as the hooks have left it; nothing happens where it is committed."""

    def question(self) -> Command | None:
        """What asks the person's hook whether their branch may move to the merge; None if there is nothing to ask."""

    def show_branch(self, is_change: bool) -> bool:
        """Have in the folder what the branch holds, its newest commit as a change to be committed; False if that cannot be."""

    def show_again(self) -> None:
        """Have the merge in the folder again after that."""

    def take_up(self) -> bool:
        """Add what hooks have changed to the merge; whether they changed anything."""

    def clean(self) -> None:
        """Drop what reviewers left in the folder."""

    def commit_snapshot(self) -> str:
        """The merge as it stands as a commit, though hooks may have refused it; empty in the shared tree."""

    def commit_verified(self) -> str:
        """The id of the merge commit, with what belongs to the landing; empty if there is nothing to land."""

    def commit_mended(self) -> str:
        """Make what the agent did part of the merge; its new id, empty while conflicts remain."""

    def rescue(self) -> str:
        """Keep what the agent did as a patch in the attempt's folder; says so if it is kept otherwise."""


class Guard(Protocol):
    """Keeps files in a tree that others share, where only peal writes, as they are while an agent is at work there."""

    def begin(self) -> None:
        """An agent is about to work."""

    def end(self, folder: Path) -> tuple[str, ...]:
        """It has ended: take back what it has written there, with a copy in the attempt's folder; what is to be told."""


class Workspaces(Protocol):
    """Lends folders to attempts."""

    @property
    def place(self) -> Path:
        """Where the folders lie, or the one folder."""

    def tree_of(self, name: str) -> ReviewTree:
        """A worktree for reviews, of which there is one for each branch that plans land in at once."""

    @property
    def branch(self) -> str:
        """Where results land; empty if they do not."""

    @property
    def fence(self) -> dict[str, str]:
        """Variables that keep an agent's git from finding the person's tree when the agent's own is spoiled."""

    @property
    def setup(self) -> tuple[str, ...]:
        """The command that readies a fresh worktree; empty if there is none."""

    def lend(self, order: Order) -> AbstractContextManager[Workspace]:
        """A folder for `plan` or `execute`, until the context ends; PealError if there can be none."""

    def change(self, order: Order) -> Change:
        """What `address` looks at."""

    def needs_setup(self, path: Path) -> bool:
        """Whether `setup` has to run in this folder first."""

    def mark_set_up(self, path: Path) -> tuple[str, ...]:
        """Note that `setup` has succeeded in this folder; what is to be told of that."""

    def land(self, order: Order) -> Outcome:
        """Bring the verified change into the branch; never anything else, and never over the person's own work."""
