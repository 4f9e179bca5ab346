"""`peal backlog advance`: an item put on to another phase by a person."""

from pathlib import Path

import click

from peal.backlog.advancing import advanced
from peal.backlog.changing import Change
from peal.backlog.item import Item
from peal.backlog.pipelines import pipeline_of
from peal.backlog.store import Backlog
from peal.cli.backlog.options import Found, no_commit, now
from peal.cli.options import repository
from peal.settings.pipelines import pipelines
from peal.text.display import harmless


@click.command()
@click.argument("item", metavar="ID")
@click.option("--to", metavar="PHASE", help="This phase, instead of the next one.")
@no_commit
@repository
def advance(item: str, to: str | None, no_commit: bool, repo: Path) -> int:
    """Put an item on to its next phase, or to another one. It has to be scoping or in progress."""
    found, at = Found.of(repo), now()
    before = []

    def made(old: Item, _: Backlog) -> Change:
        before.append(old.phase)
        new = advanced(old, pipeline_of(old, pipelines(found.settings)), to, at)
        return Change(new, f"advanced to {new.phase}")

    kept = found.change(item, no_commit, made)
    from_ = f" from {harmless(before[0])}" if before[0] else ""
    click.echo(f"{kept.item.id} is advanced{from_} to {harmless(kept.item.phase)}")
    return 0
