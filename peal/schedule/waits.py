"""Which steps have to wait for a usage limit or a provider, and which do not go on in this run at all."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from peal.model.decision import Reason
from peal.model.pipeline import AGENT_PHASES, Phase
from peal.record.history import History, Stage, TaskState
from peal.text.display import clock

_MADE_BY_AGENTS = (Phase.PLAN, Phase.EXECUTE)


@frozen
class Waits:
    """Tasks that have to wait for a time to come."""

    tasks: tuple[int, ...] = ()
    wake_at: float | None = None
    """The first of these times, in wall-clock seconds."""
    reasons: tuple[Reason, ...] = ()


def sorted_out(
    idle: Mapping[Stage, list[int]], history: History, now: float
) -> tuple[dict[Stage, list[int]], Waits]:
    """
    The idle tasks that may start, and those that wait for a time to come.

    Left out of both are tasks that no agent may be asked for in this run: past the budget, or at a usage limit that
    is not waited for.
    """
    if (
        not history.why_over_budget
        and not history.waiting
        and all(history.free_at(p) <= now for p in AGENT_PHASES)
    ):
        return dict(idle), Waits()
    ready: dict[Stage, list[int]] = {}
    late: dict[int, float] = {}
    for stage, tasks in idle.items():
        if stage is Stage.FRESH and tasks and not _is_ready(history.lines[tasks[0]], history, now):
            ready[stage] = []  # one speaks for all: none of them has anything of its own to wait for
            if _will_go_on(history.lines[tasks[0]], history, now):
                late |= dict.fromkeys(tasks, history.free_at(Phase.PLAN))
            continue
        ready[stage] = []
        for task in tasks:
            line = history.lines[task]
            if _is_ready(line, history, now):
                ready[stage].append(task)
            elif _will_go_on(line, history, now):
                late[task] = history.ready_at(line)
    if not late:
        return ready, Waits()
    return ready, Waits(tuple(late), min(late.values()), tuple(_reasons(late, history, now)))


def _is_ready(line: TaskState, history: History, now: float) -> bool:
    return not (line.next in _MADE_BY_AGENTS and history.why_over_budget) and history.ready_at(line) <= now


def _will_go_on(line: TaskState, history: History, now: float) -> bool:
    """Whether a task that is not ready becomes so in this run."""
    if line.next in _MADE_BY_AGENTS and history.why_over_budget:
        return False
    return history.limits.wait or (line.wait_until > now and not line.needs_agent)


def _reasons(late: Mapping[int, float], history: History, now: float) -> Iterable[Reason]:
    groups: dict[str, list[int]] = {}
    for task in late:
        groups.setdefault(_why(history.lines[task], history, now), []).append(task)
    for why, tasks in groups.items():
        yield Reason(tuple(tasks), f"waits: {why}")


def _why(line: TaskState, history: History, now: float) -> str:
    assert line.next is not None, "a complete task does not wait"
    if line.wait_until >= history.free_at(line.next):
        return f"the provider could not serve it; tried again at {clock(line.wait_until, now)}"
    return _limit(line.next, history, now)


def _limit(phase: Phase, history: History, now: float) -> str:
    agents = " and ".join(f"`{agent}`" for agent in history.limits.agents[phase])
    return f"usage limit of {agents} until {clock(history.free_at(phase), now)}"


def no_agent(history: History, now: float) -> str:
    """Why no agent may be asked any more in this run; empty if one may be."""
    if history.why_over_budget:
        return f"{history.why_over_budget}; give more, and `peal resume` goes on"
    limited = [phase for phase in AGENT_PHASES if history.free_at(phase) > now]
    return f"{_limit(limited[0], history, now)}; `peal resume` goes on then" if limited else ""
