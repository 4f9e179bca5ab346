"""Plans carried out by coding CLIs, from outside: by stand-ins that behave as the real ones do, faults included."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Clis, Repo, carriers, ended, eventually, is_running, landed, later, sample
from forkserver import popen

PROGRAMS = {
    "claude": "claude",
    "codex": "codex",
    "cursor": "cursor-agent",
    "opencode": "opencode",
    "gemini": "gemini",
    "qwen": "qwen",
    "copilot": "copilot",
    "aider": "aider",
}
"""The program of each agent, in the order in which `auto` looks for them."""
ALL = tuple(PROGRAMS)
WITH_SESSIONS = tuple(name for name in ALL if name != "aider")
ONE_CALL = 1290
"""Tokens of one call of a model; so many of them come from its cache:"""
CACHED = 1000
COST = 0.001842
EVERYTHING = {
    "--dangerously-skip-permissions", "--dangerously-bypass-approvals-and-sandbox", "--yolo", "-y", "--allow-all",
    "--allow-all-tools", "--force", "-f", "--auto", "yolo", "bypassPermissions", "danger-full-access",
}  # fmt: skip
"""Words that let a CLI do everything."""


def plan(project: Repo, *tasks: str, more: str = "") -> None:
    """A plan whose tasks are orders to the stand-ins, committed; `(parallel)` in front marks a task."""
    parts = ["# A plan\n"]
    for number, orders in enumerate(tasks, 1):
        mark = " (parallel)" if orders.startswith("(parallel)") else ""
        lines = "\n".join(line.strip() for line in orders.removeprefix("(parallel)").strip().splitlines())
        parts.append(f"## Task {number}{mark}: number {number}\n\n{lines}\n")
    project.write("plan.md", "\n".join(parts))
    if more:
        project.write("peal.toml", more)
    project.git("add", ".")
    project.git("commit", "-qm", "the plan")


def run(project: Repo, agent: str, *flags: str, code: int | None = 0, **env: str) -> str:
    """What a run of the plan says."""
    done = project.peal("run", "plan.md", "--agent", agent, *flags, code=code, **env)
    return done.stdout + done.stderr


def resume(project: Repo, *flags: str, code: int | None = 0, **env: str) -> str:
    """What going on says."""
    done = project.peal("resume", *flags, code=code, **env)
    return done.stdout + done.stderr


def journal(project: Repo, kind: str = "StepEnded") -> list[dict[str, Any]]:
    """What is recorded of this kind."""
    path = project.memory() / "journal.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return [record for record in records if record.get("event") == kind]


def results(project: Repo, task: int = 0) -> list[str]:
    """How the attempts ended that asked an agent: `1 plan passed`."""
    return [
        f"{step['task']} {step['phase']} {step['outcome']['result']}"
        for step in journal(project)
        if step["outcome"].get("agent") and task in (0, step["task"])
    ]


def reasons(project: Repo) -> str:
    """Why attempts ended as they did."""
    return "\n".join(step["outcome"].get("reason", "") for step in journal(project))


def met_limit(project: Repo) -> bool:
    """Whether the usage limit of an agent was met."""
    return bool(list((project.path / ".peal").glob("*/journal.jsonl"))) and any(
        "limited" in line for line in results(project)
    )


def status(project: Repo, **env: str) -> dict[str, Any]:
    """`peal status --json`."""
    found = json.loads(project.peal("status", "--json", **env).stdout)
    return dict(found)


def attempt(project: Repo, name: str, file: str) -> str:
    """A file of an attempt."""
    return (project.memory() / "attempts" / name / file).read_text(encoding="utf-8")


def all_gone(project: Repo) -> None:
    """Nothing that a run has started is left."""
    for opened in journal(project, "RunOpened"):
        assert carriers("PEAL_RUN_ID", opened["run"]) == []


@pytest.fixture
def review(project: Repo) -> Path:
    """A reviewer that finds every file with `bad` in it, and counts how often it looks."""
    script, seen = project.path.parent / "review.sh", project.path.parent / "reviews"
    script.write_text(f"#!/bin/sh\necho x >> '{seen}'\n! grep -l bad *.txt\n")
    script.chmod(0o755)
    command = json.dumps(f"'{script}'")
    project.write("peal.toml", f'[[reviewers]]\nname = "words"\ncommand = {command}\n')
    seen.touch()
    return seen


Put = Callable[..., Clis]


# Every CLI, through all phases.


@pytest.mark.parametrize("agent", ALL)
def test_a_plan_goes_through_all_phases(project: Repo, clis: Put, agent: str) -> None:
    cli = clis(PROGRAMS[agent])
    plan(
        project,
        "(parallel) WRITE one.txt: 1\nplan: SAY First think about one.",
        "(parallel) WRITE two.txt: 2\nplan: SHELL evil.txt: 1",
        "WRITE three.txt: 3",
    )

    said = run(project, agent, "--max-parallel", "2")

    assert landed(project) == ["1", "2", "3"]
    assert [project.read(f"{name}.txt") for name in ("one", "two", "three")] == ["1\n", "2\n", "3\n"]
    assert project.git("status", "--porcelain") == ""
    assert "3 of 3 tasks complete" in said
    assert "First think about one." in attempt(project, "001-plan-1", "reply.md")
    (first,) = (call for call in cli.calls(phase="execute") if call["env"]["PEAL_TASK"] == "1")
    assert "First think about one." in first["prompt"]
    assert sorted(step["agent"] for step in journal(project, "StepStarted") if step["agent"]) == [agent] * 6
    assert [session_in(call) for call in cli.calls()] == [""] * 6
    assert all(EVERYTHING.isdisjoint(call["argv"]) for call in cli.calls(phase="plan"))


@pytest.mark.parametrize("agent", sample(ALL, "claude", "aider"))
def test_what_reviewers_find_is_mended(project: Repo, clis: Put, review: Path, agent: str) -> None:
    cli = clis(PROGRAMS[agent])
    plan(project, "execute: WRITE one.txt: bad\naddress: WRITE one.txt: good")

    run(project, agent)

    assert project.read("one.txt") == "good\n"
    assert landed(project) == ["1"]
    assert results(project) == ["1 plan passed", "1 execute passed", "1 address mended"]
    (mending,) = cli.calls(phase="address")
    assert "one.txt" in mending["prompt"].partition("FINDING begins")[2]
    assert len(review.read_text().split()) == 2


@pytest.mark.parametrize("agent", sample(ALL, "claude", "opencode", "aider"))
def test_a_prompt_gets_there_as_it_is(project: Repo, clis: Put, agent: str) -> None:
    cli = clis(PROGRAMS[agent])
    command = "-" if agent == "claude" else "/compact"  # which claude would obey
    project.write("words/plan.md.j2", "--version\n{{ task.body }}\n")
    project.write("words/execute.md.j2", f"{command} all\n{{{{ task.body }}}}\n")
    odd = (
        f"--help me\n/slash command\n@README.md $HOME `id` \"'\\\nGrüße aus Köln, 你好 🦊\n{'lang ' * 60_000}"
    )
    plan(project, f"{odd}\nWRITE one.txt: 1")

    run(project, agent, "--prompts", "words")

    for phase, begins in (("plan", "--version\n"), ("execute", f"{command} all\n")):
        (call,) = cli.calls(phase=phase)
        assert call["prompt"] == attempt(project, f"001-{phase}-1", "prompt.md")
        assert call["prompt"].startswith(begins)
        assert "Grüße aus Köln, 你好 🦊" in call["prompt"]
        assert len(call["prompt"]) > 300_000


def test_claude_takes_a_prompt_that_begins_with_a_slash_for_a_command_and_that_is_told(
    project: Repo, clis: Put
) -> None:
    clis("claude")
    project.write("words/plan.md.j2", "/frobnicate {{ task.body }}\n")
    plan(project, "WRITE one.txt: 1")

    said = run(project, "claude", "--prompts", "words", code=1)

    assert "Unknown command: /frobnicate" in said


# What can go wrong.


@pytest.mark.parametrize("agent", sample(ALL, "claude", "aider"))
def test_each_failure_is_told_for_what_it_is(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    faults = {
        "FAIL 500": "transient",
        "FAIL 400": "too long",
        "EMPTY": "failed",
        "CUT": "failed",
        "execute: DENIED secret.txt": "refused",
        "execute: NOTHING": "failed",
        "PLANWRITE leak.txt": "failed",
    }
    if agent != "qwen":  # which waits in silence
        faults["FAIL 429"] = "transient"
    if agent in ("codex", "aider"):  # a refusal is for the model alone to see
        del faults["execute: DENIED secret.txt"]
    plan(project, *faults)

    said = run(project, agent, "--continue-with-remaining-tasks", "--transient-retry-count", "0", code=2)

    ends = [results(project, task)[-1].split(" ", 2)[2] for task in range(1, len(faults) + 1)]
    assert dict(zip(faults, ends, strict=True)) == faults
    assert "no change" in said
    assert "`plan` changed `leak.txt`; it may only read" in said
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize("agent", sample(ALL, "claude"))
def test_who_is_not_logged_in_stops_the_run_and_is_told_what_to_do(
    project: Repo, clis: Put, agent: str
) -> None:
    clis(PROGRAMS[agent])
    plan(project, "FAIL 401 x1\nWRITE one.txt: 1", "WRITE two.txt: 2")

    said = run(project, agent, "--phase-retry-count", "3", code=1)

    assert results(project) == ["1 plan stopped"]
    assert f"agent `{agent}` cannot work" in said
    assert re.search(r"log ?in|API_KEY|auth", said)
    resume(project)
    assert landed(project) == ["1", "2"]


@pytest.mark.parametrize("agent", ["claude", *later("codex", "gemini"), "aider"])
def test_a_model_that_is_not_there_stops_the_run(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    plan(project, "FAIL 404", "WRITE two.txt: 2")

    said = run(project, agent, "--phase-retry-count", "3", code=1)

    assert results(project) == ["1 plan stopped"]
    assert "nonesuch" in said


def test_who_stays_after_its_last_word_has_passed_and_is_sent_home(project: Repo, clis: Put) -> None:
    clis("codex")  # which talks on stderr too
    plan(project, "WRITE one.txt: 1\nexecute: LINGER")
    hasty = project.path.parent / "hasty.py"
    hasty.write_text(
        "from peal import cli\nfrom peal.system import process\nprocess.FAREWELL = 1.0\ncli.main()\n"
    )
    place, clock = ("--repo", str(project.path)), ("--phase-timeout-sec", "25")

    words = ("hasty", "run", str(project.path / "plan.md"), *place, "--agent", "codex", *clock)
    process = popen(words, hasty.parent, project.env, stderr=subprocess.STDOUT)
    project.started.append(process)

    ended(process, 0)
    assert results(project) == ["1 plan passed", "1 execute passed"]
    all_gone(project)


@pytest.mark.parametrize("agent", sample(ALL, "claude", "codex"))
def test_what_looks_bad_and_is_not_does_no_harm(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    about_errors = (
        "I made 401 Unauthorized, usage limit reached and [API Error: 500] readable; rate limit 429, too long"
    )
    plan(
        project,
        "RETRIES 429\nWRITE one.txt: an error that passes within the CLI",
        f"SAY {about_errors}\nWRITE two.txt: errors that a model talks about",
        "execute: BIG\nSAY as always\nWRITE three.txt: a line of three megabytes",
    )

    run(project, agent)

    assert results(project) == [
        f"{task} {phase} passed" for task in (1, 2, 3) for phase in ("plan", "execute")
    ]
    reply = attempt(project, "003-execute-1", "reply.md")
    assert "as always" in reply
    assert len(reply) < 200_000


def test_a_provider_that_cannot_serve_is_asked_again_without_a_failed_try(project: Repo, clis: Put) -> None:
    """And without a word of a failure."""
    cli = clis("claude")
    plan(project, "execute: FAIL 500 x2\nWRITE one.txt: 1")

    said = run(project, "claude")

    assert results(project) == ["1 plan passed", *["1 execute transient"] * 2, "1 execute passed"]
    setbacks = [step for step in journal(project) if step["outcome"]["result"] == "transient"]
    pauses = [step["outcome"]["until"] - step["at"] for step in setbacks]
    assert 0.8 < pauses[0] < 2.1
    assert 1.8 < pauses[1] < 4.1
    starts = [step["at"] for step in journal(project, "StepStarted") if step["phase"] == "execute"]
    assert all(again >= step["outcome"]["until"] for again, step in zip(starts[1:], setbacks, strict=True))
    assert "the provider could not serve it; tried again at" in said
    assert ["failed" in call["prompt"] for call in cli.calls(phase="execute")] == [False] * 3


@pytest.mark.parametrize("fault", ["FAIL 400 x1", "DENIED secret.txt", *later("EMPTY", "HANG")])
def test_who_tries_again_after_any_failure_is_told_of_it(project: Repo, clis: Put, fault: str) -> None:
    cli = clis("claude")
    plan(project, f"execute: {fault}\nexecute: WRITE one.txt: 1")

    run(project, "claude", "--phase-retry-count", "1", "--idle-timeout-sec", "1", code=None)

    again = cli.calls(phase="execute")[1]["prompt"]
    assert "The attempt before this one failed. Do not repeat it." in again


def test_who_tries_again_is_told_of_a_failure_though_the_provider_could_not_serve_meanwhile(
    project: Repo, clis: Put
) -> None:
    cli = clis("claude")
    plan(project, "execute: DIE HOME\nexecute: WRITE one.txt: 1")
    run(project, "claude", code=1)
    (cli.state / "limit-claude.json").write_text(json.dumps([float(int(time.time()) + 4), ""]))

    resume(project, code=1)

    assert results(project) == ["1 plan passed", "1 execute failed", "1 execute limited", "1 execute failed"]
    assert "is not accepted" in cli.calls(phase="execute")[-1]["prompt"]


def test_others_are_ended_when_an_agent_cannot_work(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(
        project,
        "(parallel) execute: GATE two\nWRITE one.txt: 1",
        "(parallel) execute: FAIL 401 x1\nWRITE two.txt: 2",
    )

    said = run(project, "claude", "--max-parallel", "2", code=1)
    cli.open("two")

    assert sorted(results(project)[2:]) == ["1 execute interrupted", "2 execute stopped"]
    assert "`peal resume`" in said
    resume(project)
    assert landed(project) == ["1", "2"]


def test_silence_ends_an_attempt_by_the_idle_clock(project: Repo, clis: Put) -> None:
    clis("claude")
    plan(project, "execute: HANG")

    said = run(project, "claude", "--idle-timeout-sec", "1", code=1)

    assert results(project)[-1] == "1 execute hung"
    assert "hung: no output for too long" in said
    all_gone(project)


def test_a_flood_ends_an_attempt(project: Repo, clis: Put) -> None:
    clis("claude")
    plan(project, "execute: FLOOD")

    run(project, "claude", "--max-output-mb", "1", code=1)

    assert results(project)[-1] == "1 execute flooded"
    all_gone(project)


def test_children_in_sessions_of_their_own_are_ended_with_the_attempt(
    project: Repo, clis: Put, tmp_path: Path
) -> None:
    clis("claude")
    plan(project, f"WRITE one.txt: 1\nCHILD {tmp_path}/late", "execute: CHILD late\nexecute: FAIL 400")

    run(project, "claude", code=1)

    all_gone(project)
    assert not (tmp_path / "late").exists()


def test_who_ignores_the_order_to_end_is_ended_all_the_same(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(project, "execute: STUBBORN\nexecute: CHILD late\nexecute: HANG stubborn")
    process = project.start("run", "plan.md", "--agent", "claude")
    eventually(lambda: cli.has_begun("stubborn"))

    process.send_signal(signal.SIGINT)
    eventually(lambda: journal(project, "StopAsked"))
    process.send_signal(signal.SIGINT)

    ended(process, 130)
    all_gone(project)
    assert results(project)[-1] == "1 execute interrupted"


def test_a_refusal_is_a_failure_in_execute_and_none_in_plan(project: Repo, clis: Put) -> None:
    clis("claude")
    plan(project, "WRITE one.txt: 1\nexecute: DENIED secret.txt")

    said = run(project, "claude", code=1)

    assert results(project) == ["1 plan passed", "1 execute refused"]
    assert "not permitted: `Write secret.txt`" in said


# Usage limits.


def test_a_run_sleeps_until_the_limit_is_reset(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(project, "execute: FAIL LIMIT for 2\nWRITE one.txt: 1", "WRITE two.txt: 2")

    said = run(project, "claude")

    assert results(project) == [
        "1 plan passed", "1 execute limited", "1 execute passed", "2 plan passed", "2 execute passed",
    ]  # fmt: skip
    (limited,) = (step["outcome"] for step in journal(project) if step["outcome"]["result"] == "limited")
    assert limited["agent"] == "claude"
    assert cli.calls(phase="execute")[1]["at"] >= limited["until"]
    assert "waits: usage limit of `claude` until " in said
    assert landed(project) == ["1", "2"]


def test_the_wait_is_seen_from_outside(project: Repo, clis: Put) -> None:
    clis("claude")
    plan(project, "execute: FAIL LIMIT for 40\nWRITE one.txt: 1")
    process = project.start("run", "plan.md", "--agent", "claude", "--json")
    eventually(lambda: met_limit(project))
    eventually(lambda: "waiting" in project.peal("status").stdout)

    table, found = project.peal("status").stdout, status(project)

    process.send_signal(signal.SIGINT)
    events = [json.loads(line) for line in ended(process, 130).splitlines()]
    (limited,) = (
        one["outcome"]
        for one in events
        if one["event"] == "StepEnded" and one["outcome"]["result"] == "limited"
    )
    assert limited["until"] == pytest.approx(time.time() + 60, abs=50)
    assert "usage limit of `claude` until " in table
    assert found["state"] == "running"
    assert "usage limit of `claude` until " in found["tasks"][0]["reason"]


def test_without_wait_the_run_is_paused_and_a_resume_goes_on(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(project, "execute: FAIL LIMIT for 4\nWRITE one.txt: 1")

    said = run(project, "claude", "--no-wait", code=4)
    at_once = resume(project, code=4)

    assert "paused: usage limit of `claude` until " in said
    assert "paused: usage limit of `claude` until " in at_once
    assert len(cli.calls()) == 2
    resume(project, "--wait")
    assert landed(project) == ["1"]
    assert len(cli.calls()) == 3


@pytest.mark.parametrize(("number", "code"), [*later((signal.SIGINT, 130)), (signal.SIGKILL, -9)])
def test_a_wait_that_was_cut_short_goes_on_in_the_next_run(
    project: Repo, clis: Put, number: int, code: int
) -> None:
    cli = clis("claude")
    plan(project, "execute: FAIL LIMIT for 4\nWRITE one.txt: 1")
    process = project.start("run", "plan.md", "--agent", "claude")
    eventually(lambda: met_limit(project))
    process.send_signal(number)
    ended(process, code)

    said = resume(project)

    assert "usage limit of `claude` until " in said
    (limited,) = (step["outcome"] for step in journal(project) if step["outcome"]["result"] == "limited")
    assert cli.calls()[-1]["at"] >= limited["until"]
    assert len(cli.calls()) == 3
    assert landed(project) == ["1"]


def test_try_now_asks_in_spite_of_the_limit(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(project, "execute: FAIL LIMIT for 3600\nWRITE one.txt: 1")
    run(project, "claude", "--no-wait", code=4)
    (cli.state / "limit-claude.json").unlink()

    resume(project, "--try-now")

    assert landed(project) == ["1"]


def test_try_now_that_meets_the_limit_again_is_paused_again(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(project, "execute: FAIL LIMIT for 3600\nWRITE one.txt: 1")
    run(project, "claude", "--no-wait", code=4)

    resume(project, "--try-now", code=4)
    resume(project, code=4)

    assert len(cli.calls(phase="execute")) == 2


@pytest.mark.parametrize(
    "table",
    [
        '[agents.claude]\nfallback = ["codex"]\n[agents.codex]\nmodel = "gpt-mini"\n',
        '[phases.execute]\nfallback = ["codex"]\nmodel = "opus"\n[agents.codex]\nmodel = "gpt-mini"\n',
    ],
)
def test_another_takes_over_at_once_with_a_model_of_its_own(project: Repo, clis: Put, table: str) -> None:
    cli = clis("claude", "codex")
    plan(project, "claude execute: FAIL LIMIT for 3600\nWRITE one.txt: 1", more=table)

    run(project, "claude")

    assert results(project) == ["1 plan passed", "1 execute limited", "1 execute passed"]
    agents = [step["agent"] for step in journal(project, "StepStarted") if step["agent"]]
    assert agents == ["claude", "claude", "codex"]
    (call,) = cli.calls("codex")
    assert call["argv"][call["argv"].index("-m") + 1] == "gpt-mini"
    assert landed(project) == ["1"]


def test_when_all_have_reached_their_limits_the_first_reset_counts(project: Repo, clis: Put) -> None:
    cli = clis("claude", "codex")
    plan(
        project,
        "codex: FAIL LIMIT for 3600\nclaude: FAIL LIMIT for 2\nWRITE one.txt: 1",
        more='[agents.claude]\nfallback = ["codex"]\n',
    )

    run(project, "claude")

    assert [call["name"] for call in cli.calls()] == ["claude", "codex", "claude", "claude"]
    assert landed(project) == ["1"]


def test_a_phase_of_another_agent_goes_on_meanwhile(project: Repo, clis: Put) -> None:
    cli = clis("claude", "codex")
    plan(
        project,
        "(parallel) claude: FAIL LIMIT for 4\nWRITE one.txt: 1",
        "(parallel) plan: GATE two\nWRITE two.txt: 2",
        more='[phases.plan]\nagent = "codex"\n',
    )
    process = project.start("run", "plan.md", "--agent", "claude", "--max-parallel", "2")
    eventually(lambda: met_limit(project))
    cli.open("two")
    eventually(lambda: "2 plan passed" in results(project))

    ended(process, 0)
    assert results(project).index("2 plan passed") < results(project).index("1 execute passed")
    assert landed(project) == ["1", "2"]


def test_two_that_meet_the_limit_together_wait_together(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    # Long enough for a slow machine: who comes when it is over meets no limit.
    orders = "execute: GATE {0}\nexecute: FAIL LIMIT for 4\nWRITE {0}.txt: 1"
    plan(project, f"(parallel) {orders.format('one')}", f"(parallel) {orders.format('two')}")
    process = project.start("run", "plan.md", "--agent", "claude", "--max-parallel", "2")
    eventually(lambda: cli.has_begun("one") and cli.has_begun("two"))
    cli.open("one")
    eventually(lambda: met_limit(project))
    cli.open("two")

    ended(process, 0)
    assert sorted(results(project)[2:4]) == ["1 execute limited", "2 execute limited"]
    assert len(cli.calls(phase="execute")) == 4
    assert landed(project) == ["1", "2"]


def test_a_limit_in_address_does_not_make_reviewers_look_again_and_again(
    project: Repo, clis: Put, review: Path
) -> None:
    clis("claude")
    plan(project, "execute: WRITE one.txt: bad\naddress: FAIL LIMIT for 2\naddress: WRITE one.txt: good")

    run(project, "claude")

    assert results(project)[2:] == ["1 address limited", "1 address mended"]
    assert len(review.read_text().split()) == 3
    assert project.read("one.txt") == "good\n"


def test_without_wait_a_limit_in_address_pauses_the_run(project: Repo, clis: Put, review: Path) -> None:
    cli = clis("claude")
    plan(
        project,
        "execute: WRITE one.txt: bad\naddress: FAIL LIMIT for 3600\naddress: WRITE one.txt: good",
        "WRITE two.txt: 2",
    )

    run(project, "claude", "--no-wait", code=4)

    assert len(review.read_text().split()) == 1
    (cli.state / "limit-claude.json").unlink()
    resume(project, "--try-now")
    assert landed(project) == ["1", "2"]


@pytest.mark.parametrize("agent", ["claude", "codex", *later("qwen"), "aider"])
def test_a_limit_told_in_words_names_its_end(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    told = time.strftime("%-I:%M%p", time.gmtime(time.time() + 5 * 3600))
    plan(project, f"FAIL LIMIT at {told.lower()} (UTC)")

    run(project, agent, "--no-wait", code=4)

    (limited,) = journal(project)
    until = limited["outcome"]["until"]
    assert time.strftime("%-I:%M%p", time.gmtime(until)) == told
    assert 0 < until - limited["at"] < 5 * 3600 + 60


@pytest.mark.parametrize(
    "agent", sample([name for name in ALL if name != "qwen"], "claude", "codex", "cursor", "aider")
)
def test_each_cli_s_own_way_to_tell_of_a_limit_is_understood(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    plan(project, "FAIL LIMIT")

    run(project, agent, "--no-wait", code=4)

    (limited,) = journal(project)
    assert limited["outcome"]["result"] == "limited"
    if agent in ("claude", "codex", "cursor"):
        assert limited["outcome"]["until"] == pytest.approx(time.time() + 3 * 3600, abs=130)


# Tokens and cost.


@pytest.mark.parametrize(
    ("agent", "cost"),
    [("claude", COST), ("codex", None), ("opencode", COST), *later(("gemini", None)), ("qwen", None)],
)
def test_each_token_counts_once(project: Repo, clis: Put, agent: str, cost: float | None) -> None:
    clis(PROGRAMS[agent])
    plan(project, "execute: WRITE one.txt: 1")

    said = run(project, agent)

    calls = {"plan": 1, "execute": 2}
    for step in journal(project):
        (used,) = step["outcome"].get("usage", [{}])
        if (number := calls.get(step["phase"])) is None:
            continue
        assert used["cached"] == CACHED * number
        assert used["input"] == 234 * number
        assert used["output"] in (56 * number, 64 * number)
        assert used.get("cost") == (pytest.approx(cost * number) if cost else None)
    found = status(project)
    total = sum(found["used"].get(key, 0) for key in ("input", "cached", "written", "output"))
    assert ONE_CALL * 3 <= total <= 1298 * 3
    assert found["tasks"][0]["used"] == found["used"]
    assert set(found["used_by_phase"]) == {"plan", "execute"}
    assert len(found["used_by_model"]) == 1
    assert "used: 3.9k tokens (3.0k cached)" in said
    assert ("unknown cost" in said) is (cost is None)


@pytest.mark.parametrize("agent", ["claude", "codex", "opencode", *later("gemini", "qwen")])
def test_what_a_session_had_used_before_does_not_count_again(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    plan(project, "execute: WRITE one.txt: 1")

    run(project, agent, "--continue-session")

    used = [step["outcome"]["usage"][0] for step in journal(project) if step["outcome"].get("usage")]
    assert [one["cached"] for one in used] == [CACHED, CACHED * 2]


def test_what_was_used_is_told_by_model_and_goes_on_counting_in_a_resume(project: Repo, clis: Put) -> None:
    clis("claude", "codex")
    plan(
        project,
        "WRITE one.txt: 1\nexecute: FAIL 400 x1",
        more='[phases.plan]\nagent = "codex"\nmodel = "o9"\n',
    )
    run(project, "claude", "--model", "opus", code=1)

    said = resume(project)

    found = status(project)
    by_model = {one.get("model"): one for one in found["used_by_model"]}
    assert by_model.keys() == {"o9", "opus"}
    assert by_model["o9"]["cached"] == CACHED * 2
    assert by_model["opus"]["cached"] == CACHED * 2
    assert "o9: 2.6k tokens (2.0k cached), unknown cost" in said
    assert "opus: 2.6k tokens (2.0k cached), $0.0037" in said
    assert "without what `o9` costs: unknown" in said


def test_a_table_of_prices_tells_what_an_agent_does_not(project: Repo, clis: Put) -> None:
    clis("codex")
    plan(
        project,
        "execute: WRITE one.txt: 1",
        more='[prices."gpt-*"]\ninput = 1000\ncached = 100\noutput = 10000\n',
    )

    said = run(project, "codex", "--model", "gpt-5")

    once = (234 * 1000 + 1000 * 100 + 56 * 10_000) / 1e6
    assert status(project)["used"]["cost"] == pytest.approx(3 * once)
    assert f"${3 * once:.2f}" in said


@pytest.mark.parametrize(
    ("budget", "more"),
    [
        (("--max-tokens", "4000"), ("--max-tokens", "9000")),
        *later((("--max-cost", "0.006"), ("--max-cost", "1"))),
    ],
)
def test_past_the_budget_nobody_is_asked_and_what_is_done_lands(
    project: Repo, clis: Put, budget: tuple[str, str], more: tuple[str, str]
) -> None:
    cli = clis("claude")
    plan(project, "execute: WRITE one.txt: 1", "execute: WRITE two.txt: 2")

    said = run(project, "claude", *budget, code=4)

    assert landed(project) == ["1"]
    assert len(cli.calls()) == 3
    assert f"`{budget[0][2:].replace('-', '_')}`" in said
    resume(project, code=4)
    assert len(cli.calls()) == 3
    resume(project, *more)
    assert landed(project) == ["1", "2"]


def test_past_the_budget_what_is_executed_side_by_side_still_lands(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(
        project,
        "(parallel) execute: WRITE one.txt: 1",
        "(parallel) execute: WRITE two.txt: 2",
        "WRITE three.txt: 3",
    )

    run(project, "claude", "--max-parallel", "2", "--max-tokens", "5000", code=4)

    assert landed(project) == ["1", "2"]
    assert len(cli.calls()) == 4


def test_past_the_budget_findings_are_not_mended(project: Repo, clis: Put, review: Path) -> None:
    cli = clis("claude")
    plan(project, "execute: WRITE one.txt: bad\naddress: WRITE one.txt: good")

    said = run(project, "claude", "--max-tokens", "3000", code=4)

    assert len(cli.calls()) == 2
    assert landed(project) == []
    assert "max_tokens" in said
    resume(project, "--max-tokens", "100000")
    assert landed(project) == ["1"]


@pytest.mark.parametrize(
    ("agent", "flags"),
    [
        ("codex", ["--max-cost", "1"]),
        ("copilot", ["--max-tokens", "1000"]),
        ("cursor", ["--max-cost", "1"]),
    ],
)
def test_a_budget_that_nobody_can_keep_is_refused_before_anything_starts(
    project: Repo, clis: Put, agent: str, flags: list[str]
) -> None:
    cli = clis(PROGRAMS[agent])
    plan(project, "WRITE one.txt: 1")

    said = run(project, agent, *flags, code=1)

    assert "cannot be kept" in said
    assert agent in said
    assert cli.calls() == []
    assert not (project.path / ".peal").exists()


# Sessions.


def session_in(call: dict[str, Any]) -> str:
    """The session that a call is to go on in; empty for a new one."""
    words = [part for word in call["argv"] for part in word.split("=", 1)]
    for flag in ("--resume", "--session", "resume"):
        if flag in words:
            rest = words[words.index(flag) + 1 :]
            return next(word for word in rest if re.fullmatch(r"(ses_)?[0-9a-f-]{20,}", word))
    return ""


@pytest.mark.parametrize("agent", sample(WITH_SESSIONS, "claude", "opencode"))
def test_execute_goes_on_in_the_session_of_plan_if_asked_to(
    project: Repo, clis: Put, agent: str, review: Path
) -> None:
    cli = clis(PROGRAMS[agent])
    plan(project, "execute: WRITE one.txt: bad\naddress: WRITE one.txt: good")

    run(project, agent, "--continue-session")

    planned, executed, *_ = (
        step["outcome"]["session"] for step in journal(project) if step["outcome"].get("session")
    )
    assert planned == executed
    assert [session_in(call) for call in cli.calls()][:2] == ["", planned]
    assert project.read("one.txt") == "good\n"


def test_who_tries_again_begins_a_new_session(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(project, "execute: WRITE one.txt: 1\nexecute: FAIL 400 x1")

    run(project, "claude", "--continue-session", "--phase-retry-count", "1")

    assert [bool(session_in(call)) for call in cli.calls()] == [False, True, False]


def test_another_agent_begins_a_new_session(project: Repo, clis: Put) -> None:
    cli = clis("claude", "codex")
    plan(project, "execute: WRITE one.txt: 1", more='[phases.execute]\nagent = "codex"\n')

    run(project, "claude", "--continue-session")

    assert [session_in(call) for call in cli.calls()] == ["", ""]


@pytest.mark.parametrize("agent", ["claude", *later("copilot")])
def test_a_session_goes_on_only_where_it_began(project: Repo, clis: Put, agent: str) -> None:
    cli = clis(PROGRAMS[agent])
    plan(project, *(f"(parallel) execute: WRITE {number}.txt: 1" for number in range(1, 7)))

    run(project, agent, "--continue-session", "--max-parallel", "2")

    began = {
        step["outcome"]["session"]: place["path"]
        for step in journal(project)
        for place in journal(project, "WorkspaceReady")
        if step["phase"] == "plan" and (place["task"], place["phase"]) == (step["task"], "plan")
    }
    for call in cli.calls(phase="execute"):
        assert session_in(call) == "" or began[session_in(call)] == call["cwd"]
    assert landed(project) == ["1", "2", "3", "4", "5", "6"]


def test_an_agent_that_works_in_another_folder_has_failed(project: Repo, clis: Put, tmp_path: Path) -> None:
    clis("claude")
    plan(project, f"execute: ELSEWHERE {tmp_path}/other\nexecute: WRITE one.txt: 1")

    said = run(project, "claude", "--continue-session", code=1)

    assert f"worked in `{tmp_path}/other`" in said


# Permissions.


@pytest.mark.parametrize("agent", sample(ALL, "claude", "codex", "aider"))
def test_with_limited_permissions_a_task_is_done_without_a_word_that_allows_everything(
    project: Repo, clis: Put, agent: str
) -> None:
    cli = clis(PROGRAMS[agent])
    plan(project, "plan: WRITE evil.txt: 1\nplan: SHELL evil2.txt: 1\nexecute: WRITE one.txt: 1")

    said = run(project, agent, "--permissions", "limited")

    assert results(project) == ["1 plan passed", "1 execute passed"]
    assert project.git("ls-files", "evil*") == ""
    assert landed(project) == ["1"]
    assert all(EVERYTHING.isdisjoint(call["argv"]) for call in cli.calls())
    assert "may do everything" not in said


@pytest.mark.parametrize("agent", ["claude", *later("copilot")])
def test_at_its_first_run_a_person_is_told_what_an_agent_may_do(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    plan(project, "execute: FAIL 400 x1\nexecute: WRITE one.txt: 1")

    first = run(project, agent, code=1)
    again = resume(project)

    assert first.count(f"`{agent}` may do everything that you may do on this machine") == 1
    assert "may do everything" not in again


# Who is asked.


@pytest.mark.parametrize("first", [0, *later(1, 2), 7])
def test_auto_is_the_first_that_is_here(project: Repo, clis: Put, first: int) -> None:
    here = [PROGRAMS[name] for name in ALL[first:]]
    cli = clis(*here)
    plan(project, "execute: WRITE one.txt: 1")

    done = project.peal("run", "plan.md")

    assert f"agent: `{ALL[first]}`, the first that is here of claude, codex, cursor" in done.stdout
    assert {call["name"] for call in cli.calls()} == {here[0]}


def test_without_any_cli_auto_says_how_to_get_one(project: Repo, clis: Put) -> None:
    clis()
    plan(project, "WRITE one.txt: 1")

    done = project.peal("run", "plan.md", code=1)

    assert "no agent was found" in done.stderr
    assert not (project.path / ".peal").exists()


@pytest.mark.parametrize("agent", ["claude", "cursor"])
def test_a_cli_that_is_not_installed_is_named_with_the_way_to_install_it(
    project: Repo, clis: Put, agent: str
) -> None:
    clis()
    plan(project, "WRITE one.txt: 1")

    said = run(project, agent, code=1)

    assert f"agent `{agent}`" in said
    assert "not on PATH" in said
    assert "install it (" in said


# The environment, and what nobody may read.


def test_an_agent_is_not_told_that_peal_runs_inside_another(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(project, "execute: WRITE one.txt: 1")
    outer = {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_ENTRYPOINT": "cli",
        "GEMINI_CLI": "1",
        "OPENCODE": "1",
        "COPILOT_CLI": "1",
    }

    run(project, "claude", **outer, ANTHROPIC_API_KEY="sk-test-1234", CODEX_HOME="/somewhere")

    for call in cli.calls():
        assert outer.keys().isdisjoint(call["env"])
        assert call["env"]["ANTHROPIC_API_KEY"] == "sk-test-1234"
        assert call["env"]["CODEX_HOME"] == "/somewhere"


def written(project: Repo) -> dict[str, str]:
    """What peal has written for people, by file; transcripts are an agent's own."""
    kept = {
        path.relative_to(project.path).as_posix(): path.read_text(errors="replace")
        for path in (project.path / ".peal").rglob("*")
        if path.is_file() and ("attempts" not in path.parts or path.name == "outcome.json")
    }
    assert any(name.endswith("journal.jsonl") for name in kept)
    return kept


SECRET = "sk-very-secret-0815"


@pytest.mark.parametrize("agent", ["claude", "aider", *later("codex", "cursor")])
def test_a_key_that_an_agent_prints_is_not_written_down_or_shown(
    project: Repo, clis: Put, agent: str
) -> None:
    clis(PROGRAMS[agent])
    plan(project, "LEAK FAKE_API_KEY\nexecute: DIE FAKE_API_KEY")
    secret = {"FAKE_API_KEY": SECRET}

    said = run(project, agent, "--explain", "-v", code=1, **secret)

    shown = [
        said,
        *(project.peal(*words, **secret).stdout for words in (("status",), ("status", "--json"), ("runs",))),
    ]
    assert [name for name, text in written(project).items() if SECRET in text] == []
    assert not any(SECRET in text for text in shown)
    assert "[hidden]" in said
    assert SECRET in attempt(project, "001-plan-1", "stderr")


def test_what_an_agent_prints_of_a_key_is_not_in_the_lines_of_json(project: Repo, clis: Put) -> None:
    clis("cursor-agent")
    plan(project, "LEAK FAKE_API_KEY\nexecute: DIE FAKE_API_KEY")

    said = run(project, "cursor", "--json", code=1, FAKE_API_KEY=SECRET)

    assert "[hidden]" in said
    assert SECRET not in said


def test_more_variables_are_hidden_if_they_are_named(project: Repo, clis: Put) -> None:
    clis("cursor-agent")
    plan(project, "LEAK MY_VAR\nexecute: DIE MY_VAR", more='redact = ["MY_VAR"]\n')

    said = run(project, "cursor", code=1, MY_VAR="tulip")

    assert "tulip" not in said
    assert [name for name, text in written(project).items() if "tulip" in text] == []
    assert "tulip" not in project.peal("status", MY_VAR="tulip").stdout


def test_a_secret_given_as_a_setting_is_not_written_down(project: Repo, clis: Put) -> None:
    cli = clis("claude")
    plan(project, "execute: FAIL 400 x1\nexecute: WRITE one.txt: 1")

    run(project, "claude", "--set", f"agents.claude.env.MY_TOKEN={SECRET}", code=1)

    assert cli.calls()[0]["env"]["MY_TOKEN"] == SECRET
    assert [name for name, text in written(project).items() if SECRET in text] == []
    said = resume(project, code=1)
    assert "agents.claude.env.MY_TOKEN" in said
    assert "secret" in said
    resume(project, "--set", f"agents.claude.env.MY_TOKEN={SECRET}")
    assert cli.calls()[-1]["env"]["MY_TOKEN"] == SECRET


# An agent of one's own around a CLI.


WRAPPED = """
[agents.mine]
plan = ["./wrap.sh", "--permission-mode", "plan"]
execute = ["./wrap.sh", "--dangerously-skip-permissions"]
address = ["./wrap.sh", "--dangerously-skip-permissions"]
reply = "claude"
env = { IS_SANDBOX = "1", CLAUDE_CODE_MAX_RETRIES = "1" }
"""


@pytest.fixture
def wrapped(project: Repo, clis: Put) -> Clis:
    """An agent `mine`: a script around claude."""
    script = project.write(
        "wrap.sh", '#!/bin/sh\necho wrapping >&2\nexec claude -p --output-format stream-json --verbose "$@"\n'
    )
    script.chmod(0o755)
    return clis("claude")


def test_a_wrapper_s_reply_and_use_are_read_as_those_of_what_it_wraps(project: Repo, wrapped: Clis) -> None:
    plan(project, "WRITE one.txt: 1\nSAY as planned", more=WRAPPED)

    run(project, "mine")

    assert attempt(project, "001-plan-1", "reply.md").strip() == "as planned"
    assert status(project)["used"]["cost"] == pytest.approx(4 * COST)
    assert landed(project) == ["1"]


def test_a_wrapper_s_faults_are_told_for_what_they_are(project: Repo, wrapped: Clis) -> None:
    faults = {
        "FAIL 500": "transient",
        "FAIL 400": "too long",
        "CUT": "failed",
        "execute: DENIED x": "refused",
    }
    plan(project, *faults, "FAIL LIMIT", more=WRAPPED)
    flags = ("--continue-with-remaining-tasks", "--transient-retry-count", "0", "--no-wait")

    said = run(project, "mine", *flags, code=4)

    ends = [results(project, task)[-1].split(" ", 2)[2] for task in range(1, 6)]
    assert ends == [*faults.values(), "limited"]
    assert "usage limit of `mine` until " in said


# Cut off in the middle.


def test_a_peal_killed_in_the_middle_leaves_nobody_at_work_and_does_nothing_twice(
    project: Repo, clis: Put, tmp_path: Path
) -> None:
    cli = clis("claude", "codex")
    plan(
        project,
        f"(parallel) execute: CHILD {tmp_path}/late\nexecute: GATE one\nWRITE one.txt: 1",
        "(parallel) execute: STUBBORN\nexecute: GATE two\nWRITE two.txt: 2",
        "WRITE three.txt: 3",
        more='[phases.plan]\nagent = "codex"\n',
    )
    process = project.start("run", "plan.md", "--agent", "claude", "--max-parallel", "2")
    eventually(lambda: cli.has_begun("one") and cli.has_begun("two"))
    (opened,) = journal(project, "RunOpened")
    pids = [call["pid"] for call in cli.calls("claude")]
    process.kill()
    ended(process, -9)
    eventually(lambda: carriers("PEAL_RUN_ID", opened["run"]) == [])
    assert not any(map(is_running, pids))
    cli.open("one")
    cli.open("two")

    resume(project)

    assert landed(project) == ["1", "2", "3"]
    assert len(cli.calls("codex")) == 3
    assert len(cli.calls("claude")) == 5
    assert not (tmp_path / "late").exists()
    all_gone(project)
