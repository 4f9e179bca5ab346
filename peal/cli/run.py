"""`peal run`."""

from pathlib import Path
from typing import Any

import click

from peal.cli.carry_out import carry_out, given_flags, run_options
from peal.cli.options import repo_paths_of
from peal.run.after_run import (
    hears_signals,
)
from peal.system.signals import Hearing


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--fresh", is_flag=True, help="Start over; the old memory is kept beside the new.")
@run_options
@hears_signals
def run(plan: Path, fresh: bool, hearing: Hearing, **options: Any) -> int:
    """
    Carry out PLAN, from the beginning or from where it stopped.

    Exit codes: 0 done, 1 failed, 2 done with failures or findings, 3 stopped at the cap of failures in a row,
    4 paused: a task is held until you make way, 5 another peal is at work, 130 interrupted.
    """
    repo = options.pop("repo")
    repo_paths = repo_paths_of(repo)
    return carry_out(repo_paths, plan, given_flags(options), options, hearing, fresh=fresh)
