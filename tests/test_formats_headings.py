"""Plans whose tasks are phases, steps or numbered headings."""

from textwrap import dedent

import pytest

from peal.formats import parse
from peal.model.plan import Plan

SPEC = """
    # Faster clock

    ## Phase Summary

    | Phase | Name |
    |-------|------|
    | 1 | Measure |

    ## Phases

    ### Phase 1: Measure

    **Phase Status:** complete

    **Files:**

    - `src/clock.py` — modify
    - `docs/clock.md:12` — mention it

    **Tasks:**

    - [x] read the clock
      - twice
    - [ ] write it down

    **Verification:**

    - [ ] `make test` passes
    - [ ] `only_a_name` passes
    - [ ] it ticks

    ### 📋 **Phase 2: Mend** ✅

    #### Success Criteria:

    ##### Automated Verification:
    - [ ] Types are right: `mypy src`
    - [ ] New tests in `tests/test_clock.py` pass.
    - [ ] Lint passes: `ruff`

    ##### Manual Verification:
    - [ ] The clock looks **right**

    ### Phase 2a — Tell people

    **Status:** not_started

    Write to them.

    ## Final Verification

    - [ ] all is well
    """


def plan_of(text: str) -> Plan:
    return parse(dedent(text).lstrip("\n").encode(), "plans/a.md")


def read(text: str) -> Plan:
    plan = plan_of(text)
    assert plan.problems == ()
    return plan


def shown(plan: Plan) -> list[tuple[str, str, bool]]:
    return [(task.id, task.title, task.done) for task in plan.tasks]


def test_each_phase_of_a_specification_is_a_task():
    plan = read(SPEC)

    assert plan.format == "phases"
    assert shown(plan) == [("1", "Measure", True), ("2", "Mend", True), ("2a", "Tell people", False)]
    assert plan.tasks[2].body == "**Status:** not_started\n\nWrite to them."
    assert "- [x] read the clock" in plan.tasks[0].body
    assert "Final Verification" in plan.context
    assert plan.context.startswith("# Faster clock")


def test_a_phase_tells_its_files_and_its_checks():
    measure, mend, _ = read(SPEC).tasks

    assert measure.files == ("src/clock.py", "docs/clock.md")
    assert measure.checks == ("make test",)
    assert mend.checks == ("mypy src", "ruff")
    assert mend.manual_checks == ("The clock looks **right**",)


def test_boxes_in_no_phase_are_told():
    assert [(note.line, note.message) for note in read(SPEC).notes] == [
        (52, "`all is well` in no phase: no task; it goes to the agents as text")
    ]


@pytest.mark.parametrize(
    ("status", "done"),
    [
        ("**Phase Status:** complete", True),
        ("- **Status:** complete", True),
        ("**Status:** ✅ Completed (yesterday)", True),
        ("**Status**: COMPLETE", True),
        ("**Status:** ✅", True),
        ("**状态：** 完成", True),
        ("**Status:** not started", False),
        ("- **Status:** in_progress", False),
        ("**Status:** pending", False),
    ],
)
@pytest.mark.parametrize("mark", " x")
def test_the_own_status_of_a_phase_decides(status, done, mark):
    plan = read(f"### Phase 1: A\n{status}\n- [{mark}] a\n### Phase 2: B\n- [ ] b\n")

    assert [task.done for task in plan.tasks] == [done, False]
    assert plan.notes == ()


def test_a_status_that_nobody_knows_is_told_and_the_boxes_decide():
    plan = read("### Phase 1: A\n**Status:** purple\n- [x] a\n### Phase 2: B\n**Status:** done\n")

    assert [task.done for task in plan.tasks] == [True, True]
    assert [note.line for note in plan.notes] == [2]


def test_boxes_with_texts_of_their_own_are_the_tasks_and_phases_only_their_sections():
    plan = read("## Phase 1: x\n- [ ] a\n  - in detail\n\n## Phase 2: y\n- [ ] b\n")

    assert (plan.format, [task.title for task in plan.tasks]) == ("checklist", ["a", "b"])


@pytest.mark.parametrize("begins", ["Step {}", "Milestone {}", "Schritt {}", "步骤 {}", "P1-0{}", "T00{}"])
@pytest.mark.parametrize("rest", [" [x] Beta", " (done): Beta", " Beta"])
def test_a_heading_that_begins_like_a_task_and_is_none_is_never_passed_over(begins, rest):
    """A title in another form must not take a piece of work out of the plan."""
    one, two, three = map(begins.format, (1, 2, 3))
    plan = parse(
        f"## {one}: Alpha\n- [ ] a\n\n## {two}{rest}\n- [ ] b\n\n## {three}: Gamma\n- [ ] c\n".encode(),
        "plan.md",
    )

    assert [problem.line for problem in plan.problems] == [4]
    assert f"write `## {two}: title`" in plan.problems[0].message


@pytest.mark.parametrize("begins", ["Step {}", "P1-0{}"])
@pytest.mark.parametrize("level", ["#", "###"])
def test_a_task_on_another_level_is_never_passed_over(begins, level):
    """Parts of a task, which have its number before theirs, are not meant."""
    one, two, three = map(begins.format, (1, 2, 3))
    text = f"## {one}: A\n- [ ] a\n### {one}.1: part\n- [ ] p\n## {two}: B\n- [ ] b\n{level} {three}: C\n- [ ] c\n"

    plan = parse(text.encode(), "plan.md")

    assert [problem.line for problem in plan.problems] == [7]
    assert "of another level" in plan.problems[0].message


def test_boxes_of_one_line_are_steps_of_their_phase():
    plan = read("## Phase 1: x\n- [ ] a\n- [ ] b\n\n## Phase 2: y\n- [x] c\n")

    assert (plan.format, shown(plan)) == ("phases", [("1", "x", False), ("2", "y", True)])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("## Phase 1: x\n- [ ] a\n## Phase 2: y\n- [ ] b\n# Again\n## Phase 1: x\n- [ ] a\n", 6),
        ("## Phase 1: x\n- [ ] a\n## Phase 2: y\n- [ ] b\n### Phase 2b: z\n- [ ] c\n", 5),
        ("## Phase 1: x\n- [?] a\n## Phase 2: y\n- [ ] b\n", 2),
        ("## Phase 1\n\n## Phase 2: y\n- [ ] c\n", 1),
    ],
)
def test_what_cannot_be_one_row_of_phases_is_refused(text, line):
    plan = plan_of(text)

    assert (plan.format, [problem.line for problem in plan.problems]) == ("phases", [line])


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("# Phase 3: x\n- [ ] a\n- [ ] b\n\n# Done\n- [x] c\n", ["a", "b", "c"]),
        (
            "## Phase 1: x\n- [ ] API-1 a\n- [ ] API-2 b\n\n## Phase 2: y\n- [ ] `API-3` c\n",
            ["API-1 a", "API-2 b", "`API-3` c"],
        ),
        (
            "## Phase 1: x\n- [ ] Task 1: a\n## Checkpoint: x\n- [ ] it runs\n## Phase 2: y\n- [ ] Task 2: b\n",
            ["Task 1: a", "Task 2: b"],
        ),
    ],
)
def test_boxes_that_are_tasks_themselves_are_no_steps_of_a_phase(text, tasks):
    plan = read(text)

    assert (plan.format, [task.title for task in plan.tasks]) == ("checklist", tasks)


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("- [ ] a\n  - Status: done\n- [ ] b\n", False),
        ("- [x] a\n- **Status:** 🔄 in progress\n", False),
        ("### Part 1\n**Status:** done\n### Part 2\n**Status:** pending\n", False),
        ("### Part 1\n**Status:** done\n### Part 2\n**Status:** done\n", True),
        ("**Status:** `[x] Completed`\n", True),
        ("**Status:** done\n### Part 1\n**Status:** pending\n", True),
    ],
)
def test_only_a_status_of_its_own_decides_for_a_phase(text, done):
    assert read(f"## Phase 1: x\n{text}").tasks[0].done == done


LOGGED = """
    # Faster clock

    ## Phase 1: Measure

    ### Success Criteria:
    - `make test`

    ## Phase 2: Speed up

    ## Progress

    ### Phase 1: Measure

    - [x] 1.1 `make test` passes
    - [x] 1.2 It ticks

    ### Phase 2: Speed up

    - [ ] 2.1 It ticks faster
"""


def test_phases_that_are_listed_again_under_progress_are_ticked_off_there():
    plan = read(LOGGED)

    assert (plan.format, shown(plan)) == ("phases", [("1", "Measure", True), ("2", "Speed up", False)])


@pytest.mark.parametrize(
    "heading", ["Phase Summary", "2.6 Phase 2 gate", "Active Phases", "Phases", "Conclusion from Phase 1"]
)
def test_other_headings_with_phases_in_them_are_no_phases(heading):
    assert plan_of(f"## {heading}\n\ntext\n").format == "unknown"


@pytest.mark.parametrize(
    ("one", "two", "ids"),
    [
        ("### 1. A", "### 2. B", ["1", "2"]),
        ("### P1-01: A", "### P1-02: B", ["P1-01", "P1-02"]),
        ("## Step 1: A", "## Step 2: B", ["1", "2"]),
        ("## Milestone 1: A", "## Milestone 2: B", ["1", "2"]),
        ("### Iteration 1 - A", "### Iteration 2 - B", ["1", "2"]),
        ("## Aufgabe 1: A", "## Aufgabe 2: B", ["1", "2"]),
        ("## Kapitelchen 1: A", "## Kapitelchen 2: B", ["1", "2"]),
        ("### 任务 1：A", "### 任务 2：B", ["1", "2"]),
        ("## 🚀 **Étape 1 : A**", "## 🚀 **Étape 2 : B**", ["1", "2"]),
        ("### T001: A", "### T002: B", ["T001", "T002"]),
        ("### [SETUP-01]: A", "### [SETUP-02]: B", ["SETUP-01", "SETUP-02"]),
    ],
)
def test_headings_with_numbers_are_the_tasks_and_boxes_below_them_steps(one, two, ids):
    plan = read(f"# Plan\n\n{one}\n- [x] x\n- [x] y\n\n{two}\n- [ ] z\n")

    assert plan.format == "numbered"
    assert [(task.id, task.title.strip("*"), task.done) for task in plan.tasks] == [
        (ids[0], "A", True),
        (ids[1], "B", False),
    ]
    assert plan.tasks[0].body == "- [x] x\n- [x] y"


@pytest.mark.parametrize(
    "text",
    [
        "## 1. Goal\n\ntext\n\n## 2. Steps\n\ntext\n",
        "## Option 1: a\n- [ ] x\n## Option 2: b\n- [ ] y\n",
        "### FR-1: a\n- [ ] x\n### FR-2: b\n- [ ] y\n",
        "## Chapter 1: a\n\ntext\n\n## Chapter 2: b\n\ntext\n",
    ],
)
def test_numbered_sections_of_a_text_are_no_tasks(text):
    assert plan_of(text).format != "numbered"


def test_dependencies_and_marks_of_numbered_headings():
    plan = read(
        """
        ## Stage one
        ### T001: A [P]
        **Priority**: P0 | **Depends on**: none
        ### T002: B
        **Priority**: P0 | **Depends on**: T001 | **Parallel**: yes
        ### T003: C
        **Dependencies:** T001, T002
        ### T004: D
        **Dependencies:** the build
        """
    )

    assert [(task.id, task.title, task.parallel, task.after) for task in plan.tasks] == [
        ("T001", "A", True, ()),
        ("T002", "B", True, ("T001",)),
        ("T003", "C", False, ("T001", "T002")),
        ("T004", "D", False, ()),
    ]


def test_a_number_that_two_headings_have_is_refused():
    plan = plan_of("## Step 1: a\n- [ ] x\n## Step 2: b\n- [ ] y\n## Step 2: c\n- [ ] z\n")

    assert [problem.line for problem in plan.problems] == [5]


def test_a_list_that_repeats_headings_is_the_plan_and_they_are_its_texts():
    plan = read(
        "## Progress\n- [x] **Step 1:** wash\n- [ ] **Step 2:** dry\n\n## Step 1: wash\n\nWith soap.\n\n## Step 2: dry\n\nIn the sun.\n"
    )

    assert plan.format == "checklist"
    assert [(task.title, task.body, task.done) for task in plan.tasks] == [
        ("**Step 1:** wash", "With soap.", True),
        ("**Step 2:** dry", "In the sun.", False),
    ]
    assert "With soap" not in plan.context


def test_tasks_that_are_named_by_their_phase_are_tasks():
    plan = read("""
        ## Phase 1: x

        ### Task p01-t01: Make a

        **Status:** completed

        ### Task p01-t02: Make b

        **Status:** pending
    """)

    assert (plan.format, shown(plan)) == (
        "numbered",
        [("p01-t01", "Make a", True), ("p01-t02", "Make b", False)],
    )


def test_numbers_with_zeros_in_front_are_the_same_in_headings_and_dependencies():
    plan = read("### Task 01: a\n### Task 02: b\n**Depends on:** Task 01\n")

    assert [(task.id, task.after) for task in plan.tasks] == [("1", ()), ("2", ("1",))]


@pytest.mark.parametrize(
    ("heading", "done"),
    [
        ("[x] Task 2: b", True),
        ("[ ] Task 2: b", False),
        ("✅ Task 2: b", True),
        ("Task 2 ✅: b", True),
        ("Task 2 [P] ✓ — b", True),
        ("Task 2 — b ✅", True),
    ],
)
def test_how_far_a_task_is_may_stand_before_it_or_behind_its_number(heading, done):
    plan = read(f"### Task 1: a\n### {heading}\n")

    assert shown(plan) == [("1", "a", False), ("2", "b", done)]


def test_a_status_that_does_not_count_is_told():
    plan = read("### Task 1: a\n**Status:** completed\n### Task 2: b\n- [x] c\n- Status: done\n")

    assert shown(plan) == [("1", "a", False), ("2", "b", True)]
    assert [note.line for note in plan.notes] == [1]


def test_headings_with_another_word_that_only_speak_of_the_work_are_no_tasks():
    plan = parse(
        b"### Feature 1: A\n\n- [x] a\n\n### Feature 2: B\n\n- [ ] b\n\n## Plan\n\n### Sprint 1: Both\n\nFeature 1, 2\n",
        "plan.md",
    )

    assert (plan.format, [(task.id, task.title, task.done) for task in plan.tasks]) == (
        "numbered",
        [("1", "A", True), ("2", "B", False)],
    )


def test_ticked_headings_in_phases_are_refused():
    plan = plan_of("## Phase 1: A\n\n### [x] CHUNK-01: b\n\n### [ ] CHUNK-02: c\n\n## Phase 2: D\n")

    assert [problem.line for problem in plan.problems] == [3]


def test_a_single_heading_that_is_called_a_task_is_one_in_other_languages_too():
    plan = read("### 任务 1：A\n\n- [ ] 步骤 1：b\n- [x] 步骤 2：c\n")

    assert (plan.format, shown(plan)) == ("numbered", [("1", "A", False)])


@pytest.mark.parametrize("status", ["✅ FEITO", "concluído", "Завершено"])
def test_a_status_may_be_told_in_other_languages(status):
    assert read(f"## Phase 1: A\n\n**Status**: {status}\n\n## Phase 2: B\n\n- [ ] b\n").tasks[0].done


@pytest.mark.parametrize(
    "overview",
    [
        "| Task | State |\n|---|---|\n| 1 | ✅ |",
        "| # | What | State |\n|---|---|---|\n| 1 | A | Done |",
        "| Task 1: A | ☑ 3/3 |",
        "- [x] Task 1: A",
        "- Task 1: A ✅",
        "- ✅ Task 1",
        "- Task 1: done",
    ],
)
def test_what_an_overview_says_is_done_does_not_count_and_is_told(overview):
    plan = read(f"{overview}\n\n## Task 1: A\n\nb\n\n## Task 2: B ✅\n")
    line = overview.count("\n") + 1

    assert shown(plan) == [("1", "A", False), ("2", "B", True)]
    assert [(note.line, note.message.startswith("by `")) for note in plan.notes] == [(line, True)]


@pytest.mark.parametrize(
    "text",
    [
        "| Code | Means |\n|---|---|\n| 1 | Done |",
        "| Task | State |\n|---|---|\n| 1 | open |\n| 2 | done |",
        "| Task | State |\n|---|---|\n| 1 | Complete the whole of it |",
        "- [ ] Task 1: A\n- [x] Task 2\n- [x] b",
        "```\n- [x] Task 1\n```",
    ],
)
def test_what_says_nothing_of_an_open_task_is_not_told(text):
    assert not read(f"{text}\n\n## Task 1: A\n\nb\n\n## Task 2: B ✅\n").notes


@pytest.mark.parametrize("heading", ["## Phase 1: A", "## Step 1: A"])
def test_overviews_of_other_headings_are_told_as_well(heading):
    plan = read(
        f"| 1 | A | ✅ |\n| 2 | B | |\n\n{heading}\n\n- [ ] b\n\n{heading.replace('1: A', '2: B')}\n\n- [ ] c\n"
    )

    assert [note.line for note in plan.notes] == [1]


@pytest.mark.parametrize(
    "heading",
    [
        "✅ Phase 1: A",
        "Phase 1 ✅: A",
        "Phase 1 [x]: A",
        "[x] Phase 1: A",
        "Phase 1: [x] A",
        "Phase 1: A (done)",
    ],
)
def test_a_phase_is_done_wherever_its_heading_says_so(heading):
    assert shown(read(f"## {heading}\n\nb\n\n## ⏳ Phase 2: C\n\nd\n")) == [
        ("1", "A", True),
        ("2", "C", False),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "## ✅ Phase 1: A\n\n- [ ] b\n\n## Phase 2: C\n",
        "## ✅ Phase 1: A\n\n## 🎨 Phase 2: C\n",
        "## ~~Phase 1: A~~\n\n## Phase 2: C\n",
        "## Phase 1: ✅ A\n\n## Phase 2: C\n",
    ],
)
def test_a_phase_that_may_be_done_is_worked_on_and_told(text):
    plan = read(text)

    assert [task.done for task in plan.tasks] == [False, False]
    assert [note.line for note in plan.notes] == [1]


def test_a_tick_before_a_phase_whose_boxes_are_ticked_is_not_told():
    assert not read("## ✅ Phase 1: A\n\n- [x] b\n\n## 🎨 Phase 2: C\n\n- [ ] d\n").notes


def test_a_phase_is_not_dropped_for_how_it_is_written():
    plan = plan_of("## Phase 1: A\n\nb\n\n## Phase 2 A second one\n\n## Phase 1 in short\n")

    assert [problem.line for problem in plan.problems] == [5]
