"""A person's word on tasks of a plan: to be done again, or done."""

import shlex
import time
from collections.abc import Callable
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.jobs.known_plans import found_again, plan_or_latest
from peal.jobs.plan_files import fit_plan
from peal.jobs.selection import chosen
from peal.jobs.source import BACKLOG
from peal.model.plan import Plan, TaskId, Word
from peal.record import journal, store
from peal.record.events import (
    Event,
    TasksForgotten,
    TasksMarkedDone,
)
from peal.run.session import session
from peal.system.layout import RepoPaths
from peal.text.display import harmless


@frozen
class Correction:
    """A person's word on some tasks of a plan."""

    repo_paths: RepoPaths
    plan_file: Path
    plan: Plan
    tasks: tuple[TaskId, ...]
    say: Callable[[str], None]

    @property
    def next_command(self) -> str:
        """What to type next."""
        opened, _ = journal.latest_opening(self.repo_paths.plan(self.plan_file).journal)
        return "peal resume" if opened else f"peal run {shlex.quote(str(self.plan_file))}"


def correction_of(
    repo_paths: RepoPaths, tasks: tuple[str, ...], plan: Path | None, say: Callable[[str], None]
) -> Correction:
    """What is meant by tasks as a person writes them, `2,5-7`, and a plan, or by none the latest; PealError if nothing is."""
    named = plan_or_latest(plan, repo_paths)
    _refuse_items(repo_paths, named, is_latest=plan is None)
    file = plan or found_again(repo_paths, named)
    read = fit_plan(file, repo_paths)
    return Correction(repo_paths, file, read, chosen(tasks, read), say)


def _refuse_items(repo_paths: RepoPaths, plan: Path, is_latest: bool) -> None:
    """PealError if what was run there is a backlog, whose items say by themselves how far they are."""
    opened, _ = journal.latest_opening(repo_paths.plan(plan).journal)
    if opened and opened.format == BACKLOG:
        what = "the latest run was of the backlog" if is_latest else f"`{harmless(str(plan))}` is the backlog"
        also = "; name a plan with --plan, if a task of one is meant" if is_latest else ""
        raise PealError(
            f"{what}, whose items say in their files how far they are; `peal backlog advance ID --to PHASE` has an item go "
            f"on with another phase, `unblock` lets one go on that waits, `edit` and `close` change it{also}"
        )


def forget(correction: Correction, phase: str) -> None:
    """The tasks are to be done again, from `phase` on."""
    word = Word(undone=frozenset(correction.tasks))
    _record(correction, TasksForgotten(time.time(), correction.tasks, phase, "peal redo"), word)


def mark_done(correction: Correction) -> None:
    """The tasks count as complete from now on."""
    word = Word(done=frozenset(correction.tasks))
    _record(correction, TasksMarkedDone(time.time(), correction.tasks, "peal done"), word)


def _record(correction: Correction, event: Event, word: Word) -> None:
    reading = store.reading_of(correction.repo_paths, correction.plan_file, correction.plan)
    with (
        session(correction.repo_paths, correction.say) as open_now,
        open_now.plan(reading, word=word) as held,
        store.writing(held.plan_paths),
    ):
        held.append(event)
