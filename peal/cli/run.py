"""`peal run`."""

from pathlib import Path
from typing import Any

import click

from peal.cli.carry_out import carry_out
from peal.cli.options import repo_paths_of
from peal.cli.run_options import given_flags, run_options, target_option
from peal.jobs.plan_queue import picked, queue_of
from peal.run.after_run import hears_signals
from peal.system.signals import Hearing
from peal.text.display import harmless, some

_SHOWN = 3


@click.command()
@click.argument("plans", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PLAN...")
@click.option(
    "--fresh",
    "--no-resume",
    "fresh",
    is_flag=True,
    help="Start over, also a batch; what was remembered is kept beside the new.",
)
@target_option
@run_options
@hears_signals
def run(
    plans: tuple[Path, ...], fresh: bool, target: tuple[str, ...], hearing: Hearing, **options: Any
) -> int:
    """
    Carry out PLAN, from the beginning or from where it stopped; of several, one after another or `--jobs` at once.

    A folder stands for the plans in its markdown files.

    Exit codes: 0 done, 1 failed, 2 done with failures or findings, 3 stopped at the cap of failures in a row,
    4 paused: something is held until you make way, 5 another peal is at work, 130 interrupted.
    """
    repo_paths = repo_paths_of(options.pop("repo"))
    queue = queue_of(plans, repo_paths)
    if queue.left_out:
        shown = some([harmless(str(path)) for path in queue.left_out], _SHOWN)
        click.echo(f"left out, for there is no plan in it: {shown}", err=True)
    files = picked(queue.files, target) if target else queue.files
    flags = given_flags(options)
    if len(files) == 1:
        return carry_out(repo_paths, files[0], flags, options, hearing, fresh=fresh)
    # Only here: most runs are of one plan.
    from peal.cli.carry_out_batch import carry_out_batch
    from peal.run.unfinished_batch import BatchRequest

    keys = tuple(map(repo_paths.plan_key, files))
    request = BatchRequest(
        keys, only=keys if target else None, fresh=fresh, retry_failed=options["retry_failed"]
    )
    return carry_out_batch(repo_paths, request, flags, options, hearing)
