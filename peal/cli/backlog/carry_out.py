"""A backlog worked on in sight of a person."""

from collections.abc import Iterator
from typing import Any

from peal.backlog.advice import advice
from peal.cli.carry_out import carry_out_job, folder_of, output_of
from peal.jobs.backlog_job import backlog_job_of
from peal.jobs.job import Job
from peal.run.session import Opener
from peal.run.start import End
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.views.report import failures
from peal.views.status import spending_lines
from peal.workspaces import Slots

_SHOWN = 5
"""Failed tasks that are told."""


def carry_out_backlog(
    repo_paths: RepoPaths, flags: dict[str, Any], options: dict[str, Any], hearing: Hearing, **how: bool
) -> int:
    """The items that were asked for, as far as they get; the exit code."""

    def make(_: Opener) -> Job:
        given = {name: options[name] for name in ("verbose", "retarget", "try_now")}
        slots, accepted = (
            Slots(repo_paths.repo, repo_paths.worktrees),
            options.get("accept_settings", ()),
        )
        return backlog_job_of(
            repo_paths,
            flags,
            slots,
            accepted,
            rehearses=options["dry_run"],
            explains=options["explain"] and not options["json_"],
            **given,
            **how,
        )

    return carry_out_job(repo_paths, options, hearing, make, _report)


def _report(job: Job, end: End, _seconds: float) -> Iterator[str]:
    """What the run has brought, what failed and why it is over, and what to type next."""
    yield from job.source.summary()
    yield from spending_lines(end.history)
    failed = failures(
        end.history, lambda one: output_of(job, one), lambda one: folder_of(job, one), at_most=_SHOWN
    )
    yield from [*failed, ""] if failed else ()
    yield end.halt.why
    # How blocked items go on is told above, with why they do not.
    for step in advice(end.history, is_alive=False, blocked=()):
        yield f"next: {step}"
