"""`--dry-run`: the real loop, and what each attempt would do, without doing anything."""

import shlex

from attrs import evolve

from peal.agents.protocol import Request
from peal.classes import frozen
from peal.executors.rehearsal import Rehearsal
from peal.jobs.job import Job
from peal.model.agent import Command, Reply
from peal.model.decision import Halt
from peal.model.pipeline import Kind
from peal.model.plan import TaskId
from peal.model.work import Order, Outcome
from peal.record import journal, store
from peal.record.history import fold
from peal.record.rereading import reread
from peal.run.loop import PlanRun, UnsavedRecord, carry_out
from peal.run.start import End, opening_of, refuse_to_repeat
from peal.text.display import count, harmless
from peal.text.names import ranges
from peal.views.screens import Screen
from peal.work import Roster


def rehearse(job: Job, screen: Screen) -> End:
    """The real loop without doing anything: no lock, no folder, nothing recorded. Where nothing would be done, why is told."""
    reading = store.reading_of(job.repo_paths, job.plan_file, job.plan)
    refuse_to_repeat(job, reading)
    plan_paths = store.plan_paths_of(job.repo_paths, reading)
    history = fold(() if job.fresh else journal.load(plan_paths.journal).events)
    again = reread(history, reading)
    history.apply(again.reading)
    for text in again.said:
        screen.say(text)
    for task in job.work.tasks:
        if history.states[task].is_complete:
            screen.say(f"task {task}: complete, skipped")
    if halt := job.source.over(history):
        screen.say(halt.why)
        return End(halt, history)
    asked, declined = dict[TaskId, None](), dict[TaskId, None]()

    def tell(order: Order) -> Outcome:
        attempt = _attempt(order, job.roster)
        screen.say(f"task {order.task.id} {order.phase}: {attempt.told}")
        asked[order.task.id] = None
        if attempt.is_declined:
            declined[order.task.id] = None
        return job.source.rehearsed(order)

    if job.pool and job.pool.begins_at:
        screen.say(f"would make {job.pool.beginning}")
    executor = Rehearsal(tell)
    run = PlanRun(job, UnsavedRecord(history), executor, screen)
    run.open(opening_of(job, "rehearsal"))
    carry_out([run], executor)
    end = End.of(run)
    if not declined or end.halt.code:
        if end.halt.code or not asked:
            screen.say(end.halt.why)
        return end
    why = f"{count(len(declined), 'task')} would fail, for the agent could do nothing: {ranges(declined)}"
    screen.say(why)
    return evolve(end, halt=Halt(1, why))


@frozen
class _Attempt:
    """What an attempt would do."""

    told: str
    is_declined: bool = False
    """Its agent has nothing it could do."""


def _attempt(order: Order, roster: Roster) -> _Attempt:
    branch = roster.workspaces.branch
    match order.phase.kind:
        case Kind.LAND:
            return _Attempt(f"into `{branch}`")
        case Kind.REVIEW:
            names = ", ".join(reviewer.name for reviewer in roster.reviewers_of(order.task.id))
            merges = f"merged into `{branch}`, " if branch else ""
            return _Attempt(f"{merges}reviewers {names}" if names else f"{merges}no reviewers")
    return _asked(order, roster)


def _asked(order: Order, roster: Roster) -> _Attempt:
    """What an agent would be asked to do."""
    task, workspace = order.task, roster.workspaces.place
    if task.by_person:
        return _Attempt(f"for a person to do: {harmless(task.by_person)}")
    if order.instead:
        return _Attempt(order.instead.reason)
    model, permissions = roster.model_for(order), roster.settings.permissions
    file = order.folder / "prompt.md"
    request = Request(
        task, order.phase, "PROMPT", file, workspace, order.phase.kind is Kind.WRITE, model, permissions
    )
    prepared = roster.agents[order.agent].prepare(request)
    if isinstance(prepared, Command):
        argv = shlex.join(prepared.argv).replace("{folder}", str(order.folder))
        machines = roster.settings.run_on
        where = f"on {' or '.join(machines)}" if machines else f"in {workspace}"
        return _Attempt(f"{argv} {where}")
    if isinstance(prepared, Reply):
        return _Attempt(prepared.text.splitlines()[0])
    return _Attempt(prepared.reason, is_declined=True)
