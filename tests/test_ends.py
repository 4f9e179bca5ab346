"""How waits, runs and attempts end: limits whose end is told late, signals from all sides, kills, and what is told then."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import (
    WAIT,
    Repo,
    branches,
    commit_plan,
    ended,
    eventually,
    is_running,
    landed,
    later,
    mended,
    run_plan,
    sample,
    shell_plan,
    start_plan,
)
from test_clis import ALL, PROGRAMS, Put, journal, plan, results, resume, run

from peal.record.history import fold
from peal.record.journal import load
from peal.record.state_file import State, state_of
from peal.record.state_file import read as read_state
from peal.record.state_file import write as write_state
from peal.system.signals import NAMES

# Limits whose end has passed by this machine's clock.


def ago(seconds: float, form: str = "%-I:%M%p (UTC)") -> str:
    """A moment so long ago, as limits tell it."""
    return time.strftime(form, time.gmtime(time.time() - seconds))


WEEKLY = "%b %-d at %-I:%M%p (UTC)"


@pytest.mark.parametrize("agent", sample(ALL, "claude"))
def test_a_reset_that_is_told_late_is_no_day_away(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    plan(project, f"execute: FAIL LIMIT for 2 at {ago(180)}\nWRITE one.txt: 1")

    run(project, agent, "--transient-retry-count", "0")

    assert set(results(project)) == {"1 plan passed", "1 execute limited", "1 execute passed"}
    assert landed(project) == ["1"]


@pytest.mark.parametrize("agent", sample(ALL, "codex"))
def test_without_wait_a_reset_that_is_told_late_pauses_and_a_resume_goes_on(
    project: Repo, clis: Put, agent: str
) -> None:
    cli = clis(PROGRAMS[agent])
    plan(project, f"FAIL LIMIT for 3600 at {ago(180)}\nWRITE one.txt: 1")

    said = run(project, agent, "--no-wait", "--transient-retry-count", "0", code=4)
    resume(project, code=4)
    (cli.state / f"limit-{PROGRAMS[agent]}.json").unlink()
    resume(project, "--wait")

    assert f"paused: usage limit of `{agent}` until " in said
    assert landed(project) == ["1"]
    assert not any("failed" in end for end in results(project))


@pytest.mark.parametrize(
    ("late", "form"), [(3600, WEEKLY), *later((3000, "%-I:%M%p (UTC)")), *later((20 * 86400, WEEKLY))]
)
def test_a_reset_that_is_over_for_long_fails_no_task(project: Repo, clis: Put, late: int, form: str) -> None:
    clis("claude")
    plan(project, f"execute: FAIL LIMIT for 3600 at {ago(late, form)}\nWRITE one.txt: 1")

    run(project, "claude", "--no-wait", "--transient-retry-count", "0", code=4)

    assert results(project) == ["1 plan passed", "1 execute limited"]
    (limited,) = (step for step in journal(project) if step["outcome"]["result"] == "limited")
    assert limited["outcome"]["until"] - limited["at"] < 301, "it is asked again soon"


def test_a_limit_that_is_told_to_be_over_in_a_moment_for_ever_fails_no_task(project: Repo, clis: Put) -> None:
    clis("claude")
    plan(project, "execute: FAIL LIMIT for 3600 at in 1s\nWRITE one.txt: 1")

    run(project, "claude", "--no-wait", "--transient-retry-count", "1", code=4)

    assert results(project) == ["1 plan passed", "1 execute transient", "1 execute limited"]


def test_a_limit_that_ends_in_ten_years_is_asked_again_before_and_that_is_told(
    project: Repo, clis: Put
) -> None:
    clis("claude")
    plan(project, "execute: FAIL LIMIT for 3600 at in 3653 days\nWRITE one.txt: 1")

    said = run(project, "claude", "--no-wait", code=4)

    (limited,) = (step for step in journal(project) if step["outcome"]["result"] == "limited")
    assert limited["outcome"]["until"] - limited["at"] <= 3600
    assert "the end that it names is more than a year away, so it is asked again before" in said


# Signals, from whoever and at whatever moment: what is remembered, written and told is one end.


class Told:
    """What a run that has ended tells, by each way in which it can be asked."""

    def __init__(self, project: Repo, process: "subprocess.Popen[str]") -> None:
        self.said, _ = process.communicate(timeout=60)
        self.exit_code = process.returncode
        self.status = json.loads(project.peal("status", "--json").stdout)
        self.state = json.loads((project.memory() / "state.json").read_text())
        self.summary = json.loads((project.memory() / "run_summary.json").read_text())

    def agrees(self, code: int, why: str) -> None:
        """It is this end, whoever is asked."""
        codes = [found["exit_code"] for found in (self.status, self.state, self.summary)]
        assert [self.exit_code, *codes] == [code] * 4, self.said
        assert [self.status["why"], self.summary["why"]] == [why] * 2
        assert f"\n{why}: " in f"\n{self.said}"
        assert "next: `peal resume`" in self.said


SLEEPS = 'echo $$ > "$OUT/pid-$PEAL_TASK"; sleep 60'


def pids(out: Path, *names: str) -> list[int]:
    """Of the programs that have written them, once they all have."""
    files = [out / f"pid-{name}" for name in names]
    eventually(lambda: all(file.exists() and file.read_text().strip() for file in files))
    return [int(file.read_text()) for file in files]


def signal_all(project: Repo, process: "subprocess.Popen[str]", groups: list[int], number: int) -> Told:
    """To what peal has started first, and to peal only when that is dead, as a service manager may do it."""
    for group in groups:
        os.killpg(group, number)
    eventually(lambda: not any(map(is_running, groups)))
    process.send_signal(number)
    return Told(project, process)


@pytest.mark.parametrize(
    ("number", "code", "why", "script"),
    sample(
        {
            f"{number.name}-{name}": (number, code, why, script)
            for number, code, why in (
                (signal.SIGTERM, 143, "terminated"),
                (signal.SIGINT, 130, "interrupted"),
                (signal.SIGHUP, 129, "hung up"),
            )
            for name, script in (
                ("dies", SLEEPS),
                ("fails", f"trap 'exit 1' TERM INT HUP; {SLEEPS} & wait"),
                ("says so", f"trap 'exit 143' TERM INT HUP; {SLEEPS} & wait"),
            )
        },
        "SIGTERM-says so",
        "SIGINT-fails",
    ),
)
def test_agents_that_die_a_moment_before_peal_hears_of_it_are_interrupted(
    project: Repo, out: Path, number: signal.Signals, code: int, why: str, script: str
) -> None:
    commit_plan(project, f"(parallel) {script}", f"(parallel) {script}")
    process = start_plan(project)

    told = signal_all(project, process, pids(out, "1", "2"), number)

    told.agrees(code, why)
    assert "2 begun" in told.said, told.said
    assert {end.rpartition(" ")[2] for end in results(project) if "execute" in end} == {"interrupted"}


def test_a_coding_cli_that_ends_well_when_it_is_terminated_is_interrupted(project: Repo, clis: Put) -> None:
    """Some say nothing more and exit with 0."""
    cli = clis("claude")
    plan(project, "execute: GATE one\nexecute: CUT")
    process = project.start("run", "plan.md", "--agent", "claude")
    eventually(lambda: cli.has_begun("one"))

    replied = project.memory() / "attempts/001-execute-1/reply.md"
    cli.open("one")
    eventually(replied.exists)
    process.send_signal(signal.SIGTERM)

    Told(project, process).agrees(143, "terminated")
    assert results(project) == ["1 plan passed", "1 execute interrupted"]


def test_reviewers_hooks_and_setup_that_die_a_moment_before_are_no_findings(project: Repo, out: Path) -> None:
    """Nobody is paid to mend what a service manager has ended."""
    sleeps = project.write("sleeps.sh", f"#!/bin/sh\nPEAL_TASK=it\n{SLEEPS}\n")
    sleeps.chmod(0o755)
    commit_plan(project, mended("echo a > a", 'touch "$OUT/asked"'))
    tables = (f"worktree_setup = \"'{sleeps}'\"", f"[[reviewers]]\nname = 'it'\ncommand = \"'{sleeps}'\"")
    for table in tables:
        (out / "pid-it").unlink(missing_ok=True)
        project.write("peal.toml", table)
        process = start_plan(project)

        signal_all(project, process, pids(out, "it"), signal.SIGTERM).agrees(143, "terminated")

        assert not (out / "asked").exists()
    ends = [(step["phase"], step["outcome"]["result"]) for step in journal(project)]
    assert ends == [
        ("plan", "interrupted"), ("plan", "passed"), ("execute", "passed"), ("address", "interrupted"),
    ]  # fmt: skip


def test_an_agent_that_somebody_else_has_terminated_has_failed(project: Repo, out: Path) -> None:
    commit_plan(project, SLEEPS)
    process = start_plan(project)

    (group,) = pids(out, "1")
    os.killpg(group, signal.SIGTERM)

    assert "ended by SIGTERM" in ended(process, 1)


def test_a_signal_when_the_end_is_known_changes_nothing_of_it(project: Repo, out: Path) -> None:
    """The summary waits to be read, so the run is over and nothing is told yet."""
    os.mkfifo(out / "summary")
    project.write("peal.toml", f'run_summary_path = "{out}/summary"\n')
    commit_plan(project, "exit 3")
    process = start_plan(project)
    eventually(lambda: list(project.path.glob(".peal/*/journal.jsonl")) and journal(project, "RunClosed"))

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    summary = (out / "summary").read_text()

    (project.memory() / "run_summary.json").write_text(summary)
    Told(project, process).agrees(1, "task 1 failed")


def test_a_signal_during_the_commands_after_the_run_ends_them_and_not_the_run(
    project: Repo, out: Path
) -> None:
    script = project.write("after.sh", f"#!/bin/sh\nPEAL_TASK=after\n{SLEEPS}\n")
    script.chmod(0o755)
    project.write(
        "peal.toml", f"post_run_commands = [\"'{script}'\"]\ncontinue_with_remaining_tasks = true\n"
    )
    commit_plan(project, "exit 3")
    process = start_plan(project)
    pids(out, "after")

    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)

    told = Told(project, process)
    told.agrees(2, "finished, but task 1 failed")
    assert f"post-run command `'{script}'` failed: interrupted" in told.said


@pytest.fixture
def gate_at(project: Repo, out: Path, tmp_path: Path) -> Callable[[str], None]:
    """Has each git whose command line holds these words wait until the test lets it go on."""
    git = shutil.which("git")
    folder = tmp_path / "shims"
    folder.mkdir()
    project.env["PATH"] = f"{folder}{os.pathsep}{project.env['PATH']}"

    def put(words: str) -> None:
        shim = folder / "git"
        shim.write_text(
            f'#!/bin/sh\ncase "$*" in *"{words}"*) PEAL_TASK=git; {WAIT};; esac\nexec {git} "$@"\n'
        )
        shim.chmod(0o755)

    return put


@pytest.mark.parametrize("number", [*later(signal.SIGTERM), signal.SIGINT, *later(signal.SIGHUP)])
def test_a_signal_while_worktrees_are_made_ends_a_run_that_did_nothing(
    project: Repo, out: Path, gate_at: Callable[[str], None], number: signal.Signals
) -> None:
    commit_plan(project, "echo a > a")
    gate_at("worktree add")
    process = start_plan(project)
    eventually((out / "begun-git").exists)

    process.send_signal(number)
    process.send_signal(number)

    Told(project, process).agrees(128 + number, NAMES[number])
    (out / "go").touch()
    project.peal("resume")
    assert landed(project) == ["1"]


@pytest.mark.parametrize("words", [*later("show-toplevel"), "for-each-ref"])
def test_a_signal_before_there_is_a_run_leaves_everything_as_it_was(
    project: Repo, out: Path, gate_at: Callable[[str], None], words: str
) -> None:
    """While the repository is looked for, or branch and memory are brought together."""
    commit_plan(project, "exit 3", "echo b > b")
    run_plan(project, code=1)
    before = json.loads((project.memory() / "state.json").read_text())
    summary = (project.memory() / "run_summary.json").read_bytes()
    gate_at(words)
    process = project.start("resume")
    eventually((out / "begun-git").exists)

    process.send_signal(signal.SIGTERM)

    said = ended(process, 143)
    assert "error: terminated before the run began; give the same command again to begin\n" in said
    assert json.loads((project.memory() / "state.json").read_text())["exit_code"] == before["exit_code"] == 1
    assert (project.memory() / "run_summary.json").read_bytes() == summary
    (out / "go").touch()
    project.peal("resume", code=1)


def test_a_signal_while_a_dead_run_is_cleaned_up_after_forgets_nothing_of_it(
    project: Repo, out: Path
) -> None:
    """Its git is waited for; who comes next has to know of that too."""
    commit_plan(project, "echo a > a")
    run_plan(project)
    owner = project.path / ".peal/owner.json"
    dead = {"pid": 4_000_000, "birth": "0:0", "since": 0.0, "command": "peal", "run": "gone"}
    owner.write_text(json.dumps(dead))
    git = subprocess.Popen(["sleep", "60"], env={**project.env, "PEAL_GIT_OF": "4000000"})
    process = project.start("resume")
    inode = (project.path / ".peal/lock").stat().st_ino
    eventually(lambda: f":{inode} " in Path("/proc/locks").read_text())

    process.send_signal(signal.SIGTERM)

    assert "terminated before the run began" in ended(process, 143)
    assert json.loads(owner.read_text()) == dead
    git.kill()
    git.wait()
    project.peal("resume")
    assert not owner.exists()


# Kills: what is written beside the journal agrees with it, whoever takes the lock next.


def state_and_journal(memory: Path) -> tuple[State | None, State]:
    """What the short form says, and what it would say if it were made anew."""
    recording = load(memory / "journal.jsonl")
    return read_state(memory / "state.json"), state_of(fold(recording.events), recording.length)


def cut(memory: Path, records: int, told: int) -> None:
    """The memory as a kill leaves it behind so many records, with a state.json that knows of so many."""
    path = memory / "journal.jsonl"
    recording = load(path)
    path.write_bytes(path.read_bytes()[: recording.ends[records - 1]])
    (memory / "state.json").unlink(missing_ok=True)
    if told:
        state = state_of(fold(recording.events[:told]), recording.ends[told - 1])
        write_state(memory / "state.json", state)


@pytest.mark.parametrize("lag", [1, 99])
def test_cut_off_at_any_record_a_resume_leaves_journal_state_and_summary_in_agreement(
    repo: Repo, lag: int
) -> None:
    repo.write("plan.md", shell_plan("(parallel) true", "(parallel) true"))
    repo.peal("run", "plan.md", "--agent", "shell")
    memory = repo.memory()
    whole = (memory / "journal.jsonl").read_bytes()
    count = len(whole.splitlines())
    # from the first that a resume can begin with; at the last ones nothing is left to do
    for records in (*range(2, count - 2, 4), count - 2, count - 1, count):
        (memory / "journal.jsonl").write_bytes(whole)
        cut(memory, records, max(records - lag, 0))

        repo.peal("resume", "plan.md")

        found, expected = state_and_journal(memory)
        assert found == expected
        assert (found.exit_code, found.completed_task_indices, found.running) == (0, ("1", "2"), {})
        summary = json.loads((memory / "run_summary.json").read_text())
        assert (summary["exit_code"], summary["tasks_completed"]) == (0, [1, 2])
        assert json.loads(repo.peal("status", "--json").stdout)["exit_code"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("resume",),
        *later((("run", "plan.md", "--agent", "shell"),)),
        ("done", "1"),
        *later((("clean",),)),
        ("run", "b.md", "--agent", "shell"),
    ],
)
def test_whoever_takes_the_lock_after_a_kill_brings_the_state_up_to_the_journal(
    project: Repo, out: Path, words: tuple[str, ...]
) -> None:
    """Killed when everything had landed, before that was in state.json: nothing is left for a run to do."""
    project.write("b.md", shell_plan("true"))
    project.write("peal.toml", f'run_summary_path = "{out}/summary"\n')
    project.git("add", ".")
    commit_plan(project, "echo a > a", "echo b > b")
    os.mkfifo(out / "summary")
    process = start_plan(project)
    eventually(
        lambda: list(project.path.glob(".peal/plan-*/journal.jsonl")) and journal(project, "RunClosed")
    )
    process.kill()
    ended(process, -9)
    (out / "summary").unlink()
    memory = project.memory()
    (project.path / ".peal/owner.json").write_text(
        json.dumps({"pid": process.pid, "birth": "0:0", "since": 0.0, "command": "peal", "run": "gone"})
    )
    records = len(load(memory / "journal.jsonl").ends)
    cut(memory, records - 1, 3)
    assert "2 of 2 complete, cut off" in project.peal("runs").stdout

    project.peal(*words)

    found, expected = state_and_journal(memory)
    assert found == expected
    assert found.completed_task_indices == ("1", "2")
    assert branches(project) == []


def test_what_was_failed_at_and_is_done_by_now_is_a_finished_run(project: Repo, out: Path) -> None:
    commit_plan(project, "exit 3")
    run_plan(project, code=1)
    project.peal("done", "1")

    project.peal("resume")

    assert json.loads(project.peal("status", "--json").stdout)["exit_code"] == 0
    found, expected = state_and_journal(project.memory())
    assert found == expected
    assert found.exit_code == 0


def test_a_completion_that_a_person_has_deleted_after_a_kill_is_done_again(repo: Repo) -> None:
    """Whoever else takes the lock first leaves that to the plan's own run."""
    repo.write("plan.md", shell_plan("echo 1 >> log", "echo 2 >> log"))
    repo.peal("run", "plan.md", "--agent", "shell")
    memory = repo.memory()
    state = json.loads((memory / "state.json").read_text())
    (memory / "state.json").write_text(json.dumps({**state, "completed_task_indices": [1]}))
    (repo.path / ".peal/owner.json").write_text(
        json.dumps({"pid": 1, "birth": "0:0", "since": 0.0, "command": "peal", "run": "gone"})
    )

    repo.peal("clean")
    repo.peal("resume")

    assert repo.read("log").split() == ["1", "2", "2"]


# The logs of a task that has failed are those of the attempt that failed, as the report says.


def hint(said: str) -> list[str]:
    """The command that the report names for the logs, with the phase that it promises."""
    found = re.search(r"next: `peal (logs \d+)` for all that task \d+ printed in `(\w+)`", said)
    assert found, said
    return [*found[1].split(), found[2]]


def logs_by_hint(project: Repo, said: str) -> tuple[str, str]:
    """What the hint leads to, its first line and the rest; it is the phase that was promised."""
    *words, phase = hint(said)
    head, _, rest = project.peal(*words).stdout.partition("\n")
    assert head.startswith(f"== task 1 {phase}, attempt ")
    return head, rest


def test_the_logs_show_what_the_hook_said_that_failed_the_task(project: Repo, out: Path) -> None:
    hook = project.path / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\n[ ! -e a ] || { echo 'no tabs, please' >&2; exit 1; }\n")
    hook.chmod(0o755)
    project.write("plan.md", shell_plan("echo a > a"))

    said = run_plan(project, "--set", "max_address_rounds=0", code=1)
    head, rest = logs_by_hint(project, said)

    assert "1 finding left (hook pre-commit)" in head
    assert "-- hooks.pre-commit.stderr\nno tabs, please\n" in rest
    assert head in project.peal("logs", "1", "address").stdout
    assert project.peal("logs", "1", "execute").stdout.startswith(
        "== task 1 execute, attempt 1 by shell (passed)"
    )


def test_the_logs_show_what_the_reviewer_printed_that_failed_the_task(project: Repo, out: Path) -> None:
    """After a round in which an agent had mended something."""
    project.write(
        "peal.toml", "[[reviewers]]\nname = 'tests'\ncommand = \"sh -c 'echo seen; cat a; exit 1'\"\n"
    )
    commit_plan(project, mended("echo a > a", "echo b > a"))

    said = run_plan(project, "--set", "max_address_rounds=1", code=1)
    head, rest = logs_by_hint(project, said)

    assert "attempt 2" in head
    assert "1 finding left (tests)" in head
    assert re.search(r"-- review-tests\S*stdout\nseen\nb\n", rest)
    printed = json.loads(project.peal("logs", "1", "--json").stdout)["printed"]
    assert "seen\nb\n" in printed.values()


def test_the_logs_and_the_report_show_what_the_setup_printed(project: Repo, out: Path) -> None:
    project.write(
        "peal.toml", "worktree_setup = \"sh -c 'echo one; echo two >&2; echo three >&2; exit 1'\"\n"
    )
    commit_plan(project, "echo a > a")

    said = run_plan(project, code=1)
    _, rest = logs_by_hint(project, said)

    assert "  last output:\n    | two\n    | three\n" in said
    assert rest == "-- setup.stderr\ntwo\nthree\n-- setup.stdout\none\n"


def test_the_logs_of_a_task_that_failed_before_anything_ran_give_the_reason(project: Repo, out: Path) -> None:
    project.write("plan.md", "## Task 1: one\n\nNo block.\n")

    said = run_plan(project, code=1)
    head, rest = logs_by_hint(project, said)

    assert "has no ```sh block, so agent `shell` has nothing to run" in head
    assert rest == "nothing was printed\n"


def test_the_logs_of_a_task_that_is_held_give_the_reason_and_what_was_done_before(
    project: Repo, out: Path
) -> None:
    commit_plan(project, "echo a > a")
    project.write("a", "my own\n")
    run_plan(project, code=4)

    head, _, rest = project.peal("logs", "1").stdout.partition("\n")

    assert head.startswith("== task 1 land, attempt 1 (held: ")
    assert "`a`" in head
    assert rest == "nothing was printed; `peal logs 1 execute` shows what was done before\n"


def test_the_logs_of_a_task_that_is_tried_again_go_on_with_the_latest(project: Repo, out: Path) -> None:
    commit_plan(project, f"echo try $PEAL_ATTEMPT; [ $PEAL_ATTEMPT = 2 ] && {{ {WAIT}; }}; false")
    process = start_plan(project, "--phase-retry-count", "1")
    eventually((out / "begun-1").exists)

    during = project.peal("logs", "1").stdout
    (out / "go").touch()
    ended(process, 1)

    assert "-- stdout\ntry 2\n" in during
    assert "-- stdout\ntry 2\n" in project.peal("logs", "1").stdout
    assert "-- stdout\ntry 1\n" in project.peal("logs", "1", "--attempt", "1", "execute").stdout
