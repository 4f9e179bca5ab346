"""A run's temporary folder: it is gone afterwards with all programs that were started there, however peal ends."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve

from peal.classes import frozen
from peal.errors import PealError
from peal.model.process import Ending
from peal.system import process, removal
from peal.system.process import Cancel, Launch


@frozen
class Scratch:
    """The folder while it stands."""

    run: str
    """Marks everything that is started there."""
    folder: Path
    watch: Callable[[int], None]
    """Has to be told of every process group that is started."""

    def carry_out(self, name: str, launch: Launch, cancel: Cancel) -> Ending:
        """
        Run a program to its end, by itself, by a clock or by `cancel`; OSError if it cannot be started.

        `name` tells it from the others of the run: it is marked, and nothing that it starts is left, however peal ends.
        """
        marker = f"{self.run}/{name}"
        marks = {process.RUN_MARKER: self.run, process.ATTEMPT_MARKER: marker}
        env = {**launch.env, **{one.encode(): value.encode() for one, value in marks.items()}}
        marked = evolve(launch, env=env, marker=marker)
        started = process.start(marked)
        self.watch(started.pid)
        return process.finish(started, marked, cancel)


@contextmanager
def scratch(run: str, say: Callable[[str], None]) -> Iterator[Scratch]:
    """
    A temporary folder for the run of this name, where peal's own temporary files go too; PealError if it cannot be made.

    `say` is told where it cannot be removed.
    """
    with watched(run, say) as made:
        before, tempfile.tempdir = tempfile.tempdir, str(made.folder)  # gone with it, also at a kill
        try:
            yield made
        finally:
            tempfile.tempdir = before


@contextmanager
def watched(run: str, say: Callable[[str], None]) -> Iterator[Scratch]:
    """The same without peal's own temporary files: there may be others beside it."""
    folder = folder_of(run)
    try:
        folder.mkdir(mode=0o700)
        reaper = process.Reaper.start(run, folder)
    except OSError as error:
        raise PealError(
            f"cannot make `{folder}`: {error.strerror}; make room there or make it writable"
        ) from None
    try:
        yield Scratch(run, folder, reaper.watch)
    finally:
        left = removal.remove(folder)
        reaper.release()
        if left:
            say(
                f"the temporary folder could not be removed wholly ({left.why}); `{left.command()}` removes it"
            )


def folder_of(run: str) -> Path:
    """Where the temporary folder of a run is."""
    return place() / f"peal-{run}"


def place() -> Path:
    """
    Where temporary folders of runs are: `/tmp`, where that can be used.

    Paths of sockets end at 108 bytes, and some systems' own folder for such things has a long name.
    """
    return Path("/tmp" if os.access("/tmp", os.W_OK | os.X_OK) else tempfile.gettempdir())
