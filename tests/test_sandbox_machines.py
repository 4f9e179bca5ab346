"""The sandbox on other machines: with that machine's paths, tried when it is met, and told of where there is none."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ELSEWHERE, SANDBOX, Clis, Repo, landed
from sandboxes import needs_bubblewrap, path_without_bubblewrap
from test_machines import RUN, boxes, machines, plan

pytestmark = [
    needs_bubblewrap,
    pytest.mark.skipif(bool(ELSEWHERE or SANDBOX), reason="these say themselves where they run"),
]
WORK = "echo $PEAL_TASK >f$PEAL_TASK"
IN_SANDBOX = ("--sandbox", "bubblewrap")


@pytest.fixture(autouse=True)
def _ended(project: Repo) -> Iterator[None]:
    yield
    assert machines(project) == {}


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A PATH without bubblewrap."""
    return path_without_bubblewrap(tmp_path / "bare")


def asks(*what: str) -> str:
    """A script that writes down, line by line, what it can do."""
    return "\n".join(
        [*(f"{{ {one}; }} 2>/dev/null && echo yes >>got || echo no >>got" for one in what), WORK]
    )


def test_attempts_there_are_kept_to_their_tree(project: Repo, tmp_path: Path) -> None:
    """Git works in there, and reaches neither what the machine keeps nor the person's."""
    outside = shlex.quote(str(project.path / "README.md"))
    project.env |= {"OTHER_TOKEN": "secret", "MY_TOKEN": "mine", "HOME": str(tmp_path / "home")}
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "key").write_text("secret")
    (tmp_path / "home" / "notes").mkdir()
    (tmp_path / "home" / "notes" / "today").write_text("none of yours")
    plan(
        project,
        asks(
            "echo yes >mine && git add mine && git commit -qm mine",
            "echo x >$TMPDIR/t",
            'test "$MY_TOKEN" = mine',
            'mkdir -p "$npm_config_cache"',
            "false",
            f"cat {outside}",
            "echo x >../../store.git/config",
            "echo x >../other",
            "cat ~/.ssh/key",
            "cat ~/notes/today",
            'test -n "${OTHER_TOKEN-}"',
            "kill -0 $PPID && test $PPID -gt 3",
        ),
    )

    said = project.peal(
        *RUN, *IN_SANDBOX, "--machines", "local:1", "--sandbox-env", "MY_*", "--sandbox-hidden", "~/notes"
    )

    assert landed(project) == ["1"]
    assert project.read("got").split() == ["yes"] * 4 + ["no"] * 8
    assert project.read("mine") == "yes\n"
    assert project.read("README.md") == "A project.\n"
    assert "on `local-1` in the sandbox (bubblewrap) programs are not given" in said.stdout + said.stderr
    assert list(project.path.glob(".peal/machines/local-1/*/cache/npm"))


def test_several_machines_at_once(project: Repo) -> None:
    """None of which sees what another's attempts do."""
    plan(project, *[WORK] * 6)

    project.peal(*RUN, *IN_SANDBOX, "--machines", "local:2")

    assert landed(project) == list("123456")
    assert {one["machine"] for one in project.recorded("ProcessStarted")} == {"local-1", "local-2"}


def test_a_machine_where_it_cannot_be_is_left_out(project: Repo, bare: str) -> None:
    """With the reason, before anything starts; nothing runs there."""
    project.write("peal.toml", boxes(project, good={}, poor={"PATH": bare}))
    plan(project, *[WORK] * 4)

    said = project.peal(*RUN, *IN_SANDBOX, "--machines", "good,poor")

    told = said.stdout + said.stderr
    assert landed(project) == list("1234")
    assert (
        "machine `poor`: sandbox `bubblewrap` cannot be used there: `bwrap` is not on PATH: install it"
        in told
    )
    assert {one["machine"] for one in project.recorded("ProcessStarted")} == {"good"}


def test_a_run_is_refused_if_no_machine_has_it(project: Repo, bare: str) -> None:
    project.write("peal.toml", boxes(project, poor={"PATH": bare}))
    plan(project, WORK)

    said = project.peal(*RUN, *IN_SANDBOX, "--machines", "poor", code=1).stderr

    assert "machine `poor`: sandbox `bubblewrap` cannot be used there: `bwrap` is not on PATH" in said
    assert "no machine is left to run on" in said
    assert project.recorded("StepStarted") == []


def test_auto_takes_what_works_and_tells_where_nothing_does(project: Repo, bare: str) -> None:
    """Attempts run there all the same."""
    project.write("peal.toml", boxes(project, poor={"PATH": bare}))
    plan(project, asks("echo x >../other"))

    said = project.peal(*RUN, "--sandbox", "auto", "--machines", "poor")

    assert project.read("got") == "yes\n"
    assert (
        "on `poor` there is no sandbox, and agents may do whatever you may there: `bwrap` is not on PATH"
        in said.stdout + said.stderr
    )


def test_auto_keeps_attempts_to_their_tree_where_it_can(project: Repo) -> None:
    plan(project, asks("echo x >../other"))

    project.peal(*RUN, "--sandbox", "auto", "--machines", "local:1")

    assert project.read("got") == "no\n"


def test_who_is_to_have_no_network_makes_auto_a_must(project: Repo, bare: str) -> None:
    project.write(
        "peal.toml",
        boxes(project, poor={"PATH": bare})
        + '[[reviewers]]\nname = "look"\ncommand = "true"\nnetwork = "off"\n',
    )
    plan(project, WORK)

    said = project.peal(*RUN, "--sandbox", "auto", "--machines", "poor", code=1).stderr

    assert (
        "machine `poor`: sandbox `auto` (`bubblewrap`) cannot be used where `network` is `off` there" in said
    )


def test_a_wrapper_has_the_paths_of_the_machine(project: Repo) -> None:
    """Filled in there."""
    plan(project, f'echo "$ONLY" >got; {WORK}')

    project.peal(*RUN, "--sandbox", "env ONLY={own_git}", "--machines", "local:1", "--fresh")

    assert project.read("got").endswith("/trees/1.git\n")
    assert str(project.path / ".peal" / "machines" / "local-1") in project.read("got")


def test_what_appears_where_code_is_run_later_is_moved_away_there(
    project: Repo, clis: Callable[..., Clis], tmp_path: Path
) -> None:
    """It is kept on the machine, and told with how it can be put back."""
    home = tmp_path / "home"
    home.mkdir()
    seen = [str(clis("claude").state), str(Path(__file__).parent / "fakes")]
    project.env |= {"HOME": str(home), "PEAL_SANDBOX_WRITABLE": shlex.join(seen)}
    order = f'SHELL {home}/.claude/settings.json: {{"hooks": 1}}'
    project.write("plan.md", f"# A plan\n\n## Task 1: one\n\nexecute: {order}\nexecute: WRITE f1: yes\n")
    project.git("add", ".")
    project.git("commit", "-qm", "plan")

    project.peal("run", "plan.md", "--agent", "claude", *IN_SANDBOX, "--machines", "local:1")

    (note,) = [line for line in project.peal("status").stdout.splitlines() if line.startswith("note: ")]
    (kept,) = project.path.glob(".peal/machines/local-1/*/appeared/appeared-settings.json")
    assert not (home / ".claude" / "settings.json").exists()
    assert json.loads(kept.read_text()) == {"hooks": 1}
    assert "machine `local-1`: `" in note
    assert str(kept) in note


def test_git_there_knows_no_way_to_remotes_either(project: Repo, tmp_path: Path) -> None:
    """By the settings of whoever peal is on that machine."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        '[url "https://a:b@example.org/"]\n\tinsteadOf = x:\n[color]\n\tui = never\n'
    )
    project.env["HOME"] = str(home)
    del project.env["GIT_CONFIG_GLOBAL"]
    plan(project, asks("git config color.ui", "git config --get-regexp url", "grep a:b ~/.gitconfig"))

    project.peal(*RUN, *IN_SANDBOX, "--machines", "local:1")

    assert [line for line in project.read("got").split() if line != "never"] == ["yes", "no", "no"]


def test_nothing_of_it_is_left_on_the_machine(project: Repo) -> None:
    plan(project, WORK)

    project.peal(*RUN, *IN_SANDBOX, "--machines", "local:1")
    project.peal("clean", "--machines", "local:1")

    assert not (project.path / ".peal" / "machines" / "local-1").exists()
