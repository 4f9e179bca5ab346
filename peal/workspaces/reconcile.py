"""The start of a run that lands: whether branch and memory fit together, and what a crash left between git and journal."""

import os
import re
import shlex
import time
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import evolve

from peal.classes import frozen
from peal.errors import Paused, PealError
from peal.landing import renamed_branch
from peal.landing.outcomes import Target
from peal.model.pipeline import Kind
from peal.model.plan import Task, TaskId
from peal.model.work import Outcome, Result
from peal.record import outcome_file
from peal.record.events import Event, RunOpened, StepEnded, TasksForgotten
from peal.record.history import History
from peal.record.state_file import BY_ITSELF
from peal.record.task_state import Attempt, TaskState
from peal.settings import FILE
from peal.system import git
from peal.system.git_objects import objects_of
from peal.system.layout import FOLDER, VERDICT, PlanPaths
from peal.text.display import harmless, some
from peal.text.names import ranges
from peal.workspaces import Pool, preflight
from peal.worktrees import commits

_SHOWN = 3
_LOOKED_AT = 10_000
"""Commits in which those of a plan without a memory are looked for: a fraction of a second."""
_SHORT = 10
"""Letters of a commit's id that are shown."""


@frozen
class Made:
    """A commit that peal made of a task."""

    commit: str
    subject: str
    plan: str
    """Its path as it was then."""
    task: str


def made_by_peal(repo: Path, branch: str) -> list[Made]:
    """Among the latest commits of a branch. One git call."""
    trailers = (f"%(trailers:key={name},valueonly,separator=%x20)" for name in ("Peal-Plan", "Peal-Task"))
    looked = git.run(
        repo, "log", f"-{_LOOKED_AT}", f"--format={'%x00'.join(('%H', '%s', *trailers))}", branch, "--"
    )
    lines = os.fsdecode(looked.stdout).splitlines() if looked.returncode == 0 else []
    return [made for line in lines if line.count("\0") == 3 and (made := Made(*line.split("\0"))).task]


def landed_unremembered(
    repo: Path, found: Iterable[Made], plan: str, tasks: Iterable[Task], remembered: Container[str]
) -> dict[TaskId, str]:
    """
    Tasks of a plan without a memory that commits of peal's say have landed, each with such a commit.

    Those of another plan count if its file is gone and most of the tasks here are among its own; those that are
    `remembered` of any plan do not.
    """
    to_do = [task for task in tasks if not task.done]
    by_plan: dict[str, list[Made]] = defaultdict(list)
    for one in found:
        if one.commit not in remembered:
            by_plan[one.plan].append(one)
    if own := _told_by(by_plan.pop(harmless(plan), []), to_do):
        return own
    gone = [_told_by(made, to_do) for key, made in by_plan.items() if not os.path.lexists(repo / key)]
    most = max(gone, key=len, default={})
    return most if 2 * len(most) > len(to_do) else {}


def told_unremembered(plan: str, landed: Mapping[TaskId, str]) -> str:
    """What to say of tasks that have landed by commits of peal's and are not remembered."""
    tasks, name = ranges(landed), shlex.quote(plan)
    return (
        f"nothing is remembered of `{plan}`, but task {tasks} of it has landed by commits that peal made, "
        f"such as {[*landed.values()][-1][:_SHORT]}; `peal done {tasks.replace(' ', '')} --plan {name}` takes that as done, "
        f"`peal run {name} --fresh` does all of it again"
    )


def _told_by(made: list[Made], tasks: list[Task]) -> dict[TaskId, str]:
    """
    The tasks that these commits are about.

    Numbers may have changed since: a title that no other task has tells its task by itself.
    """
    titles = Counter(harmless(task.title) for task in tasks)
    found = {}
    for task in tasks:
        title = harmless(task.title)
        fitting = (
            one.commit
            for one in made
            if (one.task == task.id and title in one.subject)
            or (titles[title] == 1 and _ends_with(one.subject, title))
        )
        if commit := next(fitting, ""):
            found[task.id] = commit
    return found


def _ends_with(subject: str, title: str) -> bool:
    """Whether a subject is this title, with at most a mark and what stands before that in front, such as `Task 1:`."""
    return bool(title) and re.search(rf"(?:^|[^\w\s]\s*){re.escape(title)}$", subject) is not None


def check(history: History, lands: bool) -> None:
    """PealError if tasks that have been carried out elsewhere could not be finished here."""
    work_under_way = [
        state for state in history.states.values() if state.next and history.next_phase(state).is_at_branch
    ]
    wrong = [
        state.task.id
        for state in work_under_way
        if not state.is_complete and _is_isolated(state, history) != lands
    ]
    if wrong:
        done, flag = ("in your own tree", "--no-commit") if lands else ("in a worktree", "--commit")
        is_of_backlog = history.opened is not None and history.opened.is_open_ended
        again = "" if is_of_backlog else f", or `peal redo {' '.join(wrong)}` to do it again"
        raise PealError(f"task {ranges(wrong)} was carried out {done}; pass {flag} to finish it there{again}")


def check_branch(repo: Path, target: Target, begins_at: str, history: History) -> None:
    """
    `Paused` if the branch that the plan's results land in is not the one where this run would land, and lacks them.

    `begins_at` is the commit at which that one is to be made; empty if it is there.
    """
    before = history.opened
    if before is None or not before.branch:
        return
    if not _has_more_to_land(history) and not vanished(repo, target.branch, history):
        return
    if before.branch != target.branch and git.commit_id(repo, f"refs/heads/{before.branch}"):
        raise elsewhere(before, target)
    if (
        before.branch != target.branch or begins_at
    ):  # it was there, and is not to be made in silence a second time
        raise Paused(renamed_branch.gone(repo, before.branch, before.branch_is_named))


def _has_more_to_land(history: History) -> bool:
    """Whether anything is left; of a backlog, whose items are where the branch has them, what a run has left undone."""
    if history.opened and history.opened.is_open_ended:
        was_cut_short = history.closed is None or history.closed.code not in BY_ITSELF
        return was_cut_short or bool(_unlanded(history))
    return any(not state.is_complete for state in history.states.values())


def elsewhere(before: RunOpened, now: Target) -> Paused:
    """What to say of a plan that lands in another branch than where this run would land."""
    what = "the backlog" if before.is_open_ended else "this plan"
    anew = f"or pass --retarget to land in `{now.branch}` from now on"
    if before.branch_is_named or now.is_named:
        return Paused(
            f"{what} lands in `{before.branch}`, and this run would land in `{now.branch}`; pass "
            f"--branch {shlex.quote(before.branch)} to go on there, {anew}"
        )
    return Paused(
        f"{what} lands in `{before.branch}`, and `{now.branch}` is checked out; `git switch {before.branch}` and "
        f"`peal resume`, {anew}"
    )


def check_tree(pool: Pool, history: History) -> None:
    """PealError if a plan begins on a branch that is checked out in another worktree, where work is not committed."""
    tree = pool.checked_out_at()
    if tree in (None, pool.repo) or pool.branch in history.begun_at:
        return
    changed = git.output(tree, "diff", "--name-only", "--ignore-submodules=dirty", "-z", "HEAD", "--").split(
        "\0"
    )[:-1]
    if changed:
        raise PealError(
            f"`{pool.branch}` is checked out in `{harmless(str(tree))}`, where {some(changed, _SHOWN)} is not committed and "
            "would be in the way; commit or stash that there, or name another branch"
        )


def _is_isolated(state: TaskState, history: History) -> bool:
    """Whether the task's change was made in a worktree."""
    made = [one for one in state.attempts if history.kind_of(state, one.phase) is Kind.WRITE]
    done = [one for one in made if one.result is Result.PASSED]
    return bool(done and done[-1].base)


def taken_over(pool: Pool, plan_paths: PlanPaths, history: History) -> Iterator[Event]:
    """The ends of attempts whose commit was made, or had landed, when they were cut off, and that could not be recorded."""
    run = history.opened.run if history.opened else ""
    why = "its commit was there when peal was cut off"
    for state in list(history.running.values()):
        one = state.running
        if one is None:
            continue
        commit, outcome = "", Outcome(Result.PASSED, why)
        kind = history.kind_of(state, one.phase)
        if kind is Kind.LAND:
            commit = pool.landed_by(one.task, state.change.verified)
        elif kind is Kind.WRITE and one.base and (found := _verdict(state, one, plan_paths, history)):
            commit, outcome = pool.made_by(one.task, one.base, run), evolve(found, reason=why)
        elif kind is Kind.REVIEW and one.base:
            commit = pool.merged_by(one.task, one.base, state.change.brings)
            outcome = Outcome(Result.MENDED, why)
        if commit:
            ended = evolve(outcome, commit=commit)
            yield StepEnded(history.heard_at, state.task.id, one.phase, one.number, ended)


def _verdict(state: TaskState, one: Attempt, plan_paths: PlanPaths, history: History) -> Outcome | None:
    """
    How an attempt ends whose change was committed: as it has left it, or by the commit alone.

    None if that is not enough: without the answer to an item's phase nobody could say what lands with its commit.
    """
    left = outcome_file.read(plan_paths.attempt(one.task, one.phase, one.number) / VERDICT)
    if left and left.result is Result.PASSED:
        return left
    is_answered = bool(history.pipeline(state.task.pipeline).phase(one.phase).contract)
    return None if is_answered else Outcome(Result.PASSED)


def forgotten(pool: Pool, history: History) -> Iterator[Event]:
    """Tasks whose commit was cleaned out of the repository before it could land: to be carried out again."""
    lost = tuple(
        state.task.id for state in _unlanded(history) if not git.commit_id(pool.repo, state.change.brings)
    )
    if lost:
        yield TasksForgotten(
            time.time(), lost, history.first(Kind.WRITE), "its commit is not in the repository any more"
        )


def keep(pool: Pool, history: History) -> None:
    """
    Every commit that has not landed is kept by the branch of its task's id, which may have changed.

    A branch whose commit belongs to no task any more, because the plan was changed, gets another name first.
    """
    lines, found, target = _unlanded(history), pool.branches(), pool.tip()
    known = {commit for state in lines for commit in state.change.commits}
    for ref, commit in found.items():
        if commit not in known and not git.is_ancestor(pool.repo, commit, target):
            pool.set_aside(ref, commit)
    for state in lines:
        ref = pool.ref(state.task.id)
        if found.get(ref) not in state.change.commits:
            commits.point(pool.repo, ref, state.change.brings)


def _unlanded(history: History) -> list[TaskState]:
    return [state for state in history.states.values() if state.change.brings and not state.is_complete]


def notices(pool: Pool, history: History, plan: str) -> Iterator[str]:
    """What a person should know of their tree and branch before the run starts."""
    yield from missing(pool, history)
    yield from pool.notices
    found = preflight.standing(pool.repo)
    if unseen := preflight.unseen(found, pool.repo, besides=frozenset((plan, FILE, FOLDER))):
        yield unseen
    tree = pool.checked_out_at()
    if tree not in (None, pool.repo) and (
        unseen := preflight.unseen(preflight.standing(tree), tree, frozenset())
    ):
        yield f"in `{harmless(str(tree))}`, where `{pool.branch}` is checked out, {unseen}"
    if history.opened is None:
        yield from pool.hints
    if history.opened is None and FOLDER in found.changed:
        yield (
            f"`{FOLDER}` is a link, which git shows as untracked; a line `/{FOLDER}` in `.git/info/exclude` hides it"
        )
    if history.opened is None and not (pool.setup or pool.included):
        yield from preflight.lacking(found, pool.repo)


def vanished(repo: Path, branch: str, history: History) -> list[TaskId]:
    """
    The tasks that landed in the latest run, or last of all, and are not in the branch any more.

    None of a backlog: an item is as far as the branch says, so what was taken out of it is to be done again.
    """
    if history.opened and history.opened.is_open_ended:
        return []
    landed = [
        state for state in history.states.values() if state.completed_at is not None and state.change.verified
    ]
    last = max(landed, key=lambda state: state.completed_at or 0, default=None)
    since = history.opened.at if history.opened else 0.0
    lines = [state for state in landed if state is last or (state.completed_at or 0) >= since]
    target = objects_of(repo).commit_id(f"refs/heads/{branch}") if lines else ""
    if not target or git.contains(repo, target, [state.change.verified for state in lines]):
        return []
    return [state.task.id for state in lines if not _is_in(repo, state, target)]


def _is_in(repo: Path, state: TaskState, target: str) -> bool:
    """Whether the merge that landed, or the task's own commit below a merge that was rewritten, is in the branch."""
    return any(
        commit and git.is_ancestor(repo, commit, target)
        for commit in (state.change.verified, state.change.own)
    )


def missing(pool: Pool, history: History) -> Iterator[str]:
    """A line on what has vanished and what to do about it, if anything has."""
    if tasks := vanished(pool.repo, pool.branch, history):
        yield told_vanished(pool.branch, tasks)


def told_vanished(branch: str, tasks: Sequence[TaskId]) -> str:
    """What to say of tasks that have landed, and are not in the branch any more."""
    listed = " ".join(tasks)
    return (
        f"task {ranges(tasks)} is complete, but what it landed is not in `{branch}`; merge it, "
        f"`peal redo {listed}`, or `peal done {listed}` if that is as it should be"
    )
