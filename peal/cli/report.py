"""`peal report`: what came of a run, told again."""

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from peal.cli.options import hidden, readable_batch, repo_paths_of, repository
from peal.errors import PealError
from peal.jobs.known_plans import plan_paths_of, run_together
from peal.record import journal
from peal.record.events import RunOpened
from peal.record.lock import live_run
from peal.record.store import known_runs
from peal.reports import files, github, markdown, text
from peal.reports.evidence import Reported, reported
from peal.reports.files import STANDARD_OUTPUT
from peal.run import report_file
from peal.run.after_run import is_in_workflow, shown
from peal.system.layout import PAGE, RepoPaths
from peal.text.display import harmless, some
from peal.views.batch import overview

_SHOWN = 5
"""Names of runs that an error tells."""
_FILES = {"junit": "JUnit XML", "sarif": "SARIF, of the findings that remain"}
"""Forms that are a `document` of the runs, each by the name of its module, which knows the `MARK` of such files."""


def _file_options(function: Any) -> Any:
    for form, what in reversed(_FILES.items()):
        option = click.option(
            f"--{form}", type=click.Path(path_type=Path), metavar="FILE", help=f"{what}; `-` prints it."
        )
        function = option(function)
    return function


@click.command()
@click.argument("plans", nargs=-1, metavar="[PLAN…]", type=click.Path(path_type=Path))
@click.option("--run", "run_name", metavar="RUN", default="", help="Not the latest run, but this one.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="A page to look at; `-` prints it."
)
@click.option(
    "--open", "opens", is_flag=True, help="Open that page in a browser; it is in `.peal` if no FILE is named."
)
@_file_options
@click.option("--markdown", is_flag=True, help="Print what the text of a pull request needs.")
@click.option("--costs", is_flag=True, help="In --markdown: also what was used.")
@click.option(
    "--github", is_flag=True, help="Print annotations for GitHub Actions, and add to the step's summary."
)
@repository
def report(plans: tuple[Path, ...], run_name: str, repo: Path, **options: Any) -> int:
    """
    What came of the latest run of each PLAN, or of what was run last, which may have been several.

    As text if no other form is asked for; in a workflow of GitHub Actions with annotations.
    """
    repo_paths = repo_paths_of(repo)
    options["html"] = options["html"] or (repo_paths.root / PAGE if options["opens"] else None)
    asked = _asked(options)
    hide = hidden(repo_paths.repo)
    several = _several(repo_paths, plans, run_name, hide)
    if not (asked or plans or run_name):
        _print_batch(repo_paths, several)
    failed = []
    for form in asked or ("text", *(["github"] if is_in_workflow() else [])):
        try:
            _tell(form, several, repo_paths, options)
        except PealError as error:  # the others are written all the same
            failed.append(str(error))
    if failed:
        raise PealError("\n".join(failed))
    return 0


def _asked(options: Mapping[str, Any]) -> list[str]:
    """The forms that are asked for; PealError if they do not go together."""
    asked = [form for form in ("html", *_FILES, "markdown", "github") if options[form]]
    printed = [f"--{form}" for form in asked if options[form] in (True, STANDARD_OUTPUT)]
    if len(printed) > 1:
        raise PealError(f"{' and '.join(printed)} would print into each other; give them one at a time")
    if options["costs"] and not options["markdown"]:
        raise PealError("--costs is about --markdown; give both, or neither")
    return asked


def _tell(form: str, several: Sequence[Reported], repo_paths: RepoPaths, options: Mapping[str, Any]) -> None:
    """In one form; what that takes is loaded for it only."""
    match form:
        case "text":
            _print(several)
        case "html":
            _write_page(several, repo_paths, options["html"], options["opens"])
        case "markdown":
            click.echo(markdown.document(several, options["costs"]), nl=False)
        case "github":
            github.publish(several, click.echo, os.environ)
        case _:
            module = import_module(f"peal.reports.{form}")
            files.write(options[form], module.document(several), module.MARK)
            _say_where(options[form])


def _print_batch(repo_paths: RepoPaths, several: Sequence[Reported]) -> None:
    """How far the batch is that was run last, if one was and is not done: with the plans that nobody has begun."""
    batch = readable_batch(repo_paths)
    if batch and several[0].run.plan in batch.plans:
        for line in (*overview(batch, live_run(repo_paths)), ""):
            click.echo(several[0].evidence.hide(line))


def _print(several: Sequence[Reported]) -> None:
    for number, one in enumerate(several):
        if number:
            click.echo()
        if len(several) > 1:
            click.echo(f"{harmless(one.run.plan)}:")
        for line in text.lines(one):
            click.echo(one.evidence.hide(line))


def _write_page(several: Sequence[Reported], repo_paths: RepoPaths, path: Path, opens: bool) -> None:
    if opens and path == STANDARD_OUTPUT:
        raise PealError("what is printed cannot be opened; name a file with --html, or leave --open out")
    report_file.write(path, several, repo_paths.repo)
    _say_where(path)
    if opens and click.launch(path.resolve().as_uri()):
        click.echo(f"no browser could be opened; open `{shown(path)}` yourself", err=True)


def _say_where(path: Path) -> None:
    if path != STANDARD_OUTPUT:
        click.echo(f"written to `{shown(path)}`", err=True)


def _several(
    repo_paths: RepoPaths, plans: Sequence[Path], run_name: str, hide: Callable[[str], str]
) -> list[Reported]:
    """What is meant, in the order in which it was begun if no plan is named; PealError if there was no such run."""
    if plans or not run_name:
        return [_reported(repo_paths, plan, run_name, hide) for plan in plans or run_together(repo_paths)]
    live = live_run(repo_paths) or ""
    known = (reported(plan, hide, shown, live, run_name) for plan in repo_paths.known_plans())
    if found := sorted(filter(None, known), key=lambda one: one.run.began):
        return found
    run_together(repo_paths)  # which says so if nothing was run at all
    latest = dict.fromkeys(state.run_id for state in known_runs(repo_paths) if state.run_id)
    raise PealError(f"there was no run `{run_name}` here; the latest are {some(list(latest), _SHOWN)}")


def _reported(repo_paths: RepoPaths, plan: Path, run_name: str, hide: Callable[[str], str]) -> Reported:
    """PealError if there was no such run."""
    plan_paths = plan_paths_of(repo_paths, plan)
    if found := reported(plan_paths, hide, shown, live_run(repo_paths) or "", run_name):
        return found
    events = journal.load(plan_paths.journal).events
    if names := [event.run for event in reversed(events) if isinstance(event, RunOpened)]:
        raise PealError(f"there was no run `{run_name}` of `{plan}`; the latest are {some(names, _SHOWN)}")
    raise PealError(f"`{plan}` was never run; `peal runs` lists what was")
