"""`peal backlog show`: one item, with all that is known of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
from attrs import asdict

from peal.backlog.dependencies import waiting
from peal.backlog.item import Item
from peal.backlog.store import Backlog, Kept
from peal.cli.backlog.options import Found
from peal.cli.options import as_json, repository
from peal.text.display import harmless

_TOLD_OTHERWISE = (
    "id",
    "title",
    "text",
    "blocked",
    "depends",
    "tags",
    "description",
    "guardrails_overridden",
    "requires_human_review",
)


@click.command()
@click.argument("item", metavar="ID")
@as_json
@repository
def show(item: str, json_: bool, repo: Path) -> int:
    """Show all that is known of an item, with what it waits for and what waits for it."""
    found = Found.of(repo)
    backlog = found.read()
    kept = backlog.find(item)
    if json_:
        click.echo(json.dumps(found.record(kept), ensure_ascii=False))
    else:
        head = f"{kept.item.id}  {harmless(kept.item.title)}"
        fields = [f"  {name}: {value}" for name, value in _fields(kept, backlog, found.place.told(kept))]
        click.echo("\n".join([head, *fields, *_text(kept.item.text)]))
    return 0


def _fields(kept: Kept, backlog: Backlog, path: str) -> Iterator[tuple[str, str]]:
    item = kept.item
    yield "file", harmless(path)
    for name, value in asdict(item, recurse=False).items():
        if value and isinstance(value, str | int) and name not in _TOLD_OTHERWISE:
            yield name.replace("_", " "), harmless(str(value))
    if item.blocked:
        yield "blocked", f"{item.blocked.type}, since {item.blocked.since}: {harmless(item.blocked.reason)}"
        yield "before", harmless(" ".join(filter(None, (item.blocked.before, item.blocked.phase))))
    if item.tags:
        yield "tags", harmless(", ".join(item.tags))
    yield from _edges(item, backlog)
    if item.guardrails_overridden:
        yield "guardrails", "overridden by a person"
    if item.requires_human_review:
        yield "review", "a person has to look at it"
    for name, text in asdict(item.description).items():
        if text:
            yield name.replace("_", " "), harmless(text)


def _edges(item: Item, backlog: Backlog) -> Iterator[tuple[str, str]]:
    items = {one.item.id: one.item for one in backlog.kept}
    if item.depends:
        states = (f"{one} ({items[one].status if one in items else 'missing'})" for one in item.depends)
        yield "depends on", harmless(", ".join(states))
    if others := waiting(item.id, backlog.items):
        yield "needed by", harmless(", ".join(others))


def _text(text: str) -> list[str]:
    """The text line by line, as harmless as all that is shown, with its indentation."""
    shown = text.expandtabs().strip("\r\n").splitlines()
    return (
        ["", *(f"{' ' * (len(line) - len(line.lstrip(' ')))}{harmless(line)}" for line in shown)]
        if shown
        else []
    )
