"""Plans from the wild are carried out whole through the command line: every task lands, in the promised order, and is ticked."""

import os
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from conftest import Repo, landed
from test_formats_run import checked

CORPUS = Path(os.environ.get("PEAL_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")

if not CORPUS.is_dir():
    pytest.skip(f"no corpus at {CORPUS}; name its folder in PEAL_CORPUS", allow_module_level=True)

SETTINGS = """
agent = "scripted"

[agents.scripted]
plan = ["echo", "as it says"]
execute = ["sh", "-c", 'echo done > "task $1"', "sh", "{task}"]
address = ["true"]
"""
AT_ONCE = 4


@frozen
class Case:
    """A file, the format it is in, and how marks of what is done are taken out of it."""

    path: str
    format: str
    tasks: int
    undone: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """What it is called in a repository."""
        return "tasks.json" if self.path.endswith(".json") else "01-01-PLAN.md"

    @property
    def text(self) -> str:
        """The file with nothing done."""
        (path,) = CORPUS.parent.glob(self.path)
        text = path.read_text(encoding="utf-8")
        for old, new in self.undone:
            assert old in text
            text = text.replace(old, new)
        return text


UNTICKED = (("[x]", "[ ]"),)
CASES = [
    Case("corpus/speckit/*__D002-process-flow-map-tasks.md", "speckit", 27),
    Case("corpus/kiro/*__integrated-beast-mode-system-tasks.md", "kiro", 12),
    Case("corpus/openspec/*__achievements-implementation-tasks.md", "openspec", 10, UNTICKED),
    Case("corpus/taskmaster/*__tasks.json", "taskmaster", 10, (('"done"', '"pending"'),)),
    Case("corpus/gsd/*__01-01-PLAN.md", "gsd", 2),
    Case("corpus/bmad/*__1-2-create-finding-dataclass.md", "bmad", 3, UNTICKED),
    Case("corpus/phase/*__022-implement-item-dependencies-*-plan.md", "phases", 5),
    Case("seeds/000_*.txt", "phases", 2),
    Case("seeds/001_*.txt", "phases", 3),
    Case("seeds/002_*.txt", "peal", 5),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.format}-{Path(case.path).stem[:30]}")
def test_a_file_from_the_wild_is_carried_out(project: Repo, case: Case) -> None:
    if not any(CORPUS.parent.glob(case.path)):
        pytest.skip(f"there is no {case.path} beside the corpus")
    project.write("peal.toml", SETTINGS)
    project.write(case.name, case.text)
    project.git("add", ".")
    project.git("commit", "-qm", "a plan")
    plan = checked(project, case.name)
    ids = [str(task["id"]) for task in plan["tasks"]]

    project.peal("run", case.name, "--parallel", "--max-parallel", str(AT_ONCE), "--tick")

    assert (plan["format"], len(ids), plan["problems"]) == (case.format, case.tasks, [])
    assert landed(project) == sorted(ids)
    assert sorted(path.name for path in project.path.glob("task *")) == sorted(f"task {one}" for one in ids)
    assert list(begun_too_early(project, plan)) == []
    is_side_by_side = any(task["parallel"] or task["after"] for task in plan["tasks"])
    assert (most_at_once(project) > 1) == is_side_by_side
    is_marked = case.format != "gsd"  # which has no marks
    assert [task["done"] for task in checked(project, case.name)["tasks"]] == [is_marked] * len(ids)
    assert (project.read(case.name) == case.text) != is_marked
    assert project.git("status", "--porcelain") == ""


def begun_too_early(project: Repo, plan: dict[str, Any]) -> list[tuple[str, str]]:
    """The tasks that began before one had landed that they wait for, by name or by the order of segments; with that."""
    begun, ended = dict[str, int](), dict[str, int]()
    for at, event in enumerate(project.recorded("StepStarted", "StepEnded")):
        task = str(event["task"])
        begun.setdefault(task, at)
        ended[task] = at
    before: list[str] = []
    after = {str(task["id"]): [str(one) for one in task["after"]] for task in plan["tasks"]}
    found = []
    for segment in plan["segments"]:
        tasks = [str(task) for task in segment["tasks"]]
        found += [(task, one) for task in tasks for one in after[task] or before if begun[task] < ended[one]]
        before += tasks
    return found


def most_at_once(project: Repo) -> int:
    """How many tasks were carried out at the same time, at most."""
    running, most = set[str](), 0
    for event in project.recorded("StepStarted", "StepEnded"):
        task = str(event["task"])
        running = running | {task} if event["event"] == "StepStarted" else running - {task}
        most = max(most, len(running))
    return most
