"""The rules of scheduling: first as stories, then as laws that hold in every story."""

import random
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from attrs import define, evolve, field, frozen
from conftest import examples
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from stories import PHASES, Chance, Limits, Moment, Remembered, Script, play, tasks_of, work_of

from peal.model.decision import Decision
from peal.model.pipeline import AGENT_PHASES, PIPELINE
from peal.model.plan import Segment
from peal.model.work import Outcome, Result, Step
from peal.record.events import (
    Event,
    PlanRead,
    RunOpened,
    StepEnded,
    StepStarted,
    StopAsked,
    TaskRead,
    TasksForgotten,
    TasksMarkedDone,
)
from peal.schedule.decide import decide
from peal.schedule.plan_agenda import PlanAgenda
from peal.schedule.work import Work

TWO = Limits(max_parallel=2)
GOING_ON = Limits(max_parallel=2, continue_with_remaining_tasks=True)
LANDING = Limits(lands=True)
LANDING_TWO = Limits(max_parallel=2, lands=True)
LANDING_ON = Limits(max_parallel=2, lands=True, continue_with_remaining_tasks=True)
AS_READY = Limits(max_parallel=2, lands=True, as_ready=True)

NOW = 1_800_000_000.0


def _reasons(played: Any) -> list[str]:
    """The reasons of a run's decisions, each with its tasks, without repeats."""
    reasons = [
        f"{','.join(reason.tasks)}: {reason}"
        for moment in played.moments
        for reason in moment.decision.reasons
    ]
    return list(dict.fromkeys(reasons))


# Rule 1: segments, places and what has begun


def test_tasks_without_marks_run_one_after_another() -> None:
    played = play(Remembered(), "1 2", limits=TWO)

    assert played.order == "1p 1e 1a 2p 2e 2a"
    assert played.halt is not None
    assert (played.halt.code, played.halt.why) == (0, "everything asked for is done")


def test_parallel_neighbours_run_side_by_side() -> None:
    played = play(Remembered(), "1p 2p", limits=TWO)

    assert played.batches == "1p+2p 1e 2e 1a 2a"


def test_segments_run_one_after_another() -> None:
    """Nothing of a segment starts before the segment before it is over."""
    played = play(Remembered(), "1p 2p 3 4p 5p", limits=TWO)

    assert played.batches == "1p+2p 1e 2e 1a 2a 3p 3e 3a 4p+5p 4e 5e 4a 5a"


def test_a_parallel_task_without_neighbours_is_sequential() -> None:
    played = play(Remembered(), "1p 2 3p", limits=TWO)

    assert played.order == "1p 1e 1a 2p 2e 2a 3p 3e 3a"


def test_a_free_place_is_filled_at_once() -> None:
    """While task 1 takes its time the other place goes through all the other tasks: there are no chunks."""
    world = Script(slow=("1 plan",))

    played = play(Remembered(), "1p 2p 3p 4p", world, TWO)

    assert played.batches == "1p+2p 2e 3p 3e 4p 4e 1e 1a 2a 3a 4a"


def test_what_has_begun_goes_before_what_has_not() -> None:
    """When task 1 is planned its `execute` comes before the `plan` of task 3."""
    played = play(Remembered(), "1p 2p 3p", limits=TWO)

    assert played.order == "1p 2p 1e 2e 3p 3e 1a 2a 3a"


def test_what_an_earlier_run_began_goes_before_what_comes_first_in_the_plan() -> None:
    memory = Remembered()
    play(memory, "1p 2p 3p", limits=TWO, selected=["3"], cut_at=4)

    played = play(memory, "1p 2p 3p", limits=TWO)

    assert played.batches == "3e+1p 2p 1e 2e 1a 2a 3a"


# Rule 2: address


def test_address_waits_until_every_task_of_the_segment_has_left_execute() -> None:
    world = Script(slow=("2 execute",))

    played = play(Remembered(), "1p 2p 3p", world, Limits(max_parallel=3))

    assert played.order == "1p 2p 3p 1e 2e 3e 1a 2a 3a"


def test_address_goes_one_task_at_a_time_in_task_order() -> None:
    """Who was first through `execute` does not matter."""
    world = Script(slow=("1 plan", "1 execute"))

    played = play(Remembered(), "1p 2p", world, TWO)

    assert played.batches == "1p+2p 2e 1e 1a 2a"


def test_a_failed_task_has_left_execute_too() -> None:
    played = play(Remembered(), "1p 2p 3p", {"2 execute": "fails"}, Limits(3, 0, 0, 0, True))

    assert played.batches == "1p+2p+3p 1e 2e 3e 1a 3a"


def test_address_again_comes_before_the_next_address() -> None:
    """A mended task is looked at again before the reviewers turn to the next one."""
    played = play(Remembered(), "1p 2p", {"1 address": "is mended, is mended"}, TWO)

    assert played.order == "1p 2p 1e 2e 1a 1a 1a 2a"


def test_only_what_shares_the_workspace_is_called_concurrent() -> None:
    """`address` and sequential tasks have the workspace to themselves."""
    played = play(Remembered(), "1p 2p 3", limits=TWO)

    started = [moment.decision for moment in played.moments if moment.decision.start]
    assert [decision.concurrent for decision in started] == [True, True, True] + [False] * 5


# Rule 3: when there is nothing to do at once


def test_with_one_place_a_parallel_segment_runs_one_task_after_another() -> None:
    played = play(Remembered(), "1p 2p 3p", limits=Limits(max_parallel=1))

    assert played.order == "1p 1e 1a 2p 2e 2a 3p 3e 3a"
    assert not any(moment.decision.concurrent for moment in played.moments)


def test_one_place_has_the_same_rules_for_failure() -> None:
    """Also one after another a failure ends the run, unless the person asked to continue."""
    stopping = play(Remembered(), "1p 2p", {"1 execute": "fails"}, Limits(1))
    going_on = play(Remembered(), "1p 2p", {"1 execute": "fails"}, Limits(1, 0, 0, 0, True))

    assert (stopping.order, stopping.halt.code) == ("1p 1e", 1)
    assert (going_on.order, going_on.halt.code) == ("1p 1e 2p 2e 2a", 2)


def test_the_last_pending_task_of_a_segment_runs_alone() -> None:
    memory = Remembered()
    play(memory, "1p 2p", limits=TWO, selected=["1"])

    played = play(memory, "1p 2p", limits=TWO)

    assert played.order == "2p 2e 2a"
    assert not any(moment.decision.concurrent for moment in played.moments)


def test_tasks_ticked_off_in_the_plan_are_not_run() -> None:
    played = play(Remembered(), "1x 2p 3px 4p", limits=TWO)

    assert played.batches == "2p+4p 2e 4e 2a 4a"
    assert played.halt.code == 0


# Rule 4: complete, once


def test_a_task_is_complete_when_its_own_address_passed() -> None:
    """Cut off between two `address` steps, the next run has only the second one to do."""
    memory = Remembered()
    play(memory, "1p 2p", limits=TWO, cut_at=17)
    assert memory.history.completed == {"1"}

    played = play(memory, "1p 2p", limits=TWO)

    assert played.order == "2a"
    assert memory.history.completed == {"1", "2"}


def test_a_finished_phase_is_not_repeated_on_the_next_run() -> None:
    memory = Remembered()
    play(memory, "1", {"1 execute": "is cut short"}, stop_at=5)

    played = play(memory, "1")

    assert played.order == "1e 1a"


def test_nothing_is_left_to_do_after_everything_is_done() -> None:
    memory = Remembered()
    play(memory, "1 2")

    played = play(memory, "1 2")

    assert (played.order, played.halt.code) == ("", 0)


def test_what_a_person_wants_done_again_runs_from_that_phase_on() -> None:
    memory = Remembered()
    play(memory, "1 2")
    memory.append(TasksForgotten(99.0, ("1",), "execute", "peal redo"))

    played = play(memory, "1 2")

    assert played.order == "1e 1a"


def test_a_plan_without_tasks_is_done() -> None:
    assert play(Remembered(), "").halt.code == 0


# Rule 5: failure


def test_a_failed_step_is_tried_again_up_to_its_retry_count() -> None:
    limits = Limits(plan_retry_count=1, execute_retry_count=2)
    world = {"1 plan": "fails", "1 execute": "fails, fails, fails"}

    played = play(Remembered(), "1", world, limits)

    assert played.order == "1p 1p 1e 1e 1e"
    assert (played.halt.code, played.halt.why) == (1, "task 1 failed")


def test_each_phase_has_its_own_retry_count() -> None:
    limits = Limits(plan_retry_count=0, execute_retry_count=1, address_retry_count=2)
    world = {"1 execute": "fails", "1 address": "fails, fails"}

    played = play(Remembered(), "1", world, limits)

    assert (played.order, played.halt.code) == ("1p 1e 1e 1a 1a 1a", 0)


def test_mending_is_no_failure_and_gives_the_retries_back() -> None:
    limits = Limits(address_retry_count=1)
    world = {"1 address": "fails, is mended, fails, is mended, passes"}

    played = play(Remembered(), "1", world, limits)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1a 1a 1a 1a", 0)


def test_what_the_reviewers_reject_is_not_tried_again() -> None:
    """After the last round the same findings would only come again, so retries are not used on them."""
    played = play(Remembered(), "1", {"1 address": "is rejected"}, Limits(address_retry_count=5))

    assert (played.order, played.halt.code) == ("1p 1e 1a", 1)


def test_after_a_failure_no_task_is_begun_but_those_that_have_finish_and_land() -> None:
    played = play(Remembered(), "1p 2p 3p 4", {"1 plan": "fails"}, TWO)

    assert played.order == "1p 2p 2e 2a"
    assert (played.halt.code, played.halt.why) == (1, "task 1 failed")


def test_what_has_begun_keeps_its_retries_after_another_task_failed() -> None:
    world = {"1 plan": "fails", "2 execute": "fails"}

    played = play(Remembered(), "1p 2p 3p", world, Limits(2, 0, 1, 0))

    assert played.order == "1p 2p 2e 2e 2a"


def test_an_earlier_run_does_not_let_a_later_segment_go_on_after_a_failure() -> None:
    """Task 2 was begun on its own once; when task 1 fails it still has to wait for the next run."""
    memory = Remembered()
    play(memory, "1 2", selected=["2"], cut_at=4)

    played = play(memory, "1 2", {"1 plan": "fails"})

    assert (played.order, played.halt.code) == ("1p", 1)


def test_a_task_to_be_done_again_has_not_begun() -> None:
    """After `peal redo 1-3` a failure of task 1 keeps task 3 from being begun, as it would in a first run."""
    memory = Remembered()
    play(memory, "1p 2p 3p", limits=TWO)
    memory.append(TasksForgotten(99.0, ("1", "2", "3"), "plan", "peal redo"))

    played = play(memory, "1p 2p 3p", {"1 plan": "fails"}, TWO)

    assert played.order == "1p 2p 2e 2a"


def test_a_task_that_is_to_be_done_again_from_a_later_phase_has_begun() -> None:
    """Nothing was ever started for task 2, but what comes before `execute` counts by a person's word."""
    memory = Remembered()
    play(memory, "1p 2p", cut_at=0)
    memory.append(
        TasksMarkedDone(9.0, ("2",), "peal done"), TasksForgotten(9.5, ("2",), "execute", "peal redo")
    )

    played = play(memory, "1p 2p", {"1 plan": "fails"})

    assert (played.order, played.halt.code) == ("1p 2e 2a", 1)


def test_what_earlier_runs_have_begun_finishes_in_the_segment_of_the_failure() -> None:
    """All three were through `execute` when the run was cut off; one failed `address` leaves no work unlanded."""
    memory = Remembered()
    limits = Limits(max_parallel=3)
    play(memory, "1p 2p 3p", limits=limits, cut_at=20)

    played = play(memory, "1p 2p 3p", {"1 address": "is rejected"}, limits)

    assert (played.order, played.halt.code) == ("1a 2a 3a", 1)
    assert memory.history.completed == {"2", "3"}


def test_told_to_continue_the_rest_goes_on_and_the_run_ends_with_issues() -> None:
    played = play(Remembered(), "1p 2p 3p 4", {"1 plan": "fails"}, GOING_ON)

    assert played.order == "1p 2p 3p 2e 3e 2a 3a 4p 4e 4a"
    assert (played.halt.code, played.halt.why) == (2, "finished, but task 1 failed")


# Rule 6: the cap of failures in a row


def _capped(cap: int, **changes: Any) -> Limits:
    return Limits(
        **{"continue_with_remaining_tasks": True, "max_consecutive_task_failures": cap, **changes},
    )


def test_at_the_cap_of_failures_in_a_row_the_run_stops() -> None:
    world = {"1 plan": "fails", "2 plan": "fails"}

    played = play(Remembered(), "1 2 3", world, _capped(2))

    assert played.order == "1p 2p"
    assert (played.halt.code, played.halt.why) == (3, "2 tasks failed in a row: stopped at the cap")


def test_a_success_between_failures_starts_the_count_anew() -> None:
    world = {"1 plan": "fails", "3 plan": "fails"}

    played = play(Remembered(), "1 2 3", world, _capped(2))

    assert played.halt.code == 2


def test_failures_in_a_row_are_counted_in_task_order_not_in_the_order_they_happened() -> None:
    """Task 3 fails after task 1, but task 2 between them passes before that."""
    world = Script({"1 address": "fails", "3 address": "fails"})

    played = play(Remembered(), "1p 2p 3p", world, _capped(2, max_parallel=3))

    assert played.halt.code == 2


def test_a_task_not_tried_or_not_asked_for_does_not_part_failures() -> None:
    """Tasks 2 (ticked off) and 3 (done in an earlier run) stand between 1 and 4 and do not count."""
    memory = Remembered()
    play(memory, "1 2x 3 4 5", selected=["3"])
    world = {"1 plan": "fails", "4 plan": "fails"}

    played = play(memory, "1 2x 3 4 5", world, _capped(2))

    assert (played.order, played.halt.code) == ("1p 4p", 3)


def test_failures_of_an_earlier_run_do_not_count() -> None:
    memory = Remembered()
    play(memory, "1 2 3", {"1 plan": "fails"}, _capped(2), selected=["1"])

    played = play(memory, "1 2 3", {"2 plan": "fails"}, _capped(2), selected=["2", "3"])

    assert played.halt.code == 2


def test_what_has_begun_finishes_after_the_cap_and_the_run_still_ends_with_3() -> None:
    """Tasks 1 and 3 failed in a row while task 2 was on its way; that it passed comes too late."""
    world = Script({"1 plan": "fails", "3 plan": "fails"}, slow=("2 plan",))

    played = play(Remembered(), "1p 2p 3p 4p", world, _capped(2, max_parallel=3))

    assert played.order == "1p 2p 3p 4p 4e 2e 2a 4a"
    assert played.halt.code == 3


# Rule 7: interruptions


def test_an_interruption_uses_up_no_retry() -> None:
    played = play(Remembered(), "1", {"1 plan": "is cut short, is cut short"})

    assert (played.order, played.halt.code) == ("1p 1p 1p 1e 1a", 0)


def test_after_a_stop_nothing_starts_and_the_run_ends_with_the_last_running_step() -> None:
    """What ended well meanwhile is kept."""
    memory = Remembered()

    played = play(memory, "1p 2p 3p", {}, TWO, stop_at=3)

    assert played.order == "1p 2p"
    assert (played.halt.code, played.halt.why) == (130, "interrupted")
    assert memory.history.states["1"].next == "execute"


def test_a_failed_task_is_tried_again_on_the_next_run_with_fresh_retries() -> None:
    memory = Remembered()
    limits = Limits(execute_retry_count=1)
    play(memory, "1", {"1 execute": "fails, fails"}, limits)

    played = play(memory, "1", {"1 execute": "fails"}, limits)

    assert (played.order, played.halt.code) == ("1e 1e 1a", 0)


def test_retries_used_before_an_interruption_are_given_back_on_the_next_run() -> None:
    memory = Remembered()
    limits = Limits(execute_retry_count=1)
    play(memory, "1", {"1 execute": "fails"}, limits, cut_at=7)

    played = play(memory, "1", {"1 execute": "fails"}, limits)

    assert (played.order, played.halt.code) == ("1e 1e 1a", 0)


# Rule 8: reasons


def test_every_decision_says_why() -> None:
    world = {"1 plan": "fails", "2 execute": "is cut short", "1 address": "is mended"}

    played = play(Remembered(), "1p 2p 3p", world, Limits(2, 1))

    assert _reasons(played) == [
        "1: task 1 plan: its turn has come and a place is free",
        "2: task 2 plan: its turn has come and a place is free",
        "3: waits: all 2 places are taken",
        "1: task 1 plan: tried again after it failed",
        "2: 1 step running",
        "2: task 2 execute: `plan` passed",
        "1: 1 step running",
        "1: task 1 execute: `plan` passed",
        "2: task 2 execute: tried again after it was cut short",
        "3: task 3 plan: its turn has come and a place is free",
        "1: waits: `address` starts when every task of the segment has left `execute`",
        "3: 1 step running",
        "1,2: waits: `address` starts when every task of the segment has left `execute`",
        "3: task 3 execute: `plan` passed",
        "1: task 1 address: every task of the segment has left `execute`",
        "2,3: waits: `address` goes one task at a time, in task order",
        "1: task 1 address: the reviewers look again",
        "2: task 2 address: every task of the segment has left `execute`",
        "3: waits: `address` goes one task at a time, in task order",
        "3: task 3 address: `execute` passed",
    ]


def test_what_is_done_again_says_so() -> None:
    """Not that a later phase passed, which was before."""
    memory = Remembered()
    play(memory, "1")
    memory.append(TasksForgotten(99.0, ("1",), "plan", "peal redo"))

    played = play(memory, "1")

    assert _reasons(played)[0] == "1: task 1 plan: to be done again"


def test_what_was_rejected_is_tried_again_because_it_failed() -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "is rejected"})

    played = play(memory, "1")

    assert _reasons(played)[0] == "1: task 1 address: tried again after it failed"


def test_a_stop_says_what_it_waits_for() -> None:
    played = play(Remembered(), "1p 2p", {}, TWO, stop_at=3)

    assert _reasons(played)[-2:] == ["1,2: ending 2 steps: interrupted", "2: ending 1 step: interrupted"]


# Exit codes


def test_findings_let_through_end_the_run_with_2_and_still_do_on_a_resume() -> None:
    memory = Remembered()
    first = play(memory, "1 2", {"1 address": "passes with findings"})

    again = play(memory, "1 2")

    assert (first.halt.code, first.halt.why) == (2, "finished, but findings remain in task 1")
    assert (again.order, again.halt.code) == ("", 2)


def test_failures_and_findings_are_told_together() -> None:
    world = {"1 plan": "fails", "2 address": "passes with findings", "4 address": "passes with findings"}

    played = play(Remembered(), "1 2 3 4", world, Limits(continue_with_remaining_tasks=True))

    assert played.halt.why == "finished, but task 1 failed and findings remain in tasks 2, 4"


@pytest.mark.parametrize(
    ("limits", "stop_at", "code"),
    [
        (_capped(5), None, 2),
        (Limits(), None, 1),
        (_capped(1), None, 3),
        (_capped(1, continue_with_remaining_tasks=False), None, 3),
        (_capped(5), 13, 130),
        (_capped(5, continue_with_remaining_tasks=False, max_parallel=2), 6, 130),
        (_capped(1, max_parallel=2), 6, 130),
    ],
    ids=["issues", "failed", "cap over 2", "cap over 1", "stop over 2", "stop over 1", "stop over 3"],
)
def test_which_exit_code_beats_which(limits: Limits, stop_at: int | None, code: int) -> None:
    """A stop beats the cap, the cap beats a failed run, that beats a finish with issues."""
    world = {"1 address": "passes with findings", "2 plan": "fails"}

    played = play(Remembered(), "1p 2p 3p", world, limits, stop_at=stop_at)

    assert played.halt.code == code


@pytest.mark.parametrize("code", [129, 130, 143])
def test_a_signal_decides_the_exit_code(code: int) -> None:
    memory = Remembered()
    play(memory, "1", cut_at=4)
    memory.append(StopAsked(99.0, code, "hung up"))

    decision = decide(PlanAgenda(work_of(tasks_of("1")), memory.history), NOW)

    assert decision.halt is not None
    assert (decision.halt.code, decision.halt.why) == (code, "hung up")


def test_a_failed_task_that_a_person_marked_done_no_longer_counts() -> None:
    """With nothing left to do the answer is success, also before another run is opened."""
    memory = Remembered()
    play(memory, "1 2", {"2 execute": "fails"})
    memory.append(TasksMarkedDone(99.0, ("2",), "peal done"))

    decision = decide(PlanAgenda(work_of(tasks_of("1 2")), memory.history), NOW)

    assert decision.halt is not None
    assert decision.halt.code == 0


# Selection


def test_a_selection_keeps_the_segments_of_the_whole_plan() -> None:
    """Tasks 1 and 3 are neighbours once 2 is left out, but 4 still comes after both and 5 after 4."""
    played = play(Remembered(), "1p 2p 3p 4 5p 6p", limits=TWO, selected=["1", "3", "4", "5", "6"])

    assert played.batches == "1p+3p 1e 3e 1a 3a 4p 4e 4a 5p+6p 5e 6e 5a 6a"


def test_a_selection_does_not_join_segments() -> None:
    """Leaving out the sequential task between two parallel ones does not make them neighbours."""
    played = play(Remembered(), "1p 2p 3 4p 5p", limits=TWO, selected=["2", "4"])

    assert played.order == "2p 2e 2a 4p 4e 4a"


def test_a_selection_answers_for_what_was_asked_for_only() -> None:
    memory = Remembered()
    play(memory, "1 2 3", {"1 address": "passes with findings"}, selected=["1"])

    played = play(memory, "1 2 3", selected=["2"])

    assert (played.order, played.halt.code) == ("2p 2e 2a", 0)


# Landing


def test_a_task_lands_right_after_its_own_address() -> None:
    played = play(Remembered(), "1p 2p", limits=LANDING_TWO)

    assert (played.batches, played.halt.code) == ("1p+2p 1e 2e 1a 1l 2a 2l", 0)


@pytest.mark.parametrize("tasks", ["1 2", "1p 2p"])
def test_one_after_another_each_task_lands_before_the_next_is_begun(tasks: str) -> None:
    played = play(Remembered(), tasks, limits=LANDING)

    assert played.order == "1p 1e 1a 1l 2p 2e 2a 2l"


def test_a_segment_begins_when_the_one_before_has_landed() -> None:
    played = play(Remembered(), "1p 2p 3", limits=LANDING_TWO)

    assert played.order == "1p 2p 1e 2e 1a 1l 2a 2l 3p 3e 3a 3l"


def test_where_tasks_land_a_task_is_complete_only_then() -> None:
    """Cut off between `address` and `land`, the next run has only `land` to do."""
    memory = Remembered()
    play(memory, "1", limits=LANDING, cut_at=13)
    assert memory.history.completed == set()

    played = play(memory, "1", limits=LANDING)

    assert played.order == "1l"
    assert memory.history.completed == {"1"}


def test_a_land_that_fails_is_tried_again_as_often_as_address() -> None:
    played = play(Remembered(), "1", {"1 land": "fails"}, evolve(LANDING, address_retry_count=1))

    assert (played.order, played.halt.code) == ("1p 1e 1a 1l 1l", 0)


def test_a_task_whose_landing_failed_is_not_addressed_again_on_the_next_run() -> None:
    memory = Remembered()
    first = play(memory, "1", {"1 land": "fails"}, LANDING)

    again = play(memory, "1", limits=LANDING)

    assert (first.halt.code, again.order, again.halt.code) == (1, "1l", 0)


def test_a_land_that_was_cut_short_is_tried_again() -> None:
    played = play(Remembered(), "1", {"1 land": "is cut short"}, LANDING)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1l 1l", 0)


def test_what_lands_during_a_stop_has_landed() -> None:
    memory = Remembered()

    played = play(memory, "1 2", {}, LANDING, stop_at=14)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1l", 130)
    assert memory.history.completed == {"1"}


def test_after_a_stop_what_is_verified_lands_on_the_next_run() -> None:
    memory = Remembered()
    first = play(memory, "1", {}, LANDING, stop_at=10)

    again = play(memory, "1", limits=LANDING)

    assert (first.order, again.order) == ("1p 1e 1a", "1l")


def test_what_an_earlier_run_verified_lands_before_anything_is_addressed() -> None:
    memory = Remembered()
    play(memory, "1p 2p", {"1 address": "is cut short"}, LANDING_TWO, selected=["1"], stop_at=10)
    play(memory, "1p 2p", {}, LANDING_TWO, selected=["2"], stop_at=10)

    played = play(memory, "1p 2p", limits=LANDING_TWO)

    assert played.order == "2l 1a 1l"


def test_with_the_barrier_land_is_alone_also_where_a_task_is_still_to_be_begun() -> None:
    memory = Remembered()
    play(memory, "1p 2p", {"1 land": "is held"}, LANDING_TWO, selected=["1"])

    played = play(memory, "1p 2p", limits=LANDING_TWO)

    assert played.batches == "1l 2p 2e 2a 2l"


def test_after_a_failure_what_has_begun_lands_too() -> None:
    played = play(Remembered(), "1p 2p 3p 4", {"1 plan": "fails"}, LANDING_TWO)

    assert (played.order, played.halt.code) == ("1p 2p 2e 2a 2l", 1)


def test_findings_let_through_count_when_the_task_has_landed() -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "passes with findings"}, LANDING, stop_at=10)
    assert memory.history.with_findings == set()

    played = play(memory, "1", limits=LANDING)

    assert memory.history.with_findings == {"1"}
    assert (played.halt.code, played.halt.why) == (2, "finished, but findings remain in task 1")


def test_findings_of_a_task_that_did_not_land_are_not_told() -> None:
    """That it failed says all."""
    world = {"1 address": "passes with findings", "1 land": "fails"}

    played = play(Remembered(), "1", world, LANDING_ON)

    assert (played.halt.code, played.halt.why) == (2, "finished, but task 1 failed")


def test_landing_says_why() -> None:
    world = {"1 address": "conflicts", "1 land": "is outdated"}

    played = play(Remembered(), "1p 2p", world, LANDING_TWO)

    assert [reason for reason in _reasons(played) if "running" not in reason][4:] == [
        "1: waits: `address` starts when every task of the segment has left `execute`",
        "1: task 1 address: every task of the segment has left `execute`",
        "2: waits: `address` goes one task at a time, in task order",
        "2: task 2 address: every task of the segment has left `execute`",
        "1: waits: its change clashed: the others land first",
        "2: task 2 land: `address` passed",
        "1: task 1 execute: carried out anew after a conflict",
        "1: task 1 address: `execute` passed",
        "1: task 1 land: `address` passed",
        "1: task 1 address: the branch has moved on",
    ]


# As ready


def test_as_ready_a_task_is_addressed_and_lands_while_others_go_on() -> None:
    played = play(Remembered(), "1p 2p", Script(slow=("2 plan",)), AS_READY)

    assert played.batches == "1p+2p 1e 1a 1l 2e 2a 2l"


def test_as_ready_without_landing_address_is_the_last() -> None:
    limits = Limits(max_parallel=2, as_ready=True)

    played = play(Remembered(), "1p 2p", Script(slow=("2 plan",)), limits)

    assert played.batches == "1p+2p 1e 1a 2e 2a"


def test_as_ready_tasks_still_go_to_the_branch_one_at_a_time() -> None:
    limits = Limits(max_parallel=3, lands=True, as_ready=True)

    played = play(Remembered(), "1p 2p 3p", Script(slow=("1 address",)), limits)

    assert played.batches == "1p+2p+3p 1e 2e 3e 1a 1l 2a 2l 3a 3l"


def test_as_ready_who_is_first_through_execute_is_addressed_first() -> None:
    played = play(Remembered(), "1p 2p", Script(slow=("1 execute",)), AS_READY)

    assert played.batches == "1p+2p 1e 2e 2a 2l 1a 1l"


def test_as_ready_those_who_wait_go_in_task_order() -> None:
    limits = Limits(max_parallel=3, lands=True, as_ready=True)
    world = Script(slow=("3 address", "1 plan", "2 plan"))

    played = play(Remembered(), "1p 2p 3p", world, limits)

    assert played.batches == "1p+2p+3p 3e 3a 1e 2e 3l 1a 1l 2a 2l"


def test_as_ready_what_is_verified_lands_before_the_next_is_addressed() -> None:
    """Though task 1 has come through `execute` meanwhile and is first in the plan."""
    world = Script(slow=("2 address", "1 plan"))

    played = play(Remembered(), "1p 2p", world, AS_READY)

    assert played.batches == "1p+2p 2e 2a 1e 2l 1a 1l"


def test_as_ready_what_is_through_execute_goes_before_what_is_to_be_begun() -> None:
    played = play(Remembered(), "1p 2p 3p", Script(slow=("2 plan",)), AS_READY)

    assert played.batches == "1p+2p 1e 1a 1l 3p 3e 3a 3l 2e 2a 2l"


def test_as_ready_a_place_that_address_cannot_use_is_filled() -> None:
    """While task 1 is addressed, task 2 waits for the branch and task 3 is begun in its place."""
    played = play(Remembered(), "1p 2p 3p", Script(slow=("1 address",)), AS_READY)

    assert played.batches == "1p+2p 1e 2e 1a 3p 3e 1l 2a 2l 3a 3l"


def test_as_ready_with_one_place_changes_nothing() -> None:
    limits = Limits(max_parallel=1, lands=True, as_ready=True)

    assert play(Remembered(), "1p 2p", limits=limits).order == "1p 1e 1a 1l 2p 2e 2a 2l"


def test_as_ready_a_failure_lets_what_has_begun_land() -> None:
    world = Script({"1 execute": "fails"}, slow=("1 execute",))

    played = play(Remembered(), "1p 2p 3p 4p", world, AS_READY)

    assert (played.order, played.halt.code) == ("1p 2p 1e 2e 2a 2l 3p 3e 3a 3l 4p 4e 4a 4l", 1)


def test_as_ready_says_what_a_task_waits_for() -> None:
    played = play(Remembered(), "1p 2p", Script(slow=("1 address",)), AS_READY)

    assert "1: task 1 address: `execute` passed" in _reasons(played)
    assert "2: waits: `address` goes one task at a time, in task order" in _reasons(played)


# The branch moves on


def test_what_is_outdated_is_addressed_again_and_lands() -> None:
    played = play(Remembered(), "1p 2p", {"1 land": "is outdated"}, LANDING_TWO)

    assert (played.order, played.halt.code) == ("1p 2p 1e 2e 1a 1l 1a 1l 2a 2l", 0)


def test_being_outdated_uses_up_no_retry() -> None:
    played = play(Remembered(), "1", {"1 land": "is outdated, is outdated, is outdated"}, LANDING)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1l 1a 1l 1a 1l 1a 1l", 0)


def test_failed_landings_do_not_use_up_the_retries_of_the_next_address() -> None:
    world = {"1 land": "fails, is outdated", "1 address": "passes, fails"}

    played = play(Remembered(), "1", world, evolve(LANDING, address_retry_count=1))

    assert (played.order, played.halt.code) == ("1p 1e 1a 1l 1l 1a 1a 1l", 0)


def test_cut_off_when_it_was_outdated_a_task_is_addressed_again() -> None:
    memory = Remembered()
    play(memory, "1", {"1 land": "is outdated"}, LANDING, cut_at=15)

    assert play(memory, "1", limits=LANDING).order == "1a 1l"


def test_as_ready_what_is_outdated_takes_its_turn_among_those_who_wait() -> None:
    """Task 1 is through `execute` when task 2 turns out to be outdated."""
    world = Script({"2 land": "is outdated"}, slow=("2 land", "1 plan"))

    played = play(Remembered(), "1p 2p", world, AS_READY)

    assert played.batches == "1p+2p 2e 2a 2l 1e 1a 1l 2a 2l"


# Conflicts


def test_a_clashed_task_is_carried_out_anew_when_all_others_have_landed() -> None:
    played = play(Remembered(), "1p 2p 3p", {"1 address": "conflicts"}, evolve(LANDING_TWO, max_parallel=3))

    assert (played.order, played.halt.code) == ("1p 2p 3p 1e 2e 3e 1a 2a 2l 3a 3l 1e 1a 1l", 0)


def test_clashed_tasks_are_carried_out_anew_one_at_a_time() -> None:
    """The second on what the first has landed."""
    world = {"1 address": "conflicts", "2 address": "conflicts"}

    played = play(Remembered(), "1p 2p", world, LANDING_TWO)

    assert played.batches == "1p+2p 1e 2e 1a 2a 1e 1a 1l 2e 2a 2l"


def test_a_clashed_task_has_the_repository_to_itself() -> None:
    played = play(Remembered(), "1p 2p", {"1 address": "conflicts"}, LANDING_TWO)

    started = [moment.decision for moment in played.moments if moment.decision.start]
    assert [decision.concurrent for decision in started] == [True] * 3 + [False] * 6


@pytest.mark.parametrize("limits", [LANDING, AS_READY], ids=["one place", "as ready"])
def test_a_clashed_task_waits_for_tasks_that_are_not_begun(limits: Limits) -> None:
    played = play(Remembered(), "1p 2p", Script({"1 address": "conflicts"}, slow=("2 plan",)), limits)

    assert played.order.endswith("2e 2a 2l 1e 1a 1l")


def test_later_segments_wait_for_a_clashed_task() -> None:
    played = play(Remembered(), "1 2", {"1 address": "conflicts"}, LANDING_TWO)

    assert played.order == "1p 1e 1a 1e 1a 1l 2p 2e 2a 2l"


def test_a_task_that_clashes_once_too_often_has_failed() -> None:
    played = play(Remembered(), "1 2", {"1 address": "conflicts, conflicts"}, LANDING)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1e 1a", 1)


@pytest.mark.parametrize(("often", "order"), [(0, "1p 1e 1a"), (2, "1p 1e 1a 1e 1a 1e 1a")])
def test_how_often_a_clashed_task_is_carried_out_anew_can_be_set(often: int, order: str) -> None:
    limits = evolve(LANDING, conflict_retry=often)

    played = play(Remembered(), "1", {"1 address": "conflicts, conflicts, conflicts"}, limits)

    assert (played.order, played.halt.code) == (order, 1)


def test_conflicts_are_counted_afresh_in_each_run() -> None:
    """What was carried out is merged again first: the branch may look different now."""
    memory = Remembered()
    play(memory, "1", {"1 address": "conflicts, conflicts"}, LANDING)

    played = play(memory, "1", {"1 address": "conflicts"}, LANDING)

    assert (played.order, played.halt.code) == ("1a 1e 1a 1l", 0)
    assert _reasons(played)[0] == "1: task 1 address: the merge is tried again"


def test_on_the_next_run_too_a_clashed_task_lets_the_others_land_first() -> None:
    memory = Remembered()
    first = play(memory, "1p 2p", {"1 address": "conflicts"}, LANDING_TWO, cut_at=21)
    assert first.order == "1p 2p 1e 2e 1a"

    played = play(memory, "1p 2p 3p", limits=LANDING_TWO)

    assert played.batches == "3p 3e 2a 2l 3a 3l 1e 1a 1l"


def test_a_clashed_task_gets_its_retries_back() -> None:
    world = {"1 execute": "fails, passes, fails", "1 address": "fails, conflicts, fails"}

    played = play(Remembered(), "1", world, evolve(LANDING, execute_retry_count=1, address_retry_count=1))

    assert (played.order, played.halt.code) == ("1p 1e 1e 1a 1a 1e 1e 1a 1a 1l", 0)


def test_a_clashed_task_that_is_cut_short_is_still_alone() -> None:
    world = {"1 address": "conflicts", "2 address": "conflicts", "1 execute": "passes, is cut short"}

    played = play(Remembered(), "1p 2p", world, LANDING_TWO)

    assert played.batches == "1p+2p 1e 2e 1a 2a 1e 1e 1a 1l 2e 2a 2l"


def test_what_was_carried_out_anew_may_be_outdated() -> None:
    """Being outdated counts as no conflict."""
    world = {"1 address": "conflicts", "1 land": "is outdated"}

    played = play(Remembered(), "1", world, LANDING)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1e 1a 1l 1a 1l", 0)


def test_what_is_outdated_may_clash() -> None:
    world = {"1 land": "is outdated", "1 address": "passes, conflicts"}

    played = play(Remembered(), "1p 2p", world, LANDING_TWO)

    assert (played.order, played.halt.code) == ("1p 2p 1e 2e 1a 1l 1a 2a 2l 1e 1a 1l", 0)


def test_a_clashed_task_does_not_wait_for_one_that_failed() -> None:
    world = {"1 address": "conflicts", "2 address": "is rejected"}

    played = play(Remembered(), "1p 2p 3", world, LANDING_ON)

    assert (played.order, played.halt.code) == ("1p 2p 1e 2e 1a 2a 1e 1a 1l 3p 3e 3a 3l", 2)


def test_after_a_failure_a_clashed_task_is_carried_out_anew_as_it_has_begun() -> None:
    world = Script({"1 address": "conflicts", "2 execute": "fails"}, slow=("1 execute",))

    played = play(Remembered(), "1p 2p 3p", world, LANDING_TWO)

    assert (played.order, played.halt.code) == ("1p 2p 1e 2e 1a 1e 1a 1l", 1)


def test_a_conflict_that_fails_the_run_lets_what_has_begun_land() -> None:
    limits = evolve(AS_READY, conflict_retry=0)

    played = play(Remembered(), "1p 2p 3p", Script({"1 address": "conflicts"}, slow=("2 plan",)), limits)

    assert (played.order, played.halt.code) == ("1p 2p 1e 1a 2e 2a 2l", 1)


def test_told_to_continue_the_rest_goes_on_after_a_conflict() -> None:
    played = play(Remembered(), "1 2", {"1 address": "conflicts, conflicts"}, LANDING_ON)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1e 1a 2p 2e 2a 2l", 2)


def test_tasks_that_clashed_too_often_count_as_failures_in_a_row() -> None:
    limits = _capped(2, lands=True, conflict_retry=0)

    played = play(Remembered(), "1 2 3", {"1 address": "conflicts", "2 address": "conflicts"}, limits)

    assert (played.order, played.halt.code) == ("1p 1e 1a 2p 2e 2a", 3)


# Held


@pytest.mark.parametrize("limits", [LANDING, LANDING_TWO, LANDING_ON], ids=["one place", "two", "going on"])
def test_what_is_held_keeps_the_next_segment_from_starting(limits: Limits) -> None:
    played = play(Remembered(), "1 2", {"1 land": "is held"}, limits)

    assert played.order == "1p 1e 1a 1l"
    assert (played.halt.code, played.halt.why) == (4, "task 1 is held")


def test_the_others_of_its_segment_land_though_one_is_held() -> None:
    world = {"1 land": "is held", "2 land": "is held"}

    played = play(Remembered(), "1p 2p 3p 4", world, LANDING_TWO)

    assert played.order == "1p 2p 1e 2e 3p 3e 1a 1l 2a 2l 3a 3l"
    assert (played.halt.code, played.halt.why) == (4, "tasks 1-2 are held")


def test_with_one_place_the_others_of_the_segment_go_on_too() -> None:
    played = play(Remembered(), "1p 2p 3", {"1 land": "is held"}, LANDING)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1l 2p 2e 2a 2l", 4)


def test_as_ready_what_is_held_leaves_the_branch_to_the_others() -> None:
    played = play(Remembered(), "1p 2p", Script({"1 land": "is held"}, slow=("2 plan",)), AS_READY)

    assert (played.batches, played.halt.code) == ("1p+2p 1e 1a 1l 2e 2a 2l", 4)


def test_the_next_run_tries_to_land_what_was_held_and_goes_on() -> None:
    memory = Remembered()
    play(memory, "1 2", {"1 land": "is held"}, LANDING)

    played = play(memory, "1 2", limits=LANDING)

    assert (played.order, played.halt.code) == ("1l 2p 2e 2a 2l", 0)
    assert _reasons(played)[0] == "1: task 1 land: the person may have made way"


def test_what_is_still_in_the_way_on_the_next_run_holds_it_again() -> None:
    memory = Remembered()
    play(memory, "1 2", {"1 land": "is held"}, LANDING)

    played = play(memory, "1 2", {"1 land": "is held"}, LANDING)

    assert (played.order, played.halt.code) == ("1l", 4)


def test_what_was_held_and_is_outdated_by_the_next_run_is_addressed_again() -> None:
    memory = Remembered()
    play(memory, "1", {"1 land": "is held"}, LANDING)

    played = play(memory, "1", {"1 land": "is outdated"}, LANDING)

    assert (played.order, played.halt.code) == ("1l 1a 1l", 0)


def test_a_clashed_task_does_not_wait_for_one_that_is_held() -> None:
    world = {"1 land": "is held", "2 address": "conflicts"}

    played = play(Remembered(), "1p 2p", world, LANDING_TWO)

    assert (played.order, played.halt.code) == ("1p 2p 1e 2e 1a 1l 2a 2e 2a 2l", 4)


def test_what_was_carried_out_anew_may_be_held() -> None:
    world = {"1 address": "conflicts", "1 land": "is held"}

    played = play(Remembered(), "1", world, LANDING)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1e 1a 1l", 4)


def test_being_held_is_no_failure_that_keeps_others_from_being_begun() -> None:
    played = play(Remembered(), "1p 2p 3p", Script({"1 land": "is held"}, slow=("2 plan",)), AS_READY)

    assert (played.order, played.halt.code) == ("1p 2p 1e 1a 1l 3p 3e 3a 3l 2e 2a 2l", 4)


def test_what_is_held_does_not_part_failures_in_a_row() -> None:
    """Like a task that was never tried."""
    world = {"1 land": "fails", "2 land": "is held", "3 land": "fails"}

    played = play(Remembered(), "1p 2p 3p", world, _capped(2, lands=True))

    assert played.halt.code == 3


@pytest.mark.parametrize(
    ("limits", "world", "code"),
    [
        (_capped(1, lands=True), {"2 land": "fails"}, 3),
        (_capped(1, lands=True, continue_with_remaining_tasks=False), {"2 land": "fails"}, 3),
        (LANDING_TWO, {"2 land": "fails"}, 1),
        (LANDING_TWO, {"2 plan": "fails"}, 1),
        (LANDING_ON, {"2 land": "fails"}, 4),
        (LANDING_ON, {"2 address": "conflicts, conflicts"}, 4),
        (LANDING_TWO, {"2 address": "passes with findings"}, 4),
        (LANDING_TWO, {}, 4),
    ],
    ids=[
        "cap over held", "cap over failed and held", "failed over held", "failed early over held",
        "held over issues", "held over a conflict", "held over findings", "held alone",
    ],
)  # fmt: skip
def test_where_held_stands_among_the_exit_codes(limits: Limits, world: dict[str, str], code: int) -> None:
    played = play(Remembered(), "1p 2p 3", {"1 land": "is held", **world}, limits)

    assert played.halt.code == code
    assert "3p" not in played.order


def test_a_stop_beats_held() -> None:
    played = play(Remembered(), "1p 2p", {"1 land": "is held"}, LANDING, stop_at=16)

    assert (played.order, played.halt.code) == ("1p 1e 1a 1l 2p", 130)


def test_a_selection_ends_held_only_for_what_was_asked_for() -> None:
    memory = Remembered()
    first = play(memory, "1 2 3", {"1 land": "is held"}, LANDING, selected=["1", "3"])

    again = play(memory, "1 2 3", limits=LANDING, selected=["2"])

    assert (first.order, first.halt.code) == ("1p 1e 1a 1l", 4)
    assert (again.order, again.halt.code) == ("2p 2e 2a 2l", 0)
    assert memory.history.completed == {"2"}


def test_a_person_can_have_what_is_held_done_anew() -> None:
    memory = Remembered()
    play(memory, "1", {"1 land": "is held"}, LANDING)
    memory.append(TasksForgotten(99.0, ("1",), "execute", "peal redo"))

    assert play(memory, "1", limits=LANDING).order == "1e 1a 1l"


def test_a_person_can_count_what_is_held_as_done() -> None:
    memory = Remembered()
    play(memory, "1 2", {"1 land": "is held"}, LANDING)
    memory.append(TasksMarkedDone(99.0, ("1",), "peal done"))

    assert play(memory, "1 2", limits=LANDING).order == "2p 2e 2a 2l"


# Cut off


@pytest.mark.parametrize("limits", [LANDING, LANDING_TWO, AS_READY], ids=["one place", "two", "as ready"])
def test_cut_off_anywhere_the_next_run_brings_it_to_the_same_end(limits: Limits) -> None:
    """Whatever was on the way: every task lands, exactly once, and findings let through are known."""
    world = {
        "1 address": "conflicts, is mended, passes with findings",
        "2 land": "is outdated",
        "3 execute": "is cut short, changes nothing",
    }
    whole = Remembered()
    assert play(whole, "1p 2p 3p 4", world, limits).halt.code == 2
    for cut in range(len(whole.events)):
        memory = Remembered()
        first = play(memory, "1p 2p 3p 4", world, limits, cut_at=cut)
        known = bool(memory.history.states["1"].findings)

        again = play(memory, "1p 2p 3p 4", limits=limits)

        assert first.halt is None or cut == len(whole.events) - 1
        assert again.halt.code == (2 if known else 0)
        landed = Counter(
            event.task
            for event in memory.events
            if isinstance(event, StepEnded)
            and event.phase == "land"
            and event.outcome.result is Result.PASSED
        )
        assert landed == Counter(["1", "2", "3", "4"])
        assert memory.history.completed == {"1", "2", "3", "4"}


# Cost


def test_a_decision_costs_the_same_however_much_is_done() -> None:
    """Only the tasks of the current segment are looked at."""

    class Looked(dict[str, Any]):
        count = 0

        def __getitem__(self, task: str) -> Any:
            Looked.count += 1
            return super().__getitem__(task)

    def looks(done: int) -> int:
        tasks = tasks_of(" ".join(map(str, range(1, done + 3))))
        memory = Remembered()
        marked = tuple(map(str, range(1, done + 1)))
        memory.append(PlanRead(0.0, tasks), TasksMarkedDone(1.0, marked, "peal done"))
        memory.history.states = Looked(memory.history.states)
        agenda = PlanAgenda(work_of(tasks), memory.history)
        decide(agenda, NOW)
        Looked.count = 0
        assert decide(agenda, NOW).start == (Step(str(done + 1), "plan"),)
        return Looked.count

    assert looks(done=1000) == looks(done=10) <= 2


# The laws. Each holds in every story that luck can tell: any plan, limits, failures, interruptions, crashes,
# resumes, changed plans and changed minds.


ALL = len(PHASES)


@define
class Told:
    """What the events say, read in the plainest way; knows tasks by their text and judges without History."""

    names: dict[str, str] = field(factory=dict)
    done: dict[str, int] = field(factory=dict)
    """Phases that are over, 0 to 4; without `land` the last is over with `address`."""
    ticked: set[str] = field(factory=set)
    begun: set[str] = field(factory=set)
    found: set[str] = field(factory=set)
    """Tasks whose latest `address` passed with findings."""
    commits: dict[str, str] = field(factory=dict)
    mended: dict[str, str] = field(factory=dict)
    verified: dict[str, str] = field(factory=dict)
    limits: Limits = field(factory=Limits)
    failed: set[str] = field(factory=set)
    held: set[str] = field(factory=set)
    succeeded: set[str] = field(factory=set)
    attempts: Counter[str] = field(factory=Counter)
    conflicts: Counter[str] = field(factory=Counter)
    clashed: set[str] = field(factory=set)
    capped: bool = False
    stop: int | None = None

    def hear(self, event: Event) -> None:
        match event:
            case PlanRead(tasks=tasks):
                self.names = {task.id: task.title for task in tasks}
                self.ticked = {task.title for task in tasks if task.done}
                self._keep_only(set(self.names.values()))
            case RunOpened():
                self.limits, self.stop, self.capped = Limits.of(event), None, False
                self.failed, self.held, self.succeeded = set(), set(), set()
                self.attempts, self.conflicts = Counter(), Counter()
            case StopAsked(code=code):
                self.stop = code
            case StepStarted(task=task):
                self.begun.add(self.names[task])
            case StepEnded(task=task, phase=phase, outcome=outcome):
                self._ended(self.names[task], phase, outcome)
            case TasksForgotten(tasks=tasks, phase=phase):
                for task in tasks:
                    self._forgotten(self.names[task], phase)
            case TasksMarkedDone(tasks=tasks):
                self._marked_done({self.names[task] for task in tasks})

    def _marked_done(self, names: set[str]) -> None:
        self.done |= dict.fromkeys(names, ALL)
        self.failed -= names
        self.held -= names
        self.found -= names
        for known in (self.commits, self.mended, self.verified):
            for name in names & known.keys():
                del known[name]

    def _keep_only(self, kept: set[str]) -> None:
        self.done = {name: self.done.get(name, 0) for name in kept}
        self.begun &= kept
        self.failed &= kept
        self.held &= kept
        self.found &= kept
        self.clashed &= kept
        for known in (self.commits, self.mended, self.verified, self.conflicts):
            for name in known.keys() - kept:
                del known[name]

    def _forgotten(self, name: str, phase: str) -> None:
        first = PHASES.index(phase)
        if self.done[name] >= first:
            self.done[name] = first
            self.failed.discard(name)
            self.held.discard(name)
            self.found.discard(name)
            self.conflicts.pop(name, None)
            self.clashed.discard(name)
            self.mended[name] = self.verified[name] = ""
            if phase in ("plan", "execute"):
                self.commits[name] = ""
            if phase == "plan":
                self.begun.discard(name)
            else:
                self.begun.add(name)

    def _ended(self, name: str, phase: str, outcome: Outcome) -> None:
        match outcome.result:
            case Result.PASSED:
                self._passed(name, phase, outcome)
            case Result.MENDED:
                self.attempts[name] = 0
                self.mended[name] = outcome.commit or self.mended.get(name, "")
            case Result.CONFLICTED:
                self._clashed(name)
            case Result.OUTDATED:
                self.done[name], self.attempts[name], self.verified[name] = (
                    AGENT_PHASES.index("address"),
                    0,
                    "",
                )
            case Result.HELD:
                self.held.add(name)
            case Result.FAILED:
                self.attempts[name] += 1
                if self.attempts[name] == self.limits.retry_count(phase) + 1:
                    self.failed.add(name)
            case Result.REJECTED:
                self.failed.add(name)
        self.capped = self.capped or self._failures_in_a_row() >= (
            self.limits.max_consecutive_task_failures or 99
        )

    def _passed(self, name: str, phase: str, outcome: Outcome) -> None:
        self.done[name] += 1
        self.attempts[name] = 0
        if phase == "execute":
            self.commits[name], self.mended[name], self.verified[name] = outcome.commit, "", ""
            self.found.discard(name)
            self.clashed.discard(name)
        if phase == "address":
            self.verified[name] = outcome.commit
            self.found = self.found | {name} if outcome.findings else self.found - {name}
            self.done[name] = self.done[name] if self.limits.lands else ALL
        if self.done[name] == ALL:
            self.succeeded.add(name)

    def _clashed(self, name: str) -> None:
        self.conflicts[name] += 1
        self.mended[name] = ""
        if self.conflicts[name] > self.limits.conflict_retry:
            self.failed.add(name)
        else:
            self.done[name], self.attempts[name] = AGENT_PHASES.index("execute"), 0
            self.clashed.add(name)

    def _failures_in_a_row(self) -> int:
        """The longest row of failures among the settled tasks in task order."""
        settled = [name for name in self.names.values() if name in self.failed | self.succeeded]
        marks = "".join("F" if name in self.failed else "s" for name in settled)
        return max(map(len, marks.split("s")))

    def next(self, task: str) -> str | None:
        done = self.done[self.names[task]]
        return PHASES[done] if done < ALL else None

    def is_complete(self, task: str) -> bool:
        return self.done[self.names[task]] == ALL or self.names[task] in self.ticked

    def is_settled(self, task: str) -> bool:
        return self.is_complete(task) or self.has_failed(task) or self.is_held(task)

    def has_begun(self, task: str) -> bool:
        return self.names[task] in self.begun

    def has_failed(self, task: str) -> bool:
        return self.names[task] in self.failed

    def is_held(self, task: str) -> bool:
        return self.names[task] in self.held

    def has_clashed(self, task: str) -> bool:
        """It waits to be carried out anew, or is being so, after a conflict."""
        return self.names[task] in self.clashed and self.next(task) == "execute"

    def has_findings(self, task: str) -> bool:
        return self.is_complete(task) and self.names[task] in self.found

    @property
    def is_doomed(self) -> bool:
        """Nothing that has not begun is to be begun."""
        return self.capped or bool(self.failed and not self.limits.continue_with_remaining_tasks)

    def code(self, asked: tuple[str, ...]) -> int:
        """The exit code, each line beating those below it."""
        ladder = {
            130: self.stop is not None,
            3: self.capped,
            1: self.is_doomed,
            4: any(map(self.is_held, asked)),
            2: bool(self.failed) or any(map(self.has_findings, asked)),
            0: True,
        }
        return next(code for code, holds in ladder.items() if holds)


AT_THE_BRANCH = ("address", "land")


@frozen
class Scene:
    """A decision, and what was known when it was taken."""

    decision: Decision
    running: tuple[Step, ...]
    told: Told
    work: Work

    @property
    def busy(self) -> tuple[Step, ...]:
        """What runs once the decision is carried out."""
        return self.running + self.decision.start

    @property
    def segment(self) -> tuple[str, ...]:
        """The first segment in which something is open, or held."""
        waits = [one.tasks for one in self.work.segments if any(map(self._is_pending, one.tasks))]
        return next(iter(waits), ())

    def _is_pending(self, task: str) -> bool:
        return self.told.is_held(task) or not self.told.is_settled(task)

    @property
    def open(self) -> list[str]:
        """The segment's tasks that are not settled."""
        return [task for task in self.segment if not self.told.is_settled(task)]

    @property
    def allowed(self) -> list[str]:
        """Those of them that may still go on."""
        if not self.told.is_doomed:
            return self.open
        if not any(map(self.told.has_failed, self.segment)):
            return []
        return [task for task in self.open if self.told.has_begun(task)]

    @property
    def is_concurrent(self) -> bool:
        """The segment's steps may run side by side now."""
        return self.told.limits.max_parallel > 1 and sum(map(self._is_pending, self.segment)) > 1

    @property
    def idle(self) -> list[str]:
        """Tasks that may go on and of which nothing runs."""
        busy = {step.task for step in self.running}
        return [task for task in self.allowed if task not in busy]

    @property
    def ready(self) -> list[str]:
        """Tasks that could do a `plan` or `execute` now, beside others."""
        told = self.told
        return [
            task for task in self.idle if told.next(task) not in AT_THE_BRANCH and not told.has_clashed(task)
        ]

    def waiting_for(self, phase: str) -> list[str]:
        """Tasks that could do this phase now."""
        return [task for task in self.idle if self.told.next(task) == phase]

    @property
    def started_beside(self) -> list[str]:
        """The tasks of which a `plan` or `execute` is started that may run beside others."""
        return [
            step.task
            for step in self.decision.start
            if step.phase not in AT_THE_BRANCH and not self.told.has_clashed(step.task)
        ]

    @property
    def at_the_branch(self) -> list[Step]:
        """What runs of `address` and `land` once the decision is carried out."""
        return [step for step in self.busy if step.phase in AT_THE_BRANCH]


_TELLING = (PlanRead, RunOpened, StepStarted, StepEnded, StopAsked, TasksForgotten, TasksMarkedDone)


def _in_short(event: Event) -> str:
    match event:
        case PlanRead(tasks=tasks):
            words = [f"{one.id}{'p' * one.parallel}{'x' * one.done}={one.title}" for one in tasks]
            return f"read {' '.join(words)}"
        case RunOpened(selected=selected):
            return f"opened {Limits.of(event)} {selected}"
        case StepStarted(task=task, phase=phase):
            return f"{task} {phase} starts"
        case StepEnded(task=task, phase=phase, outcome=outcome):
            return f"{task} {phase} {outcome.result}"
    return str(event)


@define
class Tale:
    """Several runs of one plan with one memory."""

    lands: bool = False
    memory: Remembered = field(factory=Remembered)
    scenes: list[Scene] = field(factory=list, repr=False)
    codes: list[tuple[int, int]] = field(factory=list)
    """Of each run that was not cut off: the exit code, and the one to be expected."""
    _told: Told = field(factory=Told, repr=False)
    _heard: int = 0

    def run(self, tasks: tuple[TaskRead, ...], world: Any, selected: Any, **how: Any) -> None:
        work = work_of(tasks, selected)
        played = play(self.memory, tasks, world, selected=selected, **how)
        for moment in played.moments:
            self.scenes.append(self._scene(moment, work))
        self._listen(len(self.memory.events))
        if played.halt is not None:
            self.codes.append((played.halt.code, self._told.code(work.tasks)))

    def _scene(self, moment: Moment, work: Work) -> Scene:
        self._listen(moment.events_before)
        return Scene(moment.decision, moment.running, deepcopy(self._told), work)

    def _listen(self, until: int) -> None:
        for event in self.memory.events[self._heard : until]:
            self._told.hear(event)
        self._heard = until

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - as hypothesis asks
        """What hypothesis shows of a tale that breaks a law."""
        told = [_in_short(event) for event in self.memory.events if type(event) in _TELLING]
        printer.text("\n".join(told))

    @property
    def starts(self) -> list[StepStarted]:
        return [event for event in self.memory.events if isinstance(event, StepStarted)]


names = st.tuples(st.permutations("abcdefgh"), st.sampled_from(range(1, 7))).map(
    lambda drawn: drawn[0][: drawn[1]]
)
rising = st.just(range(1, 7)) | st.lists(st.integers(1, 20), min_size=6, max_size=6, unique=True).map(sorted)
limits_of = st.builds(
    Limits,
    max_parallel=st.integers(1, 4),
    plan_retry_count=st.integers(0, 1),
    execute_retry_count=st.integers(0, 2),
    address_retry_count=st.integers(0, 1),
    continue_with_remaining_tasks=st.booleans(),
    max_consecutive_task_failures=st.none() | st.integers(1, 3),
    lands=st.sampled_from((False, True, True)),
    as_ready=st.booleans(),
    conflict_retry=st.integers(0, 2),
)
moments_of = st.none() | st.none() | st.none() | st.integers(1, 60)


@st.composite
def readings(draw: st.DrawFn) -> tuple[TaskRead, ...]:
    """
    A plan of up to six tasks, drawn from the same texts each time: moved, inserted, edited and dropped ones.

    Numbers rise, sometimes with gaps.
    """
    words = [
        f"{index}{'p' * draw(st.sampled_from((0, 1, 1)))}{'x' * (draw(st.integers(0, 9)) == 9)}={name}"
        for index, name in zip(draw(rising), draw(names), strict=False)
    ]
    return tasks_of(" ".join(words))


@st.composite
def tales(draw: st.DrawFn) -> Tale:
    """One to three runs of a plan that changes, and changes of mind between them."""
    tale = Tale(lands=draw(st.sampled_from((False, True, True))))
    tasks = draw(readings())
    luck = random.Random(draw(st.integers(0, 2**32)))
    for number in range(draw(st.integers(1, 3))):
        if number:
            tasks = draw(st.just(tasks) | readings())
            tale.memory.append(*draw(minds(tale)))
        ids = [task.id for task in tasks]
        selected = draw(st.none() | st.none() | st.none() | st.lists(st.sampled_from(ids), unique=True))
        limits = evolve(draw(limits_of), lands=tale.lands)
        how = {"limits": limits, "stop_at": draw(moments_of), "cut_at": draw(moments_of)}
        tale.run(
            tasks, Chance(luck, draw(st.sampled_from((0.1, 0.3, 0.5))), lands=tale.lands), selected, **how
        )
    return tale


@st.composite
def minds(draw: st.DrawFn, tale: Tale) -> list[Event]:
    """What a person may do between two runs: `peal redo` and `peal done`, of tasks in the plan as it was read."""
    known = st.lists(st.sampled_from(list(tale.memory.history.states)), max_size=2, unique=True).map(tuple)
    at = tale.memory.history.last_at
    redo = st.builds(TasksForgotten, st.just(at), known, st.sampled_from(AGENT_PHASES), st.just("peal redo"))
    done = st.builds(TasksMarkedDone, st.just(at), known, st.just("peal done"))
    return draw(st.lists(redo | done, max_size=2))


LAWS: list[Callable[[Tale], None]] = []


def law(check: Callable[[Tale], None]) -> Callable[[Tale], None]:
    """What holds in every tale; each that is drawn is held against all laws, for drawing it is what takes time."""
    LAWS.append(check)
    return check


@law
def never_more_steps_at_once_than_places(tale: Tale) -> None:
    for scene in tale.scenes:
        assert len(scene.busy) <= scene.told.limits.max_parallel


@law
def segments_are_barriers(tale: Tale) -> None:
    """What runs is of one segment, and before it everything is settled."""
    for scene in tale.scenes:
        assert {step.task for step in scene.busy} <= set(scene.segment)


@law
def what_is_held_keeps_later_segments_from_starting(tale: Tale) -> None:
    for scene in tale.scenes:
        asked = scene.work.tasks
        held = [asked.index(task) for task in asked if scene.told.is_held(task)]
        if held:
            assert all(asked.index(step.task) < held[0] or step.task in scene.segment for step in scene.busy)


@law
def one_task_at_a_time_is_addressed_or_lands(tale: Tale) -> None:
    for scene in tale.scenes:
        assert len(scene.at_the_branch) <= 1


@law
def with_the_barrier_address_and_land_are_alone(tale: Tale) -> None:
    for scene in tale.scenes:
        if scene.at_the_branch and not scene.told.limits.as_ready:
            assert len(scene.busy) == 1


@law
def with_the_barrier_address_waits_for_every_execute_but_those_done_anew(tale: Tale) -> None:
    for scene in tale.scenes:
        addresses = any(step.phase == "address" for step in scene.decision.start)
        if addresses and scene.is_concurrent and not scene.told.limits.as_ready:
            assert scene.ready == []


@law
def address_goes_in_task_order(tale: Tale) -> None:
    """One after another, also among tasks that are not that far yet."""
    for scene in tale.scenes:
        for step in scene.decision.start:
            if step.phase == "address":
                others = [] if scene.is_concurrent else scene.ready
                assert step.task == min(scene.waiting_for("address") + others, key=scene.segment.index)


@law
def what_is_verified_goes_to_the_branch_before_anything_else(tale: Tale) -> None:
    for scene in tale.scenes:
        verified = scene.waiting_for("land")
        if verified and not scene.running and scene.told.stop is None:
            assert scene.decision.start[0] == Step(verified[0], "land")


@law
def land_directly_follows_the_tasks_own_address(tale: Tale) -> None:
    """Nothing else starts for the branch in between, and with the barrier nothing at all."""
    limits, verified = Limits(), ""
    for event in tale.memory.events:
        match event:
            case RunOpened():
                limits, verified = Limits.of(event), ""
            case StepStarted(task=task, phase=phase) if verified:
                if phase in AT_THE_BRANCH or not limits.as_ready:
                    assert (task, phase) == (verified, "land")
                    verified = ""
            case StepEnded(task=task, phase="address", outcome=outcome) if limits.lands:
                verified = task if outcome.result is Result.PASSED else ""


@law
def as_ready_a_task_goes_to_the_branch_as_soon_as_it_is_its_turn(tale: Tale) -> None:
    for scene in tale.scenes:
        waits = scene.waiting_for("address") + scene.waiting_for("land")
        has_room = len(scene.running) < scene.told.limits.max_parallel
        if (
            scene.told.limits.as_ready
            and scene.is_concurrent
            and waits
            and has_room
            and scene.told.stop is None
        ):
            assert scene.at_the_branch


@law
def a_clashed_task_is_done_anew_when_nothing_else_of_its_segment_may_go_on(tale: Tale) -> None:
    """One at a time, in task order."""
    for scene in tale.scenes:
        anew = [step.task for step in scene.decision.start if scene.told.has_clashed(step.task)]
        if anew:
            assert len(scene.busy) == 1
            assert all(map(scene.told.has_clashed, scene.allowed))
            assert anew == scene.allowed[:1]


@law
def a_task_is_done_anew_after_a_conflict_as_often_as_allowed(tale: Tale) -> None:
    """Within a run, and only then; after that it has failed."""
    limits, conflicts = Limits(), Counter[str]()
    for event in tale.memory.events:
        match event:
            case RunOpened():
                limits, conflicts = Limits.of(event), Counter()
            case StepStarted(task=task):
                assert conflicts[task] <= limits.conflict_retry
            case StepEnded(task=task, outcome=outcome) if outcome.result is Result.CONFLICTED:
                conflicts[task] += 1


@law
def no_work_makes_a_task_complete_but_its_last_phase(tale: Tale) -> None:
    """`land` where the tasks work in worktrees, else `address`."""
    last = "land" if tale.lands else "address"
    memory = Remembered()
    for event in tale.memory.events:
        before = set(memory.history.completed)
        memory.append(event)
        if isinstance(event, StepEnded):
            passed = event.phase == last and event.outcome.result is Result.PASSED
            assert memory.history.completed - before == ({event.task} if passed else set())


@law
def what_lands_is_what_the_last_address_has_verified(tale: Tale) -> None:
    """Whatever crashes and changed minds lie between, unless there was nothing to merge."""
    told = Told()
    for event in tale.memory.events:
        told.hear(event)
        if isinstance(event, StepStarted) and event.phase == "land":
            name = told.names[event.task]
            assert told.verified[name] or not told.commits.get(name)


@law
def every_step_is_the_next_of_a_task_that_may_go_on(tale: Tale) -> None:
    """So phases come in order, a passed one is not repeated, and a complete task never runs again."""
    for scene in tale.scenes:
        busy = {step.task for step in scene.running}
        for step in scene.decision.start:
            assert step.phase == scene.told.next(step.task)
            assert step.task in scene.allowed
            assert step.task not in busy


@law
def every_started_task_has_its_reason(tale: Tale) -> None:
    for scene in tale.scenes:
        for step in scene.decision.start:
            assert [
                reason for reason in scene.decision.reasons if reason.tasks == (step.task,) and reason.text
            ]


@law
def every_task_that_may_go_on_is_in_some_reason(tale: Tale) -> None:
    """Also what waits and what runs is told about, unless the run is over or ending."""
    for scene in tale.scenes:
        if scene.decision.halt is None and scene.told.stop is None:
            told = {task for reason in scene.decision.reasons for task in reason.tasks}
            assert set(scene.allowed) <= told


@law
def a_decision_that_starts_nothing_while_nothing_runs_ends_the_run(tale: Tale) -> None:
    for scene in tale.scenes:
        assert (scene.decision.halt is not None) == (not scene.busy)


@law
def a_run_ends_only_when_nothing_may_go_on(tale: Tale) -> None:
    for scene in tale.scenes:
        if scene.decision.halt is not None and scene.told.stop is None:
            assert not scene.allowed


@law
def no_place_stays_free_while_a_step_is_ready(tale: Tale) -> None:
    for scene in tale.scenes:
        must_be_alone = scene.at_the_branch and not scene.told.limits.as_ready
        if scene.is_concurrent and scene.told.stop is None and not must_be_alone:
            others = len(scene.busy) - len(scene.started_beside)
            free = scene.told.limits.max_parallel - others
            assert len(scene.started_beside) == min(free, len(scene.ready))


@law
def begun_comes_before_not_begun(tale: Tale) -> None:
    """Where tasks run side by side; each of the two kinds in task order."""
    for scene in tale.scenes:
        if scene.decision.concurrent:
            wanted = sorted(scene.ready, key=lambda task: not scene.told.has_begun(task))
            assert scene.started_beside == wanted[: len(scene.started_beside)]


@law
def attempt_numbers_are_never_used_twice(tale: Tale) -> None:
    """They name folders that are never overwritten, also after tasks have moved or are done again."""
    folders = Counter((event.task, event.phase, event.attempt) for event in tale.starts)

    assert set(folders.values()) <= {1}


@law
def after_a_stop_nothing_starts(tale: Tale) -> None:
    for scene in tale.scenes:
        if scene.told.stop is not None:
            assert scene.decision.start == ()


@law
def after_a_failure_that_ends_the_run_nothing_is_begun(tale: Tale) -> None:
    """And all that has begun in its segment comes to its end."""
    for scene in tale.scenes:
        if scene.told.is_doomed:
            assert all(scene.told.has_begun(step.task) for step in scene.decision.start)
            if scene.decision.halt is not None and scene.told.stop is None:
                failed_here = any(map(scene.told.has_failed, scene.segment))
                assert not failed_here or not any(map(scene.told.has_begun, scene.open))


@law
def the_exit_code_says_what_became_of_the_run(tale: Tale) -> None:
    for code, expected in tale.codes:
        assert code == expected


def _retries(memory: Remembered, phase: str) -> int:
    return memory.history.pipeline(PIPELINE).phase(phase).retries


@law
def a_failed_step_is_tried_exactly_as_often_as_allowed(tale: Tale) -> None:
    """Within a run: never more than its retries and one, and a task that failed has used them all up."""
    failures = Counter[tuple[str, str]]()
    memory = Remembered()
    for event in tale.memory.events:
        memory.append(event)
        match event:
            case RunOpened():
                failures.clear()
            case StepStarted(task=task, phase=phase):
                assert failures[task, phase] <= _retries(memory, phase)
            case StepEnded(task=task, phase=phase, outcome=outcome) if outcome.result is Result.FAILED:
                failures[task, phase] += 1
                has_failed = task in memory.history.failed
                assert has_failed == (failures[task, phase] > _retries(memory, phase))
            case StepEnded(task=task, phase=phase, outcome=outcome) if outcome.result is Result.REJECTED:
                failures[task, phase] = 99
            case StepEnded(task=task, outcome=outcome) if outcome.result is not Result.INTERRUPTED:
                for phase in PHASES:
                    failures[task, phase] = 0


@law
def the_history_counts_failures_in_a_row_as_a_plain_count_does(tale: Tale) -> None:
    """Over the settled tasks in task order, afresh in each run; a success resets, others do not count."""
    told = Told()
    copy = Remembered()
    for event in tale.memory.events:
        copy.append(event)
        told.hear(event)
        assert copy.history.cap_reached == told.capped


@law
def a_history_agrees_with_what_was_told(tale: Tale) -> None:
    """Next phases, completions, failures, conflicts, commits and findings, after every single event."""
    told = Told()
    copy = Remembered()
    for event in tale.memory.events:
        copy.append(event)
        told.hear(event)
        history = copy.history
        assert {task: state.next for task, state in history.states.items()} == {
            task: told.next(task) for task in told.names
        }
        assert history.completed == set(filter(told.is_complete, told.names))
        assert history.with_findings == set(filter(told.has_findings, told.names))
        assert history.failed == set(filter(told.has_failed, told.names))
        assert history.held == set(filter(told.is_held, told.names))
        assert {
            task: (state.conflicts, state.change.own, state.change.mended, state.change.verified)
            for task, state in history.states.items()
        } == {
            task: (
                told.conflicts[name],
                told.commits.get(name, ""),
                told.mended.get(name, ""),
                told.verified.get(name, ""),
            )
            for task, name in told.names.items()
        }


@law
def what_address_merges_is_the_latest_that_was_left_for_it(tale: Tale) -> None:
    """The merge as mended so far, or else the task's own commit."""
    told, memory = Told(), Remembered()
    for event in tale.memory.events:
        told.hear(event)
        memory.append(event)
        if isinstance(event, StepStarted) and event.phase == "address":
            name = told.names[event.task]
            brings = told.mended.get(name) or told.commits.get(name, "")
            assert memory.history.states[event.task].change.brings == brings


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(tale=tales())
def test_every_law_holds_in_every_tale(tale: Tale) -> None:
    for holds in LAWS:
        try:
            holds(tale)
        except AssertionError:
            note(f"the law that is broken: {holds.__name__}")
            raise


@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tale=tales(), data=st.data())
def test_an_agenda_that_has_followed_a_run_decides_as_one_made_of_the_history(
    tale: Tale, data: st.DataObject
) -> None:
    """What it keeps up to date is nothing that could not be read off the history."""
    tasks = data.draw(readings())
    limits, luck = evolve(data.draw(limits_of), lands=tale.lands), data.draw(st.integers(0, 2**32))
    work = work_of(tasks)
    events = list(tale.memory.events)
    played = play(tale.memory, tasks, Chance(random.Random(luck), lands=limits.lands), limits)

    again = Remembered()
    again.append(*events)
    for moment in played.moments:
        again.append(*tale.memory.events[len(again.events) : moment.events_before])
        assert decide(PlanAgenda(work, again.history), NOW) == moment.decision


@settings(max_examples=examples(80), deadline=None)
@given(tasks=readings(), limits=limits_of, luck=st.integers(0, 2**32))
def test_a_run_without_failures_finishes_everything(
    tasks: tuple[TaskRead, ...], limits: Limits, luck: int
) -> None:
    memory = Remembered()

    played = play(memory, tasks, Chance(random.Random(luck), trouble=0), limits)

    assert played.halt.code in (0, 2)
    assert memory.history.completed == {task.id for task in tasks}
    started = Counter(played.started)
    phases = PHASES if limits.lands else AGENT_PHASES
    assert set(started) == {Step(task.id, phase) for task in tasks if not task.done for phase in phases}
    assert set(started.values()) <= {1}


@settings(max_examples=examples(80), deadline=None)
@given(tale=tales(), data=st.data())
def test_after_whatever_happened_a_run_without_failures_finishes_everything(
    tale: Tale, data: st.DataObject
) -> None:
    tasks = data.draw(readings())

    limits = evolve(data.draw(limits_of), lands=tale.lands)

    played = play(tale.memory, tasks, limits=limits)

    assert played.halt.code in (0, 2)
    assert tale.memory.history.completed == {task.id for task in tasks}


@settings(max_examples=examples(150), deadline=None)
@given(tasks=readings(), limits=limits_of, luck=st.integers(0, 2**32), trouble=st.sampled_from((0.5, 0.8)))
def test_every_run_ends_whatever_goes_wrong(
    tasks: tuple[TaskRead, ...], limits: Limits, luck: int, trouble: float
) -> None:
    played = play(Remembered(), tasks, Chance(random.Random(luck), trouble, lands=limits.lands), limits)

    assert played.halt is not None


@settings(max_examples=examples(200), deadline=None)
@given(tasks=readings(), selected=st.none() | st.frozensets(st.integers(1, 20).map(str)))
def test_a_selection_leaves_out_tasks_and_nothing_else(
    tasks: tuple[TaskRead, ...], selected: frozenset[str] | None
) -> None:
    whole = work_of(tasks)

    work = work_of(tasks, selected)

    assert list(work.tasks) == [task for task in whole.tasks if selected is None or task in selected]
    assert all(any(set(part.tasks) <= set(one.tasks) for one in whole.segments) for part in work.segments)
    assert Segment(()) not in work.segments
