"""The worktrees of a repository, lent to one attempt at a time, whichever plan it is of."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from attrs import field

from peal.classes import define
from peal.record import lock
from peal.system.layout import RepoPaths
from peal.workspaces.outside import PersonTree


@define(slots=False)
class Slots:
    """What plans that run at once share of a repository: the worktrees' names, and the person's tree."""

    repo: Path
    place: Path
    """The folder of the worktrees; they outlive the run, for the next one."""
    _free: list[str] = field(factory=list)
    _made: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)
    _landing: threading.Lock = field(factory=threading.Lock)
    """Held while a tree of the person's is moved forward, and while theirs is looked at."""
    _seats: dict[str, list[str]] = field(factory=dict)
    """Where reviews go on, by what their worktrees' names end with, each with the branches of the plans that sit there."""

    def make_ready(self, count: int) -> list[str]:
        """The names of worktrees for so many attempts at once."""
        self._person_tree.look()
        with self._lock:
            self._free += [self._next() for _ in range(count - self._made)]
            return list(self._free)

    def take(self) -> str:
        """The name of a worktree that nobody has; a new one if all are lent."""
        with self._lock:
            return self._free.pop(0) if self._free else self._next()

    def give_back(self, name: str) -> None:
        """Nobody has this worktree any more."""
        with self._lock:
            self._free.append(name)

    def take_seat(self, branch: str) -> str:
        """
        What the names of the worktrees for reviews end with: plans that land in one branch take turns in the same.

        Those of other branches are reviewed at the same time.
        """
        with self._lock:
            for number in itertools.count(1):
                seat = "" if number == 1 else f"-{number}"
                there = self._seats.setdefault(seat, [])
                if not there or branch in there:
                    there.append(branch)
                    return seat
        raise AssertionError("there is always one more")

    def leave_seat(self, seat: str, branch: str) -> None:
        """One plan fewer is reviewed there."""
        with self._lock:
            self._seats[seat].remove(branch)

    def _next(self) -> str:
        self._made += 1
        return str(self._made)

    @contextmanager
    def landing(self) -> Iterator[None]:
        """
        The person's trees in hand: nobody else moves one, or takes what is moved for somebody's change.

        Not even a command on the backlog, in another process; `Busy` if one takes too long.
        """
        with self._landing, lock.landing(RepoPaths(self.repo)):
            yield

    def changed_outside(self, since: int) -> tuple[str, ...]:
        """What changed in the person's tree after a moment in ns, looked at while nothing lands there."""
        with self._landing:
            return self._person_tree.changed_since(since)

    @cached_property
    def _person_tree(self) -> PersonTree:
        return PersonTree(self.repo)
