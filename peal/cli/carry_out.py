"""Plans carried out in sight of a person, one or several."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from peal.cli.batch_view import BatchView
from peal.cli.screens import Screens, show_of
from peal.errors import Busy, Interrupted, PealError
from peal.jobs.job import Job
from peal.jobs.plan_files import can_be_rewritten, fit, read_plan
from peal.jobs.plan_job import job_of
from peal.record import lock, transcripts
from peal.record.events import PlanRewritten
from peal.record.task_state import Attempt
from peal.run.after_run import afterwards_told, begin_log_file, commands_after, shown, summed_up
from peal.run.batch import JobOf, first_job
from peal.run.batch import carry_out as carry_out_plans
from peal.run.normalize_prompt import refuse_to_rewrite, rewriter
from peal.run.session import Opener, session_when_needed
from peal.run.start import End
from peal.run.unfinished_batch import BatchRequest, agreed, unfinished
from peal.schedule.batches import next_plan
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.views.batch import gone_on_with, place_of
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
        return _job_maker(repo_paths, flags, options, open_session)(plan_file, **how)

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
    with session_when_needed(repo_paths) as open_session:
        job = make(open_session)
        screen = screens.screen(job)
        began = time.time()
        with closing(screen):
            if options["dry_run"]:
                return _rehearsed(job, screen)
            begin_log_file(job)
            end = summed_up(job, screen, began, hearing, open_session)
    if not screens.show.json:
        gap = [""] if commands_after(job, end) else []
        for line in [*report(job, end, time.time() - began), *gap]:
            screen.say(line)
    for line in afterwards_told(job, end, screen):
        screen.say(line)
    return end.halt.code


def carry_out_batch(
    repo_paths: RepoPaths,
    request: BatchRequest,
    flags: dict[str, Any],
    options: dict[str, Any],
    hearing: Hearing,
) -> int:
    """Several plans, in sight of a person; the exit code."""
    for name in ("task", "from_task", "accept_settings"):
        if flags.get(name) or options.get(name):
            raise PealError(
                f"--{name.replace('_', '-')} is about the tasks of one plan, and these are several; name that plan alone"
            )
    if not options["dry_run"]:
        lock.refuse(repo_paths)
    began, show = time.time(), show_of(options)
    with session_when_needed(repo_paths) as open_session:
        make = _job_maker(repo_paths, flags, options, open_session)
        rewritten = _checked(repo_paths, request, flags, make)

        def job_of_plan(plan: str, *, fresh: bool, resumed: bool) -> Job:
            job = make(repo_paths.plan_file(plan), fresh=fresh, resumed=resumed)
            return evolve(job, rewritten=job.rewritten or rewritten.pop(plan, None))

        view = BatchView(
            Screens.of(show),
            lambda job, end, seconds: report_of(job, end, seconds, False),
            lambda plan: _typed(repo_paths.plan_file(plan)),
        )
        if options["dry_run"]:
            return _rehearsed_batch(repo_paths, request, job_of_plan, view)
        batch, halt = carry_out_plans(repo_paths, request, view, job_of_plan, hearing, open_session)
    view.finish(batch, halt, time.time() - began)
    return halt.code


def _typed(plan_file: Path) -> str:
    """The file as a person names it here, and no command takes for an option."""
    name = shown(plan_file)
    return f"./{name}" if name.startswith("-") else name


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
    repo_paths: RepoPaths, request: BatchRequest, flags: dict[str, Any], make: Callable[..., Job]
) -> dict[str, PlanRewritten | None]:
    """
    PealError with every problem of every plan that is given and not done.

    One that is to be rewritten by an agent is that now, before others wait for it; what that was is for the plan's own run to
    remember.
    """
    problems, queued = [], agreed(repo_paths, request, "").queued
    rewritten: dict[str, PlanRewritten | None] = {}
    for plan in (plan for plan in request.plans if plan in queued):
        path = repo_paths.plan_file(plan)
        try:
            read = read_plan(path, repo_paths, flags.get("format_name", ""), is_fresh=request.fresh)
            if read.problems and can_be_rewritten(read):
                rewritten[plan] = make(path, fresh=request.fresh).rewritten
            else:
                fit(read)
        except (Busy, Interrupted):
            raise
        except PealError as error:
            problems.append(str(error))
    if problems:
        raise PealError("\n".join(problems))
    return rewritten


def _rehearsed(job: Job, screen: Screen) -> int:
    """What would be done, in sight of a person; the exit code that it would end with."""
    from peal.run.rehearse import rehearse

    end = rehearse(job, screen)
    for command in commands_after(job, end):
        screen.say(job.roster.hide(f"after the run: `{command}`"))
    return end.halt.code


def _rehearsed_batch(
    repo_paths: RepoPaths, request: BatchRequest, job_of_plan: JobOf, view: BatchView
) -> int:
    """Each plan that would be carried out, one after another; 1 if any of them would fail."""
    batch, codes = agreed(repo_paths, request, ""), list[int]()
    before = None if request.fresh else unfinished(repo_paths)
    for line in gone_on_with(before, batch, time.time()) if before else ():
        view.say(line)
    if next_plan(batch, request.only) is not None:
        first_job(batch, request, job_of_plan)  # refused as the batch itself would be
    while (plan := next_plan(batch, request.only)) is not None:
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
    return [job.roster.hide(line) for line in transcripts.last_outputs(job.plan_paths, one, OUTPUT_LINES)]


def folder_of(job: Job, one: Attempt) -> str:
    """Where an attempt's transcript is, as a person can type it."""
    return shown(transcripts.folder_of(job.plan_paths, one))
