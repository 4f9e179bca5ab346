"""Where a sandbox is told of: in status and reports of a run, by `peal agents` and `peal doctor`, and when nobody has asked for one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SANDBOX, Clis, Repo
from sandboxes import needs_bubblewrap, path_without_bubblewrap
from test_machines import boxes, plan

pytestmark = pytest.mark.skipif(bool(SANDBOX), reason="asks for a sandbox, or none, itself")
WORK = "echo $PEAL_TASK >f$PEAL_TASK"
RUN = ("run", "plan.md", "--agent", "shell")
FINDING = "SANDBOX_UNUSABLE"


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A PATH without bubblewrap."""
    return path_without_bubblewrap(tmp_path / "bare")


def found(project: Repo, **variables: str) -> list[dict[str, Any]]:
    """What the doctor finds about sandboxes."""
    told = json.loads(project.peal("doctor", "--json", code=None, PEAL_AGENT="shell", **variables).stdout)
    return [one for one in told if one["code"] == FINDING]


@needs_bubblewrap
def test_the_sandbox_of_a_run_is_shown_wherever_the_run_is(project: Repo) -> None:
    """Also by those who look at it later, and by the name of what `auto` took."""
    plan(project, WORK)

    ran = project.peal(*RUN, "--sandbox", "auto").stdout

    status = project.peal("status").stdout.splitlines()
    assert status.count("sandbox: bubblewrap") == ran.splitlines().count("sandbox: bubblewrap") == 1
    assert json.loads(project.peal("status", "--json").stdout)["sandbox"] == ["bubblewrap"]
    assert "sandbox: bubblewrap" in project.peal("report").stdout.splitlines()
    assert ", in the sandbox `bubblewrap`." in project.peal("report", "--markdown").stdout
    page = project.peal("report", "--html", "-").stdout
    assert "<dt>sandbox</dt><dd><code>bubblewrap</code></dd>" in page


def test_of_a_wrapper_the_first_word_is_shown_and_all_words_are_told_to_scripts(project: Repo) -> None:
    plan(project, WORK)

    project.peal(*RUN, "--sandbox", "env A=b C=d")

    assert "sandbox: env …" in project.peal("status").stdout.splitlines()
    assert json.loads(project.peal("status", "--json").stdout)["sandbox"] == ["env", "A=b", "C=d"]


def test_where_there_is_none_nothing_is_said_of_it(project: Repo) -> None:
    plan(project, WORK)

    project.peal(*RUN)

    told = [project.peal(*words).stdout for words in (("status",), ("report",), ("report", "--html", "-"))]
    assert not [one for one in told if "sandbox" in one.lower()]
    assert "sandbox" not in json.loads(project.peal("status", "--json").stdout)


@needs_bubblewrap
def test_agents_tells_which_sandbox_works(project: Repo, bare: str) -> None:
    """And why none does, with the way out."""
    works = project.peal("agents", "shell").stdout.splitlines()[-1]
    is_set = project.peal("agents", "shell", PEAL_SANDBOX="auto").stdout.splitlines()[-1]
    none = project.peal("agents", "shell", PATH=bare).stdout.splitlines()[-1]
    told = json.loads(project.peal("agents", "shell", "--json", PATH=bare).stdout)["sandbox"]
    own = project.peal("agents", "shell", PEAL_SANDBOX="false {workspace}").stdout.splitlines()[-1]

    assert works == 'sandbox: `bubblewrap` works here; `sandbox = "auto"` uses it'
    assert is_set == "sandbox: `bubblewrap` works here"
    assert none.startswith(
        "sandbox: `bubblewrap` does not work here: `bwrap` is not on PATH: install it (`apt "
    )
    assert (told["kind"], told["is_set"]) == (["bubblewrap"], False)
    assert told["problem"] in none
    assert own == "sandbox: `false …` does not work here: exit status 1"


def test_agents_tells_it_outside_of_a_repository(project: Repo, tmp_path: Path) -> None:
    said = project.peal("agents", "shell", "--repo", str(tmp_path)).stdout

    assert said.splitlines()[-1].startswith("sandbox: ")


@needs_bubblewrap
def test_agents_tells_which_sandbox_works_on_machines(project: Repo, bare: str) -> None:
    project.write("peal.toml", boxes(project, far={}, poor={"PATH": bare}))
    words = ("agents", "shell", "--machines", "far,poor")

    lines = project.peal(*words).stdout.splitlines()
    told = {one["name"]: one for one in json.loads(project.peal(*words, "--json").stdout)["machines"]}

    assert '  sandbox: `bubblewrap` works there; `sandbox = "auto"` uses it' in lines
    (poor,) = [line for line in lines if line.startswith("  sandbox: `bubblewrap` does not work there: ")]
    assert "`bwrap` is not on PATH: install it" in poor
    assert told["far"]["sandbox"]["problem"] == ""
    assert told["poor"]["sandbox"]["problem"] in poor


@needs_bubblewrap
def test_the_doctor_finds_a_sandbox_that_cannot_work(project: Repo, bare: str) -> None:
    """An error if it is asked for by name, for a run would be refused."""
    (named,) = found(project, PATH=bare, PEAL_SANDBOX="bubblewrap")
    (auto,) = found(project, PATH=bare, PEAL_SANDBOX="auto")

    assert named["severity"] == "error"
    assert named["found"].startswith(
        "sandbox `bubblewrap` cannot be used here: `bwrap` is not on PATH: install it"
    )
    assert named["by_hand"] == "mend that, or set `sandbox` to `none`"
    assert auto["severity"] == "warning"
    assert found(project, PEAL_SANDBOX="bubblewrap") == found(project, PATH=bare) == []


def test_the_doctor_finds_who_would_have_a_network_for_want_of_a_sandbox(project: Repo) -> None:
    project.write("peal.toml", '[[reviewers]]\nname = "look"\ncommand = "true"\nnetwork = "off"\n')

    (one,) = found(project)

    assert one["severity"] == "error"
    assert one["found"].startswith("reviewer `look`: nothing would keep it from the network")
    assert one["by_hand"].startswith("set `sandbox` to `auto`")


@pytest.mark.parametrize(
    ("words", "is_told"),
    [((), True), (("--sandbox", "env A=b"), False), (("--permissions", "limited"), False)],
)
def test_who_has_no_sandbox_is_told_of_the_key_at_the_first_run(
    project: Repo, clis: Callable[..., Clis], words: tuple[str, ...], is_told: bool
) -> None:
    clis("claude")
    project.write("plan.md", "# A plan\n\n## Task 1: one\n\nexecute: WRITE one.txt: One\n")

    done = project.peal("run", "plan.md", "--agent", "claude", *words, code=None)

    said = done.stdout + done.stderr
    notice = '`claude` may do everything that you may do on this machine: `sandbox = "auto"` keeps them to their work'
    assert (notice in said) == is_told
