"""When a run ends: by hand for small plans, as the scheduler itself has it for any, and never before there is something to go by."""

from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import PHASE, PHASES, Limits, Remembered, opened, tasks_of, work_of

from peal.model.pipeline import Kind
from peal.model.work import Outcome, Result
from peal.record.events import Event, PlanRead, StepEnded, StepStarted, StopAsked
from peal.record.history import History
from peal.schedule.decide import decide
from peal.schedule.plan_agenda import PlanAgenda
from peal.views.forecast import Remainder, Stint, seconds_left
from peal.views.pace import Pace, end_of

READ, WRITE, REVIEW, LAND = Kind.READ, Kind.WRITE, Kind.REVIEW, Kind.LAND


def rest(
    task: str, *stints: tuple[Kind, float], eager: bool = False, runs: bool = False, **more: float
) -> Remainder:
    """A task with these phases before it."""
    return Remainder(task, tuple(Stint(*one) for one in stints), is_running=runs, is_eager=eager, **more)


def made(task: str, seconds: float, **more: float) -> Remainder:
    """A task with one phase that others can be at beside it."""
    return rest(task, (WRITE, seconds), **more)


@pytest.mark.parametrize(
    ("segments", "after", "places", "expected"),
    [
        ([], {}, 4, 0),
        ([[made("1", 5)]], {}, 1, 5),
        ([[made("1", 5)], [made("2", 7)]], {}, 4, 12),
        ([[made("1", 5), made("2", 7), made("3", 1)]], {}, 3, 7),
        ([[made("1", 5), made("2", 7), made("3", 3)]], {}, 2, 8),
        ([[made("1", 5), made("2", 7), made("3", 3)]], {}, 1, 15),
        # by name: 3 waits for 1 alone, and the segment of 3 for nobody
        ([[made("1", 5), made("2", 20)], [made("3", 4)]], {"3": ("1",)}, 2, 20),
        ([[made("1", 5), made("2", 20)], [made("3", 4)]], {}, 2, 24),
        # what is over is not waited for
        ([[made("3", 4)]], {"3": ("1",)}, 2, 4),
        # one at the branch at a time, and the segment's others first
        ([[rest(name, (WRITE, 2), (REVIEW, 10), (LAND, 1)) for name in "123"]], {}, 3, 35),
        ([[rest("1", (WRITE, 2), (REVIEW, 10)), made("2", 30)]], {}, 2, 40),
        ([[rest("1", (WRITE, 2), (REVIEW, 10), eager=True), made("2", 30, eager=True)]], {}, 2, 30),
        # a limit that ends in 100 seconds
        ([[made("1", 5, ready_in=100.0), made("2", 5)]], {}, 2, 105),
        # what runs goes on whatever else waits
        ([[made("1", 5), rest("2", (REVIEW, 9), runs=True)]], {}, 2, 14),
        # what does not come to its end keeps what stands behind it, and nothing else
        ([[rest("1"), made("2", 3)], [made("3", 50)]], {}, 2, 3),
        ([[rest("1"), made("2", 3)], [made("3", 50)]], {"3": ("2",)}, 2, 53),
    ],
)  # fmt: skip
def test_the_rest_takes_as_long_as_the_scheduler_would_need(
    segments: list[list[Remainder]], after: dict[str, tuple[str, ...]], places: int, expected: float
) -> None:
    assert seconds_left(segments, after, places) == expected


_PLANS = (
    "1p 2p 3p 4p 5p",
    "1 2 3",
    "1p 2p 3 4p 5p 6p",
    "1 2p 3p 4<1 5p 6p 7<4,5",
    "1p 2p<1 3p<1 4p<2,3 5p 6p",
)


@given(
    plan=st.sampled_from(_PLANS),
    places=st.integers(1, 4),
    as_ready=st.booleans(),
    lands=st.booleans(),
    took=st.lists(st.integers(1, 9), min_size=28, max_size=28),
    till=st.integers(0, 40),
)
def test_it_is_what_a_run_takes_whose_steps_take_as_long(
    plan: str, places: int, as_ready: bool, lands: bool, took: list[int], till: int
) -> None:
    """At any moment of a run: what is left then, played through, ends when the run does."""
    limits = Limits(max_parallel=places, as_ready=as_ready, lands=lands)
    run = _Timed(plan, limits, took)

    run.go_on(till)
    segments, after, now = run.remainders(), run.work.after, run.now
    run.go_on(10_000)

    assert run.memory.history.completed == set(run.work.tasks)
    assert now + seconds_left(segments, after, places) == run.now


_UNIFORM = st.fixed_dictionaries({phase: st.integers(1, 9) for phase in PHASES})


@given(
    plan=st.sampled_from(_PLANS), places=st.integers(1, 4), as_ready=st.booleans(), took=_UNIFORM, till=st.integers(0, 80)
)  # fmt: skip
def test_the_end_is_told_from_the_first_finished_task_on(
    plan: str, places: int, as_ready: bool, took: dict[str, int], till: int
) -> None:
    """Where every task takes as long it is the very end, however often it is asked for and followed."""
    limits = Limits(max_parallel=places, as_ready=as_ready, lands=True)
    run = _Timed(plan, limits, list(took.values()) * 7)
    followed = Pace.of(run.memory.history)

    run.go_on(till)
    history, now, segments = run.memory.history, run.now, run.work.segments
    pace = Pace.of(history)
    followed.follow(run.memory.events, history)
    told, rate = end_of(history, segments, pace, now), pace.per_hour(now)
    finished = len(history.completed)
    run.go_on(10_000)

    assert followed == pace
    assert pace.finished == finished
    assert told == (run.now if finished else None)
    assert rate == (finished * 3600 / now if finished else None)


def _after_two(*more: Event, plan: str = "1p 2p 3p 4p", **limits: bool) -> tuple[float | None, History]:
    """The end as it is estimated at 20, when two tasks have taken five seconds in each phase."""
    memory = Remembered()
    memory.append(
        PlanRead(0, tasks_of(plan)),
        opened(0, Limits(max_parallel=2, as_ready=True, agents=dict.fromkeys(PHASES, ("claude",)), **limits)),
    )
    memory.append(*(event for task in "12" for phase, at in (("plan", 0), ("execute", 5), ("address", 10)) for event in (
        StepStarted(at, task, phase, 1, "shell"), StepEnded(at + 5, task, phase, 1, Outcome(Result.PASSED)))))  # fmt: skip
    memory.append(*more)
    history = memory.history
    return end_of(history, work_of(tasks_of(plan)).segments, Pace.of(history), 20.0), history


def _begins(task: str, outcome: Outcome, phase: str = "plan") -> tuple[Event, Event]:
    return StepStarted(15, task, phase, 1, "shell"), StepEnded(20, task, phase, 1, outcome)


FAILS = Outcome(Result.FAILED, "it went wrong")


@pytest.mark.parametrize(
    ("more", "limits", "expected"),
    [
        ((), {}, 20 + 10 + 5 + 5),
        # of what has gone on for two seconds three are left, of what has gone on for too long nothing
        ((StepStarted(18, "3", "plan", 1, "shell"), StepStarted(18, "4", "plan", 1, "shell")), {}, 18 + 10 + 5 + 5),
        ((StepStarted(3, "3", "plan", 1, "shell"), StepStarted(3, "4", "plan", 1, "shell")), {}, 20 + 5 + 5 + 5),
        # a usage limit that ends at 100
        (_begins("3", Outcome(Result.LIMITED, "limit", until=100.0, agent="claude")), {}, 100 + 10 + 5 + 5),
        (_begins("3", Outcome(Result.TRANSIENT, "down", until=100.0)), {}, 100 + 10 + 5),
        # the run goes on without a task that has failed, or ends with it
        (_begins("3", FAILS), {"continue_with_remaining_tasks": True}, 20 + 5 + 5 + 5),
        (_begins("3", FAILS), {}, None),
        ((StopAsked(20, 130, "interrupted"),), {}, None),
        # nobody waits for what waits for a person
        (_begins("3", Outcome(Result.HELD, "in the way")), {}, 20 + 5 + 5 + 5),
    ],
)  # fmt: skip
def test_the_estimate_knows_what_is_in_the_way(
    more: tuple[Event, ...], limits: dict[str, bool], expected: float | None
) -> None:
    assert _after_two(*more, **limits)[0] == expected


def test_plans_side_by_side_share_the_places() -> None:
    """Of two places each of two plans has one."""
    history = _after_two()[1]

    assert (
        end_of(history, work_of(tasks_of("1p 2p 3p 4p")).segments, Pace.of(history), 20.0, 2) == 20 + 15 + 15
    )


def test_a_resumed_run_is_as_fast_as_it_is_itself() -> None:
    """What was finished before says how long things take, and nothing of how many are finished in an hour."""
    pace = Pace.of(_after_two(opened(100))[1])

    assert (pace.finished, pace.per_hour(200.0), pace.mean("", "plan")) == (0, None, 5.0)


def test_nothing_is_estimated_of_a_phase_that_nobody_has_been_in() -> None:
    """Two tasks have been finished by a person's word; what a task takes is not known by that."""
    memory = Remembered()
    memory.append(PlanRead(0, tasks_of("1x 2x 3")), opened(0))

    assert (
        end_of(memory.history, work_of(tasks_of("1x 2x 3")).segments, Pace.of(memory.history), 20.0) is None
    )


class _Timed:
    """A run by the scheduler itself, whose steps take a time that is known."""

    def __init__(self, plan: str, limits: Limits, took: list[int]) -> None:
        self.memory, self.limits = Remembered(), limits
        self.memory.append(PlanRead(0, tasks_of(plan)), opened(0, limits))
        self.work = work_of(tasks_of(plan))
        self.agenda = PlanAgenda(self.work, self.memory.history)
        self.phases = [phase.name for phase in self.limits.pipelines["plan"].phases]
        names = [(task, phase) for task in self.work.tasks for phase in self.phases]
        self.took = dict(zip(names, took, strict=False))
        self.ends: list[tuple[int, int, str, str]] = []
        self.now = self.began = 0

    def go_on(self, till: int) -> None:
        """Until the first end after this moment, or that of all."""
        while True:
            for step in decide(self.agenda, self.now).start:
                self.memory.append(StepStarted(self.now, step.task, step.phase, 1, "shell"))
                self.began += 1
                heappush(
                    self.ends,
                    (self.now + self.took[step.task, step.phase], self.began, step.task, step.phase),
                )
            if not self.ends or self.ends[0][0] > till:
                return
            self.now = self.ends[0][0]
            while self.ends and self.ends[0][0] == self.now:
                _, _, task, phase = heappop(self.ends)
                self.memory.append(StepEnded(self.now, task, phase, 1, Outcome(Result.PASSED)))

    def remainders(self) -> list[list[Remainder]]:
        """What each task that is not over has before it."""
        return [
            [self._rest(task) for task in part.tasks if self._is_open(task)] for part in self.work.segments
        ]

    def _is_open(self, task: str) -> bool:
        return not self.memory.history.states[task].is_complete

    def _rest(self, task: str) -> Remainder:
        state = self.memory.history.states[task]
        phases = self.phases[self.phases.index(state.next or "") :]
        gone = self.now - state.running.started if state.running else 0
        seconds = [self.took[task, phase] - gone * (not place) for place, phase in enumerate(phases)]
        stints = tuple(Stint(PHASE[phase].kind, took) for phase, took in zip(phases, seconds, strict=True))
        is_eager = self.limits.as_ready or (self.limits.lands and task in self.work.eager)
        return Remainder(task, stints, bool(state.running), state.has_begun, is_eager)
