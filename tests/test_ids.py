"""Plans whose tasks have names instead of numbers, by a format that follows the recipe in docs/adding.md, through the command line."""

import json
import re
from pathlib import Path

import pytest
from conftest import Repo, copy_of_peal, eventually
from test_docs import _sections

from peal.errors import PealError
from peal.jobs.selection import chosen
from peal.model.plan import Plan, Task, TaskId

NAMES = ("T001", "2.1", "über/drei", "a-b", "T01", "10", "9")
"""As they come one after another: neither by their letters nor by their numbers; one can be neither a file nor a branch."""


def _plan(*tasks: str, **bodies: str) -> str:
    """Each task writes its own name into a file, or does what is given for it."""
    parts = (
        f"## Step {task}: {task.upper()}\n\n```sh\n{bodies.get(task, 'echo $PEAL_TASK >> done.txt')}\n```\n"
        for task in tasks
    )
    return "\n".join(parts)


@pytest.fixture(scope="module")
def reads_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A peal that reads steps with names; nothing changes it any more."""
    peal = copy_of_peal(tmp_path_factory.mktemp("more"))
    source, _test = _sections("adding.md", "python")["A format"]
    (peal / "formats/steps.py").write_text(source, encoding="utf-8")
    front = (peal / "formats/__init__.py").read_text(encoding="utf-8")
    named = front.replace("(peal, ", "(peal, steps, ")
    named = named.replace(
        "from peal.formats.checks", "from peal.formats import steps\nfrom peal.formats.checks"
    )
    assert named.count("steps") == 2
    (peal / "formats/__init__.py").write_text(named, encoding="utf-8")
    return peal


@pytest.fixture
def steps(project: Repo, reads_steps: Path) -> Repo:
    """A project, and that peal."""
    project.env["PYTHONPATH"] = str(reads_steps.parent)
    project.cold = True
    project.write("plan.md", _plan(*NAMES))
    return project


def _run(steps: Repo, *flags: str, code: int = 0) -> str:
    done = steps.peal("run", "plan.md", "--agent", "shell", *flags, code=code)
    return done.stdout + done.stderr


def _started(steps: Repo, phase: str = "execute") -> list[str]:
    return [str(event["task"]) for event in steps.recorded("StepStarted") if event["phase"] == phase]


def test_tasks_with_names_run_in_their_order_land_and_are_told_by_them(steps: Repo) -> None:
    """One run, looked at from all sides: branch, trailers, what scripts read, folders of attempts, logs and diffs."""
    told = _run(steps)

    assert steps.read("done.txt").split() == list(NAMES)
    assert "task über/drei execute started: ÜBER/DREI" in told
    assert [f"Merge task {name}: {name.upper()}" for name in reversed(NAMES)] == steps.git(
        "log", "--first-parent", f"-{len(NAMES)}", "--format=%s"
    ).splitlines()
    assert (
        steps.git("log", "--no-merges", "-1", "--format=%(trailers:key=Peal-Task,valueonly)").strip() == "9"
    )
    assert steps.git("for-each-ref", "refs/heads/peal") == ""
    _look_at_what_scripts_read(steps)
    _look_at_folders(steps)


def _look_at_what_scripts_read(steps: Repo) -> None:
    """Names as they are written, and those that are numbers as numbers."""
    state = json.loads((steps.memory() / "state.json").read_text())
    summary = json.loads((steps.memory() / "run_summary.json").read_text())
    told = json.loads(steps.peal("status", "--json").stdout)
    read = json.loads(steps.peal("check", "plan.md", "--json").stdout)
    as_written = ["T001", "2.1", "über/drei", "a-b", "T01", 10, 9]
    assert state["completed_task_indices"] == summary["tasks_completed"] == as_written
    for tasks in (told["tasks"], read["plans"][0]["tasks"], summary["tasks"]):
        assert [(task["id"], task["index"]) for task in tasks] == list(zip(NAMES, as_written, strict=True))


def _look_at_folders(steps: Repo) -> None:
    """They are named after the tasks as far as a folder can be called so."""
    folders = sorted(path.name for path in (steps.memory() / "attempts").iterdir() if "execute" in path.name)
    strange = next(name for name in folders if "drei" in name)
    plain = [f"{name}-execute-1" for name in ("T001", "2.1", "a-b", "T01", "010", "009")]
    assert folders == sorted([strange, *plain])
    assert strange.startswith("über-drei-")
    assert (
        "== task über/drei execute, attempt 1 by shell (passed"
        in steps.peal("logs", "über/drei", "execute").stdout
    )
    assert "+über/drei" in steps.peal("diff", "über/drei").stdout


READ = Plan("plan.md", "steps", tuple(Task(TaskId(name), name, "") for name in NAMES))


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("2.1,a-b", ["2.1", "a-b"]),
        ("2.1-a-b", ["2.1", "über/drei", "a-b"]),
        ("a-b-10", ["a-b", "T01", "10"]),
        ("9, über/drei", ["über/drei", "9"]),
        ("7-12", ["10", "9"]),
        ("T001 - 2.1", ["T001", "2.1"]),
        ("010", ["10"]),
    ],
)
def test_tasks_are_chosen_by_name_and_by_ranges_of_the_order(text: str, tasks: list[str]) -> None:
    assert list(chosen((text,), READ)) == tasks


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("T1", "task T1 not found in plan `plan.md`; it has 9-10, T001, 2.1, über/drei, a-b, T01"),
        ("a-c", "task a-c not found in plan `plan.md`"),
        ("a-b-2.1", "task 2.1 comes first; write 2.1-a-b"),
        ("12-7", "`12-7` is no range of tasks; write the lower number first: 7-12"),
        (",", "no task is named; write ids and ranges of them: 2,5-7"),
    ],
)
def test_what_is_no_task_is_refused(text: str, told: str) -> None:
    with pytest.raises(PealError, match=re.escape(told)):
        chosen((text,), READ)


def test_flags_take_names_and_ranges(steps: Repo) -> None:
    """And are remembered: `peal resume` goes on with the same."""
    steps.write("plan.md", _plan("T001", "2.1", "a-b", "T01", "9"))
    _run(steps, "--task", "2.1-a-b", "--task", "9")
    assert _started(steps) == ["2.1", "a-b", "9"]
    _run(steps, "--from-task", "T01")
    assert _started(steps)[3:] == ["T01"]

    refused = _run(steps, "--from-task", "2.1-a-b", code=1)

    assert "task 2.1-a-b not found in plan `plan.md`" in refused


@pytest.mark.torture
def test_a_killed_run_goes_on_with_the_same_tasks(steps: Repo, out: Path) -> None:
    names = ("T001", "über/drei", "9")
    wait = 'echo $PEAL_TASK >> done.txt; touch "$OUT/here"; sleep 60'
    steps.write("plan.md", _plan(*names, **{"über/drei": wait}))
    run = steps.start("run", "plan.md", "--agent", "shell")
    eventually((out / "here").exists)
    run.kill()
    run.wait()
    steps.write("plan.md", _plan(*names))

    told = steps.peal("resume").stdout

    assert steps.read("done.txt").split() == list(names)
    assert "3 of 3 tasks complete" in told


def test_a_task_that_is_called_otherwise_is_still_the_same(steps: Repo) -> None:
    """The text tells which task it is; its attempts get numbers that their new folders have not had."""
    plan = _plan("T001", "2.1", "a-b")
    steps.write("plan.md", plan)
    _run(steps, "--task", "T001,2.1")
    steps.write("plan.md", plan.replace("Step T001:", "Step 2.1.0:").replace("Step 2.1:", "Step T001:"))

    _run(steps)

    assert _started(steps) == ["T001", "2.1", "a-b"]


def test_redo_and_done_and_resume_take_names(steps: Repo) -> None:
    steps.write("plan.md", _plan("T001", "2.1", "über/drei", "T01", "9"))
    steps.peal("done", "--plan", "plan.md", "T01-9")
    _run(steps)
    assert _started(steps) == ["T001", "2.1", "über/drei"]

    assert "task 2.1, über/drei of" in steps.peal("redo", "über/drei,2.1").stdout
    steps.peal("resume")

    assert _started(steps)[3:] == ["2.1", "über/drei"]


def test_names_that_cannot_be_told_apart_are_refused(steps: Repo) -> None:
    steps.write("plan.md", _plan("a", "b", "A", "b", "c,d"))

    told = steps.peal("check", "plan.md", code=1).stdout

    assert (
        "task name `A` differs only in case from `a`, the task on line 1; give each a name of its own" in told
    )
    assert "task name `b` is the name of the task on line 7; give each a name of its own" in told
    assert "`c,d` cannot be a task's name; write one word without commas" in told


def test_a_lost_journal_keeps_the_folders_of_names(steps: Repo) -> None:
    steps.write("plan.md", _plan("über/drei", **{"über/drei": "false"}))
    _run(steps, code=1)
    memory = steps.memory()
    for name in ("journal.jsonl", "state.json"):
        (memory / name).unlink()

    _run(steps, code=1)

    folders = [path.name for path in (memory / "attempts").iterdir() if "execute" in path.name]
    assert sorted(name.rpartition("-")[2] for name in folders) == ["1", "2"]


def test_a_number_with_zeros_in_front_is_another_task(steps: Repo) -> None:
    steps.write("plan.md", _plan("7", "007"))

    _run(steps)

    names = sorted(path.name for path in (steps.memory() / "attempts").iterdir() if "execute" in path.name)
    assert len(names) == 2
    assert names[1] == "007-execute-1"
    assert steps.read("done.txt").split() == ["7", "007"]
    assert _started(steps) == ["7", "007"]


def test_what_did_not_land_is_kept_by_a_branch_of_the_name(steps: Repo) -> None:
    steps.write("plan.md", _plan("über/drei", "4.2"))
    steps.write("done.txt", "mine\n")

    told = _run(steps, code=4)

    assert "task über/drei is held" in told
    kept = steps.git("for-each-ref", "--format=%(refname)", "refs/heads/peal").split()
    assert len(kept) == 1
    assert "/über-drei-" in kept[0]
    assert "kept branch `peal/" in steps.peal("clean", "--branches", "--dry-run", code=None).stdout
    (steps.path / "done.txt").unlink()
    steps.peal("resume")
    assert steps.read("done.txt").split() == ["über/drei", "4.2"]
    assert steps.git("for-each-ref", "refs/heads/peal") == ""
