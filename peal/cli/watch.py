"""A run looked at while it goes on: the table it shows itself, or a line for each event."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from attrs import evolve, field

from peal.classes import define
from peal.cli.options import hidden
from peal.jobs.known_plans import plan_paths_of
from peal.model.plan import TaskId
from peal.record import journal, transcripts
from peal.record.batch import Batch
from peal.record.events import Event
from peal.record.history import History
from peal.record.lock import live_run
from peal.record.task_state import Attempt
from peal.schedule.decide import decide
from peal.schedule.plan_agenda import PlanAgenda
from peal.schedule.work import Work
from peal.system.files import size_of
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import harmless
from peal.views.batch import headline
from peal.views.screens import Output
from peal.views.screens.lines import Lines

if TYPE_CHECKING:
    from peal.views.screens.live import Board, Live

_EVERY = 0.5
"""Seconds between two looks."""


def work_of(history: History) -> Work:
    """What the latest run was asked to do; of a backlog, what it has begun."""
    assert history.opened is not None
    asked = worked_on(history) if history.opened.is_open_ended else history.opened.selected
    return Work.of((state.task for state in history.states.values()), asked)


def worked_on(history: History) -> frozenset[TaskId]:
    """The tasks that somebody has worked on in the latest run."""
    since = history.opened.at if history.opened else 0.0
    latest = ((task, state.running or state.last()) for task, state in history.states.items())
    return frozenset(task for task, last in latest if last and last.started >= since)


@define
class FollowedPlan:
    """What is recorded of a plan, read on while it grows."""

    plan: Path
    paths: PlanPaths
    history: History = field(factory=History)
    _read: int = 0
    """Bytes of the journal that were read."""
    _size: int = -1

    def news(self) -> tuple[Event, ...]:
        """What was recorded since the last look, at first everything; not in the history yet."""
        size = size_of(self.paths.journal)
        if size == self._size:
            return ()
        recording = journal.load(self.paths.journal, self._read)
        self._read, self._size = recording.length or self._read, size
        return recording.events

    def take_in(self, events: Iterable[Event]) -> None:
        """They belong to the history from now on."""
        for event in events:
            self.history.apply(event)


@define
class Watch:
    """A run that goes on: of one plan, or of whatever plans of a batch are at work."""

    repo_paths: RepoPaths
    at_work: Callable[[], Iterable[Path]]
    """The plans that are looked at now."""
    session: str = ""
    """The session that it is over with; empty for that of the plan's own run."""
    batch: Callable[[], Batch | None] = lambda: None
    _followed: dict[Path, FollowedPlan] = field(factory=dict)
    _tables: "dict[Path, Live]" = field(factory=dict)
    _woken: SimpleQueue[None] = field(factory=SimpleQueue)

    def looks(self) -> Iterator[list[tuple[FollowedPlan, tuple[Event, ...]]]]:
        """The plans looked at so far, each with what was recorded since the last look, twice a second, until it is over."""
        is_over = False
        while not is_over:
            # Asked first: what a run that is over by now recorded is read below.
            alive = live_run(self.repo_paths)
            for plan in self.at_work():
                if plan not in self._followed:
                    self._followed[plan] = FollowedPlan(plan, plan_paths_of(self.repo_paths, plan))
            news = [(one, one.news()) for one in self._followed.values()]
            yield news
            is_over = (self.session or self._latest_run) != alive
            if not is_over:
                with suppress(Empty):
                    self._woken.get(timeout=_EVERY)

    def wake(self) -> None:
        """Have the next look now; from any thread, and in a signal handler."""
        self._woken.put(None)

    @property
    def _latest_run(self) -> str:
        opened = [one.history.opened for one in self._followed.values()]
        return next((event.run for event in opened if event), "")

    def as_table(self) -> None:
        """The tables that the run itself shows, with the same keys."""
        from peal.views.screens.area import Area  # only here: rich takes long to load
        from peal.views.screens.keys import OF_WATCH
        from peal.views.screens.live import Board

        board, hide = Board(Area(Output.standard()), OF_WATCH, wake=self.wake), hidden(self.repo_paths.repo)
        with closing(board):
            for look in self.looks():
                batch = self.batch()
                board.headline = headline(batch) if batch else ""
                for one, news in look:
                    self._bring_up_to_date(board, one, news, hide)
                if not board.area.out.is_heard:
                    return
                board.draw()
            board.area.clear()

    def _bring_up_to_date(
        self, board: "Board", one: FollowedPlan, news: tuple[Event, ...], hide: Callable[[str], str]
    ) -> None:
        """The plan's table, if it has one by now."""
        one.take_in(news)
        table = self._tables.get(one.plan)
        if not one.history.is_open:
            if table is not None:
                board.take_away(self._tables.pop(one.plan))
            return
        work = work_of(one.history)
        if table is None:

            def last_output(attempt: Attempt) -> str:
                return hide(transcripts.last_output(one.paths, attempt))

            table = self._tables[one.plan] = board.table(work.segments, last_output)
        table.segments = work.segments
        table.follow(news, one.history)
        decision = decide(PlanAgenda(work, one.history), time.time())
        if one.history.opened and one.history.opened.is_open_ended:
            table.begun = set(work.tasks)
            under_way = (task for task in work.tasks if not one.history.states[task].is_complete)
            decision = evolve(decision, front=tuple(under_way))
        table.decided(decision)

    def as_lines(self) -> None:
        """A plain line for each event from now on."""
        output, screens, began = Output.standard(), dict[PlanPaths, Lines](), time.time()
        for look in self.looks():
            for one, news in look:
                if one.paths not in screens:
                    label = f"{harmless(self.repo_paths.plan_key(one.plan))}: " if self.session else ""
                    screens[one.paths] = Lines(output, label=label)
                for event in news:
                    one.take_in((event,))
                    if event.at >= began:
                        screens[one.paths].show((event,), one.history)
            if not output.is_heard:
                return
