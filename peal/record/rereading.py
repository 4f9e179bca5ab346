"""A plan read again: which of its tasks are those that are remembered, and the question where that cannot be told."""

from collections.abc import Container, Sequence

from attrs import evolve

from peal.classes import frozen
from peal.errors import PealError
from peal.model.plan import NO_WORD, TaskId, Word
from peal.record.events import PlanRead
from peal.record.history import History
from peal.record.task_state import DONE, TaskState
from peal.text.display import harmless
from peal.text.names import ranges

_SHOWN = 40


@frozen
class Reread:
    """A reading that says for each task which one it is."""

    reading: PlanRead
    said: tuple[str, ...] = ()
    """What a person should know of how tasks were told apart."""


def reread(
    history: History, reading: PlanRead, forgotten: Container[TaskId] = (), word: Word = NO_WORD
) -> Reread:
    """
    The reading with each task as what the history knows; `forgotten` are about to be done again. One that names no tasks only
    says whose memory it is: they come later, and those that are known stay.

    PealError where several tasks have the same words and it cannot be told which of them are done.
    """
    if not history.states:
        return Reread(reading)
    if not reading.tasks:
        known_as = tuple(history.states)
        return Reread(
            evolve(reading, tasks=tuple(one.task for one in history.states.values()), known_as=known_as)
        )
    from peal.record.alignment import (  # only here: a plan that is new is aligned with nothing
        Known,
        Read,
        align,
    )

    known = [
        Known(task, state.task.digest, "" if task in forgotten else _standing(state, history))
        for task, state in history.states.items()
    ]
    read = [Read(task.id, task.digest, task.done) for task in reading.tasks]
    found = align(known, read, word)
    if found.unclear:
        raise PealError("\n".join(_question(reading, tasks) for tasks in found.unclear))
    done = {
        task.id
        for task, before in zip(reading.tasks, found.known_as, strict=True)
        if before is not None and history.states[before].next is None
    }
    said = tuple(_assumption(reading, tasks, done) for tasks in found.by_neighbours)
    return Reread(evolve(reading, known_as=found.known_as), said)


def _standing(state: TaskState, history: History) -> str:
    """How far a task is, as far as that would be lost with it."""
    if state.next is None:
        return DONE
    return "" if state.next == history.pipeline(state.task.pipeline).phases[0].name else state.next


def _question(reading: PlanRead, tasks: Sequence[TaskId]) -> str:
    return (
        f"plan `{harmless(reading.plan)}` has changed, and task {ranges(tasks)} {_words(reading, tasks)}; it cannot be "
        "told which are done: `peal done` with the ids of all that are, `peal redo` with those of all that are "
        "not, or give them words of their own"
    )


def _assumption(reading: PlanRead, tasks: Sequence[TaskId], done: Container[TaskId]) -> str:
    complete = [task for task in tasks if task in done]
    others = [task for task in tasks if task not in done]
    return (
        f"task {ranges(tasks)} {_words(reading, tasks)}; by what stands before them {ranges(complete) or 'none'} is "
        f"complete and {ranges(others)} is not; `peal done` and `peal redo` change that"
    )


def _words(reading: PlanRead, tasks: Sequence[TaskId]) -> str:
    title = next(harmless(task.title) for task in reading.tasks if task.id == tasks[0])
    shown = f"{title[:_SHOWN]}…" if len(title) > _SHOWN else title
    return (
        f"has words that others had too: `{shown}`" if len(tasks) == 1 else f"have the same words: `{shown}`"
    )
