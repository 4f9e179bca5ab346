"""`--machines`: attempts run elsewhere, on machines that are real processes of this one, with real git and real signals."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Clis, Repo, carriers, eventually, is_running, landed, later

PLAN = """\
# A plan

{tasks}
"""
TASK = """\
## Task {number}: number {number} (parallel)

```sh execute
{script}
```
"""


@pytest.fixture
def ledger(project: Repo, tmp_path: Path) -> Iterator[Path]:
    """Where agents write down what they begin; told to them by the machine's own environment."""
    path = tmp_path / "ledger"
    path.touch()
    project.env["LEDGER"] = str(path)
    yield path
    for pid in machines(project).values():
        os.kill(pid, signal.SIGKILL)


def plan(project: Repo, *scripts: str) -> None:
    """A committed plan of parallel tasks."""
    tasks = "\n".join(TASK.format(number=number, script=script) for number, script in enumerate(scripts, 1))
    project.write("plan.md", PLAN.format(tasks=tasks))
    project.git("add", ".")
    project.git("commit", "-qm", "plan")


def machines(project: Repo) -> dict[str, int]:
    """The machines of a run that are there, by the folder they keep."""
    listed = subprocess.run(
        ["pgrep", "-fa", f"peal machine --home {project.path}/"], capture_output=True, text=True, check=False
    )
    lines = reversed(listed.stdout.splitlines())  # what one is just about to start still looks like it
    return {line.rpartition("/")[2]: int(line.split()[0]) for line in lines}


def begun(ledger: Path) -> Counter[str]:
    """How often each task was begun."""
    return Counter(ledger.read_text().split())


def left_behind(ledger: Path) -> list[int]:
    """What agents of this test have put into the background, and runs."""
    return [pid for pid in carriers("LEDGER", str(ledger)) if _words(pid) == b"sleep\x00783\x00"]


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


RUN = ("run", "plan.md", "--agent", "shell", "--max-parallel", "4")
WORK = 'echo $PEAL_TASK >>"$LEDGER"; echo $PEAL_TASK >"f$PEAL_TASK"'
LONG = 'echo $PEAL_TASK >>"$LEDGER"; (setsid sleep 783 &); sleep 1; echo $PEAL_TASK >"f$PEAL_TASK"'


def test_attempts_run_there_and_land_here(project: Repo, ledger: Path) -> None:
    """As the person's own commits, and nothing of it goes on afterwards."""
    plan(project, *[f'{WORK}; pwd >>"$LEDGER"' for _ in range(6)])

    project.peal(*RUN, "--machines", "local:2")

    assert landed(project) == list("123456")
    where = {Path(line).parts[-4] for line in ledger.read_text().splitlines() if line.startswith("/")}
    assert where == {"local-1", "local-2"}
    assert project.git("log", "--no-merges", "-1", "--format=%an <%ae>") == "A Person <person@example.org>\n"
    assert project.git("status", "--porcelain") == ""
    assert machines(project) == {}
    places = {event["machine"] for event in project.recorded("ProcessStarted")}
    assert places == {"local-1", "local-2"}


def test_what_they_print_is_here_while_they_run(project: Repo, ledger: Path, tmp_path: Path) -> None:
    plan(
        project,
        f"echo first; touch {tmp_path}/printed; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo last",
    )
    process = project.start(*RUN, "--machines", "local:1")
    eventually((tmp_path / "printed").exists)
    attempt = project.memory() / "attempts" / "001-execute-1"

    eventually(lambda: (attempt / "stdout").read_text() == "first\n", 5)

    (tmp_path / "go").touch()
    assert process.wait(30) == 0
    assert (attempt / "stdout").read_text() == "first\nlast\n"


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, *later(signal.SIGTERM, signal.SIGSEGV)], ids=lambda number: number.name
)
def test_a_machine_that_dies_costs_its_attempts_and_nothing_else(
    project: Repo, ledger: Path, how: signal.Signals
) -> None:
    """They are tried again elsewhere, which is no failure; what they had started is gone."""
    plan(project, *[LONG] * 6)
    process = project.start(*RUN, "--machines", "local:3")
    eventually(lambda: len(ledger.read_text().split()) >= 4)
    dead = machines(project)["local-2"]

    os.kill(dead, how)

    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert landed(project) == list("123456")
    assert "machine `local-2`: it ended the connection" in said
    assert "STUCK_WORKTREE" not in project.peal("doctor", code=None).stdout
    counts = begun(ledger)
    lost = [event for event in project.recorded("StepEnded") if event["outcome"]["result"] == "lost"]
    assert sum(counts.values()) <= 6 + len(lost)
    assert lost
    assert not [event for event in project.recorded("StepEnded") if event["outcome"]["result"] == "failed"]
    eventually(lambda: not left_behind(ledger))
    assert project.git("status", "--porcelain") == ""


def test_nobody_waits_for_a_machine_that_does_not_come_back(
    project: Repo, ledger: Path, tmp_path: Path
) -> None:
    """It is asked again beside, which may take a minute; the others have places meanwhile."""
    home, began = project.path / ".peal/machines/box", tmp_path / "began"
    again = f"mkdir '{began}' || exec sleep 100; exec {shlex.quote(sys.executable)} -m peal machine --home '{home}'"
    project.write("peal.toml", f"[machines.box]\ncommand = {json.dumps(['sh', '-c', again])}\n")
    plan(project, *[LONG] * 4)
    process = project.start(*RUN, "--max-parallel", "2", "--machines", "box,local:1")
    eventually(lambda: len(ledger.read_text().split()) >= 2)

    os.kill(machines(project)["box"], signal.SIGKILL)

    said, _ = process.communicate(timeout=40)
    assert process.returncode == 0, said
    assert landed(project) == list("1234")


def test_a_client_that_is_killed_leaves_nothing_and_goes_on(project: Repo, ledger: Path) -> None:
    plan(project, *[LONG] * 4)
    process = project.start(*RUN, "--machines", "local:2")
    eventually(lambda: len(ledger.read_text().split()) == 4)
    there = machines(project)
    eventually(lambda: left_behind(ledger))

    process.kill()

    eventually(lambda: not any(map(is_running, there.values())))
    eventually(lambda: not left_behind(ledger))
    project.peal("resume")
    assert landed(project) == list("1234")
    assert set(begun(ledger).values()) == {2}


def test_an_interrupted_run_brings_home_what_was_done(project: Repo, ledger: Path) -> None:
    """As a patch, with what was printed, as without machines."""
    plan(project, 'echo done >half; echo so far; echo $PEAL_TASK >>"$LEDGER"; sleep 60')
    process = project.start(*RUN, "--machines", "local:1")
    eventually(lambda: ledger.read_text() != "")
    attempt = project.memory() / "attempts" / "001-execute-1"
    eventually(lambda: (attempt / "stdout").read_text() == "so far\n")

    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "+done" in (attempt / "changes.patch").read_text()
    assert (attempt / "stdout").read_text() == "so far\n"
    assert machines(project) == {}


def test_a_name_that_leads_nowhere_is_refused(project: Repo, ledger: Path) -> None:
    """In the words of what was to lead there, before anything begins."""
    project.write("peal.toml", '[machines.box]\ncommand = ["sh", "-c", "echo no such box >&2; exit 1"]\n')
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", "box", code=1).stderr

    assert "error: machine `box`: it ended the connection (no such box)" in said
    assert "error: no machine is left to run on; mend that, or take --machines out" in said
    assert project.recorded("StepStarted") == []


def test_a_machine_may_take_longer_to_begin_than_it_may_be_silent(project: Repo, ledger: Path) -> None:
    """A container has to be made first."""
    home = project.path / ".peal/machines/box"
    begins = ["sh", "-c", 'sleep 4.5; exec "$@"', "sh", sys.executable, "-m", "peal", "machine", "--home"]
    project.write("peal.toml", f"[machines.box]\ncommand = {json.dumps([*begins, str(home)])}\n")
    plan(project, WORK)

    project.peal(*RUN, "--machines", "box", "--machine-silence-sec", "4")

    assert landed(project) == ["1"]


def test_a_machine_that_stands_in_a_queue_is_used_when_its_turn_comes(
    project: Repo, ledger: Path, tmp_path: Path
) -> None:
    """Alone it is waited for, as long as a person says."""
    home, turn = project.path / ".peal/machines/node", tmp_path / "turn"
    waits = f"touch '{tmp_path}/waits'; until [ -e '{turn}' ]; do sleep 0.05; done"
    words = f"{waits}; exec {shlex.quote(sys.executable)} -m peal machine --home '{home}'"
    project.write(
        "peal.toml", f"[machines.node]\ncommand = {json.dumps(['sh', '-c', words])}\nstart_sec = 1\n"
    )
    plan(project, WORK)
    said = project.peal(*RUN, "--machines", "node", code=1).stderr
    assert "machine `node`: it did not say who it is within 1 seconds" in said
    project.write("peal.toml", project.read("peal.toml").replace("start_sec = 1", "start_sec = 50"))
    (tmp_path / "waits").unlink()
    process = project.start(*RUN, "--machines", "node")
    eventually((tmp_path / "waits").exists)

    turn.touch()

    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert landed(project) == ["1"]


def test_machines_of_one_command_are_told_apart(project: Repo, ledger: Path) -> None:
    home = project.path / ".peal/machines/node"
    command = json.dumps([sys.executable, "-m", "peal", "machine", "--home", f"{home}-{{number}}"])
    project.write("peal.toml", f"[machines.node]\ncommand = {command}\ncount = 2\n")
    plan(project, *[WORK] * 2)

    project.peal(*RUN, "--machines", "node")

    assert sorted(path.name for path in project.path.glob(".peal/machines/node-*")) == ["node-1", "node-2"]
    assert landed(project) == ["1", "2"]


def test_a_machine_that_is_not_there_is_left_out_and_told(project: Repo, ledger: Path) -> None:
    project.write("peal.toml", '[machines.box]\ncommand = ["sh", "-c", "echo no such box >&2; exit 1"]\n')
    plan(project, WORK, WORK)

    said = project.peal(*RUN, "--machines", "box,local:1").stdout

    assert "machine `box`: it ended the connection (no such box); it is left out until it answers" in said
    assert landed(project) == ["1", "2"]


def says(project: Repo, tmp_path: Path, answer: dict[str, object]) -> None:
    """Have a machine `box` that says this of itself, and is good for nothing else."""
    box = tmp_path / "box.py"
    box.write_text(
        "import json, sys\n"
        "from peal.machines.rpc import Methods, Peer\n"
        "from peal.machines.site import Site\n"
        "said = Site.hello\n"
        "site = Site(__import__('pathlib').Path('.'), None, 'life')\n"
        "answer = json.loads(sys.argv[1])\n"
        "site.peer = Peer(0, 1, Methods({'hello': lambda *words: {**site.hello(*words), **answer}}, {}), 60)\n"
        "site.peer.serve()\n"
    )
    command = json.dumps([sys.executable, str(box), json.dumps(answer)])
    project.write("peal.toml", f"[machines.box]\ncommand = {command}\n")


def test_a_machine_that_is_left_out_is_given_nothing(project: Repo, ledger: Path, tmp_path: Path) -> None:
    says(project, tmp_path, {"room": 5_000_000})
    plan(project, *[WORK] * 4)

    said = project.peal(*RUN, "--machines", "box,local:1").stdout

    assert "machine `box` has only 5 MB free; make room there; it is left out until it answers" in said
    assert {event["outcome"]["result"] for event in project.recorded("StepEnded")} == {"passed"}
    assert landed(project) == list("1234")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"peal": "0.0.9"}, "machine `box` has peal 0.0.9, and here is"),
        ({"protocol": 99}, "as here, but another commit of it: it speaks protocol 99, and here is"),
        ({"git": []}, "machine `box` has no git; install it there"),
        *later(({"room": 5_000_000}, "machine `box` has only 5 MB free; make room there")),
        (
            {"clis": {}},
            "agent `claude`: there is no `claude` on `box`; install it there, or name another agent",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_machine_that_cannot_be_used_is_refused(
    answer: dict[str, object], why: str, project: Repo, ledger: Path, tmp_path: Path
) -> None:
    """What it says of itself is believed, so this is one that says so."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/claude").write_text("#!/bin/sh\n")
    (tmp_path / "bin/claude").chmod(0o755)
    project.env["PATH"] = f"{tmp_path / 'bin'}:{project.env['PATH']}"
    says(project, tmp_path, answer)
    plan(project, WORK)

    said = project.peal("run", "plan.md", "--agent", "claude", "--machines", "box", code=1).stderr

    assert why in said
    assert project.recorded("StepStarted") == []


def test_a_failure_there_is_a_failure_here(project: Repo, ledger: Path) -> None:
    plan(project, "echo broken >half; echo it broke >&2; exit 3")

    said = project.peal(*RUN, "--machines", "local:1", code=1).stdout

    assert "exit status 3" in said
    assert "it broke" in said
    assert "+broken" in (project.memory() / "attempts" / "001-execute-1" / "changes.patch").read_text()


ODD = {
    "commits": "echo 1 >one; git add one; git commit -qm mine; echo 2 >two",
    "repository inside": "git init -q inner; echo x >inner/x; echo 1 >three",
    "locked": "echo 1 >four; mkdir d; echo 5 >d/five; chmod 000 four d/five; chmod 000 d",
    "sparse": "git sparse-checkout set --no-cone /six; echo 6 >six; git add six",
    "renamed": "git mv dist/a dist/b",
    "ignored": "mkdir -p lib other; echo 7 >lib/seven; echo 8 >other/eight",
    "spoiled": 'echo 9 >nine; echo junk >"$(git rev-parse --git-path index)"',
}


def test_what_agents_do_with_git_there_comes_back_as_from_a_worktree_here(
    project: Repo, ledger: Path, tmp_path: Path, unprivileged: tuple[str, ...]
) -> None:
    """Whatever they have done, one after another in the same tree; git there knows nobody's name."""
    project.before = unprivileged
    project.env["HOME"] = str(tmp_path)
    project.write("dist/a", "kept all the same\n")
    project.write(".gitignore", "dist/\nlib/\nother/\n")
    project.write("peal.toml", 'commit_ignored = ["lib/*"]\n')
    project.git("add", "-f", "dist/a")
    plan(project, *ODD.values())

    project.peal("run", "plan.md", "--agent", "shell", "--machines", "local:1")

    assert landed(project) == list("1234567")
    mine = {".gitignore", "README.md", "peal.toml", "plan.md"}
    work = {"one", "two", "three", "four", "d/five", "six", "dist/b", "lib/seven", "nine"}
    assert set(project.git("ls-files").split()) == mine | work
    assert {event["outcome"]["result"] for event in project.recorded("StepEnded")} == {"passed"}
    assert project.git("status", "--porcelain") == ""


def test_a_tree_that_an_agent_destroys_is_its_failure_and_clean_for_the_next(
    project: Repo, ledger: Path
) -> None:
    plan(project, 'rm -rf "$PWD"', WORK)

    said = project.peal(
        *RUN, "--max-parallel", "1", "--machines", "local:1", "--continue-with-remaining-tasks", code=2
    ).stdout

    assert "is gone or broken; an agent must not touch its `.git`" in said
    assert landed(project) == ["2"]


def test_places_are_kept_on_each_machine(project: Repo, ledger: Path) -> None:
    home = project.path / ".peal/machines/box"
    command = json.dumps([sys.executable, "-m", "peal", "machine", "--home", str(home)])
    project.write("peal.toml", f"[machines.box]\ncommand = {command}\nplaces = {{ shell = 1 }}\n")
    plan(project, *['echo + >>"$LEDGER"; sleep 0.3; echo - >>"$LEDGER"; echo $PEAL_TASK >"f$PEAL_TASK"'] * 3)

    project.peal(*RUN, "--machines", "box")

    assert landed(project) == list("123")
    assert ledger.read_text().split() == ["+", "-"] * 3


def boxes(project: Repo, **environments: dict[str, str]) -> str:
    """Machines of these names, each with these variables of its own."""
    tables = []
    for name, env in environments.items():
        home = str(project.path / ".peal/machines" / name)
        words = ["env", *(f"{key}={value}" for key, value in env.items())]
        tables.append(
            f"[machines.{name}]\ncommand = "
            + json.dumps([*words, sys.executable, "-m", "peal", "machine", "--home", home])
        )
    return "\n".join(tables) + "\n"


def test_an_agent_for_which_no_machine_has_a_place_is_refused(project: Repo, ledger: Path) -> None:
    project.write("peal.toml", boxes(project, box={}) + "places = { claude = 2 }\n")
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", "box", code=1).stderr

    assert "agent `shell`: `box` has no place for it; add it to `places` there, or name another agent" in said
    assert project.recorded("StepStarted") == []


def test_an_agent_may_be_on_machines_alone(project: Repo, clis: Callable[..., Clis], ledger: Path) -> None:
    """Those that lack it are named, and left alone."""
    clis("claude")
    bare = project.env["PATH"].partition(os.pathsep)[2]
    project.write(
        "peal.toml",
        boxes(project, far={"PATH": project.env["PATH"]}, bare={}) + '[phases.address]\nagent = "shell"\n',
    )
    plan(project, *[f"EXIT\n```\n\nWRITE f{number}: yes\n\n```" for number in range(1, 4)])
    project.env["PATH"] = bare

    said = project.peal("run", "plan.md", "--agent", "claude", "--machines", "bare,far").stdout

    assert "agent `claude`: there is no `claude` on `bare`, so it does not run there" in said
    assert landed(project) == list("123")
    assert {event["machine"] for event in project.recorded("ProcessStarted")} == {"far"}


def test_who_mends_has_to_be_here(project: Repo, clis: Callable[..., Clis], ledger: Path) -> None:
    clis()
    plan(project, WORK)

    said = project.peal("run", "plan.md", "--agent", "claude", "--machines", "local:1", code=1).stderr

    assert (
        "phase `address` runs here, not on machines (`[phases.address] agent` can name another agent for it)"
        in said
    )
    assert "agent `claude`: `claude` is not on PATH" in said


def test_a_program_of_the_repository_is_there_as_it_is_in_the_commits(project: Repo, ledger: Path) -> None:
    project.write(
        "tools/agent", '#!/bin/sh\ncase $PEAL_PHASE in execute) pwd >"f$PEAL_TASK";; *) echo fine; esac\n'
    )
    (project.path / "tools/agent").chmod(0o755)
    project.write("peal.toml", '[agents.own]\ncommand = "tools/agent"\n')
    plan(project, "one", "two")
    words = ("run", "plan.md", "--agent", "own", "--machines", "local:1")

    project.peal(*words)

    assert landed(project) == ["1", "2"]
    assert "/machines/local-1/" in project.read("f1")
    project.git("rm", "-q", "--cached", "tools/agent")
    project.git("commit", "-qm", "not this")
    said = project.peal(*words, "--fresh", code=1).stderr
    assert "agent `own`: `tools/agent` is in no commit, so machines do not have it; commit it, or" in said


def test_a_program_is_in_the_repository_by_whatever_path(project: Repo, ledger: Path, tmp_path: Path) -> None:
    """Named by the whole of it, it is where the tree is; one that lies beside the repository is on no machine."""
    script = '#!/bin/sh\ncase $PEAL_PHASE in execute) echo "$0" >"f$PEAL_TASK";; *) echo fine; esac\n'
    project.write("tools/agent", script)
    (project.path / "tools/agent").chmod(0o755)
    shutil.copytree(project.path / "tools", tmp_path / "tools")
    absolute = json.dumps([str(project.path / "tools/agent")])
    project.write(
        "peal.toml", f"[agents.own]\ncommand = {absolute}\n[agents.out]\ncommand = '../tools/agent'\n"
    )
    plan(project, "one")
    words = ("run", "plan.md", "--machines", "local:1")

    project.peal(*words, "--agent", "own")
    said = project.peal(*words, "--agent", "out", "--fresh", code=1).stderr
    told = project.peal("agents", "own", "out", "--machines", "local:1", code=None).stdout

    assert "/machines/local-1/" in project.read("f1")
    assert "agent `out`: `../tools/agent` is not in the repository, so machines do not have it there" in said
    assert "there is no `../tools/agent`; install it there and give its name" in told


def test_a_session_stays_with_its_machine_and_tree(
    project: Repo, clis: Callable[..., Clis], ledger: Path
) -> None:
    """Though the other machine has as little to do by then."""
    cli = clis("claude")
    plan(
        project,
        "EXIT\n```\n\nexecute: WRITE f1: yes\n\n```",
        "EXIT\n```\n\nplan: GATE two\nexecute: WRITE f2: yes\n\n```",
    )
    words = ("--agent", "claude", "--continue-session", "--max-parallel", "2", "--machines", "local:2")
    process = project.start("run", "plan.md", *words)
    eventually(lambda: [one for one in project.recorded("StepEnded") if one["phase"] == "execute"])

    cli.open("two")

    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert landed(project) == ["1", "2"]
    began = {call["env"]["PEAL_TASK"]: call["cwd"] for call in cli.calls(phase="plan")}
    went_on = {
        call["env"]["PEAL_TASK"]: call["cwd"]
        for call in cli.calls(phase="execute")
        if "--resume" in call["argv"]
    }
    assert len(set(began.values())) == 2
    assert went_on == began


def test_where_attempts_run_is_shown(project: Repo, ledger: Path, tmp_path: Path) -> None:
    plan(project, f"touch {tmp_path}/begun; until [ -e {tmp_path}/go ]; do sleep 0.05; done; {WORK}")
    process = project.start(*RUN, "--machines", "local:1")
    eventually((tmp_path / "begun").exists)

    eventually(lambda: "running execute on local-1" in project.peal("status").stdout)
    told = json.loads(project.peal("status", "--json").stdout)

    (tmp_path / "go").touch()
    assert process.wait(30) == 0
    assert told["tasks"][0]["machine"] == "local-1"
    assert " on local-1" not in project.peal("status").stdout


def test_what_is_copied_in_is_there_and_is_gone_afterwards(project: Repo, ledger: Path) -> None:
    """It is no part of the work, though git does not ignore it."""
    project.write(".env", "SECRET=1\n")
    project.write("peal.toml", 'worktree_include = [".env"]\n')
    project.write("plan.md", PLAN.format(tasks=TASK.format(number=1, script="cat .env >copy; ls -a >list")))
    project.git("add", "plan.md", "peal.toml")
    project.git("commit", "-qm", "plan")

    project.peal(*RUN, "--machines", "local:1")

    assert project.read("copy") == "SECRET=1\n"
    assert project.git("ls-files").split() == ["README.md", "copy", "list", "peal.toml", "plan.md"]
    assert list((project.path / ".peal/machines").rglob(".env")) == []


@pytest.mark.parametrize("dies", ["the client", "the machine"])
def test_what_is_copied_in_goes_though_its_attempt_was_cut_off(
    dies: str, project: Repo, ledger: Path
) -> None:
    """At once where the client dies; where the machine does, before somebody else has the tree."""
    project.write(".env", "SECRET=1\n")
    project.write(".gitignore", ".env\n")
    project.write("peal.toml", 'worktree_include = [".env"]\n')
    plan(project, 'ls -a >>"$LEDGER"; sleep 60')
    process = project.start(*RUN, "--machines", "local:1")
    eventually(lambda: ".env" in ledger.read_text())
    there = machines(project)["local-1"]

    os.kill(process.pid if dies == "the client" else there, signal.SIGKILL)
    eventually(lambda: not is_running(there))
    process.kill()
    process.wait()

    copies = list((project.path / ".peal/machines").rglob(".env"))
    assert bool(copies) == (dies == "the machine")
    project.write("peal.toml", "")
    plan(project, "ls -a >seen")
    project.peal(*RUN, "--fresh", "--machines", "local:1")
    assert ".env" not in project.read("seen")
    assert list((project.path / ".peal/machines").rglob(".env")) == []


def test_a_tree_there_is_readied_once(project: Repo, ledger: Path) -> None:
    project.write("peal.toml", """worktree_setup = "sh -c 'echo set up >>made; echo up >>$LEDGER'"\n""")
    project.write(".gitignore", "made\n")
    plan(project, *["cat made >saw-$PEAL_TASK"] * 3)

    project.peal("run", "plan.md", "--agent", "shell", "--machines", "local:1")

    assert [project.read(f"saw-{number}") for number in (1, 2, 3)] == ["set up\n"] * 3
    assert ledger.read_text().split().count("up") == 1


def test_what_readies_a_tree_there_leaves_nothing_to_commit(project: Repo, ledger: Path) -> None:
    """But finds what was copied in, and leaves that too."""
    project.write(".env", "SECRET=1\n")
    project.write("peal.toml", """worktree_setup = "sh -c 'cp .env stray'"\nworktree_include = [".env"]\n""")
    project.git("add", "peal.toml")
    script = 'cat .env >copy\n```\n\n```sh plan\nls -a >>"$LEDGER"'
    project.write("plan.md", PLAN.format(tasks=TASK.format(number=1, script=script)))
    project.git("add", "plan.md")
    project.git("commit", "-qm", "plan")

    project.peal("run", "plan.md", "--agent", "shell", "--machines", "local:1")

    assert project.git("ls-files").split() == ["README.md", "copy", "peal.toml", "plan.md"]
    assert project.read("copy") == "SECRET=1\n"
    assert ".env" in ledger.read_text().split()
    assert "stray" not in ledger.read_text().split()


def test_ignore_rules_and_line_ends_are_the_person_s(project: Repo, ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("*.mine\n")
    project.git("config", "core.excludesFile", str(tmp_path / "mine"))
    project.git("config", "core.autocrlf", "true")
    plan(project, "printf 'a\\r\\nb\\r\\n' >text; echo 1 >not.mine; printf 'a\\n' >plain")

    project.peal(*RUN, "--machines", "local:1")

    assert project.git("ls-files").split() == ["README.md", "plain", "plan.md", "text"]
    assert project.git("cat-file", "-p", "HEAD:text") == "a\nb\n"


def test_a_frozen_client_loses_what_runs_there(project: Repo, ledger: Path) -> None:
    """A cut cable looks like that from there."""
    plan(project, LONG.replace("sleep 1;", "sleep 60;"))
    process = project.start(*RUN, "--machines", "local:1", "--machine-silence-sec", "4")
    eventually(lambda: ledger.read_text() != "")
    there = machines(project)

    process.send_signal(signal.SIGSTOP)

    eventually(lambda: not any(map(is_running, there.values())))
    eventually(lambda: not left_behind(ledger))
    process.kill()


def test_a_frozen_machine_is_lost_and_others_go_on(project: Repo, ledger: Path) -> None:
    plan(project, *[LONG] * 4)
    process = project.start(*RUN, "--machines", "local:2", "--machine-silence-sec", "4")
    eventually(lambda: len(ledger.read_text().split()) == 4)
    frozen = machines(project)["local-2"]

    os.kill(frozen, signal.SIGSTOP)

    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "machine `local-2`: nothing was heard of it for 4 seconds" in said
    assert landed(project) == list("1234")
    eventually(lambda: not is_running(frozen))


def test_times_of_day_are_told_there_as_they_are_here(project: Repo, ledger: Path) -> None:
    """An agent that says when its limit ends says it without a zone."""
    home = project.path / ".peal/machines/box"
    command = json.dumps(["env", "TZ=UTC", sys.executable, "-m", "peal", "machine", "--home", str(home)])
    project.write("peal.toml", f"[machines.box]\ncommand = {command}\n")
    plan(project, "date +%z >zone")

    project.peal(*RUN, "--machines", "box", TZ="Asia/Tokyo")

    assert project.read("zone") == "+0900\n"


def test_without_worktrees_there_is_nothing_to_send(project: Repo, ledger: Path) -> None:
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", "local:2", "--no-commit", code=1).stderr

    assert "each attempt has a worktree; take --no-commit out, or the machines" in said


def _shallow(project: Repo, tmp_path: Path) -> Repo:
    project.git("commit", "-q", "--allow-empty", "-m", "more")
    project.git("clone", "-q", "--depth", "1", f"file://{project.path}", str(tmp_path / "clone"))
    return Repo(tmp_path / "clone", project.env)


def _partial(project: Repo, tmp_path: Path) -> Repo:
    project.git("config", "uploadpack.allowFilter", "true")
    project.git("clone", "-q", "--filter=blob:none", f"file://{project.path}", str(tmp_path / "clone"))
    return Repo(tmp_path / "clone", project.env)


def _submodule(project: Repo, tmp_path: Path) -> Repo:
    project.git("clone", "-q", str(project.path), str(tmp_path / "other"))
    project.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "other"), "sub"
    )
    project.git("commit", "-qm", "sub")
    return project


def _filtered(project: Repo, _tmp_path: Path) -> Repo:
    project.write(".gitattributes", "*.bin filter=upper\n")
    project.git("config", "filter.upper.clean", "tr a-z A-Z")
    project.git("add", ".")
    project.git("commit", "-qm", "attributes")
    return project


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (_shallow, "is a shallow clone; `git fetch --unshallow`, or run without machines"),
        (_partial, "is a partial clone, which lacks some; clone it whole, or run without machines"),
        (_submodule, "submodules are not sent to machines"),
        (_filtered, "files pass through filter `upper` here, which machines do not have"),
    ],
)
def test_a_repository_that_cannot_be_sent_is_refused(
    made: Callable[[Repo, Path], Repo], why: str, project: Repo, ledger: Path, tmp_path: Path
) -> None:
    plan(project, WORK)
    repository = made(project, tmp_path)
    for key, value in (("user.name", "A Person"), ("user.email", "person@example.org")):
        repository.git("config", key, value)

    said = repository.peal(*RUN, "--machines", "local:1", code=1).stderr

    assert why in said
    assert repository.recorded("StepStarted") == []


def test_plans_of_a_batch_share_the_machines_and_their_places(project: Repo, ledger: Path) -> None:
    home = project.path / ".peal/machines/box"
    command = json.dumps([sys.executable, "-m", "peal", "machine", "--home", str(home)])
    project.write("peal.toml", f"[machines.box]\ncommand = {command}\nplaces = {{ shell = 1 }}\n")
    script = 'echo + >>"$LEDGER"; sleep 0.2; echo - >>"$LEDGER"; echo 1 >"{name}-$PEAL_TASK"'
    for name in ("a", "b"):
        tasks = "\n".join(
            TASK.format(number=number, script=script.replace("{name}", name)) for number in (1, 2)
        )
        project.write(f"plans/{name}.md", PLAN.format(tasks=tasks))
    project.git("add", ".")
    project.git("commit", "-qm", "plans")

    project.peal("run", "plans", "--agent", "shell", "--max-parallel", "4", "--machines", "box")

    assert ledger.read_text().split() == ["+", "-"] * 4
    assert [name for name in project.git("ls-files").split() if "-" in name] == ["a-1", "a-2", "b-1", "b-2"]
    assert {event["machine"] for event in project.recorded("ProcessStarted")} == {"box"}


def test_phases_of_items_run_there_too(project: Repo, ledger: Path, tmp_path: Path) -> None:
    """With their result, which is a file there."""
    agent = tmp_path / "agent.sh"
    agent.write_text(
        'cat >/dev/null; pwd >>"$LEDGER"; echo "$PEAL_PHASE" >"$PEAL_ITEM-$PEAL_PHASE"\n'
        'printf \'{"item_id": "%s", "phase": "%s", "result": "phase_complete", "summary": "did"}\' '
        '"$PEAL_ITEM" "$PEAL_PHASE" >"$PEAL_RESULT"\n'
    )
    project.write(
        "peal.toml",
        f'agent = "mine"\n[agents.mine]\ncommand = ["sh", {json.dumps(str(agent))}]\n'
        '[pipelines.feature]\nphases = [{name = "build", instructions = "x"}]\n',
    )
    project.peal("backlog", "init", "--prefix", "WRK")
    project.git("add", ".")
    project.git("commit", "-qm", "backlog")
    project.peal("backlog", "add", "A wish", "--pipeline", "feature")

    said = project.peal("backlog", "run", "--machines", "local:1").stdout

    assert "completed: WRK-001" in said
    assert project.read("WRK-001-build") == "build\n"
    assert {Path(line).parts[-4] for line in ledger.read_text().splitlines()} == {"local-1"}
    assert project.git("status", "--porcelain") == ""


def test_a_quiet_attempt_is_no_silent_machine(project: Repo, ledger: Path) -> None:
    """Both ends show that they are there, however short the silence is that a person allows."""
    plan(project, f"sleep 6; {WORK}")

    project.peal(*RUN, "--machines", "local:1", "--machine-silence-sec", "4")

    assert {one["outcome"]["result"] for one in project.recorded("StepEnded")} == {"passed"}


def test_an_attempt_does_not_wait_for_ever_for_a_place_on_a_machine_that_is_gone(
    project: Repo, ledger: Path, tmp_path: Path
) -> None:
    """Others that are there have none for its agent."""
    project.write(
        "peal.toml",
        boxes(project, box={}, other={}).replace(
            "[machines.other]", "places = { shell = 1 }\n[machines.other]"
        )
        + "places = { claude = 1 }\n",
    )
    text = project.read("peal.toml").replace(
        '["env", ', f'["sh", "-c", "mkdir {tmp_path}/once && exec \\"$@\\"", "sh", ', 1
    )
    project.write("peal.toml", f"transient_retry_count = 1\n{text}")
    plan(project, f"kill -9 $(cat {tmp_path}/pid); sleep 30")
    process = project.start(*RUN, "--machines", "box,other")
    eventually(lambda: "box" in machines(project))
    (tmp_path / "pid").write_text(str(machines(project)["box"]))

    said, _ = process.communicate(timeout=40)

    assert process.returncode == 1, said
    assert "machine `other` has no place for agent `shell`" in said


def test_who_is_asked_twice_to_end_waits_for_no_machine_that_reads_nothing(
    project: Repo, ledger: Path, tmp_path: Path
) -> None:
    """It is frozen while much is sent to it."""
    project.write("peal.toml", 'worktree_include = ["much"]\n')
    (project.path / "much").write_bytes(os.urandom(150_000_000))
    project.write(".gitignore", "much\n")
    plan(project, WORK, WORK)
    process = project.start(*RUN, "--machines", "local:1")
    eventually(lambda: list(project.path.glob(".peal/machines/local-1/*/trees/*")))
    frozen = machines(project)["local-1"]
    os.kill(frozen, signal.SIGSTOP)
    eventually(lambda: project.recorded("StepStarted"))

    process.send_signal(signal.SIGINT)
    eventually(lambda: project.recorded("StopAsked"))
    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not is_running(frozen)


@pytest.mark.torture
def test_who_is_asked_twice_to_end_waits_for_no_frozen_machine(project: Repo, ledger: Path) -> None:
    plan(project, LONG.replace("sleep 1;", "sleep 60;"))
    process = project.start(*RUN, "--machines", "local:1")
    eventually(lambda: ledger.read_text() != "")
    frozen = machines(project)["local-1"]
    os.kill(frozen, signal.SIGSTOP)

    process.send_signal(signal.SIGINT)
    eventually(lambda: project.recorded("StopAsked"))
    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130, said
    eventually(lambda: not is_running(frozen))


def test_who_asks_to_end_waits_for_no_machine_that_does_not_begin_again(
    project: Repo, ledger: Path, tmp_path: Path
) -> None:
    home, again = project.path / ".peal/machines/box", tmp_path / "again"
    script = f'[ -e {tmp_path}/once ] && echo $$ >{again} && exec sleep 784; touch {tmp_path}/once; exec "$@"'
    begins = ["sh", "-c", script, "sh", sys.executable, "-m", "peal", "machine", "--home", str(home)]
    project.write("peal.toml", f"[machines.box]\ncommand = {json.dumps(begins)}\n")
    plan(project, *[LONG.replace("sleep 1;", "sleep 60;")] * 4)
    process = project.start(*RUN, "--machines", "box,local:1")
    eventually(lambda: len(ledger.read_text().split()) == 4)
    os.kill(machines(project)["box"], signal.SIGKILL)
    eventually(again.exists)

    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130, said
    eventually(lambda: not is_running(again.read_text().strip()))


def test_a_store_that_is_damaged_costs_its_machine_and_not_the_run(project: Repo, ledger: Path) -> None:
    """What goes wrong there is told in its own words, and is no bug of peal's here."""
    project.write("peal.toml", "transient_retry_count = 1\n")
    plan(project, WORK)
    project.peal(*RUN, "--machines", "local:1")
    for objects in (project.path / ".peal/machines/local-1").glob("*/store.git/objects"):
        shutil.rmtree(objects)
        objects.mkdir()

    said = project.peal("redo", "1").stdout + project.peal("resume", code=None).stdout

    assert "machine `local-1`: GitError" in said
    assert "a bug in peal" not in said
