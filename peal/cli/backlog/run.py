"""`peal backlog run`."""

from typing import Any

import click

from peal.cli.backlog.carry_out import carry_out_backlog
from peal.cli.options import repo_paths_of
from peal.cli.run_options import given_flags, screen_options, work_options
from peal.run.after_run import hears_signals
from peal.system.signals import Hearing


@click.command()
@click.option(
    "--target",
    multiple=True,
    metavar="ID",
    help="Only this item; repeatable, one after another in this order.",
)
@click.option(
    "--only", multiple=True, metavar="KEY=VALUE", help="Only items that have this; repeatable, all of them."
)
@click.option(
    "--cap",
    type=click.IntRange(0),
    metavar="N",
    help="How many phases may begin; default: `execution.default_phase_cap`.",
)
@work_options
@click.option(
    "--accept-settings",
    multiple=True,
    metavar="ID[/PHASE]",
    help="Let what was done for this land though it changes settings, or programs that settings name; repeatable.",
)
@screen_options
@hears_signals
def run(hearing: Hearing, **options: Any) -> int:
    """
    Take items through their pipelines, as far as they get without a person.

    Exit codes: 0 items are done, or nothing was to do, 1 none could be brought further, 3 too much went wrong in a row, 4 paused:
    something is held until you make way, 5 another peal is at work, 130 interrupted.
    """
    if options["target"] and options["only"]:
        raise click.UsageError("--target and --only exclude each other; give one of them")
    repo_paths = repo_paths_of(options.pop("repo"))
    return carry_out_backlog(repo_paths, given_flags(options), options, hearing)
