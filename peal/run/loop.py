"""The loop: decide, start, wait, record, show."""

import time
from collections.abc import Sequence
from typing import Protocol

from attrs import field

from peal.classes import define
from peal.executors import Executor
from peal.jobs.job import Job
from peal.model.decision import Decision, Halt
from peal.model.plan import id_as_json
from peal.record import store
from peal.record.events import (
    Event,
    RunClosed,
    RunOpened,
    StepStarted,
    StopAsked,
)
from peal.record.history import History
from peal.record.log import Log, line_of
from peal.run.progress import Progress
from peal.schedule.agenda import Agenda
from peal.schedule.decide import decide_together
from peal.schedule.orders import order_of
from peal.text.names import ranges
from peal.views.screens import Screen
from peal.workspaces import reconcile

_AT_LEAST_EVERY = 1.0
"""Seconds between two turns of the loop: state.json catches up, and a memory that an agent deleted is put back."""


class Record(Protocol):
    """What the loop records into."""

    history: History

    def note(self, *events: Event) -> None:
        """Write facts down; OSError if that is not possible."""

    def settle(self) -> None:
        """Everything noted lasts, and others can see how far the run is; OSError if that is not possible."""


@define
class UnsavedRecord:
    """A memory that lasts as long as the process: for rehearsals."""

    history: History

    def note(self, *events: Event) -> None:
        """Apply the facts."""
        for event in events:
            self.history.apply(event)

    def settle(self) -> None:
        """Nothing lasts."""


@define
class PlanRun:
    """One plan under way: what is decided of it is done and recorded here, until there is a halt."""

    job: Job
    memory: Record
    executor: Executor
    screen: Screen
    log: Log = field(factory=Log)
    halt: Halt | None = None
    """How it ended; None while it goes on."""
    agenda: Agenda = field(init=False)
    _progress: Progress = field(factory=Progress)

    def open(self, opened: RunOpened) -> None:
        """Begin."""
        self.screen.woken_by(self.executor.wake)
        self.record(opened)
        self.agenda = self.job.source.agenda(self.memory.history)

    def look(self) -> None:
        """Take in what there is to do by now, until there is no more: what is recorded may be all that was missing for the next."""
        while news := tuple(self.job.source.news(self.memory.history)):
            self.record(*news)
        for text in self.job.source.told():
            self.screen.say(text)

    def follow(self, decision: Decision) -> None:
        """Do what is decided: start steps, or end."""
        self.screen.decided(decision)
        if decision.halt is not None:
            self._end(decision.halt)
            return
        self._start(decision)
        self._settle()

    def _end(self, halt: Halt) -> None:
        history = self.memory.history
        self.halt = honest_halt(halt, self.job, history)
        if self.halt is not halt and self.job.pool:
            for text in reconcile.missing(self.job.pool, history):
                self.screen.say(text)
        self.record(RunClosed(time.time(), self.halt.code, self.halt.why))
        self._settle()

    def _settle(self) -> None:
        with store.writing(self.job.plan_paths):
            self.memory.settle()

    def _start(self, decision: Decision) -> None:
        if decision.start and self.log.wants("debug"):  # it names each task that waits
            for reason in decision.reasons:
                told = {"tasks": list(map(id_as_json, reason.tasks)), "why": str(reason)}
                self.log.tell("debug", "decided", told)
        job, history, now = self.job, self.memory.history, time.time()
        orders = [
            order_of(step, job.source.tasks[step.task], job.plan_paths, history, not decision.concurrent, now)
            for step in decision.start
        ]
        self.record(
            *(StepStarted(now, a.task.id, a.phase.name, a.number, job.roster.agent_name(a)) for a in orders)
        )
        for order in orders:
            self.executor.submit(job.key, order)

    def record(self, *events: Event) -> None:
        """Write facts down, then tell of them and act on them."""
        was_asked = _by_signal(self.memory.history.stop)
        with store.writing(self.job.plan_paths):
            self.memory.note(*events)
        for event in events:
            self.log.tell(*line_of(event))
            if isinstance(event, StopAsked):
                self.executor.cancel(self.job.key, hard=was_asked and _by_signal(event))
                was_asked = was_asked or _by_signal(event)
        self.screen.show(events, self.memory.history)
        self._progress.note(events, self.memory.history)


def carry_out(runs: Sequence[PlanRun], executor: Executor) -> None:
    """Carry out plans that are open, side by side, until each has come to its end."""
    while under_way := [run for run in runs if run.halt is None]:
        take_turn(under_way, executor)


def take_turn(under_way: Sequence[PlanRun], executor: Executor, places: int | None = None) -> None:
    """
    Decide what plans under way are to do, do it, and record what happens until something is to be decided again.

    `places` is for the steps of all of them together. Every fact is written before anything is done about it; it is made
    to last while the agents it started work.
    """
    for run in under_way:
        run.look()
    decisions = decide_together([run.agenda for run in under_way], time.time(), places)
    for run, decision in zip(under_way, decisions, strict=True):
        run.follow(decision)
    if going_on := [run for run in under_way if run.halt is None]:
        times = [run.screen.due() for run in going_on] + [one.wake_at for one in decisions if not one.halt]
        until = min((time.time() + _AT_LEAST_EVERY, *(at for at in times if at is not None)))
        happened = executor.wait(until)
        for run in going_on:
            run.record(*(one.event for one in happened if one.plan in ("", run.job.key)))


def honest_halt(halt: Halt, job: Job, history: History) -> Halt:
    """The end of a run as git has it: success only if everything that landed is in the branch."""
    missing = (
        reconcile.vanished(job.pool.repo, job.pool.branch, history) if job.pool and halt.code == 0 else []
    )
    branch = job.roster.workspaces.branch
    return (
        Halt(2, f"finished, but what task {ranges(missing)} landed is not in `{branch}`") if missing else halt
    )


def _by_signal(stop: StopAsked | None) -> bool:
    """A person asked, and may ask again to be quick about it; a full disk may be met by several workers."""
    return stop is not None and stop.code > 128
