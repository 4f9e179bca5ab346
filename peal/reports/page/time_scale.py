"""Moments as places on a line on which times without any work take little room; pure."""

import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from peal.classes import frozen

_LONG = 0.08
"""A time without work is drawn short if it is a larger part of all work than this, ..."""
_SHORT = 0.03
"""... and this large a part."""
_AT_LEAST = 60.0
"""Seconds that are drawn as they are, however little work there was."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MOST_MARKS = 8
_DAY = 86400


@frozen
class Mark:
    """A time of day beside the line."""

    place: float
    """From 0 to 1, as all places here."""
    label: str


@frozen
class Gap:
    """A time that is drawn short."""

    place: float
    width: float
    seconds: float
    """How long it really was."""


@frozen
class _Piece:
    since: float
    until: float
    left: float
    right: float
    is_short: bool

    def place_of(self, moment: float) -> float:
        if self.until <= self.since:
            return self.left
        share = min(max((moment - self.since) / (self.until - self.since), 0.0), 1.0)
        return self.left + share * (self.right - self.left)


@frozen(slots=False)
class TimeScale:
    """From the first moment to the last."""

    _pieces: tuple[_Piece, ...]

    def place_of(self, moment: float) -> float:
        """From 0 to 1; moments outside are taken for the nearest inside."""
        at = max(bisect_right(self._begins, moment) - 1, 0)
        return self._pieces[at].place_of(moment)

    @cached_property
    def _begins(self) -> list[float]:
        return [piece.since for piece in self._pieces]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is drawn short."""
        return tuple(
            Gap(piece.left, piece.right - piece.left, piece.until - piece.since)
            for piece in self._pieces
            if piece.is_short
        )

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Round times of day as this machine's clock shows them, none too near to another."""
        shown = [piece for piece in self._pieces if not piece.is_short]
        drawn = sum(piece.until - piece.since for piece in shown)
        step = next((one for one in _STEPS if drawn / one <= _MOST_MARKS), _STEPS[-1])
        return tuple(_apart(mark for piece in shown for mark in _marks(piece, step)))


def _marks(piece: _Piece, step: int) -> Iterator[Mark]:
    east = time.localtime(piece.since).tm_gmtoff  # so that hours begin where the clock says so
    first = -(-(piece.since + east) // step) * step - east
    for number in range(int((piece.until - first) // step) + 1 if piece.until >= first else 0):
        moment = first + number * step
        at = time.localtime(moment)
        is_midnight = step < _DAY and (at.tm_hour, at.tm_min, at.tm_sec) == (0, 0, 0)
        form = "%Y-%m-%d" if step >= _DAY or is_midnight else "%H:%M" if step >= 60 else "%H:%M:%S"
        yield Mark(piece.place_of(moment), time.strftime(form, at))


def _apart(marks: Iterable[Mark]) -> Iterator[Mark]:
    last = -1.0
    for mark in marks:
        if mark.place - last >= 1 / (_MOST_MARKS * 2):
            yield mark
            last = mark.place


def scale_of(spans: Iterable[tuple[float, float]], began: float, ended: float) -> TimeScale:
    """The scale from `began` to `ended`; in `spans` something was done."""
    busy = list(merged(spans, began, ended))
    worked = sum(until - since for since, until in busy)
    longest = max(worked * _LONG, _AT_LEAST)
    stretches = list(_stretches(busy, began, ended))
    drawn = [
        (max(worked * _SHORT, 1.0) if not is_busy and until - since > longest else until - since)
        for since, until, is_busy in stretches
    ]
    total = sum(drawn) or 1.0
    pieces, left = list[_Piece](), 0.0
    for (since, until, _), width in zip(stretches, drawn, strict=True):
        right = left + width / total
        pieces.append(_Piece(since, until, left, right, is_short=width < until - since))
        left = right
    return TimeScale(tuple(pieces))


def merged(spans: Iterable[tuple[float, float]], began: float, ended: float) -> Iterator[tuple[float, float]]:
    """The same times, each once, in order and within bounds."""
    at: tuple[float, float] | None = None
    for since, until in sorted((max(since, began), min(until, ended)) for since, until in spans):
        if until < since:
            continue
        if at and since <= at[1]:
            at = (at[0], max(at[1], until))
            continue
        if at:
            yield at
        at = (since, until)
    if at:
        yield at


def _stretches(
    busy: Sequence[tuple[float, float]], began: float, ended: float
) -> Iterator[tuple[float, float, bool]]:
    """All times from beginning to end, and whether something was done in them."""
    edges = [(began, began), *busy, (ended, ended)]
    for before, after in pairwise(edges):
        if after[0] > before[1]:
            yield before[1], after[0], False
        if after is not edges[-1]:
            yield *after, True
    if not busy and ended <= began:
        yield began, ended, True
