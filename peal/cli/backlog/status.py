"""`peal backlog status`: how far the items are, and why any of them waits."""

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import click

from peal.backlog.table import ORDER, counted, in_order, lines, next_step, waits
from peal.cli.backlog.options import Found
from peal.cli.options import as_json, repository


@click.command()
@as_json
@repository
def status(json_: bool, repo: Path) -> int:
    """Show a table of the open items, with why any of them waits."""
    found = Found.of(repo)
    backlog = found.read()
    items = {one.item.id: one.item for one in reversed(backlog.kept)}
    shown = in_order(backlog.items)
    if json_:
        records = {one.item.id: found.record(one) for one in reversed(backlog.kept) if not one.is_archived}
        numbers = Counter(item.status for item in shown)
        told = {
            "counts": {one: numbers[one] for one in ORDER if numbers[one]},
            "items": [{**records[item.id], "waits": waits(item, items)} for item in shown],
            "problems": list(backlog.problems),
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    elif shown:
        step = next_step(shown, found.settings.guardrails)
        told_last = [counted(shown), *([f"next: {step}"] if step else [])]
        click.echo("\n".join([*lines(shown, items, _width()), "", *told_last]))
    else:
        click.echo(f"no open items in `{found.settings.backlog.folder}`; `peal backlog add TITLE` adds one")
    return 0


def _width() -> int | None:
    """The columns of a terminal; None where there is none, for then all of it fits."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
