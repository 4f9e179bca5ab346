"""What a machine keeps of a repository: its commits, and trees to work in, each with one attempt at a time."""

import fcntl
import itertools
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import field

from peal.classes import define, frozen
from peal.errors import PealError
from peal.machines.packs import packed, unpacked
from peal.system import git, removal
from peal.system.files import content
from peal.worktrees import unconverted
from peal.worktrees.agent_git import Origin
from peal.worktrees.left_out import from_now_on, ignored_since
from peal.worktrees.staging import staged
from peal.worktrees.worktree import Worktree

GIT = "store.git"
"""The commits of a store, in its folder."""
LOCK = "lock"
"""Locked for as long as a peal has the store."""
_PAUSES = (0.01, 0.02, 0.0)
"""Seconds before a lock is tried again: somebody may only be asking whether there is one."""
_BASES = "refs/peal/bases/"
_BASES_KEPT = 64
"""More than attempts are likely to be on at once."""
_LOOSE = 6700
"""Objects that are much to lie about in files of their own, as git has it by itself."""
_AUTHOR = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "peal"), ("EMAIL", "peal@localhost"))
}
"""Of commits that carry files home and are never seen: the task's own commit is made there."""
_SETTINGS = {
    "core.autocrlf": "false",
    "core.excludesFile": "/dev/null",
    "core.attributesFile": "/dev/null",
    "user.name": "peal",
    "user.email": "peal@localhost",
}
"""
Line ends, ignore rules and names of this machine's own do not count: those of the repository do, and at home the person's. An
agent's own commits have a name by which it can make them.
"""


@frozen
class Snapshot:
    """What was done in a tree."""

    commit: str
    """Empty if nothing was."""
    is_staged: bool
    """Whether who worked there has staged or committed anything."""
    left_out: list[str]
    """Files that git ignores and that were made or changed there."""
    broken: str
    """
    Why git could not take it in as the attributes there say; it is as it was then, byte by byte, as far as git can read it. Empty if
    it could.
    """


@define(eq=False)
class Store:
    """The commits of one repository, and its trees."""

    folder: Path
    _held: int = -1
    """Open for as long as no other peal may use this store."""
    _free: list[str] = field(factory=list)
    _lent: dict[str, str] = field(factory=dict)
    """The trees that somebody has, each with the commit that it is lent on."""
    _used: dict[str, None] = field(factory=dict)
    """The commits that trees were lent on, or are about to be; the latest last."""
    _made: int = 0
    _watched_at: dict[str, int] = field(factory=dict)
    """When each tree was handed over, in ns: what git ignores there and is younger, an attempt has made."""
    _is_in_doubt: bool = False
    """git has failed at something here."""
    _is_tidied: bool = False
    _lock: threading.Lock = field(factory=threading.Lock)
    """One change of the store at a time."""

    @classmethod
    def open(cls, home: Path, name: str) -> "Store":
        """The store of this name, without what a dead machine left in it; beside another peal that has it, one of its own."""
        for number in itertools.count(1):
            if store := cls.held(folder_of(home, name, number)):
                store.wipe_all()
                return store
        raise AssertionError("there is always one more")

    @classmethod
    def held(cls, folder: Path) -> "Store | None":
        """The store in a folder, for this peal alone until it is closed or the process ends; None if another has it."""
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:  # somebody is removing the store
                continue
            if not _lock(lock):
                os.close(lock)
                return None
            if _is_at(lock, folder / LOCK):
                return cls(folder, lock)
            os.close(lock)

    def close(self) -> None:
        """Let others have it."""
        os.close(self._held)

    @property
    def _git(self) -> Path:
        return self.folder / GIT

    def bases(self, object_format: str) -> list[str]:
        """
        The latest commits that attempts have begun on, which are here with all that they need.

        The store is made first, and made anew after git has failed at it: it may be damaged, and all of it can be sent again.
        """
        with self._lock, self._doubted():
            if self._is_in_doubt and not self._lent:
                self._remove()
            if not self._git.is_dir():
                self._make(object_format)
            self._tidy()
            return git.output(self._git, "for-each-ref", "--format=%(objectname)", _BASES).split()

    def _tidy(self) -> None:
        """
        Have git pack what has gathered, once, if that is much; nobody waits for it.

        What it forgets is reachable from no base and no tree's HEAD or index, and was not touched for two weeks.
        """
        if not self._is_tidied:
            self._is_tidied = True
            words = ("-c", f"gc.auto={_LOOSE}", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
            threading.Thread(target=git.run, args=(self._git, *words), daemon=True).start()

    def bring(self, pack: Path, commit: str, known: list[str]) -> None:
        """Take in a commit that the person's repository has."""
        with self._lock, self._doubted():
            unpacked(self._git, pack, commit, known)
            git.output(self._git, "update-ref", _BASES + commit, commit)
            git.output(self._git, "update-ref", "--no-deref", "HEAD", commit)  # trees are not made without
            self._use(commit)
            self._forget_bases()

    def _use(self, commit: str) -> None:
        self._used.pop(commit, None)
        self._used[commit] = None
        if len(self._used) > _BASES_KEPT:
            del self._used[next(iter(self._used))]

    def _forget_bases(self) -> None:
        """All but the latest, and those that trees are lent on: each is asked for, and told, whenever another is brought."""
        words = ("for-each-ref", "--sort=-committerdate", "--format=%(objectname)", _BASES)
        known = git.output(self._git, *words).split()
        latest = list(dict.fromkeys([*reversed(self._used), *known]))[:_BASES_KEPT]
        if gone := set(known).difference(latest, self._lent.values()):
            told = "".join(f"delete {_BASES}{commit}\n" for commit in sorted(gone))
            git.output(self._git, "update-ref", "--stdin", stdin=told.encode())

    @contextmanager
    def _doubted(self) -> Iterator[None]:
        try:
            yield
        except git.GitError:
            self._is_in_doubt = True
            raise

    def _remove(self) -> None:
        """Of trees what git ignores too: it may rest on what is not there any more."""
        for path in (self._git, self.folder / "trees"):
            removal.remove(path)
        self._free, self._used, self._made, self._is_in_doubt = [], {}, 0, False

    def take(self, commit: str, first: str = "") -> str:
        """The name of a tree that nobody has, rather the `first`, clean and on a commit that is here."""
        with self._lock:
            if first in self._free:
                self._free.remove(first)
                name = first
            else:
                name = self._free.pop(0) if self._free else self._next()
            self._lent[name] = commit
            self._use(commit)
        try:
            self.wipe(name)  # of a machine before that was killed
            with self._doubted():
                self.worktree(name).reset(commit)
                self._hand_over(name)
        except BaseException:
            self.give_back(name)
            raise
        return name

    def give_back(self, name: str) -> None:
        """Nobody has this tree any more; nothing happens if nobody had it."""
        self.wipe(name)
        with self._lock:
            if name in self._lent:
                del self._lent[name]
                self._free.append(name)

    def tree(self, name: str) -> Path:
        """The folder of a tree."""
        return self.folder / "trees" / name

    def note(self, name: str, file: str) -> None:
        """A file is about to be copied into a tree, for as long as somebody has that."""
        with self._notes(name).open("a", encoding="utf-8", errors="surrogateescape") as notes:
            notes.write(f"{file}\0")

    def wipe(self, name: str) -> None:
        """Take away what was copied into a tree."""
        noted = content(self._notes(name)) or b""
        for file in filter(None, os.fsdecode(noted).split("\0")):
            with suppress(ValueError):  # who works there can make a link of a folder
                removal.remove(inside(self.tree(name), file))
        self._notes(name).unlink(missing_ok=True)

    def wipe_all(self) -> None:
        """The same in all trees."""
        for notes in (self.folder / "trees").glob("*.copied"):
            self.wipe(notes.stem)

    def _notes(self, name: str) -> Path:
        return self.folder / "trees" / f"{name}.copied"

    def _next(self) -> str:
        self._made += 1
        return str(self._made)

    def _make(self, object_format: str) -> None:
        new = self._git.with_suffix(".new")
        removal.remove(new)
        git.output(self.folder, "init", "--quiet", "--bare", f"--object-format={object_format}", str(new))
        for name, value in _SETTINGS.items():
            git.output(new, "config", name, value)
        new.rename(self._git)

    def worktree(self, name: str, committed: Iterable[str] = ()) -> Worktree:
        """The same as a worktree of the store."""
        return Worktree(self._git, self.tree(name), committed=tuple(committed))

    def mark_set_up(self, name: str, by: tuple[str, ...]) -> list[str]:
        """This command has readied a tree; what else is there and not ignored goes, and is told."""
        told = self.worktree(name).mark_set_up_by(by)
        self._hand_over(name)
        return told

    def _hand_over(self, name: str) -> None:
        self._watched_at[name] = from_now_on()
        self.worktree(name).hand_over(Origin.of(self._git, self._git))

    def snapshot(self, name: str, base: str, committed: Iterable[str], to: Path) -> Snapshot:
        """
        Write all that differs from the commit in a tree as a commit on top of it; no file, if nothing does.

        `PealError` for a tree that who worked there has broken; `GitError` for a store that is.
        """
        worktree = self.worktree(name, committed)
        worktree.check_intact()
        is_staged, broken = False, ""
        try:
            is_staged = content(worktree.agent_git.index) != content(worktree.own_index)
            made = _made(worktree, base)
        except git.GitError as error:
            if error.no_room:
                raise
            if not worktree.exists:
                raise PealError(str(error)) from None
            broken = str(error)
        with self._doubted():
            if broken:
                made = unconverted.tree(worktree)
            left_out = [] if broken else ignored_since(worktree, self._watched_at.get(name, 0), made)
            return Snapshot(self._packed(made, base, to), is_staged, left_out, broken)

    def _packed(self, made: str, base: str, to: Path) -> str:
        """The commit of a tree, written to a file; empty if it is that of the base."""
        if made == git.output(self._git, "rev-parse", f"{base}^{{tree}}"):
            return ""
        commit = git.output(self._git, "commit-tree", "-p", base, "-m", "what was done", made, env=_AUTHOR)
        packed(self._git, commit, [base], to)
        return commit


def _made(worktree: Worktree, base: str) -> str:
    """All that differs, as a tree."""
    found = staged(worktree, base)
    if not found.forced:
        return found.tree
    words = ("update-index", "--add", "--remove", "-z", "--stdin")
    worktree.output(
        *words, stdin=os.fsencode("\0".join(found.forced))
    )  # what becomes of it is for the other end to say
    return worktree.output("write-tree")


def _lock(file: int) -> bool:
    """Lock a file for this peal alone; whether nobody else has it."""
    for pause in _PAUSES:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause)
        else:
            return True
    return False


def _is_at(file: int, path: Path) -> bool:
    """Whether this is the file that is there: a lock on one that was removed keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def folder_of(home: Path, repository: str, number: int) -> Path:
    """Where the first, or another, store of a repository is."""
    return home / (repository if number == 1 else f"{repository}-{number}")


def inside(folder: Path, name: str) -> Path:
    """A file below a folder, by a name that cannot lead out of it; ValueError for one that could."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] == ".git":
        raise ValueError(f"`{name[:60]!r}` is no name of a file there")
    if not (folder / path).parent.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"`{name[:60]!r}` leads out of there")
    return folder / path
