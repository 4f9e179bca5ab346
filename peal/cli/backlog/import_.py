"""`peal backlog import`: items of other tools, and plain lists, as items here."""

import json
from collections.abc import Iterator
from pathlib import Path

import click

from peal.backlog.changing import refuse_foreign
from peal.backlog.exchange.adding import Imported, imported, planned
from peal.backlog.exchange.files import MOST, Place
from peal.backlog.exchange.matching import Addition
from peal.backlog.exchange.sources import NAMES, SOURCES, source_at
from peal.backlog.store import Kept
from peal.cli.backlog.options import Found, no_commit, now
from peal.cli.options import as_json, repository, standard_input
from peal.errors import PealError
from peal.text.display import count, harmless


@click.command("import")
@click.argument("path", metavar="PATH")
@click.option("--from", "source", type=click.Choice(NAMES), help="What it is; default: what it looks like.")
@click.option("--archived", is_flag=True, help="With the items that are over; they go to the archive.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@no_commit
@as_json
@repository
def import_(
    *,
    path: str,
    source: str | None,
    archived: bool,
    dry_run: bool,
    no_commit: bool,
    json_: bool,
    repo: Path,
) -> int:
    """
    Make items of another tool's: of task-golem, Backlog.md, wreckit, or of a plain list.

    PATH is a file or a folder; `-` is standard input. All items are added in one commit, or none. The same again adds nothing twice.
    """
    found = Found.of(repo)
    if "backlog.folder" not in found.settings.origins:
        refuse_foreign(found.place.read())
    place = _place(path)
    reader = next((one for one in SOURCES if one.name == source), None) or source_at(place)
    reading = reader.read(place)
    done = (
        planned(found.place, reading, archived, now())
        if dry_run
        else imported(found.place, found.committer(no_commit), reading, archived, now())
    )
    for note in done.matched.notes:
        click.echo(f"note: {note}", err=True)
    if json_:
        click.echo(json.dumps(_record(found, done), ensure_ascii=False))
    else:
        click.echo("\n".join(_told(done, reading.source, dry_run)))
    return 0


def _place(text: str) -> Place:
    """What a person means; a link that is named itself is followed."""
    if text == "-":
        return Place(Path("-"), standard_input(MOST + 1))
    path = Path(text)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise PealError(f"`{harmless(text)}` cannot be read: {why}; name a file or a folder") from None
    return Place(path if not path.is_symlink() else real)


def _record(found: Found, done: Imported) -> dict[str, object]:
    return {
        "added": [{**found.record(kept), "imported_id": one.foreign.item.id} for one, kept in _pairs(done)],
        "known": [
            {"id": one.kept.item.id, "imported_id": one.foreign.item.id, "has_changed": one.has_changed}
            for one in done.matched.known
        ],
        "left_out": dict(done.matched.left_out),
        "notes": list(done.matched.notes),
    }


def _pairs(done: Imported) -> Iterator[tuple[Addition, Kept]]:
    return zip(done.matched.additions, done.kept, strict=True)


def _told(done: Imported, source: str, is_rehearsal: bool) -> Iterator[str]:
    for one, kept in _pairs(done):
        was = harmless(one.foreign.item.id)
        renamed = f" (there {was})" if kept.item.id != was and source != "ideas" else ""
        yield f"{kept.item.id} {kept.item.status}: {harmless(kept.item.title)}{renamed}"
    known = done.matched.known
    for each in known:
        if each.has_changed:
            was = harmless(each.foreign.item.id)
            yield (
                f"note: {each.kept.item.id} was imported before, and has changed since in `{each.foreign.where}`; "
                "it stays as it is here"
            )
    would = "would be" if is_rehearsal else "is" if len(done.kept) == 1 else "are"
    yield f"{count(len(done.kept), 'item')} {would} added from {source}"
    if known:
        yield f"{count(len(known), 'item')} {'is' if len(known) == 1 else 'are'} here already"
    for status, number in done.matched.left_out.items():
        yield f"{count(number, 'item')} left out, for {'it is' if number == 1 else 'they are'} {status}; --archived takes them along"
