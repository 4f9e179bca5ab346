"""Lists whose items have numbers of their own: Kiro, OpenSpec, Agent OS and their kin; and criteria, which are no tasks."""

from textwrap import dedent

import pytest

from peal.formats import parse
from peal.model.plan import Plan


def plan_of(text: str) -> Plan:
    return parse(dedent(text).lstrip("\n").encode(), "tasks.md")


def read(text: str) -> Plan:
    plan = plan_of(text)
    assert plan.problems == ()
    return plan


def ids(plan: Plan) -> list[str]:
    return [task.id for task in plan.tasks]


def after(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {task.id: task.after for task in plan.tasks if task.after}


def segments(plan: Plan) -> list[tuple[str, ...]]:
    return [segment.tasks for segment in plan.segments]


def messages(plan: Plan) -> str:
    return "\n".join(f"{one.line}: {one.message}" for one in (*plan.problems, *plan.notes))


KIRO = """
    # Implementation Plan

    - [x] 1. Lay the ground
      - What both need
      - [x] 1.1 Make the folder
        - with a readme
        - _Requirements: 1.2, 3.4_
      - [ ] 1.2 Fill it
    - [ ] 2. Ship it
"""


# --- Kiro


def test_the_items_of_a_kiro_list_that_hold_no_others_are_its_tasks():
    plan = read(KIRO)

    assert plan.format == "kiro"
    assert [(task.id, task.title, task.done, task.line) for task in plan.tasks] == [
        ("1.1", "Make the folder", True, 5),
        ("1.2", "Fill it", False, 8),
        ("2", "Ship it", False, 9),
    ]
    assert [(one.id, one.title, one.done, one.line) for one in plan.parents] == [
        ("1", "Lay the ground", True, 3)
    ]
    assert plan.tasks[0].body == "- with a readme\n- _Requirements: 1.2, 3.4_"
    assert "What both need" in plan.context


def test_what_holds_what_is_told_by_numbers_and_not_by_indent():
    plan = read("- [ ] 1. A\n- [ ] 1.1 b\n- [ ] 1.2 c\n- [ ] 2. D\n")

    assert (ids(plan), [one.id for one in plan.parents]) == (["1.1", "1.2", "2"], ["1"])


def test_a_ticked_parent_says_nothing_of_what_it_holds():
    plan = read("- [x] 1. A\n- [ ] 1.1 b\n- [ ] 2. C\n- [x] 2.1 d\n")

    assert [(task.id, task.done) for task in plan.tasks] == [("1.1", False), ("2.1", True)]


@pytest.mark.parametrize("star", ["*", "\\*"])
def test_a_star_behind_the_box_makes_a_task_optional(star):
    plan = read(f"- [ ] 1. A\n  - [ ] 1.1 b\n  - [x]{star} 1.2 c\n- [ ]{star} 2. D\n  - [ ] 2.1 e\n")

    assert [(task.id, task.title, task.is_optional) for task in plan.tasks] == [
        ("1.1", "b", False),
        ("1.2", "c", True),
        ("2.1", "e", True),
    ]


@pytest.mark.parametrize("star", ["*", "\\*", ".*"])
def test_a_star_behind_the_number_makes_a_task_optional_too(star):
    plan = read(f"- [ ] 1.1 (P) a\n- [ ] 1.2{star} b\n- [ ] **1.3** c\n")

    assert [(task.id, task.title, task.is_optional) for task in plan.tasks] == [
        ("1.1", "a", False),
        ("1.2", "b", True),
        ("1.3", "c", False),
    ]


def test_a_p_after_the_number_puts_tasks_of_one_parent_side_by_side():
    plan = read(
        """
        - [ ] 1. A
        - [ ] 1.1 (P) b
        - [ ] 1.2 (P) c
        - [ ] 2. D
        - [ ] 2.1 (P) e
        - [ ] 2.2 f (P) g
        """
    )

    assert segments(plan) == [("1.1", "1.2"), ("2.1",), ("2.2",)]
    assert [task.title for task in plan.tasks] == ["b", "c", "e", "f (P) g"]


def test_a_p_of_what_holds_others_is_told():
    assert "2: `(P)` of `1` is not followed" in messages(plan_of("# T\n- [ ] 1. (P) A\n- [ ] 1.1 b\n"))


def test_parents_may_be_headings():
    plan = read("### 1. A\n\n- [ ] 1.1 (P) b\n\n### 2. C\n\n- [ ] 2.1 (P) d\n")

    assert (plan.format, segments(plan), plan.parents) == ("kiro", [("1.1",), ("2.1",)], ())


@pytest.mark.parametrize(
    "line",
    [
        "  - _Depends: 1.1, 1.2_",
        "  - _Depends on: 1.1–1.2_",
        "  _Dependencies: 1.1 and 1.2_",
        "  - **Dependencies:** Task 1.1, existing tests, 1.2 (the second)",
        "  - **Depends on**: tasks 1.1, 1.2",
        "  - 依存: タスク 1.1、1.2",
        "  - **依赖**：1.1，1.2",
        "  - Depends on: 1",
        "  - depends_on: 1.1,1.2",
        "  └── Depends: 1.1, 1.2",
        "  - 依存: タスク 1.1（b）、1.2 の完了が必要",
    ],
)
def test_what_a_task_depends_on_it_waits_for(line):
    plan = read(f"- [ ] 1. A\n- [ ] 1.1 b\n- [ ] 1.2 c\n- [ ] 2. D\n- [ ] 2.1 e\n- [ ] 2.2 f\n{line}\n")

    assert after(plan) == {"2.2": ("1.1", "1.2")}


def test_what_a_task_depends_on_may_stand_before_the_word():
    plan = read(
        "- [ ] 1.1 (P) a\n- [ ] 1.2 b\n- [ ] 1.3 c（1.1に依存）\n- [ ] 1.4 d（すべてのタスクに依存）\n"
    )

    assert after(plan) == {"1.3": ("1.1",)}
    assert "4: what `1.4` depends on is not told by ids alone" in messages(plan)


@pytest.mark.parametrize(
    "line", ["_Depends: -_", "_Depends: none_", "_Requirements: 1.1_", "**Dependencies:** The 1.1 release"]
)
def test_what_names_no_task_is_no_dependency(line):
    assert after(read(f"- [ ] 1. A\n- [ ] 1.1 b\n- [ ] 2. C\n  - {line}\n")) == {}


@pytest.mark.parametrize("told", ["1.1, all tests", "Phase 1 complete, 1.1", "Task 1.1, every earlier task"])
def test_a_task_that_depends_on_more_than_is_named_keeps_its_place(told):
    plan = read(f"- [ ] 1.1 a\n- [ ] 1.2 b\n- [ ] 1.3 c\n  - **Dependencies:** {told}\n")

    assert after(plan) == {}
    assert "3: what `1.3` depends on is not told by ids alone" in messages(plan)


def test_a_dependency_that_is_not_there_is_refused():
    assert "is to come after task `7.7`, which is not in this plan" in messages(
        plan_of("- [ ] 1.1 a\n- [ ] 1.2 b\n  - _Depends: 7.7_\n")
    )


def test_code_is_no_dependency():
    assert after(read("- [ ] 1.1 a\n- [ ] 1.2 b\n- [ ] 1.3 c\n  ```\n  depends: 1.1\n  ```\n")) == {}


def test_what_a_parent_depends_on_its_first_task_waits_for_and_the_others_for_one_another():
    plan = read(
        "- [ ] 1. A\n- [ ] 2. B\n- [ ] 3. C\n  - _Depends: 1_\n  - [ ] 3.1 d\n  - [ ]* 3.2 e\n  - [ ] 3.3 f\n"
    )

    assert after(plan) == {"3.1": ("1",), "3.2": ("3.1",), "3.3": ("3.1",)}


def test_ids_may_be_words():
    plan = read(
        """
        - [x] **CORE-1: A**
          - **Dependencies:** None
        - [ ] **API-1: B** (big)
          - **Dependencies:** CORE-1
        """
    )

    assert plan.format == "kiro"
    assert [(task.id, task.title, task.after) for task in plan.tasks] == [
        ("CORE-1", "A", ()),
        ("API-1", "B (big)", ("CORE-1",)),
    ]


WAVES = """
    - [ ] 1. A
      - [ ] 1.1 b
      - [ ] 1.2 c
    - [ ] 2. D
      - [ ] 2.1 e
    - [ ] 3. Look at it

    ## Task Dependency Graph

    ```json
    {"waves": [{"id": 0, "tasks": ["1.2", "2.1"]}, {"id": 1, "tasks": ["1.1"]}]}
    ```
"""


def test_a_graph_of_waves_decides_what_is_side_by_side():
    plan = read(WAVES)

    assert segments(plan) == [("1.2", "2.1"), ("1.1",), ("3",)]
    assert "`3` in no wave of the graph on line 10" in messages(plan)


def test_a_wave_may_name_what_holds_others_and_use_numbers():
    plan = read(WAVES.replace('["1.2", "2.1"]', "[1, 3]").replace('["1.1"]', "[2]"))

    assert (segments(plan), after(plan)) == ([("1.1", "1.2", "3"), ("2.1",)], {"1.2": ("1.1",)})


def test_waves_may_be_lists_of_tasks():
    text = '- [ ] 1. A\n- [ ] 2. B\n- [ ] 3. C\n\n```json\n{"waves": [["1", "3"], ["2"]]}\n```\n'

    assert segments(read(text)) == [("1", "3"), ("2",)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"1.1"]', '"1.1", "9"]', "the graph names `9`, which is no task here"),
        ('"1.1"]', '"1.2"]', "the graph names `1.2`, which is in a wave already"),
        ('"1.1"]}]}', '"1.1"]}}', "11: the graph of waves is no JSON"),
        ('["1.1"]', '"1.1"', "10: the graph is not written like"),
        ('["1.1"]', "[true]", "10: the graph is not written like"),
        ("c\n", "c\n        - _Depends: 2.1_\n", "`1.2` depends on `2.1`, which the graph puts no earlier"),
    ],
)
def test_a_graph_that_is_wrong_is_refused(old, new, said):
    assert said in messages(plan_of(WAVES.replace(old, new)))


def test_lines_of_a_template_are_no_tasks():
    plan = read("- [ ] {{NUMBER}}. {{TASK}}{{MARK}}\n\n- [ ] 1. A\n- [ ] 2. B\n")

    assert ids(plan) == ["1", "2"]
    assert "1: `{{NUMBER}}. {{TASK}}{{MARK}}` is left from a template" in messages(plan)


def test_a_title_may_speak_of_a_template():
    assert ids(read("- [ ] 1. A\n- [ ] 2. Write {{NAME}} into it\n")) == ["1", "2"]


def test_a_second_listing_under_headings_holds_the_text_of_the_tasks():
    plan = read(
        "- [x] 1.1 A\n- [ ] 1.2 B\n\n## More\n\n#### [x] 1.1 A\n\nhow a\n\n#### [ ] 1.2 B\n\nhow b\n\n## End\n"
    )

    assert [(task.id, task.done, task.body) for task in plan.tasks] == [
        ("1.1", True, "how a"),
        ("1.2", False, "how b"),
    ]
    assert "how a" not in plan.context


# --- OpenSpec


def test_boxes_with_numbers_under_numbered_headings_are_openspecs():
    plan = read(
        """
        ## 1. First

        - [x] 1.1 a
          <!-- Files: src/a.ts, `src/b.ts` -->
        - [ ] 1.1a **b**
        - [ ] **1.2 TEST: c** (abc)
          - step
            - [ ] 99 bottles

        ## 2.Second
        - [ ] 2.10 d
        """
    )

    assert plan.format == "openspec"
    assert [(task.id, task.title, task.done) for task in plan.tasks] == [
        ("1.1", "a", True),
        ("1.1a", "b", False),
        ("1.2", "TEST: c (abc)", False),
        ("2.10", "d", False),
    ]
    assert plan.tasks[0].files == ("src/a.ts", "src/b.ts")


def test_openspecs_items_may_hold_others():
    plan = read("## 3. A\n- [ ] 3.1 b\n- [ ] 3.2 c\n  - [ ] 3.2.1 d\n")

    assert (ids(plan), [one.id for one in plan.parents]) == (["3.1", "3.2.1"], ["3.2"])


def test_a_byte_order_mark_hides_no_heading():
    assert parse(b"\xef\xbb\xbf## 1. A\n- [ ] 1.1 b\n", "tasks.md").format == "openspec"


def test_boxes_without_numbers_under_numbered_headings_are_openspecs_too():
    plan = read("## 1. A\n\n- [ ] b\n- [ ] c\n\n## 2. D\n\n- [ ] e\n")

    assert (plan.format, [(task.id, task.title) for task in plan.tasks]) == (
        "openspec",
        [("1", "b"), ("2", "c"), ("3", "e")],
    )


def test_a_list_without_boxes_is_refused_by_name():
    plan = plan_of("## 1. A\n\n### 1.1 b\n\n- how\n\n### 1.2 c\n\n- how\n")

    assert (plan.format, plan.tasks) == ("openspec", ())
    assert "3: this looks like a task list of OpenSpec whose tasks have no boxes" in messages(plan)


def test_a_mark_that_means_several_things_is_told():
    assert "2: `[~]` is read as not done" in messages(read("## 1. A\n- [~] 1.1 b\n"))


# --- Agent OS, ai-dev-tasks


def test_one_point_zero_holds_what_follows_whatever_its_indent():
    plan = read("- [ ] 0.0 Branch\n- [x] 0.1 a\n- [ ] 1.0 Work\n  - [ ] 1.1 b\n- [ ] 2.0 Alone\n")

    assert plan.format == "task_groups"
    assert (ids(plan), [one.id for one in plan.parents]) == (["0.1", "1.1", "2.0"], ["0.0", "1.0"])


def test_one_point_zero_below_a_heading_of_that_number_is_a_task():
    plan = read("## 1. A\n- [ ] 1.0 b\n- [ ] 1.1 c\n")

    assert (plan.format, ids(plan)) == ("openspec", ["1.0", "1.1"])


def test_versions_hold_no_others():
    plan = read("- [x] **1.0 — Core**\n- [ ] **1.1 — More**\n- [ ] **1.2 — Most**\n")

    assert [(task.id, task.title) for task in plan.tasks] == [
        ("1.0", "Core"),
        ("1.1", "More"),
        ("1.2", "Most"),
    ]


def test_what_a_task_group_depends_on_are_edges_from_all_tasks_of_that_group():
    plan = read(
        """
        #### Task Group 1: A
        **Dependencies:** None (builds on X)

        - [ ] 1.0 B
          - [ ] 1.1 c
          - [ ] 1.2 d

        **Acceptance Criteria:**
        - fast

        #### Task Group 2: E
        **Dependencies:** Task Group 1, running server

        - [ ] 2.0 F
          - [ ] 2.1 g
          - [ ] 2.2 h

        #### Task Group 3: I
        **Dependencies:** Task Groups 1-2

        - [ ] 3.0 J
          - [ ] 3.1 k
        """
    )

    assert plan.format == "task_groups"
    assert after(plan) == {
        "2.1": ("1.1", "1.2"),
        "2.2": ("2.1",),
        "3.1": ("1.1", "1.2", "2.1", "2.2"),
    }


def test_a_task_group_that_is_not_there_is_refused():
    plan = plan_of("#### Task Group 1: A\n**Dependencies:** Task Group 7\n\n- [ ] 1.0 B\n  - [ ] 1.1 c\n")

    assert "after task `Group 7`, which is not in this plan" in messages(plan)


# --- what no number explains


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## 1. A\n- [ ] 1.1 a\n- [ ] b\n- [ ] 1.2 c\n", "3: `b` has no number, but those around it have"),
        ("## 1. A\n- [ ] 1.1 a\n- 1.2 b\n", "3: `- 1.2 b` goes on in the row of `1.1`, but has no box"),
        ("## 1. A\n- [ ] 1.1 a\n- [x]1.2 b\n", "3: `- [x]1.2 b` looks like a task"),
        ("## 1. A\n- [ ] 1.1 a\n\n[ ] 1.2 b\n", "4: `[ ] 1.2 b` looks like a task"),
        ("## 1. A\n- [?] 1.1 a\n", "2: the mark `[?]` of `1.1 a` is not known"),
        ("## 1. A\n- [ ] 1.1 a\n- [ ] 1.1 b\n", "3: task name `1.1` is the name of the task on line 2"),
        ("- [ ] 1. A\n- [ ] 2. B\n- [ ] 1.1 c\n", "3: `1.1` does not stand below `1`"),
        ("- [ ] 1. A\n- [ ] 1.1 b\n- [ ] 1. C\n- [ ] 1.2 d\n", "3: the number `1` is the one of line 1 too"),
        ("---\nid: 3\nstatus: open\n---\n- [ ] 1. A\n- [ ] 2. B\n", "3: by `status` this file is one task"),
    ],
)
def test_what_no_rule_explains_is_refused(text, said):
    plan = plan_of(text)

    assert plan.problems
    assert said in messages(plan)


def test_boxes_without_a_number_in_another_section_are_told():
    plan = read("- [ ] 1. A\n- [ ] 2. B\n\n## Notes\n\n- [ ] c\n- [ ] d\n\n## Success Criteria\n\n- [ ] e\n")

    assert ids(plan) == ["1", "2"]
    assert "6: `c` and 1 more without a number: no task" in messages(plan)
    assert "11: `e` by which work is measured: no task" in messages(plan)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("- [ ] **1. A**\n- [ ] **2. B**\n", "1. A"),
        ("- [ ] 1. A\n- [ ] B\n- [ ] 2. C\n", "1. A"),
        ("## X\n- [ ] 1. A\n- [ ] 2. B\n## Y\n- [ ] 1. C\n", "1. A"),
        ("- [ ] Task 1: A\n  - [ ] 1.1 b\n  - [ ] 1.2 c\n", "Task 1: A"),
        ("- [ ] 1. A\n", "1. A"),
    ],
)
def test_titles_that_begin_with_a_number_make_no_other_list_of_a_plain_one(text, title):
    plan = read(text)

    assert plan.format == "checklist"
    assert plan.tasks[0].title == title


# --- criteria


@pytest.mark.parametrize(
    "label",
    [
        "## Acceptance Criteria",
        "## 5. Success Criteria",
        "### ✅ Definition of Done",
        "## Quality Gates",
        "**Acceptance Criteria:**",
        "**Success criteria**:",
        "**Verification:**",
        "Acceptance criteria:",
        "## 验收标准",
        "**受け入れ基準:**",
    ],
)
def test_criteria_are_no_tasks(label):
    plan = read(f"- [ ] Build\n\n{label}\n\n- [ ] Fast\n- [x] Small\n")

    assert ([task.title for task in plan.tasks], plan.tasks[0].done) == (["Build"], False)
    assert "Fast" in plan.context
    assert "by which work is measured: no task" in messages(plan)


@pytest.mark.parametrize("between", ["## More", "**More:**", "---"])
def test_criteria_end_with_their_section(between):
    plan = read(f"- [ ] Build\n\n**Acceptance Criteria:**\n\n- [ ] Fast\n\n{between}\n\n- [ ] Ship\n")

    assert [task.title for task in plan.tasks] == ["Build", "Ship"]


def test_criteria_hold_for_the_headings_below():
    plan = read("- [ ] Build\n\n## Success Metrics\n\n### Speed\n\n- [ ] Fast\n\n## Then\n\n- [ ] Ship\n")

    assert [task.title for task in plan.tasks] == ["Build", "Ship"]


def test_criteria_in_a_task_end_with_it():
    plan = read("- [ ] Build\n  **Acceptance Criteria:**\n  - [ ] Fast\n- [ ] Ship\n")

    assert [task.title for task in plan.tasks] == ["Build", "Ship"]


def test_criteria_without_boxes_say_nothing_of_the_boxes_behind_them():
    assert len(read("- [ ] Build\n\n**Acceptance Criteria:**\n- fast\n\n- [ ] Ship\n").tasks) == 2


def test_a_section_of_verification_may_be_work_and_that_is_told():
    plan = read("## Tasks\n- [ ] Build\n## Verification\n- [ ] Test\n")

    assert len(plan.tasks) == 2
    assert "4: the boxes below `Verification` are read as tasks" in messages(plan)


def test_any_list_of_checks_is_told_once_by_its_heading():
    text = "- [ ] Build\n- [ ] Ship\n- [ ] Sell\n\n## Code Review Checklist\n\n- [ ] Short\n\n## PR Checklist\n\n- [ ] Small\n"

    assert [note.line for note in read(text).notes] == [7, 11]


def test_a_mark_of_another_tool_in_a_plain_list_is_told():
    assert "1: the mark of `(P) a` and 1 other task is not followed" in messages(
        read("- [ ] (P) a\n- [ ] b [P]\n")
    )


def test_dependencies_of_a_plain_list_mean_the_numbers_in_its_titles():
    plan = read("- [ ] **Task 0: a**\n- [ ] **Task 1: b** (depends on Task 0)\n- [ ] Task 2: c (after 1)\n")

    assert after(plan) == {"2": ("1",), "3": ("2",)}


def test_dependencies_of_a_plain_list_of_issues_mean_issues():
    text = "- [x] Issue #2: a\n- [ ] Issue #3: b\n- [ ] Issue #5: c (depends on #2)\n"

    assert after(read(text)) == {"3": ("1",)}
    assert "after task `#7`, which is not in this plan" in messages(
        plan_of(f"{text}- [ ] #6: d (after #7)\n")
    )


ROWS = "| Task | Done |\n|---|---|\n| a | [ ] |\n| b | [x] |\n"


@pytest.mark.parametrize(
    ("text", "line"), [(f"{ROWS}\n- [ ] all\n", 3), (f"# Work\n\n{ROWS}", 5), ("- 🔲 a\n- 🔲 b\n", 1)]
)
def test_what_only_looks_like_tasks_is_named_where_there_are_no_others(text, line):
    assert [problem.line for problem in plan_of(text).problems] == [line]


def test_a_table_beside_more_tasks_is_text():
    plan = read(f"- [ ] c\n- [ ] d\n- [ ] e\n\n{ROWS}")

    assert [task.title for task in plan.tasks] == ["c", "d", "e"]


def test_a_file_of_nothing_but_criteria_is_refused():
    assert "all boxes stand below `Acceptance Criteria`" in messages(
        plan_of("## Acceptance Criteria\n- [ ] Fast\n")
    )


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("id: x\nstatus: Done", "a file that is one task"),
        ("depends_on: [1]", "by `depends_on` this file is one task"),
        ("todos:\n  - id: a", "a todo needs `id` and `content`"),
    ],
)
def test_a_file_that_is_one_task_is_not_torn_apart(settings, why):
    plan = plan_of(f"---\n{settings}\n---\n\n- [ ] Fast\n")

    assert why in messages(plan)


def test_headings_with_boxes_are_refused():
    assert "a plan whose headings have boxes" in messages(
        plan_of("#### [x] 1.1 A\n- [x] s\n#### [ ] 1.2 B\n- [ ] t\n")
    )


# --- spec-kit


def test_bold_type_may_hold_the_id_with_its_marks_and_title():
    plan = read("""
        - [x] **T001** Make it
        - [ ] **T002 [P]** Test it
        - [ ] **T003 [P] [US1]**: Try it
        - [ ] **T004: Ship it** to all
        - [ ] **[T005]** — Tell it
    """)

    assert [(task.id, task.parallel, task.title) for task in plan.tasks] == [
        ("T001", False, "Make it"),
        ("T002", True, "Test it"),
        ("T003", True, "Try it"),
        ("T004", False, "Ship it to all"),
        ("T005", False, "Tell it"),
    ]


def test_a_speckit_task_tells_what_it_depends_on_wherever_its_text_says_so():
    plan = read("""
        - [ ] T001 Make a
        - [ ] T002 [P] Make b
        - [ ] T003 [P] Make c out of
          both (depends on T001, T002)
        - [ ] T004 [P] Make d
          - Depends on: T003
        - [ ] T005 [P] Make e (requires T003)
        - [ ] T006 [P] Make f (after the release of T001)
    """)

    assert after(plan) == {"T003": ("T001", "T002"), "T004": ("T003",), "T005": ("T003",)}


def test_a_speckit_task_with_parts_in_it_holds_them():
    plan = read(
        """
        - [x] **T1 — Ground** (`app/`)
          - [ ] T1.1 Folders
          - [ ] T1.2 [P] Settings
        - [ ] **T11a — Door**
          - [ ] T11a.1 [P] Bell (depends on T1)
        - [ ] T4A Last
        """
    )

    assert (plan.format, ids(plan)) == ("speckit", ["T1.1", "T1.2", "T11a.1", "T4A"])
    assert [(parent.id, parent.title, parent.done) for parent in plan.parents] == [
        ("T1", "Ground (`app/`)", True),
        ("T11a", "Door", False),
    ]
    assert segments(plan) == [("T1.1",), ("T1.2",), ("T11a.1",), ("T4A",)]
    assert after(plan) == {"T11a.1": ("T1.1", "T1.2")}


def test_a_second_holder_of_parts_is_refused():
    assert "3: `T001` is on line 1 too" in messages(plan_of("- [ ] T001 a\n  - [ ] T001.1 b\n- [ ] T001 a\n"))


def test_boxes_with_ids_of_another_letter_are_refused_among_those_with_t():
    text = "- [ ] T1.1 a\n- [ ] T1.2 b\n\n## Later\n\n- [ ] **V2.1** c\n\n## Critérios de aceite\n\n- [ ] C1.1 d\n"

    assert [problem.line for problem in plan_of(text).problems] == [6]
    assert "`V2.1` is no id such as `T001`" in messages(plan_of(text))


def test_an_id_without_a_box_among_tasks_is_refused():
    plan = plan_of("""
        ## Phase 1

        - [ ] T001 Make a
        - **T002** Make b
        - [ ] T003 Make c

        ## Dependencies

        - T001 comes first, T004 is cut
    """)

    assert [problem.line for problem in plan.problems] == [4]
    assert "has no box" in messages(plan)


# --- Marks


@pytest.mark.parametrize("word", ["blocked", "planned", "BLOCKED", "not_started", "wip"])
def test_a_word_for_what_is_open_is_a_mark(word):
    plan = read(f"- [x] a\n- [{word}] b\n")

    assert [(task.title, task.done) for task in plan.tasks] == [("a", True), ("b", False)]


@pytest.mark.parametrize("word", ["skipped", "deferred", "cancelled"])
def test_a_word_that_does_not_say_what_is_to_be_done_is_refused(word):
    plan = plan_of(f"- [x] a\n- [{word}] b\n")

    assert [problem.line for problem in plan.problems] == [2]


def test_an_unknown_word_is_refused_where_others_are_marked_with_words():
    plan = plan_of("- [pending] a\n- [implemented] b\n")

    assert (
        messages(plan) == "2: the mark `[implemented]` is not known; write `[pending]`, or `[done]` if it is"
    )


def test_words_in_brackets_are_no_marks_in_a_list_of_boxes():
    assert ids(read("- [ ] a\n- [Feature] b\n- [link](c)\n")) == ["1"]


def test_a_ticked_box_without_a_bullet_is_told():
    plan = read("- [ ] a\n\n[X] **b**\n\n- [ ] c\n")

    assert "3: `[X] **b**` has no bullet: no task" in messages(plan)


def test_spec_kits_mark_behind_a_number_is_parallel_too():
    plan = read("""
        - [ ] 1. [P] Make a
        - [ ] 2. [P] Make b
        - [ ] 3. [P] Make c (depends: 1)
          - _Requirements: 1.2_
    """)

    assert [(task.parallel, task.after) for task in plan.tasks] == [(True, ()), (True, ()), (True, ("1",))]


def test_a_group_that_is_not_there_is_no_number():
    plan = plan_of("""
        ### Group 2: Server

        - [ ] 1.0 Make it
          - **Dependencies:** Group 1
          - [ ] 1.1 Begin
          - [ ] 1.2 End
    """)

    assert "`Group 1`, which is not in this plan" in messages(plan)


def test_a_numbered_section_of_boxes_without_numbers_is_refused():
    plan = plan_of(
        "## 1. Core\n- [ ] 1.1 a\n\n## 2. Docs\n- [ ] write\n- [ ] print\n\n## Notes\n- [ ] think\n"
    )

    assert [problem.line for problem in plan.problems] == [5]
    assert "write `2.1` before it" in messages(plan)


@pytest.mark.parametrize(
    "section", ["## 2. Docs\n- [x] write\n", "## 2. Acceptance Criteria\n- [ ] it runs\n"]
)
def test_a_numbered_section_without_work_to_do_is_only_told(section):
    assert ids(read(f"## 1. Core\n- [ ] 1.1 a\n\n{section}")) == ["1.1"]


def test_boxes_in_items_without_boxes_are_tasks_where_there_are_no_others():
    plan = read(
        "1. **Server**\n   - [ ] route\n     - [ ] both ways\n   - [x] answer\n2. **Client**\n   - [ ] ask\n"
    )

    assert [(task.title, task.done) for task in plan.tasks] == [
        ("route", False),
        ("answer", True),
        ("ask", False),
    ]
    assert "**Server**" in plan.context


@pytest.mark.parametrize("legend", ["## Legend\n", "### Status Key\n", "**Legend:**\n", "Legend:\n"])
def test_a_legend_is_no_task(legend):
    plan = read(f"{legend}\n- [ ] Not started\n- [x] Done\n\n## Work\n- [ ] a\n")

    assert [task.title for task in plan.tasks] == ["a"]
    assert "which explains marks: no task" in messages(plan)


def test_an_unknown_letter_between_boxes_is_refused():
    plan = plan_of("- [x] a\n- [S] b\n- [ ] c\n\n- [P] can run in parallel\n")

    assert messages(plan) == "2: the mark `[S]` is not known; write `[ ]`, or `[x]` if it is done"


@pytest.mark.parametrize(
    "heading", ["Out of Scope", "🚫 Blocked", "Deferred (v2)", "Future Enhancements", "Won't do", "暂缓"]
)
def test_boxes_that_may_not_be_meant_to_be_worked_on_are_told(heading):
    plan = read(f"- [ ] a\n\n## {heading}\n\n- [x] b\n- [ ] c\n")

    assert [task.title for task in plan.tasks] == ["a", "b", "c"]
    assert [note.line for note in plan.notes] == [6]


@pytest.mark.parametrize(
    "text",
    [
        "- [ ] a\n\n## Blocked\n\n- [x] b\n",
        "- [ ] a\n\n## Dropped frames\n\n- [ ] b\n",
        "- [ ] a\n\n## Future-proofing\n\n- [ ] b\n",
        "## Ideas\n\n- [ ] a\n",
    ],
)
def test_boxes_below_other_headings_are_work_without_a_word(text):
    assert not read(text).notes


@pytest.mark.parametrize(
    "item",
    [
        *("[ ] a ✅", "[ ] a (done)", "[ ] ~~a~~", "[ ] ✅ a", "[ ] a - DEFERRED", "[ ] a (blocked by b)"),
        *("[ ] a 🚫 BLOCKED", "[ ] [SKIPPED] a", "[x] a ❌", "[x] a (TODO)", "[x] a ⏳ in progress"),
        *("[x] a — won't do", "[ ] 1. ~~a~~", "[ ] ~~1. a~~", "[ ] **1. a** ✅ DONE", "[x] 1. a (partial)"),
        *("[ ] T001 ✅ a", "[x] T001 a (pending: b)"),
    ],
)
def test_words_that_say_another_thing_than_the_box_are_told(item):
    plan = read(f"- {item}\n")

    assert [task.done for task in plan.tasks] == [item.startswith("[x]")]
    assert [note.line for note in plan.notes if "its box is" in note.message] == [1]


@pytest.mark.parametrize(
    "item",
    [
        *(
            "[x] a ✅",
            "[x] ~~a~~",
            "[x] a (done)",
            "[ ] a (TODO)",
            "[ ] a ⏳",
            "[ ] say done",
            "[ ] keep what is blocked",
        ),
        *(
            "[x] show what is pending",
            "[ ] read (blocked or open) items",
            "[ ] a ~~b~~ c",
            "[ ] show ✅ for b",
        ),
    ],
)
def test_other_words_beside_a_box_are_not_told(item):
    assert not read(f"- {item}\n").notes


def test_words_that_say_another_thing_are_told_once_for_each_kind():
    plan = read("- [ ] a ✅\n- [x] b ❌\n- [ ] c ✅\n- [ ] d (done)\n")

    assert [(note.line, "2 other tasks" in note.message) for note in plan.notes] == [(1, True), (2, False)]
