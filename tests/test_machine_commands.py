"""What `agents`, `clean` and `doctor` say of machines, and what is made of machines that answer nonsense."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Clis, Repo, landed, later
from test_machines import RUN, boxes, machines, plan

WORK = 'echo $PEAL_TASK >"f$PEAL_TASK"'
STORE = "*/store.git"


@pytest.fixture
def used(project: Repo) -> Iterator[Repo]:
    """A repository of which two machines keep something."""
    plan(project, WORK, WORK)
    project.peal(*RUN, "--machines", "local:2")
    yield project
    for pid in machines(project).values():
        os.kill(pid, signal.SIGKILL)


def stores(project: Repo) -> list[Path]:
    """What machines that are processes of this one keep."""
    return sorted(project.path.glob(f".peal/machines/*/{STORE}"))


def found(project: Repo) -> dict[str, list[dict[str, Any]]]:
    """What the doctor finds about machines, by its code."""
    told: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(project.peal("doctor", "--json", code=None, PEAL_AGENT="shell").stdout):
        if one["code"].startswith("MACHINE"):
            told.setdefault(one["code"], []).append(one)
    return told


# --- agents


def test_agents_tells_what_is_on_each_machine(project: Repo, clis: Callable[..., Clis]) -> None:
    clis("claude")
    bare = project.env["PATH"].partition(os.pathsep)[2]
    project.write("peal.toml", boxes(project, far={"PATH": project.env["PATH"]}, bare={"PATH": bare}))
    project.env["PATH"] = bare
    words = ("agents", "claude", "shell", "--machines", "far,bare,nowhere.invalid")

    lines = project.peal(*words).stdout.splitlines()
    told = json.loads(project.peal(*words, "--json").stdout)

    places = {line.partition(":")[0]: number for number, line in enumerate(lines) if line[0] != " "}
    far, bare_lines = lines[places["far"] : places["bare"]], lines[places["bare"] :]
    assert "git 2." in far[0]
    assert " free" in far[0]
    assert "claude" in far[1]
    assert "not installed" not in far[1]
    assert "not installed" in bare_lines[1]
    assert "machine `nowhere.invalid`: " in lines[-1]
    by_name = {one["name"]: one for one in told["machines"]}
    assert [agent["is_usable"] for agent in by_name["far"]["agents"]] == [True, True]
    assert [agent["is_usable"] for agent in by_name["bare"]["agents"]] == [False, True]
    assert by_name["nowhere.invalid"]["problem"]
    assert [agent["is_usable"] for agent in told["agents"]] == [False, True]


def test_agents_wants_machines_that_are_named(project: Repo) -> None:
    assert "no machine is named; name some" in project.peal("agents", "--machines", code=1).stderr
    said = project.peal("agents", "--machines", "local", "--probe", code=1).stderr
    assert "--probe asks here" in said


# --- clean


def test_clean_removes_what_machines_keep(used: Repo) -> None:
    assert len(stores(used)) == 2

    would = used.peal("clean", "--machines", "--dry-run").stdout
    assert would.count("would have removed store") == 2
    assert len(stores(used)) == 2

    said = used.peal("clean", "--machines").stdout
    assert said.count("removed store `") == 2
    assert not (used.path / ".peal/machines").exists()
    assert used.peal("clean", "--machines").stdout == "nothing to clean\n"
    used.peal(*RUN, "--fresh", "--machines", "local:2")


def test_clean_without_the_flag_leaves_them(used: Repo) -> None:
    used.peal("clean")

    assert len(stores(used)) == 2


def test_clean_tells_which_machine_does_not_answer_and_asks_it_again(used: Repo) -> None:
    used.write("peal.toml", '[machines.box]\ncommand = ["sh", "-c", "echo no such box >&2; exit 1"]\n')
    used.write(".peal/machines/used", "box\nlocal:2\n")

    said = used.peal("clean", "--machines", code=1).stdout

    assert (
        "machine `box`: it ended the connection (no such box); what it keeps of this repository stays" in said
    )
    assert used.read(".peal/machines/used") == "box\n"
    assert stores(used) == []


def test_clean_leaves_what_another_peal_uses(used: Repo, tmp_path: Path) -> None:
    """Another repository's run may be there by the same folder; so may a run that has lost its machine's link."""
    home = next(used.path.glob(".peal/machines/local-1"))
    (store,) = home.glob("*/lock")
    with store.open("w") as lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        said = used.peal("clean", "--machines", code=1).stdout
    assert f"kept store `{store.parent}` on `local-1`: another peal is using it" in said
    assert stores(used) == [store.parent / "store.git"]


# --- doctor


def test_the_doctor_knows_machines_that_do_not_answer(project: Repo) -> None:
    project.write(
        "peal.toml",
        'run_on = ["box", "local"]\n[machines.box]\ncommand = ["sh", "-c", "echo no such box >&2; exit 1"]\n',
    )

    (one,) = found(project)["MACHINE_UNREACHABLE"]

    assert one["where"] == "box"
    assert "no such box" in one["found"]
    assert one["severity"] == "warning"
    project.write("peal.toml", 'run_on = ["local"]\n')
    assert found(project) == {}


def test_the_doctor_has_a_damaged_store_made_anew(used: Repo) -> None:
    used.write("peal.toml", 'run_on = ["local:2"]\n')
    for path in stores(used)[0].glob("objects/*/*"):
        path.unlink()

    (one,) = found(used)["MACHINE_STORE_DAMAGED"]
    assert one["where"] == "local-1"
    assert one["can_be_mended"]

    said = used.peal("doctor", "--fix").stdout
    assert "mended MACHINE_STORE_DAMAGED: " in said
    assert found(used) == {}
    used.peal(*RUN, "--fresh")
    assert len(stores(used)) == 2


def test_the_doctor_knows_what_is_left_on_machines(used: Repo) -> None:
    """By the latest run's flags they are still meant; after another run they are not."""
    assert found(used) == {}
    used.peal(*RUN, "--fresh")

    (one,) = found(used)["MACHINE_STORE_LEFT"]

    assert one["severity"] == "info"
    assert "`peal clean --machines local:2`" in one["by_hand"]
    used.peal("clean", "--machines", "local:2")
    assert found(used) == {}


# --- what a machine says is foreign

ANSWERING = """\
import json, sys
from peal.cli import main
from peal.machines.site import Site
method, answer = sys.argv[1], json.loads(sys.argv[2])
def other(self, *params):
    return answer
other.__name__ = method
setattr(Site, method, other)
sys.argv[1:] = ["machine", "--home", sys.argv[3]]
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("bases", ["--upload-pack=touch evil"]),
        *later(("take", {"tree": "1"}), ("carry_out", {"how": "well", "code": 0, "seconds": 1})),
        ("snapshot", {"commit": "--output=evil", "is_staged": False, "left_out": [], "broken": ""}),
        *later(
            ("snapshot", {"commit": "1" * 40, "is_staged": False, "left_out": [], "broken": ""}),
            ("programs", "yes"),
        ),
        ("programs", {"bash": 1}),
        *later(("programs", [])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_that_makes_no_sense_costs_the_machine_and_nothing_else(
    project: Repo, tmp_path: Path, method: str, answer: object
) -> None:
    answering(project, tmp_path, method, answer)
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", "box", "--transient-retry-count", "0", code=None)

    assert "Traceback" not in said.stdout + said.stderr
    assert "bug in peal" not in said.stdout + said.stderr
    assert said.returncode == 1
    assert "machine `box`" in said.stdout + said.stderr
    assert landed(project) == []
    assert not list(project.path.glob("**/evil"))
    assert "STUCK_WORKTREE" not in project.peal("doctor", code=None).stdout


def answering(project: Repo, tmp_path: Path, method: str, answer: object) -> None:
    """Have a machine `box` that answers this to one thing, and is as it should be for the rest."""
    box = tmp_path / "box.py"
    box.write_text(ANSWERING)
    home = str(project.path / ".peal/machines/box")
    command = json.dumps([sys.executable, str(box), method, json.dumps(answer), home])
    project.write("peal.toml", f"[machines.box]\ncommand = {command}\n")


def test_a_program_of_which_a_machine_does_not_speak_is_not_there(project: Repo, tmp_path: Path) -> None:
    answering(project, tmp_path, "programs", {"other": True})
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", "box", code=1).stderr

    assert "agent `shell`: there is no `bash` on `box`; install it there" in said


def test_what_a_machine_tells_of_an_agent_does_nothing_to_the_terminal(project: Repo, tmp_path: Path) -> None:
    found = {
        "name": "claude",
        "program": "/bin/claude",
        "tested": "",
        "problem": "",
        "notes": [],
        "is_auto": False,
    }
    answering(project, tmp_path, "agents", [{**found, "version": "1\x1b]0;evil\x07"}])

    said = project.peal("agents", "claude", "--machines", "box").stdout

    assert "/bin/claude" in said
    assert "\x1b" not in said


def test_a_hello_that_makes_no_sense_is_refused(project: Repo, tmp_path: Path) -> None:
    box = tmp_path / "box.py"
    box.write_text(ANSWERING)
    answer = json.dumps({"life": 7})
    project.write(
        "peal.toml",
        f"[machines.box]\ncommand = {json.dumps([sys.executable, str(box), 'hello', answer, '.'])}\n",
    )
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", "box", code=1).stderr

    assert "machine `box` has peal None" in said
    assert "no machine is left to run on" in said


def test_a_store_that_was_damaged_is_made_anew_by_the_run(used: Repo) -> None:
    for store in stores(used):
        (store / "HEAD").unlink()

    used.peal(*RUN, "--fresh", "--machines", "local:2")

    lost = [one for one in used.recorded("StepEnded") if one["outcome"]["result"] == "lost"]
    assert lost
    assert any((store / "HEAD").exists() for store in stores(used))
