"""What a phase has written by hand where peal writes: fields of items (text below them is welcome), and the worklog; pure."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve

from peal.backlog import item_file, worklog
from peal.backlog.store import ARCHIVE
from peal.classes import frozen
from peal.text.display import harmless
from peal.workspaces import Edit, Files


@frozen
class TakenBack:
    """An edit by which a file becomes again what it has to be."""

    edit: Edit
    told: str
    """What was written there."""


def taken_back(before: Files, after: Files, folder: str) -> Iterator[TakenBack]:
    """
    What is to be put right before a phase lands that has made of `before` what is `after`; `folder` is the backlog's.
    """
    for place in (folder, f"{folder}/{ARCHIVE}"):
        for path in _changed(place, before, after):
            yield from _of_file(path, before.content(path), after.content(path))
    for path in _changed(worklog.FOLDER, before, after):
        told = (
            f"`{harmless(path)}` is as it was: what was done is told in the result, and peal writes it there"
        )
        yield TakenBack(Edit(path, before.content(path)), told)


def _changed(folder: str, before: Files, after: Files) -> Iterator[str]:
    """The markdown files of a folder that are others than before."""
    was, now = before.versions(folder), after.versions(folder)
    for name in sorted(was.keys() | now.keys()):
        if name.endswith(".md") and was.get(name) != now.get(name):
            yield f"{folder}/{name}"


def taken_back_here(
    before: Mapping[str, bytes], now: Mapping[str, bytes | None], twins: Iterable[str]
) -> Iterator[TakenBack]:
    """
    The same in a tree where persons work too, whose new items stay.

    `before` are the items' files as peal has them and `now` as they are, by their paths; `twins` hold the same items once more.
    """
    for path, was in before.items():
        if was != now.get(path):
            yield from _of_file(path, was, now.get(path))
    for path in twins:
        yield TakenBack(Edit(path, None), f"`{harmless(path)}`, a second file of its item, is taken away")


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
