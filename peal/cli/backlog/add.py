"""`peal backlog add`: a new item."""

import json
from pathlib import Path

import click

from peal.backlog import dependencies
from peal.backlog.changing import added, refuse_foreign
from peal.backlog.item import LONGEST_TITLE, Item
from peal.backlog.pipelines import pipeline_of
from peal.backlog.store import Backlog
from peal.cli.backlog.options import PRIORITY, Found, degrees, no_commit, now
from peal.cli.options import as_json, repository, standard_input
from peal.errors import PealError
from peal.model.phase_result import Level, Size
from peal.settings.pipelines import pipelines
from peal.text.display import harmless, unix


@click.command()
@click.argument("title")
@click.option("--body", metavar="TEXT", help="What else is to be said; `-` for standard input.")
@click.option("--pipeline", metavar="NAME", default="", help="Its pipeline; default: the usual one.")
@click.option("--priority", type=PRIORITY, default=0, help="Higher comes first; default: 0.")
@degrees
@click.option(
    "--depends",
    multiple=True,
    metavar="ID",
    help="An item that has to be done before; may be given several times.",
)
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="May be given several times.")
@no_commit
@as_json
@repository
def add(
    *,
    title: str,
    body: str | None,
    pipeline: str,
    priority: int,
    size: Size | None,
    complexity: Level | None,
    risk: Level | None,
    impact: Level | None,
    depends: tuple[str, ...],
    tags: tuple[str, ...],
    no_commit: bool,
    json_: bool,
    repo: Path,
) -> int:
    """Write down a wish as a new item, and commit its file."""
    found = Found.of(repo)
    if "backlog.folder" not in found.settings.origins:
        refuse_foreign(found.place.read())
    text, at = body_of(body), now()

    def made(backlog: Backlog, id_: str) -> Item:
        item = Item(
            id_,
            title_of(title),
            pipeline=pipeline,
            priority=priority,
            size=size,
            complexity=complexity,
            risk=risk,
            impact=impact,
            tags=tuple(dict.fromkeys(map(one_line, tags))),
            depends=tuple(dict.fromkeys(backlog.find(one).item.id for one in depends)),
            created=at,
            updated=at,
            text=text,
        )
        if pipeline:
            pipeline_of(item, pipelines(found.settings))
        dependencies.check(item, {one.item.id: one.item for one in backlog.kept})
        return item

    kept = added(found.place, found.committer(no_commit), made)
    if json_:
        click.echo(json.dumps(found.record(kept), ensure_ascii=False))
    else:
        click.echo(f"{kept.item.id} is added: `{harmless(found.place.told(kept))}`")
    return 0


def one_line(text: str) -> str:
    """A text that is one line; PealError if it is none, or no UTF-8."""
    check_utf8(text)
    if not (line := harmless(text).strip()):
        raise PealError("a title or a tag is empty; write some words")
    return line


def title_of(text: str) -> str:
    """A title as a person gives it; PealError if it is more than a title."""
    if len(line := one_line(text)) > LONGEST_TITLE:
        raise PealError(
            f"the title has {len(line)} letters, and {LONGEST_TITLE} are the most; say it shorter, and the rest in --body"
        )
    return line


def body_of(text: str | None) -> str:
    """What stands in the file below the front matter."""
    if text == "-":
        text = standard_input().decode(errors="surrogateescape")
    check_utf8(text or "")
    written = unix(text or "").strip("\n")
    return f"\n{written}\n" if written.strip() else ""


def check_utf8(text: str) -> None:
    """PealError if bytes were given that are no UTF-8, or a NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PealError("the text is no UTF-8; write it in UTF-8") from None
    if "\0" in text:
        raise PealError("the text holds a NUL; take it out")
