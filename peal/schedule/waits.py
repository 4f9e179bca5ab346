"""Which steps have to wait for a usage limit or a provider, and which do not go on in this run at all."""

from collections.abc import Iterable, Iterator, Mapping

from peal.classes import frozen
from peal.model.decision import Reason
from peal.model.pipeline import Phase
from peal.model.plan import TaskId
from peal.model.work import Result
from peal.record.history import History
from peal.record.task_state import TaskState
from peal.schedule.agenda import Stage
from peal.text.display import clock


@frozen
class Waits:
    """Tasks that have to wait for a time to come."""

    tasks: tuple[TaskId, ...] = ()
    wake_at: float | None = None
    """The first of these times, in wall-clock seconds."""
    reasons: tuple[Reason, ...] = ()


def sorted_out(
    idle: Mapping[Stage, list[TaskId]], history: History, now: float
) -> tuple[dict[Stage, list[TaskId]], Waits]:
    """
    The idle tasks that may start, and those that wait for a time to come.

    Left out of both are tasks that no agent may be asked for in this run: past the budget, or at a usage limit that
    is not waited for.
    """
    if (
        not history.why_over_budget
        and not history.waiting
        and all(history.providers.free_at(phase.agents) <= now for phase in _phases(history))
    ):
        return dict(idle), Waits()
    ready: dict[Stage, list[TaskId]] = {}
    late: dict[TaskId, float] = {}
    for stage, tasks in idle.items():
        ready[stage] = []
        for task in tasks:
            state = history.states[task]
            if _is_ready(state, history, now):
                ready[stage].append(task)
            elif _will_go_on(state, history, now):
                late[task] = history.ready_at(state)
    if not late:
        return ready, Waits()
    return ready, Waits(tuple(late), min(late.values()), tuple(_reasons(late, history, now)))


def _phases(history: History) -> Iterator[Phase]:
    """Every phase in which an agent may work."""
    pipelines = history.opened.pipelines.values() if history.opened else ()
    return (phase for pipeline in pipelines for phase in pipeline.phases if phase.agents)


def _is_ready(state: TaskState, history: History, now: float) -> bool:
    is_over = history.next_phase(state).asks_agent and history.why_over_budget
    return not is_over and history.ready_at(state) <= now


def _will_go_on(state: TaskState, history: History, now: float) -> bool:
    """Whether a task that is not ready becomes so in this run."""
    if history.next_phase(state).asks_agent and history.why_over_budget:
        return False
    return history.rules.wait or (state.wait.until > now and not state.wait.needs_agent)


def _reasons(late: Mapping[TaskId, float], history: History, now: float) -> Iterable[Reason]:
    groups: dict[str, list[TaskId]] = {}
    for task in late:
        groups.setdefault(_why(history.states[task], history, now), []).append(task)
    for why, tasks in groups.items():
        yield Reason(tuple(tasks), why, is_wait=True)


def _why(state: TaskState, history: History, now: float) -> str:
    phase = history.next_phase(state)
    if state.wait.until >= history.providers.free_at(phase.agents):
        what = "its machine is gone" if state.wait.way is Result.LOST else "the provider could not serve it"
        return f"{what}; tried again at {clock(state.wait.until, now)}"
    return _limit(phase, history, now)


def _limit(phase: Phase, history: History, now: float) -> str:
    agents = " and ".join(f"`{agent}`" for agent in phase.agents)
    return f"usage limit of {agents} until {clock(history.providers.free_at(phase.agents), now)}"


def no_agent(history: History, now: float) -> str:
    """Why no agent may be asked any more in this run; empty if one may be."""
    if history.why_over_budget:
        return f"{history.why_over_budget}; give more, and `peal resume` goes on"
    limited = [phase for phase in _phases(history) if history.providers.free_at(phase.agents) > now]
    return f"{_limit(limited[0], history, now)}; `peal resume` goes on then" if limited else ""
