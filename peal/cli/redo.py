"""`peal redo`: forgets that tasks are done."""

from pathlib import Path

import click

from peal.cli.options import plan_option, repo_paths_of, repository
from peal.errors import PealError
from peal.model.pipeline import AGENT_PHASES
from peal.run.corrections import correction_of, forget
from peal.text.names import ranges


@click.command()
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.option(
    "--from",
    "phase",
    type=click.Choice(AGENT_PHASES),
    default="plan",
    help="The first phase to redo.",
)
@plan_option
@repository
def redo(tasks: tuple[str, ...], phase: str, plan: Path | None, repo: Path) -> int:
    """Forget that these tasks are done: `2,5-7`."""
    correction = correction_of(repo_paths_of(repo), tasks, plan, click.echo)
    ticked = [task.id for task in correction.plan.tasks if task.done and task.id in correction.tasks]
    if ticked:
        raise PealError(
            f"task {ranges(ticked)} is ticked off in the plan itself; untick it in `{correction.plan_file}`"
        )
    forget(correction, phase)
    click.echo(
        f"task {ranges(correction.tasks)} of `{correction.plan_file}` will be done again from `{phase}` on\nnext: `{correction.next_command}`"
    )
    return 0
