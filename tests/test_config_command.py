"""`peal init` and `peal config` in real repositories."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from peal import settings
from peal.cli.config import config
from peal.cli.init import init
from peal.errors import PealError
from peal.settings import Settings
from peal.settings.editing import with_value, without
from peal.settings.page import outside_tables


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller of the tests has set does not count."""
    for name in list(os.environ):
        if name.startswith(("PEAL_", "GIT_")):
            monkeypatch.delenv(name)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository with blanks and umlauts in its name, and the working folder in it."""
    root = tmp_path / "schöner Ort"
    root.mkdir()
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    monkeypatch.chdir(root)
    return root


def peal(command: object, *words: str) -> str:
    """What a command prints when all is well."""
    result = _run(command, *words)
    if result.exception:
        raise result.exception
    return result.output


def refused(command: object, *words: str) -> str:
    """What a command says when it refuses."""
    error = _run(command, *words).exception
    assert isinstance(error, PealError), error
    assert error.exit_code == 1
    return str(error)


def _run(command: object, *words: str) -> Result:
    return CliRunner().invoke(command, words, standalone_mode=False)  # type: ignore[arg-type]


# init


def test_a_new_file_changes_nothing(repo: Path) -> None:
    """Every key is there, commented out."""
    said = peal(init)

    path = repo / "peal.toml"
    assert said == f"written to `{path}`\nnext: edit it, or `peal config KEY VALUE`\n"
    assert settings.load(repo, {}) == Settings()
    shown = re.findall(r"(?m)^#(\w+) = ", path.read_text(encoding="utf-8"))
    keys = [key.name for key in outside_tables()]
    assert keys == shown[: len(keys)]
    tables = {"phases", "agents", "machines", "prices", "reviewers", "stet_dismiss_patterns"}
    tables |= {"backlog", "pipelines", "guardrails", "execution", "notify"}
    assert set(keys) == {key.name for key in settings.keys(Settings)} - tables


def test_a_new_file_still_loads_with_every_comment_sign_taken_away(repo: Path) -> None:
    """The defaults are shown as they are in force; the rest are examples that work."""
    peal(init)
    path = repo / "peal.toml"
    text = re.sub(r"(?m)^#(?=[a-z\[])", "", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")

    found = settings.load(repo, {})

    for key in outside_tables():
        assert key.name in found.origins
        assert settings.default(key) in (getattr(found, key.name), None, ())
    assert (list(found.phases), list(found.agents), len(found.reviewers)) == (["plan"], ["claude", "mine"], 1)
    assert list(found.prices) == ["gpt-5*"]
    assert found.machines["box"].places == {"claude": 2}
    assert found.machines["lab"].url == "tls://build.example.org:8786"
    assert [phase.name for phase in found.pipelines["feature"].phases] == ["build", "test"]
    assert (found.backlog, found.guardrails) == (settings.BacklogSettings(), settings.GuardrailSettings())
    assert found.execution == settings.ExecutionSettings(phase_timeout_minutes=30)
    assert found.notify == settings.NotifySettings(
        command=("./tell-me", "--loudly"), urls=("ntfys://ntfy.sh/my-topic",)
    )


def test_a_new_file_goes_to_the_root_from_wherever_one_is(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings of a repository lie in one place."""
    inner = repo / "tief" / "im Grünen"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)

    peal(init)

    assert [path.name for path in repo.iterdir() if path.is_file()] == ["peal.toml"]
    assert list(inner.iterdir()) == []


def test_a_file_that_is_there_is_never_overwritten(repo: Path) -> None:
    """Not even a link to nothing."""
    path = repo / "peal.toml"
    path.write_text("model = 'x'\n")

    said = refused(init)

    assert said == (
        f"`{path}` is already there; change it with `peal config KEY VALUE`, or take it away for a new one"
    )
    assert path.read_text() == "model = 'x'\n"


def test_outside_a_repository_there_is_nothing_to_set(tmp_path: Path) -> None:
    """Both commands say so."""
    assert "is not inside a git repository" in refused(init, "--repo", str(tmp_path))
    assert "is not inside a git repository" in refused(config, "--repo", str(tmp_path))


# Reading


def test_all_settings_are_shown_as_toml_that_means_the_same(repo: Path) -> None:
    """What is printed could be the file; a key without a value is a comment."""
    path = repo / "peal.toml"
    path.write_text(
        "model = 'a \"b\"'\nworktree_include = ['.env', 'ö \"2\"']\n[agents.mine]\ncommand = ['x', 'ü']\nenv = {A = '1'}\n"
        "[[reviewers]]\nname = 'tests'\ncommand = 'pytest -q'\n[phases.plan]\ntimeout_sec = 5\n"
    )
    before = settings.load(repo, {})

    shown = peal(config)
    path.write_text(shown)

    after = settings.load(repo, {})
    assert after.agents == before.agents
    assert after.reviewers == before.reviewers
    assert [after.phase(phase) for phase in ("plan", "execute", "address")] == [
        before.phase(phase) for phase in ("plan", "execute", "address")
    ]
    assert [getattr(after, key.name) for key in outside_tables()] == [
        getattr(before, key.name) for key in outside_tables()
    ]
    assert "# max_consecutive_task_failures = none\n" in shown


def test_sources_say_where_each_value_comes_from(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, variable, what follows from another key, or the default."""
    (repo / "peal.toml").write_text("max_parallel = 3\n[phases.plan]\nmodel = 'x'\n")
    monkeypatch.setenv("PEAL_MODEL", "y")

    lines = peal(config, "--sources").splitlines()

    assert lines[:3] == [
        'agent = "auto"  # default',
        'model = "y"  # environment',
        'permissions = "full"  # default',
    ]
    assert "parallel = true  # max_parallel, peal.toml" in lines
    assert "max_parallel = 3  # peal.toml" in lines
    assert 'phases.plan.model = "x"  # peal.toml' in lines


def test_one_key_is_shown_bare_so_that_a_script_can_use_it(repo: Path) -> None:
    """Texts without quotes, everything else as in the file; a table as lines."""
    (repo / "peal.toml").write_text(
        "model = 'x y'\n[agents.a]\ncommand = 'b c'\n[phases.plan]\nretry_count = 2\n"
    )

    assert peal(config, "model") == "x y\n"
    assert peal(config, "parallel") == "false\n"
    assert peal(config, "prompts") == "none\n"
    assert peal(config, "agents.a.command") == '["b", "c"]\n'
    assert peal(config, "model", "--sources") == 'model = "x y"  # peal.toml\n'
    assert peal(config, "phases.plan").splitlines()[-1] == "phases.plan.retry_count = 2"


def test_json_has_value_and_source_of_each_key(repo: Path) -> None:
    """One shape, whether all or one is asked for."""
    (repo / "peal.toml").write_text("model = 'ü'\n")

    everything = json.loads(peal(config, "--json"))

    assert everything["model"] == {"value": "ü", "source": "peal.toml"}
    assert everything["prompts"] == {"value": None, "source": "default"}
    assert json.loads(peal(config, "model", "--json")) == {"model": everything["model"]}


def test_an_unknown_key_is_told_with_the_near_miss(repo: Path) -> None:
    """Reading and writing alike; `agents` is known though it may be empty."""
    assert refused(config, "max_paralel") == "`max_paralel` is no key; did you mean `max_parallel`?"
    assert refused(config, "max_paralel", "2") == (
        "`max_paralel` is no key; did you mean `max_parallel`?; `peal.toml` is as it was"
    )
    assert peal(config, "agents") == ""


def test_a_wrong_file_is_told_when_it_is_read(repo: Path) -> None:
    """As `peal run` would."""
    (repo / "peal.toml").write_text("modle = 'x'\nmax_parallel = 'y'\n")

    assert refused(config).splitlines() == [
        'peal.toml: `max_parallel` is `"y"`; it must be a whole number',
        "peal.toml: `modle` is no key; did you mean `model`?",
    ]


# Changing


def test_a_change_keeps_comments_and_order(repo: Path) -> None:
    """Only the value is another."""
    path = repo / "peal.toml"
    before = (
        "# über alles\nmodel = 'x'   # why\nmax_parallel = 2\n\n[phases.plan]  # first\nretry_count = 1\n"
    )
    path.write_text(before, encoding="utf-8")

    peal(config, "model", "y")
    peal(config, "phases.plan.retry_count", "3")

    after = path.read_text(encoding="utf-8")
    assert after == before.replace("'x'", '"y"').replace("retry_count = 1", "retry_count = 3")


@pytest.mark.parametrize(
    ("before", "key", "value", "after"),
    [
        ("", "max_parallel", "2", "max_parallel = 2\n"),
        ("", "phases.plan.model", "x", '[phases.plan]\nmodel = "x"\n'),
        ("", "agents.a.command", "x 'y z'", '[agents.a]\ncommand = ["x", "y z"]\n'),
        ("[phases.plan]\nmodel = 'x'\n", "parallel", "true", "parallel = true\n\n[phases.plan]\nmodel = 'x'\n"),
        ("phases.plan.model = 'x'\n", "phases.plan.agent", "shell",
         "phases.plan.model = 'x'\nphases.plan.agent = \"shell\"\n"),
        ("phases = {}\n", "phases.plan.model", "x", 'phases = {plan = {model = "x"}}\n'),
        ("a = 1\r\n", "max_parallel", "2", None),
        ("max_parallel = 'wrong'\n", "max_parallel", "2", "max_parallel = 2\n"),
        ("# c\r\nmodel = 'x'\r\n", "max_parallel", "2", "# c\r\nmodel = 'x'\r\nmax_parallel = 2\r\n"),
    ],
)  # fmt: skip
def test_a_key_goes_where_it_belongs(
    before: str, key: str, value: str, after: str | None, repo: Path
) -> None:
    """
    Into its table, however the table is written; a file that would still be wrong is left as it was.

    Where tomlkit puts empty lines depends on its version.
    """
    path = repo / "peal.toml"
    path.write_bytes(before.encode())

    if after is None:
        refused(config, key, value)
    else:
        peal(config, key, value)

    wanted = before if after is None else after
    assert path.read_bytes().decode().replace("\n\n", "\n") == wanted.replace("\n\n", "\n")


def test_a_key_takes_the_place_of_its_comment_in_a_new_file(repo: Path) -> None:
    """Below its explanation, and above the tables: behind them it would fall into the last one."""
    peal(init)
    path = repo / "peal.toml"
    before = path.read_text(encoding="utf-8")

    said = peal(config, "max_parallel", "2")

    assert said == "`max_parallel` is set in `peal.toml`\n"
    assert path.read_text(encoding="utf-8") == before.replace("#max_parallel = 4\n", "max_parallel = 2\n")


def test_a_list_of_texts_is_one_line_split_as_a_shell_would(repo: Path) -> None:
    """It stands where its comment was, is shown as in the file, and can be taken out."""
    peal(init)
    path = repo / "peal.toml"
    before = path.read_text(encoding="utf-8")

    peal(config, "worktree_include", ".env 'ein Ort/*.key'")

    line = 'worktree_include = [".env", "ein Ort/*.key"]\n'
    assert path.read_text(encoding="utf-8") == before.replace('#worktree_include = [".env"]\n', line)
    assert peal(config, "worktree_include", "--sources") == line.replace("\n", "  # peal.toml\n")
    assert json.loads(peal(config, "--json"))["worktree_include"]["value"] == [".env", "ein Ort/*.key"]
    peal(config, "worktree_include", "--unset")
    assert peal(config, "worktree_include") == "[]\n"


def test_the_file_is_made_if_it_is_missing(repo: Path) -> None:
    """A person need not begin with `peal init`; another name works too."""
    peal(config, "model", "x", "--config", "mein Satz.toml")

    assert (repo / "mein Satz.toml").read_text() == 'model = "x"\n'
    assert not (repo / "peal.toml").exists()
    assert peal(config, "model", "--config", "mein Satz.toml") == "x\n"


def test_a_link_stays_a_link_and_the_mode_what_it_was(repo: Path) -> None:
    """The settings may lie in another place, readable for one person alone."""
    target = repo / "elsewhere.toml"
    target.write_text("model = 'x'\n")
    target.chmod(0o600)
    (repo / "peal.toml").symlink_to("elsewhere.toml")

    peal(config, "model", "y")

    assert (repo / "peal.toml").is_symlink()
    assert target.read_text() == 'model = "y"\n'
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in repo.iterdir()) == [".git", "elsewhere.toml", "peal.toml"]


@pytest.mark.parametrize(
    ("before", "key", "value", "said"),
    [
        ("", "max_parallel", "many", '`max_parallel` is `"many"`; it must be a whole number; `peal.toml` is as it was'),
        ("", "model", "none", "`model` has no value then; write `peal config --unset model`; `peal.toml` is as it was"),
        ("", "phases.plan", "x", '`phases.plan` is `"x"`; it must be a table; name one of its keys; `peal.toml` is as it was'),
        ("", "worktree_include", "'x", "`worktree_include` cannot be split as a shell would: no closing quotation; mend it; `peal.toml` is as it was"),
        ("", "isolation", "foo", '`isolation` is `"foo"`; it must be `auto` or `worktree` or `none`; `peal.toml` is as it was'),
        ("modle = 'x'\n", "max_parallel", "2", "peal.toml: `modle` is no key; did you mean `model`?"),
        ("[agents.a]\ncommand = 'x'\n", "agents.a.prompt", "bad", '`agents.a.prompt` is `"bad"`; it must be `stdin` or `file` or `argument`; `peal.toml` is as it was'),
    ],
)  # fmt: skip
def test_a_change_that_would_make_the_file_wrong_is_refused(
    before: str, key: str, value: str, said: str, repo: Path
) -> None:
    """And the file is not touched."""
    path = repo / "peal.toml"
    path.write_text(before)

    assert refused(config, key, value) == said
    assert path.read_text() == before


def test_an_agent_has_to_be_complete_after_a_change(repo: Path) -> None:
    """The command first, then how the prompt gets there."""
    assert "has no command for `plan`" in refused(config, "agents.mine.require_change", "true")
    assert not (repo / "peal.toml").exists()

    peal(config, "agents.mine.command", "./x {prompt_file}")
    peal(config, "agents.mine.prompt", "file")

    assert settings.load(repo, {}).agents["mine"].prompt == "file"


def test_a_file_that_is_no_toml_is_not_changed(repo: Path) -> None:
    """Nor one that is not UTF-8."""
    path = repo / "peal.toml"
    path.write_text("model =\n")
    assert "is no TOML" in refused(config, "max_parallel", "2")
    assert "is no TOML" in refused(config, "max_parallel", "--unset")

    path.write_bytes(b"model = '\xff'\n")
    assert refused(config, "max_parallel", "2") == (
        "peal.toml: cannot be read: it is not UTF-8; save it as UTF-8"
    )
    assert path.read_bytes() == b"model = '\xff'\n"


def test_unset_takes_a_key_or_a_table_out(repo: Path) -> None:
    """Everything else stays."""
    path = repo / "peal.toml"
    path.write_text(
        "# c\nmodel = 'x'\nmax_parallel = 2\n\n[agents.a]\ncommand = 'x'\n\n[phases.plan]\nmodel = 'y'\n"
    )

    said = peal(config, "model", "--unset")
    peal(config, "agents.a", "--unset")

    assert said == "`model` is no longer set in `peal.toml`\n"
    assert path.read_text() == "# c\nmax_parallel = 2\n\n[phases.plan]\nmodel = 'y'\n"
    assert refused(config, "model", "--unset") == "`model` is not set in the file; `peal.toml` is as it was"
    assert (
        refused(config, "model.x", "--unset") == "`model.x` is not set in the file; `peal.toml` is as it was"
    )


def test_unset_takes_an_unknown_key_out_though_another_stays(repo: Path) -> None:
    """Otherwise two mistakes could not be put right one after the other; a new mistake is refused."""
    path = repo / "peal.toml"
    path.write_text("modle = 'x'\nfoo = 1\n[agents.a]\ncommand = 'x'\n")

    peal(config, "modle", "--unset")

    assert path.read_text() == "foo = 1\n[agents.a]\ncommand = 'x'\n"
    assert "`agents.a` has no command for `plan`" in refused(config, "agents.a.command", "--unset")


def test_a_variable_that_comes_before_the_file_is_named(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the change would seem to do nothing."""
    monkeypatch.setenv("PEAL_MODEL", "other")

    said = peal(config, "model", "x")

    assert said == "`model` is set in `peal.toml`\nnote: `PEAL_MODEL` is set and comes before the file\n"


@pytest.mark.parametrize(
    "words",
    [("--unset",), ("--unset", "model", "x"), ("--json", "model", "x"), ("--sources", "--unset", "model")],
)
def test_reading_and_changing_do_not_mix(words: tuple[str, ...], repo: Path) -> None:
    """A usage error, and nothing is written."""
    result = CliRunner().invoke(config, words)

    assert result.exit_code != 0
    assert "Usage" in result.output
    assert not (repo / "peal.toml").exists()


def test_a_folder_that_cannot_be_written_to_is_told(repo: Path) -> None:
    """With the way out; here a folder is in the way of a link's target."""
    (repo / "peal.toml").symlink_to("missing/peal.toml")

    assert refused(config, "model", "x") == (
        f"cannot write `{repo / 'missing' / 'peal.toml'}`: No such file or directory; make its folder writable"
    )


_VALUES = {
    "model": st.sampled_from(["opus", "ü \"'\\", "#"]),
    "max_parallel": st.integers(0, 9).map(str),
    "parallel": st.sampled_from(["true", "false"]),
    "phases.plan.model": st.sampled_from(["x", "[y]"]),
    "phases.execute.retry_count": st.integers(0, 9).map(str),
    "agents.a.command": st.sampled_from(["x", "y '[z]'"]),
    "agents.b.command": st.just("x"),
    "worktree_include": st.sampled_from(["", ".env", "a '[b]'"]),
}
_CHANGES = st.lists(
    st.sampled_from(sorted(_VALUES)).flatmap(lambda key: st.tuples(st.just(key), st.none() | _VALUES[key])),
    max_size=8,
)
_BEGINNINGS = [
    "",
    "# only a comment\n",
    "model = 'x'\n[agents.a]\ncommand = 'x'\n[phases.plan]\n# in it\nmodel = 'y'\n[[reviewers]]\nname = 'a'\ncommand = 'b'\n",
    "phases = {plan = {model = 'x'}}\nagents.a.command = ['x']\n",
    "[phases.plan]\n\n[agents.a]\ncommand = 'x'\n\n[phases.execute]\n\n[agents.b]\ncommand = 'x'\n",
]


@given(text=st.sampled_from(_BEGINNINGS), changes=_CHANGES)
def test_any_row_of_changes_leaves_what_was_asked_for(
    text: str, changes: list[tuple[str, str | None]]
) -> None:
    """However the file was written to begin with, each key has its last value and the comments are there."""
    comments = [line for line in text.splitlines() if line.startswith("#")]
    wanted = settings.checked(text)[0]

    for key, value in changes:
        if value is not None:
            text = with_value(text, key, value)
            settings.put(wanted, key, value)
        elif f"'{key}'" in str(_paths(wanted)):
            text = without(text, key)
            _take_out(wanted, key)

    assert _paths(settings.checked(text)[0]) == _paths(wanted)
    assert [line for line in text.splitlines() if line.startswith("#")] == comments


def _paths(tree: dict[str, object], prefix: str = "") -> dict[str, object]:
    """Every leaf with its path; tuples and lists, and empty tables and none, count as the same."""
    found: dict[str, object] = {}
    for name, value in tree.items():
        found |= (
            _paths(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: _plain(value)}
        )
    return found


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _take_out(tree: dict[str, object], key: str) -> None:
    first, _, rest = key.partition(".")
    inner = tree[first]
    if rest and isinstance(inner, dict):
        tree[first] = {**inner}
        _take_out(tree[first], rest)  # type: ignore[arg-type]
    else:
        del tree[first]
