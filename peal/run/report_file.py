"""The page about a run that is written when it ends and, where that is asked for, again and again while it goes on."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from peal.errors import PealError
from peal.settings import Settings
from peal.system import process
from peal.system.files import end_of
from peal.system.layout import PAGE, RepoPaths
from peal.system.process import Cancel, Launch
from peal.text.display import last_line

if TYPE_CHECKING:
    from peal.reports.evidence import Reported

_OUTPUT = "report.txt"
_POLITE = ("nice", "-n", "10")
"""It is not to slow the agents down."""


def path_of(settings: Settings, repo_paths: RepoPaths) -> Path | None:
    """Where a page is wanted; None where none is."""
    if settings.report_path:
        return repo_paths.repo / settings.report_path
    return repo_paths.root / PAGE if settings.report_every_sec else None


def write(path: Path, several: Sequence["Reported"], repo: Path) -> None:
    """Put the page about these runs there; PealError if that cannot be."""
    from peal.reports import files, page  # only here: most runs have no page

    files.write(path, page.document(several, repo, time.time(), files.link_from(path)), page.MARK)


@contextmanager
def written_again(
    settings: Settings, repo_paths: RepoPaths, words: Sequence[str], folder: Path
) -> Iterator[Callable[[], str]]:
    """
    Have the page written by a process of its own every so often, where that is asked for; `words` name the plans.

    Nothing of it is left at the end; then what is given tells why it went wrong, if it did the last time.
    """
    path, seconds = path_of(settings, repo_paths), settings.report_every_sec
    if path is None or seconds is None:
        yield str
        return
    launch, wrong = _launch(path, repo_paths, words, folder), list[str]()
    with closing(Cancel()) as cancel:
        over = threading.Event()
        worker = threading.Thread(target=_again, args=(launch, seconds, over, cancel, wrong), daemon=True)
        worker.start()
        try:
            yield lambda: f"the report could not be written again: {wrong[0]}" if wrong else ""
        finally:
            over.set()
            cancel.set(hard=True)
            worker.join()


def _launch(path: Path, repo_paths: RepoPaths, words: Sequence[str], folder: Path) -> Launch:
    repo, output = str(repo_paths.repo), str(folder / _OUTPUT)
    polite = _POLITE if shutil.which(_POLITE[0]) else ()
    peal = (sys.executable, "-P", "-m", "peal")  # not what the repository has under that name
    argv = (*polite, *peal, "report", "--repo", repo, "--html", str(path), "--", *words)
    return Launch(argv, repo_paths.repo, dict(os.environb), output, output)


def _again(launch: Launch, seconds: int, over: threading.Event, cancel: Cancel, wrong: list[str]) -> None:
    while not over.wait(seconds):
        why = _failure(launch, cancel)
        if not over.is_set():
            wrong[:] = [why] if why else []


def _failure(launch: Launch, cancel: Cancel) -> str:
    """Why the page could not be written; empty if it was."""
    try:
        ending = process.finish(process.start(launch), launch, cancel)
    except OSError as error:
        return error.strerror or str(error)
    return "" if ending.is_clean else last_line(end_of(launch.stdout)) or ending.status


def told(path: Path, several: Iterable["Reported | None"], repo: Path) -> str:
    """Write the page about those of these runs that there are; why that went wrong, or nothing."""
    try:
        if found := [one for one in several if one]:
            write(path, found, repo)
    except PealError as error:
        return f"the report could not be written: {error}"
    return ""
