"""`address` on a worktree: the task's commit merged into the branch, conflicts told as findings, mends made part of it."""

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path

from attrs import field

from peal.classes import define
from peal.model.agent import Command
from peal.model.review import Finding
from peal.model.work import Order
from peal.system import git
from peal.system.files import content
from peal.system.git_objects import Objects, objects_of
from peal.workspaces.additions import Additions, CommittedFiles, TickedFile, parted
from peal.workspaces.messages import Messages
from peal.workspaces.store_merge import StoreMerge
from peal.workspaces.way import Way, way_onto
from peal.worktrees import commits, conflicts, hook_work, leftovers
from peal.worktrees.agent_git import Origin
from peal.worktrees.hooks import OF_THE_BRANCH, Hooks
from peal.worktrees.staging import staged
from peal.worktrees.worktree import MARKER, Worktree

_PLAINLY = ("--no-squash", "--no-autostash", "--no-verify-signatures")
"""Whatever the person has set for merges in general."""


@define(slots=False)
class Merge:
    """One round's merge, in the pool's worktree for it; see `Change`."""

    worktree: Worktree
    order: Order
    ref: str
    """The branch of peal's that keeps the task's commit."""
    base: str
    """The commit of the person's branch it goes on top of."""
    messages: Messages
    hooks: Hooks
    target: str
    """The person's branch, by its full name."""
    checked_out_at: Callable[[], Path | None]
    """The tree in which a person may be at work on it."""
    origin: Origin
    identity: Mapping[str, str]
    """Who commits, as variables for git."""
    store: StoreMerge
    additions: Additions
    """What belongs to the landing beside what the task has changed."""
    """In which ticks never clash."""
    notes: list[str] = field(factory=list)
    _commit: str = ""
    _is_staged: bool = False
    _lines: list[str] = field(factory=list)
    """What git has said of the conflicts."""
    _conflicts: dict[str, bytes | None] = field(factory=dict)
    """The unmerged paths, and what their files held when the agent had not touched them."""
    _handed: tuple[int, ...] = ()
    """Tells whether somebody has staged something since, as far as programs' git is concerned."""
    _aside: str = ""
    """The tree of the merge while the folder shows something else."""

    def guarded(self) -> AbstractContextManager[None]:
        """What it has written is looked at when it lands."""
        return nullcontext()

    @property
    def is_empty(self) -> bool:
        """The task has changed nothing."""
        return not self.order.change.brings

    @property
    def path(self) -> Path:
        """The worktree; `ready` makes it so."""
        return self.worktree.path

    def blank(self) -> None:
        """The worktree on the branch's commit, without the merge."""
        self.notes += leftovers.cleared(self.worktree, self.base)
        self._hand_over()

    def check_out(self) -> None:
        """The worktree holds the merge, committed or under way."""
        if not self._is_staged:
            self._stage()
            self._hand_over()

    def _hand_over(self) -> None:
        self.notes += self.worktree.hand_over(self.origin)
        self._handed = self.worktree.agent_git.index_stamp()

    @property
    def _parents(self) -> tuple[str, ...]:
        brought = self._objects.commit(self.order.change.brings)
        return brought.parents if brought else ()

    @property
    def _objects(self) -> Objects:
        return objects_of(self.worktree.repo)

    @cached_property
    def _way(self) -> Way:
        if self.is_empty:
            return Way.NOTHING
        return way_onto(self._objects, self.base, self.order.change.brings, lambda: self._plain_tree)

    @cached_property
    def _plain_tree(self) -> str:
        """The tree of a merge that git makes by itself; empty where it makes none."""
        if self._parents == (self.base,):  # nothing has landed since: there is nothing to merge it with
            return self._objects.tree_of(self.order.change.brings)
        return self.store.tree(self.base, self.order.change.brings, self._plan)

    @property
    def _onto(self) -> tuple[str, ...]:
        """The parents of the commit that comes out."""
        other = {Way.MERGED: self._parents[1:], Way.MERGE: (self.order.change.brings,)}.get(self._way, ())
        return (self.base, *other)

    @property
    def is_merge(self) -> bool:
        """Whether the commit that comes out has two parents."""
        return len(self._onto) > 1

    @cached_property
    def message(self) -> str:
        """The text of the commit that comes out."""
        if own := self.additions.message(self.order):
            return own
        if self._way is Way.REPLAY:
            return self.messages.of_task(
                self.order.task, commits.run_of(self.worktree.repo, self._task_commit)
            )
        task, is_mend = self.order.task, self._way is Way.NOTHING
        return self.messages.of_mend(task) if is_mend else self.messages.of_merge(task)

    @property
    def _task_commit(self) -> str:
        return self.order.change.own or self.order.change.brings

    def conflicts(self) -> tuple[Finding, ...]:
        """A finding for each path that clashes."""
        found = conflicts.of(self._unmerged(), self._lines)
        return tuple(one.told(self._conflicts.get(one.path), self._lines) for one in found)

    def git(self, *words: str) -> str:
        """In the worktree, which `ready` has made the merge's."""
        return self.worktree.output(*words)

    def merge_at_once(self) -> bool:
        """Merge without a worktree; whether that was possible: nothing clashes, and nothing of the person's has a say."""
        if self._way is Way.NOTHING:
            self._commit = self.base
        elif self.hooks.names or self._way is Way.REPLAY:
            return False
        elif self._way is Way.MERGED:
            self._commit = self.order.change.brings
        else:
            if not self._plain_tree:
                return False
            self._commit = commits.made(
                self.worktree.repo, self._plain_tree, self._onto, self.message, self.identity
            )
        return True

    def _stage(self) -> None:
        """Ready the worktree: on the merge, or on the branch with the merge in the index."""
        self._is_staged = True
        self.notes += leftovers.cleared(self.worktree, self._commit or self.base)
        leftovers.claim(self.worktree, self.order.folder, self._commit or self.base)
        if self._commit:
            return
        if self.worktree.links():
            self._hand_over()  # git looks into submodules to see which of two commits is the later one
        brings = self.order.change.brings
        match self._way:
            case Way.MERGED:
                self._git(
                    "merge",
                    "--quiet",
                    "--no-ff",
                    "--no-commit",
                    *_PLAINLY,
                    "--strategy=ours",
                    self._parents[1],
                )
                self.worktree.output("read-tree", "--reset", "-u", brings)
            case Way.REPLAY:
                mainline = ["-m", "1"] if len(self._parents) > 1 else []
                self._git("cherry-pick", "--no-commit", "--allow-empty", *mainline, brings)
            case _:
                self._git("merge", "--quiet", "--no-ff", "--no-commit", *_PLAINLY, brings)
        self._conflicts = {path: self._state(path) for path in self._unmerged()}
        if not self.hooks.names and not self._conflicts:
            self._commit = self._written()

    def _git(self, *words: str) -> None:
        """A git that may end in conflicts; anything else that keeps it from merging is an error."""
        done = self.worktree.run(*words)
        self._lines = [line for line in os.fsdecode(done.stdout).splitlines() if line.startswith("CONFLICT")]
        if done.returncode != 0 and self._without_ticks():
            return
        if done.returncode != 0 and not self._unmerged():
            raise git.GitError(f"`git {words[0]}` failed in `{self.worktree.path}`: {git.said(done)}")

    def _without_ticks(self) -> bool:
        """Whether nothing clashed but boxes ticked in the plan; then they are all ticked in the index and the file."""
        if not (plan := self._plan) or self._unmerged().keys() != {plan.path}:
            return False
        united = plan.united_in(self.worktree)
        self._lines = [] if united else self._lines
        return united

    @property
    def _plan(self) -> TickedFile | None:
        return self.additions.plan_of(self.order.task)

    def _unmerged(self) -> dict[str, str]:
        """The paths in conflict, each with git's two letters for how."""
        return self.worktree.unmerged() if self._is_staged and not self._commit else {}

    def _state(self, path: str) -> bytes | None:
        """What a file holds or a link names; None if it is neither."""
        place = self.worktree.path / path
        return os.fsencode(place.readlink()) if place.is_symlink() else content(place)

    def begin_commit(self) -> tuple[str, ...]:
        """Write the message down; the names of the person's hooks that are to look before the merge is committed."""
        if self._commit or not self.hooks.of_commits:
            return ()
        hook_work.put_message(self.worktree, self.message)
        return tuple(name for name in self.hooks.of_commits if self.is_merge or name != "pre-merge-commit")

    @cached_property
    def _environment(self) -> dict[str, str]:
        return {**self.hooks.environment(self.worktree), **self.identity}

    def hook(self, name: str) -> Command:
        """What starts a hook; those about the message are told which file has it, and what is committed."""
        file = str(self.worktree.agent_git.folder / hook_work.MESSAGE)
        kind = "merge" if self.is_merge else "message"
        words = {"prepare-commit-msg": (file, kind), "commit-msg": (file,)}.get(name, ())
        return self.hooks.command(name, self._environment, *words)

    def commit(self) -> None:
        """Commit the merge as the hooks have left it, unless it is."""
        if self._commit:
            return
        if self.worktree.agent_git.head() != self.base:
            raise git.GitError(f"a hook has made something else of the merge in `{self.worktree.path}`")
        if self.hooks.of_commits:
            self.message = hook_work.message_left(self.worktree)
        self._commit = self._written()
        self.worktree.detach(self._commit)
        self.worktree.output("merge", "--quit")
        self._hand_over()

    def question(self) -> Command | None:
        """What asks the person's hook whether their branch may move to the merge; None if there is nothing to ask."""
        if OF_THE_BRANCH not in self.hooks.names or self._commit in ("", self.base):
            return None
        return self.hooks.question(self._environment, f"{self.base} {self._commit} {self.target}")

    def show_branch(self, is_change: bool) -> bool:
        """Have what the branch holds in the folder, its newest commit as the change where there is one to be."""
        older = git.parents(self.worktree.repo, self.base)
        if is_change and not older:
            return False
        self._aside = self._aside or self.worktree.output("write-tree")
        self.notes += self.worktree.reset(self.base)
        if is_change:
            self.worktree.detach(older[0])
        self._hand_over()
        hook_work.put_message(self.worktree, self.message)
        return True

    def show_again(self) -> None:
        """Have the merge in the folder again, with what hooks have changed in it."""
        leftovers.settle(self.worktree)
        self._stage()
        self.worktree.output("read-tree", "--reset", "-u", self._aside)
        self._aside = ""
        self._hand_over()

    def take_over(self) -> None:
        """What a hook has staged is part of the merge."""
        if (now := self.worktree.agent_git.index_stamp()) != self._handed:
            hook_work.take_over(self.worktree)
            self._handed = now

    def take_up(self) -> bool:
        """Whether a hook, as formatters do, changed files and only asks for another commit."""
        before = self.worktree.output("write-tree")
        self.worktree.stage_tracked()
        if self.worktree.output("write-tree") == before:
            return False
        self.worktree.agent_git.have_index(self.worktree.own_index.parent)
        self._handed = self.worktree.agent_git.index_stamp()
        return True

    def clean(self) -> None:
        """As the merge is, without what reviewers and hooks have dropped; a merge under way stays under way."""
        if self._commit:
            self.notes += self.worktree.reset(self._commit)
        else:
            self.notes += self.worktree.drop_untracked()
        self._hand_over()

    def commit_snapshot(self) -> str:
        """The merge, committed without the hooks if they refuse."""
        return self._commit or self._written()

    def commit_verified(self) -> str:
        """
        The merge with what belongs to the landing; committed without the hooks if they refuse and findings are let through.

        Empty if there is nothing to land.
        """
        commit = self._with_additions(self.base if self.is_empty else self.commit_snapshot())
        leftovers.settle(self.worktree)
        return "" if self.is_empty and commit == self.base else commit

    def _with_additions(self, commit: str) -> str:
        if commit == self.base and not self.additions.land_alone:
            return commit
        before = self._objects.tree_of(commit)
        files = CommittedFiles(self._objects, before, self._objects.tree_of(self.base))
        found = parted(self.additions.edits(self.order, files), files, self.checked_out_at())
        self.notes += found.notes
        tree = self._objects.edited(before, found.edits)
        if tree == before:
            return commit
        made = commits.made(self.worktree.repo, tree, self._onto, self.message, self.identity)
        if self._is_staged:
            self.notes += commits.keep(self.worktree.repo, self.ref, made)
        return made

    def commit_mended(self) -> str:
        """The merge with what the agent did."""
        self.worktree.check_intact()
        if not self._commit and (self._is_given_up() or self._unresolved()):
            leftovers.rescue(self.worktree)
            return ""
        listed = git.output(
            self.worktree.repo, "ls-tree", "-r", "-z", "--name-only", self.order.change.brings
        )
        found = staged(self.worktree, self.base, brought=frozenset(listed.split("\0")))
        self.notes += (*found.notes, *commits.save_submodules(self.worktree, self.order.folder))
        if (
            not found.paths and self._way is not Way.NOTHING
        ):  # the agent has taken the task's change out again
            leftovers.settle(self.worktree)
            return ""
        self._commit = self._written()
        leftovers.settle(self.worktree)
        return self._commit

    def _written(self) -> str:
        tree = self.worktree.output("write-tree")
        if self._commit and tree == git.output(self.worktree.repo, "rev-parse", f"{self._commit}^{{tree}}"):
            return self._commit
        commit = commits.made(self.worktree.repo, tree, self._onto, self.message, self.identity)
        self.notes += commits.keep(self.worktree.repo, self.ref, commit)
        return commit

    def _unresolved(self) -> list[str]:
        """The conflicts that the agent left: markers still there, or neither the file nor the index touched."""
        unmerged = self.worktree.unmerged_for_agent() if self._conflicts else set()
        beside = [
            one.path for one in conflicts.of(dict.fromkeys(self._conflicts, ""), self._lines) if one.real
        ]
        left = [path for path in beside if os.path.lexists(self.worktree.path / path)]
        return left + [
            path
            for path, before in self._conflicts.items()
            if MARKER.search(now := self._state(path) or b"")
            or (path in unmerged and now == (before or b""))
            or self._is_special(path)
        ]

    def _is_special(self, path: str) -> bool:
        """Whether there is something that no commit can hold: a fifo, a socket, a device."""
        try:
            kind = (self.worktree.path / path).lstat().st_mode
        except OSError:
            return False
        return not (stat.S_ISREG(kind) or stat.S_ISLNK(kind) or stat.S_ISDIR(kind))

    def _is_given_up(self) -> bool:
        """Whether the agent has ended the merge without making it, and the task's change with it."""
        if self._way is Way.REPLAY:
            return not self.worktree.changed()
        return self.worktree.work_under_way != "MERGE_HEAD" and not self.worktree.agent_has(self._onto[1])

    def rescue(self) -> str:
        """What the agent did, as a patch."""
        return leftovers.rescue(self.worktree)
