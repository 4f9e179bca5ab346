"""Marking tasks as done in a plan's own file: that and nothing else changes."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peal.formats import FORMATS, has_marks, parse, ticked


def tick(text: str, task: str, path: str = "plan.md") -> str | None:
    plan = parse(text.encode(), path)
    assert plan.problems == ()
    (found,) = (one for one in plan.tasks if one.id == task)
    done = ticked(text.encode(), plan.format, found, path)
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
        (
            "## Phase 1: a\n\n### Automated Verification:\n- [ ] b\n\n### Manual Verification:\n- [ ] look\n",
            "1",
            "## Phase 1: a ✅\n\n### Automated Verification:\n- [x] b\n\n### Manual Verification:\n- [ ] look\n",
        ),
        ("## Step 1: a\n\ntext\n\n## Step 2: b\n", "1", "## Step 1: a ✅\n\ntext\n\n## Step 2: b\n"),
    ],
)
def test_a_task_is_marked_as_its_format_does(text, task, expected):
    assert tick(text, task) == expected


STORIES = (
    '{"userStories": [\n  {"id": "a", "title": "a", %s},\n  {"id": "b", "title": "b", "passes": true}\n]}\n'
)
FEATURES = '{"features": [{"id": "a", "title": "a"%s}, {"id": "b", "title": "b", "status": "%s"}]}'
TODO = "---\nname: x\ntodos:\n  - id: a\n    content: A\n    status: %s\n---\n\n- [ ] text\n"
BACKLOG = "---\nid: task-1\ntitle: a\nstatus: %s\nassignee: []\n---\n\n- [ ] #1 it is there\n"
CCPM = "---\nname: a\nstatus: %s\ndepends_on: []\n---\n\nText.\n"


@pytest.mark.parametrize(
    ("text", "task", "open_", "done"),
    [
        (STORIES, "a", '"passes": false', '"passes": true'),
        (STORIES, "a", '"passes" :null', '"passes" :true'),
        (STORIES, "a", '"status": "in-progress"', '"status": "done"'),
        (STORIES, "a", '"passes": false, "status": "open"', '"passes": true, "status": "done"'),
        (STORIES, "a", '"notes": "x"', None),
        ("\ufeff" + STORIES.replace("\n", "\r\n"), "a", '"passes": false', '"passes": true'),
        (
            STORIES,
            "a",
            '"x": {"passes": false, "id": "b"}, "passes": false',
            '"x": {"passes": false, "id": "b"}, "passes": true',
        ),
        (FEATURES % ("%s", "open"), "a", ', "passes": false', ', "passes": true'),
        (FEATURES % ("%s", "pass"), "a", ', "status": "fail"', ', "status": "pass"'),
        ('[{"description": "é", "passes": true}, {"description": "b", "passes": %s}]', "2", "false", "true"),
        (TODO, "a", "pending", "completed"),
        (TODO, "a", "in_progress  # mine", "completed  # mine"),
        (TODO.replace("\n", "\r\n"), "a", "'pending'", "'completed'"),
        (TODO, "a", '"pending"', '"completed"'),
        (BACKLOG, "task-1", "To Do", "Done"),
        (BACKLOG.replace("status: ", "status : "), "task-1", "In Progress", "Done"),
        (CCPM, "7", "open", "closed"),
    ],
)
def test_a_task_that_is_no_markdown_is_marked_in_its_own_field(text, task, open_, done):
    before, after = text % open_, done and text % done

    assert tick(before, task, "epics/7.md") == (
        after or before.replace('"id": "a"', '"id": "a", "passes": true')
    )


def test_a_task_of_task_master_is_done_with_its_subtasks():
    text = """{
  "master": {"tasks": [
    {"id": 1, "title": "a", "status": "%s", "dependencies": [], "subtasks": [
      {"id": 1, "title": "b", "status": "%s"}, {"id": 2, "title": "c", "status": "cancelled"}, {"id": 3, "title": "d"}
    ]},
    {"id": 2, "title": "e", "status": "pending", "dependencies": [1]}
  ]},
  "other": {"tasks": [{"id": 1, "title": "a", "status": "pending"}]}
}
"""

    assert tick(text % ("in-progress", "pending"), "1") == text % ("done", "done")


def test_a_todo_on_one_line_is_marked():
    text = "---\ntodos: [{id: a, content: A, status: pending}, {id: b, content: B}]\n---\n"

    assert tick(text, "a") == text.replace("pending", "completed")
    assert tick(text, "b") == text.replace("content: B", "status: completed, content: B")


@pytest.mark.parametrize(
    ("open_", "done"),
    [
        ("|\n      pending", "completed"),
        (">-\n      in\n      progress\n", "completed\n"),
        ("in\n      progress  # mine", "completed  # mine"),
        ("'in\n      progress'", "'completed'"),
        ("\n      pending", "\n      completed"),
        ("~", "completed"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_status_of_several_lines_is_replaced(open_, done, line_end):
    before, after = ((TODO % told).replace("\n", line_end) for told in (open_, done))

    assert tick(before, "a") == after


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_status_that_is_missing_is_added(line_end):
    empty = "---\ntodos:\n  - id: a\n    content: A\n    status:  # mine\n    dependencies: []\n---\n"
    without = "---\ntodos:\n  - id: a\n    content: A\n---\n"
    added = without.replace("    content", "    status: completed\n    content")

    for before, after in ((empty, empty.replace("status:", "status: completed")), (without, added)):
        assert tick(before.replace("\n", line_end), "a") == after.replace("\n", line_end)


def test_a_file_that_is_one_task_is_marked_where_its_status_is_empty_or_missing():
    text = "---\nname: a\nstatus:\ndepends_on: []\n---\nwork\n"
    without = "---\nname: a\n---\nwork\n"
    (task,) = parse(without.encode(), "7.md", "ccpm").tasks

    assert tick(text, "7", "7.md") == text.replace("status:", "status: closed")
    assert ticked(without.encode(), "ccpm", task, "7.md") == b"---\nstatus: closed\nname: a\n---\nwork\n"


@pytest.mark.parametrize(
    ("text", "task"),
    [
        (
            "# Story 1.1: a\n\nStatus: ready\n\n## Tasks / Subtasks\n\n- [ ] Task 1: a\n  - [ ] 1.1 b\n- [ ] Task 2: c\n",
            "2",
        ),
        (
            "# X\n\n## Progress\n\n- [x] (2025-01-01 10:00Z) a\n- [ ] b\n\n## Surprises & Discoveries\n\n## Decision Log\n",
            "2",
        ),
        ("## Phase 1: a\n\n- [x] Task: a [abcdef1]\n- [~] Task: b\n  - [ ] step\n", "2"),
    ],
)
def test_tasks_that_have_boxes_under_one_heading_are_marked_there(text, task):
    lines = text.splitlines(keepends=True)
    (found,) = (one for one in parse(text.encode(), "plan.md").tasks if one.id == task)
    lines[found.line - 1] = lines[found.line - 1].replace("[ ]", "[x]").replace("[~]", "[x]")

    assert tick(text, task) == "".join(lines)


def test_a_phase_with_thousands_of_boxes_is_marked_at_once():
    text = "## Phase 1: a\n\n**Tasks:**\n" + "- [ ] step\n" * 10_000

    begun = time.process_time()
    done = tick(text, "1")

    assert done == text.replace("[ ]", "[x]")
    assert time.process_time() - begun < 5  # half a second here; machines differ


def test_only_a_plan_of_gsd_has_no_marks():
    text = '<task type="auto">\n  <name>Task 1: a</name>\n  <action>\n- [ ] b\n  </action>\n</task>\n'

    assert tick(text, "1") is None
    assert [one.name for one in FORMATS if not has_marks(one.name)] == ["gsd"]


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


@given(
    st.lists(st.sampled_from(["true", "false", "null"]), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n", "\r", " "]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
def test_nothing_but_the_field_changes_in_any_json(passes, end, word):
    told = json.dumps(word, ensure_ascii=False)
    stories = [
        f'{{"id": "s{at}", "title": "a", "notes": {told},{end}"passes": {one}}}'
        for at, one in enumerate(passes)
    ]
    text = '{"userStories": [' + f",{end}".join(stories) + "]}"
    plan = parse(text.encode(), "prd.json")
    for at, task in enumerate(plan.tasks):
        after = ticked(text.encode(), plan.format, task)
        if not plan.problems and not task.done:
            new = stories[at].removesuffix(passes[at] + "}") + "true}"
            assert after == text.replace(stories[at], new, 1).encode()
