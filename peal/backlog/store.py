"""The folder of the backlog: every item in its file, what is wrong with any, and where a new one belongs."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from peal.backlog import item_file
from peal.backlog.item import FINAL, Item
from peal.errors import PealError
from peal.system.files import replace
from peal.text.display import harmless, some
from peal.text.names import natural, slug

ARCHIVE = "archive"
_SHOWN = 3


@frozen
class Kept:
    """An item in its file."""

    item: Item
    path: Path
    raw: bytes
    is_archived: bool = False


@frozen
class Backlog:
    """All items of a folder as they are now; looking changes nothing."""

    folder: Path
    kept: tuple[Kept, ...] = ()
    """In the natural order of their ids: WRK-2 comes before WRK-10."""
    problems: tuple[str, ...] = ()
    """What is wrong with files, each with its path and the way out."""

    @classmethod
    def of(cls, folder: Path) -> "Backlog":
        """What is in a folder; nothing if there is none. PealError if it cannot be read."""
        kept: list[Kept] = []
        problems: list[str] = []
        for path, is_archived in _files(folder):
            try:
                raw = path.read_bytes()
                if item_file.has_front_matter(raw):
                    kept.append(Kept(item_file.read(raw), path, raw, is_archived))
            except FileNotFoundError:  # it has been moved to the archive meanwhile
                continue
            except OSError as error:
                problems.append(f"`{harmless(str(path))}` cannot be read: {error.strerror}; make it readable")
            except item_file.NoItem as error:
                problems += [f"`{harmless(str(path))}`: {line}" for line in str(error).splitlines()]
        kept.sort(key=lambda one: (natural(one.item.id), one.is_archived))
        return cls(folder, tuple(kept), (*problems, *_twice(kept)))

    @property
    def items(self) -> tuple[Item, ...]:
        """The items that are not archived."""
        return tuple(one.item for one in self.kept if not one.is_archived)

    def find(self, text: str) -> Kept:
        """The item that a person means by its id, or by a part of it that no other has; PealError if there is none, or several."""
        wanted = text.strip().casefold()
        number = _number(f"X-{wanted}")
        ids = {one.item.id.casefold(): one for one in self.kept}
        ways = (
            [one for id_, one in ids.items() if id_ == wanted],
            [one for id_, one in ids.items() if id_.endswith(f"-{wanted}")],
            [one for one in ids.values() if number is not None and _number(one.item.id) == number],
            [one for id_, one in ids.items() if wanted and id_.startswith(wanted)],
        )
        for found in ways:
            if len(found) > 1:
                shown = some([one.item.id for one in found], _SHOWN)
                raise PealError(f"`{harmless(text)}` could be {shown}; write more of it")
            if found:
                return found[0]
        raise PealError(
            f"there is no item `{harmless(text)}` in `{self.folder}`; `peal backlog list --all` lists them"
        )

    def next_id(self, prefix: str) -> str:
        """The id behind the highest number there is, the archive's included."""
        numbers = (_number(one.item.id) or 0 for one in self.kept if one.item.id.startswith(f"{prefix}-"))
        return f"{prefix}-{max(numbers, default=0) + 1:03}"

    def path_of(self, item: Item) -> Path:
        """Where the file of an item belongs: the open ones in the folder, the others in the archive."""
        place = self.folder / ARCHIVE if item.status in FINAL else self.folder
        return place / f"{item.id}-{slug(item.title)}.md"


def _files(folder: Path) -> Iterator[tuple[Path, bool]]:
    for place, is_archived in ((folder, False), (folder / ARCHIVE, True)):
        try:
            names = sorted(path.name for path in place.iterdir())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise PealError(f"`{place}` cannot be read: {error.strerror}; make it readable") from None
        yield from (
            (place / name, is_archived) for name in names if name.endswith(".md") and not name.startswith(".")
        )


def _twice(kept: Sequence[Kept]) -> Iterator[str]:
    first: dict[str, Kept] = {}
    for one in kept:
        other = first.setdefault(one.item.id.casefold(), one)
        if other is not one:
            yield (
                f"`{harmless(str(other.path))}` and `{harmless(str(one.path))}` are both {one.item.id}; "
                "give one of them another id"
            )


def _number(item: str) -> int | None:
    """The number behind the prefix of an id; None for an id of another kind."""
    found = re.fullmatch(r"[^-]+-(\d{1,15})", item)
    return int(found[1]) if found else None


def save(kept: Kept, item: Item, path: Path) -> None:
    """
    Write what has become of an item, in one step, and move its file where it belongs.

    PealError if the file is not as it was read, for then somebody else has changed it; OSError if it cannot be written.
    """
    if kept.path.read_bytes() != kept.raw:
        raise PealError(f"`{harmless(str(kept.path))}` was changed meanwhile; give the command again")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(kept.path, item_file.changed(kept.raw, item))
    if path != kept.path:
        kept.path.rename(path)
