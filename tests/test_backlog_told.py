"""What is said of a backlog's run when it is over, and by `peal status`, `logs` and their like."""

import json
import re
import shlex
import signal

import pytest
import test_backlog_run
from conftest import ended, eventually, later
from test_backlog_run import BLOCKS, BY_PLAN, PLAN, WRITES_PLAN, Wishes, hook, new, ready

wishes, planned = test_backlog_run.wishes, test_backlog_run.planned


def nexts(said: str) -> list[str]:
    """What a person may type next."""
    return [line.removeprefix("next: ") for line in said.splitlines() if line.startswith("next: ")]


def commands(text: str) -> list[list[str]]:
    """The commands of peal that a text names, as words behind `peal`."""
    return [shlex.split(command)[1:] for command in re.findall("`(peal [^`]*)`", text)]


# --- A run that could begin nothing


@pytest.mark.parametrize("nothing", ["an empty backlog", "a block", "a cap of none", "an edit"])
def test_a_run_that_could_begin_nothing_has_a_status(wishes: Wishes, nothing: str) -> None:
    if nothing != "an empty backlog":
        wishes.put(ready("WRK-001"))
    if nothing == "a block":
        wishes.repo.peal("backlog", "block", "1", "--reason", "Which?")
    if nothing == "an edit":
        wishes.repo.write("backlog/WRK-001.md", wishes.repo.read("backlog/WRK-001.md") + "\nMore.\n")
    code = {"a block": 1, "an edit": 4}.get(nothing, 0)
    wishes.run(*(["--cap", "0"] if nothing == "a cap of none" else []), code=code)

    shown = wishes.repo.peal("status").stdout
    watched = wishes.repo.peal("status", "--watch").stdout
    told = json.loads(wishes.repo.peal("status", "--json").stdout)

    assert re.match(rf"backlog: finished for \S+, exit code {code}: .*\nnothing was begun\n", shown)
    assert watched == shown
    assert (told["state"], told["exit_code"], told.get("tasks", [])) == ("finished", code, [])


# --- The way out


@pytest.mark.parametrize("how", ["stop", "Ctrl-C"])
def test_a_run_that_is_ended_says_how_it_goes_on(wishes: Wishes, how: str) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", "gate x; answer phase_complete")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    if how == "stop":
        wishes.repo.peal("stop")
    else:
        run.send_signal(signal.SIGINT)

    said = ended(run, 130)
    wishes.open("x")
    wishes.repo.peal("resume")

    assert said.splitlines()[-2:] == ["interrupted", "next: `peal resume` to go on where this stopped"]
    assert wishes.item("WRK-001").status == "done"


@pytest.mark.parametrize("words", [(), ("-q",)])
def test_blocked_items_have_their_reasons_and_ways_out(wishes: Wishes, words: tuple[str, ...]) -> None:
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(ready("WRK-001"), ready("WRK-002", priority=1, requires_human_review=True), ready("WRK-003"))
    wishes.does("WRK-001", BLOCKS)
    wishes.does("WRK-003", "answer failed 'The tests are red'")

    said = wishes.run(*words, code=1)

    listed = said[said.index("blocked: ") :].splitlines()[:4]
    assert listed == [
        "blocked: WRK-001, WRK-002, WRK-003",
        "  WRK-001: Which?; `peal backlog unblock WRK-001 --notes ANSWER` lets it go on",
        "  WRK-002: a person is to review it first; `peal backlog unblock WRK-002` says that it may go on",
        "  WRK-003: The tests are red; `peal backlog unblock WRK-003` lets it go on",
    ]


def test_no_more_blocked_items_are_told_than_a_person_reads(wishes: Wishes) -> None:
    wishes.put(*(ready(f"WRK-00{number}") for number in range(1, 8)))
    wishes.does("build", BLOCKS)

    said = wishes.run(code=1)

    assert said.count("lets it go on") == 5
    assert "  and 2 more; `peal backlog status` shows all" in said
    assert wishes.repo.peal("backlog", "status").stdout.count("blocked (clarification): Which?") == 7


def test_held_items_have_their_reasons_at_the_end(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.repo.write("backlog/WRK-001.md", wishes.repo.read("backlog/WRK-001.md") + "\nMore.\n")

    said = wishes.run()

    why = "its file `WRK-001.md` has changes that are not committed; commit them"
    assert f"held: WRK-001\n  WRK-001: {why}\n" in said


def test_a_failure_has_its_transcript(wishes: Wishes) -> None:
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(ready("WRK-001"))
    wishes.does("build", "echo 'one test of 5 fails'; exit 3")

    said = wishes.run(code=1)

    assert "task WRK-001/build failed: A wish\n  build, attempt 1: exit status 3: one test of 5 fails" in said
    assert "    | one test of 5 fails" in said
    (folder,) = re.findall("  transcript: (.*)", said)
    assert "one test of 5 fails" in (wishes.repo.path / folder / "stdout").read_text()
    assert ["logs", "WRK-001/build"] in commands(said)
    assert "one test of 5 fails" in wishes.repo.peal("logs", "WRK-001/build").stdout


def test_no_attempt_is_shown_instead_of_itself(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", "answer failed 'no'")
    wishes.run(code=1)

    said = wishes.repo.peal("logs", "1").stdout
    ((*words,),) = commands(said)

    assert words == ["logs", "WRK-001/build", "build", "--attempt", "2"]
    assert "attempt 2" in wishes.repo.peal(*words).stdout


# --- Advice does what it says


@pytest.mark.parametrize("asked", [("--target", "2"), *later(((),), (("--only", "tag=a,b c"),))])
def test_what_goes_on_after_a_cap_is_what_was_asked_for(wishes: Wishes, asked: tuple[str, ...]) -> None:
    wishes.settings(feature=test_backlog_run.TWO)
    wishes.put(ready("WRK-001"), ready("WRK-002", tags=("b c",)))

    said = wishes.run(*asked, "--cap", "1")
    (why,) = (line for line in said.splitlines() if line.endswith("goes on"))
    (again,) = commands(why)
    resumed = wishes.repo.peal("resume").stdout
    status = nexts(wishes.repo.peal("status").stdout)
    wishes.repo.peal(*again)

    assert again == ["backlog", "run", *asked]
    assert commands(resumed) == [again]
    assert commands(status[-1]) == [["backlog", "status"], again]
    assert wishes.statuses() == {"WRK-001": "ready" if asked else "done", "WRK-002": "done"}


def test_what_goes_on_after_a_capped_triage_is_triage(wishes: Wishes) -> None:
    wishes.put("One", "Two")

    said = wishes.run("--cap", "0", command="triage")

    assert "as many as the cap allows; `peal backlog triage` goes on" in said


@pytest.mark.parametrize("asked", [("--target", "1"), *later((("--only", "tag=x"),)), ()])
def test_who_asks_why_nothing_can_be_worked_on_changes_nothing(
    wishes: Wishes, asked: tuple[str, ...]
) -> None:
    wishes.put(ready("WRK-001", tags=("x",)), *([ready("WRK-002")] if asked else []))
    wishes.repo.peal("backlog", "block", "1", "--reason", "Wait")

    said = wishes.run(*asked, code=1)
    ((*question,), *_) = commands(said[said.index("none of") :])
    answer = wishes.repo.peal(*question, code=1).stdout

    assert question == ["backlog", "run", *asked, "--dry-run", "--explain"]
    assert wishes.calls == []
    assert "blocked by decision: Wait" in answer if "--target" not in asked else "already blocked" in answer
    assert "--explain" not in answer


# --- Each reason for what it is the reason for


def test_what_is_held_for_several_reasons_has_each_of_them(wishes: Wishes) -> None:
    wishes.settings("max_parallel = 3\n[execution]\nmax_concurrent = 3\nmax_wip = 3")
    wishes.repo.write("other.txt", "old\n")
    wishes.put(ready("WRK-001"), ready("WRK-002"), ready("WRK-003"))
    for number, file in ((1, "README.md"), (2, "README.md"), (3, "other.txt")):
        wishes.does(f"WRK-00{number}", f"echo {number} >{file}; answer phase_complete")
    for file in ("README.md", "other.txt"):
        wishes.repo.write(file, "mine\n")

    said = wishes.run(code=4)

    (why,) = (line for line in said.splitlines() if line.startswith("paused: "))
    assert re.search(r"`WRK-001/build`, `WRK-002/build` held: your own `README.md` would", why)
    assert re.search(r"; `WRK-003/build` held: your own `other.txt` would", why)
    assert why.count("README.md") == 1


def test_tasks_of_a_plan_that_fail_for_several_reasons_have_each_of_them(planned: Wishes) -> None:
    planned.settings("continue_with_remaining_tasks = true\n[execution]\nmax_retries = 0", feature=BY_PLAN)
    planned.does("design", WRITES_PLAN.format(PLAN))
    planned.does("task-2", "echo 'no room'; exit 2")
    planned.does("task-3", "echo 'no time'; exit 3")

    planned.run(code=1)

    reason = planned.item("WRK-001").blocked.reason  # type: ignore[union-attr]
    assert "`WRK-001/build/2` failed: exit status 2: no room" in reason
    assert "`WRK-001/build/3` failed: exit status 3: no time" in reason


REFUSES = (
    'git diff --cached --name-only | grep -q "^$1" || exit 0; echo "lint: the word x is forbidden"; exit 1'
)


def test_what_a_hook_refuses_is_told_in_its_words(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    hook(wishes, "pre-commit", REFUSES.replace("$1", "WRK-001-build"))

    wishes.run(code=1)

    reason = wishes.item("WRK-001").blocked.reason  # type: ignore[union-attr]
    assert "1 finding left (hook pre-commit)" in reason
    assert reason.endswith("; hook pre-commit: exit status 1: lint: the word x is forbidden")
    assert "the word x is forbidden" in wishes.repo.peal("backlog", "status").stdout


def test_what_a_hook_refuses_of_a_plans_task_is_told_in_its_words(planned: Wishes) -> None:
    hook(planned, "pre-commit", REFUSES.replace("$1", "file-1"))

    planned.run(code=1)

    reason = planned.item("WRK-001").blocked.reason  # type: ignore[union-attr]
    assert "hook pre-commit: exit status 1: lint: the word x is forbidden" in reason


# --- A question is no failure


def test_a_question_is_told_once_and_as_a_question(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001", BLOCKS)

    said = wishes.run()
    status = wishes.repo.peal("status").stdout
    told = json.loads(wishes.repo.peal("status", "--json").stdout)
    logs = wishes.repo.peal("logs", "1").stdout
    summary = json.loads((wishes.repo.memory() / "run_summary.json").read_text())
    (journaled,) = (one for one in wishes.repo.recorded("StepEnded") if one["task"] == "WRK-001/build")

    during = said[: said.index("2 phases, ")]
    assert re.findall("^.*Which.*$", during, re.MULTILINE) == [
        during_line
        for during_line in during.splitlines()
        if "task WRK-001/build build BLOCKED in" in during_line
    ]
    assert "1 done, 1 blocked\n" in status
    assert re.search(r"  WRK-001/build +blocked build .*\(Which\?\)", status)
    assert "failed" not in said + status + logs
    assert "REJECTED" not in said
    assert (told["counts"]["blocked"], told["counts"]["failed"]) == (1, 0)
    assert "(blocked: Which?)" in logs
    assert (summary["tasks_failed"], summary["blocked"]) == ([], {"WRK-001/build": "Which?"})
    assert journaled["outcome"]["result"] == "rejected"


def test_what_was_answered_is_not_asked_for_again(wishes: Wishes) -> None:
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001", BLOCKS)
    wishes.does("WRK-002", "answer failed no")
    wishes.run(code=1)

    first = commands("\n".join(nexts(wishes.repo.peal("status").stdout)))
    wishes.repo.peal("backlog", "unblock", "WRK-001", "--notes", "This one.")
    then = commands("\n".join(nexts(wishes.repo.peal("status").stdout)))

    asks, failed = ["backlog", "unblock", "WRK-001", "--notes", "ANSWER"], ["backlog", "unblock", "WRK-002"]
    assert asks in first
    assert failed in first
    assert asks not in then
    assert failed in then
    wishes.repo.peal(*failed)
    assert wishes.item("WRK-002").status == "in_progress"


def test_a_question_can_be_answered_while_the_run_goes_on(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001", priority=1), new("WRK-002"))
    wishes.does("WRK-001-build", BLOCKS)
    wishes.does("triage", "gate x; answer phase_complete")
    run = wishes.start("--max-parallel", "1")
    eventually(lambda: wishes.has_begun("x"))

    status = wishes.repo.peal("status").stdout
    wishes.usual("WRK-001-build")
    wishes.repo.peal("backlog", "unblock", "1", "--notes", "This one.")
    wishes.open("x")
    ended(run, 0)

    assert nexts(status)[0] == "`peal backlog unblock WRK-001 --notes ANSWER` to answer what it asks"
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done"}


@pytest.mark.parametrize("phase", [*later("triage"), "build"])
def test_an_agent_is_told_what_was_asked_and_not_that_it_failed(wishes: Wishes, phase: str) -> None:
    wishes.put(new("WRK-001"))
    wishes.does(phase, "answer blocked 'Red or blue?'")
    wishes.run(code=1)
    wishes.usual(phase)
    wishes.repo.peal("backlog", "unblock", "1", "--notes", "Blue.")

    wishes.run()

    prompt = wishes.prompt(f"WRK-001-{phase}", 2)
    assert "could not go on, and asked:\n\n----- QUESTION begins -----\nRed or blue?\n" in prompt
    assert "----- ANSWER begins -----\nBlue.\n" in prompt
    assert "attempt before this one failed" not in prompt
