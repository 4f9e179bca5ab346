"""The settings of a backlog: phase-golem's file as it is, what is wrong with pipelines, and what comes before what."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from conftest import Repo

from peal import settings
from peal.errors import PealError
from peal.settings import (
    BacklogSettings,
    ExecutionSettings,
    GuardrailSettings,
    ItemPhaseSettings,
    PipelineSettings,
    Settings,
)
from peal.settings.backlog_run import for_backlog
from peal.settings.editing import with_value, without
from peal.settings.pipelines import pipelines, workflow_files

PAGE = Path(__file__).parents[1] / "docs" / "from-phase-golem.md"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller of the tests has set does not count."""
    for key in settings.scalars():
        monkeypatch.delenv(f"PEAL_{key.name.upper()}", raising=False)


def load(repo: Path, toml: str = "", *sets: str, **flags: Any) -> Settings:
    (repo / "peal.toml").write_text(toml, encoding="utf-8")
    return settings.load(repo, flags, sets)


def told(repo: Path, toml: str, *sets: str) -> list[str]:
    with pytest.raises(PealError) as caught:
        load(repo, toml, *sets)
    return str(caught.value).splitlines()


# phase-golem's file


GOLEM = """
[project]
prefix = "HAMY"

[guardrails]
max_size = "large"
max_complexity = "high"
max_risk = "medium"

[execution]
phase_timeout_minutes = 45
max_retries = 3
default_phase_cap = 50
max_wip = 1
max_concurrent = 3

[agent]
cli = "opencode"
model = "anthropic/claude-opus-4.5"

[[pipelines.feature.pre_phases]]
name = "scope"
workflows = ["workflows/scope.md"]
is_destructive = false
staleness = "ignore"

[[pipelines.feature.phases]]
name = "prd"
workflows = ["workflows/prd.md", "workflows/prd-review.md"]
is_destructive = false
staleness = "warn"

[[pipelines.feature.phases]]
name = "build"
workflows = ["workflows/build.md"]
destructive = true
staleness = "block"

[pipelines.chore]
phases = [{ name = "do", workflows = ["workflows/do.md"], is_destructive = true }]
"""
"""A file with every key that phase-golem has."""

MEANS: dict[str, object] = {
    "project.prefix": "HAMY",
    "guardrails.max_size": "large",
    "guardrails.max_complexity": "high",
    "guardrails.max_risk": "medium",
    "execution.phase_timeout_minutes": 45,
    "execution.max_retries": 3,
    "execution.default_phase_cap": 50,
    "execution.max_wip": 1,
    "execution.max_concurrent": 3,
    "agent.cli": "opencode",
    "agent.model": "anthropic/claude-opus-4.5",
}


def test_phase_golems_file_means_the_same(tmp_path: Path) -> None:
    """Pasted as it is."""
    found = load(tmp_path, GOLEM)

    assert (found.agent, found.model) == ("opencode", "anthropic/claude-opus-4.5")
    assert found.backlog == BacklogSettings(folder="backlog", prefix="HAMY")
    assert found.guardrails == GuardrailSettings("large", "high", "medium")
    assert found.execution == ExecutionSettings(45, 3, 50, 1, 3)
    assert pipelines(found) == {
        "feature": PipelineSettings(
            pre_phases=(ItemPhaseSettings("scope", workflows=("workflows/scope.md",)),),
            phases=(
                ItemPhaseSettings(
                    "prd", workflows=("workflows/prd.md", "workflows/prd-review.md"), staleness="warn"
                ),
                ItemPhaseSettings(
                    "build", workflows=("workflows/build.md",), is_destructive=True, staleness="block"
                ),
            ),
        ),
        "chore": PipelineSettings(
            phases=(ItemPhaseSettings("do", workflows=("workflows/do.md",), is_destructive=True),)
        ),
    }


def test_each_key_of_phase_golem_is_in_force_under_peals_name(repo: Repo) -> None:
    """With where it comes from."""
    repo.write("peal.toml", GOLEM)

    shown = json.loads(repo.peal("config", "--json").stdout)

    for name, value in MEANS.items():
        first = settings.PHASE_GOLEM_NAMES.get(name, name)
        assert shown[first] == {"value": value, "source": "peal.toml"}
    assert shown["pipelines.chore.phases"]["source"] == "peal.toml"


def test_without_settings_phase_golems_defaults_are_in_force(tmp_path: Path) -> None:
    found, _ = for_backlog(load(tmp_path))

    assert (found.backlog.prefix, found.model) == ("WRK", None)
    assert found.guardrails == GuardrailSettings("medium", "medium", "low")
    assert (found.execution.max_wip, found.execution.default_phase_cap) == (1, 100)
    assert (found.phase_timeout_sec, found.phase_retry_count, found.max_parallel) == (1800, 2, 1)
    assert not found.parallel


def test_without_pipelines_there_is_feature_with_phases_that_need_no_files(tmp_path: Path) -> None:
    """They are called as phase-golem's, and `build` alone is destructive."""
    found = pipelines(load(tmp_path))
    feature = found["feature"]

    assert list(found) == ["feature"]
    assert [phase.name for phase in feature.pre_phases] == ["research"]
    assert [phase.name for phase in feature.phases] == [
        *("prd", "tech-research", "design", "spec", "build", "review"),
    ]
    assert [phase.name for phase in feature.phases if phase.is_destructive] == ["build"]
    assert all(phase.instructions for phase in (*feature.pre_phases, *feature.phases))
    assert workflow_files(found) == {}


def test_pipelines_of_ones_own_are_all_there_are(tmp_path: Path) -> None:
    found = load(tmp_path, "pipelines.chore.phases = [{name = 'do'}]")

    assert list(pipelines(found)) == ["chore"]


@pytest.mark.parametrize(
    ("toml", "agent", "model"),
    [
        ("[agent]\nmodel = 'opus'", "claude", "opus"),
        ("[agent]", "claude", None),
        ("[agent]\nmodel = ' \\n\\t '".replace("'", '"'), "claude", None),
        ('[agent]\nmodel = " opus "', "claude", "opus"),
        ("agent = {cli = 'codex'}\nmodel = 'x'", "codex", "x"),
        ("model = 'x'\n[agent]\nmodel = 'x'", "claude", "x"),
        ("agent = 'codex'", "codex", None),
    ],
)
def test_a_table_agent_is_agent_and_model(toml: str, agent: str, model: str | None, tmp_path: Path) -> None:
    """Without `cli` it is claude, as there; a blank model is none."""
    found = load(tmp_path, toml)

    assert (found.agent, found.model) == (agent, model)


def test_a_key_of_a_table_on_the_command_line_stands_for_itself(tmp_path: Path) -> None:
    """`--set agent.model=x` says nothing of the agent."""
    found = load(tmp_path, "agent = 'codex'", "agent.model=x", "project.prefix=AB", "execution.max_wip=3")

    assert (found.agent, found.model, found.backlog.prefix) == ("codex", "x", "AB")
    assert found.execution.max_wip == 3
    assert found.origins == {
        "agent": "peal.toml",
        "model": "command line",
        "backlog.prefix": "command line",
        "execution.max_wip": "command line",
    }


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[agent]\nmodle = 'x'", "`agent.modle` is no key; did you mean `agent.model`?"),
        ("[agent]\ncli = 3", "`agent.cli` is `3`; it must be a text in quotes"),
        ("[agent]\nmodel = '-x'",
         "`agent.model` is `-x`; the name of a model has no blanks and does not begin with `-`"),
        ("[agent]\nmodel = 'a b'",
         "`agent.model` is `a b`; the name of a model has no blanks and does not begin with `-`"),
        ("model = 'x'\n[agent]\nmodel = 'y'",
         "`agent.model` is another name for `model`, which is set differently beside it; take one of them out"),
        ("[project]\nprefx = 'x'", "`project.prefx` is no key; did you mean `project.prefix`?"),
        ("project = 1", "`project` is `1`; it must be a table; name one of its keys"),
        ("[project]\nprefix = 'A'\n[backlog]\nprefix = 'B'",
         "`project.prefix` is another name for `backlog.prefix`, which is set differently beside it; take one of them out"),
        ("[project]\nprefix = 'a_b'", "`project.prefix` is `a_b`; write letters and digits, such as WRK"),
        ("pipelines.a.phases = [{name = 'b', destructive = 1}]",
         "`pipelines.a.phases[0].destructive` is `1`; it must be `true` or `false`"),
        ("pipelines.a.phases = [{name = 'b', destructive = true, is_destructive = false}]",
         ("`pipelines.a.phases[0].destructive` is another name for `is_destructive`, which is set differently beside it; "
         "take one of them out")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_phase_golems_tables_is_told_as_they_have_it(
    toml: str, problem: str, tmp_path: Path
) -> None:
    assert told(tmp_path, toml) == [f"peal.toml: {problem}"]


def test_peals_agent_beside_phase_golems_table_is_told(tmp_path: Path) -> None:
    """No TOML has both, and the parser's words alone would not say what to do."""
    (problem,) = told(tmp_path, "agent = 'codex'\n[agent]\ncli = 'claude'")

    assert problem.endswith("; `agent` is a key and a table `[agent]` too: take one of them out")


# What is wrong


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[execution]\nmax_wpi = 3", "`execution.max_wpi` is no key; did you mean `execution.max_wip`?"),
        ("[guardrails]\nmax_sise = 'small'", "`guardrails.max_sise` is no key; did you mean `guardrails.max_size`?"),
        ("[guardrails]\nmax_size = 'low'", '`guardrails.max_size` is `"low"`; it must be `small` or `medium` or `large`'),
        ("[backlog]\nfoldr = 'x'", "`backlog.foldr` is no key; did you mean `backlog.folder`?"),
        ("[pipelines.a]\nphase = []\nphases = [{name = 'b'}]",
         "`pipelines.a.phase` is no key; did you mean `pipelines.a.phases`?"),
        ("[[pipelines.a.phases]]\nname = 'b'\nworkflow = []",
         "`pipelines.a.phases[0].workflow` is no key; did you mean `pipelines.a.phases[0].workflows`?"),
        ("[[pipelines.a.phases]]\nworkflows = []", "`pipelines.a.phases[0].name` is missing; set it"),
        ("pipelines.'a b'.phases = [{name = 'b'}]",
         "`pipelines.a b` is no name for a pipeline: letters, digits, `_` and `-`"),
        ("pipelines.a.phases = [{name = 'b c'}]", "`pipelines.a.phases[0].name` is `b c`; write letters, digits, `_` and `-`"),
        ("pipelines.a.phases = [{name = 'triage'}]",
         "`pipelines.a.phases[0].name` is `triage`, which peal has by itself; choose another name"),
        ("pipelines.a.phases = [{name = 'b', model = '--x'}]",
         "`pipelines.a.phases[0].model` is `--x`; the name of a model has no blanks and does not begin with `-`"),
        ("pipelines.a.phases = [{name = 'b', workflows = ['']}]",
         "`pipelines.a.phases[0].workflows` names no file in one place; write its path or take it out"),
        ("pipelines.a.phases = [{name = 'b', kind = 'plan', plan = '../x'}]",
         "`pipelines.a.phases[0].plan` is `../x`; write a path or a pattern inside the item's folder, such as `*SPEC*.md`"),
        *((f"[backlog]\nfolder = '{folder}'",
           f"`backlog.folder` is `{folder}`; write a path inside the repository, not one of git or peal")
          for folder in ("/tmp/x", "../x", "a/../../x", ".git", ".peal/x", ".GIT/x", ".", "")),
        *((f"[backlog]\nprefix = '{prefix}'", f"`backlog.prefix` is `{prefix}`; write letters and digits, such as WRK")
          for prefix in ("", "A-B", "a b")),
    ],
)  # fmt: skip
def test_a_key_that_is_wrong_by_itself_is_told(toml: str, problem: str, tmp_path: Path) -> None:
    assert told(tmp_path, toml) == [f"peal.toml: {problem}"]


@pytest.mark.parametrize(
    "name",
    [
        *("phase_timeout_minutes", "default_phase_cap", "max_wip", "max_concurrent"),
        *("max_system_failures", "max_exhausted", "max_subphases"),
    ],
)
def test_w26_a_limit_of_nothing_is_refused(name: str, tmp_path: Path) -> None:
    """A timeout of 0 would end every phase at once, and no places would let none begin."""
    assert told(tmp_path, f"[execution]\n{name} = 0") == [
        f"peal.toml: `execution.{name}` is 0; it must be at least 1"
    ]


PHASE = "phases = [{name = 'b'}]"


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[pipelines.a]", "`pipelines.a` has no `phases`; write at least one, as `[[pipelines.a.phases]]`"),
        ("[pipelines.a]\nphases = []",
         "`pipelines.a` has no `phases`; write at least one, as `[[pipelines.a.phases]]`"),
        ("[pipelines.a]\nphases = [{name = 'b'}, {name = 'b'}]",
         "`pipelines.a.phases[1]` is called `b`, as `pipelines.a.phases[0]` is; give it another name"),
        (f"[pipelines.a]\npre_phases = [{{name = 'b'}}]\n{PHASE}",
         "`pipelines.a.phases[0]` is called `b`, as `pipelines.a.pre_phases[0]` is; give it another name"),
        (f"[pipelines.a]\npre_phases = [{{name = 'c', destructive = true}}]\n{PHASE}",
         ("`pipelines.a.pre_phases[0]` is destructive, which only main phases may be; move it to `phases`, or take "
         "`is_destructive` out")),
        ("execution.max_wip = 2\n[pipelines.a]\nphases = [{name = 'b', staleness = 'block'}]",
         ("`pipelines.a.phases[0]` has `staleness` `block`, which does not go with `execution.max_wip` 2; set that to 1, or "
         "`staleness` to `warn`")),
        ("pipelines.a.phases = [{name = 'b', kind = 'command'}]",
         "`pipelines.a.phases[0]` is of kind `command` and has no `command`; write it"),
        ("pipelines.a.phases = [{name = 'b', command = 'make'}]",
         "`pipelines.a.phases[0]` has a `command` and is of kind `agent`; write `kind = \"command\"`, or take it out"),
        ("pipelines.a.phases = [{name = 'b', kind = 'plan'}]",
         "`pipelines.a.phases[0]` is of kind `plan` and has no `plan`; write it"),
        ("pipelines.a.phases = [{name = 'b', plan = 'x.md'}]",
         "`pipelines.a.phases[0]` has a `plan` and is of kind `agent`; write `kind = \"plan\"`, or take it out"),
        ("pipelines.a.phases = [{name = 'b', kind = 'command', command = 'make', workflows = ['x']}]",
         "`pipelines.a.phases[0]` is of kind `command`, where `workflows` tells nobody anything; take it out"),
        ("pipelines.a.phases = [{name = 'b', kind = 'command', command = 'make', model = 'x'}]",
         "`pipelines.a.phases[0]` is of kind `command`, where no agent works; take `model` out"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_in_a_pipeline_is_told(toml: str, problem: str, tmp_path: Path) -> None:
    """With its place and the way out; `[pipelines.a]` has no line but this."""
    assert told(tmp_path, toml) == [f"peal.toml: {problem}"]


def test_staleness_block_goes_with_one_item_in_progress(tmp_path: Path) -> None:
    found = load(tmp_path, "pipelines.a.phases = [{name = 'b', staleness = 'block'}]")

    assert found.pipelines["a"].phases[0].staleness == "block"


def test_a_limit_on_the_command_line_is_looked_at_together_with_the_file(tmp_path: Path) -> None:
    toml = "pipelines.a.phases = [{name = 'b', staleness = 'block'}]"

    assert told(tmp_path, toml, "execution.max_wip=2") == [
        (
            "peal.toml: `pipelines.a.phases[0]` has `staleness` `block`, which does not go with `execution.max_wip` 2; "
            "set that to 1, or `staleness` to `warn`"
        )
    ]


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    toml = (
        "[execution]\nmax_wip = 0\nmax_wpi = 1\n[guardrails]\nmax_risk = 'x'\n[project]\nprefix = '-'\n"
        "[pipelines.a]\n[[pipelines.b.pre_phases]]\nname = 'c'\ndestructive = true\n[[pipelines.b.phases]]\nname = 'd e'\n"
    )

    problems = told(tmp_path, toml)

    paths = [re.findall("`(.*?)`", problem)[0] for problem in problems]
    assert paths == [
        *("project.prefix", "pipelines.b.phases[0].name", "guardrails.max_risk", "execution.max_wip"),
        *("execution.max_wpi", "pipelines.a", "pipelines.b.pre_phases[0]"),
    ]


def test_pipelines_that_are_wrong_are_not_worked_with(tmp_path: Path) -> None:
    """What looks at settings as far as they can be read takes the usual ones."""
    (tmp_path / "peal.toml").write_text("[pipelines.a]\n[backlog]\nprefix = 'AB'\n")

    found = settings.readable(tmp_path, {})

    assert (found.settings.pipelines, found.settings.backlog.prefix) == ({}, "AB")
    assert len(found.problems) == 1


def test_a_table_agent_that_is_wrong_tells_nobody_who_works(tmp_path: Path) -> None:
    """So the doctor does not look for another agent that was not asked for."""
    (tmp_path / "peal.toml").write_text("[agent]\ncil = 'codex'\n")

    assert not settings.readable(tmp_path, {}).tells_who
    assert settings.readable(tmp_path, {"agent": "codex"}).settings.agent == "codex"


# What comes before what


BOTH = "max_parallel = 4\nphase_timeout_sec = 60\nphase_retry_count = 5\n"
EXECUTION = "[execution]\nmax_concurrent = 3\nphase_timeout_minutes = 2\nmax_retries = 1\n"


def _in_force(
    repo: Path, toml: str, *sets: str, **flags: Any
) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    found, said = for_backlog(load(repo, toml, *sets, **flags))
    assert found.parallel == (found.max_parallel > 1)
    return (found.max_parallel, found.phase_timeout_sec, found.phase_retry_count), said


def test_execution_comes_before_peals_own_keys_and_says_so(tmp_path: Path) -> None:
    values, said = _in_force(tmp_path, BOTH + EXECUTION)

    assert values == (3, 120, 1)
    end = "; in a backlog the first counts"
    assert said == (
        f"`execution.max_concurrent` is 3 (peal.toml) and `max_parallel` 4 (peal.toml){end}",
        f"`execution.phase_timeout_minutes` is 2 (peal.toml) and `phase_timeout_sec` 60 (peal.toml){end}",
        f"`execution.max_retries` is 1 (peal.toml) and `phase_retry_count` 5 (peal.toml){end}",
    )


def test_flags_come_before_execution_and_say_so(tmp_path: Path) -> None:
    values, said = _in_force(tmp_path, EXECUTION, max_parallel=2, phase_timeout_sec=7, phase_retry_count=0)

    assert values == (2, 7, 0)
    assert said == (
        "`execution.max_concurrent` is 3 (peal.toml) and `max_parallel` 2 (command line); `max_parallel` counts, for it is a flag",
        (
            "`execution.phase_timeout_minutes` is 2 (peal.toml) and `phase_timeout_sec` 7 (command line); `phase_timeout_sec` "
            "counts, for it is a flag"
        ),
        (
            "`execution.max_retries` is 1 (peal.toml) and `phase_retry_count` 0 (command line); `phase_retry_count` counts, "
            "for it is a flag"
        ),
    )


@pytest.mark.parametrize(
    ("toml", "flags", "values"),
    [
        ("", {}, (1, 1800, 2)),
        (EXECUTION, {}, (3, 120, 1)),
        (BOTH, {}, (4, 60, 5)),
        ("parallel = true", {}, (4, 1800, 2)),
        ("max_parallel = 0", {}, (1, 1800, 2)),
        (EXECUTION, {"parallel": True, "max_parallel": 3}, (3, 120, 1)),
        ("[execution]\nmax_concurrent = 1", {}, (1, 1800, 2)),
        ("max_parallel = 3\nphase_timeout_sec = 120\nphase_retry_count = 1\n" + EXECUTION, {}, (3, 120, 1)),
    ],
)
def test_nothing_is_said_of_what_was_set_once_or_alike(
    toml: str, flags: dict[str, Any], values: tuple[int, int, int], tmp_path: Path
) -> None:
    """What somebody set comes before what nobody did, wherever it is."""
    assert _in_force(tmp_path, toml, **flags) == (values, ())


def test_no_parallel_lets_one_phase_run_at_a_time(tmp_path: Path) -> None:
    values, said = _in_force(tmp_path, EXECUTION, parallel=False)

    assert values[0] == 1
    assert said == (
        "`execution.max_concurrent` is 3 (peal.toml) and `parallel` 1 (command line); `parallel` counts, for it is a flag",
    )


def test_a_variable_of_peals_own_key_does_not_come_before_execution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flags alone do."""
    monkeypatch.setenv("PEAL_MAX_PARALLEL", "5")

    values, said = _in_force(tmp_path, EXECUTION)

    assert (values[0], len(said)) == (3, 1)


def test_what_is_not_about_execution_stays(tmp_path: Path) -> None:
    before = load(tmp_path, "model = 'x'\n" + EXECUTION)

    found, _ = for_backlog(before)

    changed = {"parallel": False, "max_parallel": 4, "phase_timeout_sec": 1800, "phase_retry_count": 0}
    assert evolve(found, **changed) == before


# `peal config`


def test_a_setting_of_a_backlog_is_shown_set_and_taken_out(repo: Repo) -> None:
    repo.peal("config", "execution.max_wip", "3")
    repo.peal("config", "guardrails.max_risk", "high")

    assert repo.read("peal.toml").replace("\n\n", "\n") == (
        '[execution]\nmax_wip = 3\n[guardrails]\nmax_risk = "high"\n'
    )
    assert (
        repo.peal("config", "execution.max_wip", "--sources").stdout == "execution.max_wip = 3  # peal.toml\n"
    )
    repo.peal("config", "--unset", "execution.max_wip")
    assert repo.peal("config", "execution.max_wip").stdout == "1\n"
    said = repo.peal("config", "execution.max_wpi", code=1).stderr
    assert "`execution.max_wpi` is no key; did you mean `execution.max_wip`?" in said


def test_what_is_shown_of_pipelines_means_the_same_as_a_file(repo: Repo) -> None:
    """The usual ones too."""
    repo.write("peal.toml", "")
    usual = repo.peal("config", "pipelines").stdout
    repo.write("peal.toml", usual)

    assert pipelines(settings.load(repo.path, {})) == pipelines(Settings())
    assert repo.peal("config", "pipelines").stdout == usual


@pytest.mark.parametrize(
    ("before", "key", "value", "after"),
    [
        (
            "[agent]\ncli = 'claude' # a\nmodel = 'x'\n",
            "agent",
            "codex",
            "[agent]\ncli = \"codex\" # a\nmodel = 'x'\n",
        ),
        ("[agent]\nmodel = 'x'\n", "agent", "codex", "[agent]\nmodel = 'x'\ncli = \"codex\"\n"),
        ("[agent]\nmodel = 'x'\n", "model", "y", '[agent]\nmodel = "y"\n'),
        ("[project]\nprefix = 'X'\n", "backlog.prefix", "Y", '[project]\nprefix = "Y"\n'),
    ],
)
def test_a_key_is_changed_where_phase_golems_table_has_it(
    before: str, key: str, value: str, after: str
) -> None:
    assert with_value(before, key, value) == after


def test_a_key_is_taken_out_where_phase_golems_table_has_it() -> None:
    before = "[agent]\ncli = 'opencode'\nmodel = 'x'\n"

    assert without(before, "model") == "[agent]\ncli = 'opencode'\n"
    assert settings.checked(without(without(before, "model"), "agent"))[0] == {}


def test_a_name_of_phase_golems_is_told_for_peals(repo: Repo) -> None:
    for words in (("agent.cli",), ("agent.cli", "codex"), ("project.prefix", "X")):
        said = repo.peal("config", *words, code=1).stderr

        first = settings.PHASE_GOLEM_NAMES[words[0]]
        assert f"`{words[0]}` is another name for `{first}`; use that" in said


# The page


def test_the_page_has_a_row_for_each_setting_of_phase_golems() -> None:
    """And for no other; all of them are in the file above."""
    section = PAGE.read_text(encoding="utf-8").partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w.\[\]]+)` \|", section, re.MULTILINE)
    phases = {"name", "workflows", "is_destructive", "destructive", "staleness"}

    assert set(rows) == {*MEANS, "pre_phases", "phases", *phases}
    assert all(re.search(rf"\b{name.rpartition('.')[2]} = |\.{name}\]\]", GOLEM) for name in rows)
