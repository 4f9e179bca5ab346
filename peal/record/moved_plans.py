"""A plan whose file has another name now: the memory it had before is found again by its tasks."""

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from attrs import field

from peal.classes import frozen
from peal.errors import Damaged, PealError
from peal.model.plan import TaskId
from peal.record import batch_file, journal
from peal.record.events import PlanRead, TaskRead
from peal.record.history import History, fold
from peal.record.task_state import TaskState
from peal.system import git
from peal.system.files import markdown_in
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import count, harmless
from peal.text.names import ranges


@frozen
class Origin:
    """A memory of another plan file that has tasks of this plan."""

    plan_paths: PlanPaths
    history: History
    reading: PlanRead
    same: int = field(init=False)
    """How many tasks are in both."""

    @same.default
    def _count_same(self) -> int:
        return _same(_read(self.history), self.reading.tasks)

    @property
    def plan(self) -> str:
        """The path it was remembered under."""
        return self.history.plan

    @property
    def is_this(self) -> bool:
        """Whether the plan is that one under another name: most tasks of either are in both."""
        return is_same(_read(self.history), self.reading.tasks)

    @property
    def may_be_this(self) -> bool:
        """Whether half of the tasks of one are in the other, and something has been done for them."""
        most = min(len(self.history.states), len(self.reading.tasks))
        return 2 * self.same >= most and bool(self.begun)

    @property
    def begun(self) -> tuple[TaskId, ...]:
        """The tasks of this plan that are complete or begun there, as far as their words are their own."""
        known = {
            state.task.digest for state in self.history.states.values() if _is_begun(state, self.history)
        }
        return tuple(task.id for task in self.reading.tasks if task.digest in known and not task.done)


def is_same(before: Iterable[TaskRead], now: Iterable[TaskRead]) -> bool:
    """Whether two readings are of one plan, moved and perhaps edited: most tasks of either are in both."""
    old, new = tuple(before), tuple(now)
    return 2 * _same(old, new) > max(len(old), len(new))


def _same(before: Iterable[TaskRead], now: Iterable[TaskRead]) -> int:
    digests = (Counter(task.digest for task in tasks) for tasks in (before, now))
    return (next(digests) & next(digests)).total()


def _read(history: History) -> tuple[TaskRead, ...]:
    return tuple(state.task for state in history.states.values())


def _is_begun(state: TaskState, history: History) -> bool:
    return state.next != history.pipeline(state.task.pipeline).phases[0].name or bool(state.attempts)


def is_remembered(plan_paths: PlanPaths) -> bool:
    """Whether there is a memory in this place."""
    return plan_paths.journal.exists() or plan_paths.state.exists()


def origin(repo_paths: RepoPaths, reading: PlanRead) -> Origin | None:
    """
    The memory that has the most tasks of this plan, of a file that has them no more; the latest of several. None for none.
    """
    found = [one for one in _others(repo_paths, reading) if one.same and _was_left(repo_paths, one)]
    return max(found, key=lambda one: (one.same, one.history.last_at), default=None)


def _was_left(repo_paths: RepoPaths, one: Origin) -> bool:
    """Whether the file of a memory is gone, or another plan with none of its tasks has taken the place."""
    if _is_gone(repo_paths, one):
        return True
    from peal import formats

    path = repo_paths.plan_file(one.plan)
    try:
        if path.is_dir():
            tasks = formats.parse_folder(markdown_in(path), one.plan).tasks
        else:
            tasks = formats.parse(path.read_bytes(), one.plan).tasks
    except OSError:
        return False
    known = {task.digest for task in _read(one.history)}
    return bool(tasks) and known.isdisjoint(task.digest for task in tasks)


def _is_gone(repo_paths: RepoPaths, one: Origin) -> bool:
    return not os.path.lexists(repo_paths.plan_file(one.plan))


def _how(repo_paths: RepoPaths, one: Origin) -> str:
    """Why a memory is taken for that of another file."""
    return f"`{harmless(one.plan)}` {'is gone' if _is_gone(repo_paths, one) else 'holds another plan now'}"


def copies(repo_paths: RepoPaths, reading: PlanRead) -> Iterator[str]:
    """A line on another plan with the very same tasks, whose file is still there, if something was done for it."""
    tasks = [task.digest for task in reading.tasks]
    for one in _others(repo_paths, reading):
        begun = one.begun
        is_equal = [task.digest for task in _read(one.history)] == tasks
        if is_equal and begun and repo_paths.plan_file(one.plan).exists():
            yield (
                f"`{harmless(one.plan)}` has the same tasks, and task {ranges(begun)} is complete or begun there; this is a "
                f"plan of its own, of which all is to do: `peal done` takes tasks as done"
            )
            return


def histories(repo_paths: RepoPaths) -> Iterator[tuple[PlanPaths, History]]:
    """What is remembered of every plan, as far as it can be read."""
    for plan_paths in repo_paths.known_plans():
        with suppress(Damaged):
            yield plan_paths, fold(journal.load(plan_paths.journal).events)


def _others(repo_paths: RepoPaths, reading: PlanRead) -> Iterator[Origin]:
    for plan_paths, history in histories(repo_paths):
        if history.states and history.plan != reading.plan:
            yield Origin(plan_paths, history, reading)


def question(repo_paths: RepoPaths, found: Origin) -> PealError:
    """What to ask where a plan shares tasks with one whose file is gone, and not so many that it must be that one."""
    begun = ranges(found.begun).replace(" ", "")
    new = harmless(found.reading.plan)
    return PealError(
        f"{_how(repo_paths, found)}, and {count(found.same, 'task')} of what it held {'is' if found.same == 1 else 'are'} in "
        f"`{new}` too; `peal done {begun} --plan {new}` takes what was done for them as done, `peal run {new} --fresh` does "
        "all of it"
    )


def told_moved(plan_file: Path, now: Path) -> str:
    """What to say of a plan that is remembered under another name than its file has now."""
    name = os.path.relpath(now)
    return f"plan `{harmless(str(plan_file))}` is `{harmless(name)}` now; `peal run {shlex.quote(name)}` goes on with it"


def take_over(repo_paths: RepoPaths, found: Origin, say: Callable[[str], None]) -> None:
    """
    Let the plan go on with the memory that is found: its folder, peal's branches, its place in a batch, and what an agent has
    made of the file.

    The folder last: until it has its new name, the next start does all of it again.
    """
    before, now = repo_paths.plan_file(found.plan), repo_paths.plan_file(found.reading.plan)
    target, how = repo_paths.plan(now), _how(repo_paths, found)
    _rename_branches(repo_paths.repo, repo_paths.branch(before), repo_paths.branch(now))
    if found.plan_paths.normalized.exists() and not target.normalized.exists():
        found.plan_paths.normalized.rename(target.normalized)
    batch_file.rename_plan(repo_paths.batch, found.plan, found.reading.plan)
    journal.set_aside(target)
    found.plan_paths.folder.rename(target.folder)
    say(
        f"{how}, and the tasks it held are those of `{harmless(found.reading.plan)}`: going on with what is remembered of "
        "them; --fresh would start over"
    )


def _rename_branches(repo: Path, before: str, now: str) -> None:
    """Branches that keep what has not landed, below any prefix; one that is checked out somewhere stays."""
    words = ("for-each-ref", "--format=%(objectname) %(refname) %(worktreepath)", "refs/heads/")
    orders = []
    for commit, ref, worktree in (line.split(" ", 2) for line in git.output(repo, *words).splitlines()):
        prefix, is_ours, name = ref.partition(f"/{before}/")
        if is_ours:
            orders.append(f"update {prefix}/{now}/{name} {commit}\n")
            orders += [] if worktree else [f"delete {ref} {commit}\n"]
    if orders:
        git.output(repo, "update-ref", "-m", "peal", "--stdin", stdin=os.fsencode("".join(orders)))
