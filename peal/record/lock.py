"""One run at a time per repository: the lock decides, the owner file says who; and one change of its branch at a time."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import asdict

from peal.classes import frozen
from peal.errors import Busy, PealError
from peal.system import process
from peal.system.files import replace
from peal.system.layout import RepoPaths
from peal.text.redaction import redactor, secrets

if TYPE_CHECKING:
    from filelock import BaseFileLock


_PATIENCE = 60.0
"""Seconds to wait for a landing of somebody else; hooks may take their time."""
_AGAIN_AFTER = 0.01


@frozen
class Owner:
    """Who holds, or held, a repository's lock."""

    pid: int
    birth: str
    since: float
    command: str
    run: str

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs; a later one with the same number does not count."""
        return process.birth(self.pid) == self.birth


def owner(repo_paths: RepoPaths) -> Owner | None:
    """What the owner file says; None if there is none or it cannot be read."""
    try:
        return Owner(**json.loads(repo_paths.owner.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def hold(repo_paths: RepoPaths, run: str, first: Callable[[Owner], None]) -> Iterator[Callable[[], None]]:
    """
    Hold the repository's lock; gives what takes it again, should somebody have deleted its files.

    Before anything else `first` is given the owner that died without letting go, if there was one; until it returns
    that owner stays on record, so that a kill or a signal in between forgets nothing. `Busy` if another peal holds the lock;
    `PealError` if nothing can be written there.
    """

    locks = [_taken(repo_paths)]

    def renew() -> None:
        locks.append(_taken(repo_paths))
        _announce(repo_paths, run)

    try:
        if dead := owner(repo_paths):
            first(dead)
        try:
            _announce(repo_paths, run)
            yield renew
        finally:
            repo_paths.owner.unlink(missing_ok=True)
    finally:
        for lock in locks:
            lock.release()


@contextmanager
def landing(repo_paths: RepoPaths, patience: float = _PATIENCE) -> Iterator[None]:
    """
    Hold what landings of a run, and changes of the backlog, take one after another; waits for others, but not for ever.

    `Busy` if somebody holds it for too long; PealError if nothing can be written there. Not to be taken twice by one thread.
    """
    from filelock import FileLock, Timeout

    try:
        repo_paths.prepare()
        lock = FileLock(repo_paths.landing_lock, thread_local=False)
        lock.acquire(timeout=patience, poll_interval=_AGAIN_AFTER)
    except Timeout:
        raise Busy(
            f"another peal has been changing the branch or the backlog of `{repo_paths.repo}` for {patience:.0f} seconds; "
            "try again when it is through (a hook of git's may be waiting)"
        ) from None
    except OSError as error:
        raise _unwritable(repo_paths, error) from None
    try:
        yield
    finally:
        lock.release()


def refuse(repo_paths: RepoPaths) -> None:
    """`Busy` if a peal is at work, for those that only look."""
    holder = owner(repo_paths)
    if holder and holder.is_alive:
        raise Busy(_who(repo_paths))


def _taken(repo_paths: RepoPaths) -> "BaseFileLock":
    from filelock import FileLock, Timeout

    try:
        repo_paths.prepare()
        lock = FileLock(repo_paths.lock, thread_local=False)
        lock.acquire(blocking=False)
    except Timeout:
        raise Busy(_who(repo_paths)) from None
    except OSError as error:
        raise _unwritable(repo_paths, error) from None
    return lock


def _unwritable(repo_paths: RepoPaths, error: OSError) -> PealError:
    return PealError(
        f"cannot write to `{repo_paths.root}`: {error.strerror or error}; make it writable: peal keeps its memory there"
    )


def _announce(repo_paths: RepoPaths, run: str) -> None:
    pid = os.getpid()
    command = redactor(secrets(os.environ.items()))(" ".join(["peal", *sys.argv[1:]]))
    me = Owner(pid, process.birth(pid) or "", time.time(), command, run)
    try:
        replace(repo_paths.owner, json.dumps(asdict(me)))
    except OSError as error:
        raise PealError(
            f"cannot write `{repo_paths.owner}`: {error.strerror or error}; make room or make it writable"
        ) from None


def _who(repo_paths: RepoPaths) -> str:
    holder = owner(repo_paths)
    if holder is None or not holder.is_alive:
        return f"another peal is at work in `{repo_paths.repo}`; wait for it or stop it with `peal stop`"
    since = time.strftime("%H:%M:%S", time.localtime(holder.since))
    return (
        f"another peal is at work in `{repo_paths.repo}`: `{holder.command}`, process {holder.pid}, since {since};"
        " watch it with `peal status --watch` or end it with `peal stop`"
    )


def live_run(repo_paths: RepoPaths) -> str | None:
    """The run that goes on in this repository."""
    holder = owner(repo_paths)
    return holder.run if holder and holder.is_alive else None
