"""Several plans carried out in sight of a person."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import evolve

from peal.cli.batch_view import BatchView
from peal.cli.carry_out import job_maker, rehearsed, report_of
from peal.cli.followers import followers
from peal.cli.screens import Screens, show_of
from peal.errors import Busy, Interrupted, PealError
from peal.jobs.job import Job
from peal.jobs.plan_files import can_be_rewritten, fit, read_plan
from peal.record import lock
from peal.record.events import PlanRewritten
from peal.run.after_run import shown
from peal.run.batch import JobOf, first_job
from peal.run.batch import carry_out as carry_out_plans
from peal.run.session import session_when_needed
from peal.run.unfinished_batch import BatchRequest, agreed, unfinished
from peal.schedule.batches import next_plan
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.views.batch import gone_on_with, place_of


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
    began, screens = time.time(), Screens.of(show_of(options))
    with followers(screens.terminal) as behind:
        with session_when_needed(repo_paths) as open_session:
            make = job_maker(repo_paths, flags, options, open_session)
            rewritten = _checked(repo_paths, request, flags, make)

            def job_of_plan(plan: str, *, fresh: bool, resumed: bool) -> Job:
                job = make(repo_paths.plan_file(plan), fresh=fresh, resumed=resumed)
                return evolve(job, rewritten=job.rewritten or rewritten.pop(plan, None))

            view = BatchView(
                screens,
                lambda job, end, seconds: report_of(job, end, seconds, False),
                lambda plan: _typed(repo_paths.plan_file(plan)),
                None if options["dry_run"] else behind,
            )
            if options["dry_run"]:
                return _rehearsed_batch(repo_paths, request, job_of_plan, view)
            batch, halt = carry_out_plans(repo_paths, request, view, job_of_plan, hearing, open_session)
        behind.over(halt)
        view.finish(batch, halt, time.time() - began)
    return halt.code


def _typed(plan_file: Path) -> str:
    """The file as a person names it here, and no command takes for an option."""
    name = shown(plan_file)
    return f"./{name}" if name.startswith("-") else name


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
                codes.append(rehearsed(job, screen))
        except PealError as error:
            view.say(f"error: {error}")
            codes.append(error.exit_code)
        batch = batch.ended_skipped(plan)
    return max(codes, default=0)
