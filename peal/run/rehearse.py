"""`--dry-run`: the real loop, and what each attempt would do, without doing anything."""

import shlex

from peal.agents.protocol import Request
from peal.executors.rehearsal import Rehearsal
from peal.model.agent import Command, Reply
from peal.model.pipeline import Kind
from peal.model.work import Order
from peal.record import journal, store
from peal.record.history import fold
from peal.record.rereading import reread
from peal.run.job import Job
from peal.run.loop import PlanRun, UnsavedRecord, carry_out
from peal.run.start import End, opening_of, refuse_to_repeat
from peal.schedule.halts import finished, is_complete
from peal.views.screens import Screen
from peal.work import Roster


def rehearse(job: Job, screen: Screen) -> End:
    """The real loop without doing anything: no lock, no folder, nothing recorded."""
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
    if is_complete(job.work, history):
        return End(finished(job.work, history), history)
    executor = Rehearsal(lambda order: screen.say(attempt_line(order, job.roster)))
    run = PlanRun(job, UnsavedRecord(history), executor, screen)
    run.open(opening_of(job, "rehearsal"))
    carry_out([run], executor)
    return End.of(run)


def attempt_line(order: Order, roster: Roster) -> str:
    """What an attempt would do, for `--dry-run`."""
    task, workspace = order.task, roster.workspaces.place
    head = f"task {task.id} {order.phase}"
    if order.phase.kind is Kind.LAND:
        return f"{head}: into `{roster.workspaces.branch}`"
    if order.phase.kind is Kind.REVIEW:
        names = ", ".join(reviewer.name for reviewer in roster.reviewers_of(task.id))
        merges = f"merged into `{roster.workspaces.branch}`, " if roster.workspaces.branch else ""
        return f"{head}: {merges}reviewers {names}" if names else f"{head}: {merges}no reviewers"
    if order.instead:
        return f"{head}: {order.instead.reason}"
    model, permissions = roster.model_for(order), roster.settings.permissions
    file = order.folder / "prompt.md"
    request = Request(
        task, order.phase, "PROMPT", file, workspace, order.phase.kind is Kind.WRITE, model, permissions
    )
    prepared = roster.agents[order.agent].prepare(request)
    if isinstance(prepared, Command):
        argv = shlex.join(prepared.argv).replace("{folder}", str(order.folder))
        return f"{head}: {argv} in {workspace}"
    said = prepared.text.splitlines()[0] if isinstance(prepared, Reply) else prepared.reason
    return f"{head}: {said}"
