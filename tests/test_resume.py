"""Whatever ends a run, the next one goes on where it stopped: kills, signals, two at once, full disks, lost files."""

import json
import os
import shutil
import signal
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import PEAL, UNTIL_GO, Repo, carriers, eventually, is_running, shell_plan
from forkserver import Process

SLOW = shell_plan(
    "(parallel) echo one >> log",
    "(parallel) echo begun-2 >> log; sleep 30; echo two >> log",
    "echo three >> log",
)


def begun(repo: Repo, word: str) -> bool:
    """Whether a task has written a word to the log."""
    return (repo.path / "log").exists() and word in repo.read("log")


def make_quick(repo: Repo) -> None:
    """Let what sleeps in the plan find its way out at the next run, without a change to the plan's text."""
    repo.write("bin/sleep", "#!/bin/sh\nexit 0\n").chmod(0o755)
    repo.env["PATH"] = f"{repo.path / 'bin'}:{repo.env['PATH']}"


def is_recorded(repo: Repo, task: int, phase: str) -> bool:
    """Whether the journal knows that a step has ended."""
    lines = (repo.memory() / "journal.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    ended = [event for line in lines if (event := json.loads(line))["event"] == "StepEnded"]
    return any((event["task"], event["phase"]) == (task, phase) for event in ended)


def run_until(repo: Repo, word: str, *flags: str) -> Process:
    """A run of the slow plan that has come to a certain point."""
    repo.write("plan.md", SLOW)
    process = repo.start("run", "plan.md", "--agent", "shell", "--max-parallel", "2", *flags)
    eventually(lambda: begun(repo, word) and is_recorded(repo, 1, "execute"))
    return process


def run_id(repo: Repo) -> str:
    """The marker of the latest run."""
    opened = [
        json.loads(line)
        for line in (repo.memory() / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return str([event for event in opened if event["event"] == "RunOpened"][-1]["run"])


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_everything_ends_the_agents_and_says_how_to_resume(
    repo: Repo, number: signal.Signals, code: int
) -> None:
    process = run_until(repo, "begun-2")
    run = run_id(repo)

    process.send_signal(number)

    assert process.wait(20) == code
    assert process.stdout
    said = process.stdout.read()
    assert "task 2 execute interrupted" in said
    assert "next: `peal resume`" in said
    assert carriers("PEAL_RUN_ID", run) == []
    make_quick(repo)
    repo.peal("resume")
    assert sorted(repo.read("log").split()) == ["begun-2", "begun-2", "one", "three", "two"]


def test_a_second_ctrl_c_skips_the_grace(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("trap '' TERM; echo begun >> log; while true; do sleep 1; done"))
    process = repo.start("run", "plan.md", "--agent", "shell")
    eventually(lambda: begun(repo, "begun"))

    at = time.monotonic()
    process.send_signal(signal.SIGINT)
    eventually(lambda: repo.recorded("StopAsked"))
    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 130
    assert time.monotonic() - at < 4


def test_an_interrupted_attempt_is_no_failure_and_the_next_one_is_told_of_it(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\nDo it.\n")
    repo.write(
        "agent.sh",
        "#!/bin/sh\ncat > ../prompt-$PEAL_PHASE-$PEAL_ATTEMPT\n[ $PEAL_PHASE$PEAL_ATTEMPT != execute1 ] || sleep 60\n",
    )
    (repo.path / "agent.sh").chmod(0o755)
    repo.write("peal.toml", '[agents.mine]\ncommand = "./agent.sh"\n')
    process = repo.start("run", "plan.md", "--agent", "mine")
    eventually((repo.path / "../prompt-execute-1").exists)
    process.send_signal(signal.SIGTERM)
    process.wait(20)

    repo.peal("resume")

    assert "was cut short" in repo.read("../prompt-execute-2")
    assert "was cut short" not in repo.read("../prompt-execute-1")


def test_after_a_kill_nothing_of_the_run_is_alive_and_resume_finishes_it(repo: Repo) -> None:
    """Agents with children of their own, one in a session of its own, all deaf to TERM."""
    stubborn = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 30' & sleep 30 & echo begun-2 >> log; sleep 30; echo two >> log"
    repo.write(
        "plan.md", shell_plan("(parallel) echo one >> log", f"(parallel) {stubborn}", "echo three >> log")
    )
    process = repo.start("run", "plan.md", "--agent", "shell", "--max-parallel", "2")
    eventually(lambda: begun(repo, "begun-2"))
    eventually(lambda: is_recorded(repo, 1, "execute"))
    run = run_id(repo)
    assert len(carriers("PEAL_RUN_ID", run)) >= 3

    process.kill()

    eventually(lambda: carriers("PEAL_RUN_ID", run) == [], seconds=2)
    assert repo.peal("status").stdout.startswith("plan.md: cut off")
    make_quick(repo)
    repo.peal("resume")
    assert sorted(repo.read("log").split()) == ["begun-2", "begun-2", "one", "three", "two"]


def test_strays_of_a_run_whose_guard_died_too_are_ended_at_the_next_start(repo: Repo) -> None:
    process = run_until(repo, "begun-2")
    run = run_id(repo)
    reaper = reaper_of(run)
    os.kill(reaper, signal.SIGKILL)
    eventually(lambda: not is_running(reaper))
    process.kill()
    process.wait()
    left = carriers("PEAL_RUN_ID", run)
    assert left

    make_quick(repo)
    repo.peal("resume")

    assert not any(map(is_running, left))
    assert not Path(f"/tmp/peal-{run}").exists()


def reaper_of(run: str) -> int:
    """The reaper of a run, which is no child of peal's."""
    words = ["pgrep", "-f", f"reaper.py {run} "]
    (reaper,) = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return int(reaper)


def test_a_second_run_is_refused_with_who_and_since_when(repo: Repo) -> None:
    process = run_until(repo, "begun-2")
    repo.write("other.md", shell_plan("touch other"))

    for words in (("run", "plan.md"), ("run", "other.md", "--agent", "shell"), ("resume",)):
        refused = repo.peal(*words, *(["--agent", "shell"] if words[0] != "resume" else []), code=5)
        assert f"process {process.pid}, since " in refused.stderr
        assert "`peal stop`" in refused.stderr
    refused = repo.peal("redo", "1", code=5)
    assert not (repo.path / "other").exists()


def test_stop_ends_a_run_that_goes_on_elsewhere(repo: Repo) -> None:
    process = run_until(repo, "begun-2")

    said = repo.peal("stop").stdout

    assert "peal resume" in said
    assert process.wait(5) == 130
    assert "nothing runs" in repo.peal("stop").stdout


def test_a_stale_owner_whose_number_another_process_has_now_does_not_block(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("touch done"))
    with subprocess.Popen(["sleep", "60"]) as other:
        owner = {"pid": other.pid, "birth": "0:0", "since": time.time(), "command": "peal run", "run": "gone"}
        repo.write(".peal/owner.json", json.dumps(owner))

        assert "nothing runs" in repo.peal("stop").stdout
        repo.peal("run", "plan.md", "--agent", "shell")
        other.kill()

    assert (repo.path / "done").exists()


def test_resume_takes_the_flags_of_the_run_and_new_ones_win(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("exit 1", "echo two >> log", "exit 1"))
    flags = ["--continue-with-remaining-tasks", "--set", "phases.plan.retry_count=0", "--task", "1-2"]
    repo.peal("run", "plan.md", "--agent", "shell", *flags, code=2)

    repo.peal("resume", code=2)
    done = repo.peal("resume", "--no-continue-with-remaining-tasks", "--task", "1,3", code=1)

    assert repo.read("log") == "two\n"
    assert "task 3" not in done.stdout


def test_resume_without_anything_to_resume_says_so(repo: Repo) -> None:
    assert "nothing to resume" in repo.peal("resume").stdout

    repo.write("plan.md", shell_plan("true"))
    repo.peal("run", "plan.md", "--agent", "shell")

    assert "everything asked for is done" in repo.peal("resume").stdout


def test_resume_without_a_plan_takes_the_latest_unfinished_one(repo: Repo) -> None:
    repo.write("a.md", shell_plan("[ -e go ] && touch a"))
    repo.write("b.md", shell_plan("touch b"))
    repo.peal("run", "a.md", "--agent", "shell", code=1)
    repo.peal("run", "b.md", "--agent", "shell")
    repo.write("go", "")

    repo.peal("resume")

    assert (repo.path / "a").exists()


def test_an_index_deleted_from_state_json_is_done_again(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo one >> log", "echo two >> log"))
    repo.peal("run", "plan.md", "--agent", "shell")
    state = json.loads((repo.memory() / "state.json").read_text(encoding="utf-8"))
    assert state["completed_task_indices"] == [1, 2]
    (repo.memory() / "state.json").write_text(
        json.dumps({**state, "completed_task_indices": [2]}), encoding="utf-8"
    )

    done = repo.peal("resume")

    assert "deleted from state.json" in done.stdout
    assert repo.read("log").split() == ["one", "two", "one"]


@pytest.mark.parametrize("lost", ["journal.jsonl", "state.json"])
def test_if_one_of_the_two_files_is_lost_the_other_is_believed(repo: Repo, lost: str) -> None:
    repo.write("plan.md", shell_plan("echo one >> log", "[ -e go ] && echo two >> log"))
    repo.peal("run", "plan.md", "--agent", "shell", code=1)
    (repo.memory() / lost).unlink()
    repo.write("go", "")

    done = repo.peal("run", "plan.md", "--agent", "shell")

    assert repo.read("log").split() == ["one", "two"]
    assert "was missing" in done.stdout


def test_a_damaged_journal_is_refused_with_a_copy_kept_and_the_way_out(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo one >> log", "[ -e go ] && echo two >> log"))
    repo.peal("run", "plan.md", "--agent", "shell", code=1)
    journal = repo.memory() / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], b'{"crc":"00000000","v":1}\n', *lines[3:]]))
    before = journal.read_bytes()

    refused = repo.peal("resume", code=1)

    assert "line 3 is damaged" in refused.stderr
    assert journal.read_bytes() == before
    assert (journal.parent / "journal.jsonl.damaged-1").read_bytes() == before
    assert "--fresh" in refused.stderr
    repo.peal("status", code=1)
    journal.unlink()
    repo.write("go", "")
    repo.peal("run", "plan.md", "--agent", "shell")
    assert repo.read("log").split() == ["one", "two"]


def test_the_journal_cut_anywhere_ends_the_same(repo: Repo) -> None:
    """A sample of places through the command line; every place is covered beside the journal itself."""
    repo.write("plan.md", shell_plan("touch one", "(parallel) touch two", "(parallel) touch three"))
    repo.peal("run", "plan.md", "--agent", "shell", "--max-parallel", "2")
    journal = repo.memory() / "journal.jsonl"
    whole = journal.read_bytes()

    for cut in (len(whole) // 5, len(whole) // 2, len(whole) - 20):
        journal.write_bytes(whole[:cut])
        repo.peal("run", "plan.md", "--agent", "shell", "--max-parallel", "2")
        status = json.loads(repo.peal("status", "--json").stdout)
        assert [task["state"] for task in status["tasks"]] == ["done"] * 3


def test_the_state_file_of_the_rust_peal_is_taken_up(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("touch one", "touch two"))
    rust = {"plan_path": "plan.md", "repo_path": ".", "completed_task_indices": [1]}
    repo.write(".peal/state.json", json.dumps(rust))

    repo.peal("run", "plan.md", "--agent", "shell")

    assert not (repo.path / "one").exists()
    assert (repo.path / "two").exists()
    assert json.loads(repo.read(".peal/state.json")) == rust


def test_a_memory_that_an_agent_deletes_is_put_back(repo: Repo) -> None:
    repo.write(
        "plan.md",
        shell_plan("echo one >> log", f"git clean -fdxq; touch gone; {UNTIL_GO}", "echo three >> log"),
    )
    repo.git("add", ".")
    repo.git("commit", "-qm", "plan")
    process = repo.start("run", "plan.md", "--agent", "shell")
    eventually((repo.path / "gone").exists)
    eventually((repo.path / ".peal/owner.json").exists, seconds=3)

    assert "another peal is at work" in repo.peal("run", "plan.md", "--agent", "shell", code=5).stderr
    repo.write("../go", "")
    assert process.wait(20) == 0

    assert json.loads(repo.peal("status", "--json").stdout)["counts"]["done"] == 3
    assert repo.git("status", "--porcelain").split() == ["??", "gone", "??", "log"]


def is_known(repo: Repo, phase: str) -> bool:
    """Whether the journal knows a process of this phase: the reaper was told of it before."""
    lines = (repo.memory() / "journal.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    events = map(json.loads, lines)
    return any(event["event"] == "ProcessStarted" and event["phase"] == phase for event in events)


@pytest.mark.parametrize("who", ["agent", "reviewer"])
def test_a_process_that_hides_its_environment_ends_with_a_killed_peal_too(repo: Repo, who: str) -> None:
    hidden = 'env -i sh -c "echo \\$\\$ > pid; exec sleep 30"'
    repo.write("plan.md", shell_plan(hidden if who == "agent" else "true"))
    if who == "reviewer":
        script = repo.write("look.sh", "#!/bin/sh\nexec env -i sh -c 'echo $$ > pid; exec sleep 30'\n")
        script.chmod(0o755)
        repo.write("peal.toml", '[[reviewers]]\nname = "look"\ncommand = "./look.sh"\n')
    process = repo.start("run", "plan.md", "--agent", "shell")
    eventually(lambda: (repo.path / "pid").exists() and repo.read("pid").strip())
    eventually(lambda: is_known(repo, "execute" if who == "agent" else "address"))

    process.kill()

    eventually(lambda: not is_running(repo.read("pid").strip()), seconds=2)


def test_fresh_does_not_take_up_the_rust_peal_again(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("touch one"))
    rust = {"plan_path": "plan.md", "repo_path": ".", "completed_task_indices": [1]}
    repo.write(".peal/state.json", json.dumps(rust))

    repo.peal("run", "plan.md", "--agent", "shell", "--fresh")

    assert (repo.path / "one").exists()


def test_a_task_that_is_redone_is_resumed_whatever_the_run_had_selected(repo: Repo) -> None:
    repo.write("plan.md", shell_plan(*(f"echo {number} >> log" for number in (1, 2, 3))))
    repo.peal("run", "plan.md", "--agent", "shell", "--task", "1-2")
    done = repo.peal("run", "plan.md", "--agent", "shell", "--task", "1")
    assert "next: `peal run plan.md` to do the other tasks too" in done.stdout

    repo.peal("redo", "2")
    repo.peal("resume")

    assert repo.read("log").split() == ["1", "2", "2"]


def test_what_failed_is_told_even_if_the_next_try_was_cut_short(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\nDo it.\n")
    agent = repo.write(
        "agent.sh",
        "#!/bin/sh\ncat > ../prompt-$PEAL_PHASE-$PEAL_ATTEMPT\n"
        "case $PEAL_PHASE$PEAL_ATTEMPT in execute1) echo wet paint; exit 3;; execute2) sleep 60;; esac\n",
    )
    agent.chmod(0o755)
    repo.write("peal.toml", '[agents.mine]\ncommand = "./agent.sh"\n')
    process = repo.start("run", "plan.md", "--agent", "mine", "--phase-retry-count", "1")
    eventually((repo.path / "../prompt-execute-2").exists)
    process.send_signal(signal.SIGINT)
    process.wait(20)

    repo.peal("resume")

    told = repo.read("../prompt-execute-3")
    assert "wet paint" in told
    assert "was cut short" in told


def test_a_record_of_a_kind_that_is_not_known_is_refused(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true"))
    repo.peal("run", "plan.md", "--agent", "shell")
    body = b'"v":1,"event":"MoonRisen","at":1.0}'
    with (repo.memory() / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"crc":"%08x",%s\n' % (zlib.crc32(body), body))

    refused = repo.peal("run", "plan.md", "--agent", "shell", code=1)

    assert "holds a record this peal does not understand" in refused.stderr


@pytest.fixture
def small_disk(repo: Repo) -> Iterator[Path]:
    """`.peal` on a file system of its own with little room; needs the right to mount."""
    folder = repo.path / ".peal"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_loses_nothing_recorded(repo: Repo, small_disk: Path) -> None:
    repo.write("plan.md", shell_plan(*(f"echo {number} >> log" for number in range(1, 30))))
    filler = small_disk / "filler"

    repo.peal("run", "plan.md", "--agent", "shell", "--task", "1-2")
    filler.write_bytes(b"x" * max(shutil.disk_usage(small_disk).free - 60_000, 0))
    stopped = repo.peal("run", "plan.md", "--agent", "shell", code=1)

    assert "No space left on device" in stopped.stdout + stopped.stderr
    assert "`peal resume`" in stopped.stdout + stopped.stderr
    done_before = repo.read("log").split()
    assert 2 < len(done_before) < 29
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    repo.peal("resume")
    ran = repo.read("log").split()
    assert sorted(set(ran), key=int) == [str(number) for number in range(1, 30)]
    assert len(ran) <= 30, "at most the one task that was running ran again"


def test_a_memory_that_cannot_be_written_is_refused_before_anything_starts(repo: Repo) -> None:
    folder = repo.path / ".peal"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        folder.chmod(0o555)
    repo.write("plan.md", shell_plan("touch ran"))
    try:
        refused = repo.peal("run", "plan.md", "--agent", "shell", code=1)
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", str(folder)], check=True)
        folder.chmod(0o755)

    assert "cannot write to" in refused.stderr
    assert not (repo.path / "ran").exists()


def test_a_file_where_the_memory_belongs_is_refused(repo: Repo) -> None:
    repo.write(".peal", "mine\n")
    repo.write("plan.md", shell_plan("touch ran"))

    refused = repo.peal("run", "plan.md", "--agent", "shell", code=1)

    assert "is no folder, and peal keeps its memory there; move it away" in refused.stderr
    assert repo.read(".peal") == "mine\n"


def test_nohup_is_respected(repo: Repo) -> None:
    repo.write("plan.md", shell_plan(f"echo begun >> log; {UNTIL_GO}; touch done"))
    process = subprocess.Popen(
        ["nohup", *PEAL, "run", "plan.md", "--agent", "shell"],
        cwd=repo.path, env=repo.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    eventually(lambda: begun(repo, "begun"))

    process.send_signal(signal.SIGHUP)
    repo.write("../go", "")

    assert process.wait(20) == 0
    assert (repo.path / "done").exists()


def test_a_kill_in_the_middle_of_a_merge_leaves_no_temporary_files(project: Repo, tmp_path: Path) -> None:
    """They are in the run's own temporary folder, which goes with it."""
    real, begun = shutil.which("git"), tmp_path / "begun"
    wrapper, temporary = tmp_path / "bin/git", tmp_path / "temporary"
    wrapper.parent.mkdir()
    temporary.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\ncase " $* " in *" merge-tree "*) touch "{begun}"; sleep 60;; esac\nexec {real} "$@"\n'
    )
    wrapper.chmod(0o755)
    project.env |= {"PATH": f"{wrapper.parent}:{project.env['PATH']}", "TMPDIR": str(temporary)}
    project.write("plan.md", shell_plan("(parallel) echo a > a.txt", "(parallel) echo b > b.txt"))
    running = project.start("run", "plan.md", "--agent", "shell", "--max-parallel", "2")
    eventually(begun.exists)

    running.kill()
    running.wait()

    assert list(temporary.iterdir()) == []
