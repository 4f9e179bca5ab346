"""Another tool's items written here: all at once, or nothing, in one commit."""

from collections.abc import Sequence
from pathlib import Path

from peal.backlog import item_file, store
from peal.backlog.changing import refuse_foreign
from peal.backlog.command_writes import CommandWrites
from peal.backlog.committing import Committer, NotCommitted
from peal.backlog.exchange.foreign import Reading
from peal.backlog.exchange.matching import Addition, Matched, matched
from peal.backlog.messages import message_of
from peal.backlog.place import Place
from peal.backlog.prompts import CHANGES, folder_of
from peal.backlog.store import Backlog, Kept
from peal.classes import frozen
from peal.errors import PealError
from peal.record import lock
from peal.text.display import count, harmless


@frozen
class Imported:
    """What has come of importing, or would."""

    matched: Matched
    kept: tuple[Kept, ...]
    """The new items in their files, in the order of the additions."""


def planned(place: Place, reading: Reading, with_archived: bool, at: str) -> Imported:
    """What importing would come to; nothing is written. PealError if it cannot be."""
    found, files = _planned(place, reading, with_archived, at)
    return Imported(found, tuple(kept for kept, _ in files))


def imported(place: Place, committer: Committer, reading: Reading, with_archived: bool, at: str) -> Imported:
    """
    The items that were read as files here, all of them or none; PealError, with every problem, if that cannot be.

    After a kill in between the same again adds what is missing, and commits what was not committed.
    """
    with lock.landing(place.repo_paths):
        committer.check()
        found, files = _planned(place, reading, with_archived, at)
        before = committer.uncommitted([one.kept.path for one in found.known])
        paths = _written(files)
        kept = tuple(kept for kept, _ in files)
        CommandWrites(place.repo_paths).note({one.path: one.raw for one in kept})
        if paths or before:
            _commit(committer, [*before, *paths], len(before) + len(kept), reading.source)
    return Imported(found, kept)


def _commit(committer: Committer, paths: Sequence[Path], items: int, source: str) -> None:
    try:
        committer.commit(paths, message_of("backlog", f"import: {count(items, 'item')} from {source}"))
    except NotCommitted as error:
        are, them = ("is", "it") if items == 1 else ("are", "them")
        raise NotCommitted(
            f"{count(items, 'item')} {are} written, but git has not committed {them}: {error.why}; mend that, then give "
            f"the same command again: it commits {them}",
            error.why,
        ) from None


_Files = list[tuple[Kept, list[tuple[Path, bytes]]]]


def _planned(place: Place, reading: Reading, with_archived: bool, at: str) -> tuple[Matched, _Files]:
    """What importing comes to, with each new item's file and the others that belong to it."""
    backlog = place.read()
    refuse_foreign(backlog)
    if backlog.problems:
        first = "files of the backlog cannot be read, and may be what is imported; mend them first"
        raise PealError("\n".join((first, *backlog.problems)))
    found = matched(reading, backlog, place.prefix, with_archived, at)
    files, problems = [], list(found.problems)
    for one in found.additions:
        try:
            files.append(_file(place, backlog, one))
        except PealError as error:
            problems += [f"`{one.foreign.where}`: {line}" for line in str(error).splitlines()]
    if problems:
        raise PealError("\n".join((*problems, "nothing is imported")))
    return found, files


def _file(place: Place, backlog: Backlog, one: Addition) -> tuple[Kept, list[tuple[Path, bytes]]]:
    path = backlog.path_of(one.item)
    raw = item_file.written(one.item, one.keys)
    others = []
    if one.foreign.files:
        changes = place.repo_paths.repo / CHANGES
        folder = folder_of(one.item, _names(changes))
        others = [(place.repo_paths.repo / folder / name, content) for name, content in one.foreign.files]
    for each in (path, *(each for each, _ in others)):
        if each.exists() or each.is_symlink():
            raise PealError(f"`{harmless(str(each))}` is already there; move it away")
    is_archived = path.parent != backlog.folder
    return Kept(one.item, path, raw, is_archived), others


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _written(files: _Files) -> list[Path]:
    """All files written, an item's own after the others that belong to it; if one cannot be, none stays."""
    there: list[Path] = []
    try:
        for kept, others in files:
            for path, raw in (*others, (kept.path, kept.raw)):
                there.append(path)
                store.write_new(path, raw)
    except BaseException as error:
        if isinstance(error, PealError):
            there.pop()  # somebody else's
        for path in there:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise PealError(
                f"cannot write into `{harmless(str(path.parent))}`: {error.strerror}; nothing is imported"
            ) from None
        raise
    return there
