"""A plan's memory taken in hand: one peal at a time, nothing left of a dead run, and everything brought together."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from peal.errors import Damaged, PealError
from peal.landing import rollback
from peal.model.plan import Plan
from peal.record import journal, lock, moved_plans, state_file
from peal.record.alignment import Word
from peal.record.events import PlanRead, TaskRead
from peal.record.history import fold
from peal.record.rereading import NO_WORD
from peal.system import git, process, removal, scratch
from peal.system.layout import PlanPaths, RepoPaths
from peal.worktrees import leftovers

_GIT_WITHIN = 120.0
"""Seconds that a git which a killed peal had started may still take: cut short, it would leave locks behind."""
_STRAYS_GRACE = 0.5
"""Seconds between TERM and KILL for what a dead run left."""


def reading_of(repo_paths: RepoPaths, plan_file: Path, plan: Plan) -> PlanRead:
    """The reading of a plan as it is remembered."""
    tasks = (TaskRead(task.index, task.title, task.digest, task.parallel, task.done) for task in plan.tasks)
    return PlanRead(time.time(), tuple(tasks), repo_paths.plan_key(plan_file), str(repo_paths.repo))


@contextmanager
def open_plan(
    repo_paths: RepoPaths,
    reading: PlanRead,
    say: Callable[[str], None],
    run: str = "",
    fresh: bool = False,
    word: Word = NO_WORD,
) -> Iterator[journal.Journal]:
    """
    The open memory of the plan that was read, with the repository's lock in hand.

    First, whatever a dead run left running is ended, and what it left in worktrees is kept as patches. A plan whose file was
    moved takes its memory along. `fresh` sets the old memory aside. `say` is told what had to be put right. `word` is a
    person's on tasks of which it cannot be told which are done. `Busy` if another peal is at work; PealError if the memory
    cannot be read or written, or if it cannot be told what of it is this plan's.
    """
    plan_file = repo_paths.plan_file(reading.plan)
    plan_paths = repo_paths.plan(plan_file)
    with lock.hold(repo_paths, run, first=taking_over(repo_paths)) as renew:
        for text in put_right(repo_paths):
            say(text)
        with writing(plan_paths):
            if not moved_plans.is_remembered(plan_paths):
                _look_elsewhere(repo_paths, reading, say, asks=not fresh and word == NO_WORD)
            if fresh and (kept := journal.set_aside(plan_paths)):
                say(f"starting over; what was remembered is kept in `{kept}`")
            rust = None if fresh else rust_state(repo_paths, plan_file)
            opened = journal.open_journal(plan_paths, reading, rust, word)
        opened.renew = renew
        try:
            for state in opened.history.running.values():
                if state.running:
                    process.end_group(state.running.pid, state.running.birth, _STRAYS_GRACE)
            for text in opened.said:
                say(text)
            yield opened
        finally:
            opened.close()


def put_right(repo_paths: RepoPaths) -> Iterator[str]:
    """
    Take back a landing that was cut off, and keep as patches what a dead run left in worktrees; a line for each.

    The lock has to be held: nobody else may be at work.
    """
    if told := rollback.undo(repo_paths.repo).told():
        yield told
    yield from leftovers.rescue_all(repo_paths.repo, repo_paths.worktrees)


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
    lines = (line for _, history in moved_plans.histories(repo_paths) for line in history.lines.values())
    return frozenset(
        commit
        for line in lines
        for commit in (line.change.own, line.change.mended, line.change.verified)
        if commit
    )


def known_runs(repo_paths: RepoPaths) -> list[state_file.State]:
    """What is known of every plan that was run here, the latest first."""
    found = [
        known for plan_paths in repo_paths.known_plans() if (known := _known(plan_paths)) and known.plan_path
    ]
    return sorted(found, key=lambda known: known.updated_at, reverse=True)


def _known(plan_paths: PlanPaths) -> state_file.State | None:
    """A plan's progress in short; from the journal where state.json is lost, is behind or cannot be understood."""
    with suppress(Damaged):
        known = state_file.read(plan_paths.state)
        if known and (not known.journal_offset or known.journal_offset >= _size(plan_paths.journal)):
            return known
    with suppress(Damaged):
        recording = journal.load(plan_paths.journal)
        return state_file.state_of(fold(recording.events), recording.length)
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def taking_over(repo_paths: RepoPaths) -> Callable[[lock.Owner], None]:
    """What has to be done by whoever takes the lock after an owner that died with it, whatever plan that was at work on."""

    def take_over(dead: lock.Owner) -> None:
        end_strays(dead)
        for plan_paths in repo_paths.known_plans():
            with suppress(OSError):  # the plan's own next run tells of it
                journal.catch_up(plan_paths)

    return take_over


def end_strays(dead: lock.Owner) -> None:
    """End what a dead run left running, but let its own git finish; remove its temporary folder."""
    process.outlast(git.OF_PEAL, str(dead.pid), _GIT_WITHIN)
    if dead.run:
        process.end_carriers(process.RUN_MARKER, dead.run, grace=_STRAYS_GRACE)
        removal.remove(scratch.folder_of(dead.run))


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
