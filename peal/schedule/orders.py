"""What each attempt is told: its order, and what is known of the tries before it."""

from pathlib import Path

from peal.model.agent import Session
from peal.model.pipeline import Phase
from peal.model.plan import Task
from peal.model.review import Finding
from peal.model.work import Order, Outcome, Result, Step
from peal.record.history import Attempt, History, TaskState
from peal.system.layout import PATCH, PlanPaths


def order_of(
    step: Step, task: Task, plan_paths: PlanPaths, history: History, alone: bool, now: float
) -> Order:
    """The next try of a step at `now` (wall-clock seconds), with what is known of the tries before."""
    line = history.lines[step.task]
    last, failed = line.last(), line.failure(step.phase)
    number = history.counts[step.task, step.phase] + 1
    planned = _latest_plan(line)
    agent = history.agent_for(step.phase, now)
    return Order(
        task=task,
        phase=step.phase,
        number=number,
        folder=plan_paths.attempt(step.task, step.phase, number),
        alone=alone,
        seen=line.seen,
        dismissed=frozenset(line.dismissed),
        plan_folder=_folder(plan_paths, planned) if planned and step.phase is not Phase.PLAN else None,
        failed_before=failed.outcome.reason if failed and failed.outcome else "",
        failed_folder=_folder(plan_paths, failed) if failed else None,
        interrupted_before=last is not None
        and last.phase is step.phase
        and last.result is Result.INTERRUPTED,
        patch=_patch(plan_paths, line, step.phase),
        charged=frozenset() if history.limits.lands else _charged_to_others(step, history),
        brings=line.brings,
        own=line.commit,
        verified=line.verified,
        conflict=_clash(line) if step.phase is Phase.EXECUTE else (),
        agent=agent,
        instead=_nobody(step.phase, agent, history),
        session=_session(line, agent, history),
        setbacks=line.setbacks,
        notes=line.notes,
    )


def _nobody(phase: Phase, agent: str, history: History) -> Outcome | None:
    """What comes of wanting to ask somebody, if nobody may be asked."""
    if history.why_over_budget:
        return Outcome(Result.HELD, f"{history.why_over_budget}, and this needs an agent; give more to go on")
    if not agent:
        return Outcome(
            Result.LIMITED,
            "this needs an agent, and its usage limit is reached",
            until=history.free_at(phase),
        )
    return None


def _session(line: TaskState, agent: str, history: History) -> Session | None:
    """The conversation of the phase before, if it was with the same agent and nothing has gone wrong since."""
    last = line.last()
    if not history.limits.continue_session or last is None or last.outcome is None:
        return None
    outcome = last.outcome
    goes_on = outcome.result in (Result.PASSED, Result.MENDED) and not line.clashed
    if not goes_on or not outcome.session or outcome.agent != agent:
        return None
    same = [past for past in line.tries if past.outcome and past.outcome.session == outcome.session]
    used = tuple(usage for past in same if past.outcome for usage in past.outcome.usage)
    return Session(outcome.session, last.workspace, used)


def _patch(plan_paths: PlanPaths, line: TaskState, phase: Phase) -> Path | None:
    """What the attempt before this one had changed, if that is kept."""
    last = line.last()
    if last is None or last.phase is not phase or last.result is Result.PASSED:
        return None
    path = _folder(plan_paths, last) / PATCH
    return path if path.exists() else None


def _clash(line: TaskState) -> tuple[Finding, ...]:
    """The conflicts for which the task is carried out anew; tries of `execute` since then do not make them good."""
    for past in reversed(line.tries):
        if past.result is Result.CONFLICTED and past.outcome:
            return past.outcome.findings
        if past.phase is not Phase.EXECUTE or past.result is Result.PASSED:
            break
    return ()


def _charged_to_others(step: Step, history: History) -> frozenset[str]:
    if step.phase is not Phase.ADDRESS:
        return frozenset()
    lines = [history.lines[task] for task in history.failed | history.with_findings if task != step.task]
    standing = (line.tries[-1].outcome for line in lines if line.tries)
    return frozenset(finding.fingerprint for outcome in standing if outcome for finding in outcome.findings)


def _latest_plan(line: TaskState) -> Attempt | None:
    for past in reversed(line.tries):
        if past.phase is Phase.PLAN and past.result is Result.PASSED:
            return past
    return None


def _folder(plan_paths: PlanPaths, past: Attempt) -> Path:
    return plan_paths.attempt(past.task, past.phase, past.number)
