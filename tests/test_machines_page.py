"""What docs/machines.md shows can be typed: with stand-ins for the programs that lead to machines, which run what they are given here."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from conftest import Repo, landed
from test_machines import WORK, plan

PAGE = (Path(__file__).parents[1] / "docs" / "machines.md").read_text(encoding="utf-8")
LEADING = ("docker", "kubectl", "srun", "ssh")


def blocks(section: str, language: str) -> list[str]:
    """The blocks of a section, in their order."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0] if section else PAGE
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def leading(project: Repo, tmp_path: Path) -> Path:
    """Has each call of the stand-ins written down."""
    bin_, calls = tmp_path / "bin", tmp_path / "calls"
    bin_.mkdir()
    calls.touch()
    for name in LEADING:
        there = shlex.join([sys.executable, "-m", "peal"])
        (bin_ / name).write_text(
            f'#!/bin/sh\necho {name} "$@" >>{shlex.quote(str(calls))}\n'
            f'while [ "${{1##*/}}" != peal ]; do shift; done\nshift\nexec {there} "$@"\n'
        )
        (bin_ / name).chmod(0o755)
    project.env |= {"PATH": f"{bin_}:{project.env['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    project.env |= {"PEAL_AGENT": "shell", "LEDGER": str(tmp_path / "ledger")}
    plan(project, *[WORK] * 4)
    return calls


def typed(project: Repo, block: str, code: int | None = 0) -> str:
    """Have the one command of a block carried out."""
    (line,) = block.splitlines()
    program, *words = shlex.split(line)
    assert program == "peal"
    return project.peal(*words, code=code).stdout


def test_a_run_needs_no_other_machine_to_be_seen(project: Repo, leading: Path) -> None:
    typed(project, blocks("", "sh")[0])

    assert landed(project) == list("1234")
    assert leading.read_text() == ""


def test_names_are_hosts_for_ssh(project: Repo, leading: Path) -> None:
    run, look = blocks("Machines by ssh", "sh")
    (settings,) = blocks("Machines by ssh", "toml")
    shown = re.findall(r"`(ssh [^`]* HOST peal machine)`", PAGE)

    found = typed(project, look, code=None)  # 1 where no coding CLI is installed
    typed(project, run)
    called = set(leading.read_text().splitlines())
    project.write("peal.toml", settings)
    project.peal("run", "plan.md", "--fresh")

    assert landed(project)[:4] == list("1234")
    assert re.findall(r"^(build\d): peal ", found, re.MULTILINE) == ["build1", "build2"]
    assert called == {shown[0].replace("HOST", host) for host in ("build1", "build2")}


def test_settings_that_lead_elsewhere_are_those_that_are_shown(project: Repo, leading: Path) -> None:
    (settings,) = blocks("Anything that gives a pipe", "toml")
    (run,) = blocks("Anything that gives a pipe", "sh")
    project.write("peal.toml", settings.replace("count = 8", "count = 2"))

    typed(project, run)

    assert landed(project) == list("1234")
    called = sorted(line.split()[0] for line in leading.read_text().splitlines())
    assert called == ["docker", *["kubectl"] * 4, *["srun"] * 2]
    assert {f"agents-{number}" for number in "123"} <= set(leading.read_text().split())
