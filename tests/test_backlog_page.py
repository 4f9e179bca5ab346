"""What docs/backlog.md says of pipelines and runs is so."""

import re
import tomllib
from pathlib import Path

from attrs import fields
from conftest import Repo

from peal import settings
from peal.model.phase_result import PhaseResult
from peal.model.plan import ItemPhase
from peal.phases.item_results import read
from peal.settings.pipelines import pipelines

PAGE = (Path(__file__).parents[1] / "docs" / "backlog.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def _block(section: str, language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_pipeline_that_is_shown_can_be_used(repo: Repo) -> None:
    text = _block(_section("Pipelines"), "toml")
    repo.write("peal.toml", text)

    found = settings.load(repo.path, {})

    assert [one.kind for one in pipelines(found)["feature"].phases] == ["agent", "plan", "command"]
    assert found.execution.max_wip == tomllib.loads(text)["execution"]["max_wip"]


def test_the_answer_that_is_shown_is_one_and_its_fields_are_all_told() -> None:
    section = _section("Pipelines")

    answer = read(_block(section, "json").encode(), ItemPhase("WRK-001", "spec"))

    assert answer.result == "phase_complete"
    told = {
        name
        for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert told | {"item_id", "phase"} == {one.name for one in fields(PhaseResult)}


def test_every_option_that_is_told_is_there(repo: Repo) -> None:
    said = repo.peal("backlog", "run", "--help").stdout
    told = re.findall(r"^\| `(--[\w-]+)", _section("Runs"), re.MULTILINE)

    assert len(told) == 8
    assert [option for option in told if option not in said] == []
