"""What events add up to: tasks that move, change and repeat; interruptions, attempts, and a person's second thoughts."""

import pytest
from stories import FINDING, Remembered, opened, play, tasks_of

from peal.events import Event, PlanRead, StepEnded, StepStarted, TasksForgotten, TasksMarkedDone
from peal.history import History, Line, fold
from peal.model import Limits, Outcome, Phase, Result


def _after(tasks: str, *events: Event) -> History:
    """The history of a plan of which these things are known."""
    return fold([PlanRead(0.0, tasks_of(tasks)), *events])


def _done(memory: Remembered, *tasks: int) -> None:
    memory.append(TasksMarkedDone(memory.history.last_at + 1, tasks, "peal done"))


def _forgotten(memory: Remembered, task: int, phase: Phase) -> None:
    memory.append(TasksForgotten(memory.history.last_at + 1, (task,), phase, "peal redo"))


def _read(memory: Remembered, tasks: str) -> History:
    memory.append(PlanRead(memory.history.last_at + 1, tasks_of(tasks)))
    return memory.history


def _titles(history: History) -> dict[int, str]:
    return {index: line.task.title for index, line in history.lines.items()}


# Nothing yet


def test_without_events_nothing_is_known() -> None:
    history = History()

    assert (history.opened, history.is_open) == (None, False)
    assert history.limits == Limits()


def test_a_plan_read_for_the_first_time_is_all_to_do() -> None:
    history = _after("1 2p 3x")

    assert [line.next for line in history.lines.values()] == [Phase.PLAN] * 3
    assert history.completed == {3}
    assert not history.lines[1].has_begun


# The plan changes


def test_a_task_that_only_moved_is_still_done() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b 3=c", selected=[1, 2])

    history = _read(memory, "1=c 2=a 3=b")

    assert history.completed == {2, 3}
    assert history.lines[1].next is Phase.PLAN


def test_a_task_put_in_front_is_to_do_and_the_others_are_still_done() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b")

    history = _read(memory, "1=new 2=a 3=b")

    assert history.completed == {2, 3}


def test_a_task_whose_text_changed_runs_again_from_the_beginning() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b")

    history = _read(memory, "1=a 2=better")

    assert history.completed == {1}
    assert history.lines[2] == Line(tasks_of("2=better")[0])


def test_a_task_keeps_its_passed_phases_where_it_goes() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b", selected=[2], cut_at=4)

    history = _read(memory, "1=b 2=a")

    assert (history.lines[1].next, history.lines[2].next) == (Phase.EXECUTE, Phase.PLAN)


def test_a_task_that_was_cut_off_while_it_ran_is_interrupted_where_it_went() -> None:
    """The plan is read before the next run opens, so the number it ran under may be another task's by then."""
    memory = Remembered()
    play(memory, "1=a 2=b", cut_at=2)
    history = _read(memory, "1=b 2=a")
    assert set(history.running) == {2}

    memory.append(opened(9.0))

    assert history.running == {}
    assert history.lines[2].running is None
    assert history.lines[2].tries[-1].outcome == Outcome(Result.INTERRUPTED, "peal was cut off")
    assert history.lines[1].tries == []


def test_a_task_that_left_the_plan_while_it_ran_is_gone() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b", cut_at=2)

    history = _read(memory, "1=b")
    memory.append(opened(9.0))

    assert _titles(history) == {1: "b"}
    assert history.running == {}


def test_a_mark_changes_nothing_of_what_is_done() -> None:
    memory = Remembered()
    play(memory, "1 2")

    history = _read(memory, "1p 2p")

    assert history.completed == {1, 2}


def test_ticking_a_task_off_and_back_on_keeps_what_was_done() -> None:
    memory = Remembered()
    play(memory, "1 2", selected=[1])

    assert _read(memory, "1x 2x").completed == {1, 2}
    assert _read(memory, "1 2").completed == {1}


def test_a_text_that_left_the_plan_is_new_when_it_comes_back() -> None:
    """The memory is of the plan as it was read last."""
    memory = Remembered()
    play(memory, "1=a 2=b")

    _read(memory, "1=b")
    history = _read(memory, "1=a 2=b")

    assert history.completed == {2}


@pytest.mark.parametrize(
    ("before", "done", "after", "still_done"),
    [
        ("1=same 2=same 3=same", (1,), "1=same 2=same 3=same", {1}),
        ("1=same 2=same 3=same", (2,), "1=same 2=same 3=same 4=same", {2}),
        ("1=same 2=same", (1,), "1=new 2=same 3=same", {2}),
        ("1=same 2=same", (2,), "1=new 2=same 3=same", {3}),
        ("1=same 2=same 3=same", (1, 3), "1=same 2=same", {1}),
        ("1=same 2=other 3=same", (3,), "1=same 2=same 3=other", {2}),
    ],
)
def test_equal_texts_are_told_apart_by_their_order(
    before: str, done: tuple[int, ...], after: str, still_done: set[int]
) -> None:
    memory = Remembered()
    _read(memory, before)
    _done(memory, *done)

    history = _read(memory, after)

    assert history.completed == still_done


def test_failures_and_findings_go_where_the_task_goes() -> None:
    """What `peal status` shows between two runs names the tasks by the numbers they have now."""
    memory = Remembered()
    world = {"1 address": "passes with findings", "2 plan": "fails"}
    play(memory, "1=a 2=b", world)

    history = _read(memory, "1=new 2=a 3=b")

    assert (history.with_findings, history.failed) == ({2}, {3})
    assert history.lines[3].failed == "it went wrong"


def test_a_changed_text_leaves_failures_and_findings_behind() -> None:
    memory = Remembered()
    world = {"1 address": "passes with findings", "2 plan": "fails"}
    play(memory, "1=a 2=b", world)

    history = _read(memory, "1=better 2=good")

    assert (history.with_findings, history.failed) == (set(), set())


# A person's second thoughts


@pytest.mark.parametrize("phase", Phase)
def test_a_complete_task_can_be_done_again_from_any_phase(phase: Phase) -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "passes with findings"})

    _forgotten(memory, 1, phase)

    line = memory.history.lines[1]
    assert (line.next, line.findings, line.completed_at) == (phase, (), None)
    assert (memory.history.completed, memory.history.with_findings) == (set(), set())


def test_done_again_from_the_beginning_means_not_begun() -> None:
    """From a later phase on, what came before still counts."""
    memory = Remembered()
    play(memory, "1 2")

    _forgotten(memory, 1, Phase.PLAN)
    _forgotten(memory, 2, Phase.EXECUTE)

    assert (memory.history.lines[1].has_begun, memory.history.lines[2].has_begun) == (False, True)
    assert len(memory.history.lines[1].tries) == 3


def test_done_again_never_takes_a_task_forward() -> None:
    """A task that has only its plan does not reach `address` by being forgotten from there on."""
    memory = Remembered()
    play(memory, "1", cut_at=4)

    _forgotten(memory, 1, Phase.ADDRESS)

    assert memory.history.lines[1].next is Phase.EXECUTE


def test_a_failed_task_done_again_from_an_earlier_phase_has_not_failed() -> None:
    memory = Remembered()
    play(memory, "1", {"1 execute": "fails"})

    _forgotten(memory, 1, Phase.PLAN)

    assert (memory.history.failed, memory.history.lines[1].failed) == (set(), None)


def test_marked_done_is_complete_without_findings_or_failure() -> None:
    memory = Remembered()
    world = {"1 address": "passes with findings", "2 plan": "fails"}
    play(memory, "1 2", world)

    _done(memory, 1, 2)

    history = memory.history
    assert (history.completed, history.with_findings, history.failed) == ({1, 2}, set(), set())
    assert history.lines[2].next is None


def test_a_task_marked_done_while_it_was_cut_off_stays_done() -> None:
    memory = Remembered()
    play(memory, "1", cut_at=2)

    _done(memory, 1)
    memory.append(opened(9.0))

    assert memory.history.completed == {1}
    assert memory.history.running == {}


def test_numbers_that_are_not_in_the_plan_are_passed_over() -> None:
    history = _after(
        "1", TasksForgotten(1.0, (7,), Phase.PLAN, "peal redo"), TasksMarkedDone(2.0, (8,), "peal done")
    )

    assert set(history.lines) == {1}


def test_a_ticked_task_that_is_forgotten_counts_as_done_until_it_is_unticked() -> None:
    memory = Remembered()
    _read(memory, "1x")
    _done(memory, 1)

    _forgotten(memory, 1, Phase.PLAN)

    assert memory.history.completed == {1}
    assert _read(memory, "1").completed == set()


# Runs


def test_opening_a_run_ends_what_a_crash_cut_off() -> None:
    """As interrupted, with the attempt remembered: it is no failure, and its folder stays its own."""
    memory = Remembered()
    play(memory, "1p 2p", limits=Limits(2), cut_at=3)
    assert set(memory.history.running) == {1, 2}

    memory.append(opened(9.0))

    history = memory.history
    assert history.running == {}
    for line in history.lines.values():
        assert line.tries[-1].outcome == Outcome(Result.INTERRUPTED, "peal was cut off")
        assert (line.running, line.failures, line.has_begun) == (None, 0, True)


def test_opening_a_run_gives_every_task_a_fresh_start_in_its_phase() -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "is mended, fails, fails"}, Limits(address_retry_count=1))
    line = memory.history.lines[1]
    assert (line.rounds, line.failures, line.failed) == (1, 2, "it went wrong")

    memory.append(opened(99.0))

    assert (line.next, line.rounds, line.failures, line.failed) == (Phase.ADDRESS, 0, 0, None)
    assert memory.history.failed == set()


def test_a_run_is_open_until_it_says_that_it_is_closed() -> None:
    cut, whole = Remembered(), Remembered()

    play(cut, "1", cut_at=4)
    play(whole, "1")

    assert (cut.history.is_open, whole.history.is_open) == (True, False)


def test_a_new_run_takes_back_the_stop_of_the_last() -> None:
    memory = Remembered()
    play(memory, "1", stop_at=2)
    assert memory.history.stop is not None

    memory.append(opened(99.0))

    assert (memory.history.stop, memory.history.closed) == (None, None)


def test_findings_that_were_let_through_are_remembered_across_runs() -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "passes with findings"})

    memory.append(opened(99.0))

    assert memory.history.with_findings == {1}
    assert memory.history.lines[1].findings == (FINDING,)


# Attempts


def _numbers(memory: Remembered) -> list[tuple[int, str, int]]:
    return [(e.task, str(e.phase), e.attempt) for e in memory.events if isinstance(e, StepStarted)]


def test_attempts_are_numbered_by_task_and_phase() -> None:
    memory = Remembered()

    play(memory, "1", {"1 execute": "fails, is cut short"}, Limits(execute_retry_count=1))

    assert _numbers(memory) == [
        (1, "plan", 1),
        (1, "execute", 1),
        (1, "execute", 2),
        (1, "execute", 3),
        (1, "address", 1),
    ]


def test_numbers_go_on_across_runs_crashes_and_second_thoughts() -> None:
    memory = Remembered()
    play(memory, "1", cut_at=2)
    play(memory, "1")
    _forgotten(memory, 1, Phase.PLAN)

    play(memory, "1", {"1 plan": "fails"})

    assert [number for _, phase, number in _numbers(memory) if phase == "plan"] == [1, 2, 3]


def test_a_task_at_another_tasks_old_number_goes_on_with_that_numbers_attempts() -> None:
    """Folders are named after the number, and the old task's folders are still there."""
    memory = Remembered()
    play(memory, "1=a")

    play(memory, "1=new 2=a")

    assert _numbers(memory)[3:] == [(1, "plan", 2), (1, "execute", 2), (1, "address", 2)]


def test_a_moved_tasks_attempts_keep_the_number_they_were_made_under() -> None:
    memory = Remembered()
    play(memory, "1=a")

    history = _read(memory, "1=new 2=a")

    assert [past.task for past in history.lines[2].tries] == [1, 1, 1]


def test_a_failure_is_open_until_something_makes_it_good() -> None:
    """Being cut short in between is no answer to it."""
    history = _after("1", opened(0.0, Limits(execute_retry_count=9)))
    for number, result in enumerate([Result.FAILED, Result.INTERRUPTED], 1):
        history.apply(StepStarted(1.0, 1, Phase.EXECUTE, number, "shell"))
        history.apply(StepEnded(2.0, 1, Phase.EXECUTE, number, Outcome(result, f"try {number}")))

    failure = history.lines[1].failure(Phase.EXECUTE)

    assert failure is not None
    assert failure.number == 1
    assert history.lines[1].failure(Phase.PLAN) is None
    assert Line(tasks_of("1")[0]).last() is None


def test_an_attempt_cannot_end_twice() -> None:
    """That would be a bug in peal, not something a file or a person can cause."""
    history = _after("1", opened(), StepStarted(1.0, 1, Phase.PLAN, 1, "shell"))
    end = StepEnded(2.0, 1, Phase.PLAN, 1, Outcome(Result.PASSED))
    history.apply(end)

    with pytest.raises(AssertionError, match="ends once"):
        history.apply(end)


def test_a_history_taken_up_again_from_its_events_is_the_same() -> None:
    memory = Remembered()
    play(
        memory,
        "1p 2p 3",
        {"1 execute": "fails", "2 address": "is mended"},
        Limits(2, 0, 0, 0, True),
        cut_at=15,
    )
    play(memory, "1p 2p=other 3", {"3 address": "passes with findings"}, Limits(2), stop_at=9)

    assert fold(memory.events) == memory.history
