"""The files of plans that are not finished: whether they are where they were, can be read, and are the same."""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from attrs import evolve

from peal.doctor.backups import Keeping
from peal.doctor.finding import Severity, Symptom, of_refusal, refused
from peal.doctor.look import Look, Memory
from peal.errors import Paused, PealError
from peal.model.plan import NO_WORD, Plan
from peal.record import moved_plans, store
from peal.record.rereading import reread
from peal.text.display import count, harmless


def unreadable(look: Look) -> Iterator[Symptom]:
    """A plan that is gone, cannot be read, or has mistakes that keep it from being run."""
    for path in look.plans:
        where = look.told(path)
        try:
            now = look.files.find(path)
        except Paused:  # it is in another branch, which is told there
            continue
        except PealError as error:
            yield from of_refusal(error, where)
        else:
            found = refused(partial(look.read, path)) if now == path else ()
            yield from (evolve(symptom, where=where) for symptom in found)


def moved(look: Look) -> Iterator[Symptom]:
    """A plan whose file has another name now."""
    for path, memory in look.plans.items():
        with suppress(PealError):  # told as gone
            if (now := look.files.find(path)) != path:
                shown = path if look.asked.plan_file else Path(look.told(path))
                mend = partial(_take_over, look, memory, now) if memory else None
                yield from of_refusal(PealError(moved_plans.told_moved(shown, now)), look.told(now), mend)


def _take_over(look: Look, memory: Memory, now: Path, keeping: Keeping) -> str:
    """Open what is remembered for the file that there is now, as its next run would."""
    reading = store.reading_of(look.repo_paths, now, look.read(now))
    keeping.moved(memory.plan_paths.folder, look.repo_paths.plan(now).folder)
    keeping.modified(memory.plan_paths.journal, memory.plan_paths.state)
    said: list[str] = []
    store.open_memory(look.repo_paths, reading, said.append, fresh=False, word=NO_WORD).close()
    return "; ".join(said)


def changed(look: Look) -> Iterator[Symptom]:
    """A plan that does not read as it did when it was run last; ticks do not count."""
    for path, memory in look.plans.items():
        if memory is None or not memory.is_whole or not os.path.lexists(path):
            continue
        with suppress(PealError):
            yield from _changes(look, path, look.read(path), memory)


def _changes(look: Look, path: Path, plan: Plan, memory: Memory) -> Iterator[Symptom]:
    reading = store.reading_of(look.repo_paths, path, plan)
    before = {state.task.digest: task for task, state in memory.history.states.items()}
    now = {task.digest: task.id for task in reading.tasks}
    if before == now and len(reading.tasks) == len(memory.history.states):
        return
    try:
        reread(memory.history, reading)
    except PealError as error:  # the next run would ask the same
        for symptom in of_refusal(error, look.told(path)):
            yield evolve(symptom, severity=Severity.ERROR)
        return
    new, gone = len(now.keys() - before.keys()), len(before.keys() - now.keys())
    what = (
        f"{count(new, 'task')} new or rewritten, {gone} gone"
        if new or gone
        else "tasks have another place or name"
    )
    told = f"plan `{harmless(look.told(path))}` has changed since it was run: {what}"
    by_hand = f"`peal resume` goes on with it as it is now, `peal check {shlex.quote(os.path.relpath(path))}` shows it"
    yield Symptom(told, by_hand, look.told(path))
