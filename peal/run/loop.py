"""The loop: decide, start, wait, record, show."""

import time
from math import inf
from typing import Protocol

from attrs import define, field

from peal.executors import Executor
from peal.model.decision import Decision, Halt
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
from peal.run.job import Job
from peal.run.progress import Progress
from peal.schedule.agenda import Agenda
from peal.schedule.decide import decide
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
class Loop:
    """One run of a plan from opening to halt."""

    job: Job
    memory: Record
    executor: Executor
    screen: Screen
    log: Log = field(factory=Log)
    _progress: Progress = field(factory=Progress)

    def go(self, opened: RunOpened) -> Halt:
        """
        Run to the end.

        Every fact is written before anything is done about it; it is made to last while the agents it started work.
        """
        history = self.memory.history
        self._record(opened)
        agenda = Agenda(self.job.work, history)
        decision = decide(agenda, time.time())
        while decision.halt is None:
            self.screen.decided(decision)
            self._start(decision)
            self._settle()
            until = (self.screen.due() or inf, decision.wake_at or inf, time.time() + _AT_LEAST_EVERY)
            self._record(*self.executor.wait(min(until)))
            decision = decide(agenda, time.time())
        halt = honest_halt(decision.halt, self.job, history)
        if halt is not decision.halt and self.job.pool:
            for text in reconcile.missing(self.job.pool, history):
                self.screen.say(text)
        self._record(RunClosed(time.time(), halt.code, halt.why))
        self._settle()
        return halt

    def _settle(self) -> None:
        with store.writing(self.job.plan_paths):
            self.memory.settle()

    def _start(self, decision: Decision) -> None:
        for reason in decision.reasons if decision.start else ():
            self.log.tell("debug", "decided", {"tasks": reason.tasks, "why": str(reason)})
        history, now = self.memory.history, time.time()
        orders = [
            order_of(
                step, self.job.tasks[step.task], self.job.plan_paths, history, not decision.concurrent, now
            )
            for step in decision.start
        ]
        roster = self.job.roster
        self._record(
            *(StepStarted(now, a.task.id, a.phase.name, a.number, roster.agent_name(a)) for a in orders)
        )
        for order in orders:
            self.executor.submit(order)

    def _record(self, *events: Event) -> None:
        was_asked = _by_signal(self.memory.history.stop)
        with store.writing(self.job.plan_paths):
            self.memory.note(*events)
        for event in events:
            self.log.tell(*line_of(event))
            if isinstance(event, StopAsked):
                self.executor.cancel(hard=was_asked and _by_signal(event))
                was_asked = was_asked or _by_signal(event)
        self.screen.show(events, self.memory.history)
        self._progress.note(events, self.memory.history)


def honest_halt(halt: Halt, job: Job, history: History) -> Halt:
    """The end of a run as git has it: success only if everything that landed is in the branch."""
    missing = reconcile.vanished(job.pool, history) if job.pool and halt.code == 0 else []
    branch = job.roster.workspaces.branch
    return (
        Halt(2, f"finished, but what task {ranges(missing)} landed is not in `{branch}`") if missing else halt
    )


def _by_signal(stop: StopAsked | None) -> bool:
    """A person asked, and may ask again to be quick about it; a full disk may be met by several workers."""
    return stop is not None and stop.code > 128
