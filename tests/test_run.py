"""`peal run`: plans carried out for real, in real repositories, by real processes."""

import json
import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import UNTIL_GO, Repo, ended, eventually, is_running, later, shell_plan
from forkserver import popen


def test_a_plan_is_carried_out_in_order_and_side_by_side_where_it_says_so(repo: Repo) -> None:
    """Two parallel tasks meet each other, which only works if both run at once; the third sees both results."""
    meet = (
        "touch here-{0}; for i in $(seq 500); do [ -e here-{1} ] && break; sleep 0.02; done; [ -e here-{1} ]"
    )
    repo.write(
        "plan.md",
        shell_plan(
            f"(parallel) {meet.format(1, 2)}", f"(parallel) {meet.format(2, 1)}", "cat here-1 here-2 > both"
        ),
    )

    done = repo.peal("run", "plan.md", "--agent", "shell", "--parallel", "--max-parallel", "2")

    assert (repo.path / "both").exists()
    assert "everything asked for is done: 3 of 3 tasks complete" in done.stdout


def test_without_parallel_the_same_plan_goes_one_task_after_another(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("(parallel) echo 1 >> log", "(parallel) echo 2 >> log"))

    repo.peal("run", "plan.md", "--agent", "shell", "--no-parallel")

    assert repo.read("log").split() == ["1", "2"]
    assert not overlap(repo)


def overlap(repo: Repo) -> bool:
    """Whether a step was started while another was under way."""
    steps = repo.recorded("StepStarted", "StepEnded")
    return any(one["event"] == two["event"] for one, two in pairwise(steps))


@pytest.mark.parametrize(
    ("flags", "together"),
    [
        (["--max-parallel", "3"], True),
        (["--max-parallel", "1"], False),
        (["--max-parallel", "0"], False),
        (["--parallel"], True),
        (["--max-parallel", "3", "--no-parallel"], False),
        ([], False),
    ],
)
def test_a_positive_max_parallel_turns_parallel_on_and_0_or_1_turns_it_off(
    repo: Repo, flags: list[str], together: bool
) -> None:
    repo.write("plan.md", shell_plan("(parallel) true", "(parallel) true"))

    repo.peal("run", "plan.md", "--agent", "shell", *flags)

    assert overlap(repo) is together


def test_running_again_does_nothing_twice(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo once >> log"))
    repo.peal("run", "plan.md", "--agent", "shell")

    again = repo.peal("run", "plan.md", "--agent", "shell")

    assert repo.read("log") == "once\n"
    assert "1 of 1 task complete" in again.stdout


def test_fresh_starts_over_and_keeps_the_old_memory_beside_the_new(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo once >> log"))
    repo.peal("run", "plan.md", "--agent", "shell")

    done = repo.peal("run", "plan.md", "--agent", "shell", "--fresh")

    assert repo.read("log") == "once\nonce\n"
    assert "starting over" in done.stdout
    assert len(list((repo.path / ".peal").glob("plan-*/journal.jsonl"))) == 2
    assert len(json.loads(repo.peal("runs", "--json").stdout)["runs"]) == 1


def test_a_failure_stops_the_run_but_what_has_begun_is_finished(repo: Repo) -> None:
    repo.write(
        "plan.md",
        shell_plan(
            "(parallel) until [ -e begun ]; do sleep 0.02; done; echo broken >&2; exit 7",
            f"(parallel) touch begun; {UNTIL_GO}; touch two",
            "touch three",
        ),
    )
    process = repo.start("run", "plan.md", "--agent", "shell", "--max-parallel", "2")
    eventually(lambda: [one for one in repo.recorded("StepEnded") if one["outcome"]["result"] == "failed"])

    repo.write("../go", "")

    said = ended(process, 1)
    assert (repo.path / "two").exists()
    assert not (repo.path / "three").exists()
    assert "task 1 failed: number 1" in said
    assert "execute, attempt 1: exit status 7: broken" in said
    assert "| broken" in said
    assert "transcript: .peal/plan-" in said
    assert "next: `peal logs 1`" in said
    assert "next: `peal resume`" in said


def test_with_continue_the_rest_goes_on_and_the_run_ends_with_2(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("exit 1", "touch two", "(parallel) exit 1", "(parallel) touch four"))

    repo.peal("run", "plan.md", "--agent", "shell", "--continue-with-remaining-tasks", code=2)

    assert (repo.path / "two").exists()
    assert (repo.path / "four").exists()


def test_so_many_failures_in_a_row_stop_the_run_with_3(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("exit 1", "exit 1", "touch three"))
    flags = ["--continue-with-remaining-tasks", "--max-consecutive-task-failures", "2"]

    done = repo.peal("run", "plan.md", "--agent", "shell", *flags, code=3)

    assert not (repo.path / "three").exists()
    assert "2 tasks failed in a row: stopped at the cap" in done.stdout


def test_a_failed_step_is_tried_again_and_told_what_went_wrong(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\nDo it.\n")
    repo.write(
        "agent.sh",
        '#!/bin/sh\ncat > ../prompt-$PEAL_PHASE-$PEAL_ATTEMPT\n[ "$PEAL_PHASE$PEAL_ATTEMPT" != execute1 ] || { echo "wet paint"; exit 3; }\n',
    )
    (repo.path / "agent.sh").chmod(0o755)
    repo.write("peal.toml", '[agents.mine]\ncommand = "./agent.sh"\n')

    repo.peal("run", "plan.md", "--agent", "mine", "--phase-retry-count", "1")

    retry = repo.read("../prompt-execute-2")
    assert "exit status 3: wet paint" in retry
    assert "wet paint" not in repo.read("../prompt-execute-1")


def test_without_retries_a_failed_task_is_tried_again_on_the_next_run_from_the_failed_phase(
    repo: Repo,
) -> None:
    repo.write("plan.md", shell_plan("echo try >> log; [ $(wc -l < log) = 2 ]"))
    repo.peal("run", "plan.md", "--agent", "shell", code=1)

    repo.peal("run", "plan.md", "--agent", "shell")

    attempts = sorted(path.name for path in (repo.memory() / "attempts").iterdir())
    assert attempts == ["001-execute-1", "001-execute-2", "001-plan-1"]


def test_only_the_selected_tasks_run(repo: Repo) -> None:
    repo.write("plan.md", shell_plan(*(f"echo {n} >> log" for n in range(1, 8))))

    repo.peal("run", "plan.md", "--agent", "shell", "--task", "2,4-5", "--task", "7")
    assert repo.read("log").split() == ["2", "4", "5", "7"]

    repo.peal("run", "plan.md", "--agent", "shell", "--from-task", "6")
    assert repo.read("log").split() == ["2", "4", "5", "7", "6"]


def test_naming_a_complete_task_says_how_to_do_it_again(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo once >> log", "true"))
    repo.peal("run", "plan.md", "--agent", "shell")

    again = repo.peal("run", "plan.md", "--agent", "shell", "--task", "1")

    assert "`peal redo 1`" in again.stdout
    assert repo.read("log") == "once\n"


@pytest.mark.parametrize("selection", ["9", "x", "3-1", "1,,2", "-", ""])
def test_a_selection_that_names_no_task_is_refused(repo: Repo, selection: str) -> None:
    repo.write("plan.md", shell_plan("true"))

    done = repo.peal("run", "plan.md", "--agent", "shell", f"--task={selection}", code=1)

    assert done.stderr.startswith("error: ")
    assert not (repo.path / ".peal").exists()


def test_a_task_ticked_off_in_a_checklist_is_not_run(repo: Repo) -> None:
    repo.write(
        "plan.md", "- [x] first\n\n  ```sh\n  touch one\n  ```\n- [ ] second\n\n  ```sh\n  touch two\n  ```\n"
    )

    repo.peal("run", "plan.md", "--agent", "shell")

    assert not (repo.path / "one").exists()
    assert (repo.path / "two").exists()


def test_a_finding_is_mended_and_the_reviewers_look_again(repo: Repo) -> None:
    repo.write(
        "plan.md", "## Task 1\n\n```sh\necho bad > file\n```\n\n```sh address\necho good > file\n```\n"
    )
    repo.write("peal.toml", '[[reviewers]]\nname = "words"\ncommand = "grep -q good file"\n')

    done = repo.peal("run", "plan.md", "--agent", "shell")

    assert repo.read("file") == "good\n"
    assert "task 1 address mended" in done.stdout
    assert "task 1 complete" in done.stdout
    assert "[words]" in (repo.memory() / "attempts/001-address-1/prompt.md").read_text(encoding="utf-8")


def test_findings_that_nobody_can_mend_fail_the_task_after_the_last_round(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\n```sh\ntrue\n```\n\n```sh address\necho round >> rounds\n```\n")
    repo.write(
        "peal.toml", """[[reviewers]]\nname = "never"\ncommand = "sh -c 'echo still wrong; exit 1'"\n"""
    )

    done = repo.peal("run", "plan.md", "--agent", "shell", "--max-address-rounds", "2", code=1)

    assert repo.read("rounds") == "round\nround\n"
    assert "1 finding left (never): `max_address_rounds` is 2" in done.stdout
    assert "| still wrong" in done.stdout


def test_with_warn_the_task_is_let_through_and_the_run_ends_with_2_and_again_on_resume(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\n```sh\ntrue\n```\n\n```sh address\ntrue\n```\n")
    repo.write("peal.toml", '[[reviewers]]\nname = "never"\ncommand = "false"\n')
    flags = ["--on-findings-remaining", "warn", "--max-address-rounds", "0"]

    done = repo.peal("run", "plan.md", "--agent", "shell", *flags, code=2)

    assert "findings remain in task 1" in done.stdout
    repo.peal("resume", code=2)
    repo.peal("run", "plan.md", "--agent", "shell", code=2)


def test_in_a_shared_tree_a_finding_is_charged_to_the_first_task_only(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("(parallel) true", "(parallel) true"))
    repo.write("peal.toml", """[[reviewers]]\nname = "never"\ncommand = "sh -c 'echo line 7; exit 1'"\n""")

    done = repo.peal("run", "plan.md", "--agent", "shell", "--max-parallel", "2", code=1)

    assert "task 1 address REJECTED" in done.stdout
    assert "task 2 complete" in done.stdout


def test_a_step_that_takes_too_long_is_ended_with_all_its_children(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("sleep 60 & sleep 61 & echo $! > pid; wait"))

    done = repo.peal("run", "plan.md", "--agent", "shell", "--phase-timeout-sec", "1", code=1)

    assert "timed out after 1" in done.stdout
    assert not is_running(repo.read("pid").strip())


def test_a_step_that_says_nothing_for_too_long_is_ended(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo hello; sleep 60"))

    done = repo.peal("run", "plan.md", "--agent", "shell", "--idle-timeout-sec", "1", code=1)

    assert "hung: no output for too long" in done.stdout
    assert "| hello" in done.stdout


def test_a_step_that_floods_its_output_is_ended(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("yes"))

    done = repo.peal("run", "plan.md", "--agent", "shell", "--max-output-mb", "1", code=1)

    assert "flooded: wrote more output than `max_output_mb` allows" in done.stdout


def test_a_dry_run_shows_the_order_and_leaves_no_trace(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("touch one", "(parallel) touch two", "(parallel) touch three"))
    repo.write("peal.toml", '[[reviewers]]\nname = "tests"\ncommand = "true"\n')

    done = repo.peal("run", "plan.md", "--agent", "shell", "--max-parallel", "2", "--dry-run")

    assert sorted(path.name for path in repo.path.iterdir()) == [".git", "peal.toml", "plan.md"]
    lines = [line for line in done.stdout.splitlines() if " execute: " in line or " address: " in line]
    assert [line.split(":")[0] for line in lines] == [
        "task 1 execute",
        "task 1 address",
        "task 2 execute",
        "task 3 execute",
        "task 2 address",
        "task 3 address",
    ]
    assert "bash -euo pipefail" in lines[0]
    assert str(repo.path) in lines[0]


def test_a_dry_run_says_what_is_skipped(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true", "true"))
    repo.peal("run", "plan.md", "--agent", "shell", "--task", "1")

    done = repo.peal("run", "plan.md", "--agent", "shell", "--dry-run")

    assert "task 1: complete, skipped" in done.stdout
    assert "everything asked for is done" not in done.stdout
    repo.peal("run", "plan.md", "--agent", "shell")
    assert repo.peal("run", "plan.md", "--agent", "shell", "--dry-run").stdout == (
        "task 1: complete, skipped\ntask 2: complete, skipped\neverything asked for is done\n"
    )


def test_explain_prints_why_each_step_starts_and_what_waits(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("(parallel) true", "(parallel) true", "(parallel) true"))

    done = repo.peal("run", "plan.md", "--agent", "shell", "--max-parallel", "2", "--explain")

    assert "because task 1 plan: its turn has come and a place is free" in done.stdout
    assert "because task 3: waits: all 2 places are taken" in done.stdout
    assert "because task 1 address: every task of the segment has left `execute`" in done.stdout


def test_json_prints_events_and_nothing_else(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true"))

    done = repo.peal("run", "plan.md", "--agent", "shell", "--json")

    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert events[0] == "RunOpened"
    assert events[-1] == "RunClosed"
    assert events.count("StepEnded") == 3


def test_quiet_prints_the_end_only(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true"))

    done = repo.peal("run", "plan.md", "--agent", "shell", "-q")

    assert "started" not in done.stdout
    assert "1 of 1 task complete" in done.stdout


def test_verbose_prints_the_log_to_stderr_and_the_log_file_is_json(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true"))

    done = repo.peal("run", "plan.md", "--agent", "shell", "-v")

    assert "step ended" in done.stderr
    lines = [
        json.loads(line) for line in (repo.memory() / "peal.log").read_text(encoding="utf-8").splitlines()
    ]
    ended = [line for line in lines if line["event"] == "step ended"]
    assert {line["phase"] for line in ended} == {"plan", "execute", "address"}
    assert all(line["task"] == 1 and line["run"] and line["attempt"] == 1 for line in ended)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "plan.md", "--agent", "shell", "-v"), 0),
        (("run", "plan.md", "--agent", "shell", "--json"), 0),
        (("run", "plan.md", "--agent", "no-such-agent"), 1),
        (("run", "--no-such-flag"), 1),
        (("--version",), 1),
    ],
)
def test_where_nobody_reads_the_exit_code_is_peals_own(repo: Repo, words: tuple[str, ...], code: int) -> None:
    """Python would end with 120 once it finds that it cannot print what is left."""
    repo.write("plan.md", shell_plan("true"))
    read, write = os.pipe()
    os.close(read)

    process = popen(("peal", *words), repo.path, repo.env, stdout=write, stderr=write)
    os.close(write)

    assert process.wait(30) == code


def test_peal_works_from_a_folder_inside_the_repository(repo: Repo) -> None:
    repo.write("docs/plans/my plan.md", shell_plan("pwd > where"))
    inside = Repo(repo.path / "docs" / "plans", repo.env)

    inside.peal("run", "my plan.md", "--agent", "shell")

    assert Path(repo.read("where").strip()) == repo.path.resolve()
    assert (repo.path / ".peal").is_dir()
    assert inside.peal("status").stdout.startswith("docs/plans/my plan.md: finished")


def test_nothing_of_peal_shows_up_in_git(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true"))
    repo.peal("run", "plan.md", "--agent", "shell")

    assert repo.git("status", "--porcelain").split() == ["??", "plan.md"]


def test_the_same_plan_by_another_spelling_is_the_same_plan(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo once >> log"))
    repo.peal("run", "plan.md", "--agent", "shell")
    (repo.path / "link.md").symlink_to("plan.md")

    for spelling in ("./plan.md", str(repo.path / "plan.md"), "link.md"):
        repo.peal("run", spelling, "--agent", "shell")

    assert repo.read("log") == "once\n"


def test_an_edited_task_runs_again_and_a_moved_one_does_not(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n```sh\necho a >> log\n```\n## Task 2\n```sh\necho b >> log\n```\n")
    repo.peal("run", "plan.md", "--agent", "shell")

    repo.write(
        "plan.md",
        "## Task 1\n```sh\necho new >> log\n```\n## Task 2\n```sh\necho a >> log\n```\n## Task 3\n```sh\necho b2 >> log\n```\n",
    )
    repo.peal("run", "plan.md", "--agent", "shell")

    assert repo.read("log").split() == ["a", "b", "new", "b2"]


def test_a_plan_phase_that_changes_the_repository_fails(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\nDo it.\n")
    repo.write("peal.toml", '[agents.mine]\ncommand = ["sh", "-c", "touch made-by-$PEAL_PHASE"]\n')

    done = repo.peal("run", "plan.md", "--agent", "mine", code=1)

    assert "`plan` changed `made-by-plan`; it may only read" in done.stdout


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("true", 1),
        ("touch made", 0),
        *later(("echo x >> tracked", 0), ("git commit -q --allow-empty -m x", 0)),
        ("echo 'NO CHANGE: nothing to do'", 0),
        ("echo 'NO CHANGE:'", 1),
    ],
)
def test_an_execute_that_changes_nothing_fails_where_a_change_is_required(
    repo: Repo, script: str, code: int
) -> None:
    repo.write("plan.md", "## Task 1\n\nDo it.\n")
    repo.write("tracked", "already edited\n")
    repo.write(
        "peal.toml",
        f'[agents.mine]\nplan = ["true"]\naddress = ["true"]\nexecute = ["sh", "-c", """{script}"""]\nrequire_change = true\n',
    )

    done = repo.peal("run", "plan.md", "--agent", "mine", code=code)

    assert ("no change: nothing in the repository differs" in done.stdout) is (code == 1)


def test_a_required_change_is_not_checked_side_by_side_and_peal_says_so(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1 (parallel): a\n\n## Task 2 (parallel): b\n")
    repo.write("peal.toml", '[agents.mine]\ncommand = ["true"]\nrequire_change = true\n')

    done = repo.peal("run", "plan.md", "--agent", "mine", "--max-parallel", "2")

    assert "`require_change` of agent `mine` is not checked for tasks that run side by side" in done.stdout


def test_a_reader_of_the_log_that_goes_away_does_not_end_the_run(repo: Repo) -> None:
    repo.write("plan.md", shell_plan(UNTIL_GO, "touch done"))
    read, write = os.pipe()
    words = ("peal", "run", "plan.md", "--agent", "shell", "-v")
    process = popen(words, repo.path, repo.env, stdout=subprocess.DEVNULL, stderr=write)
    os.close(write)
    os.read(read, 1)

    os.close(read)
    repo.write("../go", "")

    assert process.wait(30) == 0
    assert (repo.path / "done").exists()


def test_a_template_that_fails_in_any_branch_is_refused_at_the_start(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\nDo it.\n")
    repo.write("prompts/execute.md.j2", "{% if plan %}{{ plann }}{% endif %}")
    repo.write("peal.toml", 'prompts = "prompts"\n[agents.mine]\ncommand = ["cat"]\n')

    refused = repo.peal("run", "plan.md", "--agent", "mine", code=1)

    assert "execute.md.j2" in refused.stderr
    assert "'plann' is undefined" in refused.stderr


def test_a_nul_in_a_prompt_does_not_stop_an_agent_that_takes_an_argument(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\nZero: \0 byte.\n")
    repo.write("peal.toml", '[agents.mine]\ncommand = ["printf", "%s", "{prompt}"]\nprompt = "argument"\n')

    repo.peal("run", "plan.md", "--agent", "mine")

    assert "Zero: \ufffd byte." in repo.peal("logs", "1", "execute").stdout


def test_a_reviewer_may_be_silent_for_longer_than_an_agent(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\nDo it.\n")
    repo.write(
        "peal.toml",
        '[agents.mine]\ncommand = ["true"]\nidle_timeout_sec = 1\n'
        '[[reviewers]]\nname = "slow"\ncommand = "sh -c \'sleep 2; touch looked\'"\n',
    )

    repo.peal("run", "plan.md", "--agent", "mine")

    assert (repo.path / "looked").exists()


def test_reviewers_get_the_variables_that_agents_get(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true"))
    look = "sh -c 'echo $PEAL_PHASE $PEAL_TASK $PEAL_ATTEMPT $PEAL_WORKSPACE > seen'"
    repo.write("peal.toml", f'[[reviewers]]\nname = "look"\ncommand = """{look}"""\n')

    repo.peal("run", "plan.md", "--agent", "shell")

    assert repo.read("seen").split(maxsplit=3) == ["address", "1", "1", f"{repo.path.resolve()}\n"]


def test_an_outer_git_does_not_steer_the_agents(repo: Repo) -> None:
    repo.write(
        "plan.md", shell_plan("git rev-parse --show-toplevel > where; echo ${GIT_INDEX_FILE:-none} >> where")
    )

    repo.peal("run", "plan.md", "--agent", "shell", GIT_DIR="/nowhere", GIT_INDEX_FILE="/nowhere/index")

    assert repo.read("where").splitlines() == [str(repo.path.resolve()), "none"]


def test_titles_that_the_terminal_cannot_show_do_not_silence_peal(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1: grün 🔔\n\n```sh\necho größer\n```\n")

    done = repo.peal(
        "run", "plan.md", "--agent", "shell", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C"
    )

    assert "task 1 complete" in done.stdout
    assert "gr\\xfcn" in done.stdout


def test_a_command_agent_gets_its_prompt_and_its_variables(repo: Repo) -> None:
    repo.write("plan.md", "The goal.\n\n## Task 4: greet\n\nSay hello.\n")
    script = (
        "cat > in-$PEAL_PHASE; echo $PEAL_TASK $PEAL_ATTEMPT $PEAL_WORKSPACE > env-$PEAL_PHASE; echo my plan"
    )
    repo.write(
        "peal.toml",
        f'[agents.mine]\nplan = ["sh", "-c", "cat > ../in-plan; echo my plan"]\ncommand = ["sh", "-c", "{script}"]\n',
    )

    repo.peal("run", "plan.md", "--agent", "mine")

    assert "Say hello." in (repo.path.parent / "in-plan").read_text(encoding="utf-8")
    executed = repo.read("in-execute")
    assert "my plan" in executed
    assert "The goal." in executed
    assert repo.read("env-execute").split(maxsplit=2) == ["4", "1", f"{repo.path.resolve()}\n"]


@pytest.mark.parametrize(
    ("way", "words"),
    [("stdin", '"cat"'), ("file", '"cat", "{prompt_file}"'), ("argument", '"printf", "%s", "{prompt}"')],
)
def test_a_prompt_gets_there_by_stdin_file_or_argument(repo: Repo, way: str, words: str) -> None:
    repo.write("plan.md", "## Task 1\n\nBraces {model} and {prompt} stay.\n")
    repo.write("peal.toml", f'[agents.mine]\ncommand = [{words}]\nprompt = "{way}"\n')

    repo.peal("run", "plan.md", "--agent", "mine")

    attempt = repo.memory() / "attempts" / "001-execute-1"
    assert (attempt / "stdout").read_text(encoding="utf-8") == (attempt / "prompt.md").read_text(
        encoding="utf-8"
    )
    assert "Braces {model} and {prompt} stay." in (attempt / "stdout").read_text(encoding="utf-8")


def test_a_prompt_of_a_megabyte_works_and_one_too_long_for_an_argument_says_so(repo: Repo) -> None:
    repo.write("plan.md", f"## Task 1\n\n{'word ' * 220_000}\n")
    repo.write(
        "peal.toml",
        '[agents.big]\ncommand = ["wc", "-c"]\n[agents.long]\ncommand = ["echo", "{prompt}"]\nprompt = "argument"\n',
    )

    repo.peal("run", "plan.md", "--agent", "big")
    assert int((repo.memory() / "attempts/001-execute-1/stdout").read_text(encoding="utf-8")) > 1_000_000

    done = repo.peal("run", "plan.md", "--agent", "long", "--fresh", code=1)
    assert 'cannot take a prompt this long as an argument; set prompt = "stdin" or "file"' in done.stdout


def test_agents_and_models_can_differ_by_phase(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("touch done"))
    repo.write(
        "peal.toml",
        '[agents.thinker]\ncommand = ["echo", "{model}"]\n[phases.plan]\nagent = "thinker"\nmodel = "deep"\n',
    )

    repo.peal("run", "plan.md", "--agent", "shell", "--model", "plain")

    assert (repo.memory() / "attempts/001-plan-1/reply.md").read_text(encoding="utf-8") == "deep\n"
    assert (repo.path / "done").exists()


def test_the_users_own_template_replaces_ours(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1\n\nDo it.\n")
    repo.write("prompts/execute.md.j2", "Only this: {{ task.body }}\n")
    repo.write("peal.toml", 'prompts = "prompts"\n[agents.mine]\ncommand = ["cat"]\n')

    repo.peal("run", "plan.md", "--agent", "mine")

    assert (repo.memory() / "attempts/001-execute-1/stdout").read_text(
        encoding="utf-8"
    ) == "Only this: Do it.\n"


def test_a_shell_task_without_a_block_is_an_error_that_says_so(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1: nothing to run\n\nOnly words.\n")

    done = repo.peal("run", "plan.md", "--agent", "shell", code=1)

    assert "has no ```sh block" in done.stdout


def test_markers_of_an_outer_run_are_not_handed_on(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo $PEAL_RUN_ID > id"))

    repo.peal("run", "plan.md", "--agent", "shell", PEAL_RUN_ID="outer", PEAL_ATTEMPT_ID="outer/1")

    assert repo.read("id").strip() not in ("outer", "")


def test_agents_get_a_short_temporary_folder_that_is_gone_afterwards(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo $TMPDIR > where; touch $TMPDIR/file"))

    repo.peal("run", "plan.md", "--agent", "shell")

    where = repo.read("where").strip()
    assert len(where) < 60
    assert not os.path.lexists(where)


def test_a_run_that_goes_round_in_circles_ends_as_a_bug(repo: Repo) -> None:
    """The loop itself notices; what was recorded stays, and the next run goes on."""
    repo.write("plan.md", shell_plan("true"))
    repo.write(
        "odd/sitecustomize.py",
        "from peal.model.work import Outcome, Result\nfrom peal.schedule import orders\n"
        "orders._nobody = lambda *_: Outcome(Result.LIMITED, 'nobody is free', until=0.0)\n"
        "import peal.agents.shell\npeal.agents.shell.blocks_of = lambda *_, **__: []\n",
    )

    told = repo.peal(
        "run", "plan.md", "--agent", "shell", code=70, cold=True, PYTHONPATH=str(repo.path / "odd")
    )

    assert len(repo.recorded("StepEnded")) <= 102
    report = Path(told.stderr.split("`")[1])
    assert "task 1 plan has ended 100 times in a row" in report.read_text(encoding="utf-8")
    report.unlink()
    assert "complete" in repo.peal("resume").stdout


def test_a_plan_phase_that_is_off_halves_what_agents_are_asked(project: Repo) -> None:
    """What is remembered of a task that was planned and cut off counts all the same."""
    project.write("plan.md", shell_plan("echo a > a.txt", "echo b > b.txt"))
    project.write("peal.toml", 'agent = "shell"\n[phases.plan]\nenabled = false\n')
    project.git("add", ".")
    project.git("commit", "-qm", "plan")

    told = project.peal("run", "plan.md").stdout

    assert "plan started" not in told
    assert [event["phase"] for event in project.recorded("StepStarted")] == ["execute", "address", "land"] * 2
    assert "0 failed" not in project.peal("status").stdout


@pytest.mark.parametrize("phase", ["execute", "address"])
def test_what_makes_and_what_checks_the_result_cannot_be_left_out(repo: Repo, phase: str) -> None:
    repo.write("plan.md", shell_plan("true"))
    repo.write("peal.toml", f"[phases.{phase}]\nenabled = false\n")

    told = repo.peal("run", "plan.md", "--agent", "shell", code=1).stderr

    assert f"`[phases.{phase}] enabled = false` cannot be" in told


def test_a_task_may_go_without_a_plan_and_have_an_agent_and_a_model_of_its_own(project: Repo) -> None:
    """Each in the phases it has, and everybody else as they are set."""
    project.write(
        "plan.md",
        "## Task 1: a\n\nDo a.\n\n## Task 2 (no plan): b\n\nDo b.\n\n"
        "## Task 3 (agent: other) (model: small) (no plan): c\n\nDo c.\n",
    )
    project.write(
        "peal.toml",
        'agent = "usual"\nmodel = "large"\n'
        '[agents.usual]\ncommand = ["sh", "-c", "echo usual {model} >> {task}.txt"]\nplan = ["true"]\n'
        '[agents.other]\ncommand = ["sh", "-c", "echo other {model} >> {task}.txt"]\n',
    )

    project.peal("run", "plan.md")

    assert [project.read(f"{task}.txt") for task in (1, 2, 3)] == [
        "usual large\n",
        "usual large\n",
        "other small\n",
    ]
    started = [(event["task"], event["phase"]) for event in project.recorded("StepStarted")]
    assert [phase for task, phase in started if task == 1] == ["plan", "execute", "address", "land"]
    assert [phase for task, phase in started if task == 2] == ["execute", "address", "land"]
    assert "redo" in project.peal("status").stdout
    project.peal("redo", "3", "--from", "plan")
    assert "task 3 execute started" in project.peal("resume", code=None).stdout


def test_an_agent_that_a_task_names_and_nobody_knows_is_refused_with_its_line(repo: Repo) -> None:
    repo.write("plan.md", "## Task 1: a\n\n```sh\ntrue\n```\n\n## Task 2 (agent: nobody): b\n\nDo b.\n")

    told = repo.peal("run", "plan.md", "--agent", "shell", code=1).stderr

    assert "line 7: task `2`: there is no agent `nobody`" in told


def test_a_task_that_is_marked_between_two_runs_goes_on_by_its_new_phases(project: Repo) -> None:
    """Task 2 was to be planned when the run was stopped by the failure of task 1, and need not be any more."""
    plan = "## Task 1 (no plan): a\n\n```sh\ntest -e go && echo a > a.txt\n```\n\n## Task 2: b\n\n```sh\necho b > b.txt\n```\n"
    project.write("plan.md", plan)
    project.write(".git/info/exclude", "go\n")
    project.git("add", ".")
    project.git("commit", "-qm", "plan")
    project.peal("run", "plan.md", "--agent", "shell", code=1)

    project.write("plan.md", plan.replace("Task 2:", "Task 2 (no plan):").replace("test -e go && ", ""))
    project.git("commit", "-qam", "marked")
    before = project.peal("status").stdout
    told = project.peal("resume").stdout

    assert "2  not begun" in before
    assert "task 2 plan" not in told
    assert project.read("b.txt") == "b\n"


def test_a_plan_phase_that_is_switched_on_is_for_all_that_is_not_begun(project: Repo) -> None:
    """The task that has failed in `execute` goes on there."""
    project.write("plan.md", shell_plan("test -e go && echo a > a.txt", "echo b > b.txt"))
    project.write("peal.toml", 'agent = "shell"\n[phases.plan]\nenabled = false\n')
    project.git("add", ".")
    project.git("commit", "-qm", "plan")
    project.peal("run", "plan.md", code=1)

    project.peal("resume", "--set", "phases.plan.enabled=true", code=1)
    project.peal("resume", "--task", "2")

    assert [event["phase"] for event in project.recorded("StepStarted") if event["task"] == 1] == [
        "execute"
    ] * 2
    assert next(event["phase"] for event in project.recorded("StepStarted") if event["task"] == 2) == "plan"


def test_an_agent_that_cannot_be_started_is_no_fault_of_the_task(repo: Repo) -> None:
    """It is told so, for whoever has to tell a broken machine from a hard task."""
    agent = repo.write("agent", "#!/no/such/interpreter\n")
    agent.chmod(0o755)
    repo.write("peal.toml", 'agent = "mine"\n[agents.mine]\ncommand = ["./agent"]\nprompt = "stdin"\n')

    repo.write("plan.md", "## Task 1\n\nDo it.\n")

    repo.peal("run", "plan.md", "--phase-retry-count", "0", code=1)

    outcomes = [event["outcome"] for event in repo.recorded("StepEnded")]
    assert {outcome["reason"] for outcome in outcomes} == {
        f"`{agent}` cannot be started: No such file or directory"
    }
    assert all(outcome["is_systemic"] for outcome in outcomes)
