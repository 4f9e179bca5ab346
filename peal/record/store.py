"""What is remembered of plans: which are known, under which name, and a plan's memory opened."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from peal.errors import Damaged, PealError
from peal.model.pipeline import pipeline_name
from peal.model.plan import NO_WORD, Plan, Word
from peal.record import journal, moved_plans, state_file
from peal.record.events import PlanRead, TaskRead
from peal.record.history import fold
from peal.system.layout import PlanPaths, RepoPaths


def reading_of(repo_paths: RepoPaths, plan_file: Path, plan: Plan) -> PlanRead:
    """The reading of a plan as it is remembered."""
    tasks = (
        TaskRead(
            task.id,
            task.shown_title,
            task.digest,
            task.parallel,
            task.done,
            pipeline_name(task),
            task.after,
            task.section,
        )
        for task in plan.tasks
    )
    return PlanRead(time.time(), tuple(tasks), repo_paths.plan_key(plan_file), str(repo_paths.repo))


def open_memory(
    repo_paths: RepoPaths, reading: PlanRead, say: Callable[[str], None], fresh: bool, word: Word
) -> journal.Journal:
    """
    A plan's memory, open for writing; the repository's lock has to be held.

    A plan whose file was moved takes its memory along. `fresh` sets the old memory aside. `word` is a person's on tasks of which
    it cannot be told which are done. PealError if the memory cannot be read or written, or if it cannot be told what of it is
    this plan's.
    """
    plan_file = repo_paths.plan_file(reading.plan)
    plan_paths = repo_paths.plan(plan_file)
    with writing(plan_paths):
        if not moved_plans.is_remembered(plan_paths):
            _look_elsewhere(repo_paths, reading, say, asks=not fresh and word == NO_WORD)
        if fresh and (kept := journal.set_aside(plan_paths)):
            say(f"starting over; what was remembered is kept in `{kept}`")
        rust = None if fresh else rust_state(repo_paths, plan_file)
        return journal.open_journal(plan_paths, reading, rust, word)


def _look_elsewhere(repo_paths: RepoPaths, reading: PlanRead, say: Callable[[str], None], asks: bool) -> None:
    """Find what is remembered of a plan under another name; PealError, if it `asks`, where that may or may not be so."""
    found = moved_plans.origin(repo_paths, reading)
    if found and found.is_this:
        moved_plans.take_over(repo_paths, found, say)
    elif found and found.may_be_this and asks:
        raise moved_plans.question(repo_paths, found)
    elif asks:
        for text in moved_plans.copies(repo_paths, reading):
            say(text)


def plan_paths_of(repo_paths: RepoPaths, reading: PlanRead) -> PlanPaths:
    """Where a plan is remembered: under its own name, or still under the one that its file had before."""
    own = repo_paths.plan(repo_paths.plan_file(reading.plan))
    if moved_plans.is_remembered(own):
        return own
    found = moved_plans.origin(repo_paths, reading)
    return found.plan_paths if found and found.is_this else own


def knows(repo_paths: RepoPaths, reading: PlanRead) -> bool:
    """Whether anything is remembered of a plan, under whatever name, or by the Rust peal."""
    if not repo_paths.root.is_dir():
        return False
    if moved_plans.is_remembered(plan_paths_of(repo_paths, reading)) or rust_state(
        repo_paths, repo_paths.plan_file(reading.plan)
    ):
        return True
    found = moved_plans.origin(repo_paths, reading)
    return found is not None and found.may_be_this


def commits_of(repo_paths: RepoPaths) -> frozenset[str]:
    """The commits of tasks that are remembered, of whatever plan."""
    states = (state for _, history in moved_plans.histories(repo_paths) for state in history.states.values())
    return frozenset(commit for state in states for commit in state.change.commits)


def known_runs(repo_paths: RepoPaths) -> list[state_file.State]:
    """What is known of every plan that was run here, the latest first."""
    states = map(known, repo_paths.known_plans())
    found = [state for state in states if state and state.plan_path]
    return sorted(found, key=lambda state: state.updated_at, reverse=True)


def known(plan_paths: PlanPaths) -> state_file.State | None:
    """A plan's progress in short; from the journal where state.json is lost, is behind or cannot be understood."""
    with suppress(Damaged):
        state = state_file.read(plan_paths.state)
        if state and (not state.journal_offset or state.journal_offset >= _size(plan_paths.journal)):
            return state
    with suppress(Damaged):
        recording = journal.load(plan_paths.journal)
        return state_file.state_of(fold(recording.events), recording.length)
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def writing(plan_paths: PlanPaths) -> Iterator[None]:
    """What cannot be written in here ends in a PealError that says so."""
    try:
        yield
    except OSError as error:
        raise PealError(_unwritable(plan_paths, error)) from None


def _unwritable(plan_paths: PlanPaths, error: OSError) -> str:
    """What to say when the memory cannot be written."""
    said = error.strerror or str(error)
    return f"cannot write to `{plan_paths.folder}`: {said}; make room or make it writable, then `peal resume`"


def rust_state(repo_paths: RepoPaths, plan_file: Path) -> state_file.State | None:
    """The progress that the Rust peal left in its default place, if it is about this plan and can be understood."""
    try:
        found = state_file.read(repo_paths.root / "state.json")
    except Damaged:
        return None
    if found is None or found.schema_version:
        return None
    meant = {os.path.realpath(path) for path in (repo_paths.repo / found.plan_path, found.plan_path)}
    return found if os.path.realpath(plan_file) in meant else None
