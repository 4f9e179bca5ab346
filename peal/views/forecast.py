"""How long the rest of a plan takes: what the scheduler would do with it, played through; pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import accumulate

from attrs import field

from peal.classes import define, frozen
from peal.model.pipeline import Kind
from peal.model.plan import TaskId


@frozen
class Stint:
    """A phase that a task has before it."""

    kind: Kind
    seconds: float
    """How long it is said to take from now on."""


@frozen
class Remainder:
    """What a task has before it."""

    task: TaskId
    stints: tuple[Stint, ...]
    """None for a task that does not come to an end: whatever waits for it is not reached."""
    is_running: bool = False
    """The first of them is under way."""
    has_begun: bool = False
    is_eager: bool = False
    """It is reviewed as soon as it is made, whatever the others do."""
    ready_in: float = 0.0
    """Seconds in which it may not go on yet."""


def seconds_left(
    segments: Sequence[Sequence[Remainder]], after: Mapping[TaskId, Sequence[TaskId]], places: int
) -> float:
    """
    Seconds until nothing goes on any more, with so many places.

    What is in no segment is over. A task in `after` waits for exactly these, any other for the segments before its own.
    """
    play = _Play(segments, after, max(places, 1))
    play.begin()
    while play.go_on():
        pass
    return play.now


class _Row:
    """Tasks that wait, the preferred one first; those that are eager can be had without the others."""

    def __init__(self) -> None:
        self._heaps: dict[bool, list[tuple[bool, int]]] = {True: [], False: []}

    def add(self, one: Remainder, place: int, is_fresh: bool = False) -> None:
        """What was not begun comes behind all that was."""
        heappush(self._heaps[one.is_eager], (is_fresh, place))

    def take(self, eager_only: bool) -> int | None:
        """The place in the plan of the first one, which does not wait any more."""
        heaps = [self._heaps[True]] if eager_only else self._heaps.values()
        first = min((heap for heap in heaps if heap), key=lambda heap: heap[0], default=None)
        return heappop(first)[1] if first else None


@define
class _Play:
    """The time that is played, and where each task is by then; tasks are known by their place in the plan."""

    segments: Sequence[Sequence[Remainder]]
    after: Mapping[TaskId, Sequence[TaskId]]
    free: int
    now: float = 0.0
    _tasks: list[Remainder] = field(init=False)
    _segment_of: list[int] = field(init=False)
    _begins: list[int] = field(init=False)
    """The place of the first task of each segment, and the one behind the last."""
    _left: list[int] = field(init=False)
    """How many tasks of each segment are not over."""
    _open: int = -1
    """The last segment whose tasks may begin."""
    _needed: dict[int, int] = field(factory=dict)
    """How many tasks each one waits for by name."""
    _dependents: dict[TaskId, list[int]] = field(factory=lambda: defaultdict(list))
    _done: list[int] = field(init=False)
    """How many stints each task has behind it."""
    _making: int = 0
    """Open tasks on their way to a review for which the others are waited for."""
    _at_branch: int | None = None
    _beside: _Row = field(factory=_Row)
    _review: _Row = field(factory=_Row)
    _land: _Row = field(factory=_Row)
    _events: list[tuple[float, int, bool]] = field(factory=list)
    """What happens later: when, to whom, and whether a stint is over then or one may begin."""

    def __attrs_post_init__(self) -> None:
        self._tasks = [one for part in self.segments for one in part]
        self._segment_of = [at for at, part in enumerate(self.segments) for _ in part]
        self._left = [len(part) for part in self.segments]
        self._begins = list(accumulate(self._left, initial=0))
        self._done = [0] * len(self._tasks)
        open_tasks = {one.task for one in self._tasks}
        for place, one in enumerate(self._tasks):
            needed = [other for other in self.after.get(one.task, ()) if other in open_tasks]
            if one.task in self.after:
                self._needed[place] = len(needed)
            for other in needed:
                self._dependents[other].append(place)

    def begin(self) -> None:
        """What runs goes on, and what may begin does."""
        for place, needed in self._needed.items():
            if not needed:
                self._let_in(place)
        self._open_segments()
        self._fill()

    def go_on(self) -> bool:
        """On to the next moment in which something happens; False if there is none."""
        if not self._events:
            return False
        self.now = self._events[0][0]
        while self._events and self._events[0][0] <= self.now:
            _, place, is_end = heappop(self._events)
            self._end_stint(place) if is_end else self._file(place)
        self._fill()
        return True

    def _open_segments(self) -> None:
        """Up to the first one that is not over."""
        while self._open + 1 < len(self._left) and (self._open < 0 or not self._left[self._open]):
            self._open += 1
            for place in range(self._begins[self._open], self._begins[self._open + 1]):
                if place not in self._needed:
                    self._let_in(place)

    def _let_in(self, place: int) -> None:
        """A task is open from now on."""
        one = self._tasks[place]
        if not one.stints:
            return
        is_made = self._is_made(place) and not one.ready_in
        self._making += not (one.is_eager or is_made)
        if one.is_running:
            self._start(place)
        elif one.ready_in > 0:
            heappush(self._events, (self.now + one.ready_in, place, False))
        else:
            self._put(place)

    def _file(self, place: int) -> None:
        """It may go on."""
        self._making -= self._is_made(place) and not self._tasks[place].is_eager
        self._put(place)

    def _is_made(self, place: int) -> bool:
        return self._next(place).kind in (Kind.REVIEW, Kind.LAND)

    def _next(self, place: int) -> Stint:
        return self._tasks[place].stints[self._done[place]]

    def _put(self, place: int) -> None:
        one = self._tasks[place]
        match self._next(place).kind:
            case Kind.LAND:
                self._land.add(one, place)
            case Kind.REVIEW:
                self._review.add(one, place)
            case _:
                self._beside.add(one, place, not (one.has_begun or self._done[place]))

    def _start(self, place: int) -> None:
        self.free -= 1
        if self._is_made(place):
            self._at_branch = place
        heappush(self._events, (self.now + self._next(place).seconds, place, True))

    def _end_stint(self, place: int) -> None:
        one = self._tasks[place]
        was_made = self._is_made(place)
        self.free += 1
        if was_made:
            self._at_branch = None
        self._done[place] += 1
        is_over = self._done[place] == len(one.stints)
        if not was_made and not one.is_eager and (is_over or self._is_made(place)):
            self._making -= 1
        if is_over:
            self._finish(place)
        else:
            self._put(place)

    def _finish(self, place: int) -> None:
        self._left[self._segment_of[place]] -= 1
        for other in self._dependents.get(self._tasks[place].task, ()):
            self._needed[other] -= 1
            if not self._needed[other]:
                self._let_in(other)
        self._open_segments()

    def _fill(self) -> None:
        """Every free place gets what may be done there."""
        for place in self._chosen():
            self._start(place)

    def _chosen(self) -> Iterator[int]:
        """One task to the branch where it is free, and beside it what it lets go on."""
        if self.free and self._at_branch is None:
            first = self._land.take(eager_only=False)
            if first is None:
                first = self._review.take(eager_only=self._making > 0)
            if first is not None:
                yield first
        is_alone = self._at_branch is not None and not self._tasks[self._at_branch].is_eager
        while self.free > 0 and (place := self._beside.take(eager_only=is_alone)) is not None:
            yield place
