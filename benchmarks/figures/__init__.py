"""What is measured: one file for each scenario; to add one, write its file and name it here."""

from collections.abc import Iterable
from typing import Protocol

from benchmarks.figures.as_ready import AsReady
from benchmarks.figures.backlog_status import BacklogStatus
from benchmarks.figures.batch import Batch
from benchmarks.figures.far_output import FarOutput
from benchmarks.figures.finished import Finished
from benchmarks.figures.flood import Flood
from benchmarks.figures.graph import Graph
from benchmarks.figures.isolated import Isolated
from benchmarks.figures.large import Large
from benchmarks.figures.look_ahead import LookAhead
from benchmarks.figures.machines import Machines
from benchmarks.figures.more_machines import MoreMachines
from benchmarks.figures.overhead import Overhead
from benchmarks.figures.phases import Phases
from benchmarks.figures.processes import Processes
from benchmarks.figures.reading import Reading
from benchmarks.figures.recording import Recording
from benchmarks.figures.report import Report
from benchmarks.figures.sandbox import SandboxCosts
from benchmarks.figures.screen import Screen
from benchmarks.figures.semantics import Semantics
from benchmarks.figures.uneven import Uneven
from benchmarks.figures.version import Version
from benchmarks.ground import Ground
from benchmarks.rows import Line

__all__ = ["FIGURES", "Figure"]


class Figure(Protocol):
    """A scenario at a certain size."""

    @property
    def name(self) -> str:
        """What it is asked for by."""

    def rows(self, ground: Ground) -> Iterable[Line]:
        """Measure; `Missing` if something needed is not there, `Broken` if it does not work."""

    def small(self) -> "Figure":
        """The same at a size that takes a second or two and tells nothing."""


# `flood`, `far-output` and `large` come last: what they write keeps the disk busy for a while.
FIGURES: tuple[Figure, ...] = (
    Version(),
    Processes(),
    Uneven(),
    Recording(),
    Reading(),
    Finished("status"),
    Finished("resume"),
    Screen(),
    Isolated(),
    Overhead(),
    AsReady(),
    Graph(),
    Batch(),
    BacklogStatus(),
    Phases(),
    LookAhead(),
    Report(),
    Machines(),
    MoreMachines(),
    SandboxCosts(),
    Semantics(),
    Flood(),
    FarOutput(),
    Large(),
)
