"""`peal convert`: any plan in peal's own format, read as the same plan."""

import os
from pathlib import Path

import pytest
from conftest import Repo
from hypothesis import given
from hypothesis import strategies as st

from peal.formats import converted, parse
from peal.model.plan import Plan
from peal.views.graph import needs

CORPUS = Path(os.environ.get("PEAL_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")


def again(plan: Plan) -> Plan:
    return parse(converted(plan)[0], "plan.md")


def shape(plan: Plan) -> list[tuple]:
    """What a plan says, with its tasks called by their places."""
    place = {task.id: at for at, task in enumerate(plan.tasks)}
    waits = needs(plan.tasks)
    return [
        (task.title, task.done, task.parallel, sorted(place[one] for one in waits[task.id]))
        for task in plan.tasks
    ]


def everything_before(plan: Plan) -> list[set[int]]:
    """For each task the places of all that is over before it begins."""
    place = {task.id: at for at, task in enumerate(plan.tasks)}
    waits = needs(plan.tasks)
    found: dict[str, set[int]] = {}

    def before(task) -> set[int]:
        if task not in found:
            found[task] = {place[one] for one in waits[task]}.union(*(before(one) for one in waits[task]))
        return found[task]

    return [before(task.id) for task in plan.tasks]


@pytest.mark.parametrize(
    "text",
    [
        "intro\n\n- [ ] a (parallel)\n  text\n- [x] b (parallel)\n- [ ] c (after 1) (no plan)\n",
        "## Phase 1\n\n- [ ] T001 [P] a\n- [ ] T002 [P] b\n\n## Phase 2\n\n- [ ] T003 [P] c\n- [ ] T004 [P] d\n- [ ] T005 e\n",
        "### Phase 1: a\n\n# too high\n\n```sh\n# no heading\n```\n\n### Phase 2: b\n**Status:** done\n",
        "## Task 2.1: a (agent: codex) (model: m)\n\n### deep\n\n## Task 10a: b\n\n- [ ] step\n",
    ],
)
def test_what_is_converted_is_read_as_the_same_plan(text):
    plan = parse(text.encode(), "a.md")
    assert plan.problems == ()

    other = again(plan)

    assert other.format == "peal"
    assert [one[:2] for one in shape(other)] == [one[:2] for one in shape(plan)]
    assert everything_before(other) == everything_before(plan)
    assert [(task.agent, task.model, task.is_planned) for task in other.tasks] == [
        (task.agent, task.model, task.is_planned) for task in plan.tasks
    ]


def test_headings_in_a_text_go_below_that_of_its_task():
    text = "- [ ] a\n\n  # one\n\n  ## two\n\n  ```sh\n  # kept\n  ```\n"

    assert again(parse(text.encode(), "a.md")).tasks[0].body == "### one\n\n#### two\n\n```sh\n# kept\n```"


def test_a_plan_of_its_own_format_stays_as_it_is():
    text = "# Plan\n\nintro\n\n## Task 1: a\n\nwork\n\n## Task 2 (parallel): b ✅\n\n- [x] c\n"

    assert converted(parse(text.encode(), "a.md")) == (text.encode(), ())


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}; name its folder in PEAL_CORPUS")
def test_every_plan_of_the_corpus_is_converted_or_refused():
    refused = []
    for path in sorted(CORPUS.glob("*/*")):
        plan = parse(path.read_bytes(), str(path))
        if ".expect." in path.name or plan.problems:
            continue
        try:
            other = again(plan)
        except ValueError as error:
            refused.append(f"{path.name}: {error}")
            continue
        assert everything_before(other) == everything_before(plan), path
    assert len(refused) <= 3, refused


LINES = st.sampled_from(
    [
        "a",
        "",
        "# h",
        "### h",
        "- b",
        "  - [ ] c",
        "```",
        "(parallel)",
        "**Status:** done",
        "- [x] d",
        "DONE",
        "> q",
        "<!-- x -->",
    ]
)
TITLES = st.sampled_from(
    ["a", "a (b)", "a (parallel)", "(x) b", "DONE", "✅", "Task 2: c", "a [P]", ": a", "**a**", "`a`", "-"]
)


@given(
    st.lists(st.tuples(TITLES, st.lists(LINES, max_size=5)), min_size=1, max_size=4),
    st.sampled_from(["- [ ] {}", "## Phase {n}: {}", "## Step {n}: {}"]),
)
def test_whatever_can_be_converted_is_the_same_plan(tasks, form):
    text = "\n".join(
        line for n, (title, body) in enumerate(tasks, 1) for line in (form.format(title, n=n), *body, "")
    )
    plan = parse(text.encode(), "a.md")
    if plan.problems:
        return
    try:
        other = again(plan)
    except ValueError:
        return
    assert [one[:2] for one in shape(other)] == [one[:2] for one in shape(plan)]
    assert everything_before(other) == everything_before(plan)


def test_it_is_printed_or_written_to_a_new_file(project: Repo) -> None:
    project.write(
        "list.md", "- [ ] wash\n  ```sh\n  echo a > a\n  ```\n- [ ] dry\n  ```sh\n  echo b > b\n  ```\n"
    )

    printed = project.peal("convert", "list.md").stdout
    told = project.peal("convert", "list.md", "--output", "plans/new.md").stdout
    again_told = project.peal("convert", "list.md", "--output", "plans/new.md", code=1).stderr

    assert printed == project.read("plans/new.md")
    assert printed.startswith(("(tasks 1-2)", "## Task 1: wash\n"))
    assert told == "written to `plans/new.md`\n"
    assert again_told == "error: `plans/new.md` is already there; name another file or take it away\n"
    project.peal("run", "plans/new.md", "--agent", "shell")
    assert project.read("b") == "b\n"


def test_a_file_with_problems_is_not_converted(project: Repo) -> None:
    project.write("list.md", "- [?] a\n")

    assert "the mark `[?]` of `a` is not known" in project.peal("convert", "list.md", code=1).stderr


def test_what_has_no_mark_in_peals_own_format_is_told(project: Repo) -> None:
    project.write("spec.md", "### Phase 1: a\n\n#### Manual Verification:\n- [ ] look\n")

    done = project.peal("convert", "spec.md")

    assert done.stderr == "note: the checks of task 1 are only text now\n"
    assert "## Task 1: a\n" in done.stdout


def test_a_plan_whose_words_another_format_would_be_told_by_says_what_it_is():
    story = "# Story 1.2: a\n\nStatus: ready\n\n## Tasks / Subtasks\n\n- [ ] Task 1: b\n  - [ ] 1.1: c\n- [ ] Task 2: d\n"
    plan = parse(story.encode(), "a.md")
    assert plan.format == "bmad"

    raw, _ = converted(plan)

    assert raw.startswith(b"---\npeal_format: peal\n---\n")
    other = parse(raw, "a.md")
    assert (other.format, other.evidence) == ("peal", "`peal_format: peal` on line 2")
    assert [task.title for task in other.tasks] == [task.title for task in plan.tasks]


def test_words_that_would_become_tasks_are_told(project: Repo) -> None:
    project.write("list.md", "## Task 9: words\n\n- [ ] wash\n")

    told = project.peal("convert", "list.md", "--format", "checklist", code=1).stderr

    assert told.startswith(
        "error: `list.md` cannot be written in peal's own format: its 1 task would be read as 2; "
    )
