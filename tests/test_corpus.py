"""Plans from the wild are read right, or refused with a reason; never silently wrong."""

import json
import os
from pathlib import Path

import pytest

from peal.formats import parse
from peal.model.plan import Parent, Plan, Task

CORPUS = Path(os.environ.get("PEAL_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")

if not CORPUS.is_dir():
    pytest.skip(f"no corpus at {CORPUS}; name its folder in PEAL_CORPUS", allow_module_level=True)

FILES = sorted(path for path in CORPUS.glob("*/*") if ".expect." not in path.name)
MUST_BE_READ = "core"


def read_with_expected(path):
    expected = json.loads(path.with_name(f"{path.stem}.expect.json").read_text(encoding="utf-8"))
    return parse(path.read_bytes(), str(path)), expected


def entries(plan: Plan) -> list[Task | Parent]:
    """Tasks and what only holds tasks, as the expectations have them: in file order."""
    return sorted((*plan.tasks, *plan.parents), key=lambda entry: entry.line)


def plain(title):
    """Letters and digits only: what stands around them differs by who looks."""
    return "".join(filter(str.isalnum, title.lower()))


def is_same_title(title, expected):
    """Expectations hold the beginning of a title, without some of its marks."""
    ours, theirs = plain(title), plain(expected)
    return (
        ours[: len(theirs)] == theirs or (len(expected) > 50 and ours in theirs) or theirs.endswith(ours[:20])
    )


def same_id(found, expected):
    return (
        expected is None
        or found == expected
        or found == expected.lstrip("0")
        or (found, expected) == ("0", "00")
    )


def wanted(expected, kind):
    """The entries that a reading has to have."""
    tasks = expected["tasks"]
    if kind == "checkbox":
        return [task for task in tasks if task["level"] == 0]  # deeper ones are steps
    return [task for task in tasks if task.get("kind") != "unnumbered"] or tasks


def differences(plan, expected, kind):
    """What a reading says otherwise than it should; nothing where it is right."""
    found, tasks = entries(plan), wanted(expected, kind)
    if len(found) != len(tasks):
        ids = {entry.id for entry in found}
        missing = [task.get("id") for task in tasks if task.get("id") not in ids]
        more = sorted(ids - {task.get("id") for task in tasks})
        return [f"{len(found)} entries instead of {len(tasks)}; missing {missing[:8]}, too many {more[:8]}"]
    told = []
    for entry, task in zip(found, tasks, strict=True):
        if kind != "checkbox" and not same_id(entry.id, task["id"]):
            told.append(f"id {entry.id} instead of {task['id']}")
        if task.get("title") and not is_same_title(entry.title, task["title"]):
            told.append(f"title {entry.title!r} instead of {task['title']!r}")
        if task.get("line") and entry.line != task["line"]:
            told.append(f"line {entry.line} instead of {task['line']}")
        if entry.done != task["done"]:
            told.append(f"{entry.id} done {entry.done}")
        if isinstance(entry, Task):
            if entry.parallel != task["parallel"]:
                told.append(f"{entry.id} parallel {entry.parallel}")
            if (
                kind != "kiro"
                and "depends" in task
                and {str(one).lstrip("0") for one in entry.after}
                != {str(one).lstrip("0") for one in task["depends"]}
            ):
                told.append(f"{entry.id} after {entry.after} instead of {task['depends']}")
    return told


def judged(path):
    """`right`, `refused` or `wrong`, and why."""
    plan, expected = read_with_expected(path)
    if plan.problems:
        problem = plan.problems[0]
        return "refused", f"line {problem.line}: {problem.message}"
    told = differences(plan, expected, path.parent.name)
    return ("wrong" if told else "right"), f"as {plan.format}: " + "; ".join(told[:5])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_from_the_wild(path):
    """Core files are read right; what cannot be read is refused; nothing is taken for something that it is not."""
    tier = read_with_expected(path)[1]["tier"]
    verdict, why = judged(path)

    assert verdict in {"core": ["right"], "stretch": ["right", "refused"], "negative": ["refused"]}[tier], why


def main() -> None:
    """The score of each class: `python tests/test_corpus.py`."""
    score: dict[tuple[str, str], list[str]] = {}
    for path in FILES:
        tier, (verdict, why) = read_with_expected(path)[1]["tier"], judged(path)
        score.setdefault((path.parent.name, tier), []).append(verdict)
        if verdict == "wrong" or (tier == MUST_BE_READ and verdict != "right"):
            print(f"{verdict}: {path.parent.name}/{path.name[:60]} {why}")
    print(f"\n{'class':18}{'tier':10}right  refused  wrong")
    for (kind, tier), verdicts in sorted(score.items()):
        numbers = [verdicts.count(verdict) for verdict in ("right", "refused", "wrong")]
        print(f"{kind:18}{tier:10}{numbers[0]:5}{numbers[1]:9}{numbers[2]:7}")


if __name__ == "__main__":
    main()
