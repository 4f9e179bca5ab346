"""The rules of scheduling: first as stories, then as laws that hold in every story."""

import random
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from attrs import define, evolve, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import Chance, Moment, Remembered, Script, play, tasks_of, work_of

from peal.events import (
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
from peal.model import Decision, Limits, Phase, Result, Segment, Step
from peal.schedule.plan import Work, decide

TWO = Limits(max_parallel=2)
GOING_ON = Limits(max_parallel=2, continue_with_remaining_tasks=True)


def _reasons(played: Any) -> list[str]:
    """The reasons of a run's decisions, each with its tasks, without repeats."""
    reasons = [
        f"{','.join(map(str, reason.tasks))}: {reason.text}"
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
    play(memory, "1p 2p 3p", limits=TWO, selected=[3], cut_at=4)

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
    play(memory, "1p 2p", limits=TWO, selected=[1])

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
    assert memory.history.completed == {1}

    played = play(memory, "1p 2p", limits=TWO)

    assert played.order == "2a"
    assert memory.history.completed == {1, 2}


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
    memory.append(TasksForgotten(99.0, (1,), Phase.EXECUTE, "peal redo"))

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
    play(memory, "1 2", selected=[2], cut_at=4)

    played = play(memory, "1 2", {"1 plan": "fails"})

    assert (played.order, played.halt.code) == ("1p", 1)


def test_a_task_to_be_done_again_has_not_begun() -> None:
    """After `peal redo 1-3` a failure of task 1 keeps task 3 from being begun, as it would in a first run."""
    memory = Remembered()
    play(memory, "1p 2p 3p", limits=TWO)
    memory.append(TasksForgotten(99.0, (1, 2, 3), Phase.PLAN, "peal redo"))

    played = play(memory, "1p 2p 3p", {"1 plan": "fails"}, TWO)

    assert played.order == "1p 2p 2e 2a"


def test_what_earlier_runs_have_begun_finishes_in_the_segment_of_the_failure() -> None:
    """All three were through `execute` when the run was cut off; one failed `address` leaves no work unlanded."""
    memory = Remembered()
    limits = Limits(max_parallel=3)
    play(memory, "1p 2p 3p", limits=limits, cut_at=20)

    played = play(memory, "1p 2p 3p", {"1 address": "is rejected"}, limits)

    assert (played.order, played.halt.code) == ("1a 2a 3a", 1)
    assert memory.history.completed == {2, 3}


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
    play(memory, "1 2x 3 4 5", selected=[3])
    world = {"1 plan": "fails", "4 plan": "fails"}

    played = play(memory, "1 2x 3 4 5", world, _capped(2))

    assert (played.order, played.halt.code) == ("1p 4p", 3)


def test_failures_of_an_earlier_run_do_not_count() -> None:
    memory = Remembered()
    play(memory, "1 2 3", {"1 plan": "fails"}, _capped(2), selected=[1])

    played = play(memory, "1 2 3", {"2 plan": "fails"}, _capped(2), selected=[2, 3])

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
    assert memory.history.lines[1].next is Phase.EXECUTE


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
    memory.append(TasksForgotten(99.0, (1,), Phase.PLAN, "peal redo"))

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

    decision = decide(work_of(tasks_of("1")), memory.history)

    assert decision.halt is not None
    assert (decision.halt.code, decision.halt.why) == (code, "hung up")


def test_a_failed_task_that_a_person_marked_done_no_longer_counts() -> None:
    """With nothing left to do the answer is success, also before another run is opened."""
    memory = Remembered()
    play(memory, "1 2", {"2 execute": "fails"})
    memory.append(TasksMarkedDone(99.0, (2,), "peal done"))

    decision = decide(work_of(tasks_of("1 2")), memory.history)

    assert decision.halt is not None
    assert decision.halt.code == 0


# Selection


def test_a_selection_keeps_the_segments_of_the_whole_plan() -> None:
    """Tasks 1 and 3 are neighbours once 2 is left out, but 4 still comes after both and 5 after 4."""
    played = play(Remembered(), "1p 2p 3p 4 5p 6p", limits=TWO, selected=[1, 3, 4, 5, 6])

    assert played.batches == "1p+3p 1e 3e 1a 3a 4p 4e 4a 5p+6p 5e 6e 5a 6a"


def test_a_selection_does_not_join_segments() -> None:
    """Leaving out the sequential task between two parallel ones does not make them neighbours."""
    played = play(Remembered(), "1p 2p 3 4p 5p", limits=TWO, selected=[2, 4])

    assert played.order == "2p 2e 2a 4p 4e 4a"


def test_a_selection_answers_for_what_was_asked_for_only() -> None:
    memory = Remembered()
    play(memory, "1 2 3", {"1 address": "passes with findings"}, selected=[1])

    played = play(memory, "1 2 3", selected=[2])

    assert (played.order, played.halt.code) == ("2p 2e 2a", 0)


# Cost


def test_a_decision_costs_the_same_however_much_is_done() -> None:
    """Only the tasks of the current segment are looked at."""

    class Looked(dict[int, Any]):
        count = 0

        def __getitem__(self, index: int) -> Any:
            Looked.count += 1
            return super().__getitem__(index)

    def looks(done: int) -> int:
        tasks = tasks_of(" ".join(f"{index}" for index in range(1, done + 3)))
        memory = Remembered()
        memory.append(PlanRead(0.0, tasks), TasksMarkedDone(1.0, tuple(range(1, done + 1)), "peal done"))
        memory.history.lines = Looked(memory.history.lines)
        work = work_of(tasks)
        since = decide(work, memory.history).segment
        Looked.count = 0
        assert decide(work, memory.history, since).start == (Step(done + 1, Phase.PLAN),)
        return Looked.count

    assert looks(done=1000) == looks(done=10) <= 2


# The laws. Each holds in every story that luck can tell: any plan, limits, failures, interruptions, crashes,
# resumes, changed plans and changed minds.


@define
class Told:
    """What the events say, read in the plainest way; knows tasks by their text and judges without History."""

    names: dict[int, str] = field(factory=dict)
    done: dict[str, int] = field(factory=dict)
    """Phases that passed, 0 to 3."""
    ticked: set[str] = field(factory=set)
    begun: set[str] = field(factory=set)
    findings: set[str] = field(factory=set)
    limits: Limits = field(factory=Limits)
    failed: set[str] = field(factory=set)
    succeeded: set[str] = field(factory=set)
    tries: Counter[str] = field(factory=Counter)
    capped: bool = False
    stop: int | None = None

    def hear(self, event: Event) -> None:
        match event:
            case PlanRead(tasks=tasks):
                self.names = {task.index: task.title for task in tasks}
                self.ticked = {task.title for task in tasks if task.done}
                kept = set(self.names.values())
                self.done = {name: self.done.get(name, 0) for name in kept}
                self.begun &= kept
                self.failed &= kept
                self.findings &= kept
            case RunOpened(limits=limits):
                self.limits, self.stop, self.capped = limits, None, False
                self.failed, self.succeeded, self.tries = set(), set(), Counter()
            case StopAsked(code=code):
                self.stop = code
            case StepStarted(task=task):
                self.begun.add(self.names[task])
            case StepEnded(task=task, phase=phase, outcome=outcome):
                self._ended(self.names[task], phase, outcome.result, bool(outcome.findings))
            case TasksForgotten(tasks=tasks, phase=phase):
                for task in tasks:
                    self._forgotten(self.names[task], phase)
            case TasksMarkedDone(tasks=tasks):
                names = {self.names[task] for task in tasks}
                self.done |= dict.fromkeys(names, 3)
                self.failed -= names
                self.findings -= names

    def _forgotten(self, name: str, phase: Phase) -> None:
        first = list(Phase).index(phase)
        if self.done[name] >= first:
            self.done[name] = first
            self.failed.discard(name)
            self.findings.discard(name)
            if phase is Phase.PLAN:
                self.begun.discard(name)

    def _ended(self, name: str, phase: Phase, result: Result, with_findings: bool) -> None:
        if result is Result.PASSED:
            self.done[name] += 1
            self.tries[name] = 0
            if self.done[name] == 3:
                self.succeeded.add(name)
                self.findings |= {name} if with_findings else set()
        elif result is Result.MENDED:
            self.tries[name] = 0
        elif result in (Result.FAILED, Result.REJECTED):
            self.tries[name] += 1
            if result is Result.REJECTED or self.tries[name] == self.limits.retry_count(phase) + 1:
                self.failed.add(name)
        self.capped = self.capped or self._failures_in_a_row() >= (
            self.limits.max_consecutive_task_failures or 99
        )

    def _failures_in_a_row(self) -> int:
        """The longest row of failures among the settled tasks in task order."""
        settled = [name for name in self.names.values() if name in self.failed | self.succeeded]
        marks = "".join("F" if name in self.failed else "s" for name in settled)
        return max(map(len, marks.split("s")))

    def next(self, task: int) -> Phase | None:
        done = self.done[self.names[task]]
        return list(Phase)[done] if done < 3 else None

    def is_settled(self, task: int) -> bool:
        name = self.names[task]
        return self.done[name] == 3 or name in self.failed or name in self.ticked

    def has_begun(self, task: int) -> bool:
        return self.names[task] in self.begun

    def has_failed(self, task: int) -> bool:
        return self.names[task] in self.failed

    @property
    def is_doomed(self) -> bool:
        """Nothing that has not begun is to be begun."""
        return self.capped or bool(self.failed and not self.limits.continue_with_remaining_tasks)

    def code(self, asked: tuple[int, ...]) -> int:
        """The exit code, each line beating those below it."""
        ladder = {
            130: self.stop is not None,
            3: self.capped,
            1: self.is_doomed,
            2: bool(self.failed or {self.names[task] for task in asked} & self.findings),
            0: True,
        }
        return next(code for code, holds in ladder.items() if holds)


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
    def segment(self) -> tuple[int, ...]:
        """The first segment in which something is open."""
        open_ = (one.tasks for one in self.work.segments if not all(map(self.told.is_settled, one.tasks)))
        return next(open_, ())

    @property
    def open(self) -> list[int]:
        """The segment's tasks that are not settled."""
        return [task for task in self.segment if not self.told.is_settled(task)]

    @property
    def allowed(self) -> list[int]:
        """Those of them that may still go on."""
        if not self.told.is_doomed:
            return self.open
        if not any(map(self.told.has_failed, self.segment)):
            return []
        return [task for task in self.open if self.told.has_begun(task)]

    @property
    def is_concurrent(self) -> bool:
        """The segment's steps may share the workspace now."""
        return self.told.limits.max_parallel > 1 and len(self.open) > 1

    @property
    def ready(self) -> list[int]:
        """Tasks that could do a `plan` or `execute` now."""
        busy = {step.task for step in self.running}
        return [
            task for task in self.allowed if task not in busy and self.told.next(task) is not Phase.ADDRESS
        ]


@define
class Tale:
    """Several runs of one plan with one memory."""

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

    @property
    def starts(self) -> list[StepStarted]:
        return [event for event in self.memory.events if isinstance(event, StepStarted)]


names = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True)
rising = st.just(range(1, 7)) | st.lists(st.integers(1, 20), min_size=6, max_size=6, unique=True).map(sorted)
limits_of = st.builds(
    Limits,
    max_parallel=st.integers(1, 4),
    plan_retry_count=st.integers(0, 1),
    execute_retry_count=st.integers(0, 2),
    address_retry_count=st.integers(0, 1),
    continue_with_remaining_tasks=st.booleans(),
    max_consecutive_task_failures=st.none() | st.integers(1, 3),
)
moments_of = st.none() | st.integers(1, 25)


@st.composite
def readings(draw: st.DrawFn) -> tuple[TaskRead, ...]:
    """
    A plan of up to six tasks, drawn from the same texts each time: moved, inserted, edited and dropped ones.

    Numbers rise, sometimes with gaps.
    """
    words = [
        f"{index}{'p' * draw(st.booleans())}{'x' * (draw(st.integers(0, 9)) == 9)}={name}"
        for index, name in zip(draw(rising), draw(names), strict=False)
    ]
    return tasks_of(" ".join(words))


@st.composite
def tales(draw: st.DrawFn, trouble: float = 0.3) -> Tale:
    """One to three runs of a plan that changes, and changes of mind between them."""
    tale = Tale()
    tasks = draw(readings())
    luck = random.Random(draw(st.integers(0, 2**32)))
    for number in range(draw(st.integers(1, 3))):
        if number:
            tasks = draw(st.just(tasks) | readings())
            tale.memory.append(*draw(minds(tale)))
        indices = [task.index for task in tasks]
        selected = draw(st.none() | st.none() | st.lists(st.sampled_from(indices), unique=True))
        how = {"limits": draw(limits_of), "stop_at": draw(moments_of), "cut_at": draw(moments_of)}
        tale.run(tasks, Chance(luck, trouble), selected, **how)
    return tale


@st.composite
def minds(draw: st.DrawFn, tale: Tale) -> list[Event]:
    """What a person may do between two runs: `peal redo` and `peal done`, of tasks in the plan as it was read."""
    known = st.lists(st.sampled_from(sorted(tale.memory.history.lines)), max_size=2, unique=True).map(tuple)
    at = tale.memory.history.last_at
    redo = st.builds(TasksForgotten, st.just(at), known, st.sampled_from(Phase), st.just("peal redo"))
    done = st.builds(TasksMarkedDone, st.just(at), known, st.just("peal done"))
    return draw(st.lists(redo | done, max_size=2))


def law(check: Callable[[Any], None]) -> Callable[[], None]:
    """A law about tales, tried on many."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    tried: Callable[[], None] = settings(max_examples=80, deadline=None, suppress_health_check=slow)(
        given(tale=tales())(check)
    )
    return tried


@law
def test_never_more_steps_at_once_than_places(tale: Tale) -> None:
    for scene in tale.scenes:
        assert len(scene.busy) <= scene.told.limits.max_parallel


@law
def test_segments_are_barriers(tale: Tale) -> None:
    """What runs is of one segment, and before it everything is settled."""
    for scene in tale.scenes:
        assert {step.task for step in scene.busy} <= set(scene.segment)


@law
def test_address_is_alone_and_in_task_order(tale: Tale) -> None:
    for scene in tale.scenes:
        addressing = [step.task for step in scene.busy if step.phase is Phase.ADDRESS]
        if addressing:
            assert len(scene.busy) == 1
            assert addressing[0] == scene.allowed[0]
            assert not (scene.is_concurrent and scene.ready)


@law
def test_every_step_is_the_next_of_a_task_that_may_go_on(tale: Tale) -> None:
    """So phases come in order, a passed one is not repeated, and a complete task never runs again."""
    for scene in tale.scenes:
        busy = {step.task for step in scene.running}
        for step in scene.decision.start:
            assert step.phase is scene.told.next(step.task)
            assert step.task in scene.allowed
            assert step.task not in busy


@law
def test_every_started_task_has_its_reason(tale: Tale) -> None:
    for scene in tale.scenes:
        for step in scene.decision.start:
            assert [
                reason for reason in scene.decision.reasons if reason.tasks == (step.task,) and reason.text
            ]


@law
def test_every_task_that_may_go_on_is_in_some_reason(tale: Tale) -> None:
    """Also what waits and what runs is told about, unless the run is over or ending."""
    for scene in tale.scenes:
        if scene.decision.halt is None and scene.told.stop is None:
            told = {task for reason in scene.decision.reasons for task in reason.tasks}
            assert set(scene.allowed) <= told


@law
def test_a_decision_that_starts_nothing_while_nothing_runs_ends_the_run(tale: Tale) -> None:
    for scene in tale.scenes:
        assert (scene.decision.halt is not None) == (not scene.busy)


@law
def test_a_run_ends_only_when_nothing_may_go_on(tale: Tale) -> None:
    for scene in tale.scenes:
        if scene.decision.halt is not None and scene.told.stop is None:
            assert not scene.allowed


@law
def test_no_place_stays_free_while_a_step_is_ready(tale: Tale) -> None:
    for scene in tale.scenes:
        addressing = any(step.phase is Phase.ADDRESS for step in scene.running)
        if scene.is_concurrent and scene.told.stop is None and not addressing:
            free = scene.told.limits.max_parallel - len(scene.running)
            started = [step for step in scene.decision.start if step.phase is not Phase.ADDRESS]
            assert len(started) == min(free, len(scene.ready))


@law
def test_begun_comes_before_not_begun(tale: Tale) -> None:
    """Where tasks run side by side; each of the two kinds in task order."""
    for scene in tale.scenes:
        if scene.decision.concurrent:
            wanted = sorted(scene.ready, key=lambda task: not scene.told.has_begun(task))
            started = [step.task for step in scene.decision.start]
            assert started == wanted[: len(started)]


@law
def test_attempt_numbers_are_never_used_twice(tale: Tale) -> None:
    """They name folders that are never overwritten, also after tasks have moved or are done again."""
    folders = Counter((event.task, event.phase, event.attempt) for event in tale.starts)

    assert set(folders.values()) <= {1}


@law
def test_after_a_stop_nothing_starts(tale: Tale) -> None:
    for scene in tale.scenes:
        if scene.told.stop is not None:
            assert scene.decision.start == ()


@law
def test_after_a_failure_that_ends_the_run_nothing_is_begun(tale: Tale) -> None:
    """And all that has begun in its segment comes to its end."""
    for scene in tale.scenes:
        if scene.told.is_doomed:
            assert all(scene.told.has_begun(step.task) for step in scene.decision.start)
            if scene.decision.halt is not None and scene.told.stop is None:
                failed_here = any(map(scene.told.has_failed, scene.segment))
                assert not failed_here or not any(map(scene.told.has_begun, scene.open))


@law
def test_the_exit_code_says_what_became_of_the_run(tale: Tale) -> None:
    for code, expected in tale.codes:
        assert code == expected


@law
def test_a_failed_step_is_tried_exactly_as_often_as_allowed(tale: Tale) -> None:
    """Within a run: never more than its retries and one, and a failed task has used them all up."""
    limits, failures = Limits(), Counter[tuple[int, Phase]]()
    for event in tale.memory.events:
        match event:
            case RunOpened():
                limits, failures = event.limits, Counter()
            case StepStarted(task=task, phase=phase):
                assert failures[task, phase] <= limits.retry_count(phase)
            case StepEnded(task=task, phase=phase, outcome=outcome) if outcome.result is Result.FAILED:
                failures[task, phase] += 1
            case StepEnded(task=task, phase=phase, outcome=outcome) if outcome.result is Result.REJECTED:
                failures[task, phase] = 99
            case StepEnded(task=task, phase=phase, outcome=outcome) if outcome.result is Result.MENDED:
                failures[task, phase] = 0


@law
def test_the_history_counts_failures_in_a_row_as_a_plain_count_does(tale: Tale) -> None:
    """Over the settled tasks in task order, afresh in each run; a success resets, others do not count."""
    told = Told()
    copy = Remembered()
    for event in tale.memory.events:
        copy.append(event)
        told.hear(event)
        assert copy.history.cap_reached == told.capped


@law
def test_a_history_agrees_with_what_was_told(tale: Tale) -> None:
    """Next phases, completions, failures and findings, after every single event."""
    told = Told()
    copy = Remembered()
    for event in tale.memory.events:
        copy.append(event)
        told.hear(event)
        history = copy.history
        assert {index: line.next for index, line in history.lines.items()} == {
            index: told.next(index) for index in told.names
        }
        assert history.completed == {
            index for index, name in told.names.items() if told.done[name] == 3 or name in told.ticked
        }
        assert history.with_findings == {index for index, name in told.names.items() if name in told.findings}
        assert history.failed == {index for index in told.names if told.has_failed(index)}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tale=tales(), data=st.data())
def test_knowing_what_is_over_changes_no_decision(tale: Tale, data: st.DataObject) -> None:
    """A run that hands each decision's segment to the next is decided as one that always looks from the start."""
    tasks = data.draw(readings())
    limits, luck = data.draw(limits_of), data.draw(st.integers(0, 2**32))
    work = work_of(tasks)
    events = list(tale.memory.events)
    played = play(tale.memory, tasks, Chance(random.Random(luck)), limits)

    again = Remembered()
    again.append(*events)
    for moment in played.moments:
        again.append(*tale.memory.events[len(again.events) : moment.events_before])
        anew = decide(work, again.history, 0)
        assert evolve(anew, segment=0) == evolve(moment.decision, segment=0)


@settings(max_examples=80, deadline=None)
@given(tasks=readings(), limits=limits_of, luck=st.integers(0, 2**32))
def test_a_run_without_failures_finishes_everything(
    tasks: tuple[TaskRead, ...], limits: Limits, luck: int
) -> None:
    memory = Remembered()

    played = play(memory, tasks, Chance(random.Random(luck), trouble=0), limits)

    assert played.halt.code in (0, 2)
    assert memory.history.completed == {task.index for task in tasks}
    started = Counter(played.started)
    assert set(started) == {Step(task.index, phase) for task in tasks if not task.done for phase in Phase}
    assert set(started.values()) <= {1}


@settings(max_examples=80, deadline=None)
@given(tale=tales(), data=st.data())
def test_after_whatever_happened_a_run_without_failures_finishes_everything(
    tale: Tale, data: st.DataObject
) -> None:
    tasks = data.draw(readings())

    played = play(tale.memory, tasks, limits=data.draw(limits_of))

    assert played.halt.code in (0, 2)
    assert tale.memory.history.completed == {task.index for task in tasks}


@settings(max_examples=200, deadline=None)
@given(tasks=readings(), selected=st.none() | st.frozensets(st.integers(1, 20)))
def test_a_selection_leaves_out_tasks_and_nothing_else(
    tasks: tuple[TaskRead, ...], selected: frozenset[int] | None
) -> None:
    whole = work_of(tasks)

    work = work_of(tasks, selected)

    assert list(work.tasks) == [task for task in whole.tasks if selected is None or task in selected]
    assert all(any(set(part.tasks) <= set(one.tasks) for one in whole.segments) for part in work.segments)
    assert Segment(()) not in work.segments
