"""On what a run is shown: a table on a terminal, lines elsewhere, JSON for programs."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peal.classes import define, frozen
from peal.jobs.job import Job
from peal.record import transcripts
from peal.views.screens import Output, Screen
from peal.views.screens.lines import JsonLines, Lines
from peal.views.screens.terminal import Terminal

if TYPE_CHECKING:
    from peal.views.screens.live import Board


@frozen
class Show:
    """How a person wants to see a run."""

    rehearsal: bool
    explain: bool
    json: bool
    quiet: bool
    verbose: bool
    no_color: bool

    @property
    def wants_table(self) -> bool:
        """Reasons, and a log on the same terminal, are lines: a table would be in their way."""
        is_logged = self.verbose and sys.stderr.isatty()
        return not (self.rehearsal or self.json or self.quiet or self.explain or is_logged)


def show_of(options: Mapping[str, Any]) -> Show:
    """What a command's options say of it."""
    return Show(
        options["dry_run"], options["explain"], options["json_"], options["quiet"], options["verbose"], options["no_color"]
    )  # fmt: skip


@define
class Screens:
    """Screens for the plans of one command."""

    show: Show
    output: Output
    board: "Board | None"
    """The tables of a terminal; None where there are none."""

    @classmethod
    def of(cls, show: Show) -> "Screens":
        """As a person wants it, and as standard output allows."""
        output = Output.standard()
        if not show.wants_table or not output.can_redraw(os.environ):
            return cls(show, output, None)
        from peal.views.screens.area import Area  # only here: rich takes long to load
        from peal.views.screens.live import Board

        return cls(show, output, Board(Area(output, show.no_color)))

    @property
    def terminal(self) -> Terminal | None:
        """Where a person looks on while something is done; None where nobody does."""
        if self.show.json or self.show.rehearsal:
            return None
        return Terminal.of((self.output, Output(sys.stderr)), os.environ)

    def screen(self, job: Job, plan: str = "", label: str = "") -> Screen:
        """For one plan; named in JSON as `plan`, and in lines by `label`, where several are shown."""
        if self.show.json:
            return JsonLines(self.output, plan)
        if self.board is None:
            quiet = self.show.quiet or self.show.rehearsal
            return Lines(self.output, self.show.explain, quiet, label)
        paths, hide = job.plan_paths, job.roster.hide
        return self.board.table(
            job.work.segments, lambda one: hide(transcripts.last_output(paths, one)), label
        )
