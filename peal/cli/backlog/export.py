"""`peal backlog export`: the items for other programs, and for people."""

import os
from pathlib import Path
from typing import Any

import click
from attrs import fields

from peal.backlog.exchange import exported, task_golem
from peal.backlog.exchange.files import Unfit
from peal.backlog.item import Item
from peal.backlog.store import Kept
from peal.cli.backlog.options import Found
from peal.cli.options import check_new, repository, write_new
from peal.errors import PealError
from peal.system.files import replace

_ENDINGS = {".json": "json", ".jsonl": "jsonl", ".md": "markdown", ".csv": "csv"}


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice([*_ENDINGS.values()]),
    help="Default: what the name of the file ends with, or json. jsonl is task-golem's, and can be imported again.",
)
@click.option("--all", "all_", is_flag=True, help="With the archived ones.")
@click.option("--force", is_flag=True, help="Also over a file that is there.")
@repository
def export(file: Path | None, format_: str | None, all_: bool, force: bool, repo: Path) -> int:
    """Write the items to FILE, or to standard output."""
    found = Found.of(repo)
    if file and not force:
        check_new(file)
    backlog = found.read()
    kept = [one for one in backlog.kept if all_ or not one.is_archived]
    text = _text(found, kept, {one.item.id: one.item for one in backlog.kept}, format_ or _ending(file))
    if file is None:
        click.echo(text, nl=False)
    elif force and os.path.lexists(file):
        _overwrite(file, text)
    else:
        write_new(file, text.encode())
    return 0


def _ending(file: Path | None) -> str:
    return _ENDINGS.get(file.suffix.lower(), "json") if file else "json"


def _text(found: Found, kept: list[Kept], known: dict[str, Item], format_: str) -> str:
    if format_ == "markdown":
        return exported.as_markdown((one.item for one in kept), known)
    if format_ == "jsonl":
        try:
            return task_golem.lines((one.item, one.other_keys()) for one in kept)
        except Unfit as error:
            raise PealError(f"an item cannot be written as task-golem's: {error}") from None
    records = [_record(found, one) for one in kept]
    if format_ == "csv":
        return exported.as_csv(
            records, [*(one.name for one in fields(Item)), "path", "archived", "other_keys"]
        )
    return exported.as_json(records)


def _record(found: Found, kept: Kept) -> dict[str, Any]:
    return {**found.record(kept), "other_keys": kept.other_keys()}


def _overwrite(file: Path, text: str) -> None:
    if not file.is_file() or file.is_symlink():
        raise PealError(f"`{file}` is no regular file; name another file")
    try:
        replace(file, text)
    except OSError as error:
        raise PealError(f"cannot write `{file}`: {error.strerror}; name another file") from None
    click.echo(f"written to `{file}`")
