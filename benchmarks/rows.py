"""From samples to a table: medians, ratios and verdicts. Pure."""

import math
from collections.abc import Sequence
from enum import Enum
from statistics import median

from attrs import frozen


class Judged(Enum):
    """What a bound is about."""

    RATIO = "x"
    """peal's median as a multiple of the peer's."""
    OURS = ""
    """peal's median itself."""


@frozen
class Bound:
    """What peal may cost at the most."""

    most: float
    judged: Judged = Judged.RATIO


@frozen
class Row:
    """One figure: peal's samples, and the peer's from the same run."""

    figure: str
    what: str
    ours: tuple[float, ...]
    peer: str
    theirs: tuple[float, ...]
    unit: str
    bound: Bound

    @property
    def ratio(self) -> float:
        """peal's median as a multiple of the peer's."""
        return median(self.ours) / median(self.theirs) if median(self.theirs) else math.inf

    @property
    def is_over(self) -> bool:
        """peal costs more than the bound allows."""
        judged = self.ratio if self.bound.judged is Judged.RATIO else median(self.ours)
        return judged > self.bound.most


@frozen
class Unmeasured:
    """A figure without a number, and why."""

    figure: str
    why: str
    is_bad: bool = False
    """The scenario failed; False where something it needs is not there."""


@frozen
class Promise:
    """Something that is not a matter of time: what peal promises, and what came of it."""

    figure: str
    what: str
    happened: str
    promised: str

    @property
    def is_kept(self) -> bool:
        """It happened as promised."""
        return self.happened == self.promised


Line = Row | Promise | Unmeasured
_HEAD = ("figure", "what is measured", "peal", "peer", "", "ratio", "bound", "")


def is_bad(row: Line, judging: bool = True) -> bool:
    """Whether this row makes the benchmark fail; without `judging` only a scenario that failed or a broken promise."""
    if isinstance(row, Promise):
        return not row.is_kept
    return row.is_bad if isinstance(row, Unmeasured) else judging and row.is_over


def table(rows: Sequence[Line], judging: bool = True) -> str:
    """All rows as one table that is also markdown; without `judging` there are no verdicts."""
    cells = [_HEAD, *(_cells(row, judging) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in cells]
    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"


def _cells(row: Line, judging: bool) -> tuple[str, ...]:
    if isinstance(row, Unmeasured):
        return (row.figure, row.why, *[""] * (len(_HEAD) - 2))
    if isinstance(row, Promise):
        verdict = "ok" if row.is_kept else "broken"
        promised = "the same" if row.is_kept else row.promised
        return row.figure, row.what, row.happened, "promised", promised, "-", "-", verdict
    limit = f"{row.bound.most:g} {row.bound.judged.value or row.unit}"
    verdict = ("over" if row.is_over else "ok") if judging else ""
    ours, theirs = _amount(row.ours, row.unit), _amount(row.theirs, row.unit)
    return row.figure, row.what, ours, row.peer, theirs, f"{row.ratio:.2f} x", limit, verdict


def _amount(samples: Sequence[float], unit: str) -> str:
    return f"{rounded(median(samples))} {unit}"


def rounded(value: float) -> str:
    """Three digits that count, and all of those before the point."""
    if not value:
        return "0"
    places = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(places, 0)}f}"
