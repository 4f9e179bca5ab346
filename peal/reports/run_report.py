"""What a run was asked for and what came of it, as values that every kind of report is made of; pure."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from graphlib import TopologicalSorter

from attrs import frozen

from peal.model.plan import TaskId
from peal.model.review import Finding
from peal.model.work import Result
from peal.record.events import Event, RunOpened
from peal.record.history import History, fold
from peal.record.task_state import Attempt, TaskState
from peal.views.graph import needs
from peal.views.status import RunStatus, TaskStatus, overview


@frozen
class Pause:
    """A time in which a task could have gone on and did not."""

    task: TaskId
    why: str
    """`limit`, `provider`, `branch` (others were at it, or were waited for) or `person` (its landing was held)."""
    began: float
    ended: float


@frozen(slots=False)
class TaskReport:
    """One task: how it stands, and how it came to that."""

    status: TaskStatus
    state: TaskState
    attempts: tuple[Attempt, ...]
    """Those of the run, in order; one that was running when peal was cut off comes last."""
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

    @cached_property
    def worked(self) -> float:
        """Seconds that its attempts have taken together."""
        return sum((one.ended or one.started) - one.started for one in self.attempts)


@frozen(slots=False)
class RunReport:
    """A run, with those that it went on with after they were stopped."""

    status: RunStatus
    history: History
    """As it was when the run was over, or as it is."""
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
        """The tasks that had to come one after another and took longest: no number of places makes that shorter."""
        return longest_chain(self.waits_for, {task.id: task.worked for task in self.tasks})

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
        """When tasks that had begun waited, in the order of their beginnings."""
        found = (pause for task in self.tasks for pause in _pauses(task, self.history))
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
    is_latest = wanted == len(runs) - 1
    till = len(events) if is_latest else places[wanted + 1]
    history = fold(events[:till])
    first = _first_of(runs, wanted)
    ended = now if is_alive and is_latest else history.last_at
    status = overview(history, ended, is_alive and is_latest, {}, lambda _: "")
    stopped = tuple((events[places[at] - 1].at, runs[at].at) for at in range(first + 1, wanted + 1))
    tasks = tuple(_tasks(history, status, runs[first].at))
    return RunReport(status, history, runs[first].at, ended, stopped, tasks)


def _first_of(runs: Sequence[RunOpened], wanted: int) -> int:
    """The run that this one goes on with, by way of others."""
    while wanted and runs[wanted].resumed:
        wanted -= 1
    return wanted


def _has_items(history: History) -> bool:
    return history.opened is not None and history.opened.is_open_ended


def _tasks(history: History, status: RunStatus, since: float) -> Iterator[TaskReport]:
    has_items = _has_items(history)
    for one in status.tasks:
        state = history.states[one.id]
        tries = (*state.attempts, *([state.running] if state.running else []))
        attempts = tuple(past for past in tries if past.started >= since)
        if has_items and not attempts:
            continue  # of an earlier run
        group = one.id.split("/", 1)[0] if has_items else ""
        yield TaskReport(one, state, attempts, group)


def _pauses(task: TaskReport, history: History) -> Iterator[Pause]:
    """Between one attempt and the next."""
    for before, then in zip(task.attempts, task.attempts[1:], strict=False):
        if before.ended is None or then.started <= before.ended:
            continue
        if why := _why_paused(before, then, task, history):
            yield Pause(task.id, why, before.ended, then.started)


def _why_paused(before: Attempt, then: Attempt, task: TaskReport, history: History) -> str:
    match before.result:
        case Result.LIMITED:
            return "limit"
        case Result.TRANSIENT:
            return "provider"
        case Result.HELD:
            return "person"
    pipeline = history.pipeline(task.state.task.pipeline)
    return "branch" if then.phase in pipeline and pipeline.phase(then.phase).is_at_branch else ""


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
