"""What the events add up to: each task's state, and the run's."""

from bisect import bisect_left, insort
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from attrs import field

from peal.classes import define
from peal.model.decision import Rules
from peal.model.pipeline import PIPELINE, PLAN_PHASES, Kind, Phase, Pipeline, renewed
from peal.model.plan import TaskId
from peal.model.values import evolve
from peal.model.work import Change, Outcome, Result
from peal.record.events import (
    KINDS,
    Event,
    PlanRead,
    PlanRewritten,
    ProcessStarted,
    RunClosed,
    RunOpened,
    StepEnded,
    StepStarted,
    StopAsked,
    TaskRead,
    TasksAdded,
    TasksForgotten,
    TasksMarkedDone,
    WorkspaceReady,
)
from peal.record.providers import Providers
from peal.record.task_state import Attempt, TaskState, Wait
from peal.record.transitions import ended

_BETWEEN_RUNS = (PlanRead, PlanRewritten, TasksMarkedDone)
_BEFORE_ANY_RUN = Pipeline(tuple(evolve(phase, agents=("",)) for phase in PLAN_PHASES))
"""What a task has before it, as long as no run has said so."""


def _nobody(_before: TaskState | None, _now: TaskState) -> None:
    """Does not care."""


@define
class History:
    """The fold over a journal's events. `apply` costs the same however much is already done."""

    plan: str = ""
    repo: str = ""
    states: dict[TaskId, TaskState] = field(factory=dict)
    opened: RunOpened | None = None
    stop: StopAsked | None = None
    closed: RunClosed | None = None
    begun_at: dict[str, str] = field(factory=dict)
    """The commit that each branch was on when the plan first landed there; empty where an older peal did not note it."""
    running: dict[TaskId, TaskState] = field(factory=dict)
    completed: set[TaskId] = field(factory=set)
    failed: set[TaskId] = field(factory=set)
    """Tasks that have failed in this run."""
    held: set[TaskId] = field(factory=set)
    """Tasks whose landing waits for the person in this run."""
    with_findings: set[TaskId] = field(factory=set)
    """Complete tasks that were let through with findings."""
    waiting: set[TaskId] = field(factory=set)
    """Tasks that wait for a provider, or for an agent that is free."""
    cap_reached: bool = False
    """So many tasks have failed in a row that the run is to end."""
    providers: Providers = field(factory=Providers)
    processes: dict[TaskId, tuple[int, str]] = field(factory=dict)
    """The latest process of each task's latest attempt, and what tells it from a later one with the same number."""
    counts: dict[tuple[TaskId, str], int] = field(factory=lambda: defaultdict(int))
    """Attempts by task and phase, never reset: they name folders that are never overwritten."""
    last_at: float = 0.0
    heard_at: float = 0.0
    """When something last happened in a run, in wall-clock seconds; what a person says between two runs happens in none."""
    changed: Callable[[TaskState | None, TaskState], None] = field(default=_nobody, eq=False)
    """Is told what a task was and is, at every change until a run is opened or the plan is read anew."""
    _places: dict[TaskId, int] = field(factory=dict)
    """Where each task stands in the plan."""
    _settled: list[tuple[int, bool]] = field(factory=list)
    """The places of tasks settled in this run, in order, and whether each succeeded."""

    @property
    def rules(self) -> Rules:
        """The rules the latest run was opened with."""
        return self.opened.rules if self.opened else Rules()

    @property
    def lands(self) -> bool:
        """Whether what tasks change enters the branch in the latest run."""
        return self.opened is not None and self.pipeline(PIPELINE).lands

    @property
    def blocked(self) -> set[TaskId]:
        """Those of the failed ones that wait for what a person says."""
        return {task for task in self.failed if self.states[task].is_blocked}

    @property
    def is_open(self) -> bool:
        """A run was opened and has not said that it ended; it may also have been killed."""
        return self.opened is not None and self.closed is None

    def in_order(self, tasks: Iterable[TaskId]) -> list[TaskId]:
        """These tasks as they stand in the plan."""
        return sorted(tasks, key=self._places.__getitem__)

    def pipeline(self, name: str) -> Pipeline:
        """The phases of tasks whose pipeline has this name in the latest run."""
        pipelines = self.opened.pipelines if self.opened else {}
        return pipelines.get(name) or pipelines.get(PIPELINE, _BEFORE_ANY_RUN)

    def first(self, kind: Kind) -> str:
        """What the first phase of a kind is called among those of a plan's tasks; empty if there is none."""
        found = self.pipeline(PIPELINE).first(kind)
        return found.name if found else ""

    def kind_of(self, state: TaskState, name: str) -> Kind | None:
        """The kind of a task's phase; None if it has none of that name in the latest run."""
        pipeline = self.pipeline(state.task.pipeline)
        return pipeline.phase(name).kind if name in pipeline else None

    def next_phase(self, state: TaskState) -> Phase:
        """The phase that a task has to do; it must not be complete."""
        assert state.next is not None, "a complete task has no next phase"
        return self.pipeline(state.task.pipeline).phase(state.next)

    def ready_at(self, state: TaskState) -> float:
        """When a task's next step may start, as far as agents and setbacks are concerned, in wall-clock seconds."""
        phase = self.next_phase(state)
        needs_agent = state.wait.needs_agent or phase.asks_agent
        return (
            max(state.wait.until, self.providers.free_at(phase.agents)) if needs_agent else state.wait.until
        )

    @property
    def why_over_budget(self) -> str:
        """Why no agent is asked any more; empty if there is money and are tokens left."""
        return self.providers.why_over(self.rules.budget)

    def apply(self, event: Event) -> None:
        """Take one more fact in."""
        is_of_run = self.is_of_run(event)
        _HANDLERS[type(event)](self, event)
        self.providers.apply(event)
        self.last_at = event.at
        if is_of_run:
            self.heard_at = event.at

    def is_of_run(self, event: Event) -> bool:
        """Whether what comes next happens in a run, and not between two: as a person's word on tasks, or a new reading of the plan."""
        if isinstance(event, RunOpened):
            return True
        if self.opened is None or self.closed is not None or isinstance(event, _BETWEEN_RUNS):
            return False
        return self.opened.is_open_ended or not isinstance(event, TasksForgotten)

    def _put(self, state: TaskState) -> None:
        """A task is in this state from now on."""
        task = state.task.id
        before = self.states.get(task)
        self.states[task] = state
        if state.running:
            self.running[task] = state
        else:
            self.running.pop(task, None)
        is_complete = state.is_complete
        (self.completed.add if is_complete else self.completed.discard)(task)
        (self.failed.discard if state.failed is None else self.failed.add)(task)
        (self.held.discard if state.held is None else self.held.add)(task)
        has_findings = is_complete and state.findings
        (self.with_findings.add if has_findings else self.with_findings.discard)(task)
        (self.waiting.add if _waits(state) else self.waiting.discard)(task)
        self.changed(before, state)

    def _on_RunOpened(self, event: RunOpened) -> None:  # noqa: N802 - named after the event
        self.changed = _nobody
        cut_off = Outcome(Result.INTERRUPTED, "peal was cut off")
        for state in list(self.running.values()):
            self._put(self._ended(state, cut_off, self.heard_at))
        before = {
            name: self.pipeline(name) for name in {state.task.pipeline for state in self.states.values()}
        }
        self.plan, self.repo = event.plan, event.repo
        self.opened, self.stop, self.closed = event, None, None
        if event.branch:
            self.begun_at.setdefault(event.branch, event.branch_at)
        self._settled.clear()
        self.cap_reached = False
        for state in list(self.states.values()):
            opened = self._opened(state, event.resumed, before[state.task.pipeline])
            if opened != state:
                self._put(opened)

    def _opened(self, state: TaskState, resumed: bool, before: Pipeline) -> TaskState:
        """A task at the start of a run: what counts in a run only is gone."""
        if not resumed and (state.notes or state.dismissed):
            state = evolve(state, notes=(), dismissed={})
        if state.next is None and not (state.seen or state.failures or state.conflicts or state.is_stuck):
            return state
        return evolve(
            state,
            next=self._renewed(state, before),
            earlier=state.earlier if state.failed is None else len(state.attempts),
            failures=0,
            conflicts=0,
            wait=Wait(needs_agent=state.wait.needs_agent),
            seen=(),
            failed=None,
            held=None,
        )

    def _renewed(self, state: TaskState, before: Pipeline) -> str | None:
        """Where a task goes on in its pipeline of now: at its beginning, if nothing was done for it yet."""
        now = self.pipeline(state.task.pipeline)
        if state.next == before.phases[0].name and not state.has_begun:
            return now.phases[0].name
        if state.next is None or state.next in now:
            return state.next
        return renewed(state.next, before, now) or now.phases[-1].name

    def _on_PlanRead(self, event: PlanRead) -> None:  # noqa: N802
        """Tasks keep what was done for them while their text is the same, wherever they have moved."""
        self.changed = _nobody
        self.plan, self.repo = event.plan or self.plan, event.repo or self.repo
        known_as = (
            _first_with_the_text(self.states, event.tasks) if event.known_as is None else event.known_as
        )
        before, self.states = self.states, {}
        self._places = {task.id: place for place, task in enumerate(event.tasks)}
        for group in (self.running, self.completed, self.failed, self.held, self.with_findings, self.waiting):
            group.clear()
        for task, was in zip(event.tasks, known_as, strict=True):
            first = self.pipeline(task.pipeline).phases[0].name
            self._put(TaskState(task, first) if was is None else self._read_anew(before[was], task))

    def _on_TasksAdded(self, event: TasksAdded) -> None:  # noqa: N802
        for task in event.tasks:
            self._places.setdefault(task.id, len(self._places))
            before = self.states.get(task.id)
            first = self.pipeline(task.pipeline).phases[0].name
            self._put(self._read_anew(before, task) if before else TaskState(task, first))

    def _on_PlanRewritten(self, event: PlanRewritten) -> None:  # noqa: N802
        """What it has used is the providers' affair."""

    def _read_anew(self, state: TaskState, task: TaskRead) -> TaskState:
        """The same task with the marks that it has now, by which it may have other phases."""
        now = evolve(state, task=task)
        if task.pipeline == state.task.pipeline:
            return now
        return evolve(now, next=self._renewed(now, self.pipeline(state.task.pipeline)))

    def _on_StepStarted(self, event: StepStarted) -> None:  # noqa: N802
        state = self.states[event.task]
        self.counts[event.task, event.phase] = event.attempt
        self.processes.pop(event.task, None)
        self._put(
            evolve(
                state,
                running=Attempt(event.task, event.phase, event.attempt, event.agent, event.at),
                has_begun=True,
                wait=evolve(state.wait, until=0.0, needs_agent=False) if _waits(state) else state.wait,
            )
        )

    def _on_WorkspaceReady(self, event: WorkspaceReady) -> None:  # noqa: N802
        state = self.states[event.task]
        if state.running:
            running = evolve(state.running, workspace=event.path, base=event.base)
            self._put(evolve(state, running=running))

    def _on_ProcessStarted(self, event: ProcessStarted) -> None:  # noqa: N802
        self.processes[event.task] = event.pid, event.birth
        state = self.states[event.task]
        if event.machine and state.running:
            self._put(evolve(state, running=evolve(state.running, machine=event.machine)))

    def _on_StepEnded(self, event: StepEnded) -> None:  # noqa: N802
        state = self._ended(self.states[event.task], event.outcome, event.at)
        self._put(state)
        if state.failed is not None or state.next is None:
            self._settle(state)

    def _ended(self, state: TaskState, outcome: Outcome, at: float) -> TaskState:
        return ended(state, outcome, at, self.pipeline(state.task.pipeline), self.rules)

    def _settle(self, state: TaskState) -> None:
        """Nothing more happens to a task in this run: count how many have failed in a row."""
        place = (self._places[state.task.id], state.next is None)
        insort(self._settled, place)
        cap = self.rules.max_consecutive_task_failures
        if state.failed is not None and cap is not None and self._failures_around(place, cap) >= cap:
            self.cap_reached = True

    def _failures_around(self, place: tuple[int, bool], enough: int) -> int:
        """How many settled tasks failed in a row in task order, this one among them; looks no further than needed."""
        low = high = bisect_left(self._settled, place)
        while low > 0 and not self._settled[low - 1][1] and high - low + 1 < enough:
            low -= 1
        while high + 1 < len(self._settled) and not self._settled[high + 1][1] and high - low + 1 < enough:
            high += 1
        return high - low + 1

    def _on_TasksForgotten(self, event: TasksForgotten) -> None:  # noqa: N802
        for task in event.tasks:
            if state := self.states.get(task):
                self._put(self._forgotten(_at_rest(state), event.phase))

    def _forgotten(self, state: TaskState, name: str) -> TaskState:
        """A task that is to be done again from a phase on; as it is if it has not come that far."""
        pipeline = self.pipeline(state.task.pipeline)
        phase = pipeline.phase(renewed(name, _BEFORE_ANY_RUN, pipeline) or pipeline.phases[-1].name)
        if phase.kind is Kind.LAND:  # what lands has to be verified first
            phase = pipeline.first(Kind.REVIEW) or phase
        place = pipeline.place(phase.name)
        if state.next is not None and pipeline.place(state.next) < place:
            return state
        makes_change = pipeline.first(Kind.WRITE)
        keeps_change = makes_change is not None and pipeline.place(makes_change.name) < place
        return TaskState(
            state.task,
            phase.name,
            state.attempts,
            len(state.attempts),
            has_begun=place > 0,  # what comes before counts as done, be it by a person's word
            change=Change(state.change.own if keeps_change else ""),
        )

    def _on_TasksMarkedDone(self, event: TasksMarkedDone) -> None:  # noqa: N802
        for task in event.tasks:
            if state := self.states.get(task):
                done = evolve(_at_rest(state), next=None, completed_at=event.at, findings=(), change=Change())
                self._put(evolve(done, failed=None, held=None))

    def _on_StopAsked(self, event: StopAsked) -> None:  # noqa: N802
        self.stop = self.stop or event

    def _on_RunClosed(self, event: RunClosed) -> None:  # noqa: N802
        self.closed = event


_HANDLERS: dict[type, Callable[[History, Any], None]] = {
    kind: getattr(History, f"_on_{name}") for name, kind in KINDS.items()
}


def _waits(state: TaskState) -> bool:
    return state.wait.needs_agent or bool(state.wait.until)


def _at_rest(state: TaskState) -> TaskState:
    """What a crash cut off, or a provider held up, counts no more when a person has decided about the task."""
    return evolve(state, running=None, wait=Wait())


def _first_with_the_text(states: dict[TaskId, TaskState], tasks: Iterable[TaskRead]) -> list[TaskId | None]:
    """For each task the id of the first state with its text that is not given out yet."""
    known: dict[str, deque[TaskId]] = defaultdict(deque)
    for task, state in states.items():
        known[state.task.digest].append(task)
    return [known[task.digest].popleft() if known[task.digest] else None for task in tasks]


def fold(events: Iterable[Event]) -> History:
    """The history that these events add up to."""
    history = History()
    for event in events:
        history.apply(event)
    return history
