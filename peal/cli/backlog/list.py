"""`peal backlog list`: the items, in short."""

import json
from pathlib import Path
from typing import get_args

import click

from peal.backlog.item import Status
from peal.backlog.store import Kept
from peal.backlog.table import in_order
from peal.cli.backlog.options import Found
from peal.cli.options import as_json, repository
from peal.text.columns import table
from peal.text.display import harmless


@click.command()
@click.option("--all", "all_", is_flag=True, help="With the archived ones.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(get_args(Status)),
    help="Those of this status; may be given several times.",
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="WORD",
    help="Those with this tag; with all of them, if given several times.",
)
@click.option("--pipeline", metavar="NAME", help="Those that name this pipeline.")
@as_json
@repository
def list(  # noqa: A001
    all_: bool,
    statuses: tuple[Status, ...],
    tags: tuple[str, ...],
    pipeline: str | None,
    json_: bool,
    repo: Path,
) -> int:
    """List the items, the most pressing first."""
    found = Found.of(repo)

    def is_meant(one: Kept) -> bool:
        item = one.item
        is_shown = all_ or not one.is_archived
        fits = (not statuses or item.status in statuses) and set(tags) <= set(item.tags)
        return is_shown and fits and pipeline in (None, item.pipeline)

    backlog = found.read()
    kept = {id(one.item): one for one in backlog.kept if is_meant(one)}
    shown = [kept[id(item)] for item in in_order(one.item for one in kept.values())]
    if json_:
        click.echo(json.dumps([found.record(one) for one in shown], ensure_ascii=False))
    elif shown:
        rows = [tuple(map(harmless, (one.item.id, one.item.status, one.item.title))) for one in shown]
        click.echo("\n".join(table(rows, None)))
    elif backlog.kept:
        click.echo("no item is like that; `peal backlog list --all` lists them all")
    else:
        click.echo(f"no items in `{found.settings.backlog.folder}`; `peal backlog add TITLE` adds one")
    return 0
