"""A job carried out in sight of a person."""

import shlex
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from peal.cli.followers import followers
from peal.cli.screens import Screens, show_of
from peal.jobs.job import Job
from peal.jobs.plan_job import job_of
from peal.record import transcripts
from peal.record.task_state import Attempt
from peal.run.after_run import (
    afterwards_told,
    begin_log_file,
    check_report_file,
    commands_after,
    request_after,
    shown,
    summed_up,
)
from peal.run.normalize_prompt import refuse_to_rewrite, rewriter
from peal.run.session import Opener, session_when_needed
from peal.run.start import End
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.views.report import OUTPUT_LINES
from peal.views.report import report as report_of_run
from peal.views.screens import Screen
from peal.workspaces import Slots


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
    """One plan, in sight of a person; the exit code."""

    def make(open_session: Opener) -> Job:
        return job_maker(repo_paths, flags, options, open_session)(plan_file, **how)

    return carry_out_job(repo_paths, options, hearing, make, report_of)


def carry_out_job(
    repo_paths: RepoPaths,
    options: dict[str, Any],
    hearing: Hearing,
    make: Callable[[Opener], Job],
    report: Callable[[Job, End, float], Iterable[str]],
) -> int:
    """One job, or what it would do, in sight of a person; `report` is what is said at the end, given the seconds it took."""
    screens = Screens.of(show_of(options))
    with followers(screens.terminal) as behind:
        with session_when_needed(repo_paths) as open_session:
            job = make(open_session)
            screen = screens.screen(job)
            began = time.time()
            with closing(screen):
                if options["dry_run"]:
                    return rehearsed(job, screen)
                begin_log_file(job)
                check_report_file(job)
                followed = behind.the_screen(screen, job, screen.say)
                end = summed_up(job, followed, began, hearing, open_session)
        behind.over(end.halt)
        if not screens.show.json:
            gap = [""] if commands_after(job, end) or request_after(job, end) else []
            for line in [*report(job, end, time.time() - began), *gap]:
                screen.say(line)
        for line in afterwards_told(job, end, screen, not screens.show.json):
            screen.say(line)
    return end.halt.code


def job_maker(
    repo_paths: RepoPaths, flags: dict[str, Any], options: dict[str, Any], open_session: Opener
) -> Callable[..., Job]:
    """Makes jobs of plans; what several share of the repository is made once."""
    given = {name: options[name] for name in ("verbose", "retarget", "try_now", "retry_failed")}
    rewrite = refuse_to_rewrite if options["dry_run"] else rewriter(open_session, _tell)
    slots = Slots(repo_paths.repo, repo_paths.worktrees)

    def make(plan_file: Path, **how: bool) -> Job:
        return job_of(
            repo_paths, plan_file, flags, rewrite, slots, options["accept_settings"], **given, **how
        )

    return make


def rehearsed(job: Job, screen: Screen) -> int:
    """What a job would do, in sight of a person; the exit code that it would end with."""
    from peal.run.rehearse import rehearse

    end = rehearse(job, screen)
    if request := request_after(job, end):
        screen.say(job.roster.hide(f"after the run: `{shlex.join(request)}`"))
    for command in commands_after(job, end):
        screen.say(job.roster.hide(f"after the run: `{command}`"))
    return end.halt.code


def report_of(job: Job, end: End, seconds: float, advises: bool = True) -> list[str]:
    """What is said at the end of a plan's run."""
    return report_of_run(
        end.history,
        end.halt,
        seconds,
        lambda one: output_of(job, one),
        lambda one: folder_of(job, one),
        {task.id: task.manual_checks for task in job.plan.tasks if task.manual_checks},
        advises,
    )


def output_of(job: Job, one: Attempt) -> list[str]:
    """The end of what an attempt printed, without secrets."""
    return transcripts.last_outputs(job.plan_paths, one, OUTPUT_LINES, job.roster.hide)


def folder_of(job: Job, one: Attempt) -> str:
    """Where an attempt's transcript is, as a person can type it."""
    return shown(transcripts.folder_of(job.plan_paths, one))
