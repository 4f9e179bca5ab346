"""What `peal run` and `peal resume` have in common: their options, and a job carried out in sight of a person."""

import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from peal.cli.options import format_option, repository, setting_flags, settings_beside_flags
from peal.record import transcripts
from peal.run.after_run import (
    afterwards_told,
    begin_log_file,
    commands_after,
    shown,
    summed_up,
)
from peal.run.job import Job
from peal.run.job_of import job_of
from peal.run.normalize_prompt import refuse_to_rewrite, rewriter
from peal.run.session import session_when_needed
from peal.run.start import End
from peal.settings import under_first_names
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.views.report import OUTPUT_LINES, report
from peal.views.screens import Output, Screen
from peal.views.screens.lines import JsonLines, Lines
from peal.workspaces import Slots


@frozen
class Show:
    """How a person wants to see the run."""

    explain: bool
    json: bool
    quiet: bool
    verbose: bool
    no_color: bool


def run_options(function: Any) -> Any:
    """The options that `run` and `resume` have in common."""
    options = [
        repository,
        click.option("--task", "task", multiple=True, metavar="2,5-7", help="Only these tasks; repeatable."),
        click.option("--from-task", metavar="TASK", help="Only this task and those after it."),
        format_option,
        setting_flags,
        settings_beside_flags,
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


def given_flags(options: dict[str, Any]) -> dict[str, Any]:
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


def carry_out(
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
    with session_when_needed(repo_paths) as open_session:
        rewrite = refuse_to_rewrite if options["dry_run"] else rewriter(open_session, _tell)
        slots = Slots(repo_paths.repo, repo_paths.worktrees)
        job = job_of(repo_paths, plan_file, flags, rewrite, slots, accepted, **given, **how)
        screen = _screen(show, job, options["dry_run"])
        began = time.time()
        with closing(screen):
            if options["dry_run"]:
                return _rehearsed(job, screen)
            begin_log_file(job)
            end = summed_up(job, screen, began, hearing, open_session)
    if not show.json:
        gap = [""] if commands_after(job, end) else []
        for line in [*_report(job, end, time.time() - began), *gap]:
            screen.say(line)
    for line in afterwards_told(job, end, screen):
        screen.say(line)
    return end.halt.code


def _rehearsed(job: Job, screen: Screen) -> int:
    from peal.run.rehearse import rehearse

    end = rehearse(job, screen)
    for command in commands_after(job, end):
        screen.say(job.roster.hide(f"after the run: `{command}`"))
    return end.halt.code


def _screen(show: Show, job: Job, is_rehearsal: bool) -> Screen:
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


def _report(job: Job, end: End, seconds: float) -> list[str]:
    plan_paths, hide = job.plan_paths, job.roster.hide
    return report(
        end.history,
        end.halt,
        seconds,
        lambda one: [hide(line) for line in transcripts.last_outputs(plan_paths, one, OUTPUT_LINES)],
        lambda one: shown(transcripts.folder_of(plan_paths, one)),
        {task.id: task.manual_checks for task in job.plan.tasks if task.manual_checks},
    )
