"""What the attempts of a run have left behind, read as far as it is asked for and without secrets."""

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from peal.record import transcripts
from peal.record.task_state import Attempt
from peal.reports.run_report import RunReport
from peal.system.layout import PlanPaths


@frozen
class Evidence:
    """The folders of a plan's attempts."""

    plan_paths: PlanPaths
    hide: Callable[[str], str]
    """Takes secrets out of what is told."""
    shown: Callable[[Path], str]
    """A path as whoever reads the report can type it."""

    def folder(self, one: Attempt) -> str:
        """Where an attempt's transcript is."""
        return self.shown(transcripts.folder_of(self.plan_paths, one))

    def last_lines(self, one: Attempt, most: int) -> list[str]:
        """The end of what an attempt printed."""
        return [self.hide(line) for line in transcripts.last_outputs(self.plan_paths, one, most)]


@frozen
class Reported:
    """A run, and what its attempts have left: what every form of a report is made of."""

    run: RunReport
    evidence: Evidence
