"""`peal backlog unblock`: an item goes on where it was."""

from pathlib import Path

import click

from peal.backlog import lifecycle
from peal.backlog.changing import Change
from peal.cli.backlog.add import check_utf8
from peal.cli.backlog.options import Found, no_commit, now
from peal.cli.options import repository
from peal.text.display import unix


@click.command()
@click.argument("item", metavar="ID")
@click.option("--notes", default="", help="What the next phase is to know.")
@click.option(
    "--override-guardrails",
    is_flag=True,
    help="It may be more than the guardrails let pass; this is recorded, for good.",
)
@no_commit
@repository
def unblock(item: str, notes: str, override_guardrails: bool, no_commit: bool, repo: Path) -> int:
    """Let a blocked item go on where it was. Its next phase is told your notes."""
    check_utf8(notes)
    said, at = unix(notes).strip(), now()
    ends = ", guardrails overridden" if override_guardrails else ""
    kept = Found.of(repo).change(
        item,
        no_commit,
        lambda old, _: Change(
            lifecycle.unblocked(old, said, at, override_guardrails),
            f"unblocked{ends}" + (f": {said}" if said else ""),
        ),
    )
    phase = f" {kept.item.phase}" if kept.item.phase else ""
    click.echo(f"{kept.item.id} is {kept.item.status}{phase} again{ends}")
    return 0
