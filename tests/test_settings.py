"""Flags > variables > file > defaults: what is in force, where it comes from, and what is told when it is wrong."""

import contextlib
import json
import os
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from attrs import fields
from conftest import Repo, shell_plan
from hypothesis import given
from hypothesis import strategies as st

from peal import settings
from peal.cli.options import setting_flags
from peal.errors import PealError
from peal.settings import AgentSettings, PhaseSettings, ReviewerSettings, Settings, page

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller of the tests has set does not count."""
    for name in list(os.environ):
        if name.startswith("PEAL_"):
            monkeypatch.delenv(name)


def load(repo: Path, toml: str = "", *sets: str, **flags: Any) -> Settings:
    (repo / "peal.toml").write_text(toml, encoding="utf-8")
    return settings.load(repo, flags, sets)


def told(repo: Path, toml: str = "", *sets: str, **flags: Any) -> list[str]:
    with pytest.raises(PealError) as caught:
        load(repo, toml, *sets, **flags)
    assert caught.value.exit_code == 1
    return str(caught.value).splitlines()


# Layers


def test_without_any_source_every_key_has_its_default(tmp_path: Path) -> None:
    """No peal.toml is no error, and nothing has an origin."""
    found = settings.load(tmp_path, {})

    assert found == Settings()
    assert found.origins == {}


def test_flags_win_over_variables_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key is decided for itself, and its origin is the source that won."""
    monkeypatch.setenv("PEAL_MODEL", "of-env")
    monkeypatch.setenv("PEAL_PHASE_RETRY_COUNT", "2")
    toml = "model = 'of-file'\nphase_retry_count = 1\nmax_output_mb = 7"

    found = load(tmp_path, toml, model="of-flag")

    assert (found.model, found.phase_retry_count, found.max_output_mb) == ("of-flag", 2, 7)
    assert found.origins == {
        "model": "command line",
        "phase_retry_count": "environment",
        "max_output_mb": "peal.toml",
    }


def test_tables_are_merged_key_by_key_and_lists_are_replaced(tmp_path: Path) -> None:
    """`--set` changes one key of a table and leaves its neighbours."""
    toml = "[agents.mine]\ncommand = ['a', 'b']\nenv = {A = '1'}\n[phases.plan]\nmodel = 'x'\nretry_count = 3"

    found = load(tmp_path, toml, "agents.mine.command=c", "agents.mine.env.B=2", "phases.plan.model=y")

    assert found.agents["mine"] == AgentSettings(command=("c",), env={"A": "1", "B": "2"})
    assert found.phase("plan") == PhaseSettings(model="y", retry_count=3)
    assert found.origins == {
        "agents.mine.command": "command line",
        "agents.mine.env.A": "peal.toml",
        "agents.mine.env.B": "command line",
        "phases.plan.model": "command line",
        "phases.plan.retry_count": "peal.toml",
    }


def test_a_flag_that_was_not_given_hides_nothing(tmp_path: Path) -> None:
    """click hands in None for it."""
    assert load(tmp_path, "model = 'x'", model=None, parallel=None).model == "x"


def test_another_file_is_read_instead_and_named_as_the_source(tmp_path: Path) -> None:
    """`--config FILE`; peal.toml is not looked at, even where it is wrong."""
    (tmp_path / "peal.toml").write_text("nonsense")
    other = tmp_path / "größe 2.toml"
    other.write_text("max_output_mb = 9")

    found = settings.load(tmp_path, {}, (), other)

    assert (found.max_output_mb, found.origins) == (9, {"max_output_mb": str(other)})


def test_an_empty_variable_counts_as_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a script can switch one off."""
    monkeypatch.setenv("PEAL_MAX_PARALLEL", "")
    monkeypatch.setenv("PEAL_MODEL", "")

    assert load(tmp_path, "model = 'x'") == Settings(model="x")


def test_none_takes_a_value_away_that_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the command line and from a variable; its origin is who took it away."""
    monkeypatch.setenv("PEAL_IDLE_TIMEOUT_SEC", "none")

    found = load(tmp_path, "model = 'x'\nidle_timeout_sec = 3", "model=none")

    assert (found.model, found.idle_timeout_sec) == (None, None)
    assert found.origins == {"model": "command line", "idle_timeout_sec": "environment"}


def test_the_variables_of_a_running_agent_are_no_settings() -> None:
    """A peal that an agent starts would otherwise take where the agent is for what the person wants."""
    variables = {settings.ENV_PREFIX + key.name.upper() for key in settings.scalars()}

    assert variables & settings.GIVEN_TO_AGENTS == set()
    assert {"PEAL_AGENT", "PEAL_MODEL"} <= variables


# Worktrees and commits


WORKTREES = {
    "commit": False,
    "isolation": "none",
    "address": "as-ready",
    "conflict_retry": 3,
    "worktree_setup": "npm ci",
}


def test_by_default_tasks_work_in_worktrees_and_land(tmp_path: Path) -> None:
    """A segment at a time, with one more try after a conflict, and nothing but what git has."""
    found = load(tmp_path)

    assert (found.commit, found.isolation, found.address, found.conflict_retry) == (
        True, "auto", "after-all", 1,
    )  # fmt: skip
    assert (found.worktree_setup, found.worktree_include) == (None, ())


def test_the_keys_of_worktrees_come_from_the_file_from_variables_and_from_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same values from each."""
    of_file = load(tmp_path, _toml(WORKTREES))
    of_flags = load(tmp_path, **WORKTREES)
    for name, value in WORKTREES.items():
        monkeypatch.setenv(f"PEAL_{name.upper()}", str(value).lower())
    of_env = load(tmp_path)

    assert of_file == of_flags == of_env == Settings(**WORKTREES)
    assert [set(found.origins.values()) for found in (of_file, of_flags, of_env)] == [
        {"peal.toml"}, {"command line"}, {"environment"},
    ]  # fmt: skip


def test_the_keys_of_worktrees_have_flags_except_for_the_list() -> None:
    """`--no-commit` is the short way to a shared tree."""
    seen: dict[str, Any] = {}

    @click.command()
    @setting_flags
    def probe(**given: Any) -> None:
        seen.update({name: value for name, value in given.items() if value is not None})

    words = "--no-commit --isolation none --address as-ready --conflict-retry 3 --worktree-setup 'npm ci'"
    probe.main(shlex.split(words), standalone_mode=False)

    assert seen == WORKTREES
    with pytest.raises(click.NoSuchOption):
        probe.main(["--worktree-include", ".env"], standalone_mode=False)


def test_the_files_to_include_are_a_list_in_the_file_or_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable has them; `--set` replaces those of the file."""
    monkeypatch.setenv("PEAL_WORKTREE_INCLUDE", "of-env")
    toml = "worktree_include = ['.env', 'ein Ort/*.key']"

    assert load(tmp_path, toml).worktree_include == (".env", "ein Ort/*.key")
    assert load(tmp_path, "worktree_include = '.env other'").worktree_include == (".env", "other")
    found = load(tmp_path, toml, "worktree_include=a 'b c'")
    assert (found.worktree_include, found.origins) == (("a", "b c"), {"worktree_include": "command line"})
    assert load(tmp_path, toml, "worktree_include=").worktree_include == ()


_AS_READY = (
    "`address = as-ready` needs worktrees: in a shared tree nobody may write while reviewers look; "
    "take it out, or let `commit` and `isolation` be as they are by default"
)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            "--isolation none --commit",
            (
                "`isolation = none` and `commit = true` exclude each other: peal commits from worktrees only; "
                "take one of them out"
            ),
        ),
        (
            "--isolation worktree --no-commit",
            (
                "`isolation = worktree` needs `commit`: what is done in a worktree gets to you as a commit; "
                "take one of them out"
            ),
        ),
        ("--address as-ready --no-commit", _AS_READY),
        ("--address as-ready --isolation none", _AS_READY),
    ],
)
def test_keys_that_contradict_each_other_end_the_run_before_it_begins(
    words: str, problem: str, project: Repo
) -> None:
    """With the way out, and without a trace."""
    project.write("plan.md", shell_plan("touch done"))

    refused = project.peal("run", "plan.md", "--agent", "shell", *words.split(), code=1)

    assert refused.stderr == f"error: {problem}\n"
    assert sorted(path.name for path in project.path.iterdir()) == [".git", "README.md", "plan.md"]


@pytest.mark.parametrize(
    ("toml", "words"),
    [("", ("--no-commit",)), ("", ("--isolation", "none")), ("isolation = 'none'\n", ("--no-commit",))],
)
def test_without_commits_or_without_isolation_work_is_done_in_the_persons_tree(
    toml: str, words: tuple[str, ...], project: Repo
) -> None:
    """`isolation = none` alone is enough: `commit` is only true by default."""
    project.write("peal.toml", toml)
    project.write("plan.md", shell_plan("touch done"))
    before = project.git("rev-parse", "HEAD")

    project.peal("run", "plan.md", "--agent", "shell", *words)

    assert "?? done" in project.git("status", "--porcelain")
    assert project.git("rev-parse", "HEAD") == before


# `max_parallel` and `parallel`


@pytest.mark.parametrize(
    ("file", "env", "flags", "parallel", "origin"),
    [
        ({}, {}, {}, False, None),
        ({"max_parallel": 3}, {}, {}, True, "max_parallel, peal.toml"),
        ({"max_parallel": 1}, {}, {}, False, "max_parallel, peal.toml"),
        ({}, {"max_parallel": 3}, {}, True, "max_parallel, environment"),
        ({}, {}, {"max_parallel": 3}, True, "max_parallel, command line"),
        ({}, {}, {"max_parallel": 1}, False, "max_parallel, command line"),
        ({}, {}, {"max_parallel": 0}, False, "max_parallel, command line"),
        # beside each other: a number above 1 leaves the word of the same source, 0 and 1 do not
        ({}, {}, {"max_parallel": 4, "parallel": False}, False, "command line"),
        ({}, {}, {"max_parallel": 4, "parallel": True}, True, "command line"),
        ({}, {}, {"max_parallel": 1, "parallel": True}, False, "max_parallel, command line"),
        ({"max_parallel": 4, "parallel": False}, {}, {}, False, "peal.toml"),
        ({"max_parallel": 0, "parallel": True}, {}, {}, False, "max_parallel, peal.toml"),
        # the number in the source that comes before
        ({"parallel": False}, {"max_parallel": 4}, {}, True, "max_parallel, environment"),
        ({"parallel": False}, {}, {"max_parallel": 4}, True, "max_parallel, command line"),
        ({"parallel": True}, {}, {"max_parallel": 1}, False, "max_parallel, command line"),
        ({}, {"parallel": True}, {"max_parallel": 0}, False, "max_parallel, command line"),
        # the word in the source that comes before
        ({"max_parallel": 4}, {}, {"parallel": False}, False, "command line"),
        ({}, {"max_parallel": 4}, {"parallel": False}, False, "command line"),
        ({"max_parallel": 1}, {}, {"parallel": True}, True, "command line"),
        ({"max_parallel": 8}, {"parallel": False}, {}, False, "environment"),
        # three sources: the last word counts
        ({"parallel": True}, {"max_parallel": 1}, {"parallel": True}, True, "command line"),
        ({"max_parallel": 4}, {"parallel": False}, {"max_parallel": 2}, True, "max_parallel, command line"),
    ],
)
def test_max_parallel_without_parallel_decides_it(
    file: dict[str, Any],
    env: dict[str, Any],
    flags: dict[str, Any],
    parallel: bool,
    origin: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Above 1 turns parallel on, 0 and 1 off, unless a source that comes before, or the same one, says otherwise."""
    for name, value in env.items():
        monkeypatch.setenv(f"PEAL_{name.upper()}", str(value).lower())

    found = load(tmp_path, _toml(file), **flags)

    assert (found.parallel, found.origins.get("parallel")) == (parallel, origin)


def test_sets_and_flags_are_one_source(tmp_path: Path) -> None:
    """`--set parallel=false --max-parallel 4` says both things at once; the flag wins where they disagree."""
    assert load(tmp_path, "", "parallel=false", max_parallel=4).parallel is False
    assert load(tmp_path, "", "max_parallel=1", max_parallel=4).parallel is True


def _toml(tree: dict[str, Any]) -> str:
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in tree.items())


# What is wrong


def test_every_problem_of_every_source_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its source, its path and the way out; file, variables, command line, then what agents lack."""
    monkeypatch.setenv("PEAL_MAX_PARALLEL", "abc")
    monkeypatch.setenv("PEAL_PARALLEL", "yes")
    toml = """
        agent = " "
        max_parallel = "3"
        phase_timeout_sec = 0
        maxparallel = 3
        reviewers = [{name = "", command = "'"}, {nmae = "x", command = " "}, 3]
        [phases.plam]
        timeout_sec = 0
        [phases.plan]
        modle = "x"
        [agents.gap]
        prompt = "file"
        execute = "x {prompt}"
    """

    problems = told(tmp_path, toml, "foo", "phases.plan.timeot_sec=3", "agents.mine=3", max_address_rounds=-1)

    assert problems == [
        "peal.toml: `agent` is empty; write something or take it out",
        'peal.toml: `max_parallel` is `"3"`; it must be a whole number',
        "peal.toml: `phase_timeout_sec` is 0; it must be at least 1",
        "peal.toml: `phases.plam` is no key; did you mean `phases.plan`?",
        "peal.toml: `phases.plam.timeout_sec` is 0; it must be at least 1",
        "peal.toml: `phases.plan.modle` is no key; did you mean `phases.plan.model`?",
        "peal.toml: `reviewers[0].name` is empty; write something or take it out",
        "peal.toml: `reviewers[0].command` cannot be split as a shell would: no closing quotation; mend it",
        "peal.toml: `reviewers[1].name` is missing; set it",
        "peal.toml: `reviewers[1].command` is empty; write something or take it out",
        "peal.toml: `reviewers[1].nmae` is no key; did you mean `reviewers[1].name`?",
        "peal.toml: `reviewers[2]` is `3`; it must be a table; name one of its keys",
        "peal.toml: `maxparallel` is no key; did you mean `max_parallel`?",
        '`PEAL_PARALLEL` is `"yes"`; it must be `true` or `false`',
        '`PEAL_MAX_PARALLEL` is `"abc"`; it must be a whole number',
        "--set `foo` has no `=`; write --set KEY=VALUE",
        "--set `phases.plan.timeot_sec` is no key; did you mean `phases.plan.timeout_sec`?",
        '--set `agents.mine` is `"3"`; it must be a table; name one of its keys',
        "`--max-address-rounds` is -1; it must be at least 0",
        "peal.toml: `agents.gap` has no command for `plan`; set `command` or `plan`",
        'peal.toml: `agents.gap` has prompt = "file" but no {prompt_file} in its command for `execute`; put it there',
        "peal.toml: `agents.gap` has no command for `address`; set `command` or `address`",
    ]


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("max_parallel = '3'", '`max_parallel` is `"3"`; it must be a whole number'),
        ("max_parallel = 3.0", "`max_parallel` is `3.0`; it must be a whole number"),
        ("max_parallel = true", "`max_parallel` is `true`; it must be a whole number"),
        ("max_parallel = 2020-01-01", '`max_parallel` is `"2020-01-01"`; it must be a whole number'),
        ("max_parallel = 2147483648", "`max_parallel` is `2147483648`; it must be at most 2147483647"),
        ("parallel = 1", "`parallel` is `1`; it must be `true` or `false`"),
        ("model = 1", "`model` is `1`; it must be a text in quotes"),
        ("model = ['x']", '`model` is `["x"]`; it must be a text in quotes'),
        ('model = "a\\u0000b"', "`model` holds a NUL, which no program can be given; take it out"),
        (
            "log_level = 'loud'",
            '`log_level` is `"loud"`; it must be `debug` or `info` or `warning` or `error`',
        ),
        ("log_level = []", "`log_level` is `[]`; it must be `debug` or `info` or `warning` or `error`"),
        ("commit = 'no'", '`commit` is `"no"`; it must be `true` or `false`'),
        ("isolation = 'foo'", '`isolation` is `"foo"`; it must be `auto` or `worktree` or `none`'),
        ("address = 'sometimes'", '`address` is `"sometimes"`; it must be `after-all` or `as-ready`'),
        ("conflict_retry = -1", "`conflict_retry` is -1; it must be at least 0"),
        ("worktree_setup = ' '", "`worktree_setup` is empty; write something or take it out"),
        ("worktree_setup = ['npm']", '`worktree_setup` is `["npm"]`; it must be a text in quotes'),
        (
            'worktree_setup = "echo \'x"',
            "`worktree_setup` cannot be split as a shell would: no closing quotation; mend it",
        ),
        ("worktree_include = 3", "`worktree_include` is `3`; it must be a list of texts"),
        ("worktree_include = {a = 'b'}", '`worktree_include` is `{"a": "b"}`; it must be a list of texts'),
        ("worktree_include = ['x', 3]", "`worktree_include[1]` is `3`; it must be a text in quotes"),
        ("phases.land.timeout_sec = 3", "`phases.land` is no key; did you mean `phases.plan`?"),
        ("phases = 3", "`phases` is `3`; it must be a table; name one of its keys"),
        ("phases.plan = 'x'", '`phases.plan` is `"x"`; it must be a table; name one of its keys'),
        ("agents.a.command = 3", "`agents.a.command` is `3`; it must be a list of texts"),
        ("agents.a.command = ['x', 3]", "`agents.a.command[1]` is `3`; it must be a text in quotes"),
        ("agents.a = {command = 'x', env = {A = 1}}", "`agents.a.env.A` is `1`; it must be a text in quotes"),
        (
            "reviewers = 'x'",
            '`reviewers` is `"x"`; it must be a list of tables, which peal.toml alone can hold',
        ),
        ("origins = {model = 'x'}", "`origins` is no key; `peal config` lists them all"),
    ],
)
def test_no_value_is_taken_for_one_of_another_kind(toml: str, problem: str, tmp_path: Path) -> None:
    """A text that looks like a number is a text."""
    assert told(tmp_path, toml) == [f"peal.toml: {problem}"]


@pytest.mark.parametrize("name", ["shell", "auto", "", "my agent", "a.b"])
def test_an_agent_cannot_have_a_name_that_is_taken_or_cannot_be_written_in_a_path(
    name: str, tmp_path: Path
) -> None:
    """`shell` and `auto` mean something already."""
    assert told(tmp_path, f"[agents.{json.dumps(name)}]\ncommand = 'x'") == [
        f"peal.toml: `agents.{name}` is no name for an agent: letters, digits, `_`, `-`, and not `auto` or `shell`"
    ]


@pytest.mark.parametrize("name", sorted(settings.GIVEN_TO_AGENTS))
def test_an_agent_cannot_be_given_another_value_of_a_variable_that_peal_finds_it_by(
    name: str, tmp_path: Path
) -> None:
    """With another PEAL_RUN_ID nothing would end it when peal is gone."""
    assert told(tmp_path, f"[agents.a]\ncommand = 'x'\nenv = {{{name} = '1'}}") == [
        f"peal.toml: `agents.a.env.{name}` is no name for a variable, or one that peal sets itself; choose another"
    ]


def test_an_agent_may_be_completed_by_another_source(tmp_path: Path) -> None:
    """What it lacks is looked at when everything is together, and told with all who had a hand in it."""
    begun = "[agents.mine]\nprompt = 'file'"

    assert load(tmp_path, begun, "agents.mine.command=x {prompt_file}").agents["mine"].prompt == "file"
    assert told(tmp_path, begun, "agents.mine.command=x") == [
        f'peal.toml and command line: `agents.mine` has prompt = "file" but no {{prompt_file}} in its command for '
        f"`{phase}`; put it there"
        for phase in ("plan", "execute", "address")
    ]


def test_a_command_is_a_list_or_one_line_split_as_a_shell_would(tmp_path: Path) -> None:
    """The same in the file and with `--set`."""
    toml = "[agents.a]\ncommand = [\"./x y\", '--do']\n[agents.b]\ncommand = \"'./x y' --do\""

    found = load(tmp_path, toml, "agents.c.command='./x y' --do")

    assert {agent.command for agent in found.agents.values()} == {("./x y", "--do")}
    assert told(tmp_path, "", "agents.c.command='./x y --do") == [
        "--set `agents.c.command` cannot be split as a shell would: no closing quotation; mend it"
    ]


NEEDS_A_SHELL = {
    "true && false": "`&&`",
    "true || false": "`||`",
    "echo ok | grep nothing": "`|`",
    "echo ok|grep nothing": "`|`",
    "make lint; make test": "`;`",
    "make test > log": "`>`",
    "make test 2>&1": "`2>&1`",
    "make test < answers": "`<`",
    "server &": "`&`",
    "test -n $(git diff)": "`$(`",
    "test -n `git diff`": "a backtick",
    "npm ci\nnpm test": "a second line",
}
MEANT_AS_IT_IS = {
    "sh -c 'make lint && make test 2>&1'": ["sh", "-c", "make lint && make test 2>&1"],
    'sh -c "test -n $(git diff); exit 0"': ["sh", "-c", "test -n $(git diff); exit 0"],
    "find . -exec lint {} \\;": ["find", ".", "-exec", "lint", "{}", ";"],
    "grep -E 'a|b' x": ["grep", "-E", "a|b", "x"],
    "eslint src/**/*.js ~/x $HOME": ["eslint", "src/**/*.js", "~/x", "$HOME"],
    "\npytest\n  -q\n-x\n": ["pytest", "-q", "-x"],
    "env A=1 make A=2": ["env", "A=1", "make", "A=2"],
}
COMMANDS = {
    "worktree_setup": "worktree_setup = {}",
    "post_run_commands[0]": "post_run_commands = [{}]",
    "stet_commands[0]": "stet_commands = [{}]",
    "reviewers[0].command": "[[reviewers]]\nname = 'x'\ncommand = {}",
    "agents.a.command": "[agents.a]\ncommand = {}",
    "agents.a.plan": "[agents.a]\ncommand = 'x'\nplan = {}",
}


@pytest.mark.parametrize(("command", "what"), NEEDS_A_SHELL.items(), ids=NEEDS_A_SHELL)
@pytest.mark.parametrize(("key", "toml"), COMMANDS.items(), ids=COMMANDS)
def test_a_command_that_takes_a_shell_is_refused_with_the_way_out(
    key: str, toml: str, command: str, what: str, tmp_path: Path
) -> None:
    """`true && false` would be `true` with two words, and pass."""
    (problem,) = told(tmp_path, toml.format(json.dumps(command)))

    shown = "…" if "\n" in command else command
    assert problem == (
        f"peal.toml: `{key}` holds {what}, which takes a shell, and peal starts commands without one; write "
        f"`sh -c '{shown}'`, or put it in quotes if it is to be a word"
    )


def test_commands_of_flags_variables_and_sets_are_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its source."""
    monkeypatch.setenv("PEAL_POST_RUN_COMMANDS", "true, a | b")

    problems = told(tmp_path, "", "agents.a.command=a; b", "stet_commands=a & b", worktree_setup="A=1 make")

    assert [problem.partition(", which")[0] for problem in problems] == [
        "`PEAL_POST_RUN_COMMANDS[1]` holds `|`",
        "--set `stet_commands[0]` holds `&`",
        "--set `agents.a.command` holds `;`",
        "`--worktree-setup` begins with `A=1`",
    ]
    assert problems[3].endswith("write `env` in front of it")


@pytest.mark.parametrize(("command", "words"), MEANT_AS_IT_IS.items())
def test_what_a_command_says_in_quotes_or_to_its_program_is_left_alone(
    command: str, words: list[str], tmp_path: Path
) -> None:
    """As it always was."""
    found = load(tmp_path, f"[agents.a]\ncommand = {json.dumps(command)}\n")

    assert list(found.agents["a"].command) == words
    for toml in COMMANDS.values():
        load(tmp_path, toml.format(json.dumps(command)))


def test_a_command_that_is_a_list_says_where_each_word_ends(tmp_path: Path) -> None:
    """Nothing of it is for a shell."""
    words = ["my agent", "&&", "a|b", "$(x)"]

    assert load(tmp_path, f"[agents.a]\ncommand = {json.dumps(words)}").agents["a"].command == tuple(words)


def test_reviewers_are_written_in_the_file_alone(tmp_path: Path) -> None:
    """A list of tables has no dotted path."""
    toml = "[[reviewers]]\nname = 'tests'\ncommand = 'pytest -q'"

    assert load(tmp_path, toml).reviewers == (ReviewerSettings("tests", "pytest -q"),)
    assert told(tmp_path, "", "reviewers.tests=x") == [
        '--set `reviewers` is `{"tests": "x"}`; it must be a list of tables, which peal.toml alone can hold'
    ]


def test_a_file_that_is_no_toml_is_told_with_its_place(tmp_path: Path) -> None:
    """Line and column, as the parser has them."""
    (problem,) = told(tmp_path, "model = 'x'\nmax_parallel 3\n")

    assert problem.startswith("peal.toml: is no TOML: ")
    assert "line 2" in problem


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A folder, other bytes than UTF-8, a link to nothing, and a named file that is not there."""
    repos = [tmp_path / name for name in ("folder", "bytes", "link", "none")]
    for repo in repos:
        repo.mkdir()
    (repos[0] / "peal.toml").mkdir()
    (repos[1] / "peal.toml").write_bytes(b"model = '\xff'")
    (repos[2] / "peal.toml").symlink_to("nowhere")
    missing = repos[3] / "mine.toml"

    said = [_said(repos[0]), _said(repos[1]), _said(repos[2]), _said(repos[3], missing)]

    end = "; mend it or take it away"
    assert said == [
        f"peal.toml: cannot be read: Is a directory{end}",
        "peal.toml: cannot be read: it is not UTF-8; save it as UTF-8",
        f"peal.toml: cannot be read: No such file or directory{end}",
        f"{missing}: cannot be read: No such file or directory{end}",
    ]


def _said(repo: Path, config: Path | None = None) -> str:
    with pytest.raises(PealError) as caught:
        settings.load(repo, {}, (), config)
    return str(caught.value)


def test_a_problem_shows_no_control_characters(tmp_path: Path) -> None:
    """A file may come from somebody else; a terminal must not obey it."""
    problems = told(tmp_path, '"a\\u001b[31m\\nb" = 1\nmodel = ["\\u009b31m"]')

    assert len(problems) == 2
    assert all(problem.isprintable() for problem in problems)


_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_WORD = st.sampled_from((
    "model", "phases", "plan", "agents", "a", "command", "env", "reviewers", "name", "x", "", "cli", "destructive",
))  # fmt: skip
_TREE = st.recursive(
    _LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORD, inner, max_size=3), max_leaves=8
)


@given(
    tree=st.dictionaries(
        _WORD | st.sampled_from([key.name for key in settings.keys(Settings)]), _TREE, max_size=5
    )
)
def test_whatever_is_in_a_file_it_is_taken_or_told(tree: dict[str, Any]) -> None:
    """No tree of values ends in anything but settings or a list of problems."""
    with contextlib.suppress(PealError):
        assert isinstance(settings.load(Path("/nowhere"), tree), Settings)


@given(
    text=st.text(max_size=20),
    name=st.sampled_from([*(key.name for key in settings.keys(Settings)), "phases.plan.x", ""]),
)
def test_whatever_is_set_on_the_command_line_it_is_taken_or_told(text: str, name: str) -> None:
    """`put` and `load` agree on what can be."""
    tree: dict[str, Any] = {}

    with contextlib.suppress(ValueError):
        settings.put(tree, name, text)

    if tree:
        assert settings.load(Path("/nowhere"), tree) == settings.load(
            Path("/nowhere"), {}, [f"{name}={text}"]
        )
    else:
        with pytest.raises(PealError):
            settings.load(Path("/nowhere"), {}, [f"{name}={text}"])


# Texts


@pytest.mark.parametrize(
    ("name", "text", "tree"),
    [
        ("max_parallel", " 3 ", {"max_parallel": 3}),
        ("parallel", "True", {"parallel": True}),
        ("model", "3", {"model": "3"}),
        ("model", "none", {"model": None}),
        ("model", "", {"model": None}),
        ("log_level", "debug", {"log_level": "debug"}),
        ("phases.plan.timeout_sec", "7", {"phases": {"plan": {"timeout_sec": 7}}}),
        ("agents.a.command", "x 'y z'", {"agents": {"a": {"command": ("x", "y z")}}}),
        ("commit", "false", {"commit": False}),
        ("worktree_setup", "none", {"worktree_setup": None}),
        ("worktree_include", ".env 'a b'", {"worktree_include": (".env", "a b")}),
        ("agents.a.env.B", "none", {"agents": {"a": {"env": {"B": "none"}}}}),
    ],
)
def test_put_reads_a_text_as_the_kind_its_key_wants(name: str, text: str, tree: dict[str, Any]) -> None:
    """Where everything is text, the key says what it means."""
    values: dict[str, Any] = {}

    settings.put(values, name, text)

    assert values == tree


def test_put_leaves_the_neighbours() -> None:
    """Only the named key changes."""
    values: dict[str, Any] = {"model": "x", "phases": {"plan": {"model": "y"}}}

    settings.put(values, "phases.plan.retry_count", "2")

    assert values == {"model": "x", "phases": {"plan": {"model": "y", "retry_count": 2}}}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("modle", "x", "`modle` is no key; did you mean `model`?"),
        ("phases.plam.model", "x", "`phases.plam` is no key; did you mean `phases.plan`?"),
        ("model.x", "y", '`model` is `{"x": "y"}`; it must be a text in quotes'),
        ("phases.plan", "x", '`phases.plan` is `"x"`; it must be a table; name one of its keys'),
        ("max_parallel", "none", '`max_parallel` is `"none"`; it must be a whole number'),
        ("zzz", "x", "`zzz` is no key; `peal config` lists them all"),
    ],
)
def test_put_says_why_a_key_cannot_be_set(name: str, text: str, problem: str) -> None:
    """With the near miss, and without touching the tree."""
    values: dict[str, Any] = {}

    with pytest.raises(ValueError, match=r"^`") as caught:
        settings.put(values, name, text)

    assert (str(caught.value), values) == (problem, {})


def test_parsed_gives_the_value_a_text_stands_for() -> None:
    """By the type of a key."""
    assert settings.parsed(int | None, "none") is None
    assert settings.parsed(int, "-3") == -3
    assert settings.parsed(tuple[str, ...], "a 'b c'") == ("a", "b c")
    with pytest.raises(ValueError, match="it must be `true` or `false`"):
        settings.parsed(bool, "1")


# Pages


def test_the_page_lists_every_key_as_the_code_has_it() -> None:
    """docs/settings.md is made by `python -m peal.settings.page > docs/settings.md`."""
    assert PAGE.read_text(encoding="utf-8") == page.page()


def test_the_page_names_the_flags_that_the_commands_have() -> None:
    """And no others."""

    @click.command()
    @setting_flags
    def probe(**_: Any) -> None:
        """Has every flag."""

    flags = {flag for option in probe.params for flag in (*option.opts, *option.secondary_opts)}

    assert {word.strip("`,") for word in page.page().split() if word.startswith("`--")} >= flags
    assert all(f"`{flag}`" in page.page() for flag in flags)


def test_every_key_says_what_it_means() -> None:
    """A key without a text would be a hole in the help, the page and the file."""
    classes = (
        *(Settings, PhaseSettings, AgentSettings, ReviewerSettings, settings.BacklogSettings),
        *(settings.GuardrailSettings, settings.ExecutionSettings, settings.PipelineSettings),
        *(settings.ItemPhaseSettings, settings.NotifySettings),
    )

    assert [key.name for of in classes for key in settings.keys(of) if not key.metadata["help"]] == []
    assert {key.name for key in fields(Settings)} - {key.name for key in settings.keys(Settings)} == {
        "origins"
    }


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", ".git/config", ".peal", "", "**x"])
def test_what_worktrees_include_lies_inside_the_repository_and_is_not_gits(tmp_path: Path, name: str) -> None:
    with pytest.raises(PealError, match="worktree_include"):
        load(tmp_path, f"worktree_include = [{json.dumps(name)}]")


def test_a_list_may_be_given_as_peal_toml_has_it(tmp_path: Path) -> None:
    assert load(tmp_path, "", 'worktree_include=[".env", "a b"]').worktree_include == (".env", "a b")
