"""`peal doctor`: each fault is made by real means, found, mended where it can be, and put back by `--restore`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import (
    WAIT,
    Repo,
    carriers,
    commit_plan,
    ended,
    eventually,
    is_running,
    landed,
    later,
    run_plan,
    shell_plan,
    start_plan,
    untouched,
)
from test_land_whole import killed as killed_in_a_landing

FIELDS = {"code", "severity", "found", "where", "by_hand", "can_be_mended", "is_mended"}


def examined(repo: Repo, *words: str, code: int | None = None, **more: str) -> list[dict[str, Any]]:
    """What `peal doctor --json` finds."""
    found: list[dict[str, Any]] = json.loads(repo.peal("doctor", "--json", *words, code=code, **more).stdout)
    assert all(finding.keys() == FIELDS for finding in found)
    return found


def codes(repo: Repo, *words: str, code: int | None = None, **more: str) -> list[str]:
    """The codes of what is found, in the order in which it is told."""
    return [finding["code"] for finding in examined(repo, *words, code=code, **more)]


def only(repo: Repo, code: str, **more: str) -> dict[str, Any]:
    """What is found, if that is this one thing."""
    found = examined(repo, **more)
    assert [finding["code"] for finding in found] == [code]
    assert found[0]["by_hand"]
    return found[0]


def fixed(repo: Repo, code: str | None, exit_code: int = 0, left: tuple[str, ...] = ()) -> str:
    """Have the one thing mended; what `--restore` calls the backup, empty if there is none. `left` is found then."""
    said = repo.peal("doctor", "--fix", code=exit_code).stdout
    if code:
        assert f"mended {code}: " in said
    assert codes(repo) == list(left), said
    return said.partition("--restore ")[2].partition("`")[0]


def restored(repo: Repo, name: str) -> str:
    """What putting a backup back says."""
    return repo.peal("doctor", "--restore", name).stdout


def state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a folder: when it was written and what it holds."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.fixture
def shelled(project: Repo) -> Repo:
    """The project with an agent that is always here."""
    project.env["PEAL_AGENT"] = "shell"
    return project


@pytest.fixture(scope="module")
def half_done(templates: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository after a run of two tasks, of which one has landed and the other has failed; to be copied."""
    folder = tmp_path_factory.mktemp("half")
    made = Repo(folder / "repo", {**untouched(), "PEAL_AGENT": "shell", "OUT": str(folder)})
    shutil.copytree(templates["committed"], made.path, ignore=shutil.ignore_patterns("hooks"))
    commit_plan(made, "echo 1 > one", 'echo 2 > two; [ -e "$OUT/go" ]')
    run_plan(made, code=1)
    return made.path


@pytest.fixture
def half(shelled: Repo, out: Path, half_done: Path) -> Repo:
    """A copy of that; the task that has failed passes once `$OUT/go` is there."""
    shutil.rmtree(shelled.path)
    shutil.copytree(half_done, shelled.path)
    before, now = (os.fsencode(path) for path in (half_done, shelled.path))
    for path in (*shelled.path.glob(".git/worktrees/*/gitdir"), *shelled.path.glob(".peal/worktrees/*/.git")):
        path.write_bytes(path.read_bytes().replace(before, now))  # git knows worktrees by their whole path
    shelled.git("update-index", "--refresh")
    return shelled


def goes_on(repo: Repo, *tasks: str) -> None:
    """The run that was cut short comes to its end, with each task landed once."""
    (repo.path.parent / "out/go").touch()
    repo.peal("resume")
    assert landed(repo) == list(tasks or ("1", "2"))
    assert codes(repo) == []


def killed(repo: Repo) -> None:
    """A run was killed with its first task landed and its second at work."""
    commit_plan(repo, "echo 1 > one", f"echo 2 > two; {WAIT}")
    process = start_plan(repo)
    eventually((repo.path.parent / "out/begun-2").exists)
    process.kill()
    process.wait()
    (run,) = (event["run"] for event in repo.recorded("RunOpened"))
    eventually(lambda: not carriers("PEAL_RUN_ID", run))


# Silence


def finished(repo: Repo) -> None:
    """A run came to its end."""
    commit_plan(repo, "echo 1 > one", "echo 2 > two")
    run_plan(repo)


def failed(repo: Repo) -> None:
    """A run had a task that failed."""
    commit_plan(repo, "echo 1 > one", "echo 2 > two; false")
    run_plan(repo, code=1)


def held(repo: Repo) -> None:
    """A task waits for the person to make way."""
    commit_plan(repo, "echo 1 > one", "echo 2 > two")
    repo.write("two", "mine\n")
    run_plan(repo, code=4)


def stopped(repo: Repo) -> None:
    """A run was stopped in the middle of a task."""
    commit_plan(repo, "echo 1 > one", f"echo 2 > two; {WAIT}")
    process = start_plan(repo)
    eventually((repo.path.parent / "out/begun-2").exists)
    process.send_signal(signal.SIGINT)
    ended(process, 130)


def killed_and_resumed(repo: Repo) -> None:
    """A run was killed, and went on."""
    killed(repo)
    (repo.path.parent / "out/go").touch()
    repo.peal("resume")


def in_a_linked_worktree(repo: Repo) -> None:
    """Beside another checkout with a plan of its own, unfinished."""
    commit_plan(repo, "echo 1 > one", "false")
    repo.git("worktree", "add", "-q", "-b", "other", "../other")
    run_plan(repo, code=1)
    repo.path = repo.path.parent / "other"
    run_plan(repo, code=1)


def with_a_link(repo: Repo) -> None:
    """peal's memory lies on another disk."""
    (repo.path.parent / "disk").mkdir()
    (repo.path / ".peal").symlink_to(repo.path.parent / "disk")
    finished(repo)


def with_a_submodule(repo: Repo) -> None:
    """A task has worked beside a submodule."""
    library = Repo(repo.path.parent / "library", repo.env)
    shutil.copytree(repo.path, library.path)
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.path), "lib")
    repo.git("commit", "-qm", "a submodule")
    finished(repo)


def in_one_tree(repo: Repo) -> None:
    """Tasks work in the person's own tree, by a flag."""
    repo.write("plan.md", shell_plan("touch one", "false"))
    repo.peal("run", "plan.md", "--no-commit", code=1)


def with_flags(repo: Repo) -> None:
    """No setting names an agent, and none is installed: the person names one at each run."""
    del repo.env["PEAL_AGENT"]
    commit_plan(repo, "echo 1 > one", "false")
    run_plan(repo, code=1)


def with_branches(repo: Repo) -> None:
    """A task's commit waits on peal's branch for a review that passes."""
    repo.write("peal.toml", "[[reviewers]]\nname = 'no'\ncommand = 'false'\n")
    repo.git("add", ".")
    commit_plan(repo, "echo 1 > one")
    run_plan(repo, code=1)
    assert repo.git("for-each-ref", "refs/heads/peal/")


@pytest.mark.parametrize(
    "situation",
    [
        lambda _: None, killed_and_resumed, in_a_linked_worktree, with_a_submodule,
        *later(held, stopped, with_branches, finished, failed, with_a_link, in_one_tree, with_flags),
    ],
)  # fmt: skip
def test_a_healthy_repository_gives_no_finding_and_is_not_touched(
    shelled: Repo, out: Path, situation: Any, clis: Any
) -> None:
    clis()
    situation(shelled)
    before = state_of(shelled.path)

    told, found = shelled.peal("doctor"), examined(shelled)

    assert (told.stdout.count("\n"), told.stdout.partition(":")[0], found) == (1, "healthy", [])
    assert state_of(shelled.path) == before


def test_a_live_run_gives_no_finding_and_is_never_touched(shelled: Repo, out: Path) -> None:
    commit_plan(shelled, "echo 1 > one", f"echo 2 > two; {WAIT}")
    process = start_plan(shelled)
    eventually((out / "begun-2").exists)

    found = codes(shelled)
    refused = shelled.peal("doctor", "--fix", code=5), shelled.peal("doctor", "--restore", "x", code=5)

    assert found == []
    assert all("another peal is at work" in one.stderr for one in refused)
    (out / "go").touch()
    ended(process, 0)


# Memory


def test_a_torn_end_of_a_journal_is_cut_off(half: Repo) -> None:
    journal = half.memory() / "journal.jsonl"
    whole = journal.read_bytes()
    with journal.open("ab") as file:
        file.write(whole.splitlines(keepends=True)[-1][:40])

    found = only(half, "JOURNAL_TORN")
    torn = journal.read_bytes()
    name = fixed(half, "JOURNAL_TORN")

    assert "40 bytes" in found["found"]
    assert found["where"] == str(journal.relative_to(half.path))
    assert journal.read_bytes() == whole
    assert f"put back `{found['where']}`" in restored(half, name)
    assert journal.read_bytes() == torn
    fixed(half, "JOURNAL_TORN")
    goes_on(half)


def test_a_damaged_journal_makes_way_for_state_json(half: Repo) -> None:
    journal = half.memory() / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], lines[3].replace(b"a", b"b"), *lines[4:]]))
    damaged = journal.read_bytes()

    refused = half.peal("resume", code=1).stderr
    found = only(half, "JOURNAL_CORRUPT")
    name = fixed(half, "JOURNAL_CORRUPT", left=("STATE_JOURNAL_MISMATCH",))

    assert "line 4 is damaged" in refused
    assert (found["severity"], found["found"].endswith("line 4 is damaged")) == ("error", True)
    assert codes(half, code=0) == ["STATE_JOURNAL_MISMATCH"]
    restored(half, name)
    assert journal.read_bytes() == damaged
    fixed(half, "JOURNAL_CORRUPT", left=("STATE_JOURNAL_MISMATCH",))
    goes_on(half)


def test_a_journal_of_a_newer_peal_is_left_alone(half: Repo) -> None:
    from peal.record import journal as journals

    journal = half.memory() / "journal.jsonl"
    body = journal.read_bytes().splitlines()[0][journals._BODY_AT :].replace(b'"v":1', b'"v":2')
    with journal.open("ab") as file:
        file.write(b'{"crc":"%08x",%s\n' % (journals.zlib.crc32(body), body))
    before = journal.read_bytes()

    found = only(half, "JOURNAL_CORRUPT")
    half.peal("doctor", "--fix", code=1)

    assert "written by a newer peal" in found["found"]
    assert not found["can_be_mended"]
    assert journal.read_bytes() == before


def test_a_state_json_that_cannot_be_understood_is_made_again(half: Repo) -> None:
    state = half.memory() / "state.json"
    state.write_bytes(state.read_bytes()[:100])

    only(half, "STATE_CORRUPT")
    name = fixed(half, "STATE_CORRUPT")

    assert json.loads(state.read_text())["completed_task_indices"] == [1]
    restored(half, name)
    assert len(state.read_bytes()) == 100
    fixed(half, "STATE_CORRUPT")
    goes_on(half)


@pytest.mark.parametrize("how", ["missing", *later("more"), "longer", *later("older")])
def test_a_state_json_that_does_not_fit_the_journal_is_made_to(half: Repo, how: str) -> None:
    state = half.memory() / "state.json"
    told = json.loads(state.read_text())
    if how == "missing":
        state.unlink()
    elif how == "more":
        state.write_text(json.dumps({**told, "completed_task_indices": [1, 2]}))
    else:
        offset = 0.5 if how == "older" else 2
        state.write_text(json.dumps({**told, "journal_offset": int(told["journal_offset"] * offset)}))

    only(half, "STATE_JOURNAL_MISMATCH")
    fixed(half, "STATE_JOURNAL_MISMATCH")

    assert json.loads(state.read_text())["completed_task_indices"] == [1]
    goes_on(half)


def test_what_a_person_has_taken_out_of_state_json_is_no_fault(half: Repo) -> None:
    state = half.memory() / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "completed_task_indices": []}))

    assert codes(half) == []


def test_a_memory_that_nobody_may_write_in_is_told(half: Repo, unprivileged: tuple[str, ...]) -> None:
    half.before = unprivileged
    (half.path / ".peal").chmod(0o500)

    found = only(half, "MEMORY_UNUSABLE")
    (half.path / ".peal").chmod(0o755)
    (half.memory() / "journal.jsonl").chmod(0)
    unreadable = only(half, "MEMORY_UNUSABLE")

    assert "cannot be written" in found["found"]
    assert "cannot be read: Permission denied" in unreadable["found"]
    subprocess.run(["sh", "-c", unreadable["by_hand"].strip("`")], cwd=half.path, check=True)
    half.before = ()
    goes_on(half)


def test_a_link_that_leads_nowhere_is_told(half: Repo) -> None:
    (half.path / ".peal").rename(half.path.parent / "disk")
    (half.path / ".peal").symlink_to("nowhere")

    found = [one for one in examined(half, code=1) if one["code"] == "MEMORY_UNUSABLE"]

    assert "is a link to `nowhere`" in found[0]["found"]


# What dead runs have left

LATE = ("STATE_JOURNAL_MISMATCH",)
"""state.json is not written at each event, so a kill may leave it behind, or not."""


def test_what_a_killed_run_has_left_is_cleared_up(shelled: Repo, out: Path) -> None:
    killed(shelled)

    found = codes(shelled, code=0)
    said = shelled.peal("doctor", "--fix").stdout

    assert {*found, *LATE} == {"STALE_LOCK", "STUCK_WORKTREE", *LATE}
    assert "mended STALE_LOCK: the lock is free" in said
    assert not (shelled.path / ".peal/owner.json").exists()
    (patch,) = shelled.path.glob(".peal/*/attempts/*/changes.patch")
    assert "+2" in patch.read_text()
    assert codes(shelled) == []
    told = restored(shelled, said.partition("--restore ")[2].partition("`")[0])
    assert "it named a run that is dead" in told
    assert "STUCK_WORKTREE" in codes(shelled)
    goes_on(shelled)


def test_processes_of_a_dead_run_are_ended(shelled: Repo, out: Path) -> None:
    commit_plan(shelled, "echo 1 > one", f"echo 2 > two; {WAIT}")
    process = shelled.start("run", "plan.md", cold=True)
    eventually((out / "begun-2").exists)
    (run,) = (event["run"] for event in shelled.recorded("RunOpened"))
    for reaper in subprocess.run(
        ["pgrep", "-f", f"reaper.py {run} "], capture_output=True, text=True, check=True
    ).stdout.split():
        os.kill(int(reaper), signal.SIGKILL)
        eventually(lambda reaper=reaper: not is_running(reaper))
    process.kill()
    process.wait()
    strays = carriers("PEAL_RUN_ID", run)

    found = {one["code"]: one for one in examined(shelled)}
    fixed(shelled, None)

    assert strays
    assert found["ORPHAN_PROCESSES"]["can_be_mended"]
    assert str(strays[0]) in found["ORPHAN_PROCESSES"]["by_hand"]
    assert carriers("PEAL_RUN_ID", run) == []
    goes_on(shelled)


def test_a_lock_of_a_git_that_is_dead_is_removed(half: Repo) -> None:
    lock = half.path / ".git/index.lock"
    lock.write_text("theirs")
    assert codes(half) == [], "a git may be at work"
    os.utime(lock, (time.time() - 60,) * 2)

    only(half, "STALE_LOCK")
    name = fixed(half, "STALE_LOCK")

    assert not lock.exists()
    restored(half, name)
    assert lock.read_text() == "theirs"
    lock.unlink()
    goes_on(half)


def test_a_landing_that_was_cut_off_is_taken_back(shelled: Repo, out: Path) -> None:
    killed_in_a_landing(shelled, out, "echo new > bbb")

    found = codes(shelled)
    said = shelled.peal("doctor", "--fix", code=None).stdout

    assert "LANDING_CUT_OFF" in found
    assert "mended LANDING_CUT_OFF: a landing was cut off; put back as they were: `aaa`, `bbb`" in said
    assert shelled.read("aaa") == "old\n"
    assert codes(shelled) == []
    shelled.peal("resume")
    assert landed(shelled) == ["1"]


# Plans


def test_a_plan_that_was_moved_takes_its_memory_along(half: Repo) -> None:
    half.git("mv", "plan.md", "done.md")

    found = only(half, "PLAN_MOVED")
    name = fixed(half, "PLAN_MOVED")

    assert found["by_hand"] == "`peal run done.md` goes on with it"
    assert "done.md" in half.peal("runs").stdout
    restored(half, name)
    assert codes(half) == ["PLAN_MOVED"]
    fixed(half, "PLAN_MOVED")
    goes_on(half)


def test_a_plan_that_is_gone_or_cannot_be_read_is_told(half: Repo, unprivileged: tuple[str, ...]) -> None:
    plan = half.path / "plan.md"
    text = plan.read_bytes()
    plan.unlink()
    gone = only(half, "PLAN_UNREADABLE")
    plan.write_bytes(b"\xff\xfe\0")
    garbled = only(half, "PLAN_UNREADABLE")
    plan.write_bytes(text.replace(b"## Task 2", b"## Task 1"))
    wrong = only(half, "PLAN_UNREADABLE")
    plan.write_bytes(text)
    plan.chmod(0)
    half.before = unprivileged
    forbidden = only(half, "PLAN_UNREADABLE")
    half.before = ()
    plan.chmod(0o644)

    assert "no file here has its tasks" in gone["found"]
    assert "plan `plan.md`" in garbled["found"]
    assert "appears twice" in wrong["found"]
    assert "Permission denied" in forbidden["found"]
    goes_on(half)


def test_what_to_type_is_told_for_where_the_person_is(half: Repo) -> None:
    half.write("sub/plan.txt", half.read("plan.md"))
    half.write("plan.md", half.read("plan.md").replace("echo 2 > two", "echo more > two"))
    half.path = half.path / "sub"

    assert "`peal check ../plan.md`" in only(half, "PLAN_CHANGED_SINCE_RUN")["by_hand"]


def test_a_plan_that_was_changed_is_told_and_ticks_are_no_change(half: Repo) -> None:
    text = half.read("plan.md")
    half.write("plan.md", text.replace("echo 2 > two", "echo more > two"))

    found = only(half, "PLAN_CHANGED_SINCE_RUN")

    assert (found["severity"], found["can_be_mended"]) == ("info", False)
    assert "1 task new or rewritten, 1 gone" in found["found"]
    half.write("plan.md", text.replace("## Task 1:", "## [x] Task 1:"))
    assert codes(half) == []


def test_what_was_finished_may_change_and_go(shelled: Repo) -> None:
    finished(shelled)
    shelled.git("rm", "-q", "plan.md")

    assert codes(shelled) == []


# Worktrees


def worktree(repo: Repo) -> Path:
    """The one that tasks work in."""
    return repo.path / ".peal/worktrees/1"


def test_a_worktree_whose_folder_is_gone_is_forgotten(half: Repo) -> None:
    worktree(half).rename(half.path.parent / "elsewhere")

    only(half, "ORPHAN_WORKTREE")
    fixed(half, "ORPHAN_WORKTREE")

    assert half.git("worktree", "list").count("\n") == 1
    goes_on(half)


def test_a_worktree_that_git_has_forgotten_is_removed_and_its_changes_kept(half: Repo) -> None:
    shutil.rmtree(half.path / ".git/worktrees/1")
    (worktree(half) / "README.md").write_text("changed\n")

    only(half, "ORPHAN_WORKTREE")
    name = fixed(half, "ORPHAN_WORKTREE")

    assert not worktree(half).exists()
    told = restored(half, name)
    half.git("apply", told.partition("git apply ")[2].partition("`")[0].strip("'"))
    assert half.read("README.md") == "changed\n"
    half.git("checkout", "README.md")
    (half.path / "two").unlink()
    goes_on(half)


def test_a_worktree_with_work_that_is_nowhere_else_is_told_until_a_person_has_seen_to_it(
    shelled: Repo, out: Path
) -> None:
    killed(shelled)
    shutil.rmtree(shelled.path / ".git/worktrees/1")

    found = codes(shelled)
    fixed(shelled, "STUCK_WORKTREE", left=("ORPHAN_WORKTREE",))

    (left,) = examined(shelled)
    assert {*found, *LATE} == {"STALE_LOCK", "STUCK_WORKTREE", "ORPHAN_WORKTREE", *LATE}
    assert "holds work that is in no patch" in left["found"]
    kept = shelled.path / left["where"]
    assert (kept / "two").read_text() == "2\n"
    shutil.rmtree(kept)
    goes_on(shelled)


# Branches


def test_a_commit_that_no_branch_keeps_gets_one(shelled: Repo, out: Path) -> None:
    with_branches(shelled)
    ref = shelled.git("for-each-ref", "--format=%(refname)", "refs/heads/peal/").strip()
    commit = shelled.git("rev-parse", ref)
    shelled.git("update-ref", "-d", ref)

    found = only(shelled, "UNLANDED_BRANCH")
    fixed(shelled, "UNLANDED_BRANCH")

    assert f"no branch keeps its commit {commit[:10]}" in found["found"]
    assert shelled.git("rev-parse", ref) == commit
    shelled.write("peal.toml", "")
    shelled.git("commit", "-qam", "no reviewer")
    shelled.peal("resume")
    assert landed(shelled) == ["1"]


def test_a_branch_that_no_task_waits_for_is_told(shelled: Repo, out: Path) -> None:
    with_branches(shelled)
    shelled.write("peal.toml", "")
    shelled.git("commit", "-qam", "no reviewer")
    run_plan(shelled, "--fresh")

    found = only(shelled, "UNLANDED_BRANCH")

    assert not found["can_be_mended"]
    command = found["by_hand"].rpartition("`git branch")[2].partition("`")[0]
    shelled.git("branch", *command.split())
    assert codes(shelled) == []


KILLING_GIT = """\
#!/bin/sh
case "$*" in *" merge --ff-only"*) {git} "$@"; kill -9 $PEAL_GIT_OF; exit 0; esac
exec {git} "$@"
"""


def test_what_has_landed_and_is_not_recorded_counts_as_done(shelled: Repo, out: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    git = tmp_path / "bin/git"
    git.write_text(KILLING_GIT.format(git=shutil.which("git")))
    git.chmod(0o755)
    commit_plan(shelled, "echo 1 > one", "echo 2 > two")
    path = f"{git.parent}{os.pathsep}{shelled.env['PATH']}"
    shelled.peal("run", "plan.md", code=-9, PATH=path)

    found = {one["code"]: one for one in examined(shelled)}
    branch = shelled.git("for-each-ref", "refs/heads/peal/")
    name = fixed(shelled, "LANDED_BUT_UNRECORDED")

    assert "task 1 has landed in `main`" in found["LANDED_BUT_UNRECORDED"]["found"]
    assert json.loads((shelled.memory() / "state.json").read_text())["completed_task_indices"] == [1]
    assert (bool(branch), shelled.git("for-each-ref", "refs/heads/peal/")) == (True, "")
    restored(shelled, name)
    assert shelled.git("for-each-ref", "refs/heads/peal/") == branch
    assert "LANDED_BUT_UNRECORDED" in codes(shelled)
    fixed(shelled, "LANDED_BUT_UNRECORDED")
    goes_on(shelled)


def test_what_has_landed_and_is_not_remembered_is_told(half: Repo) -> None:
    half.git("clean", "-ffdxq")

    found = examined(half)
    fixed(half, "ORPHAN_WORKTREE", left=("LANDED_BUT_UNRECORDED",))

    assert [one["code"] for one in found] == ["ORPHAN_WORKTREE", "LANDED_BUT_UNRECORDED"]
    assert found[1]["severity"] == "info", "as in a clone"
    assert found[1]["by_hand"] in half.peal("run", "plan.md", code=1).stderr
    half.peal("done", "1", "--plan", "plan.md")
    assert codes(half) == []


def test_what_is_recorded_and_was_taken_out_of_the_branch_is_told(half: Repo) -> None:
    half.git("reset", "-q", "--hard", "HEAD^")

    found = only(half, "RECORDED_BUT_NOT_LANDED")

    assert "task 1 is complete, but what it landed is not in `main`" in found["found"]
    half.peal("redo", "1")
    assert codes(half) == []
    goes_on(half)


def test_a_plan_that_lands_in_another_branch_is_told(half: Repo) -> None:
    half.git("switch", "-q", "-c", "other", "HEAD~1")

    found = only(half, "BRANCH_SWITCHED")

    assert (found["severity"], "this plan lands in `main`" in found["found"]) == ("info", True)
    half.git("switch", "-q", "main")
    goes_on(half)


# Settings and programs


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        *later(("max_paralel = 3", "`max_paralel` is no key")),
        ("what is this", "is no TOML"),
        ("isolation = 'worktree'\ncommit = false", "needs `commit`"),
        ("worktree_include = ['no-such']", "there is no `no-such`"),
        *later(("prompts = 'no-such'", "no-such")),
    ],
)
def test_settings_that_cannot_be_used_are_told(shelled: Repo, toml: str, said: str) -> None:
    shelled.write("peal.toml", toml)
    shelled.write("plan.md", shell_plan("true"))

    found = only(shelled, "SETTINGS_INVALID")

    assert said in found["found"]
    assert found["found"] in shelled.peal("run", "plan.md", code=1).stderr
    (shelled.path / "peal.toml").unlink()
    assert codes(shelled) == []


@pytest.mark.parametrize(
    ("toml", "code"),
    [
        ("agent = 'codex'", "AGENT_MISSING"),
        ("agent = 'auto'", "AGENT_MISSING"),
        *later(("agent = 'mine'", "AGENT_MISSING")),
        ("agent = 'mine'\n[agents.mine]\ncommand = ['./no-such']", "AGENT_MISSING"),
        ("max_cost = 1.0\nagent = 'mine'\n[agents.mine]\ncommand = ['true']", "AGENT_MISSING"),
        ("[phases.execute]\nagent = 'codex'", "AGENT_MISSING"),
        ("[[reviewers]]\nname = 'a'\nagent = 'codex'", "AGENT_MISSING"),
        ("[[reviewers]]\nname = 'a'\ncommand = 'no-such'", "REVIEWER_MISSING"),
        ("stet = 'on'", "REVIEWER_MISSING"),
    ],
)
def test_who_is_not_here_is_told(shelled: Repo, clis: Any, toml: str, code: str) -> None:
    clis("claude")
    (shelled.path.parent / "bin/claude").unlink()
    if toml.startswith(("agent", "max_cost")):
        del shelled.env["PEAL_AGENT"]
    shelled.write("peal.toml", toml)
    shelled.write("plan.md", shell_plan("true"))

    found = only(shelled, code)

    assert found["severity"] == "error"
    assert found["found"] in shelled.peal("run", "plan.md", code=1).stderr


def test_a_version_that_peal_was_not_tried_with_is_told(shelled: Repo, clis: Any) -> None:
    clis("claude")
    shelled.env["PEAL_AGENT"] = "claude"
    program = shelled.path.parent / "bin/claude"

    found = [one for one in examined(shelled) if one["code"] == "AGENT_UNKNOWN_VERSION"]
    program.write_text("#!/bin/sh\nexit 3\n")
    broken = only(shelled, "AGENT_UNKNOWN_VERSION")

    assert {one["severity"] for one in found} <= {"info"}
    assert (broken["severity"], "ends with status 3" in broken["found"]) == ("error", True)


# git


def test_a_git_that_is_too_old_is_told(shelled: Repo, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    old = tmp_path / "bin/git"
    old.write_text(
        f'#!/bin/sh\ncase "$*" in *" version") echo git version 2.17.1;; *) exec {shutil.which("git")} "$@";; esac\n'
    )
    old.chmod(0o755)

    found = only(shelled, "GIT_TOO_OLD", PATH=f"{old.parent}{os.pathsep}{shelled.env['PATH']}")

    assert found["found"] == "git 2.17.1 is older than 2.36, which peal needs"
    assert codes(shelled) == []


def test_a_git_that_does_not_know_who_commits_is_told(shelled: Repo) -> None:
    shelled.git("config", "--unset", "user.name")
    shelled.git("config", "user.useConfigOnly", "true")

    only(shelled, "GIT_IDENTITY_MISSING")

    assert codes(shelled, PEAL_COMMIT="false") == []


@pytest.mark.parametrize("key", ["core.bare true", *later("core.worktree /nowhere")])
def test_settings_of_git_that_are_damaged_are_healed(half: Repo, key: str) -> None:
    half.git("config", *key.split())
    damaged = half.read(".git/config")

    found = only(half, "GIT_CONFIG_DAMAGED")
    name = fixed(half, "GIT_CONFIG_DAMAGED")

    assert (found["severity"], found["where"]) == ("error", ".git/config")
    config = half.read(".git/config")
    (half.path / ".git/config").write_text(config.replace("bare = false", "bare = false"))
    restored(half, name)
    assert half.read(".git/config") == damaged
    fixed(half, "GIT_CONFIG_DAMAGED")
    goes_on(half)


def test_a_damaged_index_is_told_with_what_heals_it(half: Repo) -> None:
    (half.path / ".git/index").write_bytes(b"garbage")

    found = [one for one in examined(half, code=1) if one["code"] == "GIT_CONFIG_DAMAGED"]

    assert "index` is damaged" in found[0]["found"]


@pytest.mark.parametrize("begun", ["merge", *later("rebase"), "cherry-pick"])
def test_a_repository_in_the_midst_of_something_is_told(shelled: Repo, begun: str) -> None:
    for branch in ("other", "main"):
        shelled.git("switch", "-q", *(["-c"] if branch == "other" else []), branch)
        shelled.write("README.md", branch)
        shelled.git("commit", "-qam", branch)
    with pytest.raises(subprocess.CalledProcessError):
        shelled.git(begun, "other")

    found = [one for one in examined(shelled, code=1) if one["code"] == "REPOSITORY_BUSY"]

    assert f"a {begun} is under way" in found[0]["found"]
    shelled.git(begun, "--abort")
    assert codes(shelled) == []


@pytest.mark.parametrize("words", ["switch -q --detach", "branch peal"])
def test_a_branch_that_nothing_can_land_in_is_told(shelled: Repo, words: str) -> None:
    shelled.git(*words.split())

    only(shelled, "BRANCH_UNFIT")

    assert codes(shelled, PEAL_COMMIT="false") == []


def test_hooks_that_will_not_look_are_told(shelled: Repo) -> None:
    hook = shelled.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o644)

    found = only(shelled, "HOOKS_UNSEEN")

    assert found["by_hand"] == f"`chmod +x '{hook}'`"
    hook.chmod(0o755)
    assert codes(shelled) == []


def test_a_filter_whose_program_is_missing_is_told(shelled: Repo) -> None:
    shelled.write(".gitattributes", "*.bin filter=no\n")
    shelled.write("a.bin", "x")
    shelled.git("add", ".")
    shelled.git("commit", "-qm", "filter")
    shelled.git("config", "filter.no.clean", "no-such-filter")
    shelled.git("config", "filter.no.required", "true")

    only(shelled, "FILTER_MISSING")


def test_a_memory_that_would_be_committed_is_hidden_from_git(half: Repo) -> None:
    (half.path / ".peal/.gitignore").unlink()

    only(half, "IGNORE_MISSING")
    half.write(".git/info/exclude", ".peal\n")
    assert codes(half) == [], "somebody has named it elsewhere"
    half.write(".git/info/exclude", "")
    half.peal("doctor", "--fix")

    assert half.read(".peal/.gitignore") == "*\n"
    half.git("add", "-f", ".peal/lock")
    tracked = only(half, "IGNORE_MISSING")
    assert not tracked["can_be_mended"]
    half.git("rm", "-rq", "--cached", ".peal")
    goes_on(half)


# The machine


@pytest.fixture
def small_disk(shelled: Repo) -> Iterator[Repo]:
    """`.peal` on a disk with little room; needs the right to mount."""
    folder = shelled.path / ".peal"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    shelled.write(".peal/.gitignore", "*\n")
    yield shelled
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_with_little_room_is_told(small_disk: Repo) -> None:
    found = only(small_disk, "DISK_LOW")

    assert found["where"] == ".peal"
    assert "MB left" in found["found"]


OLD_PYTHON = (
    "import sys; sys.version_info = (3, 9, 18); sys.argv[0] = 'peal'\nfrom peal.cli import main; main()"
)


@pytest.mark.parametrize("words", [("doctor",), ("doctor", "--json"), ("run", "plan.md")])
def test_a_python_that_is_too_old_is_told_before_anything_else(shelled: Repo, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OLD_PYTHON, *words],
        cwd=shelled.path, env=shelled.env, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "Python 3.9 is older than 3.11, which peal needs" in done.stdout + done.stderr
    if words[0] == "doctor":
        assert "PYTHON_TOO_OLD" in done.stdout
    if "--json" in words:
        assert json.loads(done.stdout)[0].keys() == FIELDS


# Batches


def _batch(shelled: Repo, *flags: str, code: int | None = None) -> None:
    """A batch of two plans, the first of which fails."""
    shelled.write("plans/a.md", shell_plan("test -e ../../../mended"))
    shelled.write("plans/b.md", shell_plan("echo b > b.txt"))
    shelled.git("add", "plans")
    shelled.git("commit", "-qm", "plans")
    shelled.peal("run", "plans", *flags, code=code)


def test_a_batch_that_nobody_is_at_work_on_is_told_and_can_be_put_back(shelled: Repo) -> None:
    """`peal resume` goes on with it; mended, it is forgotten; put back, it goes on where it was."""
    _batch(shelled, code=1)
    progress = shelled.path / ".peal/batch-progress.json"
    before = progress.read_bytes()

    found = [one for one in examined(shelled) if one["code"] == "STALE_BATCH_PROGRESS"]
    said = shelled.peal("doctor", "--fix").stdout
    gone = not progress.exists()
    shelled.peal("doctor", "--restore", said.partition("--restore ")[2].partition("`")[0])
    after = progress.read_bytes()
    shelled.peal("resume", code=2)
    left = only(shelled, "STALE_BATCH_PROGRESS")
    shelled.write("mended", "")
    shelled.peal("resume", "--retry-failed")

    assert [one["by_hand"] for one in found] == ["`peal resume` goes on with it"]
    assert left["by_hand"].startswith("`peal resume --retry-failed` tries again")
    assert "1 failed, 1 queued; process " in found[0]["found"]
    assert "is not running" in found[0]["found"]
    assert gone
    assert after == before
    assert codes(shelled) == []


def test_a_batch_of_which_no_plan_was_opened_is_looked_at_by_its_flags(project: Repo) -> None:
    """Its first plan was refused: tasks of it have landed, and nothing is remembered of that."""
    _batch(project, "--agent", "shell", code=1)
    project.peal("run", "plans/b.md", "--agent", "shell")
    shutil.rmtree(project.path / ".peal")
    project.peal("run", "plans/b.md", "plans/a.md", "--agent", "shell", code=1)

    assert "AGENT_MISSING" not in codes(project)


def test_a_batch_of_another_host_is_told_when_it_is_old(shelled: Repo) -> None:
    _batch(shelled, code=1)
    progress = shelled.path / ".peal/batch-progress.json"
    record = json.loads(progress.read_text())
    record["owner"]["host"] = "elsewhere"
    progress.write_text(json.dumps(record))
    young = codes(shelled)
    record["updated_at"] = "2026-01-02T03:04:05.000+00:00"
    progress.write_text(json.dumps(record))

    old = [one["found"] for one in examined(shelled) if one["code"] == "STALE_BATCH_PROGRESS"]

    assert "STALE_BATCH_PROGRESS" not in young
    assert len(old) == 1
    assert old[0].endswith("on `elsewhere`")


def test_nothing_is_told_of_a_batch_that_somebody_is_at_work_on(shelled: Repo, out: Path) -> None:
    shelled.write("plans/a.md", shell_plan("echo a > a.txt"))
    shelled.write("plans/b.md", shell_plan(WAIT))
    process = shelled.start("run", "plans", "--jobs", "2")
    eventually((out / "begun-1").exists)

    found = codes(shelled, code=0)
    refused = shelled.peal("doctor", "--fix", code=5)
    (out / "go").touch()

    assert found == []
    assert "another peal is at work" in refused.stderr
    ended(process, 0)
    assert codes(shelled) == []


@pytest.mark.parametrize("text", ["{", '{"schema_version": 7}', *later("", "[]")])
def test_a_progress_of_a_batch_that_cannot_be_read_is_moved_away(shelled: Repo, text: str) -> None:
    shelled.write("plans/a.md", shell_plan("echo a > a.txt"))
    shelled.write("plans/b.md", shell_plan("echo b > b.txt"))
    shelled.write(".peal/.gitignore", "*\n")
    shelled.write(".peal/batch-progress.json", text)

    refused = shelled.peal("run", "plans", code=1)
    found = only(shelled, "BATCH_PROGRESS_CORRUPT")
    backup = fixed(shelled, "BATCH_PROGRESS_CORRUPT")
    shelled.peal("run", "plans")
    restored(shelled, backup)

    assert "cannot be understood" in refused.stderr
    assert found["severity"] == "error"
    assert shelled.read(".peal/batch-progress.json") == text


def test_a_progress_of_a_batch_that_may_not_be_read_is_told_and_stays(
    shelled: Repo, unprivileged: tuple[str, ...]
) -> None:
    """What cannot be kept is not taken away."""
    path = shelled.write(".peal/batch-progress.json", "{}")
    shelled.write(".peal/.gitignore", "*\n")
    path.chmod(0)
    shelled.before = unprivileged

    found = only(shelled, "BATCH_PROGRESS_CORRUPT")
    shelled.peal("doctor", "--fix", code=1)

    assert "cannot be read: Permission denied" in found["found"]
    assert not found["can_be_mended"]
    assert path.exists()


def test_a_lock_of_git_that_may_not_be_read_stays(shelled: Repo, unprivileged: tuple[str, ...]) -> None:
    """No check takes away what it could not keep; that is told once."""
    lock = shelled.write(".git/index.lock", "")
    os.utime(lock, (0, 0))
    lock.chmod(0)
    shelled.before = unprivileged

    said = shelled.peal("doctor", "--fix").stdout

    assert said.count("could not mend STALE_LOCK: `") == 1
    assert "index.lock` cannot be read, and so not kept; `chmod u+r " in said
    assert lock.exists()


def test_what_a_person_is_to_do_is_set_off_whatever_is_in_it(shelled: Repo) -> None:
    shelled.write("hooks-ü/pre-commit", "#!/bin/sh\n")
    shelled.git("config", "core.hooksPath", str(shelled.path / "hooks-ü"))

    lines = shelled.peal("doctor").stdout.splitlines()

    assert [line[:2] for line in lines if "chmod +x" in line] == ["  "]


def test_an_attempt_that_could_not_be_started_leaves_nothing_to_be_mended(project: Repo) -> None:
    """It has ended, whatever has kept it from beginning."""
    project.write("broken", "#!/nonexistent\n").chmod(0o755)
    project.write("peal.toml", '[agents.broken]\ncommand = "./broken"\n')
    project.write("plan.md", "# P\n\n## Task 1: one\n\nDo it.\n")
    project.git("add", ".")
    project.git("commit", "-qm", "plan")

    assert "cannot be started" in project.peal("run", "plan.md", "--agent", "broken", code=1).stdout

    assert codes(project) == []
