"""The agents: which process they want started for a task, or why none."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from attrs import evolve
from conftest import Repo
from stories import PHASE

from peal.agents import registry as agents
from peal.agents.command import CommandAgent
from peal.agents.protocol import Request, Transcript
from peal.agents.shell import ShellAgent, blocks_of
from peal.errors import PealError
from peal.model.agent import Command, Declined, Reply
from peal.model.plan import Task
from peal.settings import AgentSettings

REPO = Path("/work/repo")


def task_of(text: str) -> Task:
    """A task with an indented piece of text."""
    return Task("3", "a task", dedent(text).strip("\n"), line=12)


def request(phase: str = "execute", text: str = "", prompt: str = "Do it.", **more: Any) -> Request:
    made = Request(
        task_of(text),
        PHASE[phase],
        prompt,
        Path("/memory/3-execute-1/prompt.md"),
        Path("/work/tree"),
        phase != "plan",
    )
    return evolve(made, **more)


# --- shell


TEXT = """
    Build it, and mend it so:

    ```sh
    make
    make test
    ```

    ```python
    print("only shown")
    ```

    ```bash
    echo built
    ```

    ```sh address
    make format
    ```
    """


def test_shell_tells_in_plan_what_it_will_run() -> None:
    assert ShellAgent().prepare(request("plan", TEXT)) == Reply(
        "will run 2 blocks with `bash -euo pipefail`:\n\n```sh\nmake\nmake test\necho built\n```\n"
    )


def test_shell_runs_in_execute_every_block_as_one_script() -> None:
    assert ShellAgent().prepare(request("execute", TEXT)) == Command(
        ("bash", "-euo", "pipefail", "{folder}/script.sh"),
        files={"script.sh": "make\nmake test\necho built\n"},
    )


def test_shell_runs_in_address_the_blocks_marked_for_it() -> None:
    assert ShellAgent().prepare(request("address", TEXT)) == Command(
        ("bash", "-euo", "pipefail", "{folder}/script.sh"), files={"script.sh": "make format\n"}
    )


_NOTHING_TO_RUN = (
    "line 12: task `3` has no ```sh block, so agent `shell` has nothing to run; "
    "add one, or choose another --agent"
)


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        ("plan", _NOTHING_TO_RUN),
        ("execute", _NOTHING_TO_RUN),
        (
            "address",
            "line 12: task `3` has no ```sh address block, so agent `shell` has nothing to mend findings with; add one",
        ),
    ],
)
def test_shell_declines_a_task_without_a_block_for_the_phase(phase: str, reason: str) -> None:
    assert ShellAgent().prepare(request(phase, "Only words, and `code`.")) == Declined(reason)


def test_shell_has_nothing_to_execute_where_all_blocks_are_for_address() -> None:
    text = "```sh address\nmake format\n```"

    assert isinstance(ShellAgent().prepare(request("execute", text)), Declined)


@pytest.mark.parametrize(
    ("text", "execute", "address"),
    [
        ("", [], []),
        ("```sh\none\n```", ["one"], []),
        ("~~~bash\none\n~~~", ["one"], []),
        ("```sh title=build\none\n```", ["one"], []),
        ("```sh address\none\n```", [], ["one"]),
        ("```bash title=x address\none\n```", [], ["one"]),
        ("```address\none\n```", [], []),
        ("```\none\n```", [], []),
        ("```python\none\n```", [], []),
        ("```shell-session\n$ one\n```", [], []),
        ("```sh\none\n```\n\n```sh\ntwo\n```", ["one", "two"], []),
        ("```sh\n\n  one\n\ttwo\n\n```", ["\n  one\n\ttwo"], []),
        ("```sh\n```", [""], []),
        ("- a step\n\n  ```sh\n  one\n    two\n  ```", ["one\n  two"], []),
        ("    ```sh\n    one\n    ```", [], []),
        ("<!--\n```sh\none\n```\n-->", [], []),
        ("say `sh` and ``` sh ```", [], []),
    ],
)
def test_a_block_is_run_by_its_language_and_its_mark(
    text: str, execute: list[str], address: list[str]
) -> None:
    task = Task("1", "", text)

    assert (blocks_of(task, for_address=False), blocks_of(task, for_address=True)) == (execute, address)


def test_a_block_that_is_shown_inside_another_is_not_run() -> None:
    task = task_of(
        """
        Write this into the manual:

        ````markdown
        ```sh
        rm -rf everything
        ```
        ````

        ~~~text
        ```sh
        nor this
        ```
        ~~~

        ```sh
        cat <<'END'
        ~~~sh
        is but a text
        ~~~
        END
        ```
        """
    )

    assert blocks_of(task, for_address=False) == ["cat <<'END'\n~~~sh\nis but a text\n~~~\nEND"]


def test_shell_replies_with_what_the_blocks_printed() -> None:
    assert ShellAgent().read(Transcript(text="one\ntwo\n")) == Reply("one\ntwo\n")


def test_shell_needs_bash_and_no_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = ShellAgent().missing(None)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert found is None
    assert ShellAgent().missing(None) == "agent `shell` needs `bash` on PATH; install it"


# --- command


def command_agent(*words: str, repo: Path = REPO, **more: Any) -> CommandAgent:
    return CommandAgent("mine", AgentSettings(command=words, **more), repo)


def argv(agent: CommandAgent, asked: Request) -> tuple[str, ...]:
    """The words of the command that an agent wants started."""
    prepared = agent.prepare(asked)
    assert isinstance(prepared, Command)
    return prepared.argv


def test_a_command_gets_every_placeholder_filled_in_also_inside_a_word() -> None:
    agent = command_agent(
        *("tool", "{phase}", "#{task}", "--in={workspace}", "{model}", "{prompt}", "{prompt_file}", "{task}{task}")
    )  # fmt: skip

    assert argv(agent, request(prompt="Do it.\nAll of it.", model="big")) == (
        "tool", "execute", "#3", "--in=/work/tree", "big", "Do it.\nAll of it.",
        "/memory/3-execute-1/prompt.md", "33",
    )  # fmt: skip


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    agent = command_agent("tool", "{prompt}", "{model}")

    asked = request(prompt="say {model}, {task} and {prompt}", model="{phase}")

    assert argv(agent, asked) == ("tool", "say {model}, {task} and {prompt}", "{phase}")


@pytest.mark.parametrize(
    "word", ["{}", "{unknown}", "${HOME}", "{ task }", "{TASK}", '{"a": 1}', "{0}", "%s"]
)
def test_braces_that_are_no_placeholder_stay_as_they_are(word: str) -> None:
    assert argv(command_agent("tool", word), request()) == ("tool", word)


def test_doubled_braces_hold_a_placeholder_like_any() -> None:
    assert argv(command_agent("tool", "{{task}}"), request()) == ("tool", "{3}")


def test_no_model_is_an_empty_word() -> None:
    assert argv(command_agent("tool", "{model}"), request(model=None)) == ("tool", "")


@pytest.mark.parametrize(
    ("phase", "words"),
    [("plan", ("ask", "plan")), ("execute", ("tool", "all")), ("address", ("mend", "address"))],
)
def test_a_phase_with_a_command_of_its_own_uses_that_one(phase: str, words: tuple[str, ...]) -> None:
    agent = command_agent("tool", "all", plan=("ask", "{phase}"), address=("mend", "{phase}"))

    assert argv(agent, request(phase)) == words


@pytest.mark.parametrize(
    ("program", "started"),
    [
        ("tool", "tool"),
        ("./agent.sh", "/work/repo/agent.sh"),
        ("bin/agent", "/work/repo/bin/agent"),
        ("/opt/agent", "/opt/agent"),
    ],
)
def test_a_program_with_a_slash_is_the_repositorys(program: str, started: str) -> None:
    assert argv(command_agent(program), request())[0] == started


@pytest.mark.parametrize(("prompt", "on_stdin"), [("stdin", True), ("file", False), ("argument", False)])
def test_the_prompt_is_on_standard_input_where_the_table_says_so(prompt: str, on_stdin: bool) -> None:
    agent = command_agent("tool", prompt=prompt, env={"MODE": "{task}"})

    assert agent.prepare(request()) == Command(("tool",), prompt_on_stdin=on_stdin, env={"MODE": "{task}"})


def test_a_command_replies_with_its_output_and_has_the_clock_and_the_rule_of_its_table() -> None:
    agent = command_agent("tool", require_change=True, idle_timeout_sec=60)

    assert agent.read(Transcript(text="as\nit is\n")) == Reply("as\nit is\n")
    assert (agent.name, agent.require_change, agent.idle_timeout_sec) == ("mine", True, 60)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with `agent.sh` in it, and PATH with nothing on it but `tool`."""
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "agent.sh").touch(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return folder


@pytest.mark.parametrize(
    ("table", "model"),
    [
        (AgentSettings(command=("tool",)), None),
        (AgentSettings(command=("./agent.sh",)), None),
        (AgentSettings(command=("tool", "{model}")), "big"),
        (AgentSettings(plan=("tool",), execute=("./agent.sh",), address=("tool",)), None),
        (AgentSettings(command=("nothing",), plan=("tool",), execute=("tool",), address=("tool",)), None),
    ],
)
def test_an_agent_whose_programs_are_all_there_lacks_nothing(
    table: AgentSettings, model: str | None, tools: Path
) -> None:
    assert CommandAgent("mine", table, tools).missing(model) is None


@pytest.mark.parametrize(
    ("table", "program"),
    [
        (AgentSettings(command=("nothing", "-p")), "nothing"),
        (AgentSettings(command=("./nothing",)), "./nothing"),
        (AgentSettings(command=("agent.sh",)), "agent.sh"),
        (AgentSettings(command=("tool",), address=("mender",)), "mender"),
    ],
)
def test_an_agent_that_lacks_a_program_in_any_phase_says_which(
    table: AgentSettings, program: str, tools: Path
) -> None:
    assert CommandAgent("mine", table, tools).missing("big") == (
        f"agent `mine`: `{program}` is not a program on PATH or in `{tools}`; "
        "install it, or mend [agents.mine] in peal.toml"
    )


@pytest.mark.parametrize(
    "table",
    [
        AgentSettings(command=("tool", "--model={model}")),
        AgentSettings(command=("tool",), execute=("tool", "{model}")),
    ],
)
def test_an_agent_that_wants_a_model_says_so_where_there_is_none(table: AgentSettings, tools: Path) -> None:
    assert (
        CommandAgent("mine", table, tools).missing(None)
        == "agent `mine` wants a {model} and none is set; pass --model"
    )


def test_a_prompt_that_no_argument_can_hold_ends_in_no_bug(repo: Repo) -> None:
    """A plan phase may well print a NUL, and its reply goes into the next prompt."""
    repo.write("plan.md", "## Task 1: a task\n\nDo it.\n")
    repo.write(
        "peal.toml",
        "[agents.mine]\n"
        """plan = ["sh", "-c", 'printf "a\\0b"; : "$1"', "-", "{prompt}"]\n"""
        """command = ["sh", "-c", 'echo "$1" > got', "-", "{prompt}"]\n"""
        'prompt = "argument"\n',
    )

    done = repo.peal("run", "plan.md", "--agent", "mine", code=None)

    assert done.returncode in (0, 1), done.stderr
    assert "bug" not in done.stdout + done.stderr


# --- finding one by name


def test_a_table_or_a_built_in_agent_is_found_by_its_name(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = AgentSettings(command=("tool",))
    found = agents.find("mine", {"mine": table}, tools, None)
    monkeypatch.undo()

    assert found == CommandAgent("mine", table, tools)
    assert isinstance(agents.find("shell", {}, tools, None), ShellAgent)


def _unknown(tools: Path) -> object:
    return agents.find("nobody", {"mine": AgentSettings(), "also": AgentSettings()}, tools, None)


def _lacking(tools: Path) -> object:
    return agents.find("mine", {"mine": AgentSettings(command=("nothing",))}, tools, None)


@pytest.mark.parametrize(
    ("find", "says"),
    [
        (
            _unknown,
            (
                "there is no agent `nobody`; known are `shell`, `claude`, `codex`, `cursor`, `opencode`, `gemini`, `qwen`, "
                "`copilot`, `aider`, `also`, `mine`; describe a command as [agents.nobody]"
            ),
        ),
        (_lacking, "agent `mine`: `nothing` is not a program"),
        (
            lambda tools: agents.find("claude", {}, tools, None),
            "agent `claude`: `claude` is not on PATH; install it (",
        ),
        (lambda _tools: agents.first_here(), "no agent was found: none of claude, codex,"),
    ],
)
def test_an_agent_that_cannot_be_used_is_refused_with_the_way_out(
    find: Callable[[Path], object], says: str, tools: Path
) -> None:
    with pytest.raises(PealError) as refused:
        find(tools)

    assert str(refused.value).startswith(says)
