"""
What each CLI is started with, and what is read from its output: recordings of real runs, cut and quoted as well.

The recordings in `data/transcripts` were made with the versions that the adapters name as `tested`, against a model that
follows a script; Cursor's are written by hand.
"""

import json
import random
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from conftest import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import PHASE

from peal.agents.faults import complaint, trouble
from peal.agents.protocol import Request, Sign, Transcript
from peal.agents.registry import MARKERS, adapters
from peal.agents.reset_times import LATE, Form, Told, sane, told, told_by_header
from peal.model.agent import Fault, Reply, Trouble, Usage
from peal.model.plan import Task
from peal.settings import CLIS, AgentSettings

ADAPTERS = adapters()
RECORDINGS = Path(__file__).parent / "data" / "transcripts"
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()
EXIT_CODES = {"gemini-f400": 144, "gemini-f401": 145, "gemini-fLIMIT": 173, "gemini-resumebad": 42}
NAMES = sorted({path.name.rsplit(".", 1)[0] for path in RECORDINGS.iterdir()})
SESSION = "01a1f8cf-7941-7d51-9a3f-cfb337ecf373"
NO_SESSION = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times without a zone are this machine's."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def recorded(name: str) -> Transcript:
    return transcript(*(_text(RECORDINGS / f"{name}.{end}") for end in ("jsonl", "stderr")), name=name)


def read_recorded(name: str) -> Reply:
    return ADAPTERS[agent_of(name)].read(recorded(name))


def agent_of(name: str) -> str:
    return name.partition("-")[0]


def transcript(stdout: str, stderr: str = "", exit_code: int = 0, name: str = "") -> Transcript:
    return Transcript(stdout.splitlines(), stdout, stderr, EXIT_CODES.get(name, exit_code), AT)


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def read(agent: str, stdout: str = "", stderr: str = "", exit_code: int = 0) -> Reply:
    return ADAPTERS[agent].read(transcript(stdout, stderr, exit_code))


def jsonl(*events: dict[str, object]) -> str:
    return "".join(f"{json.dumps(event, separators=(',', ':'))}\n" for event in events)


def is_success(reply: Reply) -> bool:
    return reply.is_finished and reply.trouble is None


# --- what is started ---------------------------------------------------------------------------------------------------


def request(phase: str = "execute", **changes: object) -> Request:
    return evolve(
        Request(
            Task("1", "Title", "Body"),
            PHASE[phase],
            "Do it.",
            Path("/attempt/prompt.md"),
            Path("/repo"),
            phase != "plan",
        ),
        **changes,
    )


PLAN = request("plan")
FULL = request()
LIMITED = request(permissions="limited")

QWEN_NO_SHELL = "--exclude-tools=run_shell_command --exclude-tools=monitor"
QWEN_READS = f"--exclude-tools=edit --exclude-tools=write_file {QWEN_NO_SHELL}"
ARGV = {
    "claude": {
        "plan": "-p --output-format stream-json --verbose --permission-mode plan",
        "full": "-p --output-format stream-json --verbose --dangerously-skip-permissions",
        "limited": "-p --output-format stream-json --verbose --permission-mode acceptEdits",
        "plan, resumed": "-p --output-format stream-json --verbose --resume ID --permission-mode plan",
        "full, resumed": "-p --output-format stream-json --verbose --resume ID --dangerously-skip-permissions",
        "limited, resumed": "-p --output-format stream-json --verbose --resume ID --permission-mode acceptEdits",
        "full, model": "-p --output-format stream-json --verbose --model M --dangerously-skip-permissions",
    },
    "codex": {
        "plan": "exec --json --skip-git-repo-check -s read-only -",
        "full": "exec --json --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox -",
        "limited": "exec --json --skip-git-repo-check -s workspace-write -",
        "plan, resumed": 'exec resume --json --skip-git-repo-check -c sandbox_mode="read-only" ID -',
        "full, resumed": (
            "exec resume --json --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox ID -"
        ),
        "limited, resumed": 'exec resume --json --skip-git-repo-check -c sandbox_mode="workspace-write" ID -',
        "full, model": "exec --json --skip-git-repo-check -m M --dangerously-bypass-approvals-and-sandbox -",
    },
    "cursor": {
        "plan": "-p --trust --output-format stream-json --mode plan",
        "full": "-p --trust --output-format stream-json --force",
        "limited": "-p --trust --output-format stream-json",
        "plan, resumed": "-p --trust --output-format stream-json --resume ID --mode plan",
        "full, resumed": "-p --trust --output-format stream-json --resume ID --force",
        "limited, resumed": "-p --trust --output-format stream-json --resume ID",
        "full, model": "-p --trust --output-format stream-json --model M --force",
    },
    "opencode": {
        "plan": "run --format json --print-logs --log-level ERROR --dir /repo --agent plan",
        "full": "run --format json --print-logs --log-level ERROR --dir /repo --agent build --auto",
        "limited": "run --format json --print-logs --log-level ERROR --dir /repo --agent build",
        "plan, resumed": "run --format json --print-logs --log-level ERROR --dir /repo --session ID --agent plan",
        "full, resumed": (
            "run --format json --print-logs --log-level ERROR --dir /repo --session ID --agent build --auto"
        ),
        "limited, resumed": "run --format json --print-logs --log-level ERROR --dir /repo --session ID --agent build",
        "full, model": "run --format json --print-logs --log-level ERROR --dir /repo -m M --agent build --auto",
    },
    "gemini": {
        "plan": "-o stream-json --skip-trust --approval-mode plan --policy {folder}/policy.toml",
        "full": "-o stream-json --skip-trust --approval-mode yolo",
        "limited": "-o stream-json --skip-trust --approval-mode auto_edit",
        "plan, resumed": "-o stream-json --skip-trust --resume ID --approval-mode plan --policy {folder}/policy.toml",
        "full, resumed": "-o stream-json --skip-trust --resume ID --approval-mode yolo",
        "limited, resumed": "-o stream-json --skip-trust --resume ID --approval-mode auto_edit",
        "full, model": "-o stream-json --skip-trust -m M --approval-mode yolo",
    },
    "qwen": {
        "plan": f"-o stream-json --approval-mode plan {QWEN_READS}",
        "full": "-o stream-json --approval-mode yolo",
        "limited": f"-o stream-json --approval-mode auto-edit {QWEN_NO_SHELL}",
        "plan, resumed": f"-o stream-json --resume ID --approval-mode plan {QWEN_READS}",
        "full, resumed": "-o stream-json --resume ID --approval-mode yolo",
        "limited, resumed": f"-o stream-json --resume ID --approval-mode auto-edit {QWEN_NO_SHELL}",
        "full, model": "-o stream-json -m M --approval-mode yolo",
    },
    "copilot": {
        "plan": "--output-format json --no-color --no-auto-update --no-ask-user --plan",
        "full": "--output-format json --no-color --no-auto-update --no-ask-user --allow-all",
        "limited": "--output-format json --no-color --no-auto-update --no-ask-user --allow-tool=write",
        "plan, resumed": "--output-format json --no-color --no-auto-update --no-ask-user --resume=ID --plan",
        "full, resumed": (
            "--output-format json --no-color --no-auto-update --no-ask-user --resume=ID --mode interactive --allow-all"
        ),
        "limited, resumed": (
            "--output-format json --no-color --no-auto-update --no-ask-user --resume=ID --mode interactive "
            "--allow-tool=write"
        ),
        "full, model": "--output-format json --no-color --no-auto-update --no-ask-user --model M --allow-all",
    },
}
REQUESTS = {
    "plan": PLAN,
    "full": FULL,
    "limited": LIMITED,
    "plan, resumed": evolve(PLAN, session="ID"),
    "full, resumed": evolve(FULL, session="ID"),
    "limited, resumed": evolve(LIMITED, session="ID"),
    "full, model": evolve(FULL, model="M"),
}
AIDER = (
    "--yes-always --no-pretty --no-stream --no-check-update --no-show-release-notes --no-analytics --no-gitignore "
    "--no-show-model-warnings --no-detect-urls --no-suggest-shell-commands --no-auto-commits --no-dirty-commits "
    "--map-tokens 0 "
)
ALL = [
    *(evolve(one, phase=phase) for one in REQUESTS.values() for phase in ("execute", "address")),
    PLAN,
]


@pytest.mark.parametrize(("agent", "asked"), [(agent, asked) for agent in ARGV for asked in REQUESTS])
def test_a_cli_is_started_with(agent: str, asked: str) -> None:
    assert ADAPTERS[agent].argv(REQUESTS[asked]) == ARGV[agent][asked].split(" ")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (PLAN, "--chat-mode ask --dry-run --no-auto-lint --no-auto-test --message-file /attempt/prompt.md"),
        (FULL, "--message-file /attempt/prompt.md"),
        (evolve(FULL, session="ID"), "--message-file /attempt/prompt.md"),
        (LIMITED, "--no-auto-lint --no-auto-test --message-file /attempt/prompt.md"),
        (evolve(FULL, model="M"), "--model M --message-file /attempt/prompt.md"),
    ],
)
def test_aider_gets_its_prompt_as_a_file(asked: Request, words: str) -> None:
    *given, option, prompt = words.split(" ")
    aside = ["--chat-history-file", "/attempt/aider.chat.md", "--input-history-file", "/attempt/aider.input"]
    assert ADAPTERS["aider"].argv(asked) == [*AIDER.split(), *given, *aside, option, prompt]


def test_geminis_plan_is_denied_what_would_write_whatever_the_repository_allows() -> None:
    files = ADAPTERS["gemini"].files

    (rule,) = tomllib.loads(files(PLAN)["policy.toml"])["rule"]
    assert (rule["decision"], set(rule["toolName"])) == (
        "deny",
        {"run_shell_command", "write_file", "replace"},
    )
    assert files(FULL) == files(LIMITED) == {}


@pytest.mark.parametrize("agent", ADAPTERS)
def test_address_is_started_like_execute(agent: str) -> None:
    cli = ADAPTERS[agent]

    for one in (FULL, LIMITED, evolve(FULL, session="ID")):
        assert cli.argv(evolve(one, phase="address")) == cli.argv(one)
        assert cli.env(evolve(one, phase="address")) == cli.env(one)


@pytest.mark.parametrize("agent", ADAPTERS)
def test_a_plan_is_read_only_whatever_the_permissions(agent: str) -> None:
    cli = ADAPTERS[agent]
    forbidden = (
        "dangerously", "skip-permissions", "bypass", "acceptEdits", "workspace-write", "full-access", "--force", "--auto",
        "yolo", "auto_edit", "auto-edit", "--allow", "autopilot", "interactive", "build", "--approve-for-me",
    )  # fmt: skip

    for plan in (
        PLAN,
        evolve(PLAN, permissions="limited"),
        evolve(PLAN, session="ID"),
        evolve(PLAN, model="M"),
    ):
        words = cli.argv(plan)

        assert not [
            word for word in words for bad in forbidden if word == bad or (len(bad) > 6 and bad in word)
        ]
        assert "IS_SANDBOX" not in cli.env(plan)
        assert cli.argv(evolve(plan, permissions="full")) == words


def test_opencode_is_kept_from_writing_by_permissions_that_go_before_a_repositorys_own() -> None:
    env = ADAPTERS["opencode"].env
    denied = {"edit": "deny", "bash": "deny"}
    plan, limited = (json.loads(env(one)["OPENCODE_CONFIG_CONTENT"]) for one in (PLAN, LIMITED))

    assert plan == {"permission": denied, "agent": {"plan": {"permission": denied}}}
    assert limited["permission"] == limited["agent"]["build"]["permission"]
    assert limited["permission"] == {"edit": "allow", "bash": "deny", "external_directory": "deny"}
    assert "OPENCODE_CONFIG_CONTENT" not in env(FULL)


def test_copilot_is_not_permitted_everything_by_a_variable() -> None:
    env = ADAPTERS["copilot"].env

    assert env(PLAN) == env(LIMITED) == {"COPILOT_ALLOW_ALL": "false"}
    assert env(FULL) == {}


def test_claude_may_bypass_as_root_only_where_it_may_do_everything() -> None:
    env = ADAPTERS["claude"].env

    assert env(FULL)["IS_SANDBOX"] == "1"
    assert "IS_SANDBOX" not in env(LIMITED)


@pytest.mark.parametrize("agent", ADAPTERS)
def test_every_flag_that_is_passed_is_one_that_doctor_looks_for(agent: str) -> None:
    cli = ADAPTERS[agent]
    passed = {
        word.split("=")[0] for one in ALL for word in cli.argv(one) if word.startswith("-") and word != "-"
    }

    assert passed == set(cli.flags)


def test_every_cli_that_settings_know_has_an_adapter_and_says_how_to_get_it() -> None:
    assert tuple(cli.name for cli in ADAPTERS.values()) == CLIS
    assert get_args(AgentSettings.__annotations__["reply"]) == ("text", *CLIS)
    assert all(cli.login and cli.install for cli in ADAPTERS.values())
    assert not [name for name in MARKERS if name.endswith(("_KEY", "_TOKEN", "_HOME", "_CONFIG"))]


@pytest.mark.parametrize(
    ("name", "path", "is_cursor"),
    [
        ("cursor-agent", "/opt/bin/cursor-agent", True),
        ("agent", "/home/me/.local/share/cursor-agent/versions/1/cursor-agent", True),
        ("agent", "/usr/bin/agent", False),
    ],
)
def test_a_program_called_agent_may_be_anybodys(name: str, path: str, is_cursor: bool) -> None:
    assert ADAPTERS["cursor"].is_its(name, path) is is_cursor


# --- what is read ------------------------------------------------------------------------------------------------------

CURSOR_INIT = {
    "type": "system", "subtype": "init", "apiKeySource": "login", "cwd": "/repo", "session_id": SESSION,
    "model": "Composer 2.5", "permissionMode": "default",
}  # fmt: skip


def _cursor_said(text: str) -> dict[str, object]:
    message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    return {"type": "assistant", "message": message, "session_id": SESSION}


def _cursor_called(**call: object) -> dict[str, object]:
    return {
        "type": "tool_call",
        "subtype": "completed",
        "call_id": "c\nd",
        "tool_call": call,
        "session_id": SESSION,
    }


CURSOR_RESULT = {
    "type": "result", "subtype": "success", "duration_ms": 3317, "duration_api_ms": 3317, "is_error": False,
    "result": "I begin.Done.", "session_id": SESSION, "request_id": "fb",
    "usage": {"inputTokens": 130, "outputTokens": 17, "cacheReadTokens": 1740, "cacheWriteTokens": 5},
}  # fmt: skip
CURSOR_EXEC = jsonl(
    CURSOR_INIT,
    _cursor_said("I begin."),
    {"type": "thinking", "subtype": "delta", "text": "401 unauthorized", "session_id": SESSION},
    _cursor_called(editToolCall={"args": {"path": "a.txt"}, "result": {"success": {"linesAdded": 1}}}),
    _cursor_said("Do"),
    _cursor_said("ne."),
    CURSOR_RESULT,
)
CURSOR_REFUSED = jsonl(
    CURSOR_INIT,
    _cursor_called(
        shellToolCall={"result": {"rejected": {"command": "make", "workingDirectory": "/repo", "reason": ""}}}
    ),
    _cursor_called(writeToolCall={"args": {"path": "b.txt"}, "result": {"rejected": {"reason": ""}}}),
    _cursor_said("I could not."),
    CURSOR_RESULT,
)

_CLAUDE_COST = 0.0018419999999999999
CLAUDE_TURN = Usage("claude-sonnet-4-5", 234, 1000, 0, 56, _CLAUDE_COST)
CLAUDE_TURNS = Usage("claude-sonnet-4-5", 468, 2000, 0, 112, 2 * _CLAUDE_COST)
REPLIES = {
    "claude-exec": Reply(
        "DONE: tool said: File created successfully at: /repo/hello.txt (file state is current in your context — no need "
        "to Read it back)",
        session="a768ec32-7792-4f6e-904c-0a7f875c029e", usage=(CLAUDE_TURNS,), folder="/repo",
    ),
    "claude-plan": Reply(
        "PLAN: 1. read the code 2. change it 3. test it. (prompt was 44 chars)",
        session="839a1954-e2cd-4480-aaea-1db2c2911149", usage=(CLAUDE_TURN,), folder="/repo",
    ),
    "claude-resume": Reply(
        "RECALL: 2 user messages seen",
        session="839a1954-e2cd-4480-aaea-1db2c2911149", usage=(CLAUDE_TURN,), folder="/repo",
    ),
    "claude-planw": Reply(
        "DONE: tool said: Cannot write to /repo/evil.txt while in plan mode.",
        session="4bdd79ae-2de7-4450-9394-56784b8e3bfe", usage=(CLAUDE_TURNS,), folder="/repo",
        refusals=("Write /repo/evil.txt",),
    ),
    "claude-defw": Reply(
        "DONE: tool said: Claude requested permissions to write to /repo/d.txt, but you haven't granted it yet.",
        session="6d7ecbc7-d5dc-4890-8eae-15fcd6b8f906", usage=(CLAUDE_TURNS,), folder="/repo",
        refusals=("Write /repo/d.txt",),
    ),
    "codex-exec": Reply(
        "DONE: tool said: Chunk ID: db990f Wall time: 0.0000 seconds Process exited with code 0 Original token count: 0 "
        "Output: ",
        session="01a1f8cb-d93f-7c02-bee7-f9b0a8aef9e4", usage=(Usage("", 468, 2000, 0, 112),), counts_session=True,
    ),
    "codex-plan": Reply(
        "PLAN: 1. read the code 2. change it 3. test it. (prompt was 44 chars)",
        session=SESSION, usage=(Usage("", 234, 1000, 0, 56),), counts_session=True,
    ),
    "codex-resume": Reply(
        "RECALL: 4 user messages seen",
        session=SESSION, usage=(Usage("", 468, 2000, 0, 112),), counts_session=True,
    ),
    "opencode-exec": Reply(
        "DONE: tool said: Wrote file successfully.",
        session="ses_e07341dbdffexeQ12qrsik2dU3", usage=(Usage("", 468, 2000, 0, 112, 2 * 0.001842),),
    ),
    "opencode-plan": Reply(
        "PLAN: 1. read the code 2. change it 3. test it. (prompt was 44 chars)",
        session="ses_e0730700cffe4buP2Kp7iJhPrA", usage=(Usage("", 234, 1000, 0, 56, 0.001842),),
    ),
    "opencode-resume": Reply(
        "RECALL: 2 user messages seen",
        session="ses_e0730700cffe4buP2Kp7iJhPrA", usage=(Usage("", 234, 1000, 0, 56, 0.001842),),
    ),
    "gemini-exec": Reply(
        'DONE: tool said: {"output": "Successfully created and wrote to new file: /repo/hello.txt. Here is the updated '
        'code:\\nhi from gemini\\n"}',
        session="4f406cb1-319e-457e-9226-94b53bcad2cb", usage=(Usage("gemini-2.5-pro", 468, 2000, 0, 128),),
    ),
    "gemini-plan": Reply(
        "PLAN: 1. read the code 2. change it 3. test it. (prompt was 44 chars)",
        session="20c1df48-889e-4ed9-b1f4-50c6f697c16b", usage=(Usage("gemini-2.5-pro", 234, 1000, 0, 64),),
    ),
    "gemini-resume": Reply(
        "RECALL: 2 user messages seen",
        session="20c1df48-889e-4ed9-b1f4-50c6f697c16b", usage=(Usage("gemini-2.5-pro", 234, 1000, 0, 64),),
    ),
    "qwen-exec": Reply(
        "DONE: tool said: Successfully created and wrote to new file: /repo/hello.txt.",
        session="940db016-f610-41e2-8edd-e3b3660b2ed0", usage=(Usage("qwen3-coder", 468, 2000, 0, 112),),
        counts_session=True, folder="/repo",
    ),
    "qwen-plan": Reply(
        "PLAN: 1. read the code 2. change it 3. test it. (prompt was 44 chars)",
        session="044cef4f-3f19-4226-a7ef-e0f9ddedeed9", usage=(Usage("qwen3-coder", 468, 2000, 0, 112),),
        counts_session=True, folder="/repo",
    ),
    "qwen-resume": Reply(
        "RECALL: 3 user messages seen",
        session="044cef4f-3f19-4226-a7ef-e0f9ddedeed9", usage=(Usage("qwen3-coder", 936, 4000, 0, 224),),
        counts_session=True, folder="/repo",
    ),
    "copilot-exec": Reply(
        "DONE: tool said:  <shellId: 0 completed with exit code 0>", session="6a2fa6d1-b7bb-47ef-9aa1-bbacd7ac99a6",
    ),
    "copilot-resume": Reply("RECALL: 2 user messages seen", session="c12420cf-874f-427f-b668-45096f434fc9"),
    "aider-plan": Reply(
        "PLAN: 1. read the code 2. change it 3. test it. (prompt was 44 chars)", usage=(Usage("", 1200, 0, 0, 56, 0.0024),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REPLIES)
def test_a_run_that_went_well(name: str) -> None:
    reply = read_recorded(name)

    cost = reply.usage[0].cost if reply.usage else None
    expected = REPLIES[name]
    assert expected.usage == () or expected.usage[0].cost == pytest.approx(cost)
    assert evolve(reply, usage=tuple(evolve(used, cost=None) for used in reply.usage)) == evolve(
        expected, usage=tuple(evolve(used, cost=None) for used in expected.usage)
    )


def test_cursors_reply_is_what_it_said_after_its_last_tool() -> None:
    assert read("cursor", CURSOR_EXEC) == Reply(
        "Done.", session=SESSION, usage=(Usage("Composer 2.5", 130, 1740, 5, 17),), folder="/repo"
    )


def test_aiders_edits_are_part_of_its_reply() -> None:
    reply = read_recorded("aider-exec")

    assert is_success(reply)
    assert reply.text.startswith("I will create it.\n\nhello.txt\n```\n<<<<<<< SEARCH")
    assert reply.text.endswith("Applied edit to hello.txt")
    assert reply.usage == (Usage("", 1200, 0, 0, 56, 0.0024),)


REFUSALS = {
    "opencode-planw": ("write /repo/evil.txt",),
    "gemini-planw": ("write_file evil.txt",),
    "copilot-planw": ("bash printf '%s\\n' 'plan mode wrote this' > 'evil.txt'",),
    "copilot-defw": ("bash printf '%s\\n' 'default mode wrote this' > 'd.txt'",),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_was_refused_is_told_of_a_run_that_looks_successful(name: str) -> None:
    reply = read_recorded(name)

    assert is_success(reply)
    assert reply.refusals == REFUSALS[name]


def test_what_cursor_refused_is_told() -> None:
    reply = read("cursor", CURSOR_REFUSED)

    assert is_success(reply)
    assert reply.refusals == ("shell make", "write b.txt")


def test_a_command_that_codex_declined_is_told() -> None:
    item = {"id": "1", "type": "command_execution", "command": "make", "status": "declined"}

    assert read("codex", jsonl({"type": "item.completed", "item": item})).refusals == (
        "command_execution make",
    )


TROUBLES = {
    "claude-f401": (Fault.UNAUTHENTICATED, "error 401: authentication_failed", None),
    "claude-f429": (Fault.TRANSIENT, "Rate limit reached", None),
    "claude-f500": (Fault.TRANSIENT, "error 500: server_error", None),
    "claude-fLIMIT": (Fault.LIMITED, "You've hit your session limit · resets 3pm (UTC)", 3 * 3600),
    "claude-oauthlimit": (
        Fault.LIMITED,
        "You've hit your session limit · resets 3:10pm (UTC)",
        3 * 3600 + 600,
    ),
    "claude-f400": (Fault.TOO_LONG, "Prompt is too long", None),
    "claude-resumebad": (Fault.FAILED, "No conversation found", None),
    "claude-slash": (Fault.FAILED, "the model was not asked: Unknown command: /frobnicate", None),
    "claude-noserver": (Fault.TRANSIENT, "no connection", None),
    "codex-f401": (Fault.UNAUTHENTICATED, "unexpected status 401 Unauthorized", None),
    "codex-f429": (Fault.TRANSIENT, "429 Too Many Requests", None),
    "codex-f500": (Fault.TRANSIENT, "high demand", None),
    "codex-fLIMIT": (Fault.LIMITED, "hit your usage limit", 2 * 3600 + 58 * 60),
    "codex-f400": (Fault.TOO_LONG, "prompt is too long: 250000 tokens > 200000 maximum", None),
    "codex-resumebad": (Fault.FAILED, "no rollout found", None),
    "codex-noserver": (Fault.TRANSIENT, "waiting for network", None),
    "opencode-f401": (Fault.UNAUTHENTICATED, "invalid x-api-key", None),
    "opencode-f429": (Fault.TRANSIENT, "Rate limit reached", 2),
    "opencode-f500": (Fault.TRANSIENT, "Internal server error", None),
    "opencode-fLIMIT": (Fault.LIMITED, "The usage limit has been reached", None),
    "opencode-f400": (Fault.TOO_LONG, "prompt is too long", None),
    "opencode-resumebad": (Fault.FAILED, "Session not found", None),
    "opencode-noserver": (Fault.TRANSIENT, "Cannot connect to API", None),
    "gemini-f401": (Fault.UNAUTHENTICATED, "invalid x-api-key", None),
    "gemini-f429": (Fault.TRANSIENT, "Rate limit reached", 2),
    "gemini-f500": (Fault.TRANSIENT, "Internal server error", None),
    "gemini-fLIMIT": (Fault.LIMITED, "You have exhausted your daily quota", None),
    "gemini-f400": (Fault.TOO_LONG, "prompt is too long", None),
    "gemini-resumebad": (Fault.FAILED, "Invalid session identifier", None),
    "gemini-noserver": (Fault.TRANSIENT, "fetch failed", None),
    "qwen-f401": (Fault.UNAUTHENTICATED, "[API Error: 401 invalid x-api-key]", None),
    "qwen-f500": (Fault.TRANSIENT, "[API Error: 500 Internal server error]", None),
    "qwen-f400": (Fault.TOO_LONG, "prompt is too long", None),
    "qwen-resumebad": (Fault.FAILED, "No saved session found", None),
    "qwen-noserver": (Fault.TRANSIENT, "Connection error", None),
    "copilot-f401": (Fault.UNAUTHENTICATED, "Authentication failed", None),
    "copilot-f429": (Fault.TRANSIENT, "Rate limit reached", None),
    "copilot-f500": (Fault.TRANSIENT, "Internal server error", None),
    "copilot-fLIMIT": (Fault.LIMITED, "The usage limit has been reached", None),
    "copilot-f400": (Fault.TOO_LONG, "rejected the prompt as too long", None),
    "copilot-resumebad": (Fault.FAILED, "No session, task, or name matched", None),
    "copilot-noserver": (Fault.TRANSIENT, "Could not connect", None),
    "aider-f401": (Fault.UNAUTHENTICATED, "invalid x-api-key", None),
    "aider-f429": (Fault.TRANSIENT, "Rate limit reached", None),
    "aider-f500": (Fault.TRANSIENT, "Internal server error", None),
    "aider-fLIMIT": (Fault.LIMITED, "The usage limit has been reached", None),
    "aider-f400": (Fault.TOO_LONG, "prompt is too long: 250000 tokens > 200000 maximum", None),
    "aider-noserver": (Fault.TRANSIENT, "Connection error.", None),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_run_that_failed_tells_why(name: str) -> None:
    fault, words, until = TROUBLES[name]

    found = read_recorded(name).trouble

    assert found is not None
    assert (found.fault, found.until) == (fault, None if until is None else AT + until)
    assert words in found.message


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-recovered")])
def test_what_was_got_over_is_no_trouble(name: str) -> None:
    assert is_success(read_recorded(name))


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(("-intw", "-termw"))])
def test_a_run_that_a_signal_ended_is_neither_finished_nor_in_trouble(name: str) -> None:
    reply = read_recorded(name)

    assert not reply.is_finished
    assert reply.trouble is None


def test_claudes_warning_of_a_limit_is_no_trouble() -> None:
    assert is_success(read_recorded("claude-oauth"))


def test_every_recording_is_in_use() -> None:
    expected = {
        *REPLIES,
        *REFUSALS,
        *TROUBLES,
        "aider-exec",
        "claude-oauth",
        "copilot-plan",
        "codex-planw",
        "qwen-f429",
    }

    assert [
        name
        for name in NAMES
        if name not in expected and not name.endswith(("-recovered", "-intw", "-termw"))
    ] == []


@pytest.mark.parametrize(
    ("agent", "stderr", "exit_code", "fault"),
    [
        (
            "claude",
            "--dangerously-skip-permissions cannot be used with root/sudo privileges",
            1,
            Fault.MISCONFIGURED,
        ),
        ("claude", "error: unknown option '--verbos'", 1, Fault.MISCONFIGURED),
        ("codex", "WARNING: never mind\nError loading config.toml: invalid type", 1, Fault.MISCONFIGURED),
        (
            "codex",
            "error: unexpected argument '-s' found\n\nUsage: codex exec resume",
            2,
            Fault.MISCONFIGURED,
        ),
        ("cursor", "Workspace Trust Required\n\nPass --trust if you trust it", 1, Fault.MISCONFIGURED),
        (
            "cursor",
            "Error: Authentication required. Run 'agent login', or set CURSOR_API_KEY",
            1,
            Fault.UNAUTHENTICATED,
        ),
        ("cursor", "Cannot use this model: x. Available models: auto", 1, Fault.MISCONFIGURED),
        ("cursor", '{"type":"assistant","message":"401 unauthorized"}\nSomething odd', 1, Fault.FAILED),
        ("gemini", "Please set an Auth method in your settings.json", 41, Fault.UNAUTHENTICATED),
        ("gemini", "Please set an Auth method in your settings.json", 1, Fault.UNAUTHENTICATED),
        ("gemini", "odd words", 52, Fault.MISCONFIGURED),
        ("gemini", "", 52, Fault.MISCONFIGURED),
        ("gemini", "odd words", 173, Fault.TRANSIENT),
        ("copilot", "Error: No authentication information found.", 1, Fault.UNAUTHENTICATED),
        ("opencode", "\x1b[91mError: Model not found: x/y", 1, Fault.MISCONFIGURED),
        ("aider", "aider: error: unrecognized arguments: --what", 2, Fault.MISCONFIGURED),
    ],
)
def test_without_any_json_stderr_tells(agent: str, stderr: str, exit_code: int, fault: Fault) -> None:
    reply = read(agent, "", stderr, exit_code)

    assert reply.trouble is not None
    assert reply.trouble.fault == fault
    assert not reply.is_finished


def test_cursor_complains_on_stdout_too_where_no_event_has_been() -> None:
    assert read("cursor", "T: Free plans can only use Auto. 429\n", "", 1).trouble == Trouble(
        Fault.TRANSIENT, "T: Free plans can only use Auto. 429"
    )


@pytest.mark.parametrize(
    ("agent", "stdout"),
    [
        ("claude", jsonl({"type": "result", "is_error": False, "num_turns": 1, "result": " \n"})),
        ("codex", jsonl({"type": "turn.completed", "usage": {}})),
        ("cursor", jsonl({"type": "result", "subtype": "success", "is_error": False, "result": ""})),
        ("opencode", jsonl({"type": "step_finish", "part": {"reason": "stop"}})),
        ("gemini", jsonl({"type": "result", "status": "success"})),
        ("qwen", jsonl({"type": "result", "is_error": False, "result": ""})),
        ("copilot", jsonl({"type": "result", "exitCode": 0})),
        ("aider", "Aider v0.86.2\nMain model: x\n\nTokens: 1.2k sent, 56 received.\n"),
    ],
)
def test_a_reply_without_a_word_is_a_failure(agent: str, stdout: str) -> None:
    reply = read(agent, stdout)

    assert reply.is_finished
    assert reply.trouble == Trouble(Fault.FAILED, "it replied nothing")


@pytest.mark.parametrize("agent", ["qwen", "gemini"])
def test_an_error_of_the_service_may_look_like_a_reply(agent: str) -> None:
    assert _fault(_says(agent, "[API Error: 401 invalid x-api-key]"), agent) == Fault.UNAUTHENTICATED


QUOTES = (
    "It logged `401 unauthorized`, as if nobody were logged in.",
    "You've hit your usage limit · resets 3pm (UTC): this is what the page says",
    "usage limit reached",
    "The text was [API Error: 500 Internal server error]; I changed it.",
    "Error: No conversation found with session ID: 1",
    "litellm.RateLimitError: is now caught\n\nprompt is too long is the message",
    "Reconnecting... waiting for network",
    "Attempt 9 failed: it now says this",
    'level=ERROR message="stream error" error.error="The usage limit has been reached"',
)


@pytest.mark.parametrize("agent", ADAPTERS)
@pytest.mark.parametrize("quote", QUOTES)
def test_what_a_model_says_of_errors_is_none(agent: str, quote: str) -> None:
    stdout = _says(agent, quote)

    reply = read(agent, stdout)

    assert reply.trouble is None
    assert is_success(reply)
    assert quote in reply.text
    assert Sign.STUCK not in [
        ADAPTERS[agent].sign(line) for line in stdout.splitlines() if line.startswith("{")
    ]


def _says(agent: str, text: str) -> str:
    """An output in which the model says this and all is well."""
    message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    result = {"type": "result", "subtype": "success", "is_error": False, "num_turns": 1, "result": text}
    outputs = {
        "claude": jsonl({"type": "assistant", "message": message}, result),
        "codex": jsonl(
            {"type": "item.completed", "item": {"type": "agent_message", "text": text}},
            {"type": "turn.completed"},
        ),
        "cursor": jsonl({"type": "assistant", "message": message}, result),
        "opencode": jsonl(
            {"type": "text", "part": {"messageID": "m", "text": text}},
            {"type": "step_finish", "part": {"messageID": "m", "reason": "stop"}},
        ),
        "gemini": jsonl(
            {"type": "message", "role": "assistant", "content": text}, {"type": "result", "status": "success"}
        ),
        "qwen": jsonl({"type": "assistant", "message": message}, result),
        "copilot": jsonl(
            {"type": "assistant.message", "data": {"content": text}}, {"type": "result", "exitCode": 0}
        ),
        "aider": f"Aider v0.86.2\nMain model: x\n\n{text}\n\nTokens: 12k sent, 56 received.\n",
    }
    return outputs[agent]


def _fault(stdout: str, agent: str = "qwen") -> Fault | None:
    found = read(agent, stdout).trouble
    return found.fault if found else None


def test_a_failed_turn_of_claude_that_is_not_flagged_is_one() -> None:
    stdout = jsonl({"type": "result", "subtype": "error_max_turns", "is_error": False, "num_turns": 3})

    assert _fault(stdout, "claude") == Fault.FAILED


def test_a_session_that_qwen_could_not_go_on_in_is_flagged() -> None:
    event = {
        "type": "result",
        "subtype": "error_during_execution",
        "is_error": True,
        "error": {"message": "503 later"},
    }

    assert _fault(jsonl(event)) == Fault.TRANSIENT


def test_opencode_that_ran_out_of_words_has_not_succeeded() -> None:
    reply = read("opencode", jsonl({"type": "step_finish", "sessionID": "s", "part": {"reason": "length"}}))

    assert reply.trouble == Trouble(Fault.FAILED, "it stopped in the middle: length")


def test_opencodes_tokens_are_those_of_all_steps_and_unknown_costs_stay_unknown() -> None:
    part = {
        "reason": "stop",
        "tokens": {"input": 1, "output": 2, "reasoning": 3, "cache": {"read": 4, "write": 5}},
    }
    step = {"type": "step_finish", "part": part}

    assert read("opencode", jsonl(step, step)).usage == (Usage("", 2, 8, 10, 10, None),)


def test_aiders_tokens_are_summed_and_its_cost_is_the_sessions() -> None:
    stdout = (
        "Aider v0.86.2\n\nFirst.\n\nTokens: 2.5k sent, 1k cache write, 500 cache hit, 1,200 received. "
        "Cost: $0.01 message, $0.01 session.\n\nSecond.\n\nTokens: 500 sent, 5 received. "
        "Cost: $0.02 message, $0.03 session.\n"
    )

    assert read("aider", stdout).usage == (Usage("", 1500, 500, 1000, 1205, 0.03),)


def test_codex_that_went_on_after_a_retry_was_not_ended_by_that() -> None:
    error = {"type": "error", "message": "Reconnecting... 1/5 (exceeded retry limit, last status: 429)"}
    command = {"type": "item.started", "item": {"type": "command_execution", "command": "make"}}

    assert _fault(jsonl(error), "codex") == Fault.TRANSIENT
    assert _fault(jsonl(error, command), "codex") is None


@pytest.mark.parametrize(("second", "fault"), [("10", None), ("30", Fault.TRANSIENT)])
def test_opencode_that_went_on_after_a_retry_was_not_ended_by_that(second: str, fault: Fault | None) -> None:
    event = {
        "type": "text",
        "timestamp": (AT + 20) * 1000,
        "sessionID": "s",
        "part": {"messageID": "m", "text": "Hm"},
    }
    log = f'timestamp=2026-11-20T12:00:{second}.491Z level=ERROR run=f message="stream error" error.error="Bad Gateway 502"'

    found = read("opencode", jsonl(event), log, -15).trouble

    assert (found and found.fault) == fault


@pytest.mark.parametrize("ends", [AT + 7200, AT - 180])
@pytest.mark.parametrize("unit", [1, 1000])
def test_a_limit_of_claude_ends_when_its_event_says(ends: float, unit: int) -> None:
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": ends * unit}}

    assert read("claude", jsonl(event)).trouble == Trouble(Fault.LIMITED, "usage limit reached", ends)


def test_copilots_error_without_a_status_is_told_by_its_kind() -> None:
    error = {"type": "session.error", "data": {"errorType": "rate_limit", "message": "slow down"}}

    assert _fault(jsonl(error, {"type": "result", "exitCode": 1}), "copilot") == Fault.TRANSIENT


def test_copilot_that_was_ended_while_it_tried_again_tells_why() -> None:
    whole = recorded("copilot-f500")
    lines = [line for line in whole.stdout if '"model_retry"' in line]

    found = read("copilot", lines[0] + "\n")

    assert found.trouble is not None
    assert found.trouble.fault == Fault.TRANSIENT


def test_gemini_that_failed_once_and_went_on_was_not_ended_by_that() -> None:
    said = jsonl(
        {"type": "init", "session_id": "s"}, {"type": "message", "role": "assistant", "content": "Hm"}
    )

    once = read("gemini", said, "Attempt 1 failed with status 500. Retrying with backoff... x\n", -9)
    often = read("gemini", said, "Attempt 4 failed with status 500. Retrying with backoff... x\n", -9)

    assert once.trouble is None
    assert often.trouble is not None
    assert often.trouble.fault == Fault.TRANSIENT


# --- outputs that are cut off ------------------------------------------------------------------------------------------

OUTPUTS = {
    **{name: _text(RECORDINGS / f"{name}.jsonl") for name in NAMES},
    "cursor-exec": CURSOR_EXEC,
    "cursor-refused": CURSOR_REFUSED,
}
LAST = {
    "claude": '{"type":"result"', "codex": '{"type":"turn.completed"', "cursor": '{"type":"result"',
    "opencode": '"reason":"stop"', "gemini": '{"type":"result"', "qwen": '{"type":"result"',
    "copilot": '{"type":"result"', "aider": "Tokens: ",
}  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_cut_off_anywhere_is_no_success(name: str) -> None:
    agent, output = agent_of(name), OUTPUTS[name]
    ends = [at + 1 for at, character in enumerate(output) if character == "\n"]
    seed = random.Random(name)
    cuts = [0, *ends, *(seed.randrange(len(output) + 1) for _ in range(30))]

    for cut in cuts:
        stderr = _text(RECORDINGS / f"{name}.stderr")
        reply = read(agent, output[:cut], stderr[: len(stderr) * cut // max(1, len(output))])

        assert not is_success(reply) or any(LAST[agent] in line for line in output[:cut].splitlines())


@pytest.mark.parametrize("agent", ["claude", "codex", "qwen", "copilot"])
def test_a_line_of_three_megabytes_is_passed_over_or_read(agent: str) -> None:
    long = (
        jsonl({"type": "user", "message": "x" * 3_000_000})
        + '{"type":"user","message":"'
        + "y" * 3_000_000
        + "\n"
    )

    reply = read(agent, long + OUTPUTS[f"{agent}-exec"])

    assert is_success(reply)
    assert [ADAPTERS[agent].sign(line) for line in long.splitlines()] == [None, None]


def test_a_reply_of_three_megabytes_is_read() -> None:
    for agent in ADAPTERS:
        assert len(read(agent, _says(agent, "x" * 3_000_000)).text) == 3_000_000


_TYPES = st.sampled_from(
    [
        "result", "system", "assistant", "error", "turn.completed", "turn.failed", "item.completed", "thread.started",
        "tool_call", "step_finish", "step_start", "text", "tool_use", "tool_result", "init", "message", "session.error",
        "session.info", "assistant.message", "tool.execution_complete", "tool.execution_start", "rate_limit_event",
    ]
)  # fmt: skip
_KEYS = st.sampled_from(
    [
        "subtype", "session_id", "sessionID", "sessionId", "item", "usage", "error", "message", "content", "data", "part",
        "state", "tokens", "cache", "result", "is_error", "status", "stats", "models", "modelUsage", "role", "text",
        "permission_denials", "tool_call", "rate_limit_info", "resetsAt", "reason", "exitCode", "api_error_status",
        "input_tokens", "output_tokens", "cost", "statusCode", "tool_input", "arguments", "rejected", "errors",
        "infoType", "errorType", "code", "responseHeaders", "retry-after", "name", "type",
    ]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_EVENTS = st.builds(
    lambda kind, rest: json.dumps(
        {"type": kind, **{key: value for key, value in rest.items() if key != "type"}}
    ),
    _TYPES,
    st.dictionaries(_KEYS, JSON, max_size=6),
)


@pytest.mark.parametrize("agent", ADAPTERS)
@settings(max_examples=examples(60), deadline=None)
@given(lines=st.lists(_EVENTS | st.text(max_size=20), max_size=5), stderr=st.text(max_size=40))
def test_no_output_can_break_the_reading(agent: str, lines: list[str], stderr: str) -> None:
    cli = ADAPTERS[agent]

    reply = cli.read(Transcript(lines, "\n".join(lines), stderr, 1, AT))
    signs = {cli.sign(line) for line in [*lines, *stderr.splitlines()]} if cli.sign else set()

    assert isinstance(reply.text, str)
    assert isinstance(reply.session, str)
    until = reply.trouble.until if reply.trouble else None
    assert until is None or AT - 86400 < until < AT + 366 * 86400
    assert signs <= {None, Sign.LAST, Sign.STUCK}


# --- what one line tells -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [f"{agent}-exec" for agent in ADAPTERS if agent not in ("opencode", "aider")]
)
def test_only_the_last_event_is_a_last_word(name: str) -> None:
    sign = ADAPTERS[agent_of(name)].sign
    *before, last = OUTPUTS[name].splitlines()

    assert sign(last) is Sign.LAST
    assert {sign(line) for line in before} == {None}


def test_a_failed_turn_is_codexs_last_word_too() -> None:
    assert ADAPTERS["codex"].sign(OUTPUTS["codex-f401"].splitlines()[-1]) is Sign.LAST


def test_opencode_says_its_last_word_in_new_versions_only() -> None:
    sign = ADAPTERS["opencode"].sign

    assert {sign(line) for line in OUTPUTS["opencode-exec"].splitlines()} == {None}
    assert sign('{"type":"done","reason":"idle"}') is Sign.LAST


def test_codex_without_a_network_is_stuck() -> None:
    signs = [ADAPTERS["codex"].sign(line) for line in OUTPUTS["codex-noserver"].splitlines()]

    assert Sign.STUCK in signs
    assert Sign.STUCK not in [ADAPTERS["codex"].sign(line) for line in OUTPUTS["codex-f429"].splitlines()]


@pytest.mark.parametrize("case", ["f429", "f500", "noserver"])
def test_gemini_is_stuck_from_its_fourth_attempt_on(case: str) -> None:
    lines = _text(RECORDINGS / f"gemini-{case}.stderr").splitlines()

    stuck = [line for line in lines if ADAPTERS["gemini"].sign(line) is Sign.STUCK]

    assert stuck[0].startswith("Attempt 4 failed")
    assert stuck == [line for line in lines if line.startswith("Attempt ") and line[8] not in "123"]


def test_opencode_is_stuck_when_its_log_tells_of_a_usage_limit() -> None:
    sign = ADAPTERS["opencode"].sign
    log = 'timestamp=2026-11-20T12:10:09.526Z level=ERROR run=f message="stream error" providerID=x error.error="{}"'

    assert sign(log.format("AI_APICallError: The usage limit has been reached")) is Sign.STUCK
    assert sign(log.format("AI_APICallError: Rate limit reached")) is None
    assert sign(log.format("AI_APICallError: Bad Gateway")) is None


# --- what errors mean --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "status", "fault"),
    [
        ("Rate limit reached for requests", 429, Fault.TRANSIENT),
        ("Rate limit reached", None, Fault.TRANSIENT),
        ("You have exceeded your monthly quota", None, Fault.LIMITED),
        ("Claude AI usage limit reached|1795187400", None, Fault.LIMITED),
        ("You exceeded your current quota, please check your plan and billing details", 429, Fault.LIMITED),
        ("You exceeded your current quota. insufficient_quota", 429, Fault.MISCONFIGURED),
        ("Credit balance is too low", None, Fault.MISCONFIGURED),
        ("you have reached your organization's spend limit", 429, Fault.MISCONFIGURED),
        ("no quota", 402, Fault.MISCONFIGURED),
        ("Overloaded", 529, Fault.TRANSIENT),
        ("Forbidden", 403, Fault.UNAUTHENTICATED),
        ("model `x` does not exist", 404, Fault.MISCONFIGURED),
        ("The model `x` does not exist or you do not have access", None, Fault.MISCONFIGURED),
        ("API key not valid. Please pass a valid API key.", 400, Fault.UNAUTHENTICATED),
        ("Please run /login", None, Fault.UNAUTHENTICATED),
        ("input is too long for requested model", 400, Fault.TOO_LONG),
        ("request entity too large", 413, Fault.TOO_LONG),
        ("unexpected status 503 Service Unavailable", None, Fault.TRANSIENT),
        ('{"error":{"code":401,"message":"no"}}', None, Fault.UNAUTHENTICATED),
        ("fetch failed", None, Fault.TRANSIENT),
        ("please retry after 3600s", 429, Fault.LIMITED),
        ("please retry after 60s", 429, Fault.TRANSIENT),
        (
            "You have exhausted your capacity on this model. Your quota will reset after 3h25m10s.",
            429,
            Fault.LIMITED,
        ),
        (
            "You have exhausted your capacity on this model. Your quota will reset after 1s.",
            429,
            Fault.TRANSIENT,
        ),
        (
            "You exceeded your current quota, check your plan and billing details. Please retry in 34.5s",
            429,
            Fault.TRANSIENT,
        ),
        ("You've hit your session limit · resets 11:57am (UTC)", 429, Fault.LIMITED),
        ("You've hit your session limit · resets 12:01pm (UTC)", 429, Fault.LIMITED),
        ("You've hit your weekly limit · resets Nov 20 at 10:55am (UTC)", 429, Fault.LIMITED),
        ("You've hit your weekly limit · resets Nov 2 at 10:55am (UTC)", 429, Fault.LIMITED),
        ("You've hit your usage limit; resets in 0 minutes", None, Fault.LIMITED),
        ("You've hit your usage limit; resets in 99999999 days", None, Fault.LIMITED),
        ("Claude AI usage limit reached|1795175820", None, Fault.LIMITED),
        ("429 rate limit reached, try again at 11:57 AM", 429, Fault.LIMITED),
        ("2026-11-20T11:59:58Z 503 Service Unavailable", 503, Fault.TRANSIENT),
        ("tool call failed", 400, Fault.FAILED),
        ("something odd", None, Fault.FAILED),
    ],
)
def test_an_error_means(message: str, status: int | None, fault: Fault) -> None:
    assert trouble(message, AT, status).fault == fault


def test_an_end_that_nobody_waits_for_is_told() -> None:
    found = trouble("You've hit your usage limit; resets Nov 20, 2036 at 11am (UTC)", AT)

    assert (found.fault, found.until) == (Fault.LIMITED, None)
    assert found.message.endswith(
        "; the end that it names is more than a year away, so it is asked again before"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", Told(AT + 120, Form.WAIT)),
        ("0", Told(AT, Form.WAIT)),
        ("-30", Told(AT - 30, Form.WAIT)),
        ("1.5", Told(AT + 1.5, Form.WAIT)),
        ("Fri, 20 Nov 2026 18:00:00 GMT", Told(AT + 6 * 3600, Form.STAMP)),
        ("", None),
        ("soon", None),
        ("nan", None),
    ],
)
def test_a_header_tells_when_to_come_back(value: str, expected: Told | None) -> None:
    assert told_by_header(value, AT) == expected


@pytest.mark.parametrize("header", ["0", "-30", "Fri, 20 Nov 2026 11:57:00 GMT"])
def test_a_limit_whose_header_tells_a_time_that_is_over_stays_a_limit(header: str) -> None:
    data = {
        "message": "You've hit your usage limit", "statusCode": 429, "responseHeaders": {"retry-after": header},
    }  # fmt: skip

    found = read("opencode", jsonl({"type": "error", "error": {"name": "APIError", "data": data}})).trouble

    assert found is not None
    assert found.fault is Fault.LIMITED
    assert found.until is not None
    assert found.until <= AT


def test_the_sentence_in_an_answer_of_a_service_is_the_message() -> None:
    assert (
        trouble('[API Error: {"error":{"code":500,"message":"It \\"broke\\""}}]', AT).message == 'It "broke"'
    )


def test_the_last_error_is_the_complaint_or_else_everything() -> None:
    assert complaint("Warning: colours\nError: one\nError: two\nUsage: x") == "Error: two"
    assert complaint("\x1b[1mWhat\x1b[0m\n\n is this") == "What is this"
    assert complaint("Warning: colours") == ""


# --- when a limit ends -------------------------------------------------------------------------------------------------


def moment(year: int, month: int, day: int, hour: int, minute: int = 0, zone: str = "UTC") -> float:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp()


def reset_time(message: str, at: float) -> float | None:
    """The end that a message names and that can be meant."""
    return sane(told(message, at), at)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("You've hit your session limit · resets 3:10pm (UTC)", moment(2026, 11, 20, 15, 10)),
        ("resets 10:10pm (Europe/Moscow)", moment(2026, 11, 20, 22, 10, "Europe/Moscow")),
        ("resets 3am (Europe/Moscow)", moment(2026, 11, 21, 3, 0, "Europe/Moscow")),
        ("or try again at 2:58 PM.", moment(2026, 11, 20, 14, 58)),
        ("or try again at 2:58\u202fPM.", moment(2026, 11, 20, 14, 58)),
        ("try again at 10:58 AM.", moment(2026, 11, 21, 10, 58)),
        ("try again at 11:58 AM.", moment(2026, 11, 20, 11, 58)),
        ("resets at 15:10", moment(2026, 11, 20, 15, 10)),
        ("resets 12am (UTC)", moment(2026, 11, 21, 0)),
        ("resets 12pm (UTC)", moment(2026, 11, 20, 12)),
        ("try again at Dec 17th, 2026 6:00 AM", moment(2026, 12, 17, 6)),
        ("resets Dec 17 at 6am (America/New_York)", moment(2026, 12, 17, 6, 0, "America/New_York")),
        ("resets Jan 2, 3pm (UTC)", moment(2027, 1, 2, 15)),
        ("resets Nov 20 at 11am (UTC)", moment(2026, 11, 20, 11)),
        ("resets Nov 2 at 11am (UTC)", None),
        ("resets Nov 19 at 1pm (UTC)", moment(2026, 11, 19, 13)),
        ("resets Fri 11:30am (UTC)", moment(2026, 11, 20, 11, 30)),
        ("resets Fri 10:30am (UTC)", moment(2026, 11, 27, 10, 30)),
        ("resets Mon 6am (UTC)", moment(2026, 11, 23, 6)),
        ("resets Friday at 6am (UTC)", moment(2026, 11, 27, 6)),
        ("Your limit will reset at 7pm (Asia/Tokyo)", moment(2026, 11, 21, 19, 0, "Asia/Tokyo")),
        ("try again in 3 days 4 hours 5 minutes", AT + 3 * 86400 + 4 * 3600 + 5 * 60),
        ("try again in 1 hour, 2 minutes and 3 seconds.", AT + 3723),
        ("resets in 2h30m", AT + 9000),
        ("retry after 2s", AT + 2),
        ("Retrying after 5285ms...", AT + 5.285),
        ("Please retry in 34.5s.", AT + 34.5),
        ("resets at 2026-11-20T18:00:00Z", moment(2026, 11, 20, 18)),
        ("resets at 2026-11-20T18:00:00.123456789+02:00", moment(2026, 11, 20, 16) + 0.123456),
        ("Claude AI usage limit reached|1795187400", 1795187400.0),
        ("limit reached|1795187400000", 1795187400.0),
        ("resets 6pm GMT+2", moment(2026, 11, 20, 16)),
        ("resets 6pm (UTC-05:30)", moment(2026, 11, 20, 23, 30)),
        ("resets 11:59pm PST", moment(2026, 11, 21, 7, 59)),
        ("resets 7 p.m. ET.", moment(2026, 11, 21, 0)),
        ("2026-11-20T11:59:58Z usage limit · resets 3pm (UTC)", moment(2026, 11, 20, 15)),
        ("resets in 0 minutes", AT),
        ("retry after 0s", AT),
        ("retry after -5s", None),
        ("resets at 2026-11-20T11:57:00Z", AT - 180),
        ("resets at 2026-10-20T11:57:00Z", None),
        ("resets at 2036-11-20T11:57:00Z", None),
        ("resets Nov 20, 2036 at 11am", None),
        ("limit reached|1795175820", AT - 180),
        ("limit reached|1795175820000", AT - 180),
        ("usage limit reached", None),
        ("try again later", None),
        ("resets 3", None),
        ("resets at 25:00", None),
        ("resets Jun 31 at 6am", None),
        ("try again in 99999999 days", None),
        ("written at 1999-01-01T00:00:00Z", None),
        ("error 1234567890", None),
        ("resets 3pm (Middle/Earth)", moment(2026, 11, 20, 15)),
        ("Meet me at 3pm", None),
    ],
)
def test_a_limit_ends(message: str, expected: float | None) -> None:
    found = reset_time(message, AT)

    assert found == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("late", [0, 40, 180, 3600, LATE])
def test_a_time_of_day_that_has_just_passed_is_no_day_away(late: float) -> None:
    assert reset_time("resets 12pm (UTC)", AT + late) == AT
    assert reset_time("resets 6pm (Asia/Tokyo)", moment(2026, 11, 20, 18, 0, "Asia/Tokyo") + late) == moment(
        2026, 11, 20, 9
    )


def test_a_time_of_day_that_is_over_for_longer_is_tomorrow_s() -> None:
    assert reset_time("resets 12pm (UTC)", AT + LATE + 1) == AT + 86400


def test_past_midnight_the_time_that_has_just_passed_was_yesterday_s() -> None:
    midnight = moment(2026, 11, 21, 0)

    assert reset_time("resets 11:58pm (UTC)", midnight + 60) == midnight - 120
    assert reset_time("resets 11:58pm (UTC)", midnight + 7200) == midnight + 86400 - 120


def test_in_the_new_year_the_date_that_has_just_passed_was_last_year_s() -> None:
    assert reset_time("resets Dec 31 at 11pm (UTC)", moment(2027, 1, 1, 0)) == moment(2026, 12, 31, 23)


@pytest.mark.parametrize("late", [180, 3000])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@settings(max_examples=examples(200), deadline=None)
@given(minute=st.integers(int(moment(2025, 1, 1, 0)) // 60, int(moment(2030, 1, 1, 0)) // 60))
def test_whatever_the_hour_a_reset_a_little_ago_is_not_waited_for(zone: str, late: int, minute: int) -> None:
    ends = datetime.fromtimestamp(minute * 60, ZoneInfo(zone))
    for form in ("%I:%M%p", "%H:%M", "%b %d at %I:%M%p", "%a %I:%M %p"):
        found = reset_time(f"session limit · resets {ends.strftime(form)} ({zone})", minute * 60 + late)

        # where an hour comes twice, its second coming may be meant
        assert found is not None
        assert found <= minute * 60 or (found - minute * 60 <= 3600 and ends.fold == 0)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_day_on_which_the_clocks_change_is_no_24_hours_long(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = moment(2026, 10, 24, 23, 0, "Europe/Berlin")

    assert reset_time("resets 9pm (Europe/Berlin)", at) == moment(2026, 10, 25, 21, 0, "Europe/Berlin")

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    day = {"Europe/Berlin": (2026, 10, 25), "America/New_York": (2026, 11, 1)}[zone]
    before = moment(*day, 0, 0, zone) - 3600

    assert reset_time("try again at 9:00 PM.", before) == moment(*day, 21, 0, zone)


def test_the_hour_that_comes_twice_is_the_next_of_the_two() -> None:
    second = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()

    assert reset_time("resets 2:30am (Europe/Berlin)", second - 1800) == second
    assert reset_time("resets 2:30am (Europe/Berlin)", second - 4500) == second - 3600


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Argentina/Buenos_Aires",
)


@settings(max_examples=examples(300), deadline=None)
@given(
    at=st.integers(int(moment(2025, 1, 1, 0)), int(moment(2030, 1, 1, 0))),
    ahead=st.integers(2, 23 * 60 - 2),
    zone=st.sampled_from(ZONES),
    form=st.sampled_from(
        ["resets %I:%M%p", "try again at %H:%M", "resets %b %d at %I:%M %p", "reset at %b %d, %Y %I:%M%p"]
    ),
)
def test_a_moment_written_out_is_read_back(at: int, ahead: int, zone: str, form: str) -> None:
    ends = datetime.fromtimestamp((at // 60 + ahead) * 60, ZoneInfo(zone))

    found = reset_time(f"limit · {ends.strftime(form)} ({zone})", at)

    assert found is not None
    assert datetime.fromtimestamp(found, ZoneInfo(zone)).strftime(form) == ends.strftime(form)
    # an hour that comes twice can only be told apart by which comes first
    assert found == ends.timestamp() or (found < ends.timestamp() and ends.fold == 1) or _is_skipped(ends)


def _is_skipped(ends: datetime) -> bool:
    return ends.fold == 0 and ends.replace(fold=1).utcoffset() != ends.utcoffset()


@settings(max_examples=examples(200), deadline=None)
@given(wait=st.integers(1, 300 * 86400))
def test_a_wait_written_out_is_read_back(wait: int) -> None:
    left = timedelta(seconds=wait)
    words = f"{left.days} days {left.seconds // 3600} hours {left.seconds % 3600 // 60} minutes {left.seconds % 60} seconds"

    assert reset_time(f"try again in {words}.", AT) == AT + wait
    assert reset_time(f"resets in {wait}s", AT) == AT + wait


@settings(max_examples=examples(300), deadline=None)
@given(
    st.text(max_size=60) | st.from_regex(r"(resets|try again at|in) [\dapm:. A-Z()/,-]{1,30}", fullmatch=True)
)
def test_no_message_can_break_the_reading_of_a_time(message: str) -> None:
    found = reset_time(message, AT)

    assert found is None or AT - 86400 < found < AT + 366 * 86400
