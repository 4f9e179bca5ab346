"""`peal report`: what came of a run, told again."""

import time
from collections.abc import Iterator
from pathlib import Path

import click

from peal.cli.options import hidden, repo_paths_of, repository
from peal.errors import PealError
from peal.jobs.known_plans import plan_or_latest, plan_paths_of
from peal.record import journal, transcripts
from peal.record.events import RunOpened
from peal.record.lock import live_run
from peal.reports import text
from peal.reports.run_report import RunReport, report_of
from peal.run.after_run import shown
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import harmless, some
from peal.views.report import OUTPUT_LINES

_SHOWN = 5
"""Names of runs that an error tells."""


@click.command()
@click.argument("plans", nargs=-1, metavar="[PLAN…]", type=click.Path(path_type=Path))
@click.option("--run", "run_name", metavar="RUN", default="", help="Not the latest run, but this one.")
@repository
def report(plans: tuple[Path, ...], run_name: str, repo: Path) -> int:
    """What came of the latest run of each PLAN, or of whatever was run last."""
    repo_paths = repo_paths_of(repo)
    hide = hidden(repo_paths.repo)
    for number, plan in enumerate(plans or (plan_or_latest(None, repo_paths),)):
        plan_paths = plan_paths_of(repo_paths, plan)
        found = _report(repo_paths, plan_paths, plan, run_name)
        if number:
            click.echo()
        if len(plans) > 1:
            click.echo(f"{harmless(str(plan))}:")
        for line in _lines(found, plan_paths):
            click.echo(hide(line))
    return 0


def _lines(found: RunReport, plan_paths: PlanPaths) -> Iterator[str]:
    return text.lines(
        found,
        lambda one: transcripts.last_outputs(plan_paths, one, OUTPUT_LINES),
        lambda one: shown(transcripts.folder_of(plan_paths, one)),
    )


def _report(repo_paths: RepoPaths, plan_paths: PlanPaths, plan: Path, run_name: str) -> RunReport:
    """PealError if there was no such run."""
    live = live_run(repo_paths)
    events = journal.load(plan_paths.journal).events
    names = [event.run for event in reversed(events) if isinstance(event, RunOpened)]
    if found := report_of(events, live in names[:1], time.time(), run_name):
        return found
    if names:
        raise PealError(f"there was no run `{run_name}` of `{plan}`; the latest are {some(names, _SHOWN)}")
    raise PealError(f"`{plan}` was never run; `peal runs` lists what was")
