"""`peal run` and `peal resume`."""

import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from peal.agents import Request
from peal.cli.options import repo_paths_of, repository, setting_flags
from peal.executors.rehearsal import Rehearsal
from peal.model.agent import Command, Reply
from peal.model.pipeline import Phase
from peal.model.work import Attempt
from peal.record import journal, store, transcripts
from peal.run import loop as running
from peal.run.after_run import (
    afterwards_told,
    begin_log_file,
    commands_after,
    heard,
    shown,
    summed_up,
)
from peal.run.job_of import job_of, where_it_is
from peal.run.known_plans import plan_paths_of
from peal.settings import under_first_names
from peal.system.layout import PlanPaths, RepoPaths
from peal.system.signals import Hearing
from peal.text.display import ranges
from peal.views.report import OUTPUT_LINES, report
from peal.views.screens import Output, Screen
from peal.views.screens.lines import JsonLines, Lines
from peal.work import Roster


@frozen
class Show:
    """How a person wants to see the run."""

    explain: bool
    json: bool
    quiet: bool
    verbose: bool
    no_color: bool


def _shared(function: Any) -> Any:
    """The options that `run` and `resume` have in common."""
    options = [
        repository,
        click.option("--task", "task", multiple=True, metavar="2,5-7", help="Only these tasks; repeatable."),
        click.option("--from-task", type=int, metavar="N", help="Only this task and those after it."),
        setting_flags,
        click.option("--config", type=click.Path(path_type=Path), help="Instead of peal.toml."),
        click.option(
            "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Any key: phases.plan.model=opus."
        ),
        click.option(
            "--retarget", is_flag=True, help="Land in the branch checked out now, whatever the run began on."
        ),
        click.option(
            "--accept-settings",
            multiple=True,
            metavar="2,5-7",
            help="Let these tasks land though they change settings, or programs that settings name.",
        ),
        click.option(
            "--try-now", is_flag=True, help="Do not wait for a usage limit that an earlier run has met."
        ),
        click.option(
            "--retry-failed", is_flag=True, help="Also have mended what was let through with findings."
        ),
        click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing."),
        click.option("--explain", is_flag=True, help="Print the reasons of each decision."),
        click.option("--json", "json_", is_flag=True, help="Print each event as a line of JSON."),
        click.option("-q", "--quiet", is_flag=True, help="Print the end only."),
        click.option("-v", "--verbose", is_flag=True, help="Print the log to stderr."),
        click.option("--no-color", is_flag=True, help="Never print colours; so does NO_COLOR."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--fresh", is_flag=True, help="Start over; the old memory is kept beside the new.")
@_shared
@heard
def run(plan: Path, fresh: bool, hearing: Hearing, **options: Any) -> int:
    """
    Carry out PLAN, from the beginning or from where it stopped.

    Exit codes: 0 done, 1 failed, 2 done with failures or findings, 3 stopped at the cap of failures in a row,
    4 paused: a task is held until you make way, 5 another peal is at work, 130 interrupted.
    """
    repo = options.pop("repo")
    repo_paths = repo_paths_of(repo)
    return _carry_out(repo_paths, plan, _given(options), options, hearing, fresh=fresh)


@click.command()
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@_shared
@heard
def resume(plan: Path | None, hearing: Hearing, **options: Any) -> int:
    """Go on with PLAN, or with the latest unfinished run, with the flags it was started with; new flags win."""
    repo_paths = repo_paths_of(options.pop("repo"))
    found = store.known_runs(repo_paths)
    if plan is None and not found:
        click.echo(
            f"nothing to resume: no plan has been run in `{repo_paths.repo}` yet; start with `peal run PLAN`"
        )
        return 0
    if plan is None:
        unfinished = [known for known in found if not known.is_finished]
        plan = repo_paths.plan_file((unfinished or found)[0].plan_path)
    plan = where_it_is(repo_paths, plan)
    stored = _stored(plan_paths_of(repo_paths, plan))
    return _carry_out(repo_paths, plan, _renewed(stored, _given(options)), options, hearing, resumed=True)


def _stored(plan_paths: PlanPaths) -> dict[str, Any]:
    """The flags of the latest run; a task that was forgotten since belongs to its selection from then on."""
    opened, forgotten = journal.latest_opening(plan_paths.journal)
    if opened is None or opened.selected is None or not forgotten:
        return opened.flags if opened else {}
    kept = {name: value for name, value in opened.flags.items() if name != "from_task"}
    return {**kept, "task": [ranges(forgotten.union(opened.selected)).replace(" ", "")]}


def _renewed(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Flags as they were, with those given now in their place; a new selection replaces the old one."""
    selection = ("task", "from_task")
    kept = {
        name: value
        for name, value in stored.items()
        if name not in selection or given.keys().isdisjoint(selection)
    }
    new = given.get("sets", ())
    anew = {text.partition("=")[0].strip() for text in new}
    sets = [*(text for text in stored.get("sets", ()) if text.partition("=")[0].strip() not in anew), *new]
    return {**kept, **given, **({"sets": sets} if sets else {})}


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given and that a resume takes up again."""
    passing = (
        "dry_run", "explain", "json_", "quiet", "verbose", "no_color", "retarget", "try_now", "retry_failed",
        "accept_settings",
    )  # fmt: skip
    given = {
        name: value for name, value in options.items() if name not in passing and value not in (None, ())
    }
    return under_first_names({name: _storable(value) for name, value in given.items()})


def _storable(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.resolve())
    return list(value) if isinstance(value, tuple) else value


def _tell(text: str) -> None:
    """On stderr, as there is no screen yet."""
    click.echo(text, err=True)


def _carry_out(
    repo_paths: RepoPaths,
    plan_file: Path,
    flags: dict[str, Any],
    options: dict[str, Any],
    hearing: Hearing,
    **how: bool,
) -> int:
    show = Show(
        options["explain"], options["json_"], options["quiet"], options["verbose"], options["no_color"]
    )
    given = {name: options[name] for name in ("verbose", "retarget", "try_now", "retry_failed")}
    accepted = options["accept_settings"]
    job = job_of(repo_paths, plan_file, flags, _tell, options["dry_run"], accepted, **given, **how)
    screen = _screen(show, job, options["dry_run"])
    began = time.time()
    try:
        if options["dry_run"]:
            return _rehearsed(job, screen)
        begin_log_file(job)
        end = summed_up(job, screen, began, hearing)
    finally:
        screen.close()
    if not show.json:
        gap = [""] if commands_after(job, end) else []
        for line in [*_report(job, end, time.time() - began), *gap]:
            screen.say(line)
    for line in afterwards_told(job, end, screen):
        screen.say(line)
    return end.halt.code


def _rehearsed(job: running.Job, screen: Screen) -> int:
    end = running.rehearse(job, screen, Rehearsal(lambda attempt: screen.say(_told(attempt, job.roster))))
    for command in commands_after(job, end):
        screen.say(job.roster.hide(f"after the run: `{command}`"))
    return end.halt.code


def _screen(show: Show, job: running.Job, is_rehearsal: bool) -> Screen:
    output = Output.standard()
    if show.json:
        return JsonLines(output)
    if is_rehearsal:
        return Lines(output, show.explain, quiet=True)
    if not _wants_table(show) or not output.can_redraw(os.environ):
        return Lines(output, show.explain, show.quiet)
    from peal.views.screens.live import Area, Live

    plan_paths = job.plan_paths
    area = Area(output, show.no_color)
    return Live(
        area, job.work.segments, lambda one: job.roster.hide(transcripts.last_output(plan_paths, one))
    )


def _wants_table(show: Show) -> bool:
    """Reasons, and a log on the same terminal, are lines: a table would be in their way."""
    return not show.quiet and not show.explain and not (show.verbose and sys.stderr.isatty())


def _told(attempt: Attempt, roster: Roster) -> str:
    """What an attempt would do, for `--dry-run`."""
    task, workspace = attempt.task, roster.workspaces.place
    head = f"task {task.index} {attempt.phase}"
    if attempt.phase is Phase.LAND:
        return f"{head}: into `{roster.workspaces.branch}`"
    if attempt.phase is Phase.ADDRESS:
        names = ", ".join(reviewer.name for reviewer in roster.reviewers)
        merges = f"merged into `{roster.workspaces.branch}`, " if roster.workspaces.branch else ""
        return f"{head}: {merges}reviewers {names}" if names else f"{head}: {merges}no reviewers"
    if attempt.instead:
        return f"{head}: {attempt.instead.reason}"
    model, permissions = roster.model(attempt.phase, attempt.agent), roster.settings.permissions
    file = attempt.folder / "prompt.md"
    request = Request(task, attempt.phase, "PROMPT", file, workspace, model, permissions)
    prepared = roster.agents[attempt.agent].prepare(request)
    if isinstance(prepared, Command):
        argv = shlex.join(prepared.argv).replace("{folder}", str(attempt.folder))
        return f"{head}: {argv} in {workspace}"
    said = prepared.text.splitlines()[0] if isinstance(prepared, Reply) else prepared.reason
    return f"{head}: {said}"


def _report(job: running.Job, end: running.End, seconds: float) -> list[str]:
    plan_paths, hide = job.plan_paths, job.roster.hide
    return report(
        end.history,
        end.halt,
        seconds,
        lambda one: [hide(line) for line in transcripts.last_outputs(plan_paths, one, OUTPUT_LINES)],
        lambda one: shown(transcripts.folder_of(plan_paths, one)),
    )
