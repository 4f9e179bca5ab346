"""`peal report`: what came of a run is told again, from its journal alone."""

import re
import signal
from pathlib import Path

import test_backlog_run
from conftest import Repo, commit_plan, eventually, run_plan, start_plan
from test_backlog_run import TWO, Wishes, ready

wishes = test_backlog_run.wishes


def without_times(text: str) -> str:
    """What is said, whenever and however long it was."""
    return re.sub(r"\bin \d[\dhms.]*", "in TIME", text)


def test_a_run_that_failed_is_told_as_it_told_itself(project: Repo) -> None:
    commit_plan(project, "echo one >one", "echo trouble >&2; exit 3", "echo three >three")
    said = run_plan(project, code=1)

    again = project.peal("report").stdout

    assert without_times(again).strip() in without_times(said)
    assert "task 2 failed" in again
    assert "trouble" in again
    assert project.peal("report", "plan.md").stdout == again


def test_a_run_that_was_killed_is_told_with_what_it_had_done(project: Repo, out: Path) -> None:
    commit_plan(project, "echo one >one", "touch $OUT/begun; sleep 900")
    run = start_plan(project)
    eventually((out / "begun").exists)
    run.send_signal(signal.SIGKILL)
    run.wait(20)

    said = project.peal("report").stdout

    assert "cut off: 1 of 2 tasks complete, 1 begun" in said


def test_an_earlier_run_is_told_as_it_was(project: Repo, out: Path) -> None:
    commit_plan(project, "[ -e $OUT/go ] || exit 1")
    run_plan(project, code=1)
    first = project.peal("report").stdout
    (name,) = set(re.findall(r'"run":"([^"]+)"', (project.memory() / "journal.jsonl").read_text()))
    (out / "go").touch()

    project.peal("resume")
    project.write("other.md", "## Task 1: other\n\n```sh\ntrue\n```\n")
    project.peal("run", "other.md", "--agent", "shell", "--no-commit")

    assert project.peal("report", "--run", name).stdout == first
    assert (
        "there was no run `nope` here; the latest are "
        in project.peal("report", "--run", "nope", code=1).stderr
    )
    assert (
        "there was no run `nope` of `plan.md`; the latest are "
        in project.peal("report", "plan.md", "--run", "nope", code=1).stderr
    )


def test_what_was_never_run_cannot_be_told(project: Repo) -> None:
    assert "no plan has been run" in project.peal("report", code=1).stderr
    commit_plan(project, "true")
    assert "`plan.md` was never run" in project.peal("report", "plan.md", code=1).stderr


def test_secrets_are_not_told(project: Repo) -> None:
    """Neither what peal has in its environment, nor what it gives to an agent, nor an address that somebody is told at."""
    secrets = ("very-secret-words", "given-to-an-agent", "json://127.0.0.1:9/a-topic")
    script = f"echo $MY_API_KEY $ITS_TOKEN {secrets[2]} >&2; exit 1"
    project.write(
        "peal.toml",
        f"""
        [agents.mine]
        command = ["sh", "-c", "{script}"]
        env = {{ ITS_TOKEN = "{secrets[1]}" }}
        [notify]
        urls = ["{secrets[2]}"]
        on = ["budget"]
        """,
    )
    commit_plan(project, "true")
    project.env["MY_API_KEY"] = secrets[0]
    project.peal("run", "plan.md", "--agent", "mine", code=1)

    for words in (("report",), ("status",), ("status", "--json")):
        said = project.peal(*words, code=None).stdout

        assert "[hidden] [hidden] [hidden]" in said
        assert [one for one in secrets if one in said] == []


def test_no_part_of_a_secret_is_told_where_an_output_is_cut(project: Repo) -> None:
    """Also where the end of an output, wherever it is cut, begins within one."""
    commit_plan(
        project,
        '{ for i in $(seq 2000); do printf %s "$MY_API_KEY"; done; echo; echo $MY_API_KEY; echo end; } >&2; exit 1',
    )
    project.env["MY_API_KEY"] = "very-secret-words"

    ran = run_plan(project, code=1)

    for said in (ran, *(project.peal("report", *form).stdout for form in ((), ("--html", "-")))):
        assert not re.search("very-|y-secret|secret-w|-words", said)
        assert "[hidden]" in said


def test_a_run_of_the_backlog_is_told_with_how_many_phases_of_how_many_items(wishes: Wishes) -> None:
    wishes.settings("[execution]\nmax_retries = 0", feature=TWO)
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-002-prd", "echo trouble >&2; answer failed")
    wishes.run()

    said = wishes.repo.peal("report").stdout

    assert "task WRK-002/prd failed" in said
    assert "trouble" in said
    assert "3 phases of 2 items" in said.splitlines()[0]
