"""`peal backlog triage`."""

from typing import Any

import click

from peal.cli.backlog.carry_out import carry_out_backlog
from peal.cli.options import repo_paths_of
from peal.cli.run_options import given_flags, screen_options, work_options
from peal.run.after_run import hears_signals
from peal.system.signals import Hearing


@click.command()
@click.option(
    "--cap",
    type=click.IntRange(0),
    metavar="N",
    help="How many items may be triaged; default: `execution.default_phase_cap`.",
)
@work_options
@screen_options
@hears_signals
def triage(hearing: Hearing, **options: Any) -> int:
    """Have new items assessed and described, and sent on their way; nothing else is worked on."""
    repo_paths = repo_paths_of(options.pop("repo"))
    return carry_out_backlog(repo_paths, {**given_flags(options), "triage": True}, options, hearing)
