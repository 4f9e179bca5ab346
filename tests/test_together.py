"""Several plans at once share places, the branch, usage limits and money; each goes its own way and fails for itself."""

import random
from collections.abc import Sequence

import pytest
from attrs import define, evolve, field
from conftest import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import Chance, Limits, Played, Remembered, Run, Script, World, opened, play, tasks_of, work_of

from peal.model.work import Step
from peal.record.events import PlanRead, RunClosed, StopAsked
from peal.record.providers import Providers
from peal.schedule.decide import decide_together
from peal.schedule.plan_agenda import PlanAgenda

TWO = Limits(max_parallel=2, lands=True)
FOUR = Limits(max_parallel=4, lands=True)
AT_THE_BRANCH = ("address", "land")


@define
class Turn:
    """What was started in one turn, and what ran then, each step with the place of its plan; and which plans went on."""

    started: list[tuple[int, Step]]
    running: list[tuple[int, Step]]
    open_then: list[int]


@define
class Together:
    """Several plans, driven as the loop drives them, in one world."""

    world: World
    luck: random.Random
    runs: list[Run] = field(factory=list)
    agendas: list[PlanAgenda] = field(factory=list)
    turns: list[Turn] = field(factory=list)
    places: int | None = None
    """For the steps of all plans together."""
    providers: Providers = field(factory=Providers)

    def go(self, plans: Sequence[str], limits: Limits, stop_at: int | None = None) -> list[Played]:
        """To the end of all of them; each is asked to stop when so many turns are over."""
        for text in plans:
            self._open(text, limits)
        while open_now := [at for at, run in enumerate(self.runs) if run.played.halt is None]:
            assert len(self.turns) < 2000, "the runs would go on for ever"
            if stop_at is not None and len(self.turns) == stop_at:
                for at in open_now:
                    self.runs[at]._record(StopAsked(self._now(), 130, "interrupted"))
            self._turn(open_now)
        return [run.played for run in self.runs]

    def _open(self, text: str, limits: Limits) -> None:
        memory, tasks = Remembered(), tasks_of(text)
        memory.history.providers = self.providers
        run = Run(memory, self.world)
        memory.append(PlanRead(self._now(), tasks))
        run._record(evolve(opened(self._now(), limits), session="one"))
        self.runs.append(run)
        self.agendas.append(PlanAgenda(work_of(tasks), memory.history))

    def _turn(self, open_now: list[int]) -> None:
        decisions = decide_together([self.agendas[at] for at in open_now], self._now(), self.places)
        started = []
        for at, decision in zip(open_now, decisions, strict=True):
            run = self.runs[at]
            if decision.halt is not None:
                run.played.halt = decision.halt
                run._record(RunClosed(self._now(), decision.halt.code, decision.halt.why))
                continue
            run._start(decision)
            started += [(at, step) for step in decision.start]
        running = [(at, step) for at in open_now for step in self.runs[at]._running]
        went_on = [at for at in open_now if self.runs[at].played.halt is None]
        self.turns.append(Turn(started, running, went_on))
        if running:
            at, _ = self.luck.choice(running)
            self.runs[at]._clock = self._now()
            self.runs[at]._end(self.world.next(tuple(self.runs[at]._running)))
        elif wakes := [one.wake_at for one in decisions if one.halt is None and one.wake_at is not None]:
            for run in self.runs:
                run._clock = max(run._clock, min(wakes))
        else:
            assert all(one.halt for one in decisions), "all would wait for ever"

    def _now(self) -> float:
        return max([1.0, *(run._now() for run in self.runs)])


def _together(*plans: str, says: dict[str, str] | None = None, limits: Limits = TWO) -> Together:
    found = Together(Script(says or {}), random.Random(1))
    found.go(plans, limits)
    return found


# Stories


def test_places_that_one_plan_has_no_use_for_go_to_the_next() -> None:
    """One task after another leaves three of four places to the other plan."""
    found = _together("1 2", "1p 2p 3p 4p", limits=FOUR)

    assert [(at, step.task) for at, step in found.turns[0].started] == [
        (0, "1"),
        (1, "1"),
        (1, "2"),
        (1, "3"),
    ]
    assert [run.played.halt.code for run in found.runs] == [0, 0]


def test_a_plan_that_fails_does_not_end_the_others() -> None:
    found = Together(Script({"2 execute": "fails"}), random.Random(1))

    ends = found.go(["1 2 3", "1 3"], TWO)

    assert [end.halt.code for end in ends] == [1, 0]
    assert found.runs[1].memory.history.completed == {"1", "3"}


def test_the_second_plan_does_not_ask_the_agent_whose_limit_the_first_has_met() -> None:
    limits = evolve(TWO, agents=dict.fromkeys(("plan", "execute", "address"), ("claude",)))
    found = Together(Script({"1 plan": "is limited"}), random.Random(1))

    found.go(["1", "9"], evolve(limits, max_parallel=1))

    first = next(event.at for event in found.runs[1].memory.events if type(event).__name__ == "StepStarted")
    assert first >= found.providers.limited["claude"]


def test_what_one_plan_spends_is_gone_for_the_other() -> None:
    limits = evolve(TWO, max_cost=5.0, max_parallel=1)
    found = Together(Script({"1 plan": "is dear"}), random.Random(1))

    ends = found.go(["1", "9"], limits)

    assert [end.halt.code for end in ends] == [4, 4]
    assert found.runs[1].played.started == []


def test_plans_that_land_in_branches_of_their_own_do_not_wait_for_each_other() -> None:
    """The branch is for one step at a time, but not all branches together."""
    runs = [Remembered(), Remembered()]
    agendas = []
    for memory, branch in zip(runs, ("main", "other"), strict=True):
        play(memory, "1", {"1 address": "is cut short"}, TWO, stop_at=4)
        memory.append(evolve(opened(memory.history.last_at + 1, TWO), branch=branch))
        agendas.append(PlanAgenda(work_of(tasks_of("1")), memory.history))

    assert [len(one.start) for one in decide_together(agendas, 100.0)] == [1, 1]
    runs[1].append(evolve(runs[1].history.opened, branch="main"))
    agendas[1] = PlanAgenda(work_of(tasks_of("1")), runs[1].history)
    first, second = decide_together(agendas, 100.0)
    assert [step.phase for step in first.start] == ["address"]
    assert second.start == ()
    assert second.reasons[-1].text == "another plan is at the branch"


def test_plans_that_share_a_tree_are_not_carried_out_at_once() -> None:
    """Reviewers of one would look while another writes."""
    memories = [Remembered(), Remembered()]
    for memory in memories:
        memory.append(PlanRead(1.0, tasks_of("1")), opened(2.0, Limits(max_parallel=2)))

    with pytest.raises(ValueError, match="several plans at once need worktrees"):
        decide_together([PlanAgenda(work_of(tasks_of("1")), memory.history) for memory in memories], 9.0)


# Laws

PLANS = ("1", "1 2 3", "1p 2p 3p", "1p 2p 3 4p 5p", "1p 2p<1 3p<1 4<2,3", "1x 2p 3p<2 4p")
plans = st.lists(st.sampled_from(PLANS), min_size=2, max_size=4)
limits_of = st.builds(
    Limits,
    max_parallel=st.integers(1, 4),
    lands=st.just(True),
    as_ready=st.booleans(),
    continue_with_remaining_tasks=st.booleans(),
    execute_retry_count=st.integers(0, 1),
)
laws = settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@laws
@given(plans=plans, limits=limits_of, luck=st.integers(0, 2**32), trouble=st.sampled_from((0, 0.3)))
def test_places_and_the_branch_are_kept_over_all_plans(
    plans: list[str], limits: Limits, luck: int, trouble: float
) -> None:
    found = Together(Chance(random.Random(luck), trouble, lands=True), random.Random(luck))
    found.go(plans, limits)

    for turn in found.turns:
        assert len(turn.running) <= limits.max_parallel
        assert sum(step.phase in AT_THE_BRANCH for _, step in turn.running) <= 1


@laws
@given(plans=plans, limits=limits_of, luck=st.integers(0, 2**32), places=st.integers(1, 8))
def test_each_plan_keeps_its_own_limit_and_all_together_theirs(
    plans: list[str], limits: Limits, luck: int, places: int
) -> None:
    """`--jobs`: one task after another in each plan, and still several plans at once."""
    found = Together(
        Chance(random.Random(luck), 0.0, findings=False, lands=True), random.Random(luck), places=places
    )
    ends = found.go(plans, limits)

    for turn in found.turns:
        assert len(turn.running) <= places
        for at in range(len(plans)):
            assert sum(one == at for one, _ in turn.running) <= limits.max_parallel
    assert [end.halt.code for end in ends] == [0] * len(plans)
    if places >= len(plans) * limits.max_parallel:
        assert len({at for at, _ in found.turns[0].running}) == len(plans)


@laws
@given(plans=plans, limits=limits_of, luck=st.integers(0, 2**32))
def test_without_failures_every_plan_is_done(plans: list[str], limits: Limits, luck: int) -> None:
    found = Together(Chance(random.Random(luck), 0.0, findings=False, lands=True), random.Random(luck))

    assert [end.halt.code for end in found.go(plans, limits)] == [0] * len(plans)


@laws
@given(
    plans=plans,
    limits=limits_of,
    luck=st.integers(0, 2**32),
    trouble=st.sampled_from((0.2, 0.5)),
    stop=st.integers(0, 40),
)
def test_every_plan_ends_whatever_goes_wrong(
    plans: list[str], limits: Limits, luck: int, trouble: float, stop: int
) -> None:
    found = Together(Chance(random.Random(luck), trouble, lands=True), random.Random(luck))

    ends = found.go(plans, limits, stop_at=stop)

    assert all(end.halt is not None for end in ends)
    assert all(not run._running for run in found.runs)


@laws
@given(plans=plans, limits=limits_of, luck=st.integers(0, 2**32))
def test_no_place_is_left_empty_while_some_plan_could_begin_a_task(
    plans: list[str], limits: Limits, luck: int
) -> None:
    """A plan that has nothing under way and something to do waits for a place or for the branch, and for nothing else."""
    found = Together(Chance(random.Random(luck), 0.0, findings=False, lands=True), random.Random(luck))
    found.go(plans, limits)

    for turn in found.turns:
        is_full = len(turn.running) >= limits.max_parallel
        is_at_branch = any(step.phase in AT_THE_BRANCH for _, step in turn.running)
        idle = set(turn.open_then) - {at for at, _ in turn.running}
        assert is_full or is_at_branch or not idle
