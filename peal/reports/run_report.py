"""What a run was asked for and what came of it, as values that every kind of report is made of; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import pairwise, takewhile

from attrs import evolve

from peal.classes import frozen
from peal.model.plan import TaskId
from peal.model.review import Finding
from peal.model.work import Result
from peal.record.events import Event, RunOpened
from peal.record.history import History, fold
from peal.record.task_state import Attempt, TaskState
from peal.views.graph import needs
from peal.views.status import RunStatus, TaskStatus, overview
from peal.views.waiting import Cause, cause_of, waits_since


@frozen
class Pause:
    """A time in which a task could have gone on and did not."""

    task: TaskId
    cause: Cause
    began: float
    ended: float


@frozen(slots=False)
class TaskReport:
    """One task: how it stands, and how it came to that."""

    status: TaskStatus
    state: TaskState
    attempts: tuple[Attempt, ...]
    """Those of the run, in order; one that goes on, or went on when peal was cut off, comes last."""
    until: float
    """When the run was over, or something was last heard of it."""
    group: str = ""
    """What it belongs to above tasks: the item whose phase it is; empty in a plan."""

    @property
    def id(self) -> TaskId:
        """Its name."""
        return self.status.id

    @property
    def found(self) -> tuple[Finding, ...]:
        """What reviewers still found at its end: it was let through with that, or has failed for it."""
        if self.status.state == "done":
            return self.state.findings
        last = self.state.last()
        return last.outcome.findings if self.status.state == "failed" and last and last.outcome else ()

    def end_of(self, one: Attempt) -> float:
        """When one of its attempts ended, or how far it has come."""
        return self.until if one.ended is None else one.ended

    @cached_property
    def worked(self) -> float:
        """Seconds that its attempts have taken together."""
        return sum(self.end_of(one) - one.started for one in self.attempts)


@frozen(slots=False)
class RunReport:
    """A run, with those that it went on with after they were stopped."""

    status: RunStatus
    history: History
    """As it was when the run was over; of the latest one as it is, with what a person has said of its tasks since."""
    commands: tuple[str, ...]
    """What was typed, each once: to begin it, and to go on with it."""
    began: float
    """Wall-clock seconds, as all moments here."""
    ended: float
    """When it was over; of one that goes on, or was cut off, when something was last heard of it."""
    stopped: tuple[tuple[float, float], ...]
    """When nothing went on, between a run and the one that went on with it."""
    tasks: tuple[TaskReport, ...]
    """In their order."""

    @property
    def plan(self) -> str:
        """The plan's path in the repository."""
        return self.status.plan

    @property
    def has_items(self) -> bool:
        """Whether its tasks are phases of items, which come as they come, and not those of a plan."""
        return _has_items(self.history)

    @cached_property
    def elapsed(self) -> float:
        """Seconds in which something went on."""
        return self.ended - self.began - sum(until - since for since, until in self.stopped)

    @cached_property
    def worked(self) -> float:
        """Seconds of all attempts together: what one place alone would have taken."""
        return sum(task.worked for task in self.tasks)

    @cached_property
    def chain(self) -> tuple[TaskId, ...]:
        """The tasks that had to come one after another and took longest: no number of places makes that shorter; none if nobody worked."""
        return (
            ()
            if not self.worked
            else longest_chain(self.waits_for, {task.id: task.worked for task in self.tasks})
        )

    @cached_property
    def chain_seconds(self) -> float:
        """How long those took."""
        return sum(task.worked for task in self.tasks if task.id in frozenset(self.chain))

    @cached_property
    def waits_for(self) -> Mapping[TaskId, tuple[TaskId, ...]]:
        """What each task has to wait for, without what follows from that; nothing for phases of items, which come as they come."""
        if self.has_items:
            return {task.id: () for task in self.tasks}
        return needs([task.state.task for task in self.tasks])

    @cached_property
    def pauses(self) -> tuple[Pause, ...]:
        """When tasks that had begun waited, in the order of their beginnings; also what they wait for at the end."""
        found = (pause for task in self.tasks for pause in _pauses(task, self))
        return tuple(sorted(found, key=lambda pause: pause.began))


def report_of(events: Sequence[Event], is_alive: bool, now: float, run: str = "") -> RunReport | None:
    """
    The report of a plan's latest run, or of the one with this name; None if there is none.

    `is_alive` says whether the latest one still goes on at `now`.
    """
    places = [place for place, event in enumerate(events) if isinstance(event, RunOpened)]
    runs = [event for event in events if isinstance(event, RunOpened)]
    wanted = next((at for at in reversed(range(len(runs))) if run in ("", runs[at].run)), None)
    if wanted is None:
        return None
    first, is_latest = _first_of(runs, wanted), wanted == len(runs) - 1
    history, stopped = fold(events[: places[first] + 1]), list[tuple[float, float]]()
    for before, at in pairwise(places[first : wanted + 1]):
        _take_in(events[before + 1 : at], history)
        stopped.append((history.heard_at, events[at].at))
        history.apply(events[at])
    rest = events[places[wanted] + 1 : None if is_latest else places[wanted + 1]]
    _take_in(rest if is_latest else takewhile(history.is_of_run, rest), history)
    is_live = is_alive and is_latest
    ended = now if is_live else history.heard_at
    status = overview(history, ended, is_live, {}, lambda _: "")
    tasks = tuple(_tasks(history, status, runs[first].at, ended))
    counts = {name: sum(task.status.state == name for task in tasks) for name in status.counts}
    return RunReport(
        status=evolve(status, counts=counts),
        history=history,
        commands=tuple(dict.fromkeys(" ".join(one.command) for one in runs[first : wanted + 1])),
        began=runs[first].at,
        ended=ended,
        stopped=tuple(stopped),
        tasks=tasks,
    )


def _take_in(events: Iterable[Event], history: History) -> None:
    for event in events:
        history.apply(event)


def _first_of(runs: Sequence[RunOpened], wanted: int) -> int:
    """The run that this one goes on with, by way of others."""
    while wanted and runs[wanted].resumed:
        wanted -= 1
    return wanted


def _has_items(history: History) -> bool:
    return history.opened is not None and history.opened.is_open_ended


def _tasks(history: History, status: RunStatus, since: float, until: float) -> Iterator[TaskReport]:
    has_items = _has_items(history)
    for one in status.tasks:
        state = history.states[one.id]
        tries = (*state.attempts, *([state.running] if state.running else []))
        attempts = tuple(past for past in tries if past.started >= since)
        if has_items and not attempts:
            continue  # of an earlier run
        group = one.id.split("/", 1)[0] if has_items else ""
        yield TaskReport(one, state, attempts, until, group)


def _pauses(task: TaskReport, run: RunReport) -> Iterator[Pause]:
    """Between one attempt and the next, and after the last one."""
    for before, then in pairwise(task.attempts):
        if before.ended is not None and (cause := _why_paused(before, then, task, run.history)):
            for began, ended in _waited(cause, before, before.ended, then.started, run.stopped):
                yield Pause(task.id, cause, began, ended)
    last = task.attempts[-1] if task.attempts else None
    cause, since = cause_of(task.state, run.history, run.ended), waits_since(task.state)
    if cause and last and last.ended == since and since is not None and since < run.ended:
        yield Pause(task.id, cause, since, run.ended)


def _why_paused(before: Attempt, then: Attempt, task: TaskReport, history: History) -> Cause | None:
    match before.result:
        case Result.LIMITED:
            return Cause.LIMIT
        case Result.TRANSIENT:
            return Cause.PROVIDER
        case Result.LOST:
            return Cause.MACHINE
        case Result.HELD:
            return Cause.PERSON
    pipeline = history.pipeline(task.state.task.pipeline)
    is_at_branch = then.phase in pipeline and pipeline.phase(then.phase).is_at_branch
    return Cause.BRANCH if is_at_branch else None


def _waited(
    cause: Cause, before: Attempt, began: float, ended: float, stopped: Iterable[tuple[float, float]]
) -> Iterator[tuple[float, float]]:
    """How much of the time until it went on it waited for that; only for a person also while nothing went on at all."""
    if (
        cause in (Cause.LIMIT, Cause.PROVIDER, Cause.MACHINE)
        and before.outcome
        and before.outcome.until is not None
    ):
        ended = min(ended, before.outcome.until)
    for since, until in stopped if cause is Cause.BRANCH else ():
        if began < until and since < ended:
            if began < since:
                yield began, since
            began = until
    if began < ended:
        yield began, ended


def longest_chain(
    waits_for: Mapping[TaskId, tuple[TaskId, ...]], seconds: Mapping[TaskId, float]
) -> tuple[TaskId, ...]:
    """The row of tasks, each of which waits for the one before it, that takes longest together."""
    took: dict[TaskId, float] = {}
    before: dict[TaskId, TaskId | None] = {}
    for task in TopologicalSorter(waits_for).static_order():
        latest = max(waits_for.get(task, ()), key=took.__getitem__, default=None)
        before[task] = latest
        took[task] = seconds.get(task, 0.0) + (took[latest] if latest is not None else 0.0)
    chain: list[TaskId] = []
    at = max(took, key=took.__getitem__, default=None)
    while at is not None:
        chain.append(at)
        at = before[at]
    return tuple(reversed(chain))
