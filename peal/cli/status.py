"""`peal status`: what of a plan is done, running, failed or waiting and why, once or for as long as it goes on."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from peal.cli.options import as_json, hidden, readable_batch, repo_paths_of, repository
from peal.model.plan import TaskId, id_as_json
from peal.record import batch_file, journal, store, transcripts
from peal.record.events import Event, RunOpened, converter
from peal.record.events import as_json as to_json
from peal.record.history import History, fold
from peal.record.lock import live_run
from peal.record.spending import amount
from peal.run.known_plans import plan_or_latest, plan_paths_of
from peal.run.plan_files import read_plan
from peal.schedule.agenda import Agenda, Work
from peal.schedule.decide import decide
from peal.system.files import size_of
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import duration, harmless
from peal.text.names import ranges, widest
from peal.views.batch import overview as overview_of_batch
from peal.views.screens import Output
from peal.views.screens.lines import Lines
from peal.views.status import RunStatus, noted_lines, overview

_WATCH_EVERY = 0.5


@click.command()
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@click.option("--watch", is_flag=True, help="Go on showing it until the run is over.")
@as_json
@repository
def status(plan: Path | None, watch: bool, json_: bool, repo: Path) -> int:
    """What of PLAN is done, running, failed or waiting and why; default: the latest run."""
    repo_paths = repo_paths_of(repo)
    batch = readable_batch(repo_paths) if plan is None else None
    plan = plan_or_latest(plan, repo_paths)
    if watch and json_:
        return _watched_as_json(repo_paths, plan)
    if watch:
        return _watched(repo_paths, plan)
    found = _status(repo_paths, plan)
    if json_:
        told = {"batch": batch_file.record_of(batch)} if batch else {}
        click.echo(json.dumps({**_as_json(found), **told}, ensure_ascii=False))
        return 0
    above = [*overview_of_batch(batch, live_run(repo_paths)), ""] if batch else []
    click.echo("\n".join([*above, _text(found)]))
    return 0


def _watched(repo_paths: RepoPaths, plan: Path) -> int:
    found = _status(repo_paths, plan)
    if found.state == "running":
        if Output.standard().can_redraw(os.environ):
            _as_table(repo_paths, plan_paths_of(repo_paths, plan))
        else:
            click.echo(_headline(found))
            _as_lines(repo_paths, plan_paths_of(repo_paths, plan))
        found = _status(repo_paths, plan)
    click.echo(_text(found))
    return 0


def _watched_as_json(repo_paths: RepoPaths, plan: Path) -> int:
    """The status as a line of JSON, again whenever something was recorded."""
    for _ in _news(repo_paths, plan_paths_of(repo_paths, plan)):
        click.echo(to_json(_as_json(_status(repo_paths, plan))))
    return 0


def _as_table(repo_paths: RepoPaths, plan_paths: PlanPaths) -> None:
    """The table that the run itself shows, until the run is over."""
    from peal.views.screens.live import Area
    from peal.views.screens.table import Scene, render

    area, history, hide = Area(Output.standard()), History(), hidden(repo_paths.repo)
    for news in _news(repo_paths, plan_paths):
        for event in news:
            history.apply(event)
        if not area.out.is_heard:
            return
        if history.is_open:
            work = _work(history)
            scene = Scene(
                history,
                work.segments,
                decide(Agenda(work, history), time.time()),
                lambda one: hide(transcripts.last_output(plan_paths, one)),
            )
            area.draw(render(scene, time.time(), *area.room))
    area.clear()


def _as_lines(repo_paths: RepoPaths, plan_paths: PlanPaths) -> None:
    """A plain line for each event from now on, until the run is over."""
    screen, history = Lines(Output.standard()), History()
    for number, news in enumerate(_news(repo_paths, plan_paths)):
        for event in news:
            history.apply(event)
            if number:
                screen.show((event,), history)
        if not screen.out.is_heard:
            return


def _news(repo_paths: RepoPaths, plan_paths: PlanPaths) -> Iterator[tuple[Event, ...]]:
    """What was recorded since the last look, twice a second, until the run is over; at first everything."""
    seen, size, run, is_over = 0, -1, "", False
    while not is_over:
        alive = live_run(repo_paths)  # Asked first: what a run that is over by now recorded is read below.
        grown = size_of(plan_paths.journal)
        events = journal.load(plan_paths.journal).events[seen:] if grown != size else ()
        seen, size = seen + len(events), grown
        run = next((event.run for event in reversed(events) if isinstance(event, RunOpened)), run)
        yield events
        is_over = run != alive
        if not is_over:
            time.sleep(_WATCH_EVERY)


def _status(repo_paths: RepoPaths, plan: Path) -> RunStatus:
    plan_paths = plan_paths_of(repo_paths, plan)
    live = live_run(repo_paths)  # Asked first: what a run that is over by now recorded is read below.
    history = fold(journal.load(plan_paths.journal).events)
    if not history.states:
        history = fold([store.reading_of(repo_paths, plan, read_plan(plan, repo_paths))])
    alive = bool(history.opened and history.opened.run == live)
    hide = hidden(repo_paths.repo)
    return overview(
        history,
        time.time(),
        alive,
        _reasons(history) if alive else {},
        lambda one: hide(transcripts.last_output(plan_paths, one)),
    )


def _work(history: History) -> Work:
    """What the latest run was asked to do."""
    assert history.opened is not None
    selected = history.opened.selected
    return Work.of((state.task for state in history.states.values()), selected)


def _reasons(history: History) -> dict[TaskId, str]:
    """What each task waits for, by the same decision the run takes."""
    work = _work(history)
    decision = decide(Agenda(work, history), time.time())
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
    rows = [_row(task, wide) for task in found.tasks]
    notes = noted_lines((task.id, task.notes) for task in found.tasks)
    steps = [f"next: {step}" for step in found.next]
    return "\n".join([_headline(found), *_used(found), *rows, *notes, *steps])


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
    return f"{harmless(found.plan) or 'plan'}: {found.state}{took}{code}\n{counts or 'no tasks'}"


def _row(task: Any, wide: int) -> str:
    where = f" {task.phase}" if task.phase and task.state not in ("not begun", "done") else ""
    attempt = f" #{task.attempt}" if task.attempt > 1 else ""
    took = f" {duration(task.seconds)}" if task.seconds is not None else ""
    title = f"  {harmless(task.title)}" if task.title else ""
    why = "; ".join(
        filter(None, [harmless(task.reason), f"{task.findings} findings left" * bool(task.findings)])
    )
    said = f"  | {task.last_output}" if task.last_output else ""
    took += f" {amount(task.used)}" if task.used.tokens else ""
    return f"  {task.id:>{wide}}  {task.state}{where}{attempt}{took}{title}{'  (' + why + ')' if why else ''}{said}"
