"""What the Rust program of the same name could be told: the same key, variable and flag here, or what replaces it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from conftest import Repo, later, shell_plan

from peal import settings
from peal.cli.run import run as run_command
from peal.settings import PROFILES, Settings

PAGE = Path(__file__).parents[1] / "docs" / "from-rust-peal.md"


@frozen
class Row:
    """A key of its table of settings: a value for it, as text and as words on the command line."""

    value: Any
    text: str = ""
    words: tuple[str, ...] = ()
    key: str = ""
    """What it is here, if that has another name."""


SAME = {
    "model": Row("opus"),
    "phase_timeout_sec": Row(77),
    "phase_retry_count": Row(3),
    "phase_3_retry_count": Row(5),
    "parallel": Row(True, words=("--parallel",)),
    "max_parallel": Row(7),
    "continue_with_remaining_tasks": Row(True, words=("--continue-with-remaining-tasks",)),
    "max_consecutive_task_failures": Row(2),
    "max_address_rounds": Row(0),
    "on_findings_remaining": Row("warn"),
    "on_stet_fail": Row("retry_once"),
    "stet_path": Row("tools/stet"),
    "stet_start_ref": Row("HEAD~3"),
    "stet_start_extra_args": Row(
        ["--verify", "--context", "8k"],
        "--verify,--context 8k",
        ("--stet-start-args", "--verify --context,8k"),
    ),
    "stet_run_extra_args": Row(["-q", "--rag"], "-q --rag", ("--stet-run-args", "-q --rag")),
    "stet_disable_llm_triage": Row(True, words=("--stet-disable-llm-triage",)),
    "stet_commands": Row(["stet a 'b, c'", "stet d"], "stet a 'b, c', stet d"),
    "post_run_commands": Row(["sh -c 'echo a, b'", "make"], "sh -c 'echo a, b',make,"),
    "post_run_timeout_sec": Row(9),
    "normalize_plan": Row(True, words=("--normalize",)),
    "normalize_retry_count": Row(2),
    "normalize_prompt_path": Row("prompts/mine.md"),
    "validate_plan_text": Row(True, words=("--validate-plan-text",)),
    "min_plan_text_len": Row(120),
    "run_summary_path": Row("out/summary.json"),
    "commit_after_phase2": Row(False, words=("--no-commit-after-phase2",), key="commit"),
    "log_level": Row("debug"),
    "log_file": Row("logs/peal.jsonl"),
}
IN_FILE_ONLY = {"stet_dismiss_patterns": [{"pattern": "nit:", "reason": "out_of_scope"}]}
REPLACED = {
    "plan_path": "name the plan behind the command: `peal run PLAN`",
    "repo_path": "pass --repo DIR, or be in the repository",
    "agent_cmd": "describe the command as [agents.NAME] in peal.toml and choose it with `agent`",
    "state_dir": "progress is always kept in `.peal` at the repository's root",
}
ANOTHER = {"sandbox"}
"""Keys that mean another thing here."""


def _text(row: Row) -> str:
    return row.text or (str(row.value).lower() if isinstance(row.value, bool) else str(row.value))


def _in_force(repo: Repo, source: str, **variables: str) -> dict[str, Any]:
    """What `peal config` says of the keys that it has from there."""
    del repo.env["PEAL_COMMIT"], repo.env["PEAL_KEEP_AWAKE"]
    shown = json.loads(repo.peal("config", "--json", **variables).stdout)
    return {name: known["value"] for name, known in shown.items() if known["source"] == source}


def test_keys_of_the_same_names_are_read_from_the_file(repo: Repo) -> None:
    """As its own peal.toml had them."""
    repo.write("peal.toml", "".join(f"{name} = {json.dumps(row.value)}\n" for name, row in SAME.items()))

    assert _in_force(repo, "peal.toml") == {row.key or name: row.value for name, row in SAME.items()}


def test_keys_of_the_same_names_are_read_from_their_variables(repo: Repo) -> None:
    """Lists too: commas stand between their entries."""
    found = _in_force(
        repo, "environment", **{f"PEAL_{name.upper()}": _text(row) for name, row in SAME.items()}
    )

    assert found == {row.key or name: row.value for name, row in SAME.items()}


@pytest.mark.parametrize("name", SAME)
def test_a_key_of_the_same_name_has_its_flag(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On `peal run`, and it wins over the file."""
    monkeypatch.delenv(f"PEAL_{name.upper()}", raising=False)
    row = SAME[name]
    words = row.words or (f"--{name.replace('_', '-')}", _text(row))
    given = run_command.make_context("run", ["plan.md", *words]).params
    flags = {key.name: given[key.name] for key in settings.scalars()} | {
        other: given[other] for other in settings.OTHER_NAMES
    }

    found = settings.load(tmp_path, flags)

    value = getattr(found, row.key or name)
    assert (list(value) if isinstance(value, tuple) else value) == row.value
    assert found.origins[row.key or name] == "command line"


@pytest.mark.parametrize("name", IN_FILE_ONLY)
def test_a_list_of_tables_is_read_from_the_file_and_its_variable_is_refused(name: str, repo: Repo) -> None:
    """Rather than passed over in silence."""
    (table,) = IN_FILE_ONLY[name]
    repo.write("peal.toml", f"[[{name}]]\n" + "".join(f"{key} = {value!r}\n" for key, value in table.items()))

    refused = repo.peal("config", code=1, **{f"PEAL_{name.upper()}": "a|b"})

    assert f"`PEAL_{name.upper()}` is a variable of the Rust peal; here write [[{name}]]" in refused.stderr
    assert repo.peal("config").returncode == 0


@pytest.mark.parametrize(("name", "instead"), REPLACED.items())
def test_a_name_that_is_gone_says_what_to_use(name: str, instead: str, repo: Repo) -> None:
    """In the file, as a variable and with `--set`."""
    repo.env["PEAL_AGENT"] = "shell"
    said = f"is a setting of the Rust peal; here {instead}\n"
    repo.write("plan.md", shell_plan("true"))

    by_variable = repo.peal("run", "plan.md", code=1, **{f"PEAL_{name.upper()}": "x"}).stderr
    by_set = repo.peal("run", "plan.md", "--set", f"{name}=x", code=1).stderr
    repo.write("peal.toml", f"{name} = 'x'\n")
    by_file = repo.peal("run", "plan.md", code=1).stderr

    assert by_variable == f"error: `PEAL_{name.upper()}` {said}"
    assert by_set == f"error: --set `{name}` {said}"
    assert by_file == f"error: peal.toml: `{name}` {said}"


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (("--plan", "p.md"), REPLACED["plan_path"]),
        (("--agent-cmd", "x"), REPLACED["agent_cmd"]),
        (("--state-dir", "x"), REPLACED["state_dir"]),
        (("--normalize-retries", "2"), "pass --normalize-retry-count N"),
    ],
)
def test_a_flag_that_is_gone_says_what_to_use(words: tuple[str, ...], instead: str, repo: Repo) -> None:
    """And ends with 1, as every wrong call."""
    flag = words[0].partition("=")[0]

    refused = repo.peal("run", "plan.md", *words, code=1)

    assert refused.stderr == f"error: `{flag}` is a flag of the Rust peal; here {instead}\n"


@pytest.mark.parametrize("word", ["enabled", "disabled"])
def test_a_sandbox_as_it_was_there_says_what_to_use(word: str, repo: Repo) -> None:
    """The key is another one here, and has none of these values."""
    said = repo.peal("config", code=1, PEAL_SANDBOX=word).stderr

    assert said.startswith(
        f"error: `PEAL_SANDBOX` is `{word}`, as in the Rust peal; here set `permissions` to "
    )


def test_the_log_variable_that_is_gone_says_what_to_use(repo: Repo) -> None:
    """It won over everything there."""
    said = repo.peal("config", code=1, PEAL_LOG="debug").stderr

    assert said == "error: `PEAL_LOG` is a setting of the Rust peal; here set `log_level`\n"


def test_the_page_has_a_row_for_every_key_and_says_same_only_of_those_that_are() -> None:
    """No key of the table is forgotten in the docs or in these tests."""
    settings_part = PAGE.read_text(encoding="utf-8").partition("## Commands and flags")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", settings_part, re.MULTILINE))

    assert rows.keys() == {*SAME, *IN_FILE_ONLY, *REPLACED, *ANOTHER}
    here = {key.name for key in settings.keys(Settings)} - ANOTHER
    assert {name for name, text in rows.items() if text.startswith("same")} == here.intersection(rows)


# `commit_after_phase2`


def test_both_names_of_a_key_set_differently_are_an_error(repo: Repo) -> None:
    """In one source; set alike they are no trouble."""
    said = "is another name for `commit`, which is set differently beside it; take one of them out\n"
    repo.env["PEAL_AGENT"] = "shell"
    repo.git("commit", "-q", "--allow-empty", "-m", "first")
    repo.write("p.md", shell_plan("true"))

    by_variable = repo.peal("config", code=1, PEAL_COMMIT="true", PEAL_COMMIT_AFTER_PHASE2="false").stderr
    by_flag = repo.peal("run", "p.md", "--commit", "--no-commit-after-phase2", code=1).stderr
    repo.write("peal.toml", "commit = true\ncommit_after_phase2 = false\n")
    by_file = repo.peal("config", code=1).stderr
    repo.write("peal.toml", "commit = true\ncommit_after_phase2 = true\n")

    assert by_variable == f"error: `PEAL_COMMIT_AFTER_PHASE2` {said}"
    assert by_flag == f"error: `--commit-after-phase2` {said}"
    assert by_file == f"error: peal.toml: `commit_after_phase2` {said}"
    assert repo.peal("config", "commit", PEAL_COMMIT="").stdout == "true\n"


def test_a_source_that_comes_before_wins_under_either_name(repo: Repo) -> None:
    """They are one key."""
    repo.write("peal.toml", "commit_after_phase2 = true\n")

    assert repo.peal("config", "commit", "--sources").stdout == "commit = false  # environment\n"


def test_a_wrong_value_is_told_under_the_name_it_was_given(repo: Repo) -> None:
    """Once."""
    refused = repo.peal("config", code=1, PEAL_COMMIT="", PEAL_COMMIT_AFTER_PHASE2="maybe")

    assert refused.stderr == 'error: `PEAL_COMMIT_AFTER_PHASE2` is `"maybe"`; it must be `true` or `false`\n'


def test_a_resume_takes_the_flag_up_under_its_first_name(project: Repo) -> None:
    """So that `--commit` on the resume does not contradict it."""
    project.write("plan.md", shell_plan("exit 1"))
    project.peal("run", "plan.md", "--agent", "shell", "--no-commit-after-phase2", code=1)

    said = project.peal("resume", "--commit", code=1)

    assert said.stderr == ""
    assert "commit_after_phase2" not in (project.memory() / "run_summary.json").read_text()


def test_the_other_name_is_written_into_the_file_by_hand_only(repo: Repo) -> None:
    """`peal config` has one name for a key."""
    refused = repo.peal("config", "commit_after_phase2", "true", code=1)

    assert refused.stderr == (
        "error: `commit_after_phase2` is another name for `commit`; use that; `peal.toml` is as it was\n"
    )


# `profile`


POLICIES = ("continue_with_remaining_tasks", "on_findings_remaining", "on_stet_fail")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_sets_three_policies_at_once(profile: str, repo: Repo) -> None:
    """And says so."""
    shown = json.loads(repo.peal("config", "--json", PEAL_PROFILE=profile).stdout)

    assert {name: shown[name]["value"] for name in POLICIES} == PROFILES[profile]
    assert {shown[name]["source"] for name in POLICIES} == {"profile, environment"}


def test_a_key_set_by_itself_wins_over_the_profile_wherever_both_are(repo: Repo) -> None:
    """A file below a variable, and a file above none."""
    repo.write("peal.toml", "on_stet_fail = 'retry_once'\nprofile = 'strict'\n")

    by_variable = repo.peal("config", "--sources", PEAL_PROFILE="tolerant").stdout
    by_file = repo.peal("config", "--sources").stdout

    assert 'on_stet_fail = "retry_once"  # peal.toml\n' in by_variable
    assert 'on_findings_remaining = "warn"  # profile, environment\n' in by_variable
    assert "continue_with_remaining_tasks = true  # profile, environment\n" in by_variable
    assert 'on_findings_remaining = "fail"  # profile, peal.toml\n' in by_file


def test_without_a_profile_every_policy_has_its_default(repo: Repo) -> None:
    """`none` takes a profile away."""
    repo.write("peal.toml", "profile = 'tolerant'\n")

    assert repo.peal("config", "on_stet_fail", PEAL_PROFILE="none").stdout == "fail\n"


def test_a_tolerant_run_goes_on_after_a_failure_and_a_strict_one_stops(project: Repo) -> None:
    """With the exit codes of the policies."""
    project.write("plan.md", shell_plan("exit 1", "touch done"))

    project.peal("run", "plan.md", "--agent", "shell", "--profile", "strict", code=1)
    assert not (project.path / "done").exists()
    project.peal("run", "plan.md", "--agent", "shell", "--profile", "tolerant", code=2)
    assert (project.path / "done").exists()


# Retries, and plans that are none


AGENT = """\
agent = "mine"
[agents.mine]
command = ["sh", "-c", "cat >/dev/null; echo $PEAL_PHASE >>$OUT/calls; [ $PEAL_PHASE = plan ] && printf '%b' \\"$SAY\\" || touch done"]
"""


def _calls(out: Path, phase: str) -> int:
    return (out / "calls").read_text().split().count(phase)


@pytest.mark.parametrize("said", ["", *later(" \\n\\t\\n")])
def test_a_blank_plan_is_a_failed_try(said: str, project: Repo, out: Path) -> None:
    """It uses up a retry, and `execute` is not started."""
    project.write("peal.toml", AGENT)
    project.write("plan.md", "## Task 1: do it\n")

    failed = project.peal(
        "run", "plan.md", "--validate-plan-text", "--phase-retry-count", "1", code=1, SAY=said
    )

    assert "its reply has 0 letters without blanks around; a plan has at least 1" in failed.stdout
    assert (_calls(out, "plan"), _calls(out, "execute")) == (2, 0)


@pytest.mark.parametrize(("length", "code"), [("9", 0), ("10", 1)])
def test_a_plan_may_have_to_have_a_length(length: str, code: int, project: Repo, out: Path) -> None:
    """Letters count, whatever bytes they take; asking for a length is enough to have it looked at."""
    project.write("peal.toml", AGENT)
    project.write("plan.md", "## Task 1: do it\n")

    project.peal("run", "plan.md", "--min-plan-text-len", length, code=code, SAY="  Schritt ü\\n")

    assert _calls(out, "execute") == 1 - code


def test_unless_asked_to_nobody_looks_at_the_plan(project: Repo, out: Path) -> None:
    """`--no-validate-plan-text` switches it off again."""
    project.write("peal.toml", f"min_plan_text_len = 50\n{AGENT}")
    project.write("plan.md", "## Task 1: do it\n")

    project.peal("run", "plan.md", "--no-validate-plan-text", SAY="")

    assert _calls(out, "execute") == 1


@pytest.mark.parametrize(
    ("words", "tries"),
    [
        (("--phase-retry-count", "2"), 3),
        *later((("--phase-retry-count", "0", "--phase-3-retry-count", "3"), 4)),
        (("--phase-retry-count", "2", "--phase-3-retry-count", "0"), 1),
    ],
)
def test_the_retries_of_address_are_those_of_all_phases_unless_set(
    words: tuple[str, ...], tries: int, project: Repo, out: Path
) -> None:
    """More than two of them, too."""
    project.write("peal.toml", '[[reviewers]]\nname = "never"\ncommand = "false"\n')
    project.write("plan.md", shell_plan('touch a\n```\n\n```sh address\necho x >>"$OUT/tries"; exit 1'))

    project.peal("run", "plan.md", "--agent", "shell", *words, code=1)

    assert (out / "tries").read_text().count("x") == tries


# `log_file`


def test_the_lines_of_the_log_go_to_a_second_file(project: Repo, out: Path) -> None:
    """Its folders are made, runs are added at its end, the level is obeyed."""
    file = out / "deep" / "peal.jsonl"
    words = ("run", "plan.md", "--agent", "shell", "--log-file", str(file))
    project.write("plan.md", shell_plan("exit 1"))

    project.peal(*words, code=1)
    first = file.read_text()
    project.peal(*words, "--log-level", "warning", code=1)

    assert first == (project.memory() / "peal.log").read_text()[: len(first)]
    added = [json.loads(line) for line in file.read_text()[len(first) :].splitlines()]
    assert [line["level"] for line in added] == ["warning"]


def test_a_log_file_that_cannot_be_written_is_told_before_anything_runs(project: Repo) -> None:
    """A run of hours without its log would be a pity."""
    project.write("plan.md", shell_plan("touch done"))

    refused = project.peal("run", "plan.md", "--agent", "shell", "--log-file", "README.md/peal.jsonl", code=1)

    assert "README.md/peal.jsonl`, which cannot be written: " in refused.stderr
    assert not (project.path / "done").exists()


def test_a_log_file_in_a_tree_that_tasks_share_is_refused(repo: Repo) -> None:
    """Its growth would be taken for a change that a task has made."""
    repo.write("plan.md", shell_plan("touch done"))

    refused = repo.peal("run", "plan.md", "--agent", "shell", "--log-file", "peal.jsonl", code=1)
    repo.peal("run", "plan.md", "--agent", "shell", "--log-file", ".peal/all.jsonl")

    assert "name one outside, or let git ignore it" in refused.stderr
    assert (repo.path / ".peal" / "all.jsonl").read_text()


# state.json


TWO = shell_plan("echo 1 >>order", "echo 2 >>order", "echo 3 >>order")


def _state(project: Repo, **fields: Any) -> str:
    state = {"plan_path": "plan.md", "repo_path": ".", "completed_task_indices": [1, 2]}
    text = json.dumps({**state, **fields}, indent=2)
    project.write(".peal/state.json", text)
    return text


def _order(project: Repo) -> list[str]:
    project.write("plan.md", TWO)
    project.peal("run", "plan.md", "--agent", "shell")
    return project.read("order").split()


@pytest.mark.parametrize("plan_path", ["plan.md", "./plan.md", "absolute"])
def test_its_progress_is_taken_over(plan_path: str, project: Repo) -> None:
    """However it spells the plan's path; the file stays as it is."""
    path = str(project.path / "plan.md") if plan_path == "absolute" else plan_path
    text = _state(project, plan_path=path, repo_path=str(project.path))

    assert _order(project) == ["3"]
    assert project.read(".peal/state.json") == text


def test_what_is_relative_is_so_to_where_peal_is_started_too(project: Repo) -> None:
    """That is what it was relative to there."""
    _state(project, plan_path="../plan.md", repo_path="..")
    project.write("sub/keep", "")
    project.write("plan.md", TWO)

    project.path = project.path / "sub"
    project.peal("run", "../plan.md", "--agent", "shell")

    assert (project.path.parent / "order").read_text().split() == ["3"]


@pytest.mark.parametrize(
    "fields",
    [
        {"last_plan_by_task": {"3": "a plan"}, "last_completed_ref": "abc"},
        {"something": {"else": [1]}},
        {"completed_task_indices": [2, 1, 2]},
        {"completed_task_indices": [1, 2, 99]},
    ],
)
def test_its_progress_is_taken_over_whatever_else_the_file_has(fields: dict[str, Any], project: Repo) -> None:
    """Reserved fields, foreign ones, a list out of order, tasks that are no more."""
    _state(project, **fields)

    assert _order(project) == ["3"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        *later("\xff"),
        json.dumps({"plan_path": "plan.md", "repo_path": ".", "completed_task_indices": "1"}),
        *later(json.dumps({"plan_path": 3, "repo_path": ".", "completed_task_indices": [1]})),
        json.dumps({"plan_path": "other.md", "repo_path": ".", "completed_task_indices": [1, 2]}),
        *later(
            "",
            "[]",
            json.dumps({"plan_path": "plan.md"}),
            json.dumps({"plan_path": "plan.md", "repo_path": ".", "completed_task_indices": [1.5]}),
        ),
    ],
)
def test_a_file_that_is_about_something_else_or_about_nothing_is_passed_over(
    text: str, project: Repo
) -> None:
    """And left as it is."""
    project.write(".peal/state.json", text)

    assert _order(project) == ["1", "2", "3"]
    assert project.read(".peal/state.json") == text


def test_its_progress_counts_once(project: Repo) -> None:
    """What is redone here is not taken over again on the next run, and `--fresh` starts over."""
    _state(project)
    assert _order(project) == ["3"]

    project.peal("redo", "1")
    project.peal("run", "plan.md", "--agent", "shell")
    project.peal("run", "plan.md", "--agent", "shell", "--fresh")

    assert project.read("order").split() == ["3", "1", "1", "2", "3"]
