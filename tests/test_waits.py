"""Limits, setbacks and budgets: who waits for what, how long, and what does not go on at all."""

from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from stories import WORDS, Limits, Remembered, Script, opened, play, tasks_of, work_of

from peal.model.pipeline import AGENT_PHASES
from peal.model.work import Result
from peal.record.events import PlanRead, StepEnded, StepStarted, TasksForgotten
from peal.schedule.decide import decide
from peal.schedule.plan_agenda import PlanAgenda


def _by(*chain: str, **more: Any) -> Limits:
    """Limits with these agents in every phase."""
    return Limits(agents=dict.fromkeys(AGENT_PHASES, chain), **more)


CLAUDE = _by("claude")
TWO = _by("claude", max_parallel=2)
BOTH = _by("claude", "codex")
MIXED = evolve(TWO, agents={**CLAUDE.agents, "plan": ("codex",)})


def _agents(memory: Remembered) -> str:
    """Who did what: `1p:claude 1e:codex`."""
    return " ".join(
        f"{e.task}{e.phase[0]}:{e.agent}" for e in memory.events if type(e).__name__ == "StepStarted"
    )


# Usage limits


def test_at_a_limit_the_run_sleeps_until_it_is_reset_and_the_step_uses_up_no_retry() -> None:
    memory = Remembered()

    played = play(memory, "1 2", {"1 execute": "is limited, is limited"}, CLAUDE)

    assert (played.order, played.halt.code) == ("1p 1e 1e 1e 1a 2p 2e 2a", 0)
    ends = [e.outcome.until for e in memory.events if type(e).__name__ == "StepEnded" and e.outcome.until]
    assert played.slept == ends
    assert len(ends) == 2


def test_every_step_of_the_agent_waits_and_what_runs_goes_on() -> None:
    world = Script({"1 plan": "is limited"}, slow=("2 plan",))

    played = play(Remembered(), "1p 2p 3p", world, TWO)

    assert played.batches == "1p+2p 1p+2e 1e 3p 3e 1a 2a 3a"
    assert len(played.slept) == 1


def test_steps_of_other_agents_go_on() -> None:
    """`plan` is codex's here: it is done for everybody while claude's limit lasts."""
    played = play(Remembered(), "1p 2p 3p 4p", {"1 execute": "is limited"}, evolve(MIXED, max_parallel=1))

    assert played.order == "1p 1e 2p 3p 4p 1e 1a 2e 2a 3e 3a 4e 4a"
    assert len(played.slept) == 1


def test_a_task_that_names_another_agent_does_not_wait_for_the_one_at_its_limit() -> None:
    """Neither of the two was begun when the limit was met: each waits for its own agent, and not one for both."""
    memory, tasks = Remembered(), tasks_of("1p 2p 3p")
    own = (*tasks[:2], evolve(tasks[2], pipeline="codex's"))
    limits = evolve(CLAUDE, own={"codex's": "codex"})
    memory.append(PlanRead(1.0, own), opened(2.0, limits))
    memory.append(StepStarted(3.0, "1", "plan", 1, "claude"))
    memory.append(StepEnded(4.0, "1", "plan", 1, evolve(WORDS["is limited"], agent="claude", until=1000.0)))

    decision = decide(PlanAgenda(work_of(own), memory.history), 5.0)

    assert [str(step) for step in decision.start] == ["task 3 plan"]
    assert any(reason.is_wait and "2" in reason.tasks for reason in decision.reasons)


def test_another_agent_takes_over_at_once() -> None:
    memory = Remembered()

    played = play(memory, "1", {"1 plan": "is limited"}, BOTH)

    assert _agents(memory) == "1p:claude 1p:codex 1e:codex 1a:codex"
    assert played.slept == []


def test_the_first_choice_is_back_when_its_limit_is_reset() -> None:
    memory = Remembered()

    play(memory, "1", {"1 plan": "is limited", "1 execute": "is limited, passes"}, BOTH)

    assert _agents(memory) == "1p:claude 1p:codex 1e:codex 1e:claude 1a:claude"


def test_with_every_agent_at_its_limit_the_first_to_be_reset_is_waited_for() -> None:
    memory = Remembered()

    played = play(memory, "1", {"1 plan": "is limited, is limited"}, BOTH)

    assert _agents(memory).startswith("1p:claude 1p:codex 1p:claude")
    assert played.slept == [memory.history.providers.limited["claude"]]


def test_told_not_to_wait_the_run_is_paused() -> None:
    played = play(Remembered(), "1 2", {"1 execute": "is limited"}, evolve(CLAUDE, wait=False))

    assert (played.order, played.halt.code) == ("1p 1e", 4)
    assert played.halt.why.startswith("paused: usage limit of `claude` until ")


def test_told_not_to_wait_what_was_done_before_is_reviewed() -> None:
    world = Script({"2 execute": "is limited"}, slow=("2 execute",))

    played = play(Remembered(), "1p 2p 3", world, evolve(TWO, wait=False))

    assert (played.order, played.halt.code) == ("1p 2p 1e 2e 1a", 4)


def test_a_limit_outlives_the_run() -> None:
    memory = Remembered()
    play(memory, "1", {"1 execute": "is limited"}, evolve(CLAUDE, wait=False))

    played = play(memory, "1", limits=CLAUDE)

    assert (played.order, played.halt.code) == ("1e 1a", 0)
    assert played.slept == [memory.history.providers.limited["claude"]]


def test_a_person_can_have_it_tried_at_once() -> None:
    memory = Remembered()
    play(memory, "1", {"1 execute": "is limited"}, evolve(CLAUDE, wait=False))
    at = memory.history.last_at + 1
    memory.append(evolve(opened(at, CLAUDE), try_now=True))

    assert decide(PlanAgenda(work_of([memory.history.states["1"].task]), memory.history), at).start


def test_a_review_that_needs_an_agent_at_its_limit_does_not_spin() -> None:
    """Reviewers look first; with findings the task waits, and looks again only when there is somebody to mend them."""
    memory = Remembered()

    played = play(memory, "1", {"1 address": "is limited, is mended"}, CLAUDE)

    assert (played.order, len(played.slept)) == ("1p 1e 1a 1a 1a", 1)


def test_a_review_that_nobody_may_be_needed_for_is_not_kept_waiting() -> None:
    world = {"2 execute": "is limited"}

    played = play(Remembered(), "1p 2p", Script(world, slow=("2 execute",)), evolve(TWO, as_ready=True))

    assert played.order == "1p 2p 1e 2e 1a 2e 2a"


def test_what_waits_says_for_what() -> None:
    played = play(Remembered(), "1p 2p", {"1 execute": "is limited", "2 plan": "is set back"}, CLAUDE)

    told = {str(reason).rpartition(" ")[0] for m in played.moments for reason in m.decision.reasons}
    assert any(text.startswith("waits: usage limit of `claude` until") for text in told)


# Setbacks


def test_a_setback_is_no_failure_and_others_go_on_meanwhile() -> None:
    played = play(Remembered(), "1p 2p", {"1 plan": "is set back, is set back"}, CLAUDE)

    assert (played.order, played.halt.code) == ("1p 2p 2e 2a 1p 1p 1e 1a", 0)


def test_too_many_setbacks_in_a_row_are_a_failed_try() -> None:
    limits = evolve(CLAUDE, transient_retry_count=2)
    world = {"1 plan": "is set back, is set back, is set back"}

    played = play(Remembered(), "1", world, limits)
    retried = play(Remembered(), "1", world, evolve(limits, plan_retry_count=1))

    assert (played.order, played.halt.code) == ("1p 1p 1p", 1)
    assert (retried.order, retried.halt.code) == ("1p 1p 1p 1p 1e 1a", 0)


def test_setbacks_count_in_a_row_only() -> None:
    limits = evolve(CLAUDE, transient_retry_count=1, plan_retry_count=1)

    played = play(Remembered(), "1", {"1 plan": "is set back, fails, is set back, passes"}, limits)

    assert (played.order, played.halt.code) == ("1p 1p 1p 1p 1e 1a", 0)


def test_a_limit_does_not_count_as_a_setback_whatever_comes_in_between() -> None:
    limits = evolve(CLAUDE, transient_retry_count=1)
    world = {"1 plan": "is limited, is limited, is set back, is cut short, is limited, is set back, passes"}

    played = play(Remembered(), "1", world, limits)

    assert (played.order, played.halt.code) == ("1p 1p 1p 1p 1p 1p 1p 1e 1a", 0)


def test_a_resume_does_not_wait_for_a_setback() -> None:
    memory = Remembered()
    play(memory, "1", {"1 plan": "is set back"}, CLAUDE, cut_at=4)

    played = play(memory, "1", limits=CLAUDE)

    assert (played.order, played.slept) == ("1p 1e 1a", [])


# Budgets


def test_past_the_budget_no_agent_starts_and_what_is_done_still_lands() -> None:
    limits = evolve(TWO, lands=True, max_cost=8.0)

    played = play(Remembered(), "1p 2p 3p", {"1 execute": "is dear", "2 execute": "is dear"}, limits)

    assert (played.order, played.halt.code) == ("1p 2p 1e 2e 3p 1a 1l 2a 2l", 4)
    assert played.halt.why == "paused: $10.00 spent of `max_cost` $8.00; give more, and `peal resume` goes on"


def test_what_runs_when_the_budget_is_used_up_comes_to_its_end() -> None:
    played = play(Remembered(), "1 2", {"1 plan": "is dear"}, evolve(CLAUDE, max_tokens=1000))

    assert (played.order, played.halt.code) == ("1p", 4)
    assert played.halt.why.startswith("paused: 1.0k tokens used of `max_tokens` 1000")


def test_failed_tries_cost_too() -> None:
    limits = evolve(CLAUDE, plan_retry_count=9, max_cost=12.0)

    played = play(Remembered(), "1", {"1 plan": "fails and is dear, " * 9}, limits)

    assert (played.order, played.halt.code) == ("1p 1p 1p", 4)


def test_a_finished_run_is_finished_whatever_it_cost() -> None:
    played = play(Remembered(), "1", {"1 address": "is dear"}, evolve(CLAUDE, max_cost=1.0))

    assert played.halt.code == 0


def test_a_resume_goes_on_counting_and_a_new_run_begins_anew() -> None:
    memory = Remembered()
    play(memory, "1 2", {"1 plan": "is dear"}, evolve(CLAUDE, max_cost=5.0))
    at = memory.history.last_at + 1

    memory.append(evolve(opened(at, CLAUDE), resumed=True))
    resumed = memory.history.providers.spent.total
    memory.append(opened(at + 1, CLAUDE))

    assert (resumed.cost, resumed.tokens) == (5.0, 1000)
    assert memory.history.providers.spent.total.tokens == 0


def test_what_was_used_is_known_by_model_and_phase() -> None:
    memory = Remembered()
    play(memory, "1 2", {"1 plan": "is dear", "2 plan": "is dear", "2 execute": "is dear"}, CLAUDE)

    spent = memory.history.providers.spent
    assert (spent.total.cost, spent.models["opus"].cached) == (15.0, 900)
    assert {phase: used.cost for phase, used in spent.phases.items()} == {
        "plan": 10.0,
        "execute": 5.0,
    }


def test_what_a_person_wants_done_again_waits_for_no_setback() -> None:
    memory = Remembered()
    play(memory, "1", {"1 plan": "is limited"}, evolve(CLAUDE, wait=False))
    memory.append(TasksForgotten(memory.history.last_at + 1, ("1",), "plan", "peal redo"))

    assert memory.history.waiting == set()


# The laws


@st.composite
def _tales(draw: st.DrawFn) -> tuple[str, dict[str, str], Limits]:
    """A plan, what happens to its steps, and the rules; nothing in it fails."""
    count = draw(st.integers(1, 5))
    tasks = " ".join(f"{index}{draw(st.sampled_from(['', 'p']))}" for index in range(1, count + 1))
    trouble = st.lists(st.sampled_from(["is limited", "is set back", "is dear", "is cut short"]), max_size=3)
    world = {
        f"{index} {phase}": ", ".join(draw(trouble) if phase != "address" else [])
        for index in range(1, count + 1)
        for phase in AGENT_PHASES
    }
    chains = st.sampled_from([("claude",), ("codex",), ("claude", "codex"), ("codex", "claude")])
    limits = Limits(
        max_parallel=draw(st.integers(1, 3)),
        lands=draw(st.booleans()),
        as_ready=draw(st.booleans()),
        agents={phase: draw(chains) for phase in AGENT_PHASES},
    )
    return tasks, world, limits


@given(_tales())
def test_whoever_waits_the_run_comes_to_its_end(tale: tuple[str, dict[str, str], Limits]) -> None:
    tasks, world, limits = tale
    memory = Remembered()

    played = play(memory, tasks, world, limits)

    assert played.halt.code == 0
    assert memory.history.completed == set(memory.history.states)


@given(_tales())
def test_no_step_starts_with_an_agent_at_its_limit_or_before_its_time(
    tale: tuple[str, dict[str, str], Limits],
) -> None:
    tasks, world, limits = tale
    memory = Remembered()
    play(memory, tasks, world, limits)

    limited: dict[str, float] = {}
    not_before: dict[str, float] = {}
    for event in memory.events:
        match type(event).__name__:
            case "StepStarted" if event.phase in ("plan", "execute"):
                assert event.agent in limits.agents[event.phase]
                assert limited.get(event.agent, 0.0) <= event.at
                assert not_before.get(event.task, 0.0) <= event.at
            case "StepEnded" if event.outcome.result is Result.LIMITED:
                limited[event.outcome.agent] = event.outcome.until
            case "StepEnded" if event.outcome.result is Result.TRANSIENT:
                not_before[event.task] = event.outcome.until


@given(_tales(), st.integers(0, 40))
def test_cut_off_anywhere_nothing_waits_for_ever(tale: tuple[str, dict[str, str], Limits], cut: int) -> None:
    tasks, world, limits = tale
    memory = Remembered()
    play(memory, tasks, world, limits, cut_at=cut)

    assert play(memory, tasks, limits=limits).halt.code == 0


@given(_tales(), st.integers(1, 3))
def test_past_the_budget_only_what_costs_nothing_starts(
    tale: tuple[str, dict[str, str], Limits], steps: int
) -> None:
    tasks, world, limits = tale
    memory = Remembered()
    played = play(memory, tasks, world, evolve(limits, max_cost=5.0 * steps))

    spent = 0.0
    for event in memory.events:
        match type(event).__name__:
            case "StepStarted" if event.phase in ("plan", "execute"):
                assert spent < 5.0 * steps
            case "StepEnded":
                spent += sum(used.cost or 0.0 for used in event.outcome.usage)
    is_done = memory.history.completed == set(memory.history.states)
    assert played.halt.code == (0 if is_done else 4)


@given(_tales())
def test_without_waiting_a_run_never_sleeps_for_a_limit(tale: tuple[str, dict[str, str], Limits]) -> None:
    tasks, world, limits = tale
    memory = Remembered()
    quick = {step: said.replace("is set back", "is cut short") for step, said in world.items()}
    played = play(memory, tasks, quick, evolve(limits, wait=False))

    assert played.slept == []
    assert played.halt.code in (0, 4)
    assert (played.halt.code == 0) == (memory.history.completed == set(memory.history.states))
