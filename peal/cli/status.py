"""`peal status`: what of a plan is done, running, failed or waiting and why, once or for as long as it goes on."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from peal.cli.options import as_json, hidden, readable_batch, repo_paths_of, repository
from peal.cli.watch import Watch, work_of, worked_on
from peal.errors import PealError
from peal.jobs.known_plans import plan_or_latest, plan_paths_of
from peal.jobs.plan_files import read_plan
from peal.model.plan import TaskId, id_as_json
from peal.record import batch_file, journal, store, transcripts
from peal.record.batch import Batch
from peal.record.events import as_json as to_json
from peal.record.events import converter
from peal.record.history import History, fold
from peal.record.lock import live_run
from peal.record.spending import amount
from peal.schedule.decide import decide
from peal.schedule.plan_agenda import PlanAgenda
from peal.system.layout import RepoPaths
from peal.text.display import duration, harmless
from peal.text.names import natural, ranges, widest
from peal.views.batch import overview as overview_of_batch
from peal.views.screens import Output
from peal.views.status import RunStatus, advice, noted_lines, overview, sandbox_lines


@click.command()
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@click.option(
    "--watch",
    is_flag=True,
    help="Go on showing it until the run is over; `q` or Ctrl-C leaves it, and the run goes on.",
)
@as_json
@repository
def status(plan: Path | None, watch: bool, json_: bool, repo: Path) -> int:
    """What of PLAN is done, running, failed or waiting and why; default: the latest run."""
    repo_paths = repo_paths_of(repo)
    is_named, plan = plan is not None, plan_or_latest(plan, repo_paths)
    if watch and json_:
        _watched_as_json(repo_paths, plan, is_named)
        return 0
    if json_:
        click.echo(json.dumps(_told(repo_paths, plan, is_named), ensure_ascii=False))
        return 0
    batch = None if is_named else readable_batch(repo_paths)
    if watch and (_is_live(repo_paths, batch) or _status(repo_paths, plan).state == "running"):
        _watched(repo_paths, plan, batch)
        plan = plan if is_named else plan_or_latest(None, repo_paths)
        batch = None if is_named else readable_batch(repo_paths)
    click.echo("\n".join([*_above(repo_paths, batch), _text(_status(repo_paths, plan))]))
    return 0


def _is_live(repo_paths: RepoPaths, batch: Batch | None) -> bool:
    return batch is not None and batch.session_id == live_run(repo_paths)


def _watched(repo_paths: RepoPaths, plan: Path, batch: Batch | None) -> None:
    """Until the run, or the batch that it is a part of, is over."""
    watch = _watch(repo_paths, plan, batch)
    if Output.standard().can_redraw(os.environ):
        watch.as_table()
    else:
        click.echo("\n".join(_above(repo_paths, batch)) or _headline(_status(repo_paths, plan)))
        watch.as_lines()


def _watch(repo_paths: RepoPaths, plan: Path, batch: Batch | None) -> Watch:
    if batch is None or not _is_live(repo_paths, batch):
        return Watch(repo_paths, lambda: (plan,))

    def now() -> Batch | None:
        with suppress(PealError):
            return batch_file.read(repo_paths.batch)
        return None

    def at_work() -> list[Path]:
        found = now()
        return [repo_paths.plan_file(one.plan) for one in found.running] if found else []

    return Watch(repo_paths, at_work, batch.session_id, now)


def _watched_as_json(repo_paths: RepoPaths, plan: Path, is_named: bool) -> None:
    """The status as a line of JSON, again whenever something was recorded."""
    batch = None if is_named else readable_batch(repo_paths)
    for look in _watch(repo_paths, plan, batch).looks():
        if any(news for _, news in look):
            click.echo(
                to_json(_told(repo_paths, plan if is_named else plan_or_latest(None, repo_paths), is_named))
            )


def _told(repo_paths: RepoPaths, plan: Path, is_named: bool) -> dict[str, Any]:
    """The status of a plan as scripts get it, with the batch beside it unless the plan was named."""
    batch = None if is_named else readable_batch(repo_paths)
    return {
        **_as_json(_status(repo_paths, plan)),
        **({"batch": batch_file.record_of(batch)} if batch else {}),
    }


def _above(repo_paths: RepoPaths, batch: Batch | None) -> list[str]:
    """The batch, above its plans."""
    return [*overview_of_batch(batch, live_run(repo_paths)), ""] if batch else []


def _status(repo_paths: RepoPaths, plan: Path) -> RunStatus:
    plan_paths = plan_paths_of(repo_paths, plan)
    live = live_run(repo_paths)  # Asked first: what a run that is over by now recorded is read below.
    history = fold(journal.load(plan_paths.journal).events)
    is_of_backlog = history.opened is not None and history.opened.is_open_ended
    if not history.states and not is_of_backlog:
        history = fold([store.reading_of(repo_paths, plan, read_plan(plan, repo_paths))])
    alive = bool(history.opened and history.opened.run == live)
    hide = hidden(repo_paths.repo)
    found = overview(
        history,
        time.time(),
        alive,
        _reasons(history) if alive else {},
        lambda one: hide(transcripts.last_output(plan_paths, one)),
        _advice_on_items(history, alive, plan) if is_of_backlog else advice(history, alive),
    )
    return _of_latest_run(found, history) if is_of_backlog else found


def _advice_on_items(history: History, is_alive: bool, folder: Path) -> tuple[str, ...]:
    from peal.backlog.advice import advice  # only here: most runs are a plan's

    return advice(history, is_alive, _blocked_items(folder) if history.failed else None)


def _blocked_items(folder: Path) -> frozenset[str] | None:
    """The items of a backlog that are blocked by now; None if they cannot be read."""
    from peal.backlog.store import Backlog  # only here: most runs are a plan's

    with suppress(PealError, OSError):
        return frozenset(kept.item.id for kept in Backlog.of(folder).kept if kept.item.status == "blocked")
    return None


def _of_latest_run(found: RunStatus, history: History) -> RunStatus:
    """Of a backlog, whose history has every phase of every item, only what the latest run has worked on, item by item."""
    begun = worked_on(history)
    tasks = sorted((task for task in found.tasks if task.id in begun), key=lambda task: _item_of(task.id))
    counts = {name: sum(task.state == name for task in tasks) for name in found.counts}
    return evolve(found, tasks=tuple(tasks), counts=counts, is_of_backlog=True)


def _item_of(task: TaskId) -> tuple[object, ...]:
    return natural(task.partition("/")[0])


def _reasons(history: History) -> dict[TaskId, str]:
    """What each task waits for, by the same decision the run takes."""
    work = work_of(history)
    decision = decide(PlanAgenda(work, history), time.time())
    told = {task: reason.text for reason in decision.reasons for task in reason.tasks}
    later = set(work.tasks).difference(decision.front)
    by_name = {task: f"comes after task {ranges(needed)}" for task, needed in work.after.items() if needed}
    return {**dict.fromkeys(later, "earlier tasks come first"), **by_name, **told}


def _as_json(found: RunStatus) -> dict[str, Any]:
    """The status as scripts get it, with a task's `id` as its plan writes it, and that as a number in `index` where it is one."""
    record: dict[str, Any] = converter().unstructure(found)
    for told, task in zip(record.get("tasks", ()), found.tasks, strict=False):
        told.update(id=task.id, index=id_as_json(task.id))
    return record


def _text(found: RunStatus) -> str:
    """The status as lines."""
    wide = widest(task.id for task in found.tasks)
    column = f"<{wide}" if found.is_of_backlog else f">{wide}"
    rows = [_row(task, column) for task in found.tasks]
    notes = noted_lines((task.id, task.notes) for task in found.tasks)
    steps = [f"next: {step}" for step in found.next]
    return "\n".join([_headline(found), *sandbox_lines(found.sandbox), *_used(found), *rows, *notes, *steps])


def _used(found: RunStatus) -> list[str]:
    """What was used, in all, by phase and by model."""
    if not found.used.tokens:
        return []
    phases = ", ".join(f"{phase} {amount(used)}" for phase, used in found.used_by_phase.items())
    models = ", ".join(f"{harmless(used.model)} {amount(used)}" for used in found.used_by_model)
    return [f"used: {amount(found.used)}", f"  {phases}", f"  {models}"]


def _headline(found: RunStatus) -> str:
    counts = ", ".join(f"{number} {name}" for name, number in found.counts.items() if number)
    took = f" for {duration(found.seconds)}" if found.seconds is not None else ""
    code = f", exit code {found.exit_code}: {found.why}" if found.exit_code is not None else ""
    nothing = "nothing was begun" if found.is_of_backlog else "no tasks"
    return f"{harmless(found.plan) or 'plan'}: {found.state}{took}{code}\n{counts or nothing}"


def _row(task: Any, column: str) -> str:
    where = f" {task.phase}" if task.phase and task.state not in ("not begun", "done") else ""
    attempt = f" #{task.attempt}" if task.attempt > 1 else ""
    there = f" on {harmless(task.machine)}" if task.machine else ""
    took = f" {duration(task.seconds)}" if task.seconds is not None else ""
    title = f"  {harmless(task.title)}" if task.title else ""
    why = "; ".join(
        filter(None, [harmless(task.reason), f"{task.findings} findings left" * bool(task.findings)])
    )
    said = f"  | {task.last_output}" if task.last_output else ""
    took += f" {amount(task.used)}" if task.used.tokens else ""
    return f"  {task.id:{column}}  {task.state}{where}{attempt}{there}{took}{title}{'  (' + why + ')' if why else ''}{said}"
