"""`peal runs`: the plans this repository knows."""

import json
from pathlib import Path

import click
from attrs import asdict

from peal.cli.options import as_json, readable_batch, repo_paths_of, repository
from peal.record import batch_file, lock, store
from peal.text.display import count, harmless
from peal.views.batch import overview


@click.command()
@as_json
@repository
def runs(json_: bool, repo: Path) -> int:
    """The plans this repository knows, the latest first."""
    repo_paths = repo_paths_of(repo)
    found = store.known_runs(repo_paths)
    live = lock.live_run(repo_paths)
    batch = readable_batch(repo_paths)
    if json_:
        told = {"batch": batch_file.record_of(batch)} if batch else {}
        click.echo(json.dumps({**told, "runs": [asdict(known) for known in found]}, ensure_ascii=False))
        return 0
    if batch:
        click.echo("\n".join(overview(batch, live)))
    if not found:
        click.echo(f"no plan has been run in `{repo_paths.repo}` yet; start with `peal run PLAN`")
    for known in found:
        how = (
            "running"
            if known.run_id == live
            else "cut off"
            if known.exit_code is None
            else f"exit code {known.exit_code}"
        )
        complete = len(known.completed_task_indices)
        done = (
            f"{count(complete, 'phase')} of items complete"
            if known.is_open_ended
            else f"{complete} of {known.total_tasks} complete"
        )
        click.echo(f"{known.updated_at[:19].replace('T', ' ')}  {harmless(known.plan_path)}  {done}, {how}")
    return 0
