"""What is looked at before a backlog is worked on: every problem at once, with its file and the way out."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peal.backlog.checks import Problem, circles, preflight
from peal.backlog.item import Blocked, Item
from peal.backlog.store import Kept
from peal.settings import ItemPhaseSettings, PipelineSettings, Settings
from peal.settings.pipelines import pipelines, workflow_files

ROOT = Path("/repo")
FEATURE = PipelineSettings(
    pre_phases=(ItemPhaseSettings("research", workflows=("w/research.md",)),),
    phases=(
        ItemPhaseSettings("prd", workflows=("w/prd.md", "w/all.md")),
        ItemPhaseSettings("build", workflows=("w/all.md",)),
    ),
)
CHORE = PipelineSettings(phases=(ItemPhaseSettings("do"),))
PIPELINES = {"feature": FEATURE, "chore": CHORE}
FILES = frozenset(workflow_files(PIPELINES))


def kept(number: int | str, /, archived: bool = False, **fields: Any) -> Kept:
    """An item `A-1` in its file."""
    item = Item(f"A-{number}", "title", **fields)
    folder = ROOT / "backlog" / ("archive" if archived else "")
    return Kept(item, folder / f"{item.id}-title.md", b"", archived)


def blocked(before: str) -> dict[str, Any]:
    return {"status": "blocked", "blocked": Blocked(before, "decision", "why", "now")}  # type: ignore[arg-type]


def found(*items: Kept, **more: Any) -> tuple[Problem, ...]:
    return preflight(ROOT, items, more.get("pipelines", PIPELINES), more.get("files", FILES))


def codes(*items: Kept, **more: Any) -> list[tuple[str, str]]:
    return [(problem.code, problem.where) for problem in found(*items, **more)]


def test_a_backlog_that_is_right_has_no_problems() -> None:
    """An item in every state, one that waits for another, and one that was archived with what it needed (W3)."""
    items = (
        kept(1, status="scoping", phase="research", pool="pre"),
        kept(2, status="ready", depends=("A-1", "A-7")),
        kept(3, status="in_progress", phase="build", pool="main", depends=("A-6",)),
        kept(4, status="in_progress", phase="do", pipeline="chore"),
        kept(5, phase="build", **blocked("in_progress")),
        kept(6, status="done"),
        kept(7, archived=True, status="done", pipeline="gone", phase="gone", depends=("A-99",)),
        kept(8, archived=True, status="cancelled", depends=("A-98",)),
        kept(9),
    )

    assert found(*items) == ()


def test_without_pipelines_of_ones_own_nothing_is_missing() -> None:
    """The usual ones need no files."""
    assert found(kept(1, status="in_progress", phase="tech-research"), pipelines=pipelines(Settings())) == ()


# Workflow files


def test_each_workflow_file_that_is_missing_is_told_once() -> None:
    problems = found(files={"w/prd.md"})

    assert [(one.code, one.where, one.found) for one in problems] == [
        (
            "WORKFLOW_MISSING",
            "w/research.md",
            "`pipelines.feature.pre_phases[0]` names the file `w/research.md`, which is not there",
        ),
        (
            "WORKFLOW_MISSING",
            "w/all.md",
            "`pipelines.feature.phases[0]` names the file `w/all.md`, which is not there",
        ),
    ]


# Pipelines and phases


@pytest.mark.parametrize(
    ("item", "code", "told"),
    [
        (kept(1, status="scoping", pipeline="featur", phase="research"), "PIPELINE_UNKNOWN",
         ("item A-1 is to go through the pipeline `featur`, which the settings do not have; did you mean `feature`? "
         "`peal backlog edit A-1 --pipeline NAME`")),
        (kept(1, pipeline="x"), "PIPELINE_UNKNOWN",
         "item A-1 is to go through the pipeline `x`, which the settings do not have; `peal backlog edit A-1 --pipeline NAME`"),
        (kept(1, status="in_progress", phase="biuld", pool="main"), "PHASE_UNKNOWN",
         ("item A-1 is in progress and in the phase `biuld`, which the pipeline `feature` does not have; did you mean `build`? "
         "`peal backlog advance A-1 --to PHASE`; there is `prd`, `build`")),
        (kept(1, status="scoping", phase="x"), "PHASE_UNKNOWN",
         ("item A-1 is scoping and in the phase `x`, which the pipeline `feature` does not have; "
         "`peal backlog advance A-1 --to PHASE`; there is `research`")),
        (kept(1, status="in_progress", phase="build", pool="pre"), "PHASE_IN_WRONG_POOL",
         ("item A-1 is in progress, with the pool `pre`, and its phase `build` one of the `phases` of the pipeline `feature`; "
         "`peal backlog advance A-1 --to PHASE`, or edit the file: `pool: main` and a phase of `phases`")),
        (kept(1, status="in_progress", phase="research"), "PHASE_IN_WRONG_POOL",
         ("item A-1 is in progress, and its phase `research` one of the `pre_phases` of the pipeline `feature`; "
         "`peal backlog advance A-1 --to PHASE`, or edit the file: `pool: main` and a phase of `phases`")),
        (kept(1, status="scoping", phase="build", pool="main"), "PHASE_IN_WRONG_POOL",
         ("item A-1 is scoping, with the pool `main`, and its phase `build` one of the `phases` of the pipeline `feature`; "
         "`peal backlog advance A-1 --to PHASE`, or edit the file: `pool: pre` and a phase of `pre_phases`")),
        (kept(1, status="scoping", pipeline="chore", phase="do"), "PHASE_MISSING",
         ("item A-1 is scoping and the pipeline `chore` has no `pre_phases`; write some into `[pipelines.chore]`, or edit the "
         "file: `status: ready`, without `phase` and `pool`")),
    ],
)  # fmt: skip
def test_an_item_that_is_nowhere_in_its_pipeline_is_an_error(item: Kept, code: str, told: str) -> None:
    (problem,) = found(item)

    assert (problem.code, f"{problem.found}; {problem.by_hand}") == (code, told)
    assert problem.where == "backlog/A-1-title.md"
    assert problem.is_error


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("scoping", "item A-1 is scoping and in no phase, so that `research` comes next"),
        ("in_progress", "item A-1 is in progress and in no phase, so that `prd` comes next"),
    ],
)
def test_an_item_without_a_phase_begins_with_the_first_and_that_is_told(status: str, told: str) -> None:
    (problem,) = found(kept(1, status=status))

    assert (problem.code, problem.found, problem.is_error) == ("PHASE_MISSING", told, False)


@pytest.mark.parametrize(
    "fields", [{"pipeline": "gone"}, {"phase": "gone"}, {"phase": "research", "pool": "pre"}]
)
def test_what_is_wrong_with_a_blocked_item_stops_no_other(fields: dict[str, Any]) -> None:
    """It waits for a person anyway, who is told."""
    (problem,) = found(kept(1, **blocked("in_progress"), **fields))

    assert not problem.is_error


def test_an_item_that_names_no_pipeline_takes_the_usual_one() -> None:
    """Where there is no such one, triage can choose it for a new item, and nobody for another."""
    several = {"a": CHORE, "b": CHORE}

    assert codes(kept(1), kept(2, status="ready"), pipelines=several) == [
        ("PIPELINE_UNKNOWN", "backlog/A-2-title.md")
    ]
    assert codes(kept(1), kept(2, status="ready"), pipelines={"a": CHORE}) == []


# Ids and dependencies


def test_an_id_that_is_there_twice_is_told_with_both_files() -> None:
    """However it is written, and whether it is archived."""
    items = (
        kept(1),
        kept(2),
        Kept(Item("a-2", "t"), ROOT / "backlog/x.md", b""),
        kept(1, archived=True, status="done"),
    )

    problems = found(*items)

    assert [(one.code, one.where, one.found) for one in problems] == [
        ("DUPLICATE_ID", "backlog/x.md", "item a-2 is in `backlog/A-2-title.md` already"),
        ("DUPLICATE_ID", "backlog/archive/A-1-title.md", "item A-1 is in `backlog/A-1-title.md` already"),
    ]


def test_w3_a_dependency_that_is_done_and_archived_is_no_problem() -> None:
    """phase-golem took it for one that does not exist."""
    assert found(kept(1, archived=True, status="done"), kept(2, depends=("A-1",))) == ()


def test_a_dependency_that_does_not_exist_is_an_error() -> None:
    (problem,) = found(kept(10), kept(2, depends=("A-100", "A-100")))

    assert (problem.code, problem.where, problem.is_error) == (
        "DEPENDENCY_MISSING",
        "backlog/A-2-title.md",
        True,
    )
    assert problem.found == "item A-2 depends on A-100, which does not exist"
    assert problem.by_hand == "did you mean `A-10`? `peal backlog edit A-2 --remove-depends A-100`"


def test_a_dependency_that_is_cancelled_is_told() -> None:
    """Others can be worked on."""
    (problem,) = found(kept(1, archived=True, status="cancelled"), kept(2, depends=("A-1",)))

    assert (problem.code, problem.is_error) == ("DEPENDENCY_CANCELLED", False)
    assert problem.found == "item A-2 depends on A-1, which is cancelled and so will never be done"


def test_an_item_in_the_archive_that_is_not_over_is_told() -> None:
    (problem,) = found(kept(1, archived=True, status="in_progress", phase="build"))

    assert (problem.code, problem.where) == ("ARCHIVED_BUT_OPEN", "backlog/archive/A-1-title.md")
    assert not problem.is_error


def test_a_dependency_on_itself_is_told_as_that() -> None:
    assert codes(kept(1, depends=("A-1",))) == [("DEPENDS_ON_ITSELF", "backlog/A-1-title.md")]


def test_a_circle_is_told_once_with_its_path() -> None:
    """From its first item on, in the order in which they wait."""
    items = (
        kept(10, depends=("A-2",)),
        kept(2, depends=("A-3",)),
        kept(3, depends=("A-10", "A-4")),
        kept(4),
        kept(5, depends=("A-6",)),
        kept(6, depends=("A-5", "A-3")),
    )

    problems = found(*items)

    assert [(one.code, one.where, one.found) for one in problems] == [
        (
            "DEPENDENCY_CYCLE",
            f"backlog/{first}-title.md",
            f"items depend on each other in a circle: {circle}",
        )
        for first, circle in (("A-2", "A-2 → A-3 → A-10 → A-2"), ("A-5", "A-5 → A-6 → A-5"))
    ]
    assert (
        problems[0].by_hand
        == "take one of these out, such as by `peal backlog edit A-2 --remove-depends A-3`"
    )


@pytest.mark.parametrize("status", ["done", "cancelled"])
def test_what_is_over_is_in_no_circle(status: str) -> None:
    items = (kept(1, depends=("A-2",)), kept(2, status=status, depends=("A-1",)))

    assert "DEPENDENCY_CYCLE" not in [problem.code for problem in found(*items)]


@given(edges=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14))
def test_circles_are_circles_and_without_one_dependency_of_each_there_are_none(
    edges: set[tuple[int, int]],
) -> None:
    """Each is told once."""
    needs = {str(one): [str(b) for a, b in sorted(edges) if a == one and a != b] for one in range(7)}

    told = list(circles(needs))

    assert len(set(told)) == len(told)
    for circle in told:
        assert all(b in needs[a] for a, b in zip(circle, (*circle[1:], circle[0]), strict=True))
        assert circle[0] == min(circle)
    for circle in told:
        needs[circle[0]] = [other for other in needs[circle[0]] if other != circle[1]]
    assert list(circles(needs)) == []


# All of it


def test_everything_is_told_at_once() -> None:
    """In the order of the checks, and of the items."""
    items = (
        kept(1, status="in_progress", phase="x", depends=("A-9",)),
        kept(2, pipeline="x", depends=("A-2",)),
        kept(2, status="scoping", phase="build"),
    )

    assert [code for code, _ in codes(*items, files=FILES - {"w/all.md"})] == [
        *("WORKFLOW_MISSING", "DUPLICATE_ID", "PHASE_UNKNOWN", "PIPELINE_UNKNOWN", "PHASE_IN_WRONG_POOL"),
        *("DEPENDENCY_MISSING", "DEPENDS_ON_ITSELF"),
    ]


def test_what_comes_from_files_cannot_write_to_a_terminal() -> None:
    items = (kept(1, status="in_progress", phase="\x1b[31m", depends=("\x1b[2J",)), kept(2, pipeline="\x07"))

    problems = found(*items)

    assert len(problems) == 3
    assert all(text.isprintable() for one in problems for text in (one.found, one.by_hand, one.where))


def test_a_thousand_items_in_a_row_take_no_time() -> None:
    """A chain is as deep as there are items; here with a circle at its end."""
    items = [kept(number, depends=(f"A-{number + 1}",)) for number in range(1000)]
    items.append(kept(1000, depends=("A-990",)))

    begin = time.process_time()
    problems = found(*items)

    assert [one.code for one in problems] == ["DEPENDENCY_CYCLE"]
    assert time.process_time() - begin < 1


@pytest.mark.timeout(60)
def test_what_is_wrong_with_all_of_many_items_is_told_soon() -> None:
    many, gone = range(10_000), range(10_000, 20_000)
    circles_of_two = [kept(number, depends=(f"A-{number ^ 1}",)) for number in many]
    missing = [kept(number, depends=(f"A-{other}", "A-x")) for number, other in zip(many, gone, strict=True)]

    assert [one.code for one in found(*circles_of_two)] == ["DEPENDENCY_CYCLE"] * 5_000
    told = found(*missing)
    assert [one.code for one in told] == ["DEPENDENCY_MISSING"] * 20_000
    asked = {one.found.partition("depends on ")[2] for one in told if one.by_hand.startswith("did you mean")}
    assert len(asked) == 5, "each time all ids are looked through"
