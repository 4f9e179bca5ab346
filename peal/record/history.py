"""What the events add up to: each task's standing, and the run's."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

from attrs import define, field

from peal.model.decision import Limits
from peal.model.pipeline import Phase
from peal.model.review import Finding, Round
from peal.model.work import Outcome, Result
from peal.record.events import (
    KINDS,
    Event,
    PlanRead,
    ProcessStarted,
    RunClosed,
    RunOpened,
    StepEnded,
    StepStarted,
    StopAsked,
    TaskRead,
    TasksForgotten,
    TasksMarkedDone,
    WorkspaceReady,
)
from peal.record.spending import Spending, dollars, tokens


@define
class Attempt:
    """An attempt as remembered; `ended` and `outcome` are None while it runs."""

    task: int
    """The task's number when the attempt was made: its folder is named after it."""
    phase: Phase
    number: int
    agent: str
    started: float
    ended: float | None = None
    outcome: Outcome | None = None
    workspace: str = ""
    """The worktree it worked in."""
    base: str = ""
    """The commit that the worktree was on when it began."""

    @property
    def result(self) -> Result | None:
        """How it ended; None while it runs."""
        return self.outcome.result if self.outcome else None


class Stage(Enum):
    """What a task waits for that has something left to do and does not run."""

    FRESH = "to be begun"
    BEGUN = "the next try or phase before `address`"
    REVIEW = "`address`"
    LAND = "`land`"
    AGAIN = "`execute` anew after a conflict, when all others have landed"


@define
class TaskState:
    """One task's way through its phases."""

    task: TaskRead
    next: Phase | None = Phase.PLAN
    """The phase to do; None once the task is complete."""
    tries: list[Attempt] = field(factory=list)
    running: Attempt | None = None
    has_begun: bool = False
    """Something was done for the task, in this run or an earlier one, that still counts."""
    pid: int = 0
    birth: str = ""
    failures: int = 0
    """Failed tries of the next phase in this run."""
    seen: tuple[Round, ...] = ()
    """The rounds of mending in this run."""
    dismissed: dict[str, Finding] = field(factory=dict)
    """What was dismissed of this change, by fingerprint."""
    notes: tuple[str, ...] = ()
    """What attempts since `peal run` have noted, each thing once."""
    setbacks: int = 0
    """How often in a row the next phase was set back in the same way: by its provider, or by a usage limit."""
    set_back_by: Result | None = None
    """In which way; a limit is nobody's failure, so the one does not count as the other."""
    wait_until: float = 0.0
    """When the next phase may be tried again after such a setback."""
    needs_agent: bool = False
    """The next phase has come to a point where nothing goes on without an agent, and none was free."""
    failed: str | None = None
    """Why the task has failed in this run."""
    held: str | None = None
    """What of the person's own is in the way of the landing in this run."""
    conflicts: int = 0
    """How often in this run the change could not be merged."""
    clashed: bool = False
    """The change could not be merged, and `execute` has not passed again since."""
    commit: str = ""
    """What `execute` left as a commit; empty if it changed nothing or worked in the shared tree."""
    mended: str = ""
    """The merge as the agent has mended it so far."""
    verified: str = ""
    """The merge that passed `address`."""
    findings: tuple[Finding, ...] = ()
    """What the reviewers still found when the task was let through."""
    completed_at: float | None = None
    stage: Stage | None = field(default=None, eq=False)
    """Kept by the history; None while the task runs or has nothing left to do in this run."""

    @property
    def is_complete(self) -> bool:
        """Everything asked of the task is done, here or by the word of a person or the plan."""
        return self.next is None or self.task.done

    @property
    def is_settled(self) -> bool:
        """Nothing more happens to the task in this run."""
        return self.next is None or self.failed is not None or self.held is not None or self.task.done

    @property
    def brings(self) -> str:
        """The commit that `address` has to merge; empty if there is nothing to merge."""
        return self.mended or self.commit

    def last(self) -> Attempt | None:
        """The latest try that ended."""
        return self.tries[-1] if self.tries else None

    def failure(self, phase: Phase) -> Attempt | None:
        """The try of this phase whose failure nothing has made good yet; being cut short or put off does not count."""
        for past in reversed(self.tries):
            if past.result is None or past.phase is not phase:
                return None
            if past.result.is_failure:
                return past
            if past.result not in _NEITHER:
                return None
        return None


_NEITHER = (Result.INTERRUPTED, Result.TRANSIENT, Result.LIMITED, Result.STOPPED, Result.HELD)
"""Ends of a try that neither fail it nor make a failure good."""


@define
class History:
    """The fold over a journal's events. `apply` costs the same however much is already done."""

    plan: str = ""
    repo: str = ""
    lines: dict[int, TaskState] = field(factory=dict)
    opened: RunOpened | None = None
    stop: StopAsked | None = None
    closed: RunClosed | None = None
    running: dict[int, TaskState] = field(factory=dict)
    completed: set[int] = field(factory=set)
    failed: set[int] = field(factory=set)
    """Tasks that have failed in this run."""
    held: set[int] = field(factory=set)
    """Tasks whose landing waits for the person in this run."""
    with_findings: set[int] = field(factory=set)
    """Complete tasks that were let through with findings."""
    cap_reached: bool = False
    limited: dict[str, float] = field(factory=dict)
    """Agents whose usage limit was met, and when it is reset, in wall-clock seconds; outlives a run."""
    waiting: dict[int, TaskState] = field(factory=dict)
    """Tasks that wait for a provider, or for an agent that is free."""
    spent: Spending = field(factory=Spending)
    """What attempts have used since `peal run`; a resume goes on counting."""
    counts: dict[tuple[int, Phase], int] = field(factory=lambda: defaultdict(int))
    """Attempts by number and phase, never reset: they name folders that are never overwritten."""
    last_at: float = 0.0
    _settled: list[tuple[int, bool]] = field(factory=list)
    """The tasks settled in this run in task order, and whether each succeeded."""
    _idle: dict[Stage, list[int]] = field(factory=lambda: {stage: [] for stage in Stage})

    @property
    def limits(self) -> Limits:
        """The rules the latest run was opened with."""
        return self.opened.limits if self.opened else Limits()

    @property
    def is_open(self) -> bool:
        """A run was opened and has not said that it ended; it may also have been killed."""
        return self.opened is not None and self.closed is None

    def idle(self, stage: Stage, tasks: Sequence[int]) -> list[int]:
        """Which of a segment's tasks wait at this stage, in task order; costs what it gives, not the plan's length."""
        waiting = self._idle[stage]
        low, high = bisect_left(waiting, tasks[0]), bisect_right(waiting, tasks[-1])
        found = waiting[low:high]
        is_gapless = tasks[-1] - tasks[0] + 1 == len(tasks)
        return found if is_gapless or len(found) == 0 else sorted(set(tasks).intersection(found))

    def apply(self, event: Event) -> None:
        """Take one more fact in."""
        _HANDLERS[type(event)](self, event)
        self.last_at = event.at

    def agent_for(self, phase: Phase, now: float) -> str:
        """Who is to be asked in this phase: the first whose usage limit is not reached; empty if there is none."""
        chain = self.limits.agents.get(phase, ())
        return next((agent for agent in chain if self.limited.get(agent, 0.0) <= now), "")

    def free_at(self, phase: Phase) -> float:
        """When somebody can be asked in this phase, in wall-clock seconds; 0 if that was never in doubt."""
        chain = self.limits.agents.get(phase, ())
        return min((self.limited.get(agent, 0.0) for agent in chain), default=0.0)

    def ready_at(self, line: TaskState) -> float:
        """When this task's next step may start, as far as agents and setbacks are concerned."""
        assert line.next is not None, "a complete task has no next step"
        needs_agent = line.needs_agent or line.next in (Phase.PLAN, Phase.EXECUTE)
        return max(line.wait_until, self.free_at(line.next)) if needs_agent else line.wait_until

    @property
    def why_over_budget(self) -> str:
        """Why no agent is asked any more; empty if there is money and are tokens left."""
        limits, spent = self.limits, self.spent.total
        if limits.max_cost is not None and (spent.cost or 0.0) >= limits.max_cost:
            return f"{dollars(spent.cost)} spent of `max_cost` {dollars(limits.max_cost)}"
        if limits.max_tokens is not None and spent.tokens >= limits.max_tokens:
            return f"{tokens(spent.tokens)} used of `max_tokens` {limits.max_tokens}"
        return ""

    def _restage(self, line: TaskState) -> None:
        """Keep the index of idle tasks true after a change to one of them."""
        stage = _stage(line)
        if stage is not line.stage:
            index = line.task.index
            if line.stage is not None:
                places = self._idle[line.stage]
                del places[bisect_left(places, index)]
            if stage is not None:
                insort(self._idle[stage], index)
            line.stage = stage

    def _restage_all(self) -> None:
        for line in self.lines.values():
            line.stage = _stage(line)
        self._idle = {
            stage: sorted(index for index, line in self.lines.items() if line.stage is stage)
            for stage in Stage
        }

    def _on_RunOpened(self, event: RunOpened) -> None:  # noqa: N802 - named after the event
        for line in list(self.running.values()):
            self._end(line, line.running, self.last_at, Outcome(Result.INTERRUPTED, "peal was cut off"))
        self.running.clear()
        for line in self.lines.values():
            line.failed, line.held, line.failures, line.seen, line.conflicts = None, None, 0, (), 0
            line.setbacks, line.set_back_by, line.wait_until = 0, None, 0.0
            if not event.resumed:
                line.notes = ()
                line.dismissed.clear()
        self.waiting = {index: line for index, line in self.waiting.items() if line.needs_agent}
        if not event.resumed:
            self.spent = Spending()
        if event.try_now:
            self.limited.clear()
        self.plan, self.repo = event.plan, event.repo
        self.opened, self.stop, self.closed = event, None, None
        self.failed.clear()
        self.held.clear()
        self._settled.clear()
        self.cap_reached = False
        self._restage_all()

    def _on_PlanRead(self, event: PlanRead) -> None:  # noqa: N802
        """Tasks keep what was done for them while their text is the same, wherever they have moved."""
        self.plan, self.repo = event.plan or self.plan, event.repo or self.repo
        known_as = _in_order(self.lines, event.tasks) if event.known_as is None else event.known_as
        before, self.lines = self.lines, {}
        for task, number in zip(event.tasks, known_as, strict=True):
            line = TaskState(task) if number is None else before[number]
            line.task = task
            self.lines[task.index] = line
        self.completed = {index for index, line in self.lines.items() if line.is_complete}
        self.running = {index: line for index, line in self.lines.items() if line.running}
        self.waiting = {
            index: line for index, line in self.lines.items() if line.needs_agent or line.wait_until
        }
        self.failed = {index for index, line in self.lines.items() if line.failed is not None}
        self.held = {index for index, line in self.lines.items() if line.held is not None}
        self.with_findings = {
            index for index, line in self.lines.items() if line.findings and line.is_complete
        }
        self._restage_all()

    def _on_StepStarted(self, event: StepStarted) -> None:  # noqa: N802
        line = self.lines[event.task]
        line.running = Attempt(event.task, event.phase, event.attempt, event.agent, event.at)
        line.has_begun = True
        line.pid, line.birth = 0, ""
        line.wait_until, line.needs_agent = 0.0, False
        self.waiting.pop(event.task, None)
        self.counts[event.task, event.phase] = event.attempt
        self.running[event.task] = line
        self._restage(line)

    def _on_WorkspaceReady(self, event: WorkspaceReady) -> None:  # noqa: N802
        if running := self.lines[event.task].running:
            running.workspace, running.base = event.path, event.base

    def _on_ProcessStarted(self, event: ProcessStarted) -> None:  # noqa: N802
        line = self.lines[event.task]
        line.pid, line.birth = event.pid, event.birth

    def _on_StepEnded(self, event: StepEnded) -> None:  # noqa: N802
        line = self.lines[event.task]
        self._end(line, line.running, event.at, event.outcome)
        self._restage(line)

    def _end(self, line: TaskState, running: Attempt | None, at: float, outcome: Outcome) -> None:
        assert running is not None, "an attempt ends once, after it has started"
        running.ended, running.outcome = at, outcome
        self.spent.add(running.phase, outcome.usage)
        line.dismissed |= {finding.fingerprint: finding for finding in outcome.dismissed}
        line.notes = tuple(dict.fromkeys((*line.notes, *outcome.notes)))
        line.tries.append(running)
        line.running = None
        self.running.pop(line.task.index, None)
        if outcome.result not in (line.set_back_by, Result.INTERRUPTED):
            line.setbacks, line.set_back_by = 0, outcome.result
        match outcome.result:
            case Result.PASSED:
                self._pass(line, running.phase, at, outcome)
            case Result.MENDED:
                line.seen = (*line.seen, outcome.round or Round.of(outcome.findings))
                line.failures = 0
                line.mended = outcome.commit or line.mended
            case Result.CONFLICTED:
                self._clash(line, outcome)
            case Result.OUTDATED:
                line.next, line.verified, line.failures = Phase.ADDRESS, "", 0
            case Result.HELD:
                line.held = outcome.reason
                self.held.add(line.task.index)
            case failure if failure.is_failure:
                self._try_failed(line, running.phase, outcome)
            case _:
                self._put_off(line, running.phase, outcome)

    def _put_off(self, line: TaskState, phase: Phase, outcome: Outcome) -> None:
        """What is nobody's failure: the same step comes again, some time."""
        match outcome.result:
            case Result.TRANSIENT:
                self._set_back(line, phase, outcome)
            case Result.LIMITED:
                self._limit(line, phase, outcome)
            case Result.INTERRUPTED | Result.STOPPED:
                pass

    def _try_failed(self, line: TaskState, phase: Phase, outcome: Outcome) -> None:
        line.failures += 1
        if outcome.result is Result.REJECTED or line.failures > self.limits.retry_count(phase):
            self._fail(line, outcome.reason)

    def _set_back(self, line: TaskState, phase: Phase, outcome: Outcome) -> None:
        line.setbacks += 1
        if line.setbacks > self.limits.transient_retry_count:
            line.setbacks = 0
            self._try_failed(line, phase, outcome)
        else:
            line.wait_until = outcome.until or 0.0
            self.waiting[line.task.index] = line

    def _limit(self, line: TaskState, phase: Phase, outcome: Outcome) -> None:
        line.setbacks += 1
        line.needs_agent = True
        self.waiting[line.task.index] = line
        if outcome.agent:
            self.limited[outcome.agent] = outcome.until or 0.0
        is_reviewers = outcome.agent not in self.limits.agents.get(phase, ())
        if outcome.agent and is_reviewers:  # nobody can take its place
            line.wait_until = outcome.until or 0.0

    def _pass(self, line: TaskState, phase: Phase, at: float, outcome: Outcome) -> None:
        line.next, line.failures = phase.next, 0
        match phase:
            case Phase.EXECUTE:
                line.commit, line.mended, line.verified, line.findings = outcome.commit, "", "", ()
                line.clashed = False
                line.dismissed.clear()
            case Phase.ADDRESS:
                line.verified, line.findings = outcome.commit, outcome.findings
                if not self.limits.lands:
                    line.next = None
        if line.next is None:
            self._complete(line, at, line.findings)

    def _clash(self, line: TaskState, outcome: Outcome) -> None:
        """Others go first; then the task is carried out anew on what they left, or it has failed."""
        line.conflicts += 1
        line.mended, line.seen = "", ()
        if line.conflicts > self.limits.conflict_retry:
            self._fail(line, outcome.reason)
        else:
            line.next, line.failures, line.clashed = Phase.EXECUTE, 0, True

    def _complete(self, line: TaskState, at: float, findings: tuple[Finding, ...] = ()) -> None:
        line.next, line.completed_at, line.findings, line.failed = None, at, findings, None
        self.completed.add(line.task.index)
        if findings:
            self.with_findings.add(line.task.index)
        insort(self._settled, (line.task.index, True))

    def _fail(self, line: TaskState, reason: str) -> None:
        line.failed = reason
        self.failed.add(line.task.index)
        place = (line.task.index, False)
        insort(self._settled, place)
        cap = self.limits.max_consecutive_task_failures
        if cap is not None and self._failures_around(place, cap) >= cap:
            self.cap_reached = True

    def _failures_around(self, place: tuple[int, bool], enough: int) -> int:
        """How many settled tasks failed in a row in task order, this one among them; looks no further than needed."""
        low = high = bisect_left(self._settled, place)
        while low > 0 and not self._settled[low - 1][1] and high - low + 1 < enough:
            low -= 1
        while high + 1 < len(self._settled) and not self._settled[high + 1][1] and high - low + 1 < enough:
            high += 1
        return high - low + 1

    def _drop_running(self, line: TaskState) -> None:
        """What a crash cut off, or a provider held up, counts no more when a person has decided about the task."""
        line.running = None
        self.running.pop(line.task.index, None)
        line.setbacks, line.wait_until, line.needs_agent = 0, 0.0, False
        self.waiting.pop(line.task.index, None)

    def _on_TasksForgotten(self, event: TasksForgotten) -> None:  # noqa: N802
        phase = min(event.phase, Phase.ADDRESS, key=list(Phase).index)  # what lands has to be verified first
        for index in event.tasks:
            line = self.lines.get(index)
            if line:
                self._drop_running(line)
            if line and (line.next in (None, phase) or line.next.comes_after(phase)):
                line.next, line.completed_at, line.findings = phase, None, ()
                line.failures, line.seen, line.failed, line.held, line.conflicts = 0, (), None, None, 0
                line.mended = line.verified = ""
                line.clashed, line.notes = False, ()
                line.dismissed.clear()
                if phase is not Phase.ADDRESS:
                    line.commit = ""
                line.has_begun = line.has_begun and phase is not Phase.PLAN
                self.failed.discard(index)
                self.held.discard(index)
                self.with_findings.discard(index)
                if not line.task.done:
                    self.completed.discard(index)
                self._restage(line)

    def _on_TasksMarkedDone(self, event: TasksMarkedDone) -> None:  # noqa: N802
        for index in event.tasks:
            if line := self.lines.get(index):
                self._drop_running(line)
                line.next, line.completed_at, line.findings = None, event.at, ()
                line.failed, line.held = None, None
                line.commit = line.mended = line.verified = ""
                self.completed.add(index)
                self.failed.discard(index)
                self.held.discard(index)
                self.with_findings.discard(index)
                self._restage(line)

    def _on_StopAsked(self, event: StopAsked) -> None:  # noqa: N802
        self.stop = self.stop or event

    def _on_RunClosed(self, event: RunClosed) -> None:  # noqa: N802
        self.closed = event


_HANDLERS: dict[type, Callable[[History, Any], None]] = {
    kind: getattr(History, f"_on_{name}") for name, kind in KINDS.items()
}


def _in_order(lines: dict[int, TaskState], tasks: Iterable[TaskRead]) -> list[int | None]:
    """For each task the number of the first line with its text that is not given out yet."""
    known: dict[str, deque[int]] = defaultdict(deque)
    for index, line in lines.items():
        known[line.task.digest].append(index)
    return [known[task.digest].popleft() if known[task.digest] else None for task in tasks]


def _stage(line: TaskState) -> Stage | None:
    if line.running or line.is_settled:
        return None
    if line.next is Phase.LAND:
        return Stage.LAND
    if line.next is Phase.ADDRESS:
        return Stage.REVIEW
    if line.clashed:
        return Stage.AGAIN
    return Stage.BEGUN if line.has_begun else Stage.FRESH


def fold(events: Iterable[Event]) -> History:
    """The history that these events add up to."""
    history = History()
    for event in events:
        history.apply(event)
    return history
