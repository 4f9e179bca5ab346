"""Plans that are JSON, or settings at the top of a file, or tags, and files that are one task: every rule by a small file."""

import json
import subprocess
import sys
import time
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peal.formats import parse, parse_folder
from peal.model.plan import Parent, Plan


def plan_of(text: str | dict | list, path: str = "plans/a.md") -> Plan:
    """The plan in an indented piece of text, or in JSON made of values."""
    raw = dedent(text).lstrip("\n") if isinstance(text, str) else json.dumps(text, indent=1)
    return parse(raw.encode(), path)


def read(text: str | dict | list, path: str = "plans/a.md") -> Plan:
    """The plan in a text that must be fit to run."""
    plan = plan_of(text, path)
    assert plan.problems == ()
    return plan


def told(plan: Plan) -> list[tuple[str, str, bool]]:
    return [(task.id, task.title, task.done) for task in plan.tasks]


def problem(text: str | dict | list) -> tuple[int, str]:
    """The only problem of a file."""
    (one,) = plan_of(text).problems
    return one.line, one.message


def notes(plan: Plan) -> list[str]:
    """What is told beside the tasks, but for the word on the order that names have."""
    return [note.message for note in plan.notes if "each starts when" not in note.message]


# --- JSON: prd.json


@pytest.mark.parametrize("key", ["userStories", "user_stories", "stories"])
def test_each_user_story_is_a_task(key):
    plan = read(
        {
            "project": "clock",
            key: [
                {"id": "US-001", "title": "Cause", "passes": True},
                {
                    "id": "US-002",
                    "title": "Test",
                    "passes": False,
                    "acceptanceCriteria": ["it fails"],
                    "notes": "hm",
                },
            ],
        }
    )

    assert (plan.format, plan.evidence) == ("prd", f'`"{key}"` on line 3')
    assert told(plan) == [("US-001", "Cause", True), ("US-002", "Test", False)]
    assert [task.line for task in plan.tasks] == [4, 9]
    assert plan.tasks[1].body == "Acceptance criteria:\n- it fails\n\nNotes: hm"
    assert plan.context == "Project: clock"


def test_stories_come_by_their_priority_and_else_as_they_stand():
    stories = [
        {"id": name, "title": name, "priority": first} for name, first in [("a", 2), ("b", 1), ("c", 2)]
    ]

    assert [task.id for task in read({"stories": stories}).tasks] == ["b", "a", "c"]


def test_stories_whose_priorities_are_no_numbers_come_as_they_stand():
    stories = [{"id": name, "title": name, "priority": word} for name, word in [("a", "low"), ("b", "high")]]

    assert [task.id for task in read({"stories": stories}).tasks] == ["a", "b"]


def test_a_story_stands_behind_what_it_depends_on():
    plan = read(
        {
            "userStories": [
                {"id": "a", "title": "a", "dependsOn": ["b"]},
                {"id": "b", "title": "b", "dependsOn": []},
            ]
        }
    )

    assert [(task.id, task.after) for task in plan.tasks] == [("b", ()), ("a", ("b",))]


@pytest.mark.parametrize("key", ["blockedBy", "blocked_by"])
def test_a_story_stands_behind_what_it_is_blocked_by(key):
    stories = [{"id": "b", "title": "b", key: ["a"]}, {"id": "a", "title": "a"}]

    assert [(task.id, task.after) for task in read({"userStories": stories}).tasks] == [
        ("a", ()),
        ("b", ("a",)),
    ]


def test_a_story_that_depends_on_what_is_not_there_is_refused():
    line, message = problem({"userStories": [{"id": "a", "title": "a", "dependsOn": ["x"]}]})

    assert (line, message.split(",")[0]) == (3, "task `a` is to come after task `x`")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{"userStories": [\n{"id": "a"}\n{"id": "b"}]}', 3, "expecting ',' delimiter (column 1)"),
        ('{"userStories": [{"id": "a"}]\n}\n  }\n', 3, "the file goes on after its end (column 3)"),
        ('{"userStories": [\n<<<<<<< HEAD\n', 2, "expecting value (column 1)"),
    ],
)
def test_broken_json_is_refused_with_line_and_column(text, line, what):
    assert problem(text) == (line, f"this is no valid JSON: {what}; mend it, or undo what broke it")


@pytest.mark.parametrize(
    ("story", "message"),
    [
        ({"title": "a"}, "this task (1 in its list) has no `id`; give it one"),
        ({"id": "a", "title": "a", "status": "odd"}, "of task `a` the status `odd` is not known"),
        ({"id": "a", "title": "a", "passes": "yes"}, "of task `a` `passes` is neither `true` nor `false`"),
        ({"id": "a", "title": "a", "passes": True, "status": "open"}, "of task `a` the fields do not agree"),
        ({"id": "a", "title": "a", "dependsOn": [{}]}, "of task `a` `dependsOn` is no list of ids"),
        ("a", "story 1 is no object with `id` and `title`"),
        ({"id": "a"}, "task `a` has neither a title nor a text"),
    ],
)
def test_a_story_that_nobody_can_know_is_refused(story, message):
    plan = plan_of({"userStories": [story]})

    assert [one.message for one in plan.problems if one.message.startswith(message)]


def test_a_list_without_stories_is_refused():
    assert problem({"userStories": []}) == (
        2,
        "this list has no story in it; write one with `id` and `title`",
    )


def test_two_lists_of_stories_are_refused():
    line, message = problem(
        {"userStories": [{"id": "a", "title": "a"}], "stories": [{"id": "b", "title": "b"}]}
    )

    assert (line, message.split(";")[0]) == (8, "`stories` is a second list of stories beside `userStories`")


# --- JSON: feature_list.json


def test_each_feature_is_a_task():
    plan = read(
        {
            "features": [
                {"id": 1, "name": "Play", "status": "pass"},
                {"id": "stop", "title": "Stop", "status": "not_started", "acceptance": ["quiet"]},
            ]
        }
    )

    assert (plan.format, told(plan)) == ("feature_list", [("1", "Play", True), ("stop", "Stop", False)])
    assert plan.tasks[1].body == "Acceptance:\n- quiet"


def test_a_bare_list_of_features_is_numbered_as_it_stands():
    plan = read(
        [
            {"category": "sound", "description": "It plays", "steps": ["press"], "passes": False},
            {"category": "sound", "description": "It stops", "steps": [], "passes": True},
        ]
    )

    assert (plan.format, told(plan)) == ("feature_list", [("1", "It plays", False), ("2", "It stops", True)])


def test_the_first_paragraph_of_a_feature_is_its_title_if_it_has_no_other():
    (task,) = read([{"description": "It\nplays\n\nLoud.\n\nAnd long.", "passes": False}]).tasks

    assert (task.title, task.body) == ("It plays", "Loud.\n\nAnd long.")


# --- JSON: task-master


def test_the_tasks_of_the_tag_master_are_read():
    plan = read(
        {
            "master": {
                "tasks": [
                    {"id": 1, "title": "Cause", "status": "done", "dependencies": []},
                    {
                        "id": 2,
                        "title": "Mend",
                        "status": "pending",
                        "dependencies": [1],
                        "subtasks": [
                            {"id": 1, "title": "look", "status": "done", "dependencies": []},
                            {"id": 2, "title": "turn", "status": "pending", "details": "left"},
                        ],
                    },
                ],
                "metadata": {"description": "the clock"},
            }
        }
    )

    assert (plan.format, told(plan)) == ("taskmaster", [("1", "Cause", True), ("2", "Mend", False)])
    assert plan.tasks[1].after == ("1",)
    assert plan.tasks[1].body == "Subtasks:\n- [x] 2.1 look\n- [ ] 2.2 turn\n  Details: left"
    assert plan.context == "the clock"


def test_a_subtask_that_is_waited_for_stands_for_its_task():
    tasks = [{"id": 1, "title": "a", "status": "pending"}, {"id": 2, "title": "b", "dependencies": ["1.2"]}]

    assert read({"master": {"tasks": tasks}}).tasks[1].after == ("1",)


def test_tasks_from_before_there_were_tags_are_read():
    tasks = [{"id": 1, "title": "a", "status": "pending", "dependencies": []}]

    assert (read({"tasks": tasks}).format, told(read({"tasks": tasks}))) == (
        "taskmaster",
        [("1", "a", False)],
    )


@pytest.mark.parametrize(
    ("status", "expected"), [("pending", ["the tag `more` has open tasks too"]), ("done", [])]
)
def test_another_tag_with_open_tasks_is_told(status, expected):
    one = [{"id": 1, "title": "a", "status": "pending"}]
    more = [{"id": 1, "title": "a", "status": status}]

    plan = read({"more": {"tasks": more}, "master": {"tasks": one}})

    assert [note.split(";")[0] for note in notes(plan)] == expected


def test_several_tags_without_master_are_refused():
    one = {"tasks": [{"id": 1, "title": "a", "status": "pending"}]}

    assert problem({"a": one, "b": one})[1].startswith("this file has several lists of tasks, under `a`, `b`")


@pytest.mark.parametrize("status", ["deferred", "cancelled"])
def test_what_is_put_off_is_optional(status):
    plan = read({"master": {"tasks": [{"id": 1, "title": "a", "status": status}]}})

    assert [(task.done, task.is_optional) for task in plan.tasks] == [(False, True)]
    assert len(notes(plan)) == 1


# --- what lists work and is no plan


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{"id":"bd-1","issue_type":"task"}\n{"id":"bd-2","issue_type":"epic"}\n', 1, "a tracker of beads"),
        ("# made\ndevelopment_status:\n  epic-1: backlog\n  1-1-a: done\n", 2, "BMAD's status of a sprint"),
        (
            "# Roadmap\n- [ ] **Phase 1: A** - a\n\n### Phase 1: A\n**Depends on**: Nothing\n- [ ] 01-01: a\n",
            2,
            "a roadmap as of GSD",
        ),
        ("## [ ] Track: A\n*Link: [./conductor/tracks/a/](./a)*\n", 1, "Conductor's list of tracks"),
        (
            "---\nname: a\nstatus: backlog\nprogress: 0%\nprd: .claude/prds/a.md\n---\n- [ ] 001.md - b\n",
            5,
            "an epic of ccpm",
        ),
        (
            "# 进度日志\n\n## 会话：2026-04-10\n\n### 阶段 1：a\n- **状态：** complete\n",
            1,
            "a log of what has been done",
        ),
        (
            "# Progress Log\n\n## Session: 2026-04-10\n\n### Phase 1: a\n\n- [x] b\n",
            1,
            "a log of what has been done",
        ),
        ('{"tasks": [{"name": "a"}]}', 1, "JSON with `tasks`"),
        ("{}", 1, "JSON without a name in it"),
    ],
)
def test_a_tracker_is_refused_by_name(text, line, what):
    plan = plan_of(text)

    assert (plan.format, plan.tasks) == ("trackers", ())
    assert [(one.line, one.message.startswith(f"this is {what}")) for one in plan.problems] == [(line, True)]


# --- Cursor


def test_the_todos_of_the_front_matter_are_the_tasks():
    plan = read("""
        ---
        name: clock
        overview: It runs slow.
        todos:
          - id: cause
            content: "Find: the cause"
            status: completed
          - id: mend
            content: Mend it
            status: in_progress
        ---

        ## Task 1: no task

        - [ ] no task either
        """)

    assert (plan.format, plan.evidence) == ("cursor", "`todos:` in the front matter on line 4")
    assert told(plan) == [("cause", "Find: the cause", True), ("mend", "Mend it", False)]
    assert [task.line for task in plan.tasks] == [5, 8]
    assert plan.context == "It runs slow.\n\n## Task 1: no task\n\n- [ ] no task either"


def test_a_plan_without_todos_is_refused_though_there_are_boxes():
    line, message = problem("---\nname: a\ntodos: []\n---\n- [ ] a\n")

    assert (line, message.split(",")[0]) == (3, "`todos` in the front matter is empty")


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        ("- id: a\n  content: a: b", 5, "mapping values are not allowed here (column 13)"),
        ("- id: a\n  content: b\n- *x", 6, "found undefined alias 'x' (column 3)"),
        ("- &x\n  id: a\n  content: b\n- *x", 4, "what begins here is used again (`*name`)"),
        ("- id: a\n  id: b\n  content: b", 5, "`id` is there twice"),
    ],
)
def test_front_matter_that_is_no_yaml_is_refused_with_its_line(lines, line, what):
    plan = plan_of(f"---\nname: a\ntodos:\n{lines}\n---\n")

    assert [(one.line, what in one.message) for one in plan.problems] == [(line, True)]


# --- GSD


PLAN = """
---
phase: 01-clock
depends_on: [01-01]
---

<objective>Mend the clock.</objective>

```xml
<task type="auto">
```

<tasks>

<task type="auto" tdd="true">
  <name>Task 1: Find the cause</name>
  <files>a.py, src/b.ts</files>
  <action>
Look for `<task`.

```python

# Task 5
```
  </action>
  <verify><automated>make test</automated></verify>
</task>

<task type="checkpoint:human-verify" gate="blocking">
  <what-built>A clock.</what-built>
  <how-to-verify>Listen to it.</how-to-verify>
</task>

</tasks>

- [ ] no task
"""


def test_each_task_tag_is_a_task():
    plan = read(PLAN)
    first, last = plan.tasks

    assert (plan.format, plan.evidence) == ("gsd", '`<task type="auto" tdd="true">` on line 14')
    assert [(task.id, task.title, task.line) for task in plan.tasks] == [
        ("1", "Find the cause", 14),
        ("2", "", 28),
    ]
    assert (first.files, first.checks, first.by_person) == (("a.py", "src/b.ts"), ("make test",), "")
    assert first.body.startswith("<name>Task 1: Find the cause</name>")
    assert last.by_person == "Listen to it."
    assert "- [ ] no task" in plan.context
    assert notes(plan) == [
        "`depends_on` ([01-01]) names other plans, which are to be carried out before this one",
        "this `<task>` stands in code: no task",
    ]


def test_a_task_on_one_line_is_one():
    assert told(read('<task type="auto"><name>Task 1: A</name></task>\n\n- [ ] it works\n')) == [
        ("1", "A", False)
    ]


@pytest.mark.parametrize(
    ("verify", "checks"),
    [
        ("`make test`", ("make test",)),
        ("Run `make test` and look", ()),
        ("It works.", ()),
        ("<automated>MISSING - write it first</automated>", ()),
    ],
)
def test_only_what_is_told_apart_from_prose_is_a_command(verify, checks):
    plan = read(f'<task type="auto">\n<name>A</name>\n<verify>\n{verify}\n</verify>\n</task>\n')

    assert plan.tasks[0].checks == checks


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('<task type="auto">\n<name>A</name>\n', 1, "this `<task>` is not closed"),
        ('<task type="auto">\n</task>\n<task\n type="auto">\n</task>\n', 5, "no task is open here"),
        ('```\n<task type="auto">\n</task>\n', 2, "this stands in code that is never closed"),
        ('<task type="odd">\n<name>A</name>\n</task>\n', 1, "the type `odd` of this task is not known"),
    ],
)
def test_tags_that_do_not_fit_are_refused(text, line, what):
    assert (line, True) in [(one.line, one.message.startswith(what)) for one in plan_of(text).problems]


def test_a_task_without_a_number_gets_one_that_is_free():
    names = ["Task 1: a", "b", "Task 2: c"]
    tasks = "".join(f'<task type="auto">\n<name>{name}</name>\n</task>\n' for name in names)

    assert told(read(tasks)) == [("1", "a", False), ("3", "b", False), ("2", "c", False)]


# --- BMAD


def test_only_boxes_under_the_heading_of_a_story_are_tasks():
    plan = read("""
        # Story 1.2: Clock

        Status: ready-for-dev

        ## Tasks / Subtasks

        - [x] Task 1: Find the cause (AC: #1)
          - [x] 1.1: look
        - [ ] **Task 2: Mend** (AC: 2)
        - [ ] Write it down

        ## Quality Gates

        - [ ] it ticks
        """)

    assert plan.format == "bmad"
    assert told(plan) == [
        ("1", "Find the cause (AC: #1)", True),
        ("2", "Mend (AC: 2)", False),
        ("3", "Write it down", False),
    ]
    assert plan.tasks[0].body == "- [x] 1.1: look"
    assert "- [ ] it ticks" in plan.context
    assert notes(plan) == ["`it ticks`: no task; it goes to the agents as text"]


def test_a_story_that_is_done_with_open_tasks_is_told():
    plan = read("# Story 1.2: A\n\nStatus: done\n\n## Tasks\n\n- [ ] Task 1: a\n")

    assert notes(plan)[0].startswith("the story is said to be done")


def test_steps_beside_their_task_are_refused():
    line, message = problem("## Tasks / Subtasks\n- [ ] Task 1: a\n- [ ] 1.1: b\n")

    assert (line, message.split(";")[0]) == (3, "`1.1: b` is numbered as a step of a task")


def test_tasks_of_a_story_are_called_as_they_are_numbered():
    plan = read(
        "## Tasks / Subtasks\n- [ ] Task 2 (AC: 1): a\n- [ ] 3. b\n- [ ] **Task 4** c\n- [ ] 5 tests\n"
    )

    assert told(plan) == [
        ("2", "(AC: 1): a", False),
        ("3", "b", False),
        ("4", "c", False),
        ("5", "5 tests", False),
    ]


def test_a_story_without_tasks_is_refused():
    assert problem("## Tasks / Subtasks\n\nTo be written.\n")[1].startswith(
        "under `Tasks / Subtasks` there is no task"
    )


def test_headings_in_that_list_are_the_tasks():
    assert told(read("## Tasks / Subtasks\n### Task 1: a\n- [ ] 1.1 b\n")) == [("1", "a", False)]


# --- ExecPlan, Conductor


def test_the_list_under_progress_is_what_an_execplan_has_to_do():
    plan = read("""
        # Clock

        ## Progress

        - [x] (2026-10-01 13:00Z) Find the cause
        - [ ] Mend it

        ## Surprises & Discoveries

        ## Decision Log

        ## Plan of Work

        ### Milestone 1: Cause

        - [ ] no task
        """)

    assert (plan.format, told(plan)) == ("execplan", [("1", "Find the cause", True), ("2", "Mend it", False)])
    assert "### Milestone 1: Cause" in plan.context


def test_headings_of_tasks_count_for_more_than_what_the_user_is_to_verify():
    verify = "- [ ] Task: Conductor - User Manual Verification 'Phase 1' (Protocol in workflow.md)"
    plan = read(f"## Phase 1: x\n\n### Task 1.1: Make a\n- [ ] b\n\n---\n\n{verify}\n")

    assert (plan.format, told(plan)) == ("peal", [("1.1", "Make a", False)])


def test_conductors_tasks_stand_in_phases_and_the_last_is_for_the_user():
    last = "Conductor - User Manual Verification 'Phase 1: A' (Protocol in workflow.md)"
    plan = read(f"""
        ## Phase 1: A [checkpoint: abc1234]

        - [x] Task: Find the cause [abc1234]
            - [x] Sub-task: look
        - [~] Task: Mend it
        - [ ] Task: {last}

        ### Definition of Done

        - [ ] it ticks

        ## Notes

        - [ ] no task
        """)

    assert plan.format == "conductor"
    assert told(plan) == [("1", "Find the cause", True), ("2", "Mend it", False), ("3", last, False)]
    assert [task.by_person for task in plan.tasks] == ["", "", last]
    assert notes(plan) == ["`it ticks` and 1 more: no task; it goes to the agents as text"]


@pytest.mark.parametrize(
    "text",
    [
        "Task: Make x [abc1234]",
        "Task: Make x abc1234",
        "**Task: Make x** `[abc1234]`",
        "**Task: Make x** [checkpoint: abc1234]",
        "**Task:** Make x",
    ],
)
def test_the_title_of_a_task_of_conductor_is_without_its_commit(text):
    assert told(read(f"## Phase 1: A\n\n- [x] {text}\n")) == [("1", "Make x", True)]


def test_a_number_or_a_word_behind_a_task_of_conductor_is_no_commit():
    plan = read("## Phase 1: A\n\n- [ ] Task: Count to 1000000\n- [ ] Task: Show what is defaced\n")

    assert [task.title for task in plan.tasks] == ["Count to 1000000", "Show what is defaced"]


# --- files that are one task


BACKLOG = """
---
id: {id}
title: 'Do {id}'
status: {status}
created_date: '2026-10-01'
dependencies: [{after}]
{more}---

## Acceptance Criteria
- [ ] #1 it ticks
"""


def backlog(name: str, after: str = "", status: str = "To Do", more: str = "") -> bytes:
    return (
        BACKLOG.lstrip("\n").format(id=name, after=after, status=status, more=more and f"{more}\n").encode()
    )


def ccpm(name: str, after: str = "", more: str = "parallel: false") -> bytes:
    return f"---\nname: {name}\nstatus: open\ndepends_on: [{after}]\n{more}\n---\n\nDo {name}.\n".encode()


def test_a_file_of_backlog_md_is_one_task():
    plan = read(backlog("BACK-217.03", after="BACK-1").decode())

    assert (plan.format, told(plan)) == ("backlog_md", [("BACK-217.03", "Do BACK-217.03", False)])
    assert (plan.tasks[0].line, plan.tasks[0].after) == (3, ())
    assert plan.tasks[0].body == "## Acceptance Criteria\n- [ ] #1 it ticks"
    assert notes(plan)[0].startswith("this task waits for `BACK-1`, in other files")


@pytest.mark.parametrize(("status", "done"), [("Done", True), ("In Progress", False), ("To Do", False)])
def test_the_status_decides_and_no_box(status, done):
    assert [task.done for task in read(backlog("task-1", status=status).decode()).tasks] == [done]


@pytest.mark.parametrize(
    ("path", "name"), {"x/10.md": "10", "001.md": "001", "own__epic__12.md": "12", "3-clock.md": "3"}.items()
)
def test_a_file_of_ccpm_is_one_task_that_is_called_as_the_file(path, name):
    plan = read(ccpm("Clock", after="001").decode(), path)

    assert (plan.format, told(plan), plan.tasks[0].line) == ("ccpm", [(name, "Clock", False)], 2)


@pytest.mark.parametrize(
    "settings",
    [
        "---\nid: x\nstatus: Done\n---\n",
        "---\ndepends_on: []\nparallel: true\n---\n",
        "---\nid: task-1\ntitle: a\nstatus: To Do\ndependencies: []\n\n",
        "---\nname: a\ntodos:\n  - id: a\n---## Plan\n\n",
    ],
)
def test_a_file_with_settings_that_are_not_known_or_not_closed_is_refused(settings):
    plan = plan_of(f"{settings}- [ ] Fast\n")

    assert (plan.format, plan.tasks, len(plan.problems)) == ("foreign", (), 1)


def test_front_matter_of_a_plain_list_stays_what_it_was():
    assert read("---\ntitle: a\nstatus: draft\n---\n- [ ] Fast\n").format == "checklist"


# --- folders of them


def test_a_folder_of_tasks_is_one_plan_in_the_order_of_what_they_wait_for():
    plan = parse_folder(
        {
            "a.md": backlog("task-10"),
            "b.md": backlog("task-2", after="TASK-10"),
            "c.md": backlog("task-1", status="Done"),
        },
        "backlog/tasks",
    )

    assert plan.problems == ()
    assert (plan.path, plan.format) == ("backlog/tasks", "backlog_md")
    assert [(task.id, task.done, task.after) for task in plan.tasks] == [
        ("task-1", True, ()),
        ("task-10", False, ()),
        ("task-2", False, ("task-10",)),
    ]


def test_a_task_with_others_in_it_only_holds_them():
    plan = parse_folder(
        {
            "a.md": backlog("task-1", after="task-3"),
            "b.md": backlog("task-1.1", more="parent_task_id: task-1"),
            "c.md": backlog("task-2", after="task-1"),
            "d.md": backlog("task-3"),
        },
        "tasks",
    )

    assert plan.problems == ()
    assert plan.parents == (Parent("task-1", "Do task-1", False, 3),)
    assert [(task.id, task.after) for task in plan.tasks] == [
        ("task-3", ()),
        ("task-1.1", ("task-3",)),
        ("task-2", ("task-1.1",)),
    ]
    assert plan.context.startswith("# task-1: Do task-1")


def test_tasks_of_an_epic_may_stand_beside_each_other_but_for_those_in_conflict():
    plan = parse_folder(
        {
            "epic.md": b"---\nname: e\nstatus: open\n---\n\nMend the clock.\n",
            "1-analysis.md": b"# Analysis\n",
            "1.md": ccpm("a", more="parallel: true"),
            "2.md": ccpm("b", more="parallel: true"),
            "3.md": ccpm("c", more="parallel: true\nconflicts_with: [1]"),
        },
        "epics/e",
    )

    assert plan.problems == ()
    assert [(task.id, task.parallel, task.after) for task in plan.tasks] == [
        ("1", True, ()),
        ("2", True, ()),
        ("3", True, ("1",)),
    ]
    assert plan.context == "Mend the clock."


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({}, "there is no markdown file in this folder"),
        ({"a.md": b"## Task 1: a\n", "b.md": b"- [ ] a\n"}, "this is a folder of plans (`a.md`, `b.md`)"),
        ({"a.md": backlog("task-1"), "b.md": b"- [ ] a\n"}, "`a.md` is a task by itself and `b.md` is not"),
        ({"a.md": backlog("task-1"), "1.md": ccpm("a")}, "`a.md` is a task by itself and `1.md` is not"),
        ({"a.md": backlog("task-1"), "b.md": backlog("TASK-1")}, "`a.md` and `b.md` are both task `TASK-1`"),
        ({"a.md": backlog("task-1", status="odd")}, "of `a.md`: the status `odd` is not known"),
        (
            {"a.md": backlog("task-1", after="task-2")},
            "task `task-1` is to come after task `task-2`, which is not",
        ),
    ],
)
def test_a_folder_that_is_no_plan_says_why(files, what):
    plan = parse_folder(files, "tasks")

    assert [one.message for one in plan.problems if one.message.startswith(what)]


def test_a_folder_is_checked_and_run(project):
    """From the command line, like a file; what is in it stays as it is."""
    for name, after in [("task-1", "task-2"), ("task-2", "")]:
        body = f"\n```sh\necho {name} >> done.txt\n```\n".encode()
        project.write(f"tasks/{name}.md", (backlog(name, after=after) + body).decode())
    project.git("add", "-A")
    project.git("commit", "-qm", "tasks")

    checked = project.peal("check", "tasks", code=0)
    project.peal("run", "tasks", "--agent", "shell", code=0)

    assert "2 tasks" in checked.stdout
    assert (project.path / "done.txt").read_text() == "task-2\ntask-1\n"
    assert project.peal("status", "tasks", code=0).stdout.count("done") >= 2


# --- promises for any input


def test_markdown_is_read_without_yaml():
    code = "import sys; from peal.formats import parse; parse(b'## Task 1: a', 'a.md'); print('ruamel' in str(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


OURS = [
    *["prd", "feature_list", "taskmaster", "trackers", "cursor"],
    *["backlog_md", "ccpm", "gsd", "bmad", "execplan", "conductor"],
]
PIECES = [
    *[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        "\n",
        " ",
        "1",
        "null",
        "true",
        "\\",
        '"\\ud800"',
        "-",
        "- ",
        "---\n",
        "...\n",
    ],
    *[
        '"userStories"',
        '"features"',
        '"tasks"',
        '"master"',
        '"id"',
        '"title"',
        '"status"',
        '"dependsOn"',
        '"x"',
    ],
    *[
        "todos:",
        "  - id: a\n",
        "    content: b\n",
        "id: a\n",
        "title: b\n",
        "status: c\n",
        "dependencies:",
        "depends_on:",
    ],
    *[
        "name: a\n",
        "&x ",
        "*x",
        "!!int",
        "|\n",
        ">",
        "'",
        "#",
        "?",
        "%",
        "@",
        "\t",
        "\x00",
        "\x85",
        "\ufeff",
        "é",
    ],
    *[
        '<task type="auto">',
        "<name>Task 1: a</name>",
        "</task>",
        "<files>",
        "</files>",
        "```",
        "## Tasks / Subtasks\n",
    ],
    *[
        "- [ ] a",
        "- [x] Task: b",
        "## Phase 1\n",
        "## Progress\n",
        "## Decision Log\n",
        "## Surprises & Discoveries\n",
    ],
]


@given(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.sampled_from(["", "---\ntodos:\n", '{"stories": [']),
)
def test_no_text_can_make_it_raise(text, before):
    raw = (before + text).encode("utf-8", "surrogatepass")

    parse(raw, "1.md")
    for name in OURS:
        parse(raw, "1.md", name)
    parse_folder({"1.md": raw, "2.md": raw}, "tasks")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"stories": ' + b"[" * 100_000,
        b'{"stories": [{"id": "a", "title": "b", "notes": ' + b"[" * 900 + b"]" * 900 + b"}]}",
        b'{"stories": [{"id": "\\ud800", "title": "\\ud800", "notes": "\\ud800"}]}',
        b"---\ntodos: " + b"[" * 5_000 + b"\n---\n",
        b"---\ntodos: " + b"{a: " * 5_000 + b"\n---\n",
        b'{"stories": [{"id": ' + b"1" * 10_000 + b', "title": "a"}]}',
    ],
)
def test_what_is_deep_or_long_or_half_a_letter_does_not_raise(raw):
    plan = parse(raw, "a.md")

    assert all(task.digest for task in plan.tasks)
    for text in (plan.context, *(f"{task.id}{task.title}{task.body}" for task in plan.tasks)):
        text.encode()


def test_ten_thousand_tasks_of_json_are_read_in_two_seconds():
    stories = [
        {"id": f"US-{n}", "title": "t", "description": "d" * 400, "dependsOn": [f"US-{n - 1}"] if n else []}
        for n in range(10_000)
    ]
    raw = json.dumps({"userStories": stories}, indent=1).encode()

    begun = time.process_time()
    plan = parse(raw, "prd.json")

    assert (len(plan.tasks), plan.problems) == (10_000, ())
    assert time.process_time() - begun < 4  # two here; machines differ


def test_where_tasks_name_what_they_wait_for_nothing_else_holds_them_up():
    plan = parse(
        b'{"master": {"tasks": [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}, {"id": 3, "title": "c", "dependencies": [1]}]}}',
        "tasks.json",
    )

    assert [segment.tasks for segment in plan.segments] == [("1", "2", "3")]
    assert {task.id: task.after for task in plan.tasks} == {"1": (), "2": (), "3": ("1",)}


def test_where_no_task_names_another_they_come_one_after_another():
    plan = parse(b'{"master": {"tasks": [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}]}}', "tasks.json")

    assert [segment.tasks for segment in plan.segments] == [("1",), ("2",)]


@pytest.mark.parametrize(
    ("text", "path", "word"),
    [
        (
            '{"stories": [{"id": "a", "title": "a", "%s": ["b"]}, {"id": "b", "title": "b", "%s": ["a"]}]}',
            "prd.json",
            key,
        )
        for key in ("dependsOn", "blockedBy")
    ]
    + [
        (
            "---\ntodos:\n- {id: a, content: a, %s: [b]}\n- {id: b, content: b, %s: [a]}\n---\n",
            "a.plan.md",
            "dependencies",
        )
    ],
)
def test_a_circle_is_told_in_the_words_of_the_format(text, path, word):
    (problem,) = parse((text % (word, word)).encode(), path).problems

    assert problem.message.endswith(f"which is after task `a`; take one `{word}` out")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("- [ ] T001 a\n- [ ] T002 b (depends on T001)\n", "(depends on …)"),
        ("- [ ] 1. a\n  - [ ] 1.1 b\n  - [ ] 1.2 c\n    - _Depends: 1.1_\n", "Depends on: …"),
        ("### P1-01: a\n\n### P1-02: b\n\n**Depends on:** P1-01\n", "**Depends on:** …"),
        ("## Task 1: a\n\n## Task 2 (after 1): b\n", "(after …)"),
    ],
)
def test_an_order_by_name_is_told_in_the_words_of_the_format(text, word):
    (note,) = parse(text.encode(), "plan.md").notes

    assert f"with `{word}`: each starts when exactly those have landed" in note.message


def test_the_circle_of_a_folder_is_told_in_the_words_of_its_files():
    files = {f"{one}.md": ccpm(str(one), str(other)) for one, other in ((1, 2), (2, 1))}

    (problem,) = parse_folder(files, "epic").problems

    assert problem.message.endswith("take one `depends_on` out")
