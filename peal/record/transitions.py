"""What the end of an attempt does to its task: one table of kind of phase and result."""

from collections.abc import Callable, Mapping
from enum import Enum

from peal.classes import frozen
from peal.model.decision import Rules
from peal.model.pipeline import Kind, Phase, Pipeline
from peal.model.review import Round
from peal.model.values import evolve
from peal.model.work import Change, Outcome, Result
from peal.record.task_state import TaskState, Wait


class Move(Enum):
    """Where a task goes from a phase."""

    ON = "to the next phase, or to its end"
    LOOK_AGAIN = "to the same review once more, which sees what was mended"
    CARRY_OUT_ANEW = (
        "back to where its change is made, on what landed meanwhile; it has failed if that was done already"
    )
    REVIEW_AGAIN = "back to the review, on top of what landed meanwhile"
    HOLD = "no further in this run: the person has to make way"
    TRY_AGAIN = "to the same phase, as often as that may be tried; then it has failed"
    FAIL = "no further in this run: trying again would change nothing"
    WAIT_FOR_PROVIDER = (
        "to the same phase after a while, as often as a provider is waited for; then an attempt has failed"
    )
    WAIT_FOR_AGENT = "to the same phase, when an agent is free"
    STAY = "to the same phase: nothing has happened that counts"


_ANYWHERE = {
    Result.PASSED: Move.ON,
    Result.FAILED: Move.TRY_AGAIN,
    Result.HELD: Move.HOLD,
    Result.INTERRUPTED: Move.STAY,
}
_WITH_AGENTS = {
    **_ANYWHERE,
    Result.REFUSED: Move.TRY_AGAIN,
    Result.TOO_LONG: Move.TRY_AGAIN,
    Result.HUNG: Move.TRY_AGAIN,
    Result.FLOODED: Move.TRY_AGAIN,
    Result.REJECTED: Move.FAIL,
    Result.TRANSIENT: Move.WAIT_FOR_PROVIDER,
    Result.LOST: Move.WAIT_FOR_PROVIDER,
    Result.LIMITED: Move.WAIT_FOR_AGENT,
    Result.STOPPED: Move.STAY,
}
MOVES: Mapping[Kind, Mapping[Result, Move]] = {
    Kind.READ: _WITH_AGENTS,
    Kind.WRITE: _WITH_AGENTS,
    Kind.REVIEW: {**_WITH_AGENTS, Result.MENDED: Move.LOOK_AGAIN, Result.CONFLICTED: Move.CARRY_OUT_ANEW},
    Kind.LAND: {**_ANYWHERE, Result.OUTDATED: Move.REVIEW_AGAIN},
}
"""What is not here cannot be."""


@frozen
class _End:
    """How an attempt ended, and by which rules that is judged."""

    phase: Phase
    outcome: Outcome
    at: float
    pipeline: Pipeline
    rules: Rules

    def name_of_first(self, kind: Kind) -> str | None:
        first = self.pipeline.first(kind)
        return first.name if first else None


def ended(state: TaskState, outcome: Outcome, at: float, pipeline: Pipeline, rules: Rules) -> TaskState:
    """The task after its running attempt has ended at `at`; ValueError for an end that its phase cannot have."""
    running = state.running
    if running is None:
        raise ValueError(f"task {state.task.id} has no attempt that could end")
    phase = pipeline.phase(running.phase)
    if outcome.result not in MOVES[phase.kind]:
        raise ValueError(f"`{phase}` cannot end as `{outcome.result}`: nothing says what becomes of the task")
    told = evolve(
        state,
        attempts=(*state.attempts, evolve(running, ended=at, outcome=outcome)),
        running=None,
        dismissed={**state.dismissed, **{finding.fingerprint: finding for finding in outcome.dismissed}}
        if outcome.dismissed
        else state.dismissed,
        notes=tuple(dict.fromkeys((*state.notes, *outcome.notes))) if outcome.notes else state.notes,
        wait=state.wait
        if outcome.result in (state.wait.way, Result.INTERRUPTED)
        else evolve(state.wait, times=0, way=outcome.result),
    )
    return _MOVED[MOVES[phase.kind][outcome.result]](told, _End(phase, outcome, at, pipeline, rules))


def _on(state: TaskState, end: _End) -> TaskState:
    after = end.pipeline.after(end.phase.name)
    name, done = (after.name, state.completed_at) if after else (None, end.at)
    match end.phase.kind:
        case Kind.WRITE:
            change = Change(end.outcome.commit or ("" if _is_first(end) else state.change.own))
            return evolve(
                state,
                next=name,
                failures=0,
                completed_at=done,
                change=change,
                findings=(),
                clashed=False,
                dismissed={},
            )
        case Kind.REVIEW:
            change = evolve(state.change, verified=end.outcome.commit)
            findings = end.outcome.findings
            return evolve(state, next=name, failures=0, completed_at=done, change=change, findings=findings)
    return evolve(state, next=name, failures=0, completed_at=done)


def _is_first(end: _End) -> bool:
    """Whether the phase is the one in which the change begins."""
    first = end.pipeline.first(Kind.WRITE)
    return first is not None and first.name == end.phase.name


def _look_again(state: TaskState, end: _End) -> TaskState:
    seen = (*state.seen, end.outcome.round or Round.of(end.outcome.findings))
    change = evolve(state.change, mended=end.outcome.commit or state.change.mended)
    return evolve(state, seen=seen, change=change, failures=0)


def _carry_out_anew(state: TaskState, end: _End) -> TaskState:
    clashed = evolve(state, conflicts=state.conflicts + 1, change=evolve(state.change, mended=""), seen=())
    if clashed.conflicts > end.rules.conflict_retry:
        return evolve(clashed, failed=end.outcome.reason)
    return evolve(clashed, next=end.name_of_first(Kind.WRITE), failures=0, clashed=True)


def _review_again(state: TaskState, end: _End) -> TaskState:
    change = evolve(state.change, verified="")
    return evolve(state, next=end.name_of_first(Kind.REVIEW), change=change, failures=0)


def _hold(state: TaskState, end: _End) -> TaskState:
    return evolve(state, held=end.outcome.reason)


def _try_again(state: TaskState, end: _End) -> TaskState:
    failures = state.failures + 1
    return evolve(
        state, failures=failures, failed=end.outcome.reason if failures > end.phase.retries else None
    )


def _fail(state: TaskState, end: _End) -> TaskState:
    return evolve(state, failures=state.failures + 1, failed=end.outcome.reason)


def _wait_for_provider(state: TaskState, end: _End) -> TaskState:
    times = state.wait.times + 1
    if times > end.rules.transient_retry_count:
        return _try_again(evolve(state, wait=evolve(state.wait, times=0)), end)
    return evolve(state, wait=evolve(state.wait, times=times, until=end.outcome.until or 0.0))


def _wait_for_agent(state: TaskState, end: _End) -> TaskState:
    """A reviewer's agent is waited for by the task itself: nobody can take its place."""
    is_reviewers = bool(end.outcome.agent) and end.outcome.agent not in end.phase.agents
    until = (end.outcome.until or 0.0) if is_reviewers else state.wait.until
    return evolve(state, wait=Wait(state.wait.times + 1, state.wait.way, until, needs_agent=True))


def _stay(state: TaskState, _end: _End) -> TaskState:
    return state


_MOVED: Mapping[Move, Callable[[TaskState, _End], TaskState]] = {
    Move.ON: _on,
    Move.LOOK_AGAIN: _look_again,
    Move.CARRY_OUT_ANEW: _carry_out_anew,
    Move.REVIEW_AGAIN: _review_again,
    Move.HOLD: _hold,
    Move.TRY_AGAIN: _try_again,
    Move.FAIL: _fail,
    Move.WAIT_FOR_PROVIDER: _wait_for_provider,
    Move.WAIT_FOR_AGENT: _wait_for_agent,
    Move.STAY: _stay,
}
