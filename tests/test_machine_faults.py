"""What goes wrong on machines is told for what it is, and costs no more than it has to."""

import fcntl
import json
import os
import shutil
import signal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import Repo, eventually, is_running, later
from test_machines import RUN, boxes, ledger, machines, plan

from peal.machines import stores
from peal.machines.asking import ask_each
from peal.machines.site import Site
from peal.machines.trees import Store
from peal.settings import load
from peal.system import removal
from peal.system.layout import RepoPaths
from peal.system.scratch import Scratch

__all__ = ["ledger"]

UNREADABLE = (
    r"printf '*.txt working-tree-encoding=UTF-16\n' >.gitattributes; echo hello >a.txt; printf 'more\r\n' >b"
)


def results(project: Repo) -> list[str]:
    """How each attempt ended."""
    return [event["outcome"]["result"] for event in project.recorded("StepEnded")]


@pytest.mark.usefixtures("ledger")
def test_what_git_cannot_take_in_there_is_kept_as_here(project: Repo) -> None:
    """An agent's bad file is its failure, and costs neither its work nor the machine's store."""
    project.git("config", "core.autocrlf", "input")
    plan(project, UNREADABLE)

    said = project.peal(*RUN, "--machines", "local:1", code=1).stdout

    assert results(project)[-1] == "failed"
    assert "lost" not in results(project)
    assert "BOM is required" in said
    (kept,) = (path for path in project.path.glob(".peal/worktrees/*") if (path / "a.txt").exists())
    assert (kept / "a.txt").read_bytes() == b"hello\n"
    assert (kept / "b").read_bytes() == b"more\r\n"
    (store,) = project.path.glob(".peal/machines/local-1/*/store.git")
    made = store.stat().st_ino
    plan(project, "echo 1 >one")
    project.peal(*RUN, "--fresh", "--machines", "local:1")
    assert store.stat().st_ino == made


# --- the far end's end


INCLUDED = 'worktree_include = [".env"]\n'


def copies(project: Repo) -> list[Path]:
    """What machines have of the person's own files."""
    return list((project.path / ".peal/machines").rglob(".env"))


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    "how", [*later(signal.SIGTERM), signal.SIGINT, *later(signal.SIGHUP)], ids=lambda one: one.name
)
def test_what_was_copied_in_goes_when_a_machine_is_ended(
    how: signal.Signals, project: Repo, out: Path
) -> None:
    """As a host does that is shut down."""
    project.write(".env", "SECRET=1\n")
    project.write(".gitignore", ".env\n")
    project.write("peal.toml", INCLUDED)
    plan(project, f'ls -a >>"{out}/begun"; sleep 60')
    process = project.start(*RUN, "--machines", "local:1", "--transient-retry-count", "0")
    eventually((out / "begun").exists)
    there = machines(project)["local-1"]
    assert copies(project)

    os.kill(there, how)

    eventually(lambda: not is_running(there))
    process.kill()
    process.wait()
    assert copies(project) == []


@pytest.mark.usefixtures("ledger")
def test_what_a_killed_machine_left_goes_when_its_store_is_opened(project: Repo, out: Path) -> None:
    """Also from trees that nobody is lent again."""
    project.write(".env", "SECRET=1\n")
    project.write(".gitignore", ".env\n")
    project.write("peal.toml", INCLUDED)
    plan(project, *[f'echo $PEAL_TASK >>"{out}/begun"; sleep 60'] * 2)
    process = project.start(*RUN, "--machines", "local:1")
    eventually(lambda: (out / "begun").exists() and len((out / "begun").read_text().split()) == 2)
    there = machines(project)["local-1"]
    process.send_signal(signal.SIGSTOP)
    os.kill(there, signal.SIGKILL)
    eventually(lambda: not is_running(there))
    process.kill()
    process.wait()
    assert len(copies(project)) == 2
    project.write("peal.toml", "")
    plan(project, "ls -a ../1 ../2 >seen")

    project.peal(*RUN, "--fresh", "--machines", "local:1")

    assert "README.md" in project.read("seen")
    assert ".env" not in project.read("seen")


def test_nothing_begins_at_a_site_that_has_ended(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    site = Site(tmp_path / "home", Scratch("life", tmp_path / "scratch", lambda _: None), "life")
    (tmp_path / "home/repo/trees/1").mkdir(parents=True)
    (tmp_path / "home/repo/attempts/x").mkdir(parents=True)
    order = {
        "life": "life", "errand": "e", "repository": "repo", "attempt": "x", "tree": "1", "prefix": "", "stdin": "", "env": {},
        "clocks": [None, None, None], "sandbox": None, "access": {}, "argv": ["touch", str(tmp_path / "evil")],
    }  # fmt: skip
    site.piece("it", b"SECRET=1\n")

    site.end()

    for one in (lambda: site.put("repo", "trees/1", ".env", "it", 0o600), lambda: site.carry_out(order)):
        with pytest.raises(ValueError, match="this machine is ending"):
            one()
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "home/repo/trees/1/.env").exists()


# --- two peals, one store


@pytest.mark.parametrize("before", [(os, "open"), (fcntl, "flock")], ids=["it is opened", "it is locked"])
def test_a_store_that_is_removed_while_it_is_taken_is_had_by_one(
    before: tuple[ModuleType, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock on a file that is not there any more keeps nobody out."""
    is_cleaned: list[bool] = []

    def late(*words: Any, **more: Any) -> Any:
        if not is_cleaned and (tmp_path / "repo").exists():
            is_cleaned.append(True)
            shutil.rmtree(tmp_path / "repo")
        return real(*words, **more)

    real = getattr(*before)
    monkeypatch.setattr(*before, late)

    one, two = Store.open(tmp_path, "repo"), Store.open(tmp_path, "repo")

    assert is_cleaned
    assert (one.folder.name, two.folder.name) == ("repo", "repo-2")


def test_a_store_that_is_taken_while_it_is_removed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(tmp_path, "repo").close()
    taken: list[Store] = []

    def late(path: Path) -> object:
        (path / "lock").unlink()  # as far as it has come
        taken.append(Store.open(tmp_path, "repo"))
        (taken[0].folder / "mine").touch()
        return real(path)

    real = removal.remove
    monkeypatch.setattr(removal, "remove", late)

    stores.remove(tmp_path, "repo")

    assert (taken[0].folder / "mine").exists()
    assert [path.name for path in tmp_path.iterdir()] == [taken[0].folder.name]


def test_a_store_may_change_while_it_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may be at work there."""
    Store.open(tmp_path, "repo").close()
    monkeypatch.setattr(os, "walk", lambda folder: [(str(folder), [], ["lock", "gone meanwhile"])])

    (found,) = stores.find(tmp_path, "repo")

    assert (found.size, found.damage) == (0, "")


@pytest.mark.usefixtures("ledger")
def test_who_looks_at_a_store_keeps_it_from_nobody(project: Repo, out: Path) -> None:
    """A run that begins meanwhile would make another, and send all of it again."""
    git = shutil.which("git", path=project.env["PATH"])
    (out / "git").write_text(
        f'#!/bin/sh\ncase " $* " in *" --all "*) touch "{out}/looks"; until [ -e "{out}/go" ]; do sleep 0.05; done;; esac\n'
        f'exec {git} "$@"\n'
    )
    (out / "git").chmod(0o755)
    project.write("peal.toml", 'run_on = ["box"]\n' + boxes(project, box={}))
    plan(project, "echo 1 >one")
    project.peal(*RUN)
    looking = project.start("doctor", PATH=f"{out}:{project.env['PATH']}")
    eventually((out / "looks").exists)

    project.peal(*RUN, "--fresh")

    (out / "go").touch()
    said, _ = looking.communicate(timeout=30)
    assert "MACHINE" not in said
    assert len(list((project.path / ".peal/machines/box").glob("*/store.git"))) == 1


# --- machines asked beside a run


AWAY = "tcp://127.0.0.1:1"


@pytest.mark.usefixtures("ledger")
def test_a_name_that_leads_nowhere_keeps_nobody_from_the_others(project: Repo) -> None:
    """Whoever asks them: what there is to say of the others is said, and of that one how it could be asked."""
    plan(project, "echo 1 >one")
    project.peal(*RUN, "--machines", "local:1")
    project.write("peal.toml", f'run_on = ["{AWAY}", "local:1"]\n')

    agents = project.peal("agents", "shell", "--machines", code=None).stdout
    (store,) = project.path.glob(".peal/machines/local-1/*/store.git")
    for path in store.glob("objects/*/*"):
        path.unlink()
    doctor = json.loads(project.peal("doctor", "--json", code=None).stdout)
    dry = project.peal("clean", "--machines", "--dry-run", code=1).stdout
    clean = project.peal("clean", "--machines", code=1).stdout
    insecure = project.peal("clean", "--machines", code=1, PEAL_INSECURE="true").stdout

    assert f"{AWAY}: machines `{AWAY}`: what goes to" in agents
    assert "local-1: peal " in agents
    assert {(one["code"], one["where"]) for one in doctor if one["code"].startswith("MACHINE")} == {
        ("MACHINE_UNREACHABLE", AWAY),
        ("MACHINE_STORE_DAMAGED", "local-1"),
    }
    assert "would have removed store" in dry
    assert f"removed store `{store.parent}` on `local-1`" in clean
    assert f"machines `{AWAY}`: what goes to" in clean
    assert "for commands without that flag, `PEAL_INSECURE=true`" in clean
    assert "can be read and changed" not in insecure


def test_who_only_asks_does_not_wait_as_long_as_a_run(project: Repo) -> None:
    """What stands in a queue may do so for hours."""
    project.write("peal.toml", '[machines.node]\ncommand = ["sleep", "1003"]\nstart_sec = 3600\n')

    told = ask_each(
        ["node"], load(project.path, {}), RepoPaths(project.path), lambda one: one.hello(), start_sec=0.2
    )

    assert str(told["node"]["node"]) == (
        "machine `node`: it did not say who it is within 0.2 seconds; it may stand in a queue, where a run waits 3600 seconds: "
        "try again once it would begin at once"
    )


# --- what leads to machines


QUEUED = 'head -c 1 >"$OUT/heard"; echo $$ >"$OUT/pid"; exec sleep 1004'
"""It has been told something first, so whoever started it knows of it."""


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("words", [RUN, ("agents", "shell"), ("doctor",), ("clean",)], ids=lambda one: one[0])
def test_what_leads_to_a_machine_ends_with_peal_though_it_does_not_listen(
    words: tuple[str, ...], project: Repo, out: Path
) -> None:
    """As what stands in a queue does not."""
    project.write(
        "peal.toml",
        f'run_on = ["node"]\n[machines.node]\ncommand = {json.dumps(["sh", "-c", QUEUED])}\nstart_sec = 100\n',
    )
    plan(project, "echo 1 >one")
    (project.path / ".peal").mkdir(exist_ok=True)
    process = project.start(*words, *["--machines"] * (words[0] in ("agents", "clean")))
    eventually(lambda: (out / "pid").exists() and (out / "pid").read_text())
    pid = int((out / "pid").read_text())

    process.kill()

    eventually(lambda: not is_running(pid))


@pytest.mark.usefixtures("ledger")
def test_what_a_machine_has_is_asked_about_by_one_git(project: Repo, out: Path) -> None:
    """However much that is."""
    plan(project, "echo 1 >one")
    project.peal(*RUN, "--machines", "local:1")
    (store,) = project.path.glob(".peal/machines/local-1/*/store.git")
    for number in range(20):
        project.git("commit", "-q", "--allow-empty", "-m", str(number))
    known = project.git("rev-list", "--max-count=20", "HEAD").split()
    project.git("--git-dir", str(store), "fetch", "-q", str(project.path), "HEAD")
    for commit in known:
        project.git("--git-dir", str(store), "update-ref", f"refs/peal/bases/{commit}", commit)
    git = shutil.which("git", path=project.env["PATH"])
    (out / "git").write_text(f'#!/bin/sh\necho "$*" >>"{out}/asked"\nexec {git} "$@"\n')
    (out / "git").chmod(0o755)
    plan(project, "echo 2 >two")

    project.peal(*RUN, "--fresh", "--machines", "local:1", PATH=f"{out}:{project.env['PATH']}")

    asked = (out / "asked").read_text()
    assert "pack-objects" in asked
    assert [commit for commit in known if f"--verify --quiet {commit}" in asked] == []


@pytest.mark.usefixtures("ledger")
def test_what_has_gathered_on_a_machine_is_packed(project: Repo) -> None:
    """When a run begins, beside it."""
    plan(project, "echo 1 >one")
    project.peal(*RUN, "--machines", "local:1")
    (store,) = project.path.glob(".peal/machines/local-1/*/store.git")
    there = ("--git-dir", str(store))
    for number in range(3):
        project.git("commit", "-q", "--allow-empty", "-m", str(number))
        project.git(*there, "fetch", "-q", str(project.path), "HEAD")
        project.git(*there, "update-ref", "refs/peal/bases/x", "FETCH_HEAD")
        project.git(*there, "repack", "-q")
    packs = len(list(store.glob("objects/pack/*.pack")))
    project.git(*there, "config", "gc.autoPackLimit", "1")

    project.peal(*RUN, "--fresh", "--machines", "local:1")

    assert packs > 1
    eventually(lambda: len(list(store.glob("objects/pack/*.pack"))) == 1)
