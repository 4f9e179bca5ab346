"""A backlog worked on in sight of a person."""

from collections.abc import Iterator
from typing import Any

from peal.cli.carry_out import carry_out_job
from peal.jobs.backlog_job import backlog_job_of
from peal.jobs.job import Job
from peal.run.session import Opener
from peal.run.start import End
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.workspaces import Slots


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
    yield from job.source.summary()
    yield end.halt.why
