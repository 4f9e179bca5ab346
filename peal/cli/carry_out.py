"""What `peal run` and `peal resume` have in common: their options, and plans carried out in sight of a person."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from peal.cli.batch_view import BatchView
from peal.cli.options import format_option, repository, setting_flags, settings_beside_flags
from peal.cli.screens import Screens, Show
from peal.errors import Interrupted, PealError
from peal.record import lock, transcripts
from peal.record.events import PlanRewritten
from peal.run.after_run import afterwards_told, begin_log_file, commands_after, shown, summed_up
from peal.run.batch import Asked, JobOf, agreed, first_job, unfinished
from peal.run.batch import carry_out as carry_out_plans
from peal.run.job import Job
from peal.run.job_of import job_of
from peal.run.normalize_prompt import refuse_to_rewrite, rewriter
from peal.run.plan_files import can_be_rewritten, fit, read_plan
from peal.run.session import Opener, session_when_needed
from peal.run.start import End
from peal.schedule.batches import next_plan
from peal.settings import under_first_names
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.views.batch import gone_on_with, place_of
from peal.views.report import OUTPUT_LINES, report
from peal.views.screens import Screen
from peal.workspaces import Slots


def target_option(function: Any) -> Any:
    """`--target NAME`."""
    return click.option(
        "--target",
        multiple=True,
        metavar="NAME",
        help="Only this plan of several; repeatable, in this order.",
    )(function)


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
            "--retarget",
            is_flag=True,
            help="Land in the branch named or checked out now, whatever the run began on.",
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
            "--retry-failed",
            is_flag=True,
            help="Also have mended what was let through with findings; of a batch, do again after the rest what has failed.",
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
    """One plan, in sight of a person; the exit code."""
    screens = Screens.of(_show(options))
    with session_when_needed(repo_paths) as open_session:
        make = _job_maker(repo_paths, flags, options, open_session)
        job = make(plan_file, **how)
        screen = screens.screen(job)
        began = time.time()
        with closing(screen):
            if options["dry_run"]:
                return _rehearsed(job, screen)
            begin_log_file(job)
            end = summed_up(job, screen, began, hearing, open_session)
    if not screens.show.json:
        gap = [""] if commands_after(job, end) else []
        for line in [*report_of(job, end, time.time() - began), *gap]:
            screen.say(line)
    for line in afterwards_told(job, end, screen):
        screen.say(line)
    return end.halt.code


def carry_out_batch(
    repo_paths: RepoPaths, asked: Asked, flags: dict[str, Any], options: dict[str, Any], hearing: Hearing
) -> int:
    """Several plans, in sight of a person; the exit code."""
    for name in ("task", "from_task", "accept_settings"):
        if flags.get(name) or options.get(name):
            raise PealError(
                f"--{name.replace('_', '-')} is about the tasks of one plan, and these are several; name that plan alone"
            )
    if not options["dry_run"]:
        lock.refuse(repo_paths)
    began, show = time.time(), _show(options)
    with session_when_needed(repo_paths) as open_session:
        make = _job_maker(repo_paths, flags, options, open_session)
        rewritten = _checked(repo_paths, asked, flags, make)

        def job_of_plan(plan: str, *, fresh: bool, resumed: bool) -> Job:
            job = make(repo_paths.plan_file(plan), fresh=fresh, resumed=resumed)
            return evolve(job, rewritten=job.rewritten or rewritten.pop(plan, None))

        def typed(plan: str) -> str:
            name = shown(repo_paths.plan_file(plan))
            return f"./{name}" if name.startswith("-") else name

        view = BatchView(
            Screens.of(show), lambda job, end, seconds: report_of(job, end, seconds, False), typed
        )
        if options["dry_run"]:
            return _rehearsed_batch(repo_paths, asked, job_of_plan, view)
        batch, halt = carry_out_plans(repo_paths, asked, view, job_of_plan, hearing, open_session)
    view.finish(batch, halt, time.time() - began)
    return halt.code


def _show(options: dict[str, Any]) -> Show:
    return Show(
        options["dry_run"], options["explain"], options["json_"], options["quiet"], options["verbose"], options["no_color"]
    )  # fmt: skip


def _job_maker(
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


def _checked(
    repo_paths: RepoPaths, asked: Asked, flags: dict[str, Any], make: Callable[..., Job]
) -> dict[str, PlanRewritten | None]:
    """
    PealError with every problem of every plan that is given and not done.

    One that is to be rewritten by an agent is that now, before others wait for it; what that was is for the plan's own run to
    remember.
    """
    problems, queued = [], agreed(repo_paths, asked, "").queued
    rewritten: dict[str, PlanRewritten | None] = {}
    for plan in (plan for plan in asked.plans if plan in queued):
        path = repo_paths.plan_file(plan)
        try:
            read = read_plan(path, repo_paths, flags.get("format_name", ""), is_fresh=asked.fresh)
            if read.problems and can_be_rewritten(read):
                rewritten[plan] = make(path, fresh=asked.fresh).rewritten
            else:
                fit(read)
        except Interrupted:
            raise
        except PealError as error:
            problems.append(str(error))
    if problems:
        raise PealError("\n".join(problems))
    return rewritten


def _rehearsed(job: Job, screen: Screen) -> int:
    from peal.run.rehearse import rehearse

    end = rehearse(job, screen)
    for command in commands_after(job, end):
        screen.say(job.roster.hide(f"after the run: `{command}`"))
    return end.halt.code


def _rehearsed_batch(repo_paths: RepoPaths, asked: Asked, job_of_plan: JobOf, view: BatchView) -> int:
    """Each plan that would be carried out, one after another; 1 if any of them would fail."""
    batch, codes = agreed(repo_paths, asked, ""), list[int]()
    before = None if asked.fresh else unfinished(repo_paths)
    for line in gone_on_with(before, batch, time.time()) if before else ():
        view.say(line)
    if next_plan(batch, asked.only) is not None:
        first_job(batch, asked, job_of_plan)  # refused as the batch itself would be
    while (plan := next_plan(batch, asked.only)) is not None:
        view.say(place_of(batch, plan))
        try:
            job = job_of_plan(plan, fresh=plan in batch.afresh, resumed=plan in batch.begun)
            with closing(view.screen(job)) as screen:
                codes.append(_rehearsed(job, screen))
        except PealError as error:
            view.say(f"error: {error}")
            codes.append(error.exit_code)
        batch = batch.ended_skipped(plan)
    return max(codes, default=0)


def report_of(job: Job, end: End, seconds: float, advises: bool = True) -> list[str]:
    """What is said at the end of a plan's run."""
    plan_paths, hide = job.plan_paths, job.roster.hide
    return report(
        end.history,
        end.halt,
        seconds,
        lambda one: [hide(line) for line in transcripts.last_outputs(plan_paths, one, OUTPUT_LINES)],
        lambda one: shown(transcripts.folder_of(plan_paths, one)),
        {task.id: task.manual_checks for task in job.plan.tasks if task.manual_checks},
        advises,
    )
