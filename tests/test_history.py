"""What events add up to: tasks that move, change and repeat; interruptions, attempts, and a person's second thoughts."""

import pytest
from stories import FINDING, Limits, Remembered, opened, play, tasks_of

from peal.model.decision import Rules
from peal.model.pipeline import AGENT_PHASES
from peal.model.work import Outcome, Result
from peal.record.events import (
    Event,
    PlanRead,
    StepEnded,
    StepStarted,
    TasksAdded,
    TasksForgotten,
    TasksMarkedDone,
    WorkspaceReady,
)
from peal.record.history import History, TaskState, fold
from peal.record.rereading import reread

LANDING = Limits(lands=True)


def _after(tasks: str, *events: Event) -> History:
    """The history of a plan of which these things are known."""
    return fold([PlanRead(0.0, tasks_of(tasks)), *events])


def _done(memory: Remembered, *tasks: str) -> None:
    memory.append(TasksMarkedDone(memory.history.last_at + 1, tasks, "peal done"))


def _forgotten(memory: Remembered, task: str, phase: str) -> None:
    memory.append(TasksForgotten(memory.history.last_at + 1, (task,), phase, "peal redo"))


def _read(memory: Remembered, tasks: str) -> History:
    memory.append(PlanRead(memory.history.last_at + 1, tasks_of(tasks)))
    return memory.history


def _titles(history: History) -> dict[str, str]:
    return {task: state.task.title for task, state in history.states.items()}


# Nothing yet


def test_without_events_nothing_is_known() -> None:
    history = History()

    assert (history.opened, history.is_open) == (None, False)
    assert history.rules == Rules()


def test_a_plan_read_for_the_first_time_is_all_to_do() -> None:
    history = _after("1 2p 3x")

    assert [state.next for state in history.states.values()] == ["plan"] * 3
    assert history.completed == {"3"}
    assert not history.states["1"].has_begun


# The plan changes


def test_a_task_that_only_moved_is_still_done() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b 3=c", selected=["1", "2"])

    history = _read(memory, "1=c 2=a 3=b")

    assert history.completed == {"2", "3"}
    assert history.states["1"].next == "plan"


def test_a_task_put_in_front_is_to_do_and_the_others_are_still_done() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b")

    history = _read(memory, "1=new 2=a 3=b")

    assert history.completed == {"2", "3"}


def test_a_task_whose_text_changed_runs_again_from_the_beginning() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b")

    history = _read(memory, "1=a 2=better")

    assert history.completed == {"1"}
    assert history.states["2"] == TaskState(tasks_of("2=better")[0], "plan")


def test_a_task_keeps_its_passed_phases_where_it_goes() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b", selected=["2"], cut_at=4)

    history = _read(memory, "1=b 2=a")

    assert (history.states["1"].next, history.states["2"].next) == ("execute", "plan")


def test_a_task_that_was_cut_off_while_it_ran_is_interrupted_where_it_went() -> None:
    """The plan is read before the next run opens, so the id it ran under may be another task's by then."""
    memory = Remembered()
    play(memory, "1=a 2=b", cut_at=2)
    history = _read(memory, "1=b 2=a")
    assert set(history.running) == {"2"}

    memory.append(opened(9.0))

    assert history.running == {}
    assert history.states["2"].running is None
    assert history.states["2"].attempts[-1].outcome == Outcome(Result.INTERRUPTED, "peal was cut off")
    assert history.states["1"].attempts == ()


def test_a_task_that_left_the_plan_while_it_ran_is_gone() -> None:
    memory = Remembered()
    play(memory, "1=a 2=b", cut_at=2)

    history = _read(memory, "1=b")
    memory.append(opened(9.0))

    assert _titles(history) == {"1": "b"}
    assert history.running == {}


def test_a_mark_changes_nothing_of_what_is_done() -> None:
    memory = Remembered()
    play(memory, "1 2")

    history = _read(memory, "1p 2p")

    assert history.completed == {"1", "2"}


def test_ticking_a_task_off_and_back_on_keeps_what_was_done() -> None:
    memory = Remembered()
    play(memory, "1 2", selected=["1"])

    assert _read(memory, "1x 2x").completed == {"1", "2"}
    assert _read(memory, "1 2").completed == {"1"}


def test_a_text_that_left_the_plan_is_new_when_it_comes_back() -> None:
    """The memory is of the plan as it was read last."""
    memory = Remembered()
    play(memory, "1=a 2=b")

    _read(memory, "1=b")
    history = _read(memory, "1=a 2=b")

    assert history.completed == {"2"}


@pytest.mark.parametrize(
    ("before", "done", "after", "still_done"),
    [
        ("1=same 2=same 3=same", ("1",), "1=same 2=same 3=same", {"1"}),
        ("1=same 2=same 3=same", ("2",), "1=same 2=same 3=same 4=same", {"2"}),
        ("1=same 2=same", ("1",), "1=new 2=same 3=same", {"2"}),
        ("1=same 2=same", ("2",), "1=new 2=same 3=same", {"3"}),
        ("1=same 2=same 3=same", ("1", "3"), "1=same 2=same", {"1"}),
        ("1=same 2=other 3=same", ("3",), "1=same 2=same 3=other", {"2"}),
    ],
)
def test_equal_texts_are_told_apart_by_their_order(
    before: str, done: tuple[str, ...], after: str, still_done: set[str]
) -> None:
    memory = Remembered()
    _read(memory, before)
    _done(memory, *done)

    history = _read(memory, after)

    assert history.completed == still_done


def test_failures_and_findings_go_where_the_task_goes() -> None:
    """What `peal status` shows between two runs names the tasks by the ids they have now."""
    memory = Remembered()
    world = {"1 address": "passes with findings", "2 plan": "fails"}
    play(memory, "1=a 2=b", world)

    history = _read(memory, "1=new 2=a 3=b")

    assert (history.with_findings, history.failed) == ({"2"}, {"3"})
    assert history.states["3"].failed == "it went wrong"


def test_a_changed_text_leaves_failures_and_findings_behind() -> None:
    memory = Remembered()
    world = {"1 address": "passes with findings", "2 plan": "fails"}
    play(memory, "1=a 2=b", world)

    history = _read(memory, "1=better 2=good")

    assert (history.with_findings, history.failed) == (set(), set())


# A person's second thoughts


@pytest.mark.parametrize("phase", AGENT_PHASES)
def test_a_complete_task_can_be_done_again_from_any_phase(phase: str) -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "passes with findings"})

    _forgotten(memory, "1", phase)

    state = memory.history.states["1"]
    assert (state.next, state.findings, state.completed_at) == (phase, (), None)
    assert (memory.history.completed, memory.history.with_findings) == (set(), set())


def test_done_again_from_the_beginning_means_not_begun() -> None:
    """From a later phase on, what came before still counts."""
    memory = Remembered()
    play(memory, "1 2")

    _forgotten(memory, "1", "plan")
    _forgotten(memory, "2", "execute")

    assert (memory.history.states["1"].has_begun, memory.history.states["2"].has_begun) == (False, True)
    assert len(memory.history.states["1"].attempts) == 3


def test_done_again_never_takes_a_task_forward() -> None:
    """A task that has only its plan does not reach `address` by being forgotten from there on."""
    memory = Remembered()
    play(memory, "1", cut_at=4)

    _forgotten(memory, "1", "address")

    assert memory.history.states["1"].next == "execute"


def test_a_failed_task_done_again_from_an_earlier_phase_has_not_failed() -> None:
    memory = Remembered()
    play(memory, "1", {"1 execute": "fails"})

    _forgotten(memory, "1", "plan")

    assert (memory.history.failed, memory.history.states["1"].failed) == (set(), None)


def test_marked_done_is_complete_without_findings_or_failure() -> None:
    memory = Remembered()
    world = {"1 address": "passes with findings", "2 plan": "fails"}
    play(memory, "1 2", world)

    _done(memory, "1", "2")

    history = memory.history
    assert (history.completed, history.with_findings, history.failed) == ({"1", "2"}, set(), set())
    assert history.states["2"].next is None


def test_a_task_marked_done_while_it_was_cut_off_stays_done() -> None:
    memory = Remembered()
    play(memory, "1", cut_at=2)

    _done(memory, "1")
    memory.append(opened(9.0))

    assert memory.history.completed == {"1"}
    assert memory.history.running == {}


def test_ids_that_are_not_in_the_plan_are_passed_over() -> None:
    history = _after(
        "1", TasksForgotten(1.0, ("7",), "plan", "peal redo"), TasksMarkedDone(2.0, ("8",), "peal done")
    )

    assert set(history.states) == {"1"}


def test_a_ticked_task_that_is_forgotten_counts_as_done_until_it_is_unticked() -> None:
    memory = Remembered()
    _read(memory, "1x")
    _done(memory, "1")

    _forgotten(memory, "1", "plan")

    assert memory.history.completed == {"1"}
    assert _read(memory, "1").completed == set()


# Runs


def test_opening_a_run_ends_what_a_crash_cut_off() -> None:
    """As interrupted, with the attempt remembered: it is no failure, and its folder stays its own."""
    memory = Remembered()
    play(memory, "1p 2p", limits=Limits(2), cut_at=3)
    assert set(memory.history.running) == {"1", "2"}

    memory.append(opened(9.0))

    history = memory.history
    assert history.running == {}
    for state in history.states.values():
        assert state.attempts[-1].outcome == Outcome(Result.INTERRUPTED, "peal was cut off")
        assert (state.running, state.failures, state.has_begun) == (None, 0, True)


def test_opening_a_run_gives_every_task_a_fresh_start_in_its_phase() -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "is mended, fails, fails"}, Limits(address_retry_count=1))
    state = memory.history.states["1"]
    assert (len(state.seen), state.failures, state.failed) == (1, 2, "it went wrong")

    memory.append(opened(99.0))

    state = memory.history.states["1"]
    assert (state.next, len(state.seen), state.failures, state.failed) == ("address", 0, 0, None)
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

    assert memory.history.with_findings == {"1"}
    assert memory.history.states["1"].findings == (FINDING,)


# Attempts


def _numbers(memory: Remembered) -> list[tuple[str, str, int]]:
    return [(e.task, str(e.phase), e.attempt) for e in memory.events if isinstance(e, StepStarted)]


def test_attempts_are_numbered_by_task_and_phase() -> None:
    memory = Remembered()

    play(memory, "1", {"1 execute": "fails, is cut short"}, Limits(execute_retry_count=1))

    assert _numbers(memory) == [
        ("1", "plan", 1),
        ("1", "execute", 1),
        ("1", "execute", 2),
        ("1", "execute", 3),
        ("1", "address", 1),
    ]


def test_numbers_go_on_across_runs_crashes_and_second_thoughts() -> None:
    memory = Remembered()
    play(memory, "1", cut_at=2)
    play(memory, "1")
    _forgotten(memory, "1", "plan")

    play(memory, "1", {"1 plan": "fails"})

    assert [number for _, phase, number in _numbers(memory) if phase == "plan"] == [1, 2, 3]


def test_a_task_with_another_tasks_old_id_goes_on_with_that_ids_attempts() -> None:
    """Folders are named after the id, and the old task's folders are still there."""
    memory = Remembered()
    play(memory, "1=a")

    play(memory, "1=new 2=a")

    assert _numbers(memory)[3:] == [("1", "plan", 2), ("1", "execute", 2), ("1", "address", 2)]


def test_a_moved_tasks_attempts_keep_the_id_they_were_made_under() -> None:
    memory = Remembered()
    play(memory, "1=a")

    history = _read(memory, "1=new 2=a")

    assert [past.task for past in history.states["2"].attempts] == ["1", "1", "1"]


def test_a_failure_is_open_until_something_makes_it_good() -> None:
    """Being cut short in between is no answer to it."""
    history = _after("1", opened(0.0, Limits(execute_retry_count=9)))
    for number, result in enumerate([Result.FAILED, Result.INTERRUPTED], 1):
        history.apply(StepStarted(1.0, "1", "execute", number, "shell"))
        history.apply(StepEnded(2.0, "1", "execute", number, Outcome(result, f"try {number}")))

    failure = history.states["1"].failure("execute")

    assert failure is not None
    assert failure.number == 1
    assert history.states["1"].failure("plan") is None
    assert TaskState(tasks_of("1")[0], "plan").last() is None


def test_an_attempt_cannot_end_twice() -> None:
    """That would be a bug in peal, not something a file or a person can cause."""
    history = _after("1", opened(), StepStarted(1.0, "1", "plan", 1, "shell"))
    end = StepEnded(2.0, "1", "plan", 1, Outcome(Result.PASSED))
    history.apply(end)

    with pytest.raises(ValueError, match="no attempt that could end"):
        history.apply(end)


# Commits and landing


def _commits(state: TaskState) -> dict[str, str]:
    """What a task has of commits: its own, the merge as mended, the one that was verified, and what is to be merged."""
    known = {
        "commit": state.change.own,
        "mended": state.change.mended,
        "verified": state.change.verified,
        "brings": state.change.brings,
    }
    return {name: commit for name, commit in known.items() if commit}


def _played(*words: str, limits: Limits = LANDING) -> TaskState:
    """A task of which only these things are told, `execute passes` and the like; commits are numbered from `c1`."""
    history = _after("1", opened(0.0, limits))
    results = {"passes": Result.PASSED, "mended": Result.MENDED}
    for number, (phase, word) in enumerate((told.split() for told in words), 1):
        outcome = Outcome(results.get(word) or Result(word), "so it was", (), f"c{number}")
        history.apply(StepStarted(number, "1", phase, number, "shell"))
        history.apply(StepEnded(number, "1", phase, number, outcome))
    return history.states["1"]


@pytest.mark.parametrize(
    ("words", "commits"),
    [
        (("plan passes",), {}),
        (("execute passes",), {"commit": "c1", "brings": "c1"}),
        (("execute passes", "address mended"), {"commit": "c1", "mended": "c2", "brings": "c2"}),
        (
            ("execute passes", "address mended", "address mended"),
            {"commit": "c1", "mended": "c3", "brings": "c3"},
        ),
        (("execute passes", "address passes"), {"commit": "c1", "verified": "c2", "brings": "c1"}),
        (
            ("execute passes", "address mended", "address passes"),
            {"commit": "c1", "mended": "c2", "verified": "c3", "brings": "c2"},
        ),
        (("execute passes", "address passes", "land outdated"), {"commit": "c1", "brings": "c1"}),
        (
            ("execute passes", "address mended", "address passes", "land outdated"),
            {"commit": "c1", "mended": "c2", "brings": "c2"},
        ),
        (
            ("execute passes", "address passes", "land held"),
            {"commit": "c1", "verified": "c2", "brings": "c1"},
        ),
        (("execute passes", "address mended", "address conflicted"), {"commit": "c1", "brings": "c1"}),
        (
            ("execute passes", "address mended", "address conflicted", "execute passes"),
            {"commit": "c4", "brings": "c4"},
        ),
        (("execute failed",), {}),
        (("execute passes", "address failed"), {"commit": "c1", "brings": "c1"}),
        (
            ("execute passes", "address mended", "address interrupted"),
            {"commit": "c1", "mended": "c2", "brings": "c2"},
        ),
    ],
    ids=lambda told: ", ".join(told) if isinstance(told, tuple) else "",
)
def test_which_commits_a_task_has(words: tuple[str, ...], commits: dict[str, str]) -> None:
    assert _commits(_played(*words)) == commits


def test_a_round_of_mending_without_a_commit_keeps_the_one_before() -> None:
    memory = Remembered()

    play(memory, "1", {"1 address": "is mended, is mended in part"}, LANDING, cut_at=17)

    state = memory.history.states["1"]
    assert (len(state.seen), state.change.mended, state.change.brings) == (2, "1a1", "1a1")


def test_a_task_that_changed_nothing_has_no_commit() -> None:
    memory = Remembered()

    play(memory, "1", {"1 execute": "changes nothing"}, LANDING)

    assert _commits(memory.history.states["1"]) == {}
    assert memory.history.completed == {"1"}


def test_commits_outlive_the_run() -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "is mended", "1 land": "is held"}, LANDING)

    memory.append(opened(99.0, LANDING))

    assert _commits(memory.history.states["1"]) == {
        "commit": "1e1",
        "mended": "1a1",
        "verified": "1a2",
        "brings": "1a1",
    }


def test_commits_and_a_hold_go_where_the_task_goes() -> None:
    memory = Remembered()
    play(memory, "1=a", {"1 land": "is held"}, LANDING)

    history = _read(memory, "1=new 2=a")

    assert (history.held, history.states["1"].change.own) == ({"2"}, "")
    assert (history.states["2"].change.verified, history.states["2"].next) == ("1a1", "land")


def test_a_changed_text_leaves_commits_and_a_hold_behind() -> None:
    memory = Remembered()
    play(memory, "1=a", {"1 land": "is held"}, LANDING)

    history = _read(memory, "1=better")

    assert (history.held, history.states["1"]) == (set(), TaskState(tasks_of("1=better")[0], "plan"))


@pytest.mark.parametrize(
    ("phase", "commits"),
    [
        ("plan", {}),
        ("execute", {}),
        ("address", {"commit": "1e1", "brings": "1e1"}),
    ],
)
@pytest.mark.parametrize("how", ["passes", "is held"])
def test_done_again_forgets_the_commits_from_there_on(phase: str, commits: dict[str, str], how: str) -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "is mended", "1 land": how}, LANDING)

    _forgotten(memory, "1", phase)

    state = memory.history.states["1"]
    assert (state.next, _commits(state), state.held, memory.history.held) == (phase, commits, None, set())


def test_done_again_from_land_on_never_lands_nothing() -> None:
    """What is to land is what was verified, or has to be verified anew."""
    memory = Remembered()
    play(memory, "1", {"1 land": "is held"}, LANDING)

    _forgotten(memory, "1", "land")

    state = memory.history.states["1"]
    assert state.change.own == "1e1"
    assert state.next == "address" or state.change.verified


def test_a_conflict_sends_the_task_back_to_execute_until_it_has_failed() -> None:
    once, twice = ("execute passes", "address conflicted"), ("execute passes", "address conflicted") * 2

    assert (_played(*once).next, _played(*once).conflicts, _played(*once).failed) == ("execute", 1, None)
    assert (_played(*twice).next, _played(*twice).failed) == ("address", "so it was")


def test_a_conflict_gives_rounds_and_retries_back() -> None:
    limits = Limits(lands=True, address_retry_count=5)

    state = _played("execute passes", "address mended", "address failed", "address conflicted", limits=limits)

    assert (len(state.seen), state.failures) == (0, 0)


def test_what_is_held_has_not_failed_and_is_settled_for_this_run() -> None:
    memory = Remembered()
    play(memory, "1", {"1 land": "is held"}, LANDING)

    history = memory.history

    state = history.states["1"]
    assert (history.held, history.failed, history.completed) == ({"1"}, set(), set())
    assert (state.held, state.is_settled, state.next) == ("`a.txt` is being edited", True, "land")


def test_opening_a_run_forgets_holds_and_conflicts() -> None:
    memory = Remembered()
    world = {"1 address": "conflicts", "1 land": "is held"}
    play(memory, "1", world, LANDING)
    assert (memory.history.held, memory.history.states["1"].conflicts) == ({"1"}, 1)

    memory.append(opened(99.0, LANDING))

    state = memory.history.states["1"]
    assert (memory.history.held, state.held, state.conflicts, state.is_settled) == (set(), None, 0, False)


def test_what_is_held_can_be_marked_done() -> None:
    memory = Remembered()
    play(memory, "1", {"1 land": "is held"}, LANDING)

    _done(memory, "1")

    history = memory.history
    assert (history.completed, history.held, history.states["1"].held) == ({"1"}, set(), None)


def test_findings_let_through_stand_against_the_task_only_when_it_has_landed() -> None:
    memory = Remembered()
    play(memory, "1", {"1 address": "passes with findings", "1 land": "is held"}, LANDING)
    assert memory.history.with_findings == set()

    play(memory, "1", limits=LANDING)

    assert memory.history.with_findings == {"1"}
    assert memory.history.states["1"].findings == (FINDING,)


@pytest.mark.parametrize("changed", ["1=a", "1=new 2=a"])
def test_findings_of_what_has_not_landed_do_not_count_when_the_plan_is_read_again(changed: str) -> None:
    memory = Remembered()
    play(memory, "1=a", {"1 address": "passes with findings", "1 land": "is held"}, LANDING)

    assert _read(memory, changed).with_findings == set()


@pytest.mark.parametrize(
    "world",
    [
        {"1 address": "passes with findings, passes", "1 land": "is outdated"},
        {"1 address": "passes with findings, conflicts, passes", "1 land": "is outdated"},
    ],
    ids=["addressed again", "carried out anew"],
)
def test_findings_of_a_change_that_never_landed_are_forgotten(world: dict[str, str]) -> None:
    memory = Remembered()

    played = play(memory, "1", world, LANDING)

    assert (played.halt.code, memory.history.states["1"].findings) == (0, ())


# Workspaces


def test_an_attempt_knows_its_worktree_while_it_runs_and_afterwards() -> None:
    history = _after(
        "1",
        opened(0.0, LANDING),
        StepStarted(1.0, "1", "plan", 1, "shell"),
        WorkspaceReady(2.0, "1", "plan", 1, "/slots/1", "b4se"),
    )
    running = history.states["1"].running
    assert running is not None
    assert (running.workspace, running.base) == ("/slots/1", "b4se")

    history.apply(StepEnded(3.0, "1", "plan", 1, Outcome(Result.PASSED)))

    last = history.states["1"].last()
    assert (last.workspace, last.base) == ("/slots/1", "b4se")


def test_a_worktree_that_a_crash_cut_off_is_remembered() -> None:
    """So that what was done there can be kept."""
    memory = Remembered()
    play(memory, "1", limits=LANDING, cut_at=3)

    memory.append(opened(9.0))

    last = memory.history.states["1"].last()
    assert (last.result, last.workspace, last.base) == (Result.INTERRUPTED, "/slots/1", "b4se")


def test_a_worktree_that_comes_too_late_is_nobodys() -> None:
    """A person has decided about the task meanwhile."""
    memory = Remembered()
    play(memory, "1", limits=LANDING, cut_at=2)
    _done(memory, "1")

    memory.append(WorkspaceReady(9.0, "1", "plan", 1, "/slots/1", "b4se"))

    assert (memory.history.states["1"].running, memory.history.states["1"].attempts) == (None, ())


@pytest.mark.parametrize("limits", [LANDING, Limits(2, lands=True, as_ready=True)])
def test_a_history_with_landings_taken_up_again_from_its_events_is_the_same(limits: Limits) -> None:
    memory = Remembered()
    world = {"1 address": "conflicts, is mended", "2 land": "is outdated, is held"}
    play(memory, "1p 2p 3", world, limits)
    play(memory, "1p 2p=other 3", {"3 address": "passes with findings"}, limits, stop_at=9)

    assert fold(memory.events) == memory.history


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


# More to do than there was


def test_added_tasks_begin_at_the_beginning_and_those_that_are_known_stay_as_far_as_they_are() -> None:
    planned = StepEnded(2.0, "1", "plan", 1, Outcome(Result.PASSED))
    history = _after("1", opened(), StepStarted(1.0, "1", "plan", 1, "a"), planned)

    history.apply(TasksAdded(3.0, tasks_of("1 2")))

    states = history.states
    assert [state.next for state in states.values()] == ["execute", "plan"]
    assert history.in_order({"2", "1"}) == ["1", "2"]
    assert len(states["1"].attempts) == 1


def test_a_reading_without_tasks_forgets_none() -> None:
    history = _after("1 2x")

    again = reread(history, PlanRead(1.0, (), "backlog"))

    history.apply(again.reading)
    assert list(history.states) == ["1", "2"]
    assert history.completed == {"2"}
    assert history.plan == "backlog"
