"""Plans, worlds and runs in a few words: drives the scheduler and the history as the loop does, without any work."""

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from attrs import asdict, define, evolve, field, frozen

from peal.model.agent import Usage
from peal.model.decision import Budget, Decision, Halt, Rules
from peal.model.pipeline import PIPELINE, PLAN_PHASES, Kind, Pipeline
from peal.model.plan import Task, TaskId
from peal.model.review import Finding
from peal.model.work import Outcome, Result, Step
from peal.record.events import (
    Event,
    PlanRead,
    ProcessStarted,
    RunClosed,
    RunOpened,
    StepEnded,
    StepStarted,
    StopAsked,
    TaskRead,
    WorkspaceReady,
)
from peal.record.history import History
from peal.schedule.decide import decide
from peal.schedule.plan_agenda import PlanAgenda
from peal.schedule.work import Work

PHASES = tuple(phase.name for phase in PLAN_PHASES)
PHASE = {phase.name: phase for phase in PLAN_PHASES}
FINDING = Finding("tests", "one test fails")
WORDS = {
    "passes": Outcome(Result.PASSED),
    "fails": Outcome(Result.FAILED, "it went wrong"),
    "is mended": Outcome(Result.MENDED),
    "is rejected": Outcome(Result.REJECTED, "findings remain"),
    "is cut short": Outcome(Result.INTERRUPTED, "the run was ended"),
    "passes with findings": Outcome(Result.PASSED, "findings remain", (FINDING,)),
    "changes nothing": Outcome(Result.PASSED, "nothing changed"),
    "is mended in part": Outcome(Result.MENDED, "conflicts remain"),
    "conflicts": Outcome(Result.CONFLICTED, "both changed `a.txt`", (FINDING,)),
    "is outdated": Outcome(Result.OUTDATED, "`main` has moved on"),
    "is held": Outcome(Result.HELD, "`a.txt` is being edited"),
    "is set back": Outcome(Result.TRANSIENT, "status 529", until=10.0),
    "is limited": Outcome(Result.LIMITED, "session limit", until=1000.0),
    "is dear": Outcome(Result.PASSED, usage=(Usage("opus", 600, 300, 0, 100, 5.0),)),
    "fails and is dear": Outcome(
        Result.FAILED, "it went wrong", usage=(Usage("opus", 600, 300, 0, 100, 5.0),)
    ),
}
"""How a step can end, as stories tell it; commits and agents are the run's to add, and `until` counts from the end."""
LEAVE_NO_COMMIT = (WORDS["changes nothing"], WORDS["is mended in part"])


def tasks_of(text: str) -> tuple[TaskRead, ...]:
    """
    Tasks from words like `1`, `2p` (parallel), `3x` (ticked off), `4<1,2` (after 1 and 2) or `4p=name` (with a text of its own).

    Without a name the text is named after the number, so `1 2` and `1 2 3` share the tasks 1 and 2.
    """
    return tuple(_task(word) for word in text.split())


def _task(word: str) -> TaskRead:
    head, _, name = word.partition("=")
    head, _, needed = head.partition("<")
    id_ = TaskId(head.rstrip("px"))
    task = Task(id_, name or f"task {id_}", "", parallel="p" in head, done="x" in head)
    after = tuple(TaskId(one) for one in needed.split(",") if one)
    return TaskRead(id_, task.title, task.digest, task.parallel, task.done, after=after)


def work_of(tasks: Iterable[TaskRead], selected: Iterable[str] | None = None) -> Work:
    """What there is to do of these tasks, cut down to a selection if there is one."""
    chosen = None if selected is None else frozenset(selected)
    return Work.of(tasks, chosen)


@frozen
class Limits:
    """The rules of a run and of its phases, in the words of the settings."""

    max_parallel: int = 1
    plan_retry_count: int = 0
    execute_retry_count: int = 0
    address_retry_count: int = 0
    continue_with_remaining_tasks: bool = False
    max_consecutive_task_failures: int | None = None
    lands: bool = False
    as_ready: bool = False
    conflict_retry: int = 1
    transient_retry_count: int = 10
    agents: Mapping[str, tuple[str, ...]] = field(factory=dict)
    wait: bool = True
    max_cost: float | None = None
    max_tokens: int | None = None
    continue_session: bool = False
    own: Mapping[str, str] = field(factory=dict)
    """Pipelines of tasks that name their agent, each with that agent."""

    @classmethod
    def of(cls, opened: RunOpened) -> "Limits":
        """Those by which a run was opened."""
        phases = {phase.name: phase for phase in opened.pipelines[PIPELINE].phases}
        rules = asdict(opened.rules, recurse=False)
        budget = rules.pop("budget")
        return cls(
            **rules,
            plan_retry_count=phases["plan"].retries,
            execute_retry_count=phases["execute"].retries,
            address_retry_count=phases["address"].retries,
            lands="land" in phases,
            max_cost=budget.max_cost,
            max_tokens=budget.max_tokens,
        )

    def retry_count(self, phase: str) -> int:
        """How often a failed step of this phase is tried again."""
        return self.pipelines[PIPELINE].phase(phase).retries

    @property
    def rules(self) -> Rules:
        """Those of the run."""
        return Rules(
            max_parallel=self.max_parallel,
            continue_with_remaining_tasks=self.continue_with_remaining_tasks,
            max_consecutive_task_failures=self.max_consecutive_task_failures,
            as_ready=self.as_ready,
            conflict_retry=self.conflict_retry,
            transient_retry_count=self.transient_retry_count,
            wait=self.wait,
            continue_session=self.continue_session,
            budget=Budget(self.max_cost, self.max_tokens),
        )

    @property
    def pipelines(self) -> dict[str, Pipeline]:
        """The phases of a plan's tasks."""
        retries = {
            "plan": self.plan_retry_count,
            "execute": self.execute_retry_count,
            "address": self.address_retry_count,
            "land": self.address_retry_count,
        }
        phases = [phase for phase in PLAN_PHASES if self.lands or phase.kind is not Kind.LAND]
        usual = tuple(
            evolve(phase, retries=retries[phase.name], agents=self.agents.get(phase.name) or ("",))
            for phase in phases
        )
        named = {
            name: Pipeline(tuple(evolve(phase, agents=(agent,)) for phase in usual))
            for name, agent in self.own.items()
        }
        return {**named, PIPELINE: Pipeline(usual)}


def opened(at: float = 0.0, limits: Limits | None = None, selected: Iterable[str] | None = None) -> RunOpened:
    """A run was asked for; everything that decides nothing is filled in."""
    chosen = None if selected is None else tuple(selected)
    limits = limits or Limits()
    words = ("peal", "run")
    return RunOpened(
        at,
        f"run-{at:g}",
        "plans/a.md",
        "/repo",
        4711,
        "1.0",
        words,
        {},
        limits.rules,
        limits.pipelines,
        chosen,
    )


class Record(Protocol):
    """Where a run is recorded: a journal, or only a history."""

    history: History

    def append(self, *events: Event) -> None:
        """Record facts."""


@define
class Remembered:
    """A memory without a file, which also keeps the events themselves."""

    events: list[Event] = field(factory=list)
    history: History = field(factory=History)

    def append(self, *events: Event) -> None:
        """Record facts, each at a time of its own."""
        for event in events:
            self.events.append(event)
            self.history.apply(event)


class World(Protocol):
    """What becomes of the steps that are started."""

    def next(self, running: tuple[Step, ...]) -> Step:
        """Which of the running steps ends next."""

    def outcome(self, step: Step) -> Outcome:
        """How it ends."""


@define
class Script:
    """
    A world that is told in words: `{"2 execute": "fails, passes"}`; everything else passes.

    `slow` names steps that end last of those running; among the others the first started ends first.
    """

    says: Mapping[str, str] = field(factory=dict)
    slow: tuple[str, ...] = ()
    _told: dict[str, list[str]] = field(factory=dict)

    def next(self, running: tuple[Step, ...]) -> Step:
        """The step that was started first, unless it is slow."""
        return min(running, key=lambda step: (_name(step) in self.slow, running.index(step)))

    def outcome(self, step: Step) -> Outcome:
        """The next word that was said about the step."""
        name = _name(step)
        words = self._told.setdefault(
            name, [w.strip() for w in self.says.get(name, "").split(",") if w.strip()]
        )
        return WORDS[words.pop(0) if words else "passes"]


def _name(step: Step) -> str:
    return f"{step.task} {step.phase}"


@define
class Chance:
    """A world of luck; mending, interruptions and a branch that moves on come to an end, as they do outside."""

    luck: random.Random
    trouble: float = 0.3
    findings: bool = True
    lands: bool = False
    """The tasks work in worktrees, with all that can happen there."""
    _left: dict[str, int] = field(
        factory=lambda: {"is cut short": 3, "is mended": 4, "is mended in part": 2, "is outdated": 3}
    )

    def next(self, running: tuple[Step, ...]) -> Step:
        """Any of them."""
        return self.luck.choice(running)

    def outcome(self, step: Step) -> Outcome:
        """Mostly a pass."""
        if self.luck.random() >= self.trouble:
            return WORDS[self._well(step.phase)]
        word = self.luck.choice([word for word in self._badly(step.phase) if self._left.get(word, 1)])
        if word in self._left:
            self._left[word] -= 1
        return WORDS[word]

    def _well(self, phase: str) -> str:
        if self.luck.random() >= 0.2:
            return "passes"
        if phase == "address" and self.findings:
            return "passes with findings"
        return "changes nothing" if phase == "execute" and self.lands else "passes"

    def _badly(self, phase: str) -> list[str]:
        if phase == "land":
            return ["fails", "is cut short", "is outdated", "is outdated", "is held"]
        words = ["fails", "fails", "is cut short"]
        if phase == "address":
            words += ["is rejected", "is mended", "is mended"]
            words += ["is mended in part", *["conflicts"] * 4] * self.lands
        return words


@frozen
class Moment:
    """A decision, and what had been recorded when it was taken."""

    decision: Decision
    events_before: int
    running: tuple[Step, ...]


@define
class Played:
    """What a run did."""

    halt: Halt | None = None
    """None if the run was cut off."""
    moments: list[Moment] = field(factory=list)
    started: list[Step] = field(factory=list)
    slept: list[float] = field(factory=list)
    """The moments it slept until."""

    @property
    def order(self) -> str:
        """The started steps in order, short: `1p 2p 1e 2e 1a 2a`."""
        return " ".join(f"{step.task}{step.phase[0]}" for step in self.started)

    @property
    def batches(self) -> str:
        """The started steps in order, those of one decision joined: `1p+2p 1e 2e`."""
        starts = [moment.decision.start for moment in self.moments if moment.decision.start]
        return " ".join("+".join(f"{step.task}{step.phase[0]}" for step in start) for start in starts)


class _CutOff(Exception):
    """peal was killed."""


@define
class Run:
    """One run, driven as the loop drives it: decide, start, wait, record."""

    memory: Record
    world: World
    stop_at: int | None = None
    """Ctrl-C comes when so many events are recorded in this run."""
    cut_at: int | None = None
    """Nothing more is recorded after so many events: peal was killed."""
    decide: Callable[[PlanAgenda, float], Decision] = decide
    played: Played = field(factory=Played)
    _running: list[Step] = field(factory=list)
    _recorded: int = 0
    _clock: float = 0.0

    def go(self, work: Work, opening: RunOpened) -> Played:
        """To the end of the run, or to where it is cut off."""
        with suppress(_CutOff):
            self.played.halt = self._to_the_end(work, opening)
        return self.played

    def _to_the_end(self, work: Work, opening: RunOpened) -> Halt:
        history = self.memory.history
        self._record(opening)
        agenda = PlanAgenda(work, history)
        decision = self._decided(agenda)
        while decision.halt is None:
            self._start(decision)
            if not self._running:
                self._sleep(decision)
                decision = self._decided(agenda)
                continue
            assert len(self.played.moments) < 1000, "the run would go on for ever"
            if self.stop_at is not None and self._recorded >= self.stop_at and history.stop is None:
                self._record(StopAsked(self._now(), 130, "interrupted"))
            else:
                self._end(self.world.next(tuple(self._running)))
            decision = self._decided(agenda)
        self._record(RunClosed(self._now(), decision.halt.code, decision.halt.why))
        return decision.halt

    def _sleep(self, decision: Decision) -> None:
        """Nothing goes on before the time to wake has come."""
        assert decision.wake_at is not None, "the loop would wait for ever"
        assert decision.wake_at > self._now(), "the loop would not sleep"
        self._clock = decision.wake_at
        self.played.slept.append(decision.wake_at)

    def _decided(self, agenda: PlanAgenda) -> Decision:
        decision = self.decide(agenda, self._now())
        recorded = len(self.memory.events) if isinstance(self.memory, Remembered) else 0
        self.played.moments.append(Moment(decision, recorded, tuple(self._running)))
        return decision

    def _start(self, decision: Decision) -> None:
        for step in decision.start:
            number = self.memory.history.counts[step.task, step.phase] + 1
            agent = self._agent(step)
            self._record(StepStarted(self._now(), step.task, step.phase, number, agent))
            self._running.append(step)
            self.played.started.append(step)

    def _agent(self, step: Step) -> str:
        history = self.memory.history
        chain = history.pipeline(PIPELINE).phase(step.phase).agents
        return history.providers.free_agent(chain, self._now())

    def _end(self, step: Step) -> None:
        history = self.memory.history
        running = history.states[step.task].running
        assert running is not None
        outcome = self.world.outcome(step)
        if history.stop is not None and outcome.result is not Result.PASSED and step.phase != "land":
            outcome = WORDS["is cut short"]
        until = None if outcome.until is None else self._now() + outcome.until
        outcome = evolve(
            outcome, commit=self._commit(step, running.number, outcome), until=until, agent=running.agent
        )
        what = (step.task, step.phase, running.number)
        self._running.remove(step)
        if step.phase != "land":
            if history.lands:
                self._record(WorkspaceReady(self._now(), *what, f"/slots/{step.task}", "b4se"))
            self._record(ProcessStarted(self._now(), *what, 4712, "2.0"))
        self._record(StepEnded(self._now(), *what, outcome))

    def _commit(self, step: Step, number: int, outcome: Outcome) -> str:
        """What the step leaves: `1e2` is of the second `execute` of task 1, `1a1` of its first `address`."""
        state = self.memory.history.states[step.task]
        made = f"{step.task}{step.phase[0]}{number}"
        if not self.memory.history.lands or outcome in LEAVE_NO_COMMIT:
            return ""
        match step.phase, outcome.result:
            case "execute", Result.PASSED:
                return made
            case "address", Result.PASSED | Result.MENDED:
                return made if state.change.brings else ""
            case "land", Result.PASSED:
                return state.change.verified
        return ""

    def _record(self, *events: Event) -> None:
        for event in events:
            if self._recorded == self.cut_at:
                raise _CutOff
            self.memory.append(event)
            self._recorded += 1

    def _now(self) -> float:
        return max(self.memory.history.last_at + 1, self._clock)


def play(
    memory: Record,
    tasks: str | tuple[TaskRead, ...],
    world: World | Mapping[str, str] | None = None,
    limits: Limits | None = None,
    selected: Iterable[str] | None = None,
    stop_at: int | None = None,
    cut_at: int | None = None,
) -> Played:
    """Run a plan with this memory, after a look at whether it still reads the same."""
    reading = tasks_of(tasks) if isinstance(tasks, str) else tasks
    history = memory.history
    if tuple(state.task for state in history.states.values()) != reading:
        memory.append(PlanRead(history.last_at + 1, reading))
    run = Run(memory, Script(world or {}) if not hasattr(world, "next") else world, stop_at, cut_at)
    chosen = None if selected is None else tuple(selected)
    return run.go(work_of(reading, chosen), opened(history.last_at + 1, limits, chosen))
