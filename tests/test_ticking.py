"""Marking tasks as done in a plan's own file: that and nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peal.formats import parse, ticked


def tick(text: str, task: str) -> str | None:
    plan = parse(text.encode(), "plan.md")
    assert plan.problems == ()
    (found,) = (one for one in plan.tasks if one.id == task)
    done = ticked(text.encode(), plan.format, found)
    return done.decode() if done is not None else None


@pytest.mark.parametrize(
    ("text", "task", "expected"),
    [
        ("- [ ] a\n- [ ] b\n", "2", "- [ ] a\n- [x] b\n"),
        ("- [ ] a\r\n- [/] b\r\n", "2", "- [ ] a\r\n- [x] b\r\n"),
        ("\ufeff- [ ] a\n", "1", "\ufeff- [x] a\n"),
        ("- [pending] a\n", "1", "- [x] a\n"),
        ("- [ ] T001 [P] a\n", "T001", "- [x] T001 [P] a\n"),
        ("- [ ] 1. a\n  - [ ]* 1.1 b\n", "1.1", "- [ ] 1. a\n  - [x]* 1.1 b\n"),
        ("## Task 1: a\n\nwork", "1", "## Task 1: a ✅\n\nwork"),
        (
            "## Task 1: a  \n- [ ] b\n- [x] c\n## Task 2: d\n- [ ] e\n",
            "1",
            "## Task 1: a  \n- [x] b\n- [x] c\n## Task 2: d\n- [ ] e\n",
        ),
        (
            "### Phase 1: a\n**Status:** not_started\n- [ ] b\n",
            "1",
            "### Phase 1: a\n**Status:** complete\n- [x] b\n",
        ),
        (
            "### Phase 1: a\n- **Status:** pending\n\n#### Manual Verification:\n- [ ] look\n",
            "1",
            "### Phase 1: a\n- **Status:** complete\n\n#### Manual Verification:\n- [ ] look\n",
        ),
        ("## Step 1: a\n\ntext\n\n## Step 2: b\n", "1", "## Step 1: a ✅\n\ntext\n\n## Step 2: b\n"),
    ],
)
def test_a_task_is_marked_as_its_format_does(text, task, expected):
    assert tick(text, task) == expected


def test_what_is_done_is_not_marked_again():
    assert tick("- [x] a\n", "1") is None


def test_another_task_under_the_same_number_is_not_marked():
    (task,) = parse(b"- [ ] a\n", "plan.md").tasks

    assert ticked(b"- [ ] new\n- [ ] a\n", "checklist", task) is None


def test_a_file_with_problems_is_left_alone():
    (task,) = parse(b"## Task 1: a\n", "plan.md").tasks

    assert ticked(b"## Task 1: a\n## Task 1: b\n", "peal", task) is None


@given(
    st.lists(
        st.sampled_from(
            ["- [ ] a", "* [x] b", "text", "", "  - [ ] c", "```", "## d", "\t- [~] e", "- [ ] é"]
        ),
        max_size=12,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_nothing_but_marks_changes_in_any_list(lines, end):
    text = end.join(lines)
    plan = parse(text.encode(), "plan.md")
    for task in plan.tasks:
        after = ticked(text.encode(), plan.format, task)
        if after is not None:
            changed = [(old, new) for old, new in zip(text, after.decode(), strict=True) if old != new]
            assert [new for _, new in changed] == ["x"]
