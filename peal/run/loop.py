"""The loop: decide, start, wait, record, show; and the small changes to a plan's memory."""

import os
import shlex
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from math import inf
from pathlib import Path
from typing import Any, Protocol

from attrs import define, field, frozen

from peal.errors import PealError
from peal.executors import Executor
from peal.executors.threads import Inbox, Threads
from peal.model.decision import Decision, Halt, Limits
from peal.model.pipeline import Phase
from peal.model.plan import Plan, Task
from peal.record import journal, store
from peal.record.alignment import Word
from peal.record.events import (
    Event,
    PlanRead,
    RunClosed,
    RunOpened,
    StepStarted,
    StopAsked,
    TasksForgotten,
    TasksMarkedDone,
)
from peal.record.history import History, fold
from peal.record.log import Log, line_of
from peal.record.rereading import reread
from peal.schedule.orders import attempt_of
from peal.schedule.plan import Work, decide, finished, is_complete
from peal.system import process, signals
from peal.system.layout import PlanPaths, RepoPaths
from peal.system.scratch import scratch as scratch_folder
from peal.text.display import ranges
from peal.views.screens import Screen
from peal.work import Roster, Worker
from peal.workspaces import Pool, reconcile

_AT_LEAST_EVERY = 1.0
"""Seconds between two turns of the loop: state.json catches up, and a memory that an agent deleted is put back."""

_SHORT = 10
"""Letters of a commit's id that are shown."""


@frozen
class Job:
    """Everything a person asked for, checked and resolved."""

    repo_paths: RepoPaths
    plan_file: Path
    plan: Plan
    roster: Roster
    limits: Limits
    flags: dict[str, Any]
    """The flags to remember for `peal resume`."""
    command: tuple[str, ...]
    selected: frozenset[int] | None = None
    fresh: bool = False
    resumed: bool = False
    """It goes on with the run before, whose spending counts too."""
    try_now: bool = False
    """Ask agents although an earlier run has met their usage limit."""
    notices: tuple[str, ...] = ()
    """What a person should know before the run starts."""
    retry_failed: bool = False
    """What was let through with findings is addressed again."""
    retarget: bool = False
    """Land in the branch that is checked out now, whatever earlier runs landed in."""
    verbose: bool = False
    plan_paths: PlanPaths = field(init=False)
    """Where the plan's memory is."""
    tasks: dict[int, Task] = field(init=False)

    @plan_paths.default
    def _place_of_the_plan(self) -> PlanPaths:
        return self.repo_paths.plan(self.plan_file)

    @tasks.default
    def _tasks_by_number(self) -> dict[int, Task]:
        return {task.index: task for task in self.plan.tasks}

    @property
    def key(self) -> str:
        """The plan's path as it is remembered."""
        return self.repo_paths.plan_key(self.plan_file)

    @property
    def pool(self) -> Pool | None:
        """The worktrees tasks work in; None where they share the person's tree."""
        return self.roster.workspaces if isinstance(self.roster.workspaces, Pool) else None

    @property
    def width(self) -> int:
        """How many tasks can be under way at once."""
        widest = max((len(segment.tasks) for segment in self.work.segments), default=1)
        return max(min(self.limits.max_parallel, widest), 1)

    @property
    def work(self) -> Work:
        """The segments asked for."""
        return Work.of(self.plan.segments, self.selected)


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

    def go(self, opened: RunOpened) -> Halt:
        """
        Run to the end.

        Every fact is written before anything is done about it; it is made to last while the agents it started work.
        """
        work, history = self.job.work, self.memory.history
        self._record(opened)
        decision = decide(work, history, time.time())
        while decision.halt is None:
            self.screen.decided(decision)
            self._start(decision)
            self._settle()
            until = (self.screen.due() or inf, decision.wake_at or inf, time.time() + _AT_LEAST_EVERY)
            self._record(*self.executor.wait(min(until)))
            decision = decide(work, history, time.time(), decision.segment)
        halt = _honest(decision.halt, self.job, history)
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
            self.log.tell("debug", "decided", {"tasks": reason.tasks, "why": reason.text})
        history, now = self.memory.history, time.time()
        attempts = [
            attempt_of(
                step, self.job.tasks[step.task], self.job.plan_paths, history, not decision.concurrent, now
            )
            for step in decision.start
        ]
        roster = self.job.roster
        self._record(
            *(StepStarted(now, a.task.index, a.phase, a.number, roster.agent_name(a)) for a in attempts)
        )
        for attempt in attempts:
            self.executor.submit(attempt)

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


def _honest(halt: Halt, job: Job, history: History) -> Halt:
    """The end of a run as git has it: success only if everything that landed is in the branch."""
    missing = reconcile.vanished(job.pool, history) if job.pool and halt.code == 0 else []
    branch = job.roster.workspaces.branch
    return (
        Halt(2, f"finished, but what task {ranges(missing)} landed is not in `{branch}`") if missing else halt
    )


def _by_signal(stop: StopAsked | None) -> bool:
    """A person asked, and may ask again to be quick about it; a full disk may be met by several workers."""
    return stop is not None and stop.code > 128


@frozen
class End:
    """How a run ended, and what is remembered then."""

    halt: Halt
    history: History


def run(job: Job, screen: Screen, hearing: signals.Hearing) -> End:
    """
    Carry a plan out, from wherever its memory says it stands.

    `Busy` if another peal is at work here; PealError if the memory cannot be read or written; `Stopped` by a signal
    before there was a run.
    """
    name = uuid.uuid4().hex[:12]
    reading = store.reading_of(job.repo_paths, job.plan_file, job.plan)
    _refuse_to_repeat(job, reading)
    with store.open_plan(job.repo_paths, reading, screen.say, name, job.fresh) as held:
        _make_ready(job, held, screen)
        if is_complete(job.work, held.history):
            hearing.end()
            with store.writing(job.plan_paths):
                held.append(*_left_open(job, held.history))
            return End(_finished(job, job.work, held.history), held.history)
        with closing(_log(job, name)) as log:
            try:
                return End(_guarded(job, held, screen, log, name, hearing), held.history)
            except signals.Stopped as stopped:
                return End(_stopped_at_once(job, held, name, stopped), held.history)


def _make_ready(job: Job, held: journal.Journal, screen: Screen) -> None:
    """Bring branch, memory and what the person asks for together, and say what is to be known before the run starts."""
    reconcile.check(held.history, job.limits.lands)
    if job.pool:
        reconcile.check_branch(job.pool, held.history, job.retarget)
        with store.writing(job.plan_paths):
            held.append(*reconcile.taken_over(job.pool, held.history))
            held.append(*reconcile.forgotten(job.pool, held.history))
        if job.fresh:
            job.pool.set_branches_aside()
        reconcile.keep(job.pool, held.history)
    if job.retry_failed and (left := sorted(held.history.with_findings.intersection(job.work.tasks))):
        with store.writing(job.plan_paths):
            held.append(TasksForgotten(time.time(), tuple(left), Phase.ADDRESS, "peal run --retry-failed"))
    for text in _notices(job, held.history):
        screen.say(text)


def _left_open(job: Job, history: History) -> Iterator[Event]:
    """The end of the latest run, if it was cut off before it could tell of it, or what it had failed at is done by now."""
    if history.opened is None:
        return
    selected = history.opened.selected
    work = Work.of(job.plan.segments, None if selected is None else frozenset(selected))
    if is_complete(work, history):
        halt = _finished(job, work, history)
        if history.closed is None or history.closed.code != halt.code:
            yield RunClosed(time.time(), halt.code, halt.why)


def _finished(job: Job, work: Work, history: History) -> Halt:
    return _honest(finished(work, history), job, history)


def _stopped_at_once(job: Job, held: journal.Journal, name: str, stopped: signals.Stopped) -> Halt:
    """A run that a signal has ended while its worktrees were made is remembered as one that did nothing."""
    asked = _asked(stopped.number)
    with store.writing(job.plan_paths):
        held.append(_opening(job, name), asked, RunClosed(time.time(), asked.code, asked.why))
    return Halt(asked.code, asked.why)


def _refuse_to_repeat(job: Job, reading: PlanRead) -> None:
    """PealError if nothing is remembered of the plan, and commits of peal's say that tasks of it have landed."""
    if job.fresh or store.knows(job.repo_paths, reading):
        return
    known = store.commits_of(job.repo_paths)
    if landed := reconcile.landed_unremembered(job.repo_paths.repo, job.key, job.plan.tasks, known):
        tasks, plan = ranges(landed), shlex.quote(str(job.plan_file))
        raise PealError(
            f"nothing is remembered of `{job.plan_file}`, but task {tasks} of it has landed by commits that peal made, "
            f"such as {landed[max(landed)][:_SHORT]}; `peal done {tasks.replace(' ', '')} --plan {plan}` takes that as done, "
            f"`peal run {plan} --fresh` does all of it again"
        )


def _log(job: Job, name: str) -> Log:
    settings = job.roster.settings
    also = job.repo_paths.repo / settings.log_file if settings.log_file else None
    return Log(job.plan_paths.log, settings.log_level, job.verbose, {"run": name}, also)


def _notices(job: Job, history: History) -> Iterator[str]:
    """What a person should know before the run starts, and could not be told without the history."""
    yield from job.notices
    if history.opened is None and (clis := job.roster.unguarded):
        yield (
            f"{' and '.join(clis)} may do everything that you may do on this machine: work in a container or a throwaway "
            "clone, or pass --permissions limited"
        )
    if job.pool:
        yield from reconcile.notices(job.pool, history, job.key)
    # A person who names a task wants it done: say why it is not done again.
    named = job.selected or frozenset() if "task" in job.flags else frozenset()
    if again := [task for task in sorted(named) if history.lines[task].is_complete]:
        listed = " ".join(map(str, again))
        yield f"task {ranges(again)} is complete already; `peal redo {listed}` makes it run again"
    shares = not job.limits.lands and job.limits.max_parallel > 1
    if shares and any(len(part.tasks) > 1 for part in job.work.segments):
        yield (
            "tasks that run side by side share your tree and can overwrite each other's work; with `commit = true` "
            "each gets a worktree of its own"
        )
        agent = job.roster.agents[job.limits.agents[Phase.EXECUTE][0]]
        if agent.require_change:
            # Tasks that share a tree at the same time cannot be told apart by what changed in it.
            yield f"`require_change` of agent `{agent.name}` is not checked for tasks that run side by side in one tree"


def _guarded(
    job: Job, held: journal.Journal, screen: Screen, log: Log, name: str, hearing: signals.Hearing
) -> Halt:
    inbox: Inbox = Inbox()
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder(name, screen.say))
        worker = Worker(job.roster, name, scratch.folder, inbox.put, scratch.watch)
        if job.pool:
            for text in job.pool.prepare(job.width, bool(job.roster.reviewers) or job.limits.as_ready):
                screen.say(text)
        executor = Threads(worker.perform, inbox, worker.cancel, max(job.limits.max_parallel, 1))
        for reviewer in job.roster.reviewers:
            stack.callback(reviewer.leave)
        stack.callback(executor.close)
        hearing.hand_to(lambda number: inbox.put(_asked(number)))
        return Loop(job, held, executor, screen, log).go(_opening(job, name))


def _opening(job: Job, name: str) -> RunOpened:
    pid = os.getpid()
    selected = None if job.selected is None else tuple(sorted(job.selected))
    return RunOpened(
        time.time(), name, job.key, str(job.repo_paths.repo), pid, process.birth(pid) or "", job.command, job.flags,
        job.limits, selected, job.roster.workspaces.branch, job.resumed, job.try_now,
    )  # fmt: skip


def _asked(number: int) -> StopAsked:
    """Ctrl-C and its kin are facts like others."""
    return StopAsked(time.time(), 128 + number, signals.NAMES[number])


def rehearse(job: Job, screen: Screen, executor: Executor) -> End:
    """The real loop without doing anything: no lock, no folder, nothing recorded."""
    reading = store.reading_of(job.repo_paths, job.plan_file, job.plan)
    _refuse_to_repeat(job, reading)
    plan_paths = store.plan_paths_of(job.repo_paths, reading)
    history = fold(() if job.fresh else journal.load(plan_paths.journal).events)
    again = reread(history, reading)
    history.apply(again.reading)
    for text in again.said:
        screen.say(text)
    for task in job.work.tasks:
        if history.lines[task].is_complete:
            screen.say(f"task {task}: complete, skipped")
    if is_complete(job.work, history):
        return End(finished(job.work, history), history)
    return End(Loop(job, UnsavedRecord(history), executor, screen).go(_opening(job, "rehearsal")), history)


@frozen
class Change:
    """A person's word on some tasks of a plan."""

    repo_paths: RepoPaths
    plan_file: Path
    plan: Plan
    tasks: tuple[int, ...]
    say: Callable[[str], None]


def forget(change: Change, phase: Phase) -> None:
    """The tasks are to be done again, from `phase` on."""
    word = Word(undone=frozenset(change.tasks))
    _record(change, TasksForgotten(time.time(), change.tasks, phase, "peal redo"), word)


def mark_done(change: Change) -> None:
    """The tasks count as complete from now on."""
    word = Word(done=frozenset(change.tasks))
    _record(change, TasksMarkedDone(time.time(), change.tasks, "peal done"), word)


def _record(change: Change, event: Event, word: Word) -> None:
    reading = store.reading_of(change.repo_paths, change.plan_file, change.plan)
    with (
        store.open_plan(change.repo_paths, reading, change.say, word=word) as held,
        store.writing(held.plan_paths),
    ):
        held.append(event)
