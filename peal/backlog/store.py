"""The folder of the backlog: every item in its file, what is wrong with any, and where a new one belongs."""

import errno
import os
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain, count
from pathlib import Path
from typing import Any

from peal.backlog import item_file
from peal.backlog.item import FINAL, Item
from peal.backlog.parsed_items import ParsedItems
from peal.classes import frozen
from peal.errors import PealError
from peal.system.files import replace, rewrite
from peal.text.display import harmless, some
from peal.text.names import first_words, marked, natural

ARCHIVE = "archive"
_natural = lru_cache(maxsize=20_000)(natural)
_IS_BESIDE = re.compile(r"\.|(?i:readme)\b|.*\.md\.\d+\.new\Z", re.DOTALL)
"""Files beside items; the last are left where a peal was killed while it wrote one."""
_SHOWN = 3
_OF_A_PERSON = ("title", "pipeline", "priority", "tags", "depends", "origin", "created", "text")
"""What a person has put into an item, and where it is from."""
_LONGEST_ID = 60
_LONGEST_TITLE = 120
"""Bytes in a file's name; file systems take 255 of them."""


@frozen
class Kept:
    """An item in its file."""

    item: Item
    path: Path
    raw: bytes
    is_archived: bool = False

    def other_keys(self) -> dict[str, Any]:
        """What its file says under keys that peal does not know; PealError with the file's name if that cannot be told."""
        try:
            return item_file.other_keys(self.raw)
        except item_file.NoItem as error:
            raise PealError("\n".join(_told(self.path, line) for line in str(error).splitlines())) from None


@frozen
class Looked:
    """What a file turned out to be."""

    name: str
    kept: Kept | None = None
    """None for one that is no item, or a broken one."""
    problems: tuple[str, ...] = ()


def look(path: Path, is_archived: bool, read: Callable[[Path], tuple[Item, bytes] | None]) -> Looked | None:
    """
    What is in a file; None if it is gone.

    `read` gives the item with its bytes; None for what is no item. It raises as `ParsedItems.read` does.
    """
    try:
        if found := read(path):
            return Looked(path.name, Kept(found[0], path, found[1], is_archived))
        problem = "it has no front matter; begin it with a line `---`, or take it away"
        return Looked(path.name, None, (_told(path, problem),) if item_file.is_id(path.stem) else ())
    except FileNotFoundError:  # it has been moved to the archive meanwhile
        return None
    except OSError as error:
        return Looked(path.name, None, (_told(path, f"cannot be read: {error.strerror}; make it readable"),))
    except item_file.NoItem as error:
        return Looked(path.name, None, tuple(_told(path, line) for line in str(error).splitlines()))


@frozen(slots=False)
class Backlog:
    """All items of a folder as they are now; looking changes nothing."""

    folder: Path
    kept: tuple[Kept, ...] = ()
    """In the natural order of their ids: WRK-2 comes before WRK-10."""
    unreadable: tuple[str, ...] = ()
    """What is wrong with files that should be items, each with its path and the way out."""
    unread: tuple[str, ...] = ()
    """The names of files that are no items, or broken ones."""

    @classmethod
    def of(cls, folder: Path, parsed: ParsedItems | None = None) -> "Backlog":
        """What is in a folder; nothing if there is none. PealError if it cannot be read."""
        read = (parsed or ParsedItems()).read
        found = (look(Path(entry.path), is_archived, read) for entry, is_archived in files_in(folder))
        return cls.made(folder, filter(None, found))

    @classmethod
    def made(cls, folder: Path, files: Iterable["Looked"]) -> "Backlog":
        """What was found in files."""
        looked = tuple(files)
        kept = sorted(
            (one.kept for one in looked if one.kept),
            key=lambda one: (_natural(one.item.id), one.is_archived),
        )
        problems = (problem for one in looked for problem in one.problems)
        unread = (one.name for one in looked if one.kept is None)
        return cls(folder, tuple(kept), tuple(problems), tuple(unread))

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with files, also with those of which each is right by itself."""
        return (*self.unreadable, *self.twice.values())

    @cached_property
    def twice(self) -> Mapping[str, str]:
        """The ids that more than one file has, each with what is to be said of it."""
        return dict(_twice(self.kept))

    @cached_property
    def by_id(self) -> Mapping[str, Item]:
        """All items, the archived ones too."""
        return {one.item.id: one.item for one in self.kept}

    @cached_property
    def open_in_archive(self) -> tuple[str, ...]:
        """The items in the archive that are not over."""
        return tuple(one.item.id for one in self.kept if one.is_archived and one.item.status not in FINAL)

    @property
    def items(self) -> tuple[Item, ...]:
        """The items that are not archived."""
        return tuple(one.item for one in self.kept if not one.is_archived)

    def find(self, text: str) -> Kept:
        """
        The item that a person means by its id, or by a part of it that no other has.

        PealError if there is none, or several, or if two files have the same id.
        """
        wanted = text.strip().casefold()
        ids: dict[str, list[Kept]] = {}
        for one in self.kept:
            ids.setdefault(one.item.id.casefold(), []).append(one)
        number = int(wanted) if re.fullmatch(r"\d{1,15}", wanted, re.ASCII) else None
        ways = (
            [id_ for id_ in ids if id_ == wanted],
            [id_ for id_ in ids if id_.endswith(f"-{wanted}")],
            [id_ for id_ in ids if number is not None and _number(id_) == number],
            [id_ for id_ in ids if wanted and id_.startswith(wanted)],
        )
        found = next(filter(None, ways), [])
        files = [one for id_ in found for one in ids[id_]]
        if len(found) > 1:
            raise PealError(
                f"`{harmless(text)}` could be {some([one.item.id for one in files], _SHOWN)}; write more of it"
            )
        if len(files) > 1:
            raise PealError("\n".join(why for _, why in _twice(files)))
        if not files:
            missing = f"there is no item `{harmless(text)}` in `{self.folder}`; `peal backlog list --all` lists them"
            raise PealError("\n".join((missing, *self.problems)))
        return files[0]

    def next_id(self, prefix: str) -> str:
        """The id behind the highest number there is, the archive's and broken files' included."""
        return next(self.free_ids(prefix))

    def free_ids(self, prefix: str, others: Iterable[str] = ()) -> Iterator[str]:
        """That one and those that follow it, without end; past `others` too, which are ids or names of files."""
        start = f"{prefix}-".casefold()
        ids = (one.item.id for one in self.kept)
        numbers = (_leading_number(name, start) for name in (*ids, *self.unread, *others))
        yield from (f"{prefix}-{number:03}" for number in count(max(numbers, default=0) + 1))

    def path_of(self, item: Item, given: Collection[Path] = ()) -> Path:
        """
        Where the file of a new item belongs: the open ones in the folder, the others in the archive.

        No file is there yet; `given` are paths that others are about to get.
        """
        return self._free(self._place(item), file_name(item), item, given)

    def place_of(self, kept: Kept, item: Item, given: Collection[Path] = ()) -> Path:
        """Where a file belongs when its item has become this; it keeps its name, unless another has that name there."""
        place = self._place(item) if item.status in FINAL else kept.path.parent
        return kept.path if place == kept.path.parent else self._free(place, kept.path.name, item, given)

    def _place(self, item: Item) -> Path:
        return self.folder / ARCHIVE if item.status in FINAL else self.folder

    def _free(self, place: Path, wanted: str, item: Item, given: Collection[Path]) -> Path:
        """A path that nothing has: with the name that is wanted, or else the item's own, if need be with a number."""
        taken = self._names[place] | {path.name.casefold() for path in given if path.parent == place}
        own = file_name(item)
        numbered = (f"{own.removesuffix('.md')}-{number}.md" for number in count(2))
        return place / next(name for name in chain((wanted, own), numbered) if name.casefold() not in taken)

    @cached_property
    def _names(self) -> Mapping[Path, frozenset[str]]:
        """The names in the folder and in the archive, as file systems see them for which `A` is `a`."""
        unread = frozenset(map(str.casefold, self.unread))
        places = (self.folder, self.folder / ARCHIVE)
        return {
            place: unread | {one.path.name.casefold() for one in self.kept if one.path.parent == place}
            for place in places
        }

    def foreign(self) -> list[str]:
        """What is in the folder and neither an item, or left of writing one, nor a text about them, such as a README."""
        items = {one.path.name for one in self.kept if not one.is_archived}
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise PealError(f"`{self.folder}` cannot be read: {error.strerror}; make it readable") from None
        own = {ARCHIVE, *items}
        return [name for name in names if name not in own and not _IS_BESIDE.match(name)]


def file_name(item: Item) -> str:
    """`WRK-001-build-user-login.md`: a name that no other id's file gets, and that fits into any file system."""
    id_ = item.id if len(item.id.encode()) <= _LONGEST_ID else _end(marked(item.id), _LONGEST_ID)
    words = first_words(item.title) if re.search(r"\w", item.title) else ""
    return "-".join(filter(None, (id_, _beginning(words, _LONGEST_TITLE)))) + ".md"


def _beginning(text: str, octets: int) -> str:
    return text.encode()[:octets].decode(errors="ignore").rstrip(".-")


def _end(text: str, octets: int) -> str:
    return text.encode()[-octets:].decode(errors="ignore").lstrip(".-")


def files_in(folder: Path) -> Iterator[tuple["os.DirEntry[str]", bool]]:
    """What could be files of items, each with whether it is in the archive. PealError if a folder cannot be read."""
    for place, is_archived in ((folder, False), (folder / ARCHIVE, True)):
        try:
            with os.scandir(place) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            way = "make it a folder" if error.errno == errno.ENOTDIR else "make it readable"
            raise PealError(f"`{harmless(str(place))}` cannot be read: {error.strerror}; {way}") from None
        for entry in entries:
            if entry.name.endswith(".md") and not entry.name.startswith("."):
                yield entry, is_archived


def _told(path: Path, problem: str) -> str:
    return f"`{harmless(str(path))}`: {problem}"


def _twice(kept: Sequence[Kept]) -> Iterator[tuple[str, str]]:
    """The ids that more than one file has, each with what is to be said of it."""
    for other, one in twins(kept):
        paths = f"`{harmless(str(other.path))}` and `{harmless(str(one.path))}`"
        way = way_to_one(other, one, lambda kept: str(kept.path))
        yield one.item.id, f"{paths} are both {one.item.id}; {way}"


def twins(kept: Iterable[Kept]) -> Iterator[tuple[Kept, Kept]]:
    """The files whose id another one has, each behind the first that has it."""
    first: dict[str, Kept] = {}
    for one in kept:
        other = first.setdefault(one.item.id.casefold(), one)
        if other is not one:
            yield other, one


def is_same(first: Kept, second: Kept) -> bool:
    """Whether two files hold one item twice, as a merge may leave it, and not two items that have one id."""
    one, other = first.item, second.item
    is_named_alike = first.path.name == second.path.name
    return is_named_alike or (one.title == other.title and one.created == other.created)


def left_behind(first: Kept, second: Kept) -> Kept | None:
    """The open one of two files, if the archive has the same item, over and with all that a person has put into it."""
    gone, over = sorted((first, second), key=lambda one: one.is_archived)
    is_over = over.is_archived and over.item.status in FINAL and not gone.is_archived
    alike = all(getattr(gone.item, name) == getattr(over.item, name) for name in _OF_A_PERSON)
    return gone if is_over and alike and is_same(gone, over) and gone.item.blocked is None else None


def way_to_one(first: Kept, second: Kept, told: Callable[[Kept], str]) -> str:
    """What a person does about two files with one id; `told` is how a file is named."""
    if gone := left_behind(first, second):
        path = shlex.quote(told(gone))
        return (
            f"it is over in the archive, so take the other one away: `rm {path}`; `peal doctor --fix` does so"
        )
    if is_same(first, second):
        paths = " or ".join(f"`git rm {shlex.quote(told(one))}`" for one in (first, second))
        return f"both are the same item, so see which of them is right, and take the other away: {paths}"
    return "give one of them another id; `peal doctor --fix` does so"


def _number(item: str) -> int | None:
    """The number behind the prefix of an id; None for an id of another kind."""
    found = re.search(r"-(\d{1,15})\Z", item, re.ASCII)
    return int(found[1]) if found else None


def _leading_number(name: str, start: str) -> int:
    """The number right behind the start of a name; 0 for none."""
    rest = name.casefold().removeprefix(start) if name.casefold().startswith(start) else ""
    found = re.match(r"(\d{1,100})(?!\d)", rest, re.ASCII)
    return int(found[1]) if found else 0


def put(kept: Kept, raw: bytes, path: Path) -> None:
    """
    Write what has become of an item's file, in one step, and move it where it belongs.

    PealError if the file is not as it was read, for then somebody else has changed it, or if another is in its place;
    OSError if it cannot be written.
    """
    if kept.path.read_bytes() != kept.raw:
        raise PealError(f"`{harmless(str(kept.path))}` was changed meanwhile; give the command again")
    if path != kept.path and os.path.lexists(path):
        raise PealError(f"`{harmless(str(path))}` is already there; move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    rewrite(kept.path, raw)
    if path != kept.path:
        kept.path.rename(path)


def create(path: Path, item: Item) -> Kept:
    """Write the file of a new item; PealError if there is one."""
    raw = item_file.written(item)
    write_new(path, raw)
    return Kept(item, path, raw)


def write_new(path: Path, raw: bytes) -> None:
    """Write a file in one step; PealError if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        raise PealError(f"`{harmless(str(path))}` is already there; move it away")
    replace(path, raw)
