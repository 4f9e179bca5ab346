"""Tasks that wait for others by name: first as stories, then as laws that hold for any graph."""

import random
from typing import Any

import pytest
from attrs import evolve
from conftest import examples, later
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import Chance, Limits, Moment, Remembered, Script, play, tasks_of, work_of

from peal.record.events import StepEnded, StepStarted, TaskRead
from peal.record.history import History
from peal.schedule.decide import decide
from peal.schedule.plan_agenda import PlanAgenda

TWO = Limits(max_parallel=2, lands=True)
FOUR = Limits(max_parallel=4, lands=True)
GOING_ON = evolve(TWO, continue_with_remaining_tasks=True)
AT_THE_BRANCH = ("address", "land")


def _reasons(played: Any) -> list[str]:
    reasons = [reason for moment in played.moments for reason in moment.decision.reasons]
    return list(dict.fromkeys(f"{','.join(one.tasks)}: {one}" for one in reasons))


# Stories


def test_a_task_starts_the_moment_the_last_that_it_waits_for_has_landed() -> None:
    """Task 3 does not wait for task 2, which stands before it too and takes its time."""
    played = play(Remembered(), "1p 2p 3p<1", Script(slow=("2 plan",)), TWO)

    assert played.batches == "1p+2p 1e 1a 1l 3p 3e 3a 3l 2e 2a 2l"


def test_it_waits_for_exactly_those_wherever_they_stand() -> None:
    """Task 1 comes last, for it waits for the one behind it."""
    played = play(Remembered(), "1p<3 2p 3p", limits=TWO)

    assert played.order.replace(" ", "").endswith("1p1e1a1l")
    assert played.halt.code == 0


def test_what_it_waits_for_is_addressed_as_soon_as_it_is_ready() -> None:
    """Others of the segment keep their barrier: task 2 is not named by anybody."""
    world = Script(slow=("4 plan",))

    played = play(Remembered(), "1p 2p 3p<1 4p", world, FOUR)

    assert played.order.index("1a") < played.order.index("4e")
    assert played.order.index("4e") < played.order.index("2a")


def test_tasks_without_it_wait_for_everything_before_them() -> None:
    played = play(Remembered(), "1p 2p<1 3p 4", limits=FOUR)

    assert played.order.split()[-4:] == ["4p", "4e", "4a", "4l"]


def test_one_after_another_the_order_is_that_of_the_plan_as_far_as_it_may_be() -> None:
    played = play(Remembered(), "1p<2 2p 3p", limits=Limits(lands=True))

    assert [step.task for step in played.started if step.phase == "plan"] == ["2", "1", "3"]


def test_what_depends_on_a_failed_task_is_not_begun_and_no_failure_of_its_own() -> None:
    """Neither is what depends on that; all else goes on."""
    played = play(Remembered(), "1p 2p<1 3p<2 4p", {"1 execute": "fails"}, GOING_ON)

    assert {step.task for step in played.started} == {"1", "4"}
    assert played.halt.code == 2
    assert played.halt.why == "finished, but task 1 failed and tasks 2-3 were not reached"


def test_what_comes_later_does_not_wait_for_what_is_not_reached() -> None:
    played = play(Remembered(), "1p 2p<1 3", {"1 execute": "fails"}, GOING_ON)

    assert played.order.split()[-4:] == ["3p", "3e", "3a", "3l"]


def test_a_failure_that_ends_the_run_lets_what_has_begun_finish() -> None:
    played = play(Remembered(), "1p 2p 3p<2", {"1 plan": "fails"}, TWO)

    assert (played.order, played.halt.code) == ("1p 2p 2e 2a 2l", 1)


def test_on_the_next_run_what_was_not_reached_is_reached() -> None:
    memory = Remembered()
    play(memory, "1p 2p<1", {"1 execute": "fails"}, GOING_ON)

    played = play(memory, "1p 2p<1", limits=GOING_ON)

    assert (played.order, played.halt.code) == ("1e 1a 1l 2p 2e 2a 2l", 0)


def test_what_is_not_asked_for_is_not_waited_for() -> None:
    played = play(Remembered(), "1 2<1 3<2", limits=TWO, selected=["2"])

    assert played.order == "2p 2e 2a 2l"


def test_what_is_held_holds_those_that_wait_for_it() -> None:
    played = play(Remembered(), "1p 2p<1 3p", {"1 land": "is held"}, TWO)

    assert {step.task for step in played.started} == {"1", "3"}
    assert played.halt.code == 4


def test_where_tasks_share_a_tree_nobody_writes_while_reviewers_look() -> None:
    """There is no worktree to look at: tasks that wait by name are begun when the others are complete all the same."""
    limits = Limits(max_parallel=3)

    played = play(Remembered(), "1p 2p 3p<1", Script(slow=("2 plan",)), limits)

    assert played.batches == "1p+2p 1e 2e 1a 3p 3e 2a 3a"


# Laws


@st.composite
def graphs(draw: st.DrawFn) -> tuple[TaskRead, ...]:
    """Plans in which some tasks wait for earlier ones by name, and others go by segments."""
    words = []
    for task in range(1, draw(st.integers(1, 9)) + 1):
        needed = draw(st.lists(st.integers(1, task - 1), max_size=3, unique=True)) if task > 1 else []
        after = f"<{','.join(map(str, needed))}" if needed else ""
        words.append(f"{task}{'p' * draw(st.booleans())}{after}")
    return tasks_of(" ".join(words))


limits_of = st.builds(
    Limits,
    max_parallel=st.integers(1, 4),
    execute_retry_count=st.integers(0, 1),
    continue_with_remaining_tasks=st.booleans(),
    lands=st.booleans(),
    as_ready=st.booleans(),
)
laws = settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _played(
    tasks: tuple[TaskRead, ...], limits: Limits, luck: int, trouble: float
) -> tuple[Remembered, list[Moment]]:
    memory = Remembered()
    world = Chance(random.Random(luck), trouble, lands=limits.lands)
    return memory, play(memory, tasks, world, limits).moments


def _before(tasks: tuple[TaskRead, ...]) -> dict[str, set[str]]:
    """What has to be over before each task, told anew from the rule."""
    waits_for, run = dict[str, set[str]](), set[str]()
    for place, task in enumerate(tasks):
        run = {*run, task.id} if task.parallel else set()
        earlier = {one.id for one in tasks[:place]} - run
        waits_for[task.id] = set(task.after) or earlier
    return waits_for


@laws
@given(tasks=graphs(), limits=limits_of, luck=st.integers(0, 2**32), trouble=st.sampled_from((0, 0.2, 0.5)))
def test_nothing_starts_before_what_it_waits_for_is_over(
    tasks: tuple[TaskRead, ...], limits: Limits, luck: int, trouble: float
) -> None:
    """By name: complete; by its place: complete, or failed or out of reach in a run that goes on."""
    memory, _ = _played(tasks, limits, luck, trouble)
    named, waits_for = {task.id: bool(task.after) for task in tasks}, _before(tasks)
    history = History()
    for event in memory.events:
        history.apply(event)
        if isinstance(event, StepStarted):
            missing = {one for one in waits_for[event.task] if not history.states[one].is_complete}
            lost = history.failed | work_of(tasks).not_reached(history.failed)
            assert missing == set() if named[event.task] else missing <= lost


@laws
@given(tasks=graphs(), limits=limits_of, luck=st.integers(0, 2**32), trouble=st.sampled_from((0, 0.3)))
def test_places_are_kept_and_the_branch_is_for_one(
    tasks: tuple[TaskRead, ...], limits: Limits, luck: int, trouble: float
) -> None:
    memory, _ = _played(tasks, limits, luck, trouble)
    running = set[tuple[str, str]]()
    for event in memory.events:
        match event:
            case StepStarted():
                running.add((event.task, event.phase))
                assert len(running) <= limits.max_parallel
                assert sum(phase in AT_THE_BRANCH for _, phase in running) <= 1
            case StepEnded():
                running.discard((event.task, event.phase))


@laws
@given(tasks=graphs(), limits=limits_of, luck=st.integers(0, 2**32))
def test_without_failures_everything_is_done(tasks: tuple[TaskRead, ...], limits: Limits, luck: int) -> None:
    memory, _ = _played(tasks, limits, luck, trouble=0)

    assert memory.history.completed == {task.id for task in tasks}


@laws
@given(tasks=graphs(), limits=limits_of, luck=st.integers(0, 2**32))
def test_no_place_is_left_empty_while_an_open_task_could_be_begun(
    tasks: tuple[TaskRead, ...], limits: Limits, luck: int
) -> None:
    """Where every task waits by name, nothing but the branch keeps a task from going on."""
    graph = tuple(evolve(task, after=task.after or ("1",)) for task in tasks[1:])
    graph = (evolve(tasks[0], after=()), *graph)
    limits = evolve(limits, lands=True, max_parallel=max(limits.max_parallel, 2))
    memory, moments = _played(graph, limits, luck, trouble=0)
    history = History()
    heard = 0
    for moment in moments:
        for event in memory.events[heard : moment.events_before]:
            history.apply(event)
        heard = moment.events_before
        busy = len(moment.running) + len(moment.decision.start)
        started = {step.task for step in moment.decision.start}
        for task in graph:
            state = history.states[task.id]
            is_open = all(history.states[one].is_complete for one in task.after)
            if is_open and state.next in ("plan", "execute") and not state.running and not state.clashed:
                assert task.id in started or busy >= limits.max_parallel


@laws
@given(tasks=graphs(), limits=limits_of, luck=st.integers(0, 2**32), trouble=st.sampled_from((0, 0.4)))
def test_an_agenda_that_has_followed_a_run_decides_as_one_made_of_the_history(
    tasks: tuple[TaskRead, ...], limits: Limits, luck: int, trouble: float
) -> None:
    memory, moments = _played(tasks, limits, luck, trouble)
    again, work = Remembered(), work_of(tasks)
    for moment in moments:
        again.append(*memory.events[len(again.events) : moment.events_before])
        assert decide(PlanAgenda(work, again.history), 1_800_000_000.0) == moment.decision


@pytest.mark.parametrize("limits", [TWO, *later(GOING_ON), evolve(FOUR, as_ready=True)])
def test_cut_off_anywhere_the_next_run_brings_a_graph_to_the_same_end(limits: Limits) -> None:
    tasks = "1p 2p<1 3p<1 4p<2,3 5 6p<5 7p"
    whole = Remembered()
    assert play(whole, tasks, limits=limits).halt.code == 0
    for cut in range(len(whole.events)):
        memory = Remembered()
        play(memory, tasks, limits=limits, cut_at=cut)

        assert play(memory, tasks, limits=limits).halt.code == 0
        assert memory.history.completed == {"1", "2", "3", "4", "5", "6", "7"}
