"""When a run is over: its summary for scripts, and the commands a person wants run then."""

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import (
    WAIT,
    Clis,
    Repo,
    carriers,
    commit_plan,
    ended,
    eventually,
    is_running,
    run_plan,
    shell_plan,
    start_plan,
)

COMMANDS = "--post-run-commands"


def _summary(project: Repo) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.memory() / "run_summary.json").read_text(encoding="utf-8"))
    return found


# The summary


def test_the_summary_tells_what_became_of_a_run(project: Repo, out: Path) -> None:
    """The fields of the Rust peal's, and what else a script may want to know."""
    commit_plan(project, "touch a", "exit 3", "touch c")
    before = datetime.now(UTC)

    run_plan(project, "--continue-with-remaining-tasks", code=2)
    found = _summary(project)

    assert {name: found[name] for name in ("tasks_completed", "tasks_failed", "exit_code", "plan_path")} == {
        "tasks_completed": [1, 3],
        "tasks_failed": [2],
        "exit_code": 2,
        "plan_path": "plan.md",
    }
    assert (found["tasks_with_remaining_findings"], found["repo_path"]) == ([], str(project.path))
    assert (
        before <= datetime.fromisoformat(found["started_at"]) <= datetime.fromisoformat(found["completed_at"])
    )
    assert found["completed_at"].endswith("+00:00")
    assert (found["why"], found["held"], len(found["run"])) == ("finished, but task 2 failed", {}, 12)
    first, second, _ = found["tasks"]
    assert (first["index"], first["title"], first["state"], first["attempts"]) == (1, "number 1", "done", 4)
    assert project.git("cat-file", "-t", first["commit"]).strip() == "commit"
    assert (second["state"], second["reason"], second["commit"]) == ("failed", "exit status 3", "")


def test_the_summary_tells_of_findings_that_remain(project: Repo) -> None:
    """Such a task is not among the completed."""
    project.write("peal.toml", '[[reviewers]]\nname = "never"\ncommand = "false"\n')
    commit_plan(project, "touch a")

    run_plan(project, "--on-findings-remaining", "warn", "--max-address-rounds", "0", code=2)
    found = _summary(project)

    assert (found["tasks_completed"], found["tasks_with_remaining_findings"]) == ([], [1])
    assert (found["exit_code"], found["tasks"][0]["findings"]) == (2, 1)


def test_there_is_a_summary_for_every_way_a_run_ends(project: Repo, out: Path) -> None:
    """Failed, at the cap, held, with nothing to do."""
    commit_plan(project, '[ -e "$OUT/ok" ]; touch a', "touch README.txt")

    run_plan(project, code=1)
    failed = _summary(project)
    run_plan(project, "--max-consecutive-task-failures", "1", code=3)
    capped = _summary(project)
    (out / "ok").touch()
    project.write("README.txt", "mine")
    run_plan(project, code=4)
    held = _summary(project)
    (project.path / "README.txt").unlink()
    run_plan(project)
    done = _summary(project)
    run_plan(project)
    again = _summary(project)

    assert [found["exit_code"] for found in (failed, capped, held, done, again)] == [1, 3, 4, 0, 0]
    assert list(held["held"]) == ["2"]
    assert (done["tasks_completed"], again["tasks_completed"]) == ([1, 2], [1, 2])
    assert again["completed_at"] > done["completed_at"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_interrupted_leaves_a_summary(
    number: signal.Signals, code: int, project: Repo, out: Path
) -> None:
    """With the exit code of the signal."""
    commit_plan(project, WAIT)
    process = start_plan(project)
    eventually((out / "begun-1").exists)

    process.send_signal(number)
    ended(process, code)

    found = _summary(project)
    assert (found["exit_code"], found["tasks_completed"], found["tasks"][0]["state"]) == (code, [], "waiting")


def test_a_run_that_an_error_ends_leaves_a_summary(project: Repo, out: Path) -> None:
    """One that could not begin at all leaves the file as it was, and so does one that met another peal."""
    commit_plan(project, WAIT)
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    file = project.memory() / "run_summary.json"

    project.peal("run", "plan.md", "--agent", "shell", code=5)
    assert not file.exists()
    (out / "go").touch()
    ended(process, 0)
    project.git("switch", "-qc", "other")
    project.write("plan.md", shell_plan(WAIT, "touch b"))
    project.peal("run", "plan.md", "--agent", "shell", code=None)
    found = _summary(project)
    before = file.read_text()
    project.peal("run", "plan.md", "--agent", "nobody", code=1)

    assert found["exit_code"] in (0, 1, 4)
    assert file.read_text() == before


def test_the_summary_tells_what_was_used(project: Repo, clis: Callable[..., Clis]) -> None:
    """By task, by model and by phase; each adds up to the whole."""
    clis("claude")
    project.write("plan.md", "## Task 1: Greet\n\nexecute: WRITE a.txt: Hello\n")

    project.peal("run", "plan.md", "--agent", "claude")
    found = _summary(project)

    tokens = found["usage"]["tokens"]
    assert tokens > 0
    assert found["usage"]["cost"] > 0
    assert found["tasks"][0]["usage"] == found["usage"]
    assert set(found["usage_by_phase"]) == {"plan", "execute"}
    for parts in (found["usage_by_model"], found["usage_by_phase"]):
        assert sum(part["tokens"] for part in parts.values()) == tokens


def test_the_summary_goes_where_it_is_wanted(project: Repo, out: Path) -> None:
    """Folders are made; a file that cannot be written is told and changes no exit code."""
    commit_plan(project, "touch a")
    wanted = out / "deep" / "summary.json"

    run_plan(project, "--run-summary-path", str(wanted))
    said = run_plan(project, "--run-summary-path", "README.md/summary.json")

    assert json.loads(wanted.read_text())["exit_code"] == 0
    assert "the summary cannot be written to `" in said
    assert not (project.memory() / "run_summary.json").exists()


def test_the_summary_may_go_into_a_pipe(project: Repo, out: Path) -> None:
    """A device is written to, not replaced by a file."""
    commit_plan(project, "touch a")

    run_plan(project, "--run-summary-path", "/dev/null")

    assert not Path("/dev/null").is_file()


def test_secrets_are_kept_out_of_the_summary(project: Repo, out: Path) -> None:
    """As out of everything that is shown."""
    project.env["MY_TOKEN"] = "s3cret-enough-to-hide"
    project.write("plan.md", f"## Task 1: use {project.env['MY_TOKEN']}\n\n```sh\nexit 1\n```\n")

    run_plan(project, code=1)

    assert project.env["MY_TOKEN"] not in (project.memory() / "run_summary.json").read_text()


def test_a_dry_run_leaves_no_summary_and_shows_what_would_run_afterwards(project: Repo, out: Path) -> None:
    """It does nothing."""
    commit_plan(project, "touch a")

    said = run_plan(project, "--dry-run", COMMANDS, "touch 'a b'")

    assert "after the run: `touch 'a b'`" in said
    assert not (project.path / ".peal").exists()


# Commands


def test_commands_run_in_order_after_a_run_that_came_to_its_end(project: Repo, out: Path) -> None:
    """In the repository, without a shell, split as one would; what they print is kept."""
    commit_plan(project, "touch a")

    said = run_plan(project, COMMANDS, "sh -c 'echo one, two; pwd', touch \"$OUT/x y\", echo $HOME")

    folder = project.memory()
    assert (folder / "post-run-1.txt").read_text() == f"one, two\n{project.path}\n"
    assert (folder / "post-run-3.txt").read_text() == "$HOME\n"
    assert (project.path / "$OUT").exists() is False
    assert "post-run command `echo $HOME`: done in " in said


@pytest.mark.parametrize("source", ["file", "variable"])
def test_commands_are_a_list_in_the_file_and_a_line_in_the_variable(
    source: str, project: Repo, out: Path
) -> None:
    """Both give the same."""
    commit_plan(project, "touch a")
    first, second = f"touch '{out}/first'", f"touch '{out}/second'"
    if source == "file":
        project.write("peal.toml", f"post_run_commands = {json.dumps([first, second])}\n")
    else:
        project.env["PEAL_POST_RUN_COMMANDS"] = f"{first}, {second}"

    run_plan(project)

    assert (out / "first").exists()
    assert (out / "second").exists()


def test_a_command_that_fails_holds_up_nothing_and_is_told(project: Repo, out: Path) -> None:
    """With the end of what it printed, and with the exit code of the run."""
    commit_plan(project, "touch a")
    commands = f"sh -c 'echo out; echo why >&2; exit 3', ./missing, touch '{out}/last'"

    said = run_plan(project, COMMANDS, commands)

    assert "post-run command `sh -c 'echo out; echo why >&2; exit 3'` failed: exit status 3\n" in said
    assert "    | out\n    | why\n  all of it: " in said
    assert "post-run command `./missing` failed: cannot be started: No such file or directory" in said
    assert (out / "last").exists()


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(project: Repo, out: Path) -> None:
    """Also what has left its session."""
    commit_plan(project, "touch a")
    script = f"setsid sleep 777 & echo $! >{out}/pid; sleep 778"

    said = run_plan(project, COMMANDS, f"sh -c '{script}'", "--post-run-timeout-sec", "1")

    assert "failed: timed out after 1" in said
    assert not is_running((out / "pid").read_text().strip())


def test_nothing_that_a_command_leaves_behind_goes_on(project: Repo, out: Path) -> None:
    """A daemon is none of a run's business."""
    commit_plan(project, "touch a")

    run_plan(project, COMMANDS, f"sh -c 'setsid sleep 779 & echo $! >{out}/pid'")

    assert not is_running((out / "pid").read_text().strip())


@pytest.mark.parametrize(("flags", "code"), [((), 1), (("--max-consecutive-task-failures", "1"), 3)])
def test_no_command_runs_after_a_run_that_was_stopped(
    flags: tuple[str, ...], code: int, project: Repo, out: Path
) -> None:
    """It has not come to the end of the plan."""
    commit_plan(project, "exit 1")

    run_plan(project, COMMANDS, f"touch '{out}/never'", *flags, code=code)

    assert not (out / "never").exists()


def test_commands_run_after_failures_that_were_passed_over_and_when_nothing_was_to_do(
    project: Repo, out: Path
) -> None:
    """Exit codes 2 and 0; the outputs of the run before are gone."""
    commit_plan(project, "exit 1", "touch b")
    flags = ("--continue-with-remaining-tasks", COMMANDS)

    run_plan(project, *flags, f"sh -c 'echo x >>{out}/ran', true", code=2)
    project.peal("done", "1")
    run_plan(project, *flags, f"sh -c 'echo x >>{out}/ran'")

    assert (out / "ran").read_text() == "x\nx\n"
    assert not (project.memory() / "post-run-2.txt").exists()


def test_ctrl_c_ends_the_commands_and_not_the_runs_word(project: Repo, out: Path) -> None:
    """The run was over: its exit code stays."""
    commit_plan(project, "touch a")
    process = start_plan(
        project, COMMANDS, f"sh -c 'echo $$ >{out}/pid; touch {out}/begun; sleep 780', touch '{out}/never'"
    )
    eventually((out / "begun").exists)

    process.send_signal(signal.SIGINT)
    said = ended(process, 0)

    assert "failed: interrupted" in said
    assert "failed: not run: interrupted" in said
    assert not is_running((out / "pid").read_text().strip())
    assert not (out / "never").exists()
    assert _summary(project)["exit_code"] == 0


def test_nothing_of_a_command_goes_on_when_peal_is_killed(project: Repo, out: Path) -> None:
    """As with agents: the reaper sees to it, also of what has cleared its environment."""
    commit_plan(project, "touch a")
    process = start_plan(
        project,
        COMMANDS,
        f"sh -c 'echo $PEAL_RUN_ID >{out}/run; env -i sleep 781 & echo $! >{out}/bare; touch {out}/begun; sleep 781'",
    )
    eventually((out / "begun").exists)
    run = (out / "run").read_text().strip()
    assert carriers("PEAL_RUN_ID", run)

    os.kill(process.pid, signal.SIGKILL)

    eventually(lambda: not carriers("PEAL_RUN_ID", run))
    eventually(lambda: not is_running((out / "bare").read_text().strip()))


def test_a_command_finds_the_summary_and_the_lock_free(project: Repo, out: Path) -> None:
    """It may send the one, and run the next plan."""
    commit_plan(project, "touch a")
    project.write("next.md", shell_plan(f"touch '{out}/next'"))
    peal = shlex.join([sys.executable, "-m", "peal"])

    run_plan(
        project,
        COMMANDS,
        f"sh -c 'cat .peal/*/run_summary.json >{out}/seen', {peal} run next.md --agent shell --no-commit",
    )

    assert json.loads((out / "seen").read_text())["exit_code"] == 0
    assert (out / "next").exists()


def test_a_command_that_cannot_be_split_is_refused_before_the_run(project: Repo, out: Path) -> None:
    """As every setting."""
    commit_plan(project, "touch a")

    said = run_plan(project, COMMANDS, "echo 'open", code=1)

    assert "`--post-run-commands[0]`" in said
    assert "cannot be split as a shell would" in said
    assert not (project.path / "a").exists()


def test_with_json_what_came_of_a_command_is_an_event(project: Repo, out: Path) -> None:
    """Every line stays JSON."""
    commit_plan(project, "touch a")

    said = run_plan(project, "--json", COMMANDS, "false")

    last = [json.loads(line) for line in said.splitlines()][-1]
    assert last == {"event": "Said", "text": "post-run command `false` failed: exit status 1"}


def test_a_secret_in_a_command_is_not_written_down(project: Repo, out: Path) -> None:
    """A resume asks for it again rather than to run something else."""
    project.env["MY_TOKEN"] = "s3cret-enough-to-hide"
    commit_plan(project, '[ -e "$OUT/ok" ]')
    command = f"touch '{out}/{project.env['MY_TOKEN']}'"

    said = run_plan(project, COMMANDS, command, code=1)
    journal = (project.memory() / "journal.jsonl").read_text()
    (out / "ok").touch()
    refused = project.peal("resume", code=1)
    project.peal("resume", COMMANDS, command)

    assert project.env["MY_TOKEN"] not in said + journal
    assert "was given with a secret, which is not written down" in refused.stderr
    assert (out / project.env["MY_TOKEN"]).exists()
