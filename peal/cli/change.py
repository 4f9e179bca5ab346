"""`peal redo`, `peal done`, `peal stop`: small changes to what is remembered or going on."""

import os
import shlex
import signal
import time
from pathlib import Path

import click

from peal.cli.options import repo_paths_of, repository
from peal.errors import PealError
from peal.model.pipeline import AGENT_PHASES, Phase
from peal.record import journal, lock
from peal.run import loop as running
from peal.run.known_plans import found_again, plan_or_latest
from peal.run.plan_files import chosen, fit_plan
from peal.text.display import ranges

_STOP_WITHIN = 30.0
_plan_option = click.option(
    "--plan", type=click.Path(path_type=Path), help="The plan; default: the latest run's."
)


@click.command()
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.option(
    "--from",
    "phase",
    type=click.Choice([str(phase) for phase in AGENT_PHASES]),
    default="plan",
    help="The first phase to redo.",
)
@_plan_option
@repository
def redo(tasks: tuple[str, ...], phase: str, plan: Path | None, repo: Path) -> int:
    """Forget that these tasks are done: `2,5-7`."""
    change = _meant(tasks, plan, repo)
    ticked = [task.index for task in change.plan.tasks if task.done and task.index in change.tasks]
    if ticked:
        raise PealError(
            f"task {ranges(ticked)} is ticked off in the plan itself; untick it in `{change.plan_file}`"
        )
    running.forget(change, Phase(phase))
    click.echo(
        f"task {ranges(change.tasks)} of `{change.plan_file}` will be done again from `{phase}` on\n{_next(change)}"
    )
    return 0


@click.command()
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@_plan_option
@repository
def done(tasks: tuple[str, ...], plan: Path | None, repo: Path) -> int:
    """Count these tasks as complete: `2,5-7`."""
    change = _meant(tasks, plan, repo)
    running.mark_done(change)
    click.echo(
        f"task {ranges(change.tasks)} of `{change.plan_file}` counts as complete\n{_next(change)}; `peal redo` takes it back"
    )
    return 0


def _next(change: running.Change) -> str:
    opened, _ = journal.latest_opening(change.repo_paths.plan(change.plan_file).journal)
    return "next: `peal resume`" if opened else f"next: `peal run {shlex.quote(str(change.plan_file))}`"


def _meant(tasks: tuple[str, ...], plan: Path | None, repo: Path) -> running.Change:
    repo_paths = repo_paths_of(repo)
    file = plan or found_again(repo_paths, plan_or_latest(plan, repo_paths))
    read = fit_plan(file, repo_paths)
    return running.Change(repo_paths, file, read, chosen(tasks, read), click.echo)


@click.command()
@repository
def stop(repo: Path) -> int:
    """End the run that goes on in this repository, as Ctrl-C would."""
    repo_paths = repo_paths_of(repo)
    holder = lock.owner(repo_paths)
    if holder is None or not holder.is_alive:
        click.echo(f"nothing runs in `{repo_paths.repo}`")
        return 0
    try:
        os.kill(holder.pid, signal.SIGINT)
    except OSError as error:
        raise PealError(
            f"cannot stop process {holder.pid}: {error.strerror}; it belongs to somebody else"
        ) from None
    until = time.monotonic() + _STOP_WITHIN
    while holder.is_alive:
        if time.monotonic() > until:
            raise PealError(
                f"process {holder.pid} has not ended after {_STOP_WITHIN:.0f} seconds; `peal stop` again"
            )
        time.sleep(0.05)
    click.echo("stopped\nnext: `peal resume` to go on where it stopped")
    return 0
