"""What tasks of a run wait for, since when and until when; pure."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from peal.classes import frozen
from peal.model.plan import TaskId
from peal.model.work import Result
from peal.record.history import History
from peal.record.task_state import TaskState


class Cause(StrEnum):
    """What keeps a task from going on that nobody works on."""

    LIMIT = "limit"
    """A usage limit is reached."""
    PROVIDER = "provider"
    """A provider could not serve it, and is asked again later."""
    MACHINE = "machine"
    """The machine that it ran on is gone, and it is tried on another, or there again, later."""
    BRANCH = "branch"
    """Others are at the branch, or are waited for there."""
    PERSON = "person"
    """Something that only a person can put right, or say."""


@frozen
class Wait:
    """Tasks that wait for the same."""

    cause: Cause
    tasks: tuple[TaskId, ...]
    since: float | None = None
    """When the first of them began to wait, in wall-clock seconds; None where nobody has begun any of them."""
    until: float | None = None
    """When the first of them may go on; None where nobody knows."""
    agents: tuple[str, ...] = ()
    """Whose usage limit it is."""


def waits_of(history: History, idle: Iterable[TaskId], now: float) -> tuple[Wait, ...]:
    """
    What the `idle` ones among a run's tasks wait for, and those that wait for a person; by cause, in the order of `Cause`.

    Those that only wait for their turn are left out.
    """
    found: dict[tuple[Cause, tuple[str, ...]], list[TaskState]] = {}
    for state in _idle(history, idle):
        if cause := cause_of(state, history, now):
            agents = history.next_phase(state).agents if cause is Cause.LIMIT else ()
            found.setdefault((cause, agents), []).append(state)
    order = list(Cause)
    waits = [
        Wait(cause, tuple(state.task.id for state in states), _since(states), _until(cause, states, history), agents)
        for (cause, agents), states in found.items()
    ]  # fmt: skip
    return tuple(sorted(waits, key=lambda wait: (order.index(wait.cause), wait.agents)))


def cause_of(state: TaskState, history: History, now: float) -> Cause | None:
    """What keeps a task from going on, if it is not its turn alone; None for one that runs or is over."""
    if state.held is not None or state.is_blocked:
        return Cause.PERSON
    if state.running or state.is_settled:
        return None
    if history.ready_at(state) > now:
        is_set_back = state.wait.until >= history.providers.free_at(history.next_phase(state).agents)
        if not is_set_back:
            return Cause.LIMIT
        return Cause.MACHINE if state.wait.way is Result.LOST else Cause.PROVIDER
    return Cause.BRANCH if state.has_begun and history.next_phase(state).is_at_branch else None


def waits_since(state: TaskState) -> float | None:
    """Since when nobody has worked on a task; None if nobody has begun it."""
    last = state.last()
    return last.ended if last else None


def _idle(history: History, idle: Iterable[TaskId]) -> Iterator[TaskState]:
    may_be_limited = bool(history.waiting or history.providers.limited)
    for task in dict.fromkeys((*history.in_order(history.held | history.blocked), *idle)):
        state = history.states.get(task)  # items of a backlog wait, too, before they have a task
        if state and (state.has_begun or may_be_limited):  # else it only waits for its turn
            yield state


def _since(states: Iterable[TaskState]) -> float | None:
    """Of those that were kept from going on; one whose turn has not come yet says nothing of that."""
    ends = [since for state in states if state.has_begun and (since := waits_since(state)) is not None]
    return min(ends, default=None)


def _until(cause: Cause, states: Iterable[TaskState], history: History) -> float | None:
    if cause not in (Cause.LIMIT, Cause.PROVIDER, Cause.MACHINE):
        return None
    return min(history.ready_at(state) for state in states)
