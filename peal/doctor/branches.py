"""What has landed and what is recorded: where branches and memory do not agree."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from attrs import evolve

from peal.doctor.backups import Keeping
from peal.doctor.finding import Severity, Symptom, of_refusal, refused
from peal.doctor.look import Look, Memory
from peal.errors import PealError
from peal.landing.outcomes import Target
from peal.model.plan import TaskId
from peal.record import journal, store
from peal.record.events import TasksMarkedDone
from peal.record.task_state import TaskState
from peal.system import git
from peal.system.git_objects import objects_of
from peal.text.display import harmless
from peal.text.names import file_name, ranges
from peal.workspaces import reconcile
from peal.workspaces.own_branches import OwnBranch, own_branches
from peal.worktrees import commits

_SHORT = 10
_HERE = "HEAD"


def switched(look: Look) -> Iterator[Symptom]:
    """A plan that is not finished and lands in another branch than the one that is checked out, without having been told to."""
    for memory in _landing(look):
        opened = memory.history.opened
        if memory.is_unfinished and look.branch and not (opened and opened.branch_is_named):
            here = Target(look.repo, look.branch)
            yield from refused(partial(reconcile.check_branch, look.repo, here, "", memory.history))


def _landing(look: Look) -> Iterator[Memory]:
    """The memories of plans whose tasks land; those of a run that goes on are still being written."""
    yield from (memory for memory in look.memories if memory.history.lands and not look.is_live)


def _branch(memory: Memory) -> str:
    """Where a plan lands."""
    return memory.history.opened.branch if memory.history.opened else ""


def _waiting(memory: Memory) -> Iterator[TaskState]:
    """The tasks whose commit has not landed."""
    return (one for one in memory.history.states.values() if one.change.brings and not one.is_complete)


def unlanded(look: Look) -> Iterator[Symptom]:
    """
    A commit that waits to land and that no branch keeps, or a branch whose commit waits for nothing.

    Of a plan whose run was killed nothing is said: the next one takes up what had been committed and not recorded.
    """
    if look.is_live or not look.memories:
        return
    own, wanted = list(own_branches(look.repo_paths)), set[str]()
    kept = {branch.commit for branch in own}
    for memory in _landing(look):
        for state in _waiting(memory):
            known = state.change.commits
            wanted |= known
            if known.isdisjoint(kept) and not memory.history.is_open and not _is_in(look, memory, state):
                yield _without_branch(look, memory, state)
    cut_off = [memory.history.plan for memory in look.memories if memory.history.is_open]
    taken_up = [f"/{look.repo_paths.branch(look.repo_paths.plan_file(plan))}/" for plan in cut_off]
    for branch in own:
        if branch.commit in wanted or branch.is_checked_out or any(name in branch.ref for name in taken_up):
            continue
        if not _has_landed(look, branch):
            told = f"branch `{branch.short}` has not landed, and no task waits for it"
            by_hand = f"`git log {branch.short}` shows it, `git branch -D {branch.short}` deletes it"
            yield Symptom(told, by_hand, branch.short)


def _without_branch(look: Look, memory: Memory, state: TaskState) -> Symptom:
    task, commit = state.task.id, state.change.brings
    is_there = objects_of(look.repo).commit_id(commit) != ""
    told = f"task {task} has not landed, and {f'no branch keeps its commit {commit[:_SHORT]}' if is_there else 'its commit is gone'}"
    by_hand = "`peal resume` goes on from it" if is_there else "`peal resume` does it again"
    mend = partial(_point, look, memory, task, commit) if is_there else None
    return Symptom(told, by_hand, look.told(memory.plan_paths.folder), mend)


def _point(look: Look, memory: Memory, task: TaskId, commit: str, keeping: Keeping) -> str:  # noqa: ARG001
    name = look.repo_paths.branch(look.repo_paths.plan_file(memory.history.plan))
    short = f"{look.readable.settings.branch_prefix}/{name}/{file_name(task)}"
    commits.point(look.repo, f"refs/heads/{short}", commit)
    return f"branch `{short}` keeps it"


def _has_landed(look: Look, branch: OwnBranch) -> bool:
    """Whether it is in what is checked out, or where its plan lands."""
    places = {_HERE, *(f"refs/heads/{_branch(memory)}" for memory in look.memories if _branch(memory))}
    return any(git.is_ancestor(look.repo, branch.commit, place) for place in sorted(places))


def _is_in(look: Look, memory: Memory, state: TaskState) -> bool:
    """Whether the merge that was verified is in the branch."""
    verified, branch = state.change.verified, _branch(memory)
    return bool(verified and branch) and git.is_ancestor(look.repo, verified, f"refs/heads/{branch}")


def landed_unrecorded(look: Look) -> Iterator[Symptom]:
    """Tasks whose merge is in the branch, and that count as not done."""
    for memory in _landing(look):
        landed = [state for state in _waiting(memory) if _is_in(look, memory, state)]
        if landed:
            tasks = [state.task.id for state in landed]
            told = (
                f"task {ranges(tasks)} has landed in `{harmless(_branch(memory))}`, and that is not recorded"
            )
            where = look.told(memory.plan_paths.folder)
            mend = partial(_record, look, memory, landed)
            yield Symptom(told, "`peal resume` records it", where, mend)
    yield from _unremembered(look)


def _record(look: Look, memory: Memory, landed: list[TaskState], keeping: Keeping) -> str:
    keeping.modified(memory.plan_paths.journal, memory.plan_paths.state)
    tasks = tuple(state.task.id for state in landed)
    journal.mend(memory.plan_paths, TasksMarkedDone(time.time(), tasks, "peal doctor: it has landed"))
    known = {commit for state in landed for commit in state.change.commits}
    for branch in own_branches(look.repo_paths):
        if branch.commit in known and not branch.is_checked_out:
            keeping.ref(branch.ref, branch.commit)
            commits.let_go(look.repo, branch.ref)
    return f"task {ranges(tasks)} counts as done"


def _unremembered(look: Look) -> Iterator[Symptom]:
    """Plans of which nothing is remembered, as in a clone or after `git clean -fdx`, and of which tasks have landed."""
    if not look.branch or not look.lands:
        return
    made = reconcile.made_by_peal(look.repo, _HERE)
    states = (state for memory in look.memories for state in memory.history.states.values())
    remembered = {commit for state in states for commit in state.change.commits}
    for key in sorted({one.plan for one in made if one.commit not in remembered}):
        path = look.repo_paths.plan_file(key)
        if not os.path.lexists(path):
            continue
        with suppress(PealError):  # what cannot be read is no plan any more
            plan = look.read(path)
            if store.knows(look.repo_paths, store.reading_of(look.repo_paths, path, plan)):
                continue
            if landed := reconcile.landed_unremembered(look.repo, made, key, plan.tasks, remembered):
                told = PealError(reconcile.told_unremembered(os.path.relpath(path), landed))
                yield from (evolve(one, severity=Severity.INFO) for one in of_refusal(told, look.told(path)))


def recorded_not_landed(look: Look) -> Iterator[Symptom]:
    """Tasks that count as done, and whose merge is not in the branch any more."""
    for memory in _landing(look):
        branch = _branch(memory)
        if tasks := reconcile.vanished(look.repo, branch, memory.history) if branch else []:
            told = PealError(reconcile.told_vanished(branch, tasks))
            yield from of_refusal(told, look.told(memory.plan_paths.folder))
