"""A run looked at while it goes on: the table it shows itself, or a line for each event."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, evolve, field

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
    from peal.views.screens.live import Board

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
    _seen: int = 0
    _size: int = -1

    def news(self) -> tuple[Event, ...]:
        """What was recorded since the last look, at first everything; not in the history yet."""
        size = size_of(self.paths.journal)
        if size == self._size:
            return ()
        events = journal.load(self.paths.journal).events[self._seen :]
        self._seen, self._size = self._seen + len(events), size
        return events

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
                time.sleep(_EVERY)

    @property
    def _latest_run(self) -> str:
        opened = [one.history.opened for one in self._followed.values()]
        return next((event.run for event in opened if event), "")

    def as_table(self) -> None:
        """The tables that the run itself shows."""
        from peal.views.screens.live import Area, Board  # only here: rich takes long to load

        board, hide = Board(Area(Output.standard())), hidden(self.repo_paths.repo)
        for look in self.looks():
            batch = self.batch()
            board.headline = headline(batch) if batch else ""
            board.clear()
            for one, news in look:
                one.take_in(news)
                if one.history.is_open:
                    self._put_on(board, one, hide)
            if not board.area.out.is_heard:
                return
            board.draw()
        board.area.clear()

    def _put_on(self, board: "Board", one: FollowedPlan, hide: Callable[[str], str]) -> None:
        work = work_of(one.history)

        def last_output(attempt: Attempt) -> str:
            return hide(transcripts.last_output(one.paths, attempt))

        table = board.table(work.segments, last_output)
        table.history = one.history
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
