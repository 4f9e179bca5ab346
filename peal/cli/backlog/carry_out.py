"""A backlog worked on in sight of a person."""

import time
from contextlib import closing
from typing import Any

from peal.cli.carry_out import rehearsed
from peal.cli.screens import Screens, show_of
from peal.run.after_run import afterwards_told, begin_log_file, commands_after, summed_up
from peal.run.backlog_job import backlog_job_of
from peal.run.session import session_when_needed
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.workspaces import Slots


def carry_out_backlog(
    repo_paths: RepoPaths, flags: dict[str, Any], options: dict[str, Any], hearing: Hearing, **how: bool
) -> int:
    """The items that were asked for, as far as they get; the exit code."""
    screens = Screens.of(show_of(options))
    given = {name: options[name] for name in ("verbose", "retarget", "try_now")}
    with session_when_needed(repo_paths) as open_session:
        job = backlog_job_of(
            repo_paths,
            flags,
            Slots(repo_paths.repo, repo_paths.worktrees),
            options.get("accept_settings", ()),
            rehearses=options["dry_run"],
            **given,
            **how,
        )
        screen = screens.screen(job)
        began = time.time()
        with closing(screen):
            if options["dry_run"]:
                return rehearsed(job, screen)
            begin_log_file(job)
            end = summed_up(job, screen, began, hearing, open_session)
    if not screens.show.json:
        for line in (*job.source.summary(), *([""] if commands_after(job, end) else [])):
            screen.say(line)
        screen.say(end.halt.why)
    for line in afterwards_told(job, end, screen):
        screen.say(line)
    return end.halt.code
