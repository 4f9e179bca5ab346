"""`peal resume`."""

from pathlib import Path
from typing import Any

import click

from peal.cli.carry_out import carry_out
from peal.cli.options import repo_paths_of
from peal.cli.run_options import given_flags, run_options, target_option
from peal.errors import PealError
from peal.jobs.known_plans import plan_paths_of, where_it_is
from peal.jobs.plan_queue import picked
from peal.jobs.source import BACKLOG
from peal.record import batch_file, journal, store
from peal.run.after_run import hears_signals
from peal.schedule.batches import was_last
from peal.system.layout import PlanPaths, RepoPaths
from peal.system.signals import Hearing
from peal.text.names import ranges, whole_number


@click.command()
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@target_option
@run_options
@hears_signals
def resume(plan: Path | None, target: tuple[str, ...], hearing: Hearing, **options: Any) -> int:
    """Go on with PLAN, or with what was run last and is unfinished, with the flags it was started with; new flags win."""
    repo_paths = repo_paths_of(options.pop("repo"))
    given = given_flags(options)
    found = store.known_runs(repo_paths)
    unfinished = [known for known in found if not known.is_finished]
    latest = (unfinished or found)[0] if found else None
    last_left = unfinished[0] if unfinished else None
    if plan is None and (batch := batch_file.read(repo_paths.batch)) and was_last(batch, last_left):
        # Only here: most runs are of one plan.
        from peal.cli.carry_out_batch import carry_out_batch
        from peal.run.unfinished_batch import BatchRequest

        files = tuple(map(repo_paths.plan_file, batch.plans))
        only = tuple(map(repo_paths.plan_key, picked(files, target))) if target else None
        request = BatchRequest((), only, retry_failed=options["retry_failed"])
        return carry_out_batch(repo_paths, request, _renewed(dict(batch.flags), given), options, hearing)
    if target:
        raise PealError(
            "--target names plans of a batch, and PLAN names one already; give one of them"
            if plan
            else "--target names plans of a batch, and there is none to go on with; name the plan"
        )
    if plan is None:
        if latest is None:
            click.echo(
                f"nothing to resume: no plan has been run in `{repo_paths.repo}` yet; start with `peal run PLAN`"
            )
            return 0
        if latest.is_open_ended and latest.is_finished:
            from peal.backlog.advice import command_again  # only here: most runs are a plan's

            again = command_again(_stored(repo_paths.plan(repo_paths.plan_file(latest.plan_path))))
            click.echo(
                f"nothing to resume: the latest run was of the backlog, and nobody has cut it short; `{again}` goes on"
            )
            return 0
        plan = repo_paths.plan_file(latest.plan_path)
    plan = where_it_is(repo_paths, plan)
    opened, _ = journal.latest_opening(plan_paths_of(repo_paths, plan).journal)
    if opened and opened.format == BACKLOG:
        return _backlog_resumed(repo_paths, plan, given, options, hearing)
    stored = _stored(plan_paths_of(repo_paths, plan))
    return carry_out(repo_paths, plan, _renewed(stored, given), options, hearing, resumed=True)


def _backlog_resumed(
    repo_paths: RepoPaths, folder: Path, given: dict[str, Any], options: dict[str, Any], hearing: Hearing
) -> int:
    from peal.cli.backlog.carry_out import carry_out_backlog  # only here: most runs are a plan's

    wrong: list[str] = [name for name in ("task", "from_task", "format_name") if name in given]
    wrong += [name for name in ("retry_failed",) if options[name]]
    if wrong:
        flag = f"--{wrong[0].removesuffix('_name').replace('_', '-')}"
        raise PealError(
            f"{flag} is about the tasks of a plan, and what goes on here is a backlog; leave it out"
        )
    stored = _stored(plan_paths_of(repo_paths, folder))
    return carry_out_backlog(repo_paths, _renewed(stored, given), options, hearing, resumed=True)


def _stored(plan_paths: PlanPaths) -> dict[str, Any]:
    """
    The flags of the latest run, with the branch that was meant then, wherever it was named.

    A task that was forgotten since belongs to its selection from then on.
    """
    opened, forgotten = journal.latest_opening(plan_paths.journal)
    if opened is None:
        return {}
    flags = {**opened.flags, "branch": opened.branch} if opened.branch_is_named else opened.flags
    if opened.selected is None or not forgotten:
        return flags
    kept = {name: value for name, value in flags.items() if name != "from_task"}
    tasks = [*opened.selected, *sorted(forgotten.difference(opened.selected))]
    numbers = [task for task in tasks if whole_number(task) is not None]
    names = [task for task in tasks if whole_number(task) is None]
    return {**kept, "task": [*([ranges(numbers)] if numbers else []), *names]}  # ranges may have gaps by now


def _renewed(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Flags as they were, with those given now in their place; a new selection replaces the old one."""
    selection = ("task", "from_task")
    kept = {
        name: value
        for name, value in stored.items()
        if name not in selection or given.keys().isdisjoint(selection)
    }
    new = given.get("sets", ())
    anew = {text.partition("=")[0].strip() for text in new}
    sets = [*(text for text in stored.get("sets", ()) if text.partition("=")[0].strip() not in anew), *new]
    return {**kept, **given, **({"sets": sets} if sets else {})}
