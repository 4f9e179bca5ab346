"""Which plan is meant, where its file is by now, and where it is remembered."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import itemgetter
from pathlib import Path

from peal.errors import PealError
from peal.jobs.plan_files import read_plan
from peal.model.plan import find
from peal.record import batch_file, journal, moved_plans, store
from peal.record.events import TaskRead
from peal.record.history import History, fold
from peal.record.task_state import TaskState
from peal.system import git
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import harmless, some

_LARGEST = 1_000_000
"""Bytes of a file that may be a plan."""
_MARKDOWN = ".md"
"""How the files of a folder that is a plan end."""
_SHOWN = 3


def plan_or_latest(plan: Path | None, repo_paths: RepoPaths) -> Path:
    """The plan that is meant: the one named, or the one that was run last."""
    if plan is not None:
        return plan
    found = store.known_runs(repo_paths)
    if not found:
        raise PealError(f"no plan has been run in `{repo_paths.repo}` yet; start with `peal run PLAN`")
    return repo_paths.plan_file(found[0].plan_path)


def run_together(repo_paths: RepoPaths) -> tuple[Path, ...]:
    """The plan that was run last, or all of a batch where that is one, in the order in which they were begun."""
    latest = plan_or_latest(None, repo_paths)
    found = store.known_runs(repo_paths)
    batch = batch_file.read(repo_paths.batch)
    if batch and found[0].plan_path in batch.plans:
        return tuple(repo_paths.plan_file(plan) for plan in batch.plans if plan not in batch.queued)
    plans = [state.plan_path for state in reversed(found) if state.run_id == found[0].run_id]
    return tuple(map(repo_paths.plan_file, plans)) or (latest,)


def plan_paths_of(repo_paths: RepoPaths, plan_file: Path) -> PlanPaths:
    """Where a plan is remembered; where its file can be read, also under a name that it had before."""
    own = repo_paths.plan(plan_file)
    if not moved_plans.is_remembered(own):
        with suppress(PealError):
            reading = store.reading_of(repo_paths, plan_file, read_plan(plan_file, repo_paths))
            return store.plan_paths_of(repo_paths, reading)
    return own


def where_it_is(repo_paths: RepoPaths, plan_file: Path) -> Path:
    """
    The file of a plan that was run here; the same for any other. PealError if it is gone.

    A plan that is committed goes with its branch: say so rather than that it cannot be found.
    """
    plan_paths = repo_paths.plan(plan_file)
    if plan_file.exists():
        return plan_file
    if not moved_plans.is_remembered(plan_paths):
        return taken_over_by(repo_paths, plan_file)
    opened, _ = journal.latest_opening(plan_paths.journal)
    now = git.branch(repo_paths.repo)
    if opened and opened.branch not in ("", now) and not opened.branch_is_named:
        # Only here: who looks at a plan needs nothing of who works on it.
        from peal.landing.outcomes import Target
        from peal.workspaces import reconcile

        raise reconcile.elsewhere(opened, Target(repo_paths.repo, now or "a commit without a branch"))
    return found_again(repo_paths, plan_file)


def found_again(repo_paths: RepoPaths, plan_file: Path) -> Path:
    """
    The file or folder that a remembered plan is in now: the one named, or where that is gone, the only one with its tasks.

    PealError if there is none, or if there are several.
    """
    if os.path.lexists(plan_file):
        return plan_file
    before = [
        state.task for state in fold(journal.load(repo_paths.plan(plan_file).journal).events).states.values()
    ]
    there = repo_paths.plan_file(repo_paths.plan_key(plan_file))
    found = [path for path in _candidates(repo_paths, there) if _holds(repo_paths, path, before)]
    gone = f"plan `{harmless(str(plan_file))}` cannot be read: No such file or directory"
    if not found:
        raise PealError(f"{gone}, and no file here has its tasks; bring it back, or name a plan file")
    if len(found) > 1:
        names = [os.path.relpath(path) for path in found]
        raise PealError(f"{gone}; its tasks are in {some(names, _SHOWN)}; name the one that is meant")
    return found[0]


def taken_over_by(repo_paths: RepoPaths, plan_file: Path) -> Path:
    """
    The file under whose name the memory of a plan is already, where a kill came before that was recorded; else the same.
    """
    key = repo_paths.plan_key(plan_file)
    folders = {plan.folder for plan, history in moved_plans.histories(repo_paths) if history.plan == key}
    paths = _candidates(repo_paths, repo_paths.plan_file(key)) if folders else ()
    return next((path for path in paths if repo_paths.plan(path).folder in folders), plan_file)


def _candidates(repo_paths: RepoPaths, plan_file: Path) -> Iterator[Path]:
    """What may be a plan: files whose name ends alike, and folders with markdown if it was none of these files."""
    end = plan_file.suffix or plan_file.name
    yield from (path for path in _files(repo_paths, plan_file, end) if path.stat().st_size <= _LARGEST)
    if end != _MARKDOWN:
        yield from sorted({path.parent for path in _files(repo_paths, plan_file, _MARKDOWN)})


def _files(repo_paths: RepoPaths, plan_file: Path, end: str) -> Iterator[Path]:
    """The files whose name ends so, that git does not ignore or that lie near the old place."""
    listed = git.output(repo_paths.repo, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    paths = {repo_paths.repo / name for name in listed.split("\0") if name.endswith(end)}
    for pattern in (f"*{end}", f"*/*{end}"):
        paths |= {path for path in plan_file.parent.glob(pattern) if repo_paths.root not in path.parents}
    yield from sorted(filter(Path.is_file, paths))


def _holds(repo_paths: RepoPaths, path: Path, before: Iterable[TaskRead]) -> bool:
    """Whether a file or folder has most of the tasks that are remembered, and no memory of its own."""
    if moved_plans.is_remembered(repo_paths.plan(path)):
        return False
    with suppress(PealError):
        return moved_plans.is_same(
            before, store.reading_of(repo_paths, path, read_plan(path, repo_paths)).tasks
        )
    return False


def state_of(text: str, history: History, phase: str | None = None) -> TaskState:
    """
    How far the task is that a person means; of a backlog, also the latest one of an item that they mean by its id, or by the end
    of that, at `phase` if they name one. PealError if it is not there.
    """
    if task := find(text, history.states):
        return history.states[task]
    if not (history.opened and history.opened.is_open_ended):
        raise PealError(f"task {text} is not in the plan; `peal status` lists its tasks")
    item, _, rest = text.partition("/")
    found = [
        state
        for task, state in history.states.items()
        if _is_meant(task.partition("/")[0], item) and rest in ("", task.partition("/")[2])
    ]
    if len({state.task.id.partition("/")[0] for state in found}) > 1:
        raise PealError(
            f"`{harmless(text)}` could be {some([state.task.id for state in found], _SHOWN)}; write more of it"
        )
    begun = [
        (last.started, state)
        for state in found
        if (last := state.running or state.last())
        and phase in (None, last.phase, *(past.phase for past in state.attempts))
    ]
    if not begun:
        what = f"{harmless(text)}{f' {harmless(phase)}' if phase else ''}"
        raise PealError(
            f"no run has worked on `{what}`; `peal status` shows the latest run, `peal backlog list --all` the items"
        )
    return max(begun, key=itemgetter(0))[1]


def _is_meant(item: str, text: str) -> bool:
    id_, wanted = item.casefold(), text.casefold()
    end = id_.rpartition("-")[2]
    is_number = wanted.isdecimal() and end.isdecimal() and int(wanted) == int(end)
    return wanted in (id_, end) or is_number
