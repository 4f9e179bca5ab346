"""Plans from the wild are read right or refused with a reason; never silently wrong."""

import json
import os
from pathlib import Path

import pytest

from peal.formats import parse

CORPUS = Path(os.environ.get("PEAL_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")

if not CORPUS.is_dir():
    pytest.skip(f"no corpus at {CORPUS}; name its folder in PEAL_CORPUS", allow_module_level=True)


def files(*kinds):
    found = [
        path
        for kind in kinds
        for path in sorted((CORPUS / kind).glob("*"))
        if path.name.count(".expect.") == 0
    ]
    return pytest.mark.parametrize("path", found, ids=lambda path: path.name)


def plan_and_expected(path):
    expected = json.loads(path.with_name(f"{path.stem}.expect.json").read_text(encoding="utf-8"))
    return parse(path.read_bytes(), str(path)), expected


def short(title):
    """A title as the expectations have it: the first 60 characters, without bold type."""
    return " ".join(title.replace("**", "").split())[:60].strip()


def same_title(title, expected):
    # The expectations count the `**` among the 60 characters, so theirs may end earlier.
    return short(title) == short(expected) or (
        len(expected) > 50 and short(title).startswith(short(expected))
    )


def meant(number):
    """The id that a whole number is: `1` for `01`."""
    return str(int(number))


def shape(task):
    return (task.line, task.done, task.parallel, list(task.after))


def expected_shape(task):
    return (task["line"], task["done"], task["parallel"], [meant(first) for first in task["depends"]])


def assert_reads_as(plan, expected):
    assert plan.problems == ()
    in_file_order = sorted(plan.tasks, key=lambda task: task.line)
    assert [shape(task) for task in in_file_order] == [expected_shape(task) for task in expected]
    for task, wanted in zip(in_file_order, expected, strict=True):
        assert same_title(task.title, wanted["title"])


@files("task_heading")
def test_plans_with_task_headings(path):
    """Whole numbers are read as they are meant; other numbers are refused, each by its line."""
    plan, expected = plan_and_expected(path)

    odd = [task["line"] for task in expected["tasks"] if not task["id"].isdecimal()]
    if odd or plan.problems:
        assert {problem.line for problem in plan.problems} >= set(odd[:1])
        assert plan.problems
    else:
        assert_reads_as(plan, expected["tasks"])
        ids = [meant(task["id"]) for task in expected["tasks"]]
        assert sorted(ids, key=int) == [task.id for task in plan.tasks]


@files("task_heading")
def test_bodies_of_the_rust_peals_plans(path):
    """A plan in the Rust peal's own form keeps its segments and the text of its tasks."""
    plan, expected = plan_and_expected(path)
    if "canonical_body_chars" not in expected or plan.context.count("\n## "):
        pytest.skip("not in that form throughout")

    lengths = expected["canonical_body_chars"]
    lengths = list(lengths.values()) if isinstance(lengths, dict) else lengths
    assert [len(task.body) for task in plan.tasks] == lengths


@files("checkbox")
def test_plain_lists(path):
    plan, expected = plan_and_expected(path)

    assert_reads_as(plan, [task for task in expected["tasks"] if task["level"] == 0])


@files("prose")
def test_prose_is_refused(path):
    plan, _ = plan_and_expected(path)

    assert plan.tasks == ()
    assert plan.problems


@files("speckit", "kiro", "openspec", "phase", "prdjson")
def test_lists_of_other_tools(path):
    """Refused; or, without any mark of that tool, read as the plain list that it is."""
    plan, expected = plan_and_expected(path)

    if not plan.problems:
        boxes = {step["line"] for task in expected["tasks"] for step in task.get("steps", [task])}
        assert plan.format == "checkbox"
        assert {task.line for task in plan.tasks} <= boxes
        assert not any(task.get("kind") == "numbered" for task in expected["tasks"])
