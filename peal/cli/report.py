"""`peal report`: what came of a run, told again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from peal.cli.options import hidden, repo_paths_of, repository
from peal.errors import PealError
from peal.jobs.known_plans import plan_paths_of, run_together
from peal.record import journal
from peal.record.events import RunOpened
from peal.record.lock import live_run
from peal.reports import text
from peal.reports.evidence import Reported, reported
from peal.reports.files import STANDARD_OUTPUT
from peal.run import report_file
from peal.run.after_run import shown
from peal.system.layout import PAGE, RepoPaths
from peal.text.display import harmless, some

_SHOWN = 5
"""Names of runs that an error tells."""


@click.command()
@click.argument("plans", nargs=-1, metavar="[PLAN…]", type=click.Path(path_type=Path))
@click.option("--run", "run_name", metavar="RUN", default="", help="Not the latest run, but this one.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="A page to look at; `-` prints it."
)
@click.option(
    "--open", "opens", is_flag=True, help="Open that page in a browser; it is in `.peal` if no FILE is named."
)
@repository
def report(plans: tuple[Path, ...], run_name: str, html: Path | None, opens: bool, repo: Path) -> int:
    """What came of the latest run of each PLAN, or of what was run last, which may have been several."""
    repo_paths = repo_paths_of(repo)
    hide = hidden(repo_paths.repo)
    several = [_reported(repo_paths, plan, run_name, hide) for plan in plans or run_together(repo_paths)]
    if html or opens:
        _write_page(several, repo_paths, html or repo_paths.root / PAGE, opens)
        return 0
    for number, one in enumerate(several):
        if number:
            click.echo()
        if len(several) > 1:
            click.echo(f"{harmless(one.run.plan)}:")
        for line in text.lines(one):
            click.echo(hide(line))
    return 0


def _write_page(several: Sequence[Reported], repo_paths: RepoPaths, path: Path, opens: bool) -> None:
    if opens and path == STANDARD_OUTPUT:
        raise PealError("what is printed cannot be opened; name a file with --html, or leave --open out")
    report_file.write(path, several, repo_paths.repo)
    if path != STANDARD_OUTPUT:
        click.echo(f"written to `{shown(path)}`", err=True)
    if opens and click.launch(path.resolve().as_uri()):
        click.echo(f"no browser could be opened; open `{shown(path)}` yourself", err=True)


def _reported(repo_paths: RepoPaths, plan: Path, run_name: str, hide: Callable[[str], str]) -> Reported:
    """PealError if there was no such run."""
    plan_paths = plan_paths_of(repo_paths, plan)
    if found := reported(plan_paths, hide, shown, live_run(repo_paths) or "", run_name):
        return found
    events = journal.load(plan_paths.journal).events
    if names := [event.run for event in reversed(events) if isinstance(event, RunOpened)]:
        raise PealError(f"there was no run `{run_name}` of `{plan}`; the latest are {some(names, _SHOWN)}")
    raise PealError(f"`{plan}` was never run; `peal runs` lists what was")
