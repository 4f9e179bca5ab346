"""An id that two items have: the later one gets another, with whatever is known to name it; to commit that is the person's."""

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import evolve

from peal.backlog import item_file, store
from peal.backlog.item import Item
from peal.backlog.place import Place
from peal.backlog.prompts import CHANGES
from peal.backlog.store import ARCHIVE, Backlog, Kept, is_same
from peal.classes import frozen
from peal.doctor.backups import Keeping
from peal.errors import PealError
from peal.record import lock
from peal.system import git
from peal.text.display import harmless, some
from peal.text.names import first_words

_SHOWN = 5
_LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}
"""`[` and `*` in a path are letters."""
_NEVER = 2**63
"""When what is in no commit was committed."""


def renumber(place: Place, id_: str, keeping: Keeping) -> str:
    """Give the latest of the items with an id another one; says what has become of what. PealError if that cannot be."""
    with lock.landing(place.repo_paths):
        backlog = place.read(keeps=False)
        twins = [one for one in backlog.kept if one.item.id.casefold() == id_.casefold()]
        if len(twins) < 2:
            return f"{id_} is one item by now"
        (first, *_, latest) = _by_age(place, twins)
        if is_same(first, latest):
            raise PealError(
                f"both files of {id_} are the same item; see which one is right, and delete the other"
            )
        new = backlog.next_id(id_.rpartition("-")[0])
        return _Renumbering(place, keeping, first, latest, new).carried_out(backlog)


def _by_age(place: Place, twins: Sequence[Kept]) -> list[Kept]:
    """The first one first: by when git got to know them, then by what they say of it, then by name."""

    def age(kept: Kept) -> tuple[int, str, str]:
        return _known_since(place, kept), kept.item.created or "~", kept.path.name

    return sorted(twins, key=age)


def _known_since(place: Place, kept: Kept) -> int:
    """When the file was first committed, wherever it was then."""
    lines = _log(place, kept, "--diff-filter=A", "--format=%at")
    return int(lines[-1]) if lines else _NEVER


def _log(place: Place, kept: Kept, *words: str) -> list[str]:
    done = git.run(place.repo_paths.repo, "log", *words, "--", *_places(place, kept), env=_LITERAL)
    return done.stdout.decode().split() if done.returncode == 0 else []


def _places(place: Place, kept: Kept) -> tuple[str, str]:
    """Where a file is or was, in the repository: it keeps its name when it goes to the archive."""
    folder = place.folder.relative_to(place.repo_paths.repo).as_posix()
    return f"{folder}/{kept.path.name}", f"{folder}/{ARCHIVE}/{kept.path.name}"


@frozen
class _Renumbering:
    """One item on its way to another id; everything is kept before it is changed."""

    place: Place
    keeping: Keeping
    first: Kept
    latest: Kept
    new: str

    @property
    def old(self) -> str:
        """The id that both have."""
        return self.latest.item.id

    def carried_out(self, backlog: Backlog) -> str:
        """What names the item and is known to mean it goes along; what has become of all is told."""
        others = [one for one in backlog.kept if one.item.id.casefold() != self.old.casefold()]
        naming = [one for one in others if self._named_by(one.item) != one.item]
        meant = [one for one in naming if self._means(one, self.latest, self.first)]
        unsure = [one for one in naming if one not in meant and not self._means(one, self.first, self.latest)]
        changed = [self.latest.path, self._written(), *self._folder_moved()]
        for one in meant:
            self.keeping.modified(one.path)
            store.put(one, item_file.changed(one.raw, self._named_by(one.item)), one.path)
            changed.append(one.path)
        return "; ".join(self._told(changed, meant, unsure))

    def _written(self) -> Path:
        """The item's own file, under its new name."""
        before = self.latest.path
        now = before.with_name(_renamed(before.name, self.old, self.new))
        raw = item_file.changed(self.latest.raw, evolve(self.latest.item, id=self.new))
        if now == before:
            self.keeping.modified(before)
        elif os.path.lexists(now):
            raise PealError(f"`{now}` is already there; move it away")
        else:
            self.keeping.removed(before)
            self.keeping.made(now, raw)
        store.put(self.latest, raw, now)
        return now

    def _folder_moved(self) -> Iterator[Path]:
        """What its phases have written down, where the folder's name tells that it is not the other's."""
        repo = self.place.repo_paths.repo
        own, others = (f"{self.old}_{first_words(one.item.title)}" for one in (self.latest, self.first))
        before = repo / CHANGES / own
        if own == others or not before.is_dir():
            return
        now = before.with_name(f"{self.new}{own.removeprefix(self.old)}")
        if os.path.lexists(now):
            raise PealError(f"`{now}` is already there; move it away")
        before.rename(now)
        self.keeping.moved(before, now)
        yield from (before, now)

    def _named_by(self, item: Item) -> Item:
        """An item that names the id, if it is to name the new one."""
        origin, _, phase = item.origin.partition("/")
        return evolve(
            item,
            depends=tuple(self.new if one == self.old else one for one in item.depends),
            origin=f"{self.new}/{phase}" if origin == self.old else item.origin,
        )

    def _means(self, naming: Kept, one: Kept, other: Kept) -> bool:
        """Whether there was that one alone where the file was last changed, as in the branch that it comes from."""
        commit = next(iter(_log(self.place, naming, "-1", "--format=%H")), "")
        return bool(commit) and self._was_in(commit, one) and not self._was_in(commit, other)

    def _was_in(self, commit: str, kept: Kept) -> bool:
        repo = self.place.repo_paths.repo
        return any(
            git.succeeds(repo, "cat-file", "-e", f"{commit}:{path}") for path in _places(self.place, kept)
        )

    def _told(self, changed: Sequence[Path], meant: Sequence[Kept], left: Sequence[Kept]) -> Iterator[str]:
        yield f"{self.old} in `{harmless(self.place.told(self.latest))}`, the later one, is {self.new} now"
        if meant:
            yield f"{_listed(meant)} named it and names {self.new}"
        if left:
            yield f"{_listed(left)} goes on naming {self.old}, the first one: see whether that is meant"
        repo = self.place.repo_paths.repo
        paths = shlex.join(dict.fromkeys(path.relative_to(repo).as_posix() for path in changed))
        yield (
            f"commit it, for until then nobody works on it: `git add -A -- {paths} && "
            f"git commit -m '[{self.new}] renumbered: it was {self.old}' -- {paths}`"
        )


def _listed(kept: Sequence[Kept]) -> str:
    return some([one.item.id for one in kept], _SHOWN)


def _renamed(name: str, old: str, new: str) -> str:
    """The name of a file, with the new id in front where the old one was."""
    rest = name[len(old) :]
    is_named_so = name.casefold().startswith(old.casefold()) and not rest[:1].isalnum()
    return f"{new}{rest}" if is_named_so else name
