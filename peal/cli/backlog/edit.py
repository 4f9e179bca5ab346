"""`peal backlog edit`: fields of an item changed by options, or its file in an editor."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from peal.backlog import dependencies, item_file
from peal.backlog.changing import Change, open_item, taken
from peal.backlog.committing import NotCommitted
from peal.backlog.drafts import Draft
from peal.backlog.item import Item
from peal.backlog.pipelines import pipeline_of
from peal.backlog.store import Backlog, Kept
from peal.cli.backlog.add import body_of, one_line, title_of
from peal.cli.backlog.options import PRIORITY, Found, degrees, no_commit, now
from peal.cli.options import repository
from peal.errors import PealError
from peal.settings import Settings
from peal.settings.pipelines import pipelines
from peal.text.display import harmless, some

_BY_COMMANDS = {
    "id": "it stays what it is",
    "status": "`block`, `unblock`, `close` do",
    "blocked": "`block` and `unblock` do",
}
"""What an editor does not change, and what does."""


@click.command()
@click.argument("item", metavar="ID")
@click.option("--title")
@click.option("--body", metavar="TEXT", help="Instead of the text below; `-` for standard input.")
@click.option("--pipeline", metavar="NAME")
@click.option("--priority", type=PRIORITY)
@degrees
@click.option("--add-tag", "new_tags", multiple=True, metavar="WORD")
@click.option("--remove-tag", "old_tags", multiple=True, metavar="WORD")
@click.option("--add-depends", "needed", multiple=True, metavar="ID")
@click.option("--remove-depends", "not_needed", multiple=True, metavar="ID")
@no_commit
@repository
def edit(
    *,
    item: str,
    title: str | None,
    body: str | None,
    new_tags: tuple[str, ...],
    old_tags: tuple[str, ...],
    needed: tuple[str, ...],
    not_needed: tuple[str, ...],
    no_commit: bool,
    repo: Path,
    **plain: Any,
) -> int:
    """Change an item. Without options, its file is opened in $VISUAL or $EDITOR."""
    found = Found.of(repo)
    given = {name: value for name, value in plain.items() if value is not None}
    if title is not None:
        given["title"] = title_of(title)
    if body is not None:
        given["text"] = body_of(body)
    if not (given or new_tags or old_tags or needed or not_needed):
        return _edited(found, item, no_commit)
    tags = tuple(map(one_line, new_tags))
    at = now()

    def made(old: Item, backlog: Backlog) -> Change:
        wanted = (*old.depends, *(backlog.find(one).item.id for one in needed))
        gone = {_named(one, old, backlog) for one in not_needed}
        _check_tags(old, old_tags)
        text = _with_line_ends(given["text"], old.text) if "text" in given else old.text
        new = evolve(
            old,
            **{**given, "text": text},
            tags=tuple(dict.fromkeys(one for one in (*old.tags, *tags) if one not in old_tags)),
            depends=tuple(dict.fromkeys(one for one in wanted if one not in gone)),
            updated=at,
        )
        _check(old, new, backlog, found.settings)
        return Change(new, f"edit: {', '.join(_differing(old, new))}")

    kept = found.change(item, no_commit, made)
    click.echo(f"{kept.item.id} is changed" if kept.item.updated == at else f"{kept.item.id} is so already")
    return 0


def _named(text: str, item: Item, backlog: Backlog) -> str:
    """A dependency of an item's: also one that there is not."""
    id_ = text if text in item.depends else backlog.find(text).item.id
    if id_ not in item.depends:
        raise PealError(
            f"{item.id} does not depend on {id_}; `peal backlog show {item.id}` tells on what it does"
        )
    return id_


def _check_tags(item: Item, gone: tuple[str, ...]) -> None:
    """PealError for a tag that an item does not have, and so cannot lose."""
    if missing := [tag for tag in gone if tag not in item.tags]:
        there = f"it has {some(item.tags, len(item.tags))}" if item.tags else "it has none"
        raise PealError(f"{item.id} does not have the tag {some(missing, 1)}; {there}")


def _with_line_ends(text: str, like: str) -> str:
    return text.replace("\n", "\r\n") if "\r\n" in like else text


def _differing(old: Item, new: Item) -> list[str]:
    return [
        name
        for name in (
            "title",
            "pipeline",
            "priority",
            "size",
            "complexity",
            "risk",
            "impact",
            "tags",
            "depends",
            "text",
        )
        if getattr(old, name) != getattr(new, name)
    ]


def _check(old: Item, new: Item, backlog: Backlog, settings: Settings) -> None:
    """PealError if what is new about an item cannot be; what was wrong before is not told now."""
    if new.pipeline and new.pipeline != old.pipeline:
        pipeline_of(new, pipelines(settings))
    if set(new.depends) - set(old.depends):
        added = evolve(new, depends=tuple(one for one in new.depends if one not in old.depends))
        dependencies.check(added, {one.item.id: one.item for one in backlog.kept})


def _edited(found: Found, name: str, no_commit: bool) -> int:
    """The file changed in an editor, if that makes an item of it; else the text is kept for another try."""
    kept = open_item(found.read(), name)
    draft = Draft.of(found.place.repo_paths.drafts, kept)
    found.committer(no_commit).check()
    try:
        _open(draft, kept)
    finally:
        if draft.path.exists() and draft.raw == kept.raw:
            draft.drop()
    if not draft.path.exists():
        click.echo(f"{kept.item.id} is as it was")
        return 0
    try:
        _check_draft(kept.item, draft, found)
        taken(found.place, found.committer(no_commit), kept, draft.raw, now())
    except NotCommitted:
        draft.drop()
        raise
    except PealError as error:
        raise PealError(
            f"{error}\nwhat you wrote is kept in `{draft.path}`; `peal backlog edit {kept.item.id}` opens it again, and "
            f"`rm {shlex.quote(str(draft.path))}` gives it up"
        ) from None
    draft.drop()
    click.echo(f"{kept.item.id} is changed")
    return 0


def _open(draft: Draft, kept: Kept) -> None:
    """Let a person edit a copy of the file, or what an earlier try has left."""
    is_at_terminal = sys.stdin is not None and sys.stdin.isatty()
    if not (os.environ.get("VISUAL") or os.environ.get("EDITOR") or is_at_terminal):
        raise PealError(
            "neither VISUAL nor EDITOR is set; set one of them, or give options: `peal backlog edit --help`"
        )
    try:
        if draft.opened(kept):
            click.echo(f"note: this is what you wrote before, from `{draft.path}`", err=True)
    except OSError as error:
        raise PealError(f"cannot write `{draft.path}`: {error.strerror}; make its folder writable") from None
    try:
        click.edit(filename=str(draft.path))
    except (click.ClickException, ValueError) as error:
        raise _unusable(error) from None


def _unusable(error: Exception) -> PealError:
    """What is said of an editor that click cannot start, or that has failed."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    cause = error.__cause__
    if isinstance(error, ValueError):  # of the quotes in its command
        why = str(error).lower()
    else:
        why = str(cause.strerror) if isinstance(cause, OSError) else "it has ended with an error"
    return PealError(
        f"the editor{f' `{harmless(named)}`' if named else ''} cannot be used: {why}; set VISUAL or EDITOR to another, or "
        "give options: `peal backlog edit --help`"
    )


def _check_draft(old: Item, draft: Draft, found: Found) -> None:
    if draft.is_undecided:
        raise PealError(
            f"{old.id} was changed meanwhile too, in the same lines; leave one of both, and take the marks out"
        )
    new = item_file.read(draft.raw)
    for name, way in _BY_COMMANDS.items():
        if getattr(new, name) != getattr(old, name):
            raise PealError(f"`{name}` of {old.id} is not changed here; {harmless(way)}")
    _check(old, new, found.place.read(), found.settings)
