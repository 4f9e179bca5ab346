"""`peal backlog block`: an item waits for a person."""

from pathlib import Path
from typing import get_args

import click

from peal.backlog import lifecycle
from peal.backlog.changing import Change
from peal.backlog.item import BlockType
from peal.cli.backlog.add import one_line
from peal.cli.backlog.options import Found, no_commit, now
from peal.cli.options import repository


@click.command()
@click.argument("item", metavar="ID")
@click.option("--reason", required=True, help="Why it has to wait.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(get_args(BlockType)),
    default="decision",
    help="What it waits for; default: decision.",
)
@no_commit
@repository
def block(item: str, reason: str, kind: BlockType, no_commit: bool, repo: Path) -> int:
    """Keep an item from being worked on until `peal backlog unblock`."""
    why, at = one_line(reason), now()
    kept = Found.of(repo).change(
        item, no_commit, lambda old, _: Change(lifecycle.blocked(old, kind, why, at), f"blocked: {why}")
    )
    click.echo(f"{kept.item.id} is blocked: {why}\nnext: `peal backlog unblock {kept.item.id}`")
    return 0
