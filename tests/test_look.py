"""The commands that read and those that make small changes: status, runs, logs, check, prompt, redo, done."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import PEAL, UNTIL_GO, Repo, ended, eventually, shell_plan

from peal.agents.event_text import readable
from peal.agents.output_tail import last_said
from peal.record.events import StepStarted
from peal.record.journal import load


def test_status_shows_what_is_done_running_and_waiting_while_the_run_goes_on(repo: Repo) -> None:
    repo.write(
        "plan.md",
        shell_plan(
            "true", "(parallel) echo so far; touch begun; sleep 30", "(parallel) exit 3", "touch late"
        ),
    )
    process = repo.start(
        "run", "plan.md", "--agent", "shell", "--max-parallel", "2", "--continue-with-remaining-tasks"
    )
    eventually((repo.path / "begun").exists)
    eventually(lambda: _states(repo)[2] == "failed")

    found = json.loads(repo.peal("status", "--json").stdout)
    text = repo.peal("status", "plan.md").stdout

    assert found["state"] == "running"
    assert found["pid"] == process.pid
    assert [task["state"] for task in found["tasks"]] == ["done", "running", "failed", "waiting"]
    assert found["tasks"][1]["phase"] == "execute"
    assert found["tasks"][1]["last_output"] == "so far"
    assert found["tasks"][2]["reason"] == "exit status 3"
    assert found["tasks"][3]["reason"] == "earlier tasks come first"
    assert "1 done, 1 failed, 1 running, 1 waiting" in text
    assert "| so far" in text
    assert "next: `peal stop`" in text


def _states(repo: Repo) -> list[str]:
    return [task["state"] for task in json.loads(repo.peal("status", "--json").stdout)["tasks"]]


def test_status_after_a_crash_says_so_and_what_to_do(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true", "touch begun; sleep 30"))
    process = repo.start("run", "plan.md", "--agent", "shell")
    eventually((repo.path / "begun").exists)
    process.kill()
    process.wait()

    text = repo.peal("status").stdout

    assert text.startswith("plan.md: cut off")
    assert "2  cut off execute" in text
    assert "next: `peal resume`" in text


def test_status_of_a_plan_that_was_never_run_lists_its_tasks(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true", "true"))

    text = repo.peal("status", "plan.md").stdout

    assert "not run" in text
    assert "2 not begun" in text
    assert not (repo.path / ".peal").exists()


def test_status_where_nothing_was_run_says_how_to_begin(repo: Repo) -> None:
    assert "start with `peal run PLAN`" in repo.peal("status", code=1).stderr


def test_watching_ends_with_the_run(repo: Repo) -> None:
    repo.write("plan.md", shell_plan(f"touch begun; {UNTIL_GO}"))
    repo.start("run", "plan.md", "--agent", "shell")
    eventually((repo.path / "begun").exists)
    watcher = repo.start("status", "--watch")
    assert watcher.stdout
    assert "running" in watcher.stdout.readline()

    repo.write("../go", "")

    assert "finished" in ended(watcher, 0)


def test_a_watcher_that_is_interrupted_does_not_touch_the_run(repo: Repo) -> None:
    repo.write("plan.md", shell_plan(f"touch begun; {UNTIL_GO}; touch done"))
    run = repo.start("run", "plan.md", "--agent", "shell")
    eventually((repo.path / "begun").exists)
    watcher = repo.start("status", "--watch")
    assert watcher.stdout
    watcher.stdout.readline()

    watcher.send_signal(signal.SIGINT)

    assert watcher.wait(10) == 130
    repo.write("../go", "")
    assert run.wait(20) == 0
    assert (repo.path / "done").exists()


def test_runs_lists_the_plans_the_repository_knows_the_latest_first(repo: Repo) -> None:
    repo.write("a.md", shell_plan("true"))
    repo.write("b.md", shell_plan("exit 1"))
    assert "no plan has been run" in repo.peal("runs").stdout
    repo.peal("run", "a.md", "--agent", "shell")
    repo.peal("run", "b.md", "--agent", "shell", code=1)

    lines = repo.peal("runs").stdout.splitlines()
    listed = json.loads(repo.peal("runs", "--json").stdout)["runs"]

    assert "b.md  0 of 1 complete, exit code 1" in lines[0]
    assert "a.md  1 of 1 complete, exit code 0" in lines[1]
    assert [entry["plan_path"] for entry in listed] == ["b.md", "a.md"]


def test_without_a_plan_the_latest_run_is_meant_finished_or_not(repo: Repo) -> None:
    repo.write("a.md", shell_plan("exit 1"))
    repo.write("b.md", shell_plan("true"))
    repo.peal("run", "a.md", "--agent", "shell", code=1)
    repo.peal("run", "b.md", "--agent", "shell")

    assert repo.peal("status").stdout.startswith("b.md: finished")
    assert "of `" in repo.peal("redo", "1").stdout
    assert repo.peal("status", "a.md").stdout.startswith("a.md: finished")


def test_runs_knows_a_plan_whose_state_json_is_lost(repo: Repo) -> None:
    repo.write("a.md", shell_plan("true"))
    repo.peal("run", "a.md", "--agent", "shell")
    (repo.memory() / "state.json").unlink()

    assert "a.md  1 of 1 complete" in repo.peal("runs").stdout


def test_a_range_excuses_no_number_that_stands_by_itself(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("true", "true"))

    for words in (
        ["redo", "99", "1-2", "--plan", "plan.md"],
        ["run", "plan.md", "--agent", "shell", "--task", "1-2,77"],
    ):
        assert "not found in plan `plan.md`; it has 1-2" in repo.peal(*words, code=1).stderr


def test_logs_show_the_latest_attempt_or_the_one_asked_for(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo out $PEAL_ATTEMPT; echo err >&2; [ $PEAL_ATTEMPT = 2 ]"))
    repo.peal("run", "plan.md", "--agent", "shell", "--phase-retry-count", "1")

    latest = repo.peal("logs", "1", "execute").stdout
    first = repo.peal("logs", "1", "execute", "--attempt", "1", "--plan", "plan.md").stdout
    data = json.loads(repo.peal("logs", "1", "plan", "--json").stdout)

    assert "attempt 2 by shell (passed)" in latest
    assert "-- stdout\nout 2\n-- stderr\nerr\n" in latest
    assert "attempt 1 by shell (failed: exit status 1: err)" in first
    assert data["phase"] == "plan"
    assert "will run 1 block" in data["reply"]
    assert "carry it out" in data["prompt"]


def test_logs_without_an_attempt_say_so(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("exit 1", "true"))
    repo.peal("run", "plan.md", "--agent", "shell", code=1)

    assert "task 2 has had no attempt" in repo.peal("logs", "2", code=1).stderr
    assert "task 9 is not in the plan" in repo.peal("logs", "9", code=1).stderr
    assert "with number 7" in repo.peal("logs", "1", "--attempt", "7", code=1).stderr


def test_following_the_logs_prints_what_comes_until_the_attempt_ends(repo: Repo) -> None:
    repo.write("plan.md", shell_plan(f"touch begun; echo tick; {UNTIL_GO}; echo tack"))
    repo.start("run", "plan.md", "--agent", "shell")
    eventually((repo.path / "begun").exists)
    follower = repo.start("logs", "1", "--follow")
    assert follower.stdout
    while follower.stdout.readline() != "tick\n":
        assert follower.poll() is None

    repo.write("../go", "")

    assert ended(follower, 0).splitlines()[-1] == "tack"


def test_check_lists_tasks_segments_and_every_problem_with_its_line(repo: Repo) -> None:
    repo.write(
        "good.md",
        "## Task 1: one\n\nDo.\n\n## Task 3 (parallel): three\n\nDo.\n\n## Task 4 (parallel)\n\nDo.\n",
    )
    repo.write("bad.md", "## Task 1: one\n\nDo.\n\n## Task 1: again\n\nDo.\n\n## Task 2\n")

    data = json.loads(repo.peal("check", "good.md", "--json").stdout)["plans"][0]
    bad = repo.peal("check", "good.md", "bad.md", code=1).stdout

    assert data["path"] == "good.md"
    assert data["tasks"][1] == {
        "id": "3", "index": 3, "title": "three", "done": False, "parallel": True, "after": [], "section": 0, "optional": False,
        "by_person": "", "checks": [], "manual_checks": [], "files": [], "line": 5,
    }  # fmt: skip
    assert data["segments"] == [{"kind": "sequential", "tasks": [1]}, {"kind": "parallel", "tasks": [3, 4]}]
    assert data["problems"] == []
    assert "problem, line 5: task `1` appears twice (first on line 1)" in bad
    assert "problem, line 9: " in bad


def test_a_plan_with_problems_is_not_run(repo: Repo) -> None:
    repo.write("bad.md", "## Task 1\n\nDo.\n\n## Task 1\n\nDo.\n")

    refused = repo.peal("run", "bad.md", "--agent", "shell", code=1)

    assert refused.stderr.startswith("error: plan `bad.md` line 5: task `1` appears twice (first on line 1)")
    assert not (repo.path / ".peal").exists()


def test_the_prompt_makes_a_plan_and_its_example_is_one(repo: Repo) -> None:
    text = repo.peal("prompt").stdout
    assert "## Task 1" in text
    assert "(parallel)" in text
    assert "(after 1, 2)" in text

    repo.peal("prompt", "--output", "new/folder/prompt.md")
    assert repo.read("new/folder/prompt.md") == text
    assert "already there" in repo.peal("prompt", "--output", "new/folder/prompt.md", code=1).stderr

    example = text.split("```markdown\n")[1].split("\n```")[0]
    repo.write("example.md", example + "\n")
    kinds = [
        segment["kind"]
        for segment in json.loads(repo.peal("check", "example.md", "--json").stdout)["plans"][0]["segments"]
    ]
    assert kinds == ["sequential", "parallel", "sequential", "sequential"]


def test_redo_forgets_and_done_remembers(repo: Repo) -> None:
    repo.write("plan.md", shell_plan("echo one >> log", "echo two >> log", "echo three >> log"))
    repo.peal("done", "2", "--plan", "plan.md")
    repo.peal("run", "plan.md", "--agent", "shell")
    assert repo.read("log").split() == ["one", "three"]

    assert "next: `peal resume`" in repo.peal("redo", "2-3").stdout
    repo.peal("resume")
    assert repo.read("log").split() == ["one", "three", "two", "three"]

    before = _steps(repo)
    repo.peal("redo", "1", "--from", "address")
    repo.peal("resume")
    assert _steps(repo)[len(before) :] == [("1", "address")]
    assert before.count(("1", "address")) == 1
    assert repo.read("log").split() == ["one", "three", "two", "three"]


def _steps(repo: Repo) -> list[tuple[str, str]]:
    """Every step that was ever started here, in order."""
    events = load(repo.memory() / "journal.jsonl").events
    return [(event.task, str(event.phase)) for event in events if isinstance(event, StepStarted)]


def test_redo_of_a_task_that_is_not_there_or_ticked_in_the_plan_is_refused(repo: Repo) -> None:
    repo.write("plan.md", "- [x] first\n- [ ] second\n")

    assert "task 7 not found" in repo.peal("redo", "7", "--plan", "plan.md", code=1).stderr
    assert "untick it" in repo.peal("redo", "1", "--plan", "plan.md", code=1).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Usage: peal"),
        (["rnu"], "did you mean `run`?"),
        (["run"], "missing argument"),
        (
            ["run", "plan.md", "--max-paralel", "3"],
            "there is no option `--max-paralel`; did you mean `--max-parallel`?",
        ),
        (["run", "plan.md", "--max-parallel", "many"], "is not a valid integer"),
        (["run", "nowhere.md", "--agent", "shell"], "plan `nowhere.md` cannot be read"),
        (["run", ".git", "--agent", "shell"], "no plan was found in folder `.git`; name a plan file"),
        (["run", "plan.md"], "--agent shell"),
        (["run", "plan.md", "--agent", "nobody"], "there is no agent `nobody`"),
        (["run", "plan.md", "--agent", "shell", "--repo", "/"], "not inside a git repository"),
        (["run", "plan.md", "--agent", "shell", "--task", "1", "--from-task", "1"], "exclude each other"),
        (["check", "nowhere.md"], "cannot be read"),
    ],
)
def test_a_wrong_call_ends_with_1_and_says_the_way_out(repo: Repo, words: list[str], said: str) -> None:
    repo.write("plan.md", shell_plan("true"))

    refused = repo.peal(*words, code=1)

    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (repo.path / ".peal").exists()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            '[[reviewers]]\nname = "tests"\ncommand = "no-such-program -q"\n',
            "reviewer `tests`: `no-such-program` is not a program",
        ),
        (
            '[agents.mine]\ncommand = "no-such-program"\n[phases.plan]\nagent = "mine"\n',
            "agent `mine`: `no-such-program` is not a program",
        ),
        (
            '[agents.mine]\ncommand = "./no-such-script"\n[phases.plan]\nagent = "mine"\n',
            "`./no-such-script` is not a program",
        ),
        ('[agents.mine]\ncommand = ["echo", "{model}"]\n[phases.plan]\nagent = "mine"\n', "pass --model"),
        ('prompts = "nowhere"\n', "which is no folder"),
        ("max_parallel = 4\nmax_paralel = 4\nagent = 3\n", "max_paralel"),
        ("max_parallel = \n", "peal.toml"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(repo: Repo, toml: str, said: str) -> None:
    repo.write("plan.md", shell_plan("touch ran"))
    repo.write("peal.toml", toml)

    refused = repo.peal("run", "plan.md", "--agent", "shell", code=1)

    assert said in refused.stderr
    assert not (repo.path / ".peal").exists()
    assert not (repo.path / "ran").exists()


def test_outside_a_repository_the_error_says_what_to_do(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = Repo(tmp_path, environment)
    folder.write("plan.md", shell_plan("true"))

    assert "run `git init` there" in folder.peal("run", "plan.md", "--agent", "shell", code=1).stderr


def test_a_bug_ends_with_70_and_a_report_to_paste(repo: Repo) -> None:
    repo.write("sitecustomize.py", "import peal.formats\npeal.formats.parse = None\n")
    repo.write("plan.md", shell_plan("true"))

    told = repo.peal("check", "plan.md", code=70, PYTHONPATH=str(repo.path))

    report = Path(told.stderr.split("`")[1])
    assert "Traceback" in report.read_text(encoding="utf-8")
    assert "Traceback" not in told.stderr
    report.unlink()


def test_the_version_is_told() -> None:
    told = subprocess.run([*PEAL, "--version"], capture_output=True, text=True, check=True).stdout

    assert told.startswith("peal 0.")


# --- what agents write as events in JSON


_SAID = """{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"I will do it now.\\nAt once."}]},"session_id":"a768"}"""
_WROTE = """{"type":"assistant","message":{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"Write","input":{"file_path":"/repo/hello.txt","content":"hi\\n"}}]},"session_id":"a768"}"""
_REFUSED = """{"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":"Cannot write to /repo/evil.txt while in plan mode.","is_error":true}]},"session_id":"4bdd"}"""
_DONE = """{"type":"result","subtype":"success","is_error":false,"num_turns":2,"result":"It is done.","session_id":"a768"}"""


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (_SAID, "I will do it now.\nAt once."),
        (_WROTE, "Write /repo/hello.txt"),
        (_REFUSED, "error: Cannot write to /repo/evil.txt while in plan mode."),
        (_DONE, "It is done."),
        (
            """{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"You've hit your session limit · resets 3:10pm (UTC)"}""",
            "error: You've hit your session limit · resets 3:10pm (UTC)",
        ),
        (
            """{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["No conversation found"],"session_id":"s"}""",
            "error: No conversation found",
        ),
        (
            """{"type":"system","subtype":"api_retry","attempt":6,"max_retries":10,"retry_delay_ms":18366.38,"error_status":500,"error":"server_error"}""",
            "tries again in 18s: server_error (status 500)",
        ),
        (
            """{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795187400}}""",
            "error: usage limit reached",
        ),
        (
            """{"type":"rate_limit_event","rate_limit_info":{"status":"allowed"},"session_id":"030f"}""",
            "",
        ),
        ("""{"type":"system","subtype":"init","cwd":"/repo","session_id":"a768","tools":["Task"]}""", ""),
        (
            """{"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":"File created"}]},"session_id":"a768"}""",
            "",
        ),
        (
            """{"type":"assistant","session_id":"s","message":{"content":[{"type":"text","text":"Looking."},{"type":"tool_use","name":"run_shell_command","input":{"command":"pytest -q","description":"tests"}}]}}""",
            "Looking.\n$ pytest -q",
        ),
    ],
)
def test_an_event_of_claude_or_qwen_is_told_in_words(line: str, text: str) -> None:
    assert readable(line) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("""{"type":"thread.started","thread_id":"01a1f8cb"}""", ""),
        ("""{"type":"turn.started"}""", ""),
        (
            """{"type":"item.completed","item":{"id":"item_1","type":"agent_message","text":"I will do it now."}}""",
            "I will do it now.",
        ),
        (
            """{"type":"item.started","item":{"type":"command_execution","command":"/bin/bash -lc \\"printf '%s\\\\\\\\n' 'hi' > 'hello.txt'\\"","exit_code":null}}""",
            "$ printf '%s\\n' 'hi' > 'hello.txt'",
        ),
        (
            """{"type":"item.completed","item":{"type":"command_execution","command":"true","exit_code":0}}""",
            "",
        ),
        (
            """{"type":"item.completed","item":{"type":"command_execution","command":"false","exit_code":1}}""",
            "error: exit status 1",
        ),
        (
            """{"type":"item.completed","item":{"type":"file_change","changes":[{"path":"a.py","kind":"add"},{"path":"b.py","kind":"update"}]}}""",
            "changes a.py, b.py",
        ),
        ("""{"type":"turn.completed","usage":{"input_tokens":2468}}""", ""),
        (
            """{"type":"turn.failed","error":{"message":"You\u2019ve hit your usage limit."}}""",
            "error: You\u2019ve hit your usage limit.",
        ),
    ],
)
def test_an_event_of_codex_is_told_in_words(line: str, text: str) -> None:
    assert readable(line) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("""{"type":"step_start","sessionID":"ses_e","part":{"type":"step-start"}}""", ""),
        (
            """{"type":"text","sessionID":"ses_e","part":{"type":"text","text":"I will do it now."}}""",
            "I will do it now.",
        ),
        (
            """{"type":"tool_use","sessionID":"ses_e","part":{"type":"tool","tool":"write","state":{"status":"completed","input":{"filePath":"/repo/hello.txt","content":"hi\\n"}}}}""",
            "write /repo/hello.txt",
        ),
        (
            """{"type":"tool_use","sessionID":"ses_e","part":{"type":"tool","tool":"write","state":{"status":"error","input":{"filePath":"/repo/evil.txt"},"error":"a rule prevents it"}}}""",
            "write /repo/evil.txt\nerror: a rule prevents it",
        ),
        (
            """{"type":"error","sessionID":"ses_e","error":{"name":"APIError","data":{"message":"invalid x-api-key","statusCode":401}}}""",
            "error: invalid x-api-key",
        ),
        ("""{"type":"init","timestamp":"2026-11-20T11:51:36.409Z","session_id":"4f40"}""", ""),
        (
            """{"type":"message","timestamp":"2026-11-20T11:51:36.413Z","role":"user","content":"WRITE it"}""",
            "",
        ),
        (
            """{"type":"message","timestamp":"2026-11-20T11:51:36.477Z","role":"assistant","content":"I will.","delta":true}""",
            "I will.",
        ),
        (
            """{"type":"tool_use","timestamp":"2026-11-20T11:51:36.624Z","tool_name":"write_file","parameters":{"file_path":"hello.txt","content":"hi\\n"}}""",
            "write_file hello.txt",
        ),
        (
            """{"type":"tool_result","timestamp":"2026-11-20T11:55:42.164Z","status":"error","error":{"type":"policy_violation","message":"denied by policy"}}""",
            "error: denied by policy",
        ),
        (
            """{"type":"result","timestamp":"2026-11-20T12:01:50.977Z","status":"error","error":{"message":"[API Error: 401]"}}""",
            "error: [API Error: 401]",
        ),
        (
            """{"type":"tool.execution_start","data":{"toolName":"bash","arguments":{"command":"make\\nmake test","description":"build"}}}""",
            "$ make …",
        ),
        ("""{"type":"assistant.message","data":{"content":"I will do it now."}}""", "I will do it now."),
        ("""{"type":"assistant.message_delta","data":{"deltaContent":"I wi"},"ephemeral":true}""", ""),
        (
            """{"type":"session.error","data":{"errorType":"authentication","message":"Authentication failed (HTTP 401)."}}""",
            "error: Authentication failed (HTTP 401).",
        ),
        ("""{"type":"session.background_tasks_changed","data":{},"ephemeral":true}""", ""),
        ("""{"type":"result","timestamp":"2026-11-20T11:51:41.048Z","sessionId":"6a2f","exitCode":0}""", ""),
        (
            """{"type":"tool_call","subtype":"started","session_id":"c","tool_call":{"readToolCall":{"args":{"path":"a.py"}}}}""",
            "read a.py",
        ),
    ],
)
def test_an_event_of_opencode_gemini_copilot_or_cursor_is_told_in_words(line: str, text: str) -> None:
    assert readable(line) == text


@pytest.mark.parametrize(
    "line",
    [
        "",
        "plain text",
        "{ not JSON",
        '{"type":"assistant","mess',
        '{"a": 1}',
        '{"type": "test", "event": "ok", "timestamp": 7}',
        '{"type": "user", "name": "bob"}',
        '{"type": 7}',
        "[1, 2]",
    ],
)
def test_a_line_that_is_no_event_of_an_agent_stays_as_it_is(line: str) -> None:
    assert readable(line) == line


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"assistant","session_id":"s","message":7}',
        '{"type":"assistant","session_id":"s","message":{"content":[7,{"type":"tool_use","name":7,"input":[]}]}}',
        '{"type":"item.completed","item":[]}',
        '{"type":"item.completed","item":{"type":"file_change","changes":{}}}',
        '{"type":"system","subtype":"api_retry","session_id":"s","retry_delay_ms":1e999}',
        '{"type":"tool.execution_start","data":{"arguments":{"command":["a",7,null]}}}',
        '{"type":"item.started","item":{"type":"command_execution","command":"\'open"}}',
    ],
)
def test_an_event_of_an_unknown_shape_hurts_nobody(line: str) -> None:
    assert isinstance(readable(line), str)


@pytest.mark.parametrize(
    ("raw", "is_cut", "said"),
    [
        ("one\ntwo\n\n", False, "two"),
        ("10%\r50%\r", False, "50%"),
        (f"{_SAID}\n", False, "At once."),
        (f"{_WROTE}\n" + '{"type":"turn.started"}\n' * 3, False, "Write /repo/hello.txt"),
        (f'{_WROTE}\n{{"type":"assistant","mess', False, "Write /repo/hello.txt"),
        (f'rest of it","session_id":"s"}}\n{_SAID}\n', True, "At once."),
        ('rest of it","session_id":"s"}\n{"type":"turn.started"}\n', True, ""),
        ("the end of a very long line", True, "the end of a very long line"),
        ("", False, ""),
    ],
)
def test_the_last_thing_said_is_found_behind_what_says_nothing(raw: str, is_cut: bool, said: str) -> None:
    assert last_said(raw.encode(), is_cut) == said


_EVENTS = "\n".join(
    ['{"type":"system","subtype":"init","session_id":"a768"}', _SAID, _WROTE, _REFUSED, _DONE]
)


def test_logs_show_what_events_say_and_raw_shows_them(repo: Repo) -> None:
    repo.write("events", f"{_EVENTS}\n{_DONE}\n")
    repo.write("plan.md", shell_plan("cat events; echo plain; echo plain; echo '{\"a\": 1}'; cat events >&2"))
    repo.peal("run", "plan.md", "--agent", "shell")

    text = repo.peal("logs", "1", "execute").stdout
    raw = repo.peal("logs", "1", "execute", "--raw").stdout

    said = [
        "I will do it now.", "At once.", "Write /repo/hello.txt",
        "error: Cannot write to /repo/evil.txt while in plan mode.", "It is done.", "plain", "plain", '{"a": 1}',
    ]  # fmt: skip
    assert text.splitlines()[1:10] == ["-- stdout", *said]
    assert f"-- stderr\n{_EVENTS}\n" in text
    assert f"-- stdout\n{_EVENTS}\n{_DONE}\nplain\n" in raw


def test_an_event_longer_than_a_chunk_is_told_in_words(repo: Repo) -> None:
    long = {"type": "text", "sessionID": "s", "part": {"text": "begins " + "x" * 300_000}}
    repo.write("events", json.dumps(long) + "\n")
    repo.write("plan.md", shell_plan("cat events"))
    repo.peal("run", "plan.md", "--agent", "shell")

    assert "-- stdout\nbegins xxx" in repo.peal("logs", "1", "execute").stdout


def test_following_the_logs_tells_events_in_words(repo: Repo) -> None:
    repo.write("events", f"{_SAID}\n")
    repo.write("plan.md", shell_plan(f"cat events; touch begun; {UNTIL_GO}; echo late"))
    repo.start("run", "plan.md", "--agent", "shell")
    eventually((repo.path / "begun").exists)
    follower = repo.start("logs", "1", "execute", "--follow")
    assert follower.stdout
    told = [follower.stdout.readline() for _ in range(3)]

    repo.write("../go", "")

    assert told[1:] == ["I will do it now.\n", "At once.\n"]
    assert ended(follower, 0) == "late\n"


def test_status_and_report_show_what_events_say(repo: Repo) -> None:
    wide = json.dumps({"type": "user", "session_id": "s", "message": {"content": "x" * 20_000}})
    repo.write("events", f"{_EVENTS}\n{wide}\n")
    repo.write(
        "plan.md", shell_plan("cat events; touch begun; while ! [ -e go ]; do sleep 0.02; done; exit 3")
    )
    run = repo.start("run", "plan.md", "--agent", "shell")
    eventually((repo.path / "begun").exists)

    found = json.loads(repo.peal("status", "--json").stdout)
    repo.write("go", "")
    report, _ = run.communicate(timeout=60)

    assert found["tasks"][0]["last_output"] == "It is done."
    assert "| It is done." in report
    assert "session_id" not in report
