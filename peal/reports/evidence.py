"""What the attempts of a run have left behind, read as far as it is asked for and without secrets."""

import time
from collections.abc import Callable
from pathlib import Path

from peal.classes import frozen
from peal.record import journal, transcripts
from peal.record.events import RunOpened
from peal.record.task_state import Attempt
from peal.reports.run_report import RunReport, report_of
from peal.system.files import content
from peal.system.layout import PlanPaths
from peal.text.display import harmless, printable
from peal.text.redaction import BEYOND


@frozen
class Excerpt:
    """A part of a text."""

    text: str
    is_whole: bool = True

    @classmethod
    def first(cls, raw: bytes, most: int, hide: Callable[[str], str]) -> "Excerpt":
        """
        What something begins with, at most so many letters.

        `raw` has `BEYOND` more bytes where there are more: a secret that stands across the cut is taken out too.
        """
        text = printable(hide(raw.decode("utf-8", "replace")))
        return cls(text[:most], len(raw) <= most)


@frozen
class Evidence:
    """The folders of a plan's attempts."""

    plan_paths: PlanPaths
    hide: Callable[[str], str]
    """Takes secrets out of what is told."""
    shown: Callable[[Path], str]
    """A path as whoever reads the report can type it."""

    def said(self, text: str) -> str:
        """What anybody has written as one line without secrets, of letters that every reader knows and none obeys."""
        return self.hide(harmless(text)).encode("utf-8", "replace").decode()

    def short(self, text: str, most: int) -> str:
        """A text without secrets, cut where it has more than so many letters."""
        told = self.hide(text)
        return told if len(told) <= most else f"{told[: most - 1]}…"

    def path_of(self, one: Attempt) -> Path:
        """The folder of an attempt, which need not be there."""
        return transcripts.folder_of(self.plan_paths, one)

    def folder(self, one: Attempt) -> str:
        """Where an attempt's transcript is."""
        return self.shown(self.path_of(one))

    def last_lines(self, one: Attempt, most: int) -> list[str]:
        """The end of what an attempt printed."""
        return transcripts.last_outputs(self.plan_paths, one, most, self.hide)

    def begin_of(self, path: Path, most: int) -> Excerpt:
        """What a file that an attempt has left begins with, at most so many bytes; empty if it is not there."""
        return Excerpt.first(content(path, most + BEYOND) or b"", most, self.hide)

    def end_of_output(self, one: Attempt, most: int) -> Excerpt:
        """The end of what an attempt printed for people to read, at most so many letters."""
        lines, is_all = transcripts.all_output(self.plan_paths, one, most, self.hide)
        text = "\n".join(lines)
        if len(text) <= most:
            return Excerpt(text, is_all)
        end = text[len(text) - most :]
        return Excerpt(end.partition("\n")[2] or end, is_whole=False)


@frozen
class Reported:
    """A run, and what its attempts have left: what every form of a report is made of."""

    run: RunReport
    evidence: Evidence


def reported(
    plan_paths: PlanPaths,
    hide: Callable[[str], str],
    shown: Callable[[Path], str],
    live: str = "",
    run: str = "",
) -> Reported | None:
    """
    A plan's latest run, or the one of this name, read from its journal; None if there was none.

    `live` is the name of the run that goes on now in the repository.
    """
    events = journal.load(plan_paths.journal).events
    latest = next((event.run for event in reversed(events) if isinstance(event, RunOpened)), "")
    found = report_of(events, bool(live) and live == latest, time.time(), run)
    return Reported(found, Evidence(plan_paths, hide, shown)) if found else None
