"""What each attempt is told: its order, and what is known of the attempts before it."""

from collections.abc import Iterator
from pathlib import Path

from peal.model.agent import Session
from peal.model.pipeline import Kind, Phase
from peal.model.plan import Task
from peal.model.review import Finding
from peal.model.work import Answered, Before, Order, Outcome, Result, Review, Step
from peal.record.history import History
from peal.record.task_state import Attempt, TaskState
from peal.system.layout import PATCH, PlanPaths


def order_of(
    step: Step, task: Task, plan_paths: PlanPaths, history: History, alone: bool, now: float
) -> Order:
    """The next attempt at a step at `now` (wall-clock seconds), with what is known of those before."""
    state = history.states[step.task]
    phase = history.pipeline(state.task.pipeline).phase(step.phase)
    number = history.counts[step.task, step.phase] + 1
    agent = history.providers.free_agent(phase.agents, now)
    return Order(
        task=task,
        phase=phase,
        number=number,
        folder=plan_paths.attempt(step.task, step.phase, number),
        alone=alone,
        base=_base(state, phase, history),
        stays=_stays(state, phase, history),
        replies={past.phase: _folder(plan_paths, past) for past in _replies(state, phase, history)},
        before=_before(state, phase, plan_paths),
        change=state.change,
        review=Review(state.seen, frozenset(state.dismissed), _charged_to_others(state, phase, history)),
        agent=agent,
        instead=_nobody(phase, agent, history),
        session=_session(state, agent, history),
        answered=_answered(state, plan_paths) if phase.is_at_branch else None,
    )


def _answered(state: TaskState, plan_paths: PlanPaths) -> Answered | None:
    """The latest answer with which a phase passed."""
    for number, past in reversed(list(enumerate(state.attempts))):
        if past.result is Result.PASSED and past.outcome and past.outcome.answer:
            at, folder = past.ended or past.started, _folder(plan_paths, past)
            base = past.base or past.outcome.rests_on
            return Answered(past.outcome.answer, at, base, number < state.earlier, folder)
    return None


def _before(state: TaskState, phase: Phase, plan_paths: PlanPaths) -> Before:
    last, stopped = state.last(), state.failure(phase.name)
    asked = stopped.outcome if stopped and stopped.outcome and stopped.outcome.is_question else None
    failed = None if asked else stopped
    return Before(
        failure=failed.outcome.reason if failed and failed.outcome else "",
        question=asked.reason if asked else "",
        folder=_folder(plan_paths, failed) if failed else None,
        was_interrupted=last is not None and last.phase == phase.name and last.result is Result.INTERRUPTED,
        patch=_patch(plan_paths, state, phase),
        conflict=_clash(state, phase) if phase.kind is Kind.WRITE else (),
        setbacks=state.wait.times,
        notes=state.notes,
    )


def _base(state: TaskState, phase: Phase, history: History) -> str:
    """What an earlier phase has left: a later one goes on from there."""
    pipeline = history.pipeline(state.task.pipeline)
    first = pipeline.first(Kind.WRITE)
    goes_on = first is not None and pipeline.place(first.name) < pipeline.place(phase.name)
    return state.change.own if goes_on and not phase.is_at_branch else ""


def _stays(state: TaskState, phase: Phase, history: History) -> bool:
    """Whether the next phase goes on where one that only reads leaves off."""
    after = history.pipeline(state.task.pipeline).after(phase.name)
    return phase.kind is Kind.READ and after is not None and not after.is_at_branch


def _nobody(phase: Phase, agent: str, history: History) -> Outcome | None:
    """What comes of wanting to ask somebody, if nobody may be asked."""
    if history.why_over_budget:
        return Outcome(Result.HELD, f"{history.why_over_budget}, and this needs an agent; give more to go on")
    if not agent:
        return Outcome(
            Result.LIMITED,
            "this needs an agent, and its usage limit is reached",
            until=history.providers.free_at(phase.agents),
        )
    return None


def _session(state: TaskState, agent: str, history: History) -> Session | None:
    """The conversation of the phase before, if it was with the same agent and nothing has gone wrong since."""
    last = state.last()
    if not history.rules.continue_session or last is None or last.outcome is None:
        return None
    outcome = last.outcome
    goes_on = outcome.result in (Result.PASSED, Result.MENDED) and not state.clashed
    if not goes_on or not outcome.session or outcome.agent != agent:
        return None
    same = [past for past in state.attempts if past.outcome and past.outcome.session == outcome.session]
    used = tuple(usage for past in same if past.outcome for usage in past.outcome.usage)
    return Session(outcome.session, last.workspace, used)


def _patch(plan_paths: PlanPaths, state: TaskState, phase: Phase) -> Path | None:
    """What the attempt before this one had changed, if that is kept."""
    last = state.last()
    if last is None or last.phase != phase.name or last.result is Result.PASSED:
        return None
    path = _folder(plan_paths, last) / PATCH
    return path if path.exists() else None


def _clash(state: TaskState, phase: Phase) -> tuple[Finding, ...]:
    """The conflicts for which the task is carried out anew; attempts at that since then do not make them good."""
    for past in reversed(state.attempts):
        if past.result is Result.CONFLICTED and past.outcome:
            return past.outcome.findings
        if past.phase != phase.name or past.result is Result.PASSED:
            break
    return ()


def _charged_to_others(state: TaskState, phase: Phase, history: History) -> frozenset[str]:
    if phase.kind is not Kind.REVIEW or history.lands:
        return frozenset()
    others = (history.failed | history.with_findings) - {state.task.id}
    lasts = (history.states[task].last() for task in others)
    standing = (last.outcome for last in lasts if last and last.outcome)
    return frozenset(finding.fingerprint for outcome in standing for finding in outcome.findings)


def _replies(state: TaskState, phase: Phase, history: History) -> Iterator[Attempt]:
    """The latest attempts that passed, at each phase before this one that gives a reply."""
    pipeline = history.pipeline(state.task.pipeline)
    wanted = {one.name for one in pipeline.phases[: pipeline.place(phase.name)] if one.kind is Kind.READ}
    for past in reversed(state.attempts):
        if past.phase in wanted and past.result is Result.PASSED:
            wanted.discard(past.phase)
            yield past


def _folder(plan_paths: PlanPaths, past: Attempt) -> Path:
    return plan_paths.attempt(past.task, past.phase, past.number)
