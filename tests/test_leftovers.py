"""What attempts leave behind is told, kept or cleared away, and never in the way of the next one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import PEAL, Repo, commit_plan, landed

from peal import removal
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


# What is in the way of a removal


def deep(top: Path, levels: int = 3000) -> None:
    """Folders nested deeper than a path may be long."""
    top.mkdir()
    at = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def test_a_folder_of_anything_is_removed(tmp_path: Path) -> None:
    top, outside = tmp_path / "top", tmp_path / "outside"
    outside.write_text("stays")
    top.mkdir()
    deep(top / "deep")
    (top / "link").symlink_to(outside)
    (top / "loop").symlink_to("loop")
    os.mkfifo(top / "fifo")
    (top / "not \udcff utf-8").touch()

    assert removal.remove(top) is None

    assert not top.exists()
    assert outside.read_text() == "stays"


def test_what_is_not_there_needs_no_removal(tmp_path: Path) -> None:
    assert removal.remove(tmp_path / "nothing") is None


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").touch()
    (tmp_path / "link").symlink_to("folder")

    assert removal.remove(tmp_path / "link") is None

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder/file").exists()


def removed_by_anybody(unprivileged: tuple[str, ...], top: Path) -> str:
    """What a person who is not root is told of a removal."""
    script = (
        "import sys; from pathlib import Path; from peal.removal import remove; left = remove(Path(sys.argv[1])); "
        "print(left and f'{left.why}\\n{left.command()}')"
    )
    words = [*unprivileged, PEAL[0], "-c", script, str(top)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_folders_without_permissions_are_removed_where_they_are_ours(
    tmp_path: Path, unprivileged: tuple[str, ...]
) -> None:
    top = tmp_path / "top"
    for name, mode in (("read", 0o500), ("write", 0o300), ("nothing", 0o000)):
        (top / name / "below").mkdir(parents=True)
        (top / name / "below/file").touch()
        (top / name / "below").chmod(mode)
        (top / name).chmod(mode)
    top.chmod(0o000)

    assert removed_by_anybody(unprivileged, top) == "None\n"

    assert not top.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_one_s_folder_holds_is_told_with_what_removes_it(
    tmp_path: Path, unprivileged: tuple[str, ...]
) -> None:
    top = tmp_path / "the top"
    (top / "theirs").mkdir(parents=True)
    (top / "ours").touch()
    for name in "abcde":
        (top / "theirs" / name).touch()
    os.chown(top / "theirs", 12345, 12345)

    why, command = removed_by_anybody(unprivileged, top).splitlines()

    assert why.count("Permission denied") == 3
    assert why.endswith(", 2 more")
    assert command == f"rm -rf '{top}'"
    assert [path.name for path in top.iterdir()] == ["theirs"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_what_is_mounted_inside_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/file").touch()
    (tmp_path / "top/a b").mkdir(parents=True)
    script = (
        f"mount --bind theirs 'top/a b' && {PEAL[0]} -c "
        "'from pathlib import Path; from peal.removal import remove; print(remove(Path(\"top\")).command())'"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip("nothing can be mounted here")

    assert done.stdout == "umount 'top/a b'; rm -rf top\n"
    assert (tmp_path / "theirs/file").exists()


# What an attempt leaves in its worktree


def anybody(project: Repo, unprivileged: tuple[str, ...], *words: str) -> "subprocess.CompletedProcess[str]":
    """A command of peal as a person types it who is not root."""
    return subprocess.run(
        [*unprivileged, *PEAL, *words],
        cwd=project.path,
        env=project.env,
        capture_output=True,
        text=True,
        check=False,
    )


def said_by(done: "subprocess.CompletedProcess[str]", code: int) -> str:
    """What it said; it ended with this code."""
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


RUN = ("run", "plan.md", "--agent", "shell", "--continue-with-remaining-tasks")
DEEP = (
    "python3 -c \"import os; os.mkdir('deep'); os.chdir('deep'); "
    "[(os.mkdir('d'), os.chdir('d')) for _ in range(3000)]\""
)
LEFT = {
    "read-only folders": "mkdir -p gomod/pkg; touch gomod/pkg/m; chmod -R a-w gomod",
    "folders nobody may look into": "mkdir -p a/b; touch a/b/c; chmod 000 a/b a",
    "folders nested deeper than a path may be long": DEEP,
    "a worktree nobody may look into": "chmod 000 .",
    "a fifo and a socket": "mkfifo pipe; mkdir run; mkfifo run/pipe; "
    "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('sock')\"",
    "read-only tracked folders": "mkdir x; echo 1 > x/y; chmod -R a-w x",
    "everything read-only": "mkdir x; touch x/y; chmod -R a-w .",
    "a folder in place of a file": "rm README.md; mkdir -p README.md/x; touch README.md/x/y; chmod -R a-w README.md",
}


@pytest.mark.parametrize("end", ["exit 3", "true"], ids=["fails", "passes"])
@pytest.mark.parametrize("script", LEFT.values(), ids=LEFT)
def test_whatever_an_attempt_leaves_the_next_one_starts_and_clean_cleans(
    project: Repo, unprivileged: tuple[str, ...], script: str, end: str
) -> None:
    commit_plan(project, f"{script}; {end}", "ls > two")

    anybody(project, unprivileged, *RUN)
    again = anybody(project, unprivileged, "run", "plan.md", "--agent", "shell", "--task", "2")
    cleaned = said_by(anybody(project, unprivileged, "clean"), 0)

    assert "2" in landed(project), again.stdout + again.stderr
    assert project.read("two").split() == sorted(
        ["README.md", "plan.md", "two", *_landed_by_the_first(project)]
    )
    assert "removed worktree" in cleaned
    assert said_by(anybody(project, unprivileged, "clean"), 0) == "nothing to clean\n"
    shutil.rmtree(project.path / ".peal")


def _landed_by_the_first(project: Repo) -> list[str]:
    """The files at the top that the first task has brought into the branch, if it landed."""
    listed = project.git("ls-tree", "--name-only", "HEAD").split()
    return [name for name in listed if name not in ("README.md", "plan.md", "two")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_worktree_that_cannot_be_emptied_is_moved_aside_and_named(
    project: Repo, unprivileged: tuple[str, ...]
) -> None:
    commit_plan(project, "mkdir db; touch db/data; chown -R 12345:12345 db; exit 3", "echo 2 > two")

    said = said_by(anybody(project, unprivileged, *RUN), 2)

    (aside,) = (project.path / ".peal/worktrees").glob("1.left-*")
    assert (aside / "db/data").exists()
    assert f"rm -rf '{aside}'" in said
    assert "`db/data`: Permission denied" in said
    assert landed(project) == ["2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_clean_says_what_it_could_not_remove_and_what_does(
    project: Repo, unprivileged: tuple[str, ...]
) -> None:
    commit_plan(project, "mkdir db; touch db/data; chown -R 12345:12345 db; exit 3")
    anybody(project, unprivileged, *RUN)

    said = said_by(anybody(project, unprivileged, "clean"), 1)

    slot = project.path / ".peal/worktrees/1"
    assert (
        f"`{slot}` could not be removed wholly (`db/data`: Permission denied); `rm -rf '{slot}'` removes it"
        in said
    )
    assert "removed worktree" not in said
    assert project.peal("clean").stdout == f"removed worktree `{slot}`\n"  # by root
    assert not slot.exists()
