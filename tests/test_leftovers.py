"""What attempts leave behind is told, kept or cleared away, and never in the way of the next one."""

from peal.events import (
    Event,
    PlanRead,
    RunOpened,
    StepEnded,
    StepStarted,
    TaskRead,
    TasksForgotten,
    read,
    written,
)
from peal.history import History, fold
from peal.model import Halt, Limits, Outcome, Phase, Result
from peal.report import report
from peal.status import noted_lines
from peal.summary import summary

# What attempts note


def noted(*notes: str, task: int = 1, attempt: int = 1) -> list[Event]:
    """An attempt that passed and noted these things."""
    return [
        StepStarted(2.0, task, Phase.PLAN, attempt, "shell"),
        StepEnded(3.0, task, Phase.PLAN, attempt, Outcome(Result.PASSED, notes=notes)),
    ]


def opened(resumed: bool = False) -> RunOpened:
    """A run was asked for."""
    return RunOpened(
        at=1.0, run="r", plan="plan.md", repo="/repo", pid=1, birth="", command=(), flags={}, limits=Limits(), resumed=resumed
    )  # fmt: skip


def plan(tasks: int = 3) -> PlanRead:
    """A plan of so many tasks."""
    return PlanRead(
        0.0, tuple(TaskRead(index, "", str(index), False, False) for index in range(1, tasks + 1))
    )


def told(history: History) -> list[str]:
    """What a report says of notes."""
    lines = report(history, Halt(0, "finished"), 1.0, lambda _: [], lambda _: "")
    return [line for line in lines if line.startswith("note: ")]


def test_the_report_tells_each_note_once_with_the_tasks_it_is_about() -> None:
    history = fold([plan(), opened(), *noted("a", "b"), *noted("a", task=2), *noted("a", task=3)])

    assert told(history) == ["note: task 1-3: a", "note: task 1: b"]


def test_a_note_cannot_reach_the_terminal() -> None:
    assert noted_lines([(1, ("x\x1b[2Jy\nz",))]) == ["note: task 1: xy z"]


def test_the_summary_has_the_notes_of_each_task() -> None:
    history = fold([plan(2), opened(), *noted("a")])

    tasks = summary(history, Halt(0, "finished"), 0.0, 1.0)["tasks"]

    assert [task["notes"] for task in tasks] == [["a"], []]


def test_notes_last_through_a_resume_and_go_with_a_new_run_or_a_redo() -> None:
    events = [plan(), opened(), *noted("a")]

    assert told(fold([*events, opened(resumed=True)])) == ["note: task 1: a"]
    assert told(fold([*events, opened()])) == []
    assert told(fold([*events, TasksForgotten(4.0, (1,), Phase.PLAN, "")])) == []


def test_a_memory_without_notes_loads_and_one_with_notes_comes_back_as_it_was() -> None:
    with_notes, without = noted("a")[1], noted()[1]

    assert "notes" not in written(without)["outcome"]
    assert read(written(without)) == without
    assert read(written(with_notes)) == with_notes
