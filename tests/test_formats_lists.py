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


def test_a_file_of_nothing_but_criteria_is_refused():
    assert "all boxes stand below `Acceptance Criteria`" in messages(
        plan_of("## Acceptance Criteria\n- [ ] Fast\n")
    )


@pytest.mark.parametrize(
    ("settings", "key"),
    [("id: x\nstatus: Done", "status"), ("depends_on: [1]", "depends_on"), ("todos:\n  - id: a", "todos")],
)
def test_a_file_that_is_one_task_is_not_torn_apart(settings, key):
    plan = plan_of(f"---\n{settings}\n---\n\n- [ ] Fast\n")

    assert f"by `{key}` this file is one task" in messages(plan)
