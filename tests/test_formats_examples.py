"""Every file of examples/formats/ is read as what it is called, and carried out through the command line."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import Repo, landed, sample

from peal.formats import NAMES, has_marks

FOLDER = Path(__file__).parents[1] / "examples" / "formats"
PLANS = sorted(path.name for path in FOLDER.iterdir() if path.name != "README.md")


def committed(project: Repo, name: str) -> None:
    """The example in a repository."""
    place = project.path / name
    if (FOLDER / name).is_dir():
        shutil.copytree(FOLDER / name, place)
    else:
        shutil.copy(FOLDER / name, place)
    project.git("add", ".")
    project.git("commit", "-qm", "a plan")


def checked(project: Repo, name: str) -> dict:
    return json.loads(project.peal("check", name, "--json").stdout)["plans"][0]


def test_there_is_one_of_each_format() -> None:
    assert sorted(Path(name).stem for name in PLANS) == list(NAMES)


@pytest.mark.parametrize(
    "name",
    sample(
        PLANS,
        *("backlog_md", "checklist.md", "cursor.md", "feature_list.json", "gsd.md"),
        *("openspec.md", "peal.md", "phases.md", "taskmaster.json"),
    ),
)
def test_an_example_is_carried_out_and_ticked(project: Repo, name: str) -> None:
    committed(project, name)
    before = checked(project, name)

    told = project.peal("run", name, "--agent", "shell", "--parallel", "--tick").stdout

    assert (before["format"], before["problems"]) == (Path(name).stem, [])
    assert landed(project) == sorted(str(task["id"]) for task in before["tasks"] if not task["done"])
    assert project.read("leaflet.txt") == "Tower open on Sunday\nMind the stairs\n"
    assert project.git("status", "--porcelain") == ""
    assert all(task["done"] for task in checked(project, name)["tasks"]) == has_marks(before["format"])
    assert ("`tick` does nothing here" in told) != has_marks(before["format"])
