"""A pool of worktrees: each task works in one, and what it did is merged, verified and landed."""

import os
import shlex
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from attrs import evolve, field

from peal.classes import define
from peal.errors import Paused
from peal.landing import anywhere, checkouts
from peal.landing.outcomes import Target
from peal.model.plan import TaskId
from peal.model.work import Order, Outcome, Result
from peal.system import git
from peal.system.git_objects import Objects, objects_of
from peal.text.display import some
from peal.text.names import file_name
from peal.workspaces.additions import NO_ADDITIONS, Additions, CommittedFiles, Edit, Files, in_the_way, parted
from peal.workspaces.lent_worktree import LentWorktree
from peal.workspaces.merging import Merge
from peal.workspaces.messages import Messages
from peal.workspaces.slots import Slots
from peal.workspaces.store_merge import StoreMerge
from peal.worktrees import commits, leftovers, submodules
from peal.worktrees.agent_git import Origin, Stamp
from peal.worktrees.guarded import Guarded
from peal.worktrees.hooks import Hooks
from peal.worktrees.review_tree import ReviewTree
from peal.worktrees.worktree import ADDRESS, Worktree

_LINK = "160000"
"""The mode of a submodule."""
_TRIES = 5
_SHOWN = 3
_SHORT = 10
"""Letters of a commit's id that are shown."""


@define(slots=False)
class Pool:
    """Worktrees for as many tasks as may run at once and one for `address`; they outlive the run, for the next one."""

    slots: Slots
    target: Target
    """Where results land; whoever checks out another branch holds them up, unless it is meant by its name."""
    prefix: str
    """In front of a task's name, that of peal's branch for it."""
    messages: Messages
    hooks: Hooks
    setup: tuple[str, ...] = ()
    included: tuple[Path, ...] = ()
    identity: Mapping[str, str] = field(factory=dict)
    """Who commits, as variables for git."""
    committed: tuple[str, ...] = ()
    """Patterns of paths that are committed though git ignores them."""
    guarded: Guarded = field(factory=lambda: Guarded(frozenset()))
    """What lands only if the person has accepted it."""
    accepted: Container[TaskId] = frozenset()
    """The tasks whose changes to that the person has accepted."""
    additions: Additions = NO_ADDITIONS
    """What belongs to each landing beside what the task has changed."""
    notices: tuple[str, ...] = ()
    """What a person should know of checks that will not look, before a run."""
    hints: tuple[str, ...] = ()
    """The same, told before the first run alone."""
    begins_at: str = ""
    """The commit at which the branch is to be made; empty if it is there."""
    is_alone: bool = False
    """Whether programs in the worktrees are to find no way to another repository in their git's settings."""
    _seat: str | None = None
    """See `Slots.take_seat`; None as long as there is nothing to review."""
    _held: dict[TaskId, tuple[Worktree, str, Stamp | None]] = field(factory=dict)
    """The worktrees that tasks have planned in and go on in, each with its base, and how it was handed over."""
    _changed_outside: set[str] = field(factory=set)
    """What changed in the person's tree while agents worked."""

    @property
    def branch(self) -> str:
        """The name of the branch that results land in."""
        return self.target.branch

    @property
    def repo(self) -> Path:
        """The repository."""
        return self.slots.repo

    @property
    def place(self) -> Path:
        """The folder of the worktrees."""
        return self.slots.place

    @cached_property
    def fence(self) -> dict[str, str]:
        """git looks for a repository no further up than in the worktree itself; see git(1)."""
        outer = os.environ.get("GIT_CEILING_DIRECTORIES")
        return {"GIT_CEILING_DIRECTORIES": os.pathsep.join(filter(None, (outer, str(self.place))))}

    def prepare(self, at_once: int, reviews: bool) -> list[str]:
        """
        Make the worktrees for so many tasks at once, before there is an agent whose git this could disturb.

        The one for `address` too, unless only a conflict could need it. First the branch, if it is to be made. Tells what was
        in the way and stands beside now.
        """
        made = self._begun()
        _ = self._origin  # before anybody works here who could change it
        free = map(self._worktree, self.slots.make_ready(at_once))
        needed = [*free, *([self._address] if reviews or self.hooks.names else [])]
        return [*made, *(text for worktree in needed if not worktree.exists for text in worktree.make())]

    def _begun(self) -> list[str]:
        """The branch is made if it is not there; says so."""
        if not self.begins_at:
            return []
        nothing = "0" * len(self.begins_at)
        words = ("update-ref", "-m", "peal: begun", self.target.ref, self.begins_at, nothing)
        try:
            git.output(self.repo, *words)
            told = [f"made {self.beginning}"]
        except git.GitError:
            if not self._objects.commit_id(self.target.ref):
                raise
            told = []  # another plan that lands there was first
        self.begins_at = ""
        return told

    @property
    def beginning(self) -> str:
        """What is to be made, and where: a branch that is not there yet."""
        return f"branch `{self.branch}` at {self.begins_at[:_SHORT]}"

    def leave(self) -> None:
        """Nobody goes on in a worktree that a task was to go on in, or is reviewed: others may have the places."""
        while self._held:
            worktree = self._held.popitem()[1][0]
            self.slots.give_back(worktree.path.name)
        if self._seat is not None:
            self.slots.leave_seat(self._seat, self.branch)
            self._seat = None

    def _worktree(self, name: str) -> Worktree:
        return Worktree(self.repo, self.place / name, self.included, self.committed)

    @property
    def _address(self) -> Worktree:
        return self._worktree(self.place_of(ADDRESS).name)

    def place_of(self, name: str) -> Path:
        """The folder of a worktree for reviews."""
        if self._seat is None:
            self._seat = self.slots.take_seat(self.branch)
        return self.place / f"{name}{self._seat}"

    def tree_of(self, name: str) -> ReviewTree:
        """A worktree for reviews that nobody else works in."""
        return ReviewTree(Worktree(self.repo, self.place_of(name)), lambda: self._origin)

    def ref(self, task: TaskId) -> str:
        """The branch of peal's that keeps a task's commit until it has landed."""
        return f"refs/heads/{self.prefix}/{file_name(task)}"

    def tip(self) -> str:
        """The commit that the branch is on now, or is to begin at; `Paused` if it is not there."""
        commit = self._objects.commit_id(self.target.ref) or self.begins_at
        if not commit:
            raise Paused(self.target.gone())
        return commit

    def checked_out_at(self) -> Path | None:
        """The tree in which a person may be at work on the branch; None if that is none."""
        return checkouts.found(self.repo, self.branch) if self.target.is_named else self.repo

    def is_checked_out_here(self) -> bool:
        """Whether the branch is what the person's own tree has in this moment: they may switch at any time."""
        return checkouts.found(self.repo, self.branch) == self.repo

    @cached_property
    def _origin(self) -> Origin:
        """What agents' own git folders are made from."""
        return Origin.of(git.common_folder(self.repo), self.repo, f"refs/heads/{self.prefix}/", self.is_alone)

    @cached_property
    def _objects(self) -> Objects:
        return objects_of(self.repo)

    @contextmanager
    def lend(self, order: Order) -> Iterator[LentWorktree]:
        """A clean worktree on the branch's newest commit; the one the task planned in, if it passed there."""
        worktree, base, stamp = self._taken(order.task.id)
        lent: LentWorktree | None = None
        try:
            notes: list[str] = []
            if not base:
                base = order.base or self.tip()
                notes = leftovers.cleared(worktree, base)
            leftovers.claim(worktree, order.folder, base)
            if stamp is None or worktree.stamp() != stamp:
                notes += worktree.hand_over(self._origin)
                stamp = worktree.stamp() if order.stays else None
            lent = LentWorktree(
                worktree,
                order,
                base,
                self.ref(order.task.id),
                self.messages,
                self.identity,
                self._outside,
                notes=notes,
            )
            yield lent
        finally:
            if lent and lent.kept and order.stays:
                leftovers.settle(worktree)
                self._held[order.task.id] = worktree, base, stamp
            else:
                self.slots.give_back(worktree.path.name)

    def _taken(self, task: TaskId) -> tuple[Worktree, str, Stamp | None]:
        """A worktree, the commit that it is ready on already, and how it was handed over."""
        if task in self._held:
            return self._held.pop(task)
        return self._worktree(self.slots.take()), "", None

    def _outside(self, since: int) -> tuple[str, ...]:
        """What changed in the person's tree; remembered, for when it is in the way."""
        found = self.slots.changed_outside(since)
        self._changed_outside |= set(found)
        return found

    def change(self, order: Order) -> Merge:
        """The task's commit on top of the branch."""
        return Merge(
            worktree=self._address,
            order=order,
            ref=self.ref(order.task.id),
            base=self.tip(),
            messages=self.messages,
            hooks=self.hooks,
            target=self.target.ref,
            checked_out_at=self.checked_out_at,
            origin=self._origin,
            identity=self.identity,
            store=self._store,
            additions=self.additions,
        )

    @cached_property
    def _store(self) -> StoreMerge:
        return StoreMerge(self.repo)

    def needs_setup(self, path: Path) -> bool:
        """Whether this worktree has not been readied yet, or by another command."""
        return bool(self.setup) and not self._worktree(path.name).was_set_up_by(self.setup)

    def mark_set_up(self, path: Path) -> tuple[str, ...]:
        """The worktree is ready, for as long as it exists."""
        worktree = self._worktree(path.name)
        notes = worktree.mark_set_up_by(self.setup)
        submodules.adopt(worktree.around)
        return (*notes, *worktree.hand_over(self._origin))

    def land(self, order: Order) -> Outcome:
        """Into the branch; then peal's own branch for the task has done its work."""
        if not order.change.verified:
            return Outcome(Result.PASSED, "nothing to land")
        try:
            return self._landed(order)
        except git.GitError as refused:  # the work is kept, and waits for a repository that git can read
            return Outcome(Result.HELD, f"{refused}; put that right, then `peal resume`")

    def _landed(self, order: Order) -> Outcome:
        brings = self._objects.brought_by(order.change.verified)
        verified = order.change.verified
        if path := in_the_way(self.additions, order, self._objects, verified, brings, self.checked_out_at()):
            return Outcome(Result.OUTDATED, f"`{path}` is being edited: to be verified without its tick")
        if waiting := self._unaccepted(order, brings) or self._unpublished(brings):
            return Outcome(Result.HELD, waiting)
        outcome = anywhere.landed(self.target, order.change.verified, self.slots.landing)
        named = sorted(path for path in self._changed_outside if f"`{path}`" in outcome.reason)
        if outcome.result is Result.HELD and named:
            why = f"{some(named, _SHOWN)} changed while an agent worked, so that may be its doing"
            outcome = evolve(outcome, notes=(*outcome.notes, why))
        if outcome.result is Result.PASSED:
            left = commits.let_go(self.repo, self.ref(order.task.id))
            outcome = evolve(outcome, notes=(*outcome.notes, *left))
        return outcome

    def put(self, edits: Callable[[Files], Iterable[Edit]], message: str) -> Outcome:
        """Change files of the branch by a commit of its own, as a task lands; `edits` is given them as they are then."""
        outcome = Outcome(Result.OUTDATED)
        for _ in range(_TRIES):
            tip = self.tip()
            before = self._objects.tree_of(tip)
            files = CommittedFiles(self._objects, before)
            found = parted(edits(files), files, self.checked_out_at())
            tree = self._objects.edited(before, found.edits)
            if tree == before:
                return Outcome(Result.PASSED, commit=tip, notes=found.notes)
            commit = commits.made(self.repo, tree, (tip,), message, self.identity)
            outcome = anywhere.landed(self.target, commit, self.slots.landing)
            if outcome.result is not Result.OUTDATED:
                return evolve(outcome, notes=(*outcome.notes, *found.notes))
        return outcome

    @property
    def files(self) -> CommittedFiles:
        """What the branch holds now."""
        return CommittedFiles(self._objects, self._objects.tree_of(self.tip()))

    def _unaccepted(self, order: Order, brings: Iterable[str]) -> str:
        """What of the change the next run would execute or obey, and only the person can let in."""
        found = self.guarded.among(brings)
        if not found or order.task.id in self.accepted:
            return ""
        task = order.task.id
        return (
            f"it changes {some(found, _SHOWN)}, by which peal or your git would be told what to run; look at it with "
            f"`peal diff {task}`, and let it land with `peal resume --accept-settings {task}`"
        )

    def _unpublished(self, brings: Mapping[str, git.Change]) -> str:
        """What a submodule's commit waits for that would be nowhere but with peal."""
        home = self.place.parent / "submodules"
        moved = [one.after.blob for one in brings.values() if one.after and one.after.mode == _LINK]
        for store in home.iterdir() if moved and home.is_dir() else ():
            for commit in moved:
                if submodules.is_kept_only_in(store, commit):
                    return (
                        f"a submodule is at {commit[:10]}, which is on no remote; push it: "
                        f"`git --git-dir={shlex.quote(str(store))} push origin {commit}:refs/heads/NAME`"
                    )
        return ""

    def made_by(self, task: TaskId, base: str, run: str) -> str:
        """The commit that a run which was cut off has made of a task and could not record; empty if there is none."""
        commit = commits.made_in(self.repo, self.ref(task), run)
        made = self._objects.commit(commit) if commit else None
        stood_on = self._objects.commit(base)
        before = ((base,), stood_on.parents if stood_on else ())
        return commit if made and commit != base and made.parents in before else ""

    def merged_by(self, task: TaskId, base: str, brings: str) -> str:
        """The merge of `brings` that a round of `address` has made and could not record; empty if there is none."""
        made = self._objects.commit(self.ref(task))
        is_merge = made is not None and made.id != brings and made.parents[:1] == (base,)
        return made.id if made and is_merge and git.is_ancestor(self.repo, brings, made.id) else ""

    def landed_by(self, task: TaskId, verified: str) -> str:
        """
        The commit of a landing that was done and could not be recorded; empty if it was not done.

        peal's own branch for the task has done its work then.
        """
        if not verified or not self._objects.contains(self.tip(), verified):
            return ""
        commits.let_go(self.repo, self.ref(task))
        return verified

    def set_branches_aside(self) -> None:
        """Give peal's branches of this plan other names, for a run that starts over."""
        for ref, commit in self.branches().items():
            self.set_aside(ref, commit)

    def branches(self) -> dict[str, str]:
        """peal's branches of this plan, each with its commit."""
        listed = git.output(
            self.repo, "for-each-ref", "--format=%(refname) %(objectname)", f"refs/heads/{self.prefix}/"
        )
        return dict(line.rsplit(" ", 1) for line in listed.splitlines())

    def set_aside(self, ref: str, commit: str) -> None:
        """Give a branch of peal's another name, so that the one it has can be used again."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        commits.point(self.repo, ref.replace(self.prefix, f"{self.prefix}.before-{stamp}"), commit)
        commits.let_go(self.repo, ref)
