"""`peal agents`: what is installed here, whether peal knows it, and whether it answers."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Repo, carriers, eventually, later
from sandboxes import needs_bubblewrap

from peal.agents import probe, short_commands
from peal.agents.probe import Answer, Found
from peal.agents.protocol import Cli
from peal.agents.registry import adapters
from peal.model.agent import Fault, Reply, Trouble
from peal.model.process import Ended, Ending
from peal.phases.verdict import Evidence
from peal.system.scratch import scratch

ADAPTERS = adapters()
CLAUDE = ADAPTERS["claude"]
FLAGS = " ".join(CLAUDE.flags)
HELP = f"cat <<'END'\nOptions: {FLAGS}\nEND"
RESULT = {
    "type": "result",
    "is_error": False,
    "result": "ready",
    "session_id": "s1",
    "num_turns": 1,
    "modelUsage": {
        "opus": {"inputTokens": 10, "cacheReadInputTokens": 900, "outputTokens": 40, "costUSD": 0.02}
    },
}
SAYS_IT = (
    f"printf '%s\\n' '{json.dumps({**RESULT, 'result': 'SAID'})}' | "
    'while read -r one; do echo "${one%SAID*}$said${one#*SAID}"; done'
)
"""The end of a script whose reply is what is in its variable `said`."""
NEEDED = ("git", "bash", "sh", "cat", "sleep", "yes", "env")


@pytest.fixture
def bin_(repo: Repo, tmp_path: Path) -> Path:
    """A PATH of its own, with what peal and scripts need and no agent."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    repo.env["PATH"] = str(folder)
    return folder


@pytest.fixture
def install(bin_: Path) -> Callable[..., Path]:
    """Put a fake CLI on the PATH: what it does when asked for its version, for its flags, and for anything else."""

    def put(
        name: str = "claude",
        version: str = f"echo '{CLAUDE.tested} (Claude Code)'",
        flags: str = HELP,
        answer: str = "exit 9",
    ) -> Path:
        script = f"#!/bin/sh\ncase $1 in\n--version) {version};;\n--help) {flags}\n;;\n*) {answer};;\nesac\n"
        path = bin_ / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)
        return path

    return put


def said(event: dict[str, Any], code: int = 0) -> str:
    """A script that reads its prompt and prints an event."""
    return f"cat > prompt; cat <<'END'\n{json.dumps(event)}\nEND\nexit {code}"


def told(repo: Repo, *words: str, code: int = 0) -> dict[str, Any]:
    """What `peal agents claude --json` says of it."""
    (agent,) = json.loads(repo.peal("agents", "claude", "--json", *words, code=code).stdout)["agents"]
    found: dict[str, Any] = agent
    return found


@pytest.mark.usefixtures("bin_")
def test_where_nothing_is_installed_it_says_how_to_install_each(repo: Repo) -> None:
    done = repo.peal("agents", code=1)

    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [*ADAPTERS, "sandbox:"]
    assert all(f"not installed; {cli.install}" in done.stdout for cli in ADAPTERS.values())
    assert done.stderr.startswith("error: none of `claude`")
    assert "--agent shell" in done.stderr


def test_one_that_is_installed_is_told_with_version_and_place(
    repo: Repo, install: Callable[..., Path]
) -> None:
    path = install()

    *lines, _ = repo.peal("agents", "claude").stdout.splitlines()

    assert lines == [f"* claude  {CLAUDE.tested}  {path}", '* is what `agent = "auto"` takes']


def test_json_says_the_same(repo: Repo, install: Callable[..., Path]) -> None:
    path = install()

    assert told(repo) == {
        "name": "claude",
        "program": str(path),
        "version": CLAUDE.tested,
        "tested": CLAUDE.tested,
        "problem": "",
        "notes": [],
        "is_auto": True,
        "is_usable": True,
    }


@pytest.mark.parametrize(
    ("version", "note"),
    [
        ("echo 99.0.1", f"newer than {CLAUDE.tested}, with which peal was tried"),
        ("echo 0.9", f"older than {CLAUDE.tested}, with which peal was tried"),
        ("echo 99.0.1 >&2", f"newer than {CLAUDE.tested}, with which peal was tried"),
        ("echo nonsense", f"tells no version; peal was tried with {CLAUDE.tested}"),
        ("true", f"tells no version; peal was tried with {CLAUDE.tested}"),
    ],
)
def test_another_version_is_a_warning_and_no_failure(
    repo: Repo, install: Callable[..., Path], version: str, note: str
) -> None:
    install(version=version)

    found = told(repo)

    assert found["notes"] == [note]
    assert found["is_usable"]


def test_a_flag_that_the_version_lacks_is_named(repo: Repo, install: Callable[..., Path]) -> None:
    install(flags=HELP.replace("--resume", "--resume-later"))

    found = told(repo, code=1)

    assert found["problem"] == f"lacks --resume, which peal uses; update it: {CLAUDE.install}"


def test_flags_that_cannot_be_asked_for_are_a_warning(repo: Repo, install: Callable[..., Path]) -> None:
    install(flags="echo no help today >&2; exit 3")

    assert told(repo)["notes"] == [
        "its flags are not known: `claude --help` ends with status 3: no help today"
    ]


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("echo 'no such thing' >&2; exit 1", "ends with status 1: no such thing"),
        ("kill -9 $$", "ends with status -9"),
        *later(("sleep 100", "did not end within 1.0s")),
        ("sleep 100 & sleep 100", "did not end within 1.0s"),
        *later(("trap '' TERM; while :; do sleep 0.1; done", "did not end within 1.0s")),
    ],
)
def test_a_program_that_cannot_tell_its_version_cannot_be_used(
    repo: Repo, install: Callable[..., Path], version: str, problem: str
) -> None:
    install(version=version)

    found = told(repo, "--timeout", "1", code=1)

    assert f"`claude --version` {problem}; mend or reinstall it" in found["problem"]
    assert found["version"] == ""


def test_a_program_that_prints_without_end_is_ended(repo: Repo, install: Callable[..., Path]) -> None:
    install(version="yes")

    assert "prints without end" in told(repo, code=1)["problem"]


def test_a_program_that_cannot_be_started_is_told(repo: Repo, install: Callable[..., Path]) -> None:
    path = install()
    path.write_text("#!/no/such/interpreter\n", encoding="utf-8")

    assert "cannot be started: " in told(repo, code=1)["problem"]


def test_nothing_that_was_started_is_left_when_peal_is_killed(
    repo: Repo, install: Callable[..., Path]
) -> None:
    install(version="sleep 100")
    process = repo.start("agents", "claude", cold=True, PEAL_TEST_MARK=repo.path.name)
    eventually(lambda: len(carriers("PEAL_TEST_MARK", repo.path.name)) > 2)

    process.kill()

    eventually(lambda: not carriers("PEAL_TEST_MARK", repo.path.name))


def test_ctrl_c_ends_what_was_started(repo: Repo, install: Callable[..., Path]) -> None:
    asked = repo.path.parent / "asked"
    install(answer='echo > "$ASKED"; sleep 100')
    marked = {"PEAL_TEST_MARK": repo.path.name, "ASKED": str(asked)}
    process = repo.start("agents", "claude", "--probe", cold=True, **marked)
    eventually(asked.exists)

    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 130
    assert not carriers("PEAL_TEST_MARK", repo.path.name)


def test_ctrl_c_comes_between_two_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not in the midst of one, where it would be lost or leave a lock behind."""
    looked = []

    def look(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        looked.append(time.monotonic())

    monkeypatch.setattr(short_commands.process, "overdue", look)
    command = short_commands.ShortCommand("one", ("sleep", "600"), tmp_path, dict(os.environ))
    with scratch(f"test-{os.getpid()}", print) as at, pytest.raises(KeyboardInterrupt):
        short_commands.run_all(at, [command], 600, 1)

    assert len(looked) == 1
    assert time.monotonic() - looked[0] < 30


def test_an_agent_of_the_settings_has_its_row(repo: Repo, install: Callable[..., Path]) -> None:
    install("mine")
    repo.write("peal.toml", '[agents.mine]\ncommand = "mine"\n[agents.other]\ncommand = "./no-such"\n')

    found = json.loads(repo.peal("agents", "mine", "other", "--json").stdout)["agents"]

    assert [agent["is_usable"] for agent in found] == [True, False]
    assert found[0]["program"].endswith("/bin/mine")
    assert found[1]["problem"].startswith("`./no-such` is not a program on PATH")


def test_a_name_that_nobody_has_is_refused(repo: Repo) -> None:
    assert "there is no agent `nobody`" in repo.peal("agents", "nobody", code=1).stderr


def test_outside_of_a_repository_it_works_too(
    repo: Repo, install: Callable[..., Path], tmp_path: Path
) -> None:
    install()
    outside = tmp_path / "outside"
    outside.mkdir()

    found = repo.peal("agents", "claude", "--repo", str(outside))

    assert CLAUDE.tested in found.stdout


# --- --probe


def test_an_agent_that_answers_is_told_with_what_it_used(repo: Repo, install: Callable[..., Path]) -> None:
    install(answer=said(RESULT))

    done = repo.peal("agents", "claude", "--probe")

    assert "answered `ready` in " in done.stdout
    assert "950 tokens (900 cached), $0.02" in done.stdout
    assert "asking `claude`" in done.stderr
    assert list(repo.path.iterdir()) == [repo.path / ".git"]


def test_an_agent_is_asked_as_in_an_attempt_at_plan(repo: Repo, install: Callable[..., Path]) -> None:
    look = 'cat > "$OUT/prompt"; echo "$@" > "$OUT/words"; env > "$OUT/env"; git status > "$OUT/status"'
    install(answer=f"{look}; {said(RESULT)}")
    repo.env |= {"OUT": str(repo.path.parent), "CLAUDECODE": "1", "GIT_DIR": "/nowhere"}

    told(repo, "--probe")

    out = repo.path.parent
    assert (out / "prompt").read_text(encoding="utf-8") == "Reply with the one word: ready\n"
    assert "--permission-mode plan" in (out / "words").read_text(encoding="utf-8")
    assert "No commits yet" in (out / "status").read_text(encoding="utf-8")
    env = (out / "env").read_text(encoding="utf-8").splitlines()
    assert "PEAL_PHASE=plan" in env
    assert not [line for line in env if line.startswith(("CLAUDECODE=", "GIT_DIR="))]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            said({**RESULT, "is_error": True, "api_error_status": 401, "result": "Invalid API key"}, 1),
            f"not logged in: Invalid API key; {CLAUDE.login}",
        ),
        (
            said({**RESULT, "is_error": True, "api_error_status": 429, "result": "You've hit your limit"}, 1),
            "usage limit: You've hit your limit",
        ),
        *later(
            (
                said({**RESULT, "is_error": True, "api_error_status": 529, "result": "Overloaded"}, 1),
                "cannot be served just now: Overloaded; try again in a while",
            )
        ),
        ("echo 'it broke' >&2; exit 3", "it broke"),
        ("cat > prompt", "the output ends before the agent's last word"),
        ("sleep 100", "timed out after 1.0s"),
    ],
)
def test_what_goes_wrong_is_told_in_the_words_of_an_attempt(
    repo: Repo, install: Callable[..., Path], answer: str, words: str
) -> None:
    install(answer=answer)

    found = told(repo, "--probe", "--timeout", "1", code=1)

    assert not found["answer"]["answered"]
    assert words in found["answer"]["said"]
    assert not found["is_usable"]


@needs_bubblewrap
def test_an_agent_is_asked_in_the_sandbox_of_a_run(
    repo: Repo, bin_: Path, install: Callable[..., Path]
) -> None:
    for name in ("bwrap", "touch"):
        (bin_ / name).symlink_to(shutil.which(name) or name)
    touched = "for each in $OUT ~/.claude .; do touch $each/new 2>/dev/null && said=$said,$each; done"
    install(answer=f"cat >/dev/null; said=$GH_TOKEN; {touched}; {SAYS_IT}")
    (repo.path.parent / "home/.claude").mkdir(parents=True)
    repo.env |= {
        "OUT": str(repo.path.parent),
        "HOME": str(repo.path.parent / "home"),
        "GH_TOKEN": "token",
        "PEAL_SANDBOX": "auto",
    }

    done = repo.peal("agents", "claude", "--probe")

    assert f"answered `,{repo.env['HOME']}/.claude` in " in done.stdout
    assert "asking `claude` in the sandbox `bubblewrap`" in done.stderr
    assert not (repo.path.parent / "new").exists()


def test_no_agent_is_asked_where_a_run_would_be_refused_for_want_of_a_sandbox(
    repo: Repo, install: Callable[..., Path]
) -> None:
    install(answer=f"touch $OUT; {said(RESULT)}")
    repo.env["OUT"] = str(repo.path.parent / "asked")

    refused = repo.peal("agents", "claude", "--probe", code=1, PEAL_SANDBOX="bubblewrap")
    assert "error: sandbox `bubblewrap` cannot be used here: `bwrap` is not on PATH" in refused.stderr
    assert not Path(repo.env["OUT"]).exists()

    assert "answered `ready`" in repo.peal("agents", "claude", "--probe", PEAL_SANDBOX="auto").stdout


def test_a_command_that_just_talks_is_asked_only_by_its_name(
    repo: Repo, install: Callable[..., Path]
) -> None:
    install()
    install("mine", answer="echo asked >> $OUT; echo ready")
    repo.env["OUT"] = str(repo.path.parent / "asked")
    repo.write("peal.toml", '[agents.mine]\ncommand = "mine it"\n')

    repo.peal("agents", "--probe", "--timeout", "5", code=1)
    assert not Path(repo.env["OUT"]).exists()

    assert "answered `ready`" in repo.peal("agents", "mine", "--probe").stdout
    assert "answered `will run 1 block" in repo.peal("agents", "shell", "--probe").stdout


def test_a_key_that_an_agent_prints_is_hidden(repo: Repo, install: Callable[..., Path]) -> None:
    install("mine", answer='echo "$MINE_API_KEY"')
    repo.write("peal.toml", '[agents.mine]\ncommand = "mine it"\n')

    text = repo.peal("agents", "mine", "--probe", MINE_API_KEY="sesame-open").stdout

    assert "answered `[hidden]`" in text


# --- the deciding parts


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.1.197 (Claude Code)\n", "2.1.197"),
        ("codex-cli 0.169.0", "0.169.0"),
        ("2025.09.18-7ae6800", "2025.09.18"),
        ("(node:123) warning\nv1.0.102.", "1.0.102"),
        ("version 7", "7"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_a_version_is_found_in_what_programs_say(text: str, version: str) -> None:
    assert probe.version_in(text) == version


@pytest.mark.parametrize(
    ("version", "tested", "said"),
    [
        ("1.2.3", "1.2.3", ""),
        ("1.10.0", "1.9.9", "newer than 1.9.9, with which peal was tried"),
        ("1.2", "1.10", "older than 1.10, with which peal was tried"),
        ("1.2", "", "peal was never tried with it"),
    ],
)
def test_versions_are_compared_as_numbers(version: str, tested: str, said: str) -> None:
    assert probe.compared(version, tested) == said


@pytest.mark.parametrize(
    ("flag", "helps", "is_there"),
    [
        ("--json", "  --json   Print JSON", True),
        ("--json", "  --json-schema FILE", False),
        ("--json", "  --json=FILE", True),
        ("-p", "  -p, --print", True),
        ("-p", "  --no-p, x-p", False),
        ("-o", "[-o FILE]", True),
    ],
)
def test_a_flag_counts_as_a_whole_word(flag: str, helps: str, is_there: bool) -> None:
    assert probe.lacks([flag], helps) == ([] if is_there else [flag])


CURSOR = Cli(
    name="cursor",
    programs=("cursor-agent", "agent"),
    tested="1.0",
    argv=lambda _request: [],
    read=lambda _transcript: Reply(""),
    install="see cursor.com",
)


@pytest.mark.parametrize(
    ("texts", "who"),
    [
        (["grok 1.2\n", "grok, the agent"], "is another's, and says `grok 1.2`; for cursor: see cursor.com"),
        (["", ""], "is another's; for cursor: see cursor.com"),
        (["1.0\n", "Cursor Agent"], "says that it is cursor's; link it as `cursor-agent` for peal to use it"),
    ],
)
def test_a_namesake_is_told_by_what_it_says_of_itself(texts: list[str], who: str) -> None:
    found = probe.another(CURSOR, "agent", "/bin/agent", texts)

    assert found == Found("cursor", tested="1.0", problem=f"not installed: `agent` (/bin/agent) {who}")


def test_a_bare_agent_of_another_vendor_is_not_taken(repo: Repo, install: Callable[..., Path]) -> None:
    install("agent", version="echo 'grok 1.2'", flags="echo 'grok: an agent'")

    text = repo.peal("agents", "cursor", code=1).stdout

    assert "is another's, and says `grok 1.2`" in text


def test_a_reply_is_judged_as_an_attempt_would_be() -> None:
    now = time.mktime((2026, 11, 20, 12, 0, 0, 0, 0, -1))
    well, slow = Ending(Ended.EXITED, 0, 2.0), Ending(Ended.OVERSTAYED, -15, 9.0)
    limit = Trouble(Fault.LIMITED, "enough", now + 3600)

    assert probe.answer(Evidence(well, Reply("ready\n")), now) == Answer(True, "ready", 2.0)
    assert probe.answer(Evidence(slow, Reply("ready")), now) == Answer(True, "ready", 9.0)
    assert probe.answer(Evidence(well, Reply(" ")), now) == Answer(False, "it replied nothing", 2.0)
    assert (
        probe.answer(Evidence(well, Reply("", trouble=limit)), now).said == "usage limit until 13:00: enough"
    )
