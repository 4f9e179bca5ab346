"""How fast a run goes, and when it ends if the rest takes as long as what has finished; pure, followed event by event."""

from collections.abc import Container, Iterator, Sequence
from typing import Self

from attrs import field

from peal.classes import define
from peal.model.pipeline import Phase
from peal.model.plan import Segment, TaskId
from peal.model.work import Result
from peal.record.events import Event, StepEnded
from peal.record.history import History
from peal.record.task_state import Attempt, TaskState
from peal.views.forecast import Remainder, Stint, seconds_left
from peal.views.status import out_of_reach

_TELLS_NOTHING = (
    Result.INTERRUPTED,
    Result.STOPPED,
    Result.TRANSIENT,
    Result.LOST,
    Result.LIMITED,
    Result.HELD,
)
"""Ends of attempts that were kept from going on: how long they took says nothing of others."""

_ANY = ""
"""Stands for all pipelines."""
Stage = tuple[str, str]
"""A pipeline and one of its phases, by name."""


@define
class Pace:
    """What attempts that ended say of those to come; `follow` costs the same however much is already done."""

    began: float = 0.0
    """When the run was opened, in wall-clock seconds."""
    finished: int = 0
    """Tasks that were finished since then."""
    _seconds: dict[Stage, float] = field(factory=dict)
    _tasks: dict[Stage, set[TaskId]] = field(factory=dict)
    """Which tasks took these seconds together."""

    @classmethod
    def of(cls, history: History) -> Self:
        """That of the run which was opened last; earlier runs say, too, how long things take."""
        made = cls(history.opened.at if history.opened else 0.0)
        for state in history.states.values():
            for past in state.attempts:
                made._count(state, past, history)
        return made

    def follow(self, events: Sequence[Event], history: History) -> None:
        """These events have happened, and are in the history."""
        for event in events:
            if isinstance(event, StepEnded):
                state = history.states[event.task]
                if (past := _attempt(state, event)) is not None:
                    self._count(state, past, history)

    def _count(self, state: TaskState, past: Attempt, history: History) -> None:
        if past.ended is None or past.result in _TELLS_NOTHING:
            return
        for stage in ((state.task.pipeline, past.phase), (_ANY, past.phase)):
            self._seconds[stage] = self._seconds.get(stage, 0.0) + past.ended - past.started
            self._tasks.setdefault(stage, set()).add(state.task.id)
        is_last = past.phase == history.pipeline(state.task.pipeline).phases[-1].name
        self.finished += is_last and past.result is Result.PASSED and past.ended >= self.began

    def mean(self, pipeline: str, phase: str) -> float | None:
        """
        Seconds that a task spends in a phase, all its attempts together; None if none has been there.

        Where none of this pipeline has been there, those of the others are gone by.
        """
        stage = next((one for one in ((pipeline, phase), (_ANY, phase)) if one in self._tasks), None)
        return self._seconds[stage] / len(self._tasks[stage]) if stage else None

    def per_hour(self, now: float) -> float | None:
        """Tasks finished in an hour, by what was finished until now; None before there was one."""
        return self.finished * 3600 / (now - self.began) if self.finished and now > self.began else None


def _attempt(state: TaskState, event: StepEnded) -> Attempt | None:
    """The one that ended so; None where the task was forgotten meanwhile."""
    wanted = event.phase, event.attempt
    return next((one for one in reversed(state.attempts) if (one.phase, one.number) == wanted), None)


def end_of(
    history: History, segments: Sequence[Segment], pace: Pace, now: float, plans: int = 1
) -> float | None:
    """
    When what was asked for is over if the rest takes as long as what has finished, in wall-clock seconds.

    None where there is nothing to go by: no task has been finished, nobody has been in a phase that is to come, the run is about
    to end anyway, or nobody knows what else there will be to do. `plans` at work share the places.
    """
    if not pace.finished or _will_break_off(history):
        return None
    lost = out_of_reach(history)
    rest = [[state for state in _states(part, history) if not _is_over(state, lost)] for part in segments]
    if not all(_is_known(state, history, pace) for part in rest for state in part):
        return None
    eager = _eager(history)
    after = {state.task.id: state.task.after for part in rest for state in part if state.task.after}
    left = [
        [_rest(state, history, pace, now, eager is None or state.task.id in eager) for state in part]
        for part in rest
    ]
    return now + seconds_left(left, after, max(history.rules.max_parallel // plans, 1))


def _will_break_off(history: History) -> bool:
    """Whether it ends with things left to do, or goes on for nobody knows how long."""
    rules, opened = history.rules, history.opened
    has_failed = bool(history.failed) and not rules.continue_with_remaining_tasks
    is_ending = has_failed or history.cap_reached or history.stop is not None or history.why_over_budget
    return bool(is_ending or opened is None or opened.is_open_ended)


def _states(segment: Segment, history: History) -> list[TaskState]:
    return [history.states[task] for task in segment.tasks if task in history.states]


def _is_over(state: TaskState, lost: Container[TaskId]) -> bool:
    return state.is_complete or state.failed is not None or state.task.id in lost


def _is_known(state: TaskState, history: History, pace: Pace) -> bool:
    """Whether there is something to go by for all that it has before it."""
    phases = _phases_left(state, history)
    return all(pace.mean(state.task.pipeline, phase.name) is not None for phase in phases)


def _eager(history: History) -> frozenset[TaskId] | None:
    """The tasks that are reviewed as soon as they are made; None for all."""
    if history.rules.as_ready:
        return None
    named = [state.task for state in history.states.values() if state.task.after and history.lands]
    return frozenset(one for task in named for one in (task.id, *task.after))


def _rest(state: TaskState, history: History, pace: Pace, now: float, is_eager: bool) -> Remainder:
    ready_in = 0.0 if state.running or state.held else max(history.ready_at(state) - now, 0.0)
    comes_to_end = state.held is None and (history.rules.wait or not ready_in)
    stints = tuple(_stints(state, history, pace, now)) if comes_to_end else ()
    return Remainder(state.task.id, stints, bool(state.running), state.has_begun, is_eager, ready_in)


def _stints(state: TaskState, history: History, pace: Pace, now: float) -> Iterator[Stint]:
    """The phases that a task has before it; of one that runs, what is left of it."""
    gone = now - state.running.started if state.running else 0.0
    for phase in _phases_left(state, history):
        seconds = pace.mean(state.task.pipeline, phase.name) or 0.0
        yield Stint(phase.kind, max(seconds - gone, 0.0))
        gone = 0.0


def _phases_left(state: TaskState, history: History) -> tuple[Phase, ...]:
    pipeline = history.pipeline(state.task.pipeline)
    name = state.running.phase if state.running else state.next
    return pipeline.phases[pipeline.place(name) :] if name is not None and name in pipeline else ()
