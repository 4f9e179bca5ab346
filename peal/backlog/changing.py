"""What a person does to an item: made in its file and committed, one after another, whoever else is at work."""

from collections.abc import Callable
from pathlib import Path

from attrs import evolve

from peal.backlog import item_file, store
from peal.backlog.command_writes import CommandWrites
from peal.backlog.committing import Committer
from peal.backlog.item import FINAL, Item
from peal.backlog.messages import message_of
from peal.backlog.place import Place
from peal.backlog.store import Backlog, Kept
from peal.classes import frozen
from peal.errors import PealError
from peal.record import lock
from peal.text.display import harmless


@frozen
class Change:
    """What becomes of an item, and what the commit says of it."""

    item: Item
    said: str


def added(place: Place, committer: Committer, make: Callable[[Backlog, str], Item]) -> Kept:
    """A new item in a file of its own; `make` is given the backlog and the id. PealError if it cannot be."""
    with lock.landing(place.repo_paths):
        committer.check()
        backlog = place.read()
        refuse_foreign(backlog)
        item = make(backlog, backlog.next_id(place.prefix))
        kept = store.create(backlog.path_of(item), item)
        CommandWrites(place.repo_paths).note({kept.path: kept.raw})
        committer.commit([kept.path], message_of(item.id, f"add: {item.title}"))
    return kept


def changed(place: Place, committer: Committer, name: str, make: Callable[[Item, Backlog], Change]) -> Kept:
    """
    The item of that name with what `make` has made of it, in its file, which is committed; the same item is no change.

    PealError if there is none, if it is over, or if it cannot become that.
    """
    with lock.landing(place.repo_paths):
        committer.check()
        backlog = place.read()
        kept = open_item(backlog, name)
        change = make(kept.item, backlog)
        if evolve(change.item, updated=kept.item.updated) == kept.item:
            return kept
        path = backlog.place_of(kept, change.item)
        raw = item_file.changed(kept.raw, change.item)
        after = Kept(change.item, path, raw, change.item.status in FINAL)
        return _put(place, committer, kept, after, change.said)


def taken(place: Place, committer: Committer, before: Kept, raw: bytes, at: str) -> Kept:
    """What a person has made of an item's file, if nobody else has changed it meanwhile; PealError if it cannot be taken."""
    with lock.landing(place.repo_paths):
        committer.check()
        now = open_item(place.read(), before.item.id)
        if now.raw != before.raw:
            raise PealError(
                f"{before.item.id} was changed meanwhile; look at it with `peal backlog show {before.item.id}`"
            )
        item = evolve(item_file.read(raw), updated=at)
        return _put(place, committer, now, Kept(item, now.path, item_file.changed(raw, item)), "edit")


def _put(place: Place, committer: Committer, before: Kept, after: Kept, said: str) -> Kept:
    store.put(before, after.raw, after.path)
    CommandWrites(place.repo_paths).note({before.path: None, after.path: after.raw})
    committer.commit(list(dict.fromkeys((before.path, after.path))), message_of(after.item.id, said))
    return after


def open_item(backlog: Backlog, name: str) -> Kept:
    """The item of that name; PealError if there is none, or if it is over."""
    kept = backlog.find(name)
    if kept.is_archived or kept.item.status in FINAL:
        raise PealError(
            f"item {kept.item.id} is {kept.item.status} and can no longer be changed; look at it with "
            f"`peal backlog show {kept.item.id}`, or add a new one"
        )
    return kept


def refuse_foreign(backlog: Backlog) -> None:
    """PealError if a folder holds no items, but files of something else."""
    if not backlog.kept and (names := backlog.foreign()):
        raise PealError(foreign_told(backlog.folder, names))


def foreign_told(folder: Path, names: list[str]) -> str:
    """What is said of a folder with files that are no items."""
    whose = next((tool for tool, marks in _TOOLS.items() if marks.intersection(names)), "")
    from_ = f", which looks like {whose}'s" if whose else ", which is no item"
    return (
        f"`{harmless(str(folder))}` holds `{harmless(names[0])}`{from_}; "
        "choose another folder: `peal backlog init --folder items`"
    )


_TOOLS = {
    "Backlog.md": {"config.yml", "tasks", "drafts", "completed", "decisions"},
    "wreckit": {"items", "config.json", "index.json"},
    "task-golem": {"tasks.jsonl", "archive.jsonl"},
}
"""Files and folders by which other tools' backlogs are known."""
