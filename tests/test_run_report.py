"""What is told of a run when it is over: every number agrees with the journal it is made of."""

import random
from itertools import pairwise

import pytest
from attrs import evolve
from stories import Chance, Limits, Remembered, Run, Script, opened, tasks_of, work_of

from peal.model.plan import TaskId
from peal.model.work import Result
from peal.record.events import (
    Event,
    PlanRead,
    RunClosed,
    StepEnded,
    StepStarted,
    TasksForgotten,
    TasksMarkedDone,
)
from peal.reports.alternatives import alternatives
from peal.reports.run_report import RunReport, longest_chain, report_of

SIDE_BY_SIDE = Limits(max_parallel=3, lands=True, execute_retry_count=2, continue_with_remaining_tasks=True)


def played(tasks: str, says: dict[str, str] | None = None, limits: Limits = SIDE_BY_SIDE) -> Remembered:
    """A plan that was carried out in this way."""
    memory = Remembered()
    read = tasks_of(tasks)
    memory.append(PlanRead(0.0, read))
    Run(memory, Script(says or {})).go(work_of(read), opened(1.0, limits))
    return memory


def told(memory: Remembered, run: str = "") -> RunReport:
    """The report of a run that is over."""
    found = report_of(memory.events, is_alive=False, now=1e9, run=run)
    assert found is not None
    return found


def spans(events: list[Event]) -> list[tuple[TaskId, float, float]]:
    """Task, beginning and end of each attempt that ended, from the events themselves."""
    begun: dict[tuple[TaskId, str, int], float] = {}
    found = []
    for event in events:
        match event:
            case StepStarted():
                begun[event.task, event.phase, event.attempt] = event.at
            case StepEnded():
                found.append((event.task, begun[event.task, event.phase, event.attempt], event.at))
    return found


@pytest.mark.parametrize("seed", range(30))
def test_times_are_those_of_the_journal(seed: int) -> None:
    luck = random.Random(seed)
    read = tasks_of("1 2p 3p 4p 5<2 6")
    memory = Remembered()
    memory.append(PlanRead(0.0, read))
    Run(memory, Chance(luck, lands=True)).go(work_of(read), opened(1.0, SIDE_BY_SIDE))

    report = told(memory)

    found = spans(memory.events)
    assert report.worked == pytest.approx(sum(until - since for _, since, until in found))
    for task in report.tasks:
        own = [until - since for id_, since, until in found if id_ == task.id]
        assert task.worked == pytest.approx(sum(own))
        assert len(task.attempts) == len(own)
    (closed,) = (event for event in memory.events if isinstance(event, RunClosed))
    assert (report.began, report.ended) == (1.0, closed.at)
    assert report.elapsed == pytest.approx(closed.at - 1.0)
    assert report.chain_seconds <= report.worked + 1e-9
    for pause in report.pauses:
        assert pause.began < pause.ended
        assert any(id_ == pause.task and until == pause.began for id_, _, until in found)


def test_a_wait_is_told_with_its_cause_and_its_time() -> None:
    """Also one that a resume has ended, however long nothing went on; and for a limit only until that was reset."""
    limits = evolve(SIDE_BY_SIDE, agents={"execute": ("claude",)}, wait=False)
    memory = played(
        "1 2 3", {"1 execute": "is set back, passes", "2 land": "is held", "3 execute": "is limited"}, limits
    )
    for at in (5000.0, 9000.0):
        again = evolve(opened(at, limits), resumed=True, try_now=True)
        Run(memory, Script({"3 execute": "is limited"} if at == 5000.0 else {})).go(
            work_of(tasks_of("1 2 3")), again
        )

    found = {(one.task, one.cause): one for one in told(memory).pauses if one.cause != "branch"}

    assert list(found) == [("1", "provider"), ("2", "person"), ("3", "limit")]
    set_back, again = [one for one in told(memory).tasks[0].attempts if one.phase == "execute"]
    assert (found["1", "provider"].began, found["1", "provider"].ended) == (set_back.ended, again.started)
    assert found["2", "person"].ended > 5000.0 > found["2", "person"].began
    limited, _ = [one for one in told(memory).tasks[2].attempts if one.phase == "execute"]
    assert limited.outcome
    assert (found["3", "limit"].began, found["3", "limit"].ended) == (limited.ended, limited.outcome.until)


def test_a_task_that_others_land_before_waits_for_the_branch() -> None:
    waiting = {one.task for one in told(played("1p 2p 3p")).pauses if one.cause == "branch"}

    assert waiting
    assert waiting <= {"1", "2", "3"}


def test_a_resumed_run_is_one_with_the_run_before_and_the_time_between_does_not_count() -> None:
    """Nor does what a person says between the two, or that the plan reads differently: it is no part of either."""
    read = tasks_of("1p 2p 3")
    memory = Remembered()
    memory.append(PlanRead(0.0, read))
    Run(memory, Script(), cut_at=20).go(work_of(read), opened(1.0, SIDE_BY_SIDE))
    heard = memory.history.last_at
    first = told(memory)
    memory.append(
        TasksMarkedDone(3000.0, (TaskId("3"),), "peal done"), PlanRead(4999.0, tasks_of("1p 2p 3 4"))
    )
    again = evolve(opened(5000.0, SIDE_BY_SIDE), resumed=True, command=("peal", "resume"))
    Run(memory, Script()).go(work_of(tasks_of("1p 2p 3 4")), again)

    report = told(memory)

    closed = memory.events[-1]
    assert report.began == 1.0
    assert report.stopped == ((heard, 5000.0),)
    assert report.elapsed == pytest.approx(heard - 1.0 + closed.at - 5000.0)
    assert report.worked <= SIDE_BY_SIDE.max_parallel * report.elapsed
    assert all(one.ended - one.began < 100 for one in report.pauses)
    assert report.commands == ("peal run", "peal resume")
    assert told(memory, "run-1") == first
    assert (first.ended, first.stopped) == (heard, ())
    memory.append(TasksForgotten(9000.0, (TaskId("1"),), "plan", "peal redo"))
    assert (told(memory).ended, told(memory).status.counts["done"]) == (closed.at, 3)


def test_what_runs_or_waits_now_is_told_up_to_now() -> None:
    """Of a run that goes on, and of one that was cut off up to when it was heard of last."""
    memory = played(
        "1p 2p", {"2 execute": "is limited"}, evolve(SIDE_BY_SIDE, agents={"execute": ("claude",)})
    )
    limited = next(
        at
        for at, event in enumerate(memory.events)
        if isinstance(event, StepEnded) and event.outcome.result is Result.LIMITED
    )
    now = memory.events[limited].at + 50.0

    found = report_of(memory.events[: limited + 1], is_alive=True, now=now)
    assert found
    waits = {one.task: (one.cause, now - one.began) for one in found.pauses if one.ended == now}
    assert waits["2"] == ("limit", 50.0)
    assert waits["1"][0] == "branch"

    begun = next(at for at, event in enumerate(memory.events) if isinstance(event, StepStarted))
    found = report_of(memory.events[: begun + 1], is_alive=True, now=now)
    assert found
    assert found.worked == found.tasks[0].worked == now - memory.events[begun].at > 10


def test_a_run_of_items_counts_only_what_it_has_worked_on() -> None:
    memory = Remembered()
    read = tasks_of("A/build B/build")
    memory.append(PlanRead(0.0, read))
    for at, task in ((1.0, "A/build"), (5000.0, "B/build")):
        run = evolve(opened(at, SIDE_BY_SIDE), is_open_ended=True)
        Run(memory, Script()).go(work_of(read, [task]), run)

    report = told(memory)

    assert [task.id for task in report.tasks] == ["B/build"]
    assert {state: number for state, number in report.status.counts.items() if number} == {"done": 1}


def test_there_is_none_of_a_run_that_never_was() -> None:
    memory = played("1")

    assert report_of(memory.events, is_alive=False, now=0.0, run="other") is None
    assert report_of(memory.events[:1], is_alive=False, now=0.0) is None


@pytest.mark.parametrize("seed", range(20))
def test_the_longest_chain_is_the_longest_of_all(seed: int) -> None:
    luck = random.Random(seed)
    names = [TaskId(str(number)) for number in range(8)]
    waits = {
        name: tuple(other for other in names[:at] if luck.random() < 0.3) for at, name in enumerate(names)
    }
    seconds = {name: luck.uniform(0, 9) for name in names}

    def chains(at: TaskId) -> list[tuple[TaskId, ...]]:
        return [(*before, at) for needed in waits[at] for before in chains(needed)] or [(at,)]

    found = longest_chain(waits, seconds)

    assert all(before in waits[then] for before, then in pairwise(found))
    best = max(sum(map(seconds.__getitem__, chain)) for name in names for chain in chains(name))
    assert sum(map(seconds.__getitem__, found)) == pytest.approx(best)


def test_what_another_way_would_have_taken() -> None:
    """Six tasks of one length, side by side in pairs: the more places, the sooner, until all landings take longer."""
    slow = told(played("1p 2p 3p 4p 5p 6p", limits=evolve(SIDE_BY_SIDE, max_parallel=2)))

    found = {one.flags: one.seconds for one in alternatives(slow)}

    assert list(found) == ["--address as-ready", "--max-parallel 4 --address as-ready"]
    assert slow.elapsed > found["--address as-ready"] > found["--max-parallel 4 --address as-ready"]
    assert found["--max-parallel 4 --address as-ready"] >= slow.chain_seconds


def test_where_everything_waits_for_the_one_before_no_other_way_is_named() -> None:
    assert alternatives(told(played("1 2 3 4"))) == ()
