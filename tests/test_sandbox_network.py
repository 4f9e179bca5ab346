"""`network = "off"` of reviewers and of phases that are a command: kept from the network by a sandbox, and refused where there is none."""

import subprocess
from pathlib import Path

import pytest
from conftest import Repo, landed
from sandboxes import needs_bubblewrap
from test_backlog_run import ready
from test_machines import plan

from peal.backlog import item_file

WORK = "echo $PEAL_TASK >f$PEAL_TASK"
RUN = ("run", "plan.md", "--agent", "shell")
REVIEWER = '[[reviewers]]\nname = "look"\nnetwork = "off"\ncommand = "{}"\n'

needs_network = pytest.mark.skipif(
    len(Path("/proc/net/dev").read_text().splitlines()) < 4,
    reason="there is no network that could be taken away",
)


def listening(project: Repo) -> str:
    """Tells of which devices a program of the network's knows."""
    project.write("devices.sh", "sed -n '3,$p' /proc/net/dev | cut -d: -f1 | sort | tr -d ' \\n'\n")
    project.write("look.sh", 'test "$(sh devices.sh)" = lo\n')
    return "sh look.sh"


@needs_bubblewrap
def test_a_reviewer_without_network_has_none(project: Repo) -> None:
    """And the agent beside it has what it had."""
    project.write("peal.toml", REVIEWER.format(listening(project)))
    plan(project, f"{WORK}; sh devices.sh >devices")

    project.peal(*RUN, "--sandbox", "bubblewrap")

    assert landed(project) == ["1"]
    assert project.read("devices") == subprocess.check_output(
        ["sh", "devices.sh"], cwd=project.path, text=True
    )


@needs_bubblewrap
@needs_network
def test_a_reviewer_has_a_network_unless_it_is_taken(project: Repo) -> None:
    """So the test above would fail without the key."""
    settings = REVIEWER.format(listening(project)).replace("off", "on")
    project.write("peal.toml", settings)
    plan(project, WORK)

    project.peal(*RUN, "--sandbox", "bubblewrap", "--max-address-rounds", "0", code=1)


@pytest.mark.parametrize(
    ("words", "way_out"),
    [
        ((), 'set `sandbox` to `auto`, or take `network = "off"` out'),
        (("--sandbox", "env A=b"), "put that into the words of `sandbox`, as in `--network=none`"),
    ],
)
def test_without_a_sandbox_it_is_refused(project: Repo, words: tuple[str, ...], way_out: str) -> None:
    """Before anything starts, for what is let through is not peal's to say."""
    project.write("peal.toml", REVIEWER.format("true"))
    plan(project, WORK)

    said = project.peal(*RUN, *words, code=1).stderr

    assert said.startswith("error: reviewer `look`: ")
    assert way_out in said
    assert project.recorded("RunOpened") == []


ITEM = """\
[[pipelines.only.phases]]
name = "test"
kind = "command"
command = "sh -c 'test $(grep -c : /proc/net/dev) = 1'"
"""


@needs_bubblewrap
@needs_network
def test_a_phase_that_is_a_command_has_none(project: Repo) -> None:
    """One that ends well only where the loopback is all there is."""
    settings = 'agent = "mine"\n[agents.mine]\ncommand = "true"\n'
    project.write("peal.toml", f'{settings}{ITEM}network = "off"\n')
    project.write("backlog/WRK-001.md", item_file.written(ready("WRK-001", pipeline="only")).decode())
    project.git("add", ".")
    project.git("commit", "-qm", "items")

    refused = project.peal("backlog", "run", code=1).stderr
    project.peal("backlog", "run", "--sandbox", "bubblewrap")

    assert "phase `test`: nothing would keep it from the network" in refused
    (ended,) = [one for one in project.recorded("StepEnded") if one["phase"] == "test"]
    assert ended["outcome"]["result"] == "passed"


def test_only_what_is_a_command_can_be_without(project: Repo) -> None:
    """An agent would never be answered."""
    project.write("peal.toml", '[[pipelines.only.phases]]\nname = "build"\nnetwork = "off"\n')

    said = project.peal("config", code=1).stderr

    assert "pipelines.only.phases[0]` has `network` `off` and is of kind `agent`" in said
