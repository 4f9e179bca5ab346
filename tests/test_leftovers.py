"""What attempts leave behind is told, kept or cleared away, and never in the way of the next one."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from conftest import PEAL, Repo, commit_plan, landed, run_plan, sample
from stories import opened as asked

from peal.model.decision import Halt
from peal.model.work import Outcome, Result
from peal.record.events import (
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
from peal.record.history import History, fold
from peal.system import removal
from peal.views.report import report
from peal.views.status import noted_lines
from peal.views.summary import summary


@pytest.fixture(autouse=True)
def swept(tmp_path: Path) -> Iterator[None]:
    """What is left of a test that fails here is more than pytest itself can remove."""
    yield
    removal.remove(tmp_path)


# What attempts note


def noted(*notes: str, task: str = "1", attempt: int = 1) -> list[Event]:
    """An attempt that passed and noted these things."""
    return [
        StepStarted(2.0, task, "plan", attempt, "shell"),
        StepEnded(3.0, task, "plan", attempt, Outcome(Result.PASSED, notes=notes)),
    ]


def opened(resumed: bool = False) -> RunOpened:
    """A run was asked for."""
    made = asked(1.0)
    return evolve(made, resumed=resumed)


def plan(tasks: int = 3) -> PlanRead:
    """A plan of so many tasks."""
    return PlanRead(0.0, tuple(TaskRead(id_, "", id_, False, False) for id_ in map(str, range(1, tasks + 1))))


def told(history: History) -> list[str]:
    """What a report says of notes."""
    lines = report(history, Halt(0, "finished"), 1.0, lambda _: [], lambda _: "", {})
    return [line for line in lines if line.startswith("note: ")]


def test_the_report_tells_each_note_once_with_the_tasks_it_is_about() -> None:
    history = fold([plan(), opened(), *noted("a", "b"), *noted("a", task="2"), *noted("a", task="3")])

    assert told(history) == ["note: tasks 1-3: a", "note: task 1: b"]


def test_a_note_cannot_reach_the_terminal() -> None:
    assert noted_lines([("1", ("x\x1b[2Jy\nz",))]) == ["note: task 1: xy z"]


def test_the_summary_has_the_notes_of_each_task() -> None:
    history = fold([plan(2), opened(), *noted("a")])

    tasks = summary(history, Halt(0, "finished"), 0.0, 1.0, ())["tasks"]

    assert [task["notes"] for task in tasks] == [["a"], []]


def test_notes_last_through_a_resume_and_go_with_a_new_run_or_a_redo() -> None:
    events = [plan(), opened(), *noted("a")]

    assert told(fold([*events, opened(resumed=True)])) == ["note: task 1: a"]
    assert told(fold([*events, opened()])) == []
    assert told(fold([*events, TasksForgotten(4.0, ("1",), "plan", "")])) == []


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


STAYS = frozenset({"objects", "objects/info", "refs"})


@pytest.mark.parametrize(
    "left",
    [
        "echo 1 > objects/info/file; mkdir -p objects/ab/cd; echo 1 > objects/ab/cd/file",
        "rm -r objects; ln -s ../outside objects",
        "rm -r objects/info; echo 1 > objects/info",
        "mkdir -p other/objects/info; mkfifo refs/fifo",
        "chmod 500 objects/info refs",
        "echo 1 > objects/info/file; chmod 0 objects",
        "cd ..; rm -r top; ln -s outside top",
        "cd ..; rm -r top; echo 1 > top",
        "cd ..; rm -r top",
        "true",
    ],
)
def test_a_folder_is_emptied_but_for_folders_that_stay(tmp_path: Path, left: str) -> None:
    """What stands afterwards is made of those and nothing else; a link is never followed."""
    top, outside = tmp_path / "top", tmp_path / "outside"
    for name in ("top/objects/info", "top/refs", "outside/info"):
        (tmp_path / name).mkdir(parents=True)
    (outside / "info/file").touch()
    subprocess.run(["sh", "-c", left], cwd=top, check=True)

    assert removal.empty(top, STAYS) is None

    there = {str(path.relative_to(top)) for path in top.rglob("*")}
    assert there <= STAYS
    assert not top.is_symlink()
    assert all(path.is_dir() and not path.is_symlink() for path in top.rglob("*"))
    assert all(path.stat().st_mode & 0o700 == 0o700 for path in top.rglob("*"))
    assert (outside / "info/file").exists()
    assert there == STAYS or "objects" in left or "top" in left


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
        "import sys; from pathlib import Path; from peal.system.removal import remove; left = remove(Path(sys.argv[1])); "
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
        f"mount --bind theirs 'top/a b' && {shlex.quote(PEAL[0])} -c "
        "'from pathlib import Path; from peal.system.removal import remove; print(remove(Path(\"top\")).command())'"
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
    return Repo(project.path, project.env, project.started, before=unprivileged).peal(*words, code=None)


def said_by(done: "subprocess.CompletedProcess[str]", code: int) -> str:
    """What it said; it ended with this code."""
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


RUN = ("run", "plan.md", "--agent", "shell", "--continue-with-remaining-tasks")
DEEP = (
    "python3 -c \"import os; os.mkdir('deep'); os.chdir('deep'); "
    "[(os.mkdir('d' * 200), os.chdir('d' * 200)) for _ in range(22)]\""
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


ENDED = {
    f"{left}-{how}": (script, end)
    for left, script in LEFT.items()
    for how, end in (("fails", "exit 3"), ("passes", "true"))
}


@pytest.mark.parametrize(
    ("script", "end"),
    sample(
        ENDED,
        "folders nobody may look into-fails",
        "folders nested deeper than a path may be long-fails",
        "a worktree nobody may look into-passes",
        "a fifo and a socket-fails",
        "a folder in place of a file-passes",
    ),
)
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

    worktree = project.path / ".peal/worktrees/1"
    assert (
        f"`{worktree}` could not be removed wholly (`db/data`: Permission denied); `rm -rf '{worktree}'` removes it"
        in said
    )
    assert "removed worktree" not in said
    assert project.peal("clean").stdout == f"removed worktree `{worktree}`\n"  # by root
    assert not worktree.exists()


# What an attempt has made a repository of


NESTED = {
    "a worktree": "git worktree add -q -b side inner; echo precious > inner/file",
    "a repository without a commit": "mkdir inner; git init -q inner; echo precious > inner/file",
    "a repository deep inside": "mkdir -p a/inner; git init -q a/inner; echo precious > a/inner/file",
}


@pytest.mark.parametrize(
    ("script", "end"),
    sample(
        {
            f"{name}-{how}": (script, end)
            for name, script in NESTED.items()
            for how, end in (("fails", "exit 3"), ("passes", "true"))
        },
        "a worktree-fails",
        "a repository without a commit-passes",
    ),
)
def test_a_repository_inside_is_kept_beside_and_told_for_its_work_may_be_nowhere_else(
    project: Repo, script: str, end: str
) -> None:
    commit_plan(project, f"{script}; {end}", f"{script}; ls -a > two")

    said = run_plan(project, "--continue-with-remaining-tasks", code=None)

    (kept,) = (project.path / ".peal/worktrees").glob("1.kept-*")
    (file,) = kept.rglob("file")
    assert file.read_text() == "precious\n"
    assert "a repository of its own, " in said
    assert f"rm -rf '{kept}'" in said
    assert "2" in landed(project)


def test_clean_keeps_work_that_is_in_no_patch_and_says_what_removes_it(project: Repo) -> None:
    commit_plan(project, NESTED["a worktree"], "true")
    run_plan(project)
    (kept,) = (project.path / ".peal/worktrees").glob("1.kept-*")

    rehearsed = project.peal("clean", "--dry-run").stdout.splitlines()
    said = project.peal("clean").stdout.splitlines()

    assert rehearsed == [line.replace("removed", "would have removed", 1) for line in said[:-1]] + said[-1:]
    assert said[-1].startswith(f"kept `{kept}`: it holds work that is in no patch")
    assert (kept / "inner/file").exists()


def test_clean_takes_its_own_notes_and_folders_away_and_nobody_else_s(project: Repo) -> None:
    commit_plan(project, "true")
    run_plan(project, "--set", "worktree_setup=true")
    pool = project.path / ".peal/worktrees"
    for name in ("mine.git", "1.kept-by-me", "notes"):
        (pool / name).mkdir()

    project.peal("clean")

    assert sorted(path.name for path in pool.iterdir()) == ["1.kept-by-me", "mine.git", "notes"]


def test_clean_removes_worktrees_that_git_has_forgotten(project: Repo) -> None:
    commit_plan(project, "true")
    run_plan(project)
    shutil.rmtree(project.path / ".git/worktrees")

    assert "removed worktree" in project.peal("clean").stdout

    assert list((project.path / ".peal/worktrees").iterdir()) == []


def test_clean_makes_git_forget_worktrees_that_somebody_has_deleted(project: Repo) -> None:
    commit_plan(project, "true")
    run_plan(project)
    shutil.rmtree(project.path / ".peal/worktrees/1")

    project.peal("clean")

    assert project.git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_a_link_in_place_of_a_worktree_is_taken_away_and_not_what_it_leads_to(
    project: Repo, out: Path
) -> None:
    project.git("worktree", "add", "-q", "--detach", str(out / "theirs"))
    (out / "theirs/precious").touch()
    commit_plan(project, 'rm -rf "$PEAL_WORKSPACE"; ln -s "$OUT/theirs" "$PEAL_WORKSPACE"; exit 1')
    run_plan(project, code=1)

    project.peal("clean")

    assert (out / "theirs/precious").exists()
    assert project.git("worktree", "list", "--porcelain").count("worktree ") == 2


# What git ignores stays


def test_ignored_folders_that_nobody_may_write_in_stay_as_they_are(
    project: Repo, unprivileged: tuple[str, ...]
) -> None:
    project.write(".gitignore", "cache/\n")
    project.git("add", ".gitignore")
    commit_plan(
        project,
        "mkdir -p cache/pkg; echo module > cache/pkg/m; chmod -R a-w cache",
        "stat -c %a cache cache/pkg > two; cat cache/pkg/m >> two",
    )

    said_by(anybody(project, unprivileged, *RUN), 0)

    assert project.read("two").split() == ["555", "555", "module"]


def test_a_socket_that_git_ignores_stays(project: Repo) -> None:
    project.write(".gitignore", "*.pipe\n")
    project.git("add", ".gitignore")
    commit_plan(project, "mkfifo my.pipe; mkfifo other", "ls > two")

    run_plan(project)

    assert project.read("two").split() == ["README.md", "my.pipe", "plan.md", "two"]


# Files that are brought in


IN_THE_WAY = {
    "a folder": "mkdir -p conf/env/x; touch conf/env/x/y",
    "a fifo": "mkdir -p conf; mkfifo conf/env",
    "a link to elsewhere": 'mkdir -p conf; ln -s "$OUT/theirs" conf/env',
    "a read-only file in a read-only folder": "mkdir -p conf; echo x > conf/env; chmod a-w conf/env conf",
    "a file in place of its folder": "touch conf",
    "a link in place of its folder": 'ln -s "$OUT" conf',
    "a link that leads nowhere in place of its folder": "ln -s nowhere conf",
}


@pytest.mark.parametrize(
    "script",
    sample(
        IN_THE_WAY,
        "a link to elsewhere",
        "a read-only file in a read-only folder",
        "a file in place of its folder",
    ),
)
def test_what_is_in_the_way_of_a_file_to_bring_in_makes_way(
    project: Repo, out: Path, unprivileged: tuple[str, ...], script: str
) -> None:
    project.write(".gitignore", "/conf\n")
    project.git("add", ".gitignore")
    project.write("conf/env", "the person's\n")
    (out / "theirs").write_text("stays\n")
    commit_plan(project, f"rm -rf conf; {script}", "cat conf/env > two")

    said_by(anybody(project, unprivileged, *RUN, "--set", 'worktree_include=["conf/env"]'), 0)

    assert project.read("two") == "the person's\n"
    assert [path.name for path in out.iterdir()] == ["theirs"]
    assert (out / "theirs").read_text() == "stays\n"


GONE = {
    "vanished": ("rm env", "No such file or directory"),
    "a fifo": ("rm env; mkfifo env", "it is neither a file nor a link"),
    "a folder": ("rm env; mkdir env", "it is neither a file nor a link"),
    "unreadable": ("chmod 000 env", "Permission denied"),
}


@pytest.mark.parametrize(("script", "words"), sample(GONE, "vanished", "a fifo", "unreadable"))
def test_a_file_that_cannot_be_brought_in_any_more_is_told(
    project: Repo, unprivileged: tuple[str, ...], out: Path, script: str, words: str
) -> None:
    project.write(".gitignore", "/env\n")
    project.git("add", ".gitignore")
    project.write("env", "the person's\n")
    commit_plan(project, f'cd "$REPO"; {script}', "echo 2 > two")

    said = said_by(anybody(project, unprivileged, *RUN, "--set", 'worktree_include=["env"]'), 0)

    assert f"note: task 2: `worktree_include`: `env` is left out: {words}" in said


# What worktree_setup made


def test_what_worktree_setup_made_and_was_taken_away_again_is_told_once(project: Repo) -> None:
    project.write(".gitignore", "node_modules/\n")
    project.git("add", ".gitignore")
    (project.path / "node_modules").mkdir()
    commit_plan(project, "(parallel) true", "(parallel) true", "true")
    made = "ln -s ../../../node_modules node_modules; echo >> README.md; mkdir empty"

    said = run_plan(project, "--set", f"worktree_setup=sh -c '{made}'")

    made = (
        "`worktree_setup` made `node_modules`, which git does not ignore, so it was taken away again: name it in "
        "`.gitignore` or `.git/info/exclude`; a line that ends in `/` does not match a link"
    )
    notes = [line for line in said.splitlines() if line.startswith("note: ")]
    assert f"note: tasks 1-2: {made}" in notes
    assert any("`worktree_setup` changed `README.md`, and that was taken back" in note for note in notes)
    assert len(notes) == 2
    assert said.count(made) == 2  # as it happened, and in the report
    assert made in project.peal("status").stdout
    assert made in project.peal("logs", "1", "plan").stdout
    summary = json.loads((project.memory() / "run_summary.json").read_text())
    assert [len(task["notes"]) for task in summary["tasks"]] == [2, 2, 0]


def test_the_prompts_that_follow_tell_what_was_noted(project: Repo, out: Path) -> None:
    commit_plan(project, "true")
    agent = 'cat > "$OUT/$PEAL_PHASE"; echo a plan that is long enough to be one'
    project.write(
        "peal.toml",
        f"worktree_setup = \"touch made\"\n[agents.mine]\ncommand = [\"sh\", \"-c\", '''{agent}''']\n",
    )

    project.peal("run", "plan.md", "--agent", "mine", code=None)

    assert "`worktree_setup` made `made`" in (out / "execute").read_text()


def test_worktree_setup_that_makes_nothing_of_that_kind_is_not_told_of(project: Repo) -> None:
    project.write(".gitignore", "node_modules\n")
    project.git("add", ".gitignore")
    project.write("env", "x")
    commit_plan(project, "true")
    setup = "worktree_setup=sh -c 'mkdir node_modules; touch node_modules/x'"

    said = run_plan(project, "--set", setup, "--set", 'worktree_include=["env"]')

    assert "note:" not in said


# `.peal` as a link


@pytest.fixture
def linked(project: Repo, tmp_path: Path) -> Repo:
    """A repository whose `.peal` is a link to another disk."""
    (tmp_path / "big disk").mkdir()
    (project.path / ".peal").symlink_to(tmp_path / "big disk")
    return project


def test_peal_s_folder_may_be_a_link(linked: Repo) -> None:
    commit_plan(linked, "(parallel) echo 1 > one", "(parallel) exit 3", "echo 3 > three")

    said = run_plan(linked, code=1)
    linked.write("plan.md", linked.read("plan.md").replace("exit 3", "echo 2 > two"))
    resumed = linked.peal("resume", code=None)

    assert "agents do not see" not in said
    assert (
        "`.peal` is a link, which git shows as untracked; a line `/.peal` in `.git/info/exclude` hides it"
        in said
    )
    assert "is a link" not in resumed.stdout
    assert landed(linked) == ["1", "2", "3"]
    assert "3 done" in linked.peal("status").stdout
    assert linked.peal("clean", "--dry-run").stdout.count("would have removed worktree") == 2
    assert linked.peal("clean").stdout.count("removed worktree") == 2
    assert linked.git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_the_pool_may_be_a_link_and_the_repository_be_reached_by_one(project: Repo, tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    (project.path / ".peal").mkdir()
    (project.path / ".peal/worktrees").symlink_to(tmp_path / "big disk")
    (tmp_path / "way").symlink_to(project.path)
    commit_plan(project, "echo 1 > one")
    by_link = Repo(tmp_path / "way", project.env)

    run_plan(by_link)

    assert landed(project) == ["1"]
    assert by_link.peal("clean").stdout.count("removed worktree") == 1
    assert (project.path / ".peal/worktrees").is_symlink()


@pytest.mark.parametrize("is_linked", [True, False])
def test_two_repositories_do_not_share_a_folder(project: Repo, tmp_path: Path, is_linked: bool) -> None:
    """Plans of the same name would be taken for one, and each would remove the other's worktrees."""
    other = Repo(tmp_path / "other", project.env)
    commit_plan(project, "echo 1 > one")
    project.git("clone", "-q", str(project.path), str(other.path))
    home = tmp_path / "big disk" if is_linked else project.path / ".peal"
    home.mkdir()
    for repo in (project, other) if is_linked else (other,):
        (repo.path / ".peal").symlink_to(home)
    run_plan(project)

    said = run_plan(other, code=1)

    assert (
        f"leads to where `{project.path}` keeps its memory; give each repository a folder of its own" in said
    )
    project.path.rename(tmp_path / "moved")
    run_plan(Repo(tmp_path / "moved", project.env))


OBSTRUCTED = {
    "a link that leads nowhere": (
        "ln -s nowhere .peal",
        "`.peal` is a link to `nowhere`, and there is no folder",
    ),
    "a link in a circle": ("ln -s .peal .peal", "`.peal` is a link to `.peal`, and there is no folder"),
    "a file": ("touch .peal", "`.peal` is no folder"),
    "a link for worktrees that leads nowhere": (
        "mkdir .peal; ln -s nowhere .peal/worktrees",
        "is a link to `nowhere`",
    ),
}


@pytest.mark.parametrize(
    "words", [("run", "plan.md", "--agent", "shell"), ("clean",), ("status",), ("resume",)]
)
@pytest.mark.parametrize(("script", "told"), OBSTRUCTED.values(), ids=OBSTRUCTED)
def test_what_is_where_peal_s_folder_belongs_is_told_with_the_way_out(
    project: Repo, script: str, told: str, words: tuple[str, ...]
) -> None:
    commit_plan(project, "true")
    subprocess.run(["sh", "-c", script], cwd=project.path, check=True)

    said = project.peal(*words, code=1).stderr.replace(f"{project.path}/", "")

    assert told in said


# Temporary folders


def test_what_is_left_in_a_temporary_folder_ends_no_run(project: Repo, unprivileged: tuple[str, ...]) -> None:
    commit_plan(
        project, f"cd $TMPDIR; {DEEP}; mkdir ro; touch ro/x; chmod a-w ro", "ls -d /tmp/peal-$PEAL_RUN_ID/*"
    )

    said_by(anybody(project, unprivileged, *RUN), 0)

    run = json.loads((project.memory() / "run_summary.json").read_text())["run"]
    assert not Path(f"/tmp/peal-{run}").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_temporary_folder_that_cannot_be_removed_is_told(
    project: Repo, unprivileged: tuple[str, ...]
) -> None:
    commit_plan(project, "mkdir $TMPDIR/db; touch $TMPDIR/db/data; chown -R 12345:12345 $TMPDIR/db")

    said = said_by(anybody(project, unprivileged, *RUN), 0)

    run = json.loads((project.memory() / "run_summary.json").read_text())["run"]
    assert f"`rm -rf /tmp/peal-{run}` removes it" in said
    shutil.rmtree(f"/tmp/peal-{run}")
