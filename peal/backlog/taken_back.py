"""What a phase has written into items by hand: text below the front matter is welcome, the fields are peal's; pure."""

from collections.abc import Iterator

from attrs import evolve, frozen

from peal.backlog import item_file
from peal.backlog.store import ARCHIVE
from peal.text.display import harmless
from peal.workspaces import Edit, Files


@frozen
class TakenBack:
    """An edit by which a file becomes again what it has to be."""

    edit: Edit
    told: str
    """What was written there."""


def taken_back(before: Files, after: Files, folder: str) -> Iterator[TakenBack]:
    """What is to be put right in the backlog's folder before a phase lands that has made of `before` what is `after`."""
    for place in (folder, f"{folder}/{ARCHIVE}"):
        was, now = before.versions(place), after.versions(place)
        for name in sorted(was.keys() | now.keys()):
            if name.endswith(".md") and was.get(name) != now.get(name):
                path = f"{place}/{name}"
                yield from _of_file(path, before.content(path), after.content(path))


def _of_file(path: str, was: bytes | None, now: bytes | None) -> Iterator[TakenBack]:
    shown = f"`{harmless(path)}`"
    if was is None or not item_file.has_front_matter(was):
        if now is not None and item_file.has_front_matter(now):
            told = f"{shown}, an item of its own making, is left out: what comes up is told as a follow-up"
            yield TakenBack(Edit(path, was), told)
        return
    if now is None:
        yield TakenBack(Edit(path, was), f"{shown} is back: items are closed, and not deleted")
        return
    wanted = _with_text_of(was, now)
    if wanted != now:
        yield TakenBack(
            Edit(path, wanted), f"the fields of {shown} are as they were: only its text may be changed"
        )


def _with_text_of(was: bytes, now: bytes) -> bytes:
    """A file as it was, but for the text below the front matter; wholly as it was where that cannot be told."""
    try:
        return item_file.changed(was, evolve(item_file.read(was), text=item_file.text_of(now)))
    except item_file.NoItem:
        return was
