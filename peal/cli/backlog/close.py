"""`peal backlog close`: an item that will not be done."""

from pathlib import Path

import click
from attrs import evolve

from peal.backlog import lifecycle
from peal.backlog.changing import Change
from peal.backlog.dependencies import waiting
from peal.cli.backlog.add import one_line
from peal.cli.backlog.options import Found, no_commit, now
from peal.cli.options import repository
from peal.text.display import harmless


@click.command()
@click.argument("item", metavar="ID")
@click.option("--reason", default="", help="Why it will not be done.")
@no_commit
@repository
def close(item: str, reason: str, no_commit: bool, repo: Path) -> int:
    """End an item as cancelled; its file goes to the archive. What depends on it goes on waiting."""
    why, at = one_line(reason) if reason else "", now()
    said = f"cancelled: {why}" if why else "cancelled"
    found = Found.of(repo)
    kept = found.change(
        item,
        no_commit,
        lambda old, _: Change(evolve(lifecycle.moved(old, "cancelled", at), reason=why), said),
    )
    click.echo(f"{kept.item.id} is {said}; its file is now `{harmless(found.place.told(kept))}`")
    for other in waiting(kept.item.id, found.place.read().items):
        click.echo(
            f"note: {other} waits for it, for ever: `peal backlog edit {other} --remove-depends {kept.item.id}`"
        )
    return 0
