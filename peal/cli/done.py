"""`peal done`: counts tasks as complete."""

from pathlib import Path

import click

from peal.cli.options import plan_option, repo_paths_of, repository
from peal.run.corrections import correction_of, mark_done
from peal.text.names import ranges


@click.command()
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@plan_option
@repository
def done(tasks: tuple[str, ...], plan: Path | None, repo: Path) -> int:
    """Count these tasks as complete: `2,5-7`."""
    correction = correction_of(repo_paths_of(repo), tasks, plan, click.echo)
    mark_done(correction)
    click.echo(
        f"task {ranges(correction.tasks)} of `{correction.plan_file}` counts as complete\nnext: `{correction.next_command}`; `peal redo` takes it back"
    )
    return 0
