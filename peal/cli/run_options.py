"""The options that `peal run` and `peal resume` have in common, and what of them a resume takes up again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from peal.cli.options import format_option, repository, setting_flags, settings_beside_flags
from peal.settings import under_first_names


def target_option(function: Any) -> Any:
    """`--target NAME`."""
    return click.option(
        "--target",
        multiple=True,
        metavar="NAME",
        help="Only this plan of several; repeatable, in this order.",
    )(function)


def work_options(function: Any) -> Any:
    """The options of everything that works: where, and by which settings."""
    options = [
        repository,
        setting_flags,
        settings_beside_flags,
        click.option(
            "--retarget",
            is_flag=True,
            help="Land in the branch named or checked out now, whatever the run began on.",
        ),
        click.option(
            "--try-now", is_flag=True, help="Do not wait for a usage limit that an earlier run has met."
        ),
    ]
    return _with(options, function)


def screen_options(function: Any) -> Any:
    """How a person wants to see what is done, or what would be."""
    options = [
        click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing."),
        click.option("--explain", is_flag=True, help="Print the reasons of each decision."),
        click.option("--json", "json_", is_flag=True, help="Print each event as a line of JSON."),
        click.option("-q", "--quiet", is_flag=True, help="Print the end only."),
        click.option("-v", "--verbose", is_flag=True, help="Print the log to stderr."),
        click.option("--no-color", is_flag=True, help="Never print colours; so does NO_COLOR."),
    ]
    return _with(options, function)


def run_options(function: Any) -> Any:
    """The options that `run` and `resume` have in common."""
    options = [
        click.option("--task", "task", multiple=True, metavar="2,5-7", help="Only these tasks; repeatable."),
        click.option("--from-task", metavar="TASK", help="Only this task and those after it."),
        format_option,
        work_options,
        click.option(
            "--accept-settings",
            multiple=True,
            metavar="2,5-7",
            help="Let these tasks land though they change settings, or programs that settings name.",
        ),
        click.option(
            "--retry-failed",
            is_flag=True,
            help="Also have mended what was let through with findings; of a batch, do again after the rest what has failed.",
        ),
        screen_options,
    ]
    return _with(options, function)


def _with(options: Sequence[Any], function: Any) -> Any:
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
