"""Text to Plan: every rule of the formats, each told by a small plan."""

import re
import string
import time
import tracemalloc
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peal.formats import parse
from peal.formats.source import dedented, trimmed
from peal.model.plan import Plan, Problem, Task


def plan_of(text: str) -> Plan:
    """The plan in an indented piece of text."""
    return parse(dedent(text).lstrip("\n").encode(), "plans/a.md")


def read(text: str) -> Plan:
    """The plan in a text that must be fit to run, and without remarks."""
    plan = plan_of(text)
    assert (plan.problems, plan.notes) == ((), ())
    return plan


def titles(plan: Plan) -> list[tuple[str, str]]:
    return [(task.id, task.title) for task in plan.tasks]


def problems(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in plan_of(text).problems]


def notes(text: str) -> list[tuple[int, str]]:
    plan = plan_of(text)
    assert plan.problems == ()
    return [(note.line, note.message) for note in plan.notes]


# --- peal's own format


def test_a_plan_of_task_headings_is_read_whole():
    plan = read("""
        # Fix the clock

        It runs slow.

        ## Task 1: find the cause

        Look at `clock.py`.

        - [ ] measure
        - [x] look

        ## Task 2 (parallel)

        Write a test.

        ## Task 3 (parallel): write the docs
        """)

    assert plan == Plan(
        path="plans/a.md",
        format="peal",
        tasks=(
            Task("1", "find the cause", "Look at `clock.py`.\n\n- [ ] measure\n- [x] look", line=5),
            Task("2", "", "Write a test.", parallel=True, line=12),
            Task("3", "write the docs", "", parallel=True, line=16),
        ),
        context="# Fix the clock\n\nIt runs slow.",
        evidence="`## Task 1: find the cause` on line 5",
    )


RUST_HEADINGS = {
    "## Task 1": ("1", False),
    "## Task\t1": ("1", False),
    "## Task   42   (parallel)   ": ("42", True),
    "## Task 1(parallel)": ("1", True),
    "## Task 01": ("1", False),
    "## Task 0": ("0", False),
    "## Task\u00a01": ("1", False),
    "## Task 7\u2003(parallel)\u2003": ("7", True),
    "## Task 1\r": ("1", False),
    "## Task 999": ("999", False),
}


@pytest.mark.parametrize(("line", "expected"), RUST_HEADINGS.items(), ids=repr)
def test_every_heading_of_the_rust_peal_is_a_task(line, expected):
    plan = parse(f"{line}\nwork\n".encode(), "a.md")

    assert plan.problems == ()
    assert [(task.id, task.parallel, task.title, task.body) for task in plan.tasks] == [
        (*expected, "", "work")
    ]


@pytest.mark.parametrize(
    ("line", "title"),
    {
        "## Task 1: Title": "Title",
        "## Task 1:Title": "Title",
        "## Task 1 : Title": "Title",
        "## Task 1 - x": "x",
        "## Task 1 – Title": "Title",
        "## Task 1 — Title": "Title",
        "## Task 1：标题": "标题",
        "## Task 1. Title": "Title",
        "## Task 1.": "",
        "## Task 1:": "",
        "## Task 1 ##": "",
        "## Task 1: Title ###": "Title",
        "## Task 1: Title \t ": "Title",
        "## Task 1: a  title\u00a0with  blanks": "a title with blanks",
        "## Task 1: **Title**": "Title",
        "## Task 1: **a** and **b**": "**a** and **b**",
        "## **Task 1: Title**": "Title",
        "## **Task 1:** Title": "Title",
        "## Task 1: [Final] Title": "[Final] Title",
        "## Task 1 (optional): Title": "(optional): Title",
        "## task 1: Title": "Title",
        "## TASK 1: Title": "Title",
        " ## Task 1: Title": "Title",
        "##  Task 1: Title": "Title",
        "# Task 1: Title": "Title",
        "###### Task 1: Title": "Title",
        "## Task 1: a - b": "a - b",
        "## Task 1: fix #12": "fix #12",
    }.items(),
    ids=repr,
)
def test_the_title_follows_the_number(line, title):
    plan = parse(f"{line}\nwork".encode(), "a.md")

    assert plan.problems == ()
    assert titles(plan) == [("1", title)]


@pytest.mark.parametrize(
    ("line", "title", "parallel"),
    [
        ("## Task 1 (parallel): Title", "Title", True),
        ("## Task 1 (PARALLEL): Title", "Title", True),
        ("## Task 1 ( parallel ) Title", None, None),
        ("## Task 1 ( parallel )", "", True),
        ("## Task 1: Title (Parallel)", "Title", True),
        ("## Task 1 — Title (Parallel)", "Title", True),
        ("## Task 1: Title (parallel) ✅", "Title", True),
        ("## Task 1: **Title (parallel)**", "Title", True),
        ("## Task 1: Title **(parallel)**", "Title", True),
        ("## Task 1 **(parallel)**: Title", "Title", True),
        ("## Task 1: (parallel) runs", "(parallel) runs", False),
        ("## Task 1: runs (in parallel)", "runs (in parallel)", False),
    ],
)
def test_parallel_counts_right_after_the_number_and_at_the_end(line, title, parallel):
    plan = parse(f"{line}\nwork".encode(), "a.md")

    found = [(task.title, task.parallel) for task in plan.tasks]
    assert found == ([] if title is None else [(title, parallel)])


def test_parallel_elsewhere_marks_nothing():
    plan = read("""
        Tasks run one by one unless marked **(parallel)**.

        ## Task 1: a
        This could be (parallel)
        """)

    assert not plan.tasks[0].parallel


@pytest.mark.parametrize(
    ("remark", "after"),
    [
        ("(after 1)", ("1",)),
        ("(after 1+2)", ("1", "2")),
        ("(after 1, 2)", ("1", "2")),
        ("(After Task 1 and Task 2)", ("1", "2")),
        ("(after tasks 1, 2)", ("1", "2")),
        ("(depends on 1)", ("1",)),
        ("(Depends on #1 & #2)", ("1", "2")),
    ],
)
@pytest.mark.parametrize("heading", ["## Task 3 {}: c", "## Task 3 {} (parallel): c", "## Task 3: c {}"])
def test_what_must_come_first_is_read(remark, after, heading):
    plan = plan_of(f"## Task 1: a\n## Task 2: b\n{heading.format(remark)}\n")

    assert plan.problems == ()
    assert (plan.tasks[2].title, plan.tasks[2].after) == ("c", after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "## Task 1: a\n## Task 2 (after 9): b",
            (
                2,
                "task `2` is to come after task `9`, which is not in this plan; correct it or remove it",
            ),
        ),
        (
            "## Task 1 (after 1): a",
            (1, "task `1` is to come after task `1`, which is itself; remove that name"),
        ),
        (
            "## Task 1 (after 2): a\n## Task 2: b",
            (
                1,
                (
                    "task `1` waits for itself: it is after task `2`, which comes behind task `1`; take one `(after …)` out, "
                    "or change the order"
                ),
            ),
        ),
        (
            "## Task 1 (parallel) (after 3): a\n## Task 2: b\n## Task 3 (parallel): c",
            (
                1,
                (
                    "task `1` waits for itself: it is after task `3`, which comes behind task `1`; take one `(after …)` out, "
                    "or change the order"
                ),
            ),
        ),
        (
            "## Task 1 (after 3): a\n## Task 2 (parallel) (after 1): b\n## Task 3 (parallel) (after 2): c",
            (
                1,
                (
                    "task `1` waits for itself: it is after task `3`, which is after task `2`, which is after task `1`; take one "
                    "`(after …)` out"
                ),
            ),
        ),
    ],
)
def test_an_order_that_cannot_be_kept_is_a_problem_with_its_path(text, expected):
    assert problems(text) == [expected]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("## Task 1 (parallel): a\n## Task 2 (parallel) (after 1): b", [(), ("1",)]),
        ("## Task 1 (parallel) (after 2): a\n## Task 2 (parallel): b", [("2",), ()]),
        (
            "- [ ] a (parallel)\n- [ ] b (after 1) (parallel)\n- [ ] c, which goes\n  on (after 1, 2)",
            [(), ("1",), ("1", "2")],
        ),
    ],
)
def test_tasks_may_wait_for_others_wherever_those_stand(text, after):
    plan = parse(text.encode(), "a.md")

    assert (plan.problems, [task.after for task in plan.tasks]) == ((), after)
    assert len(plan.notes) == 1
    assert "starts when exactly those have landed" in plan.notes[0].message


@pytest.mark.parametrize("remark", ["(after the release)", "(after 2 beers)", "(depends on luck)", "(after)"])
def test_what_is_no_number_of_a_task_is_title(remark):
    plan = parse(f"## Task 1: a\n## Task 2: b {remark}\n".encode(), "a.md")

    assert (plan.problems, plan.notes) == ((), ())
    assert (plan.tasks[1].title, plan.tasks[1].after) == (f"b {remark}", ())


def test_a_large_graph_without_a_circle_costs_what_it_is_large() -> None:
    """Three thousand tasks in a row of segments, each by name after the one before."""
    text = "".join(f"## Task {n} (parallel) (after {n - 1}): x\n" for n in range(2, 3000))

    plan = parse(f"## Task 1 (parallel): x\n{text}".encode(), "a.md")

    assert plan.problems == ()


def test_tasks_run_in_the_order_of_their_numbers_whatever_the_gaps():
    plan = read("""
        ## Task 30: c
        ## Task 0: a
        ## Task 7: b
        """)

    assert titles(plan) == [("0", "a"), ("7", "b"), ("30", "c")]


@pytest.mark.parametrize(
    ("line", "title"),
    {
        "## Task 1: Title ✅": "Title",
        "## Task 1: Title ✅\ufe0f": "Title",
        "## Task 1: Title DONE": "Title",
        "## Task 1: Title - DONE": "Title",
        "## Task 1: Title — COMPLETE": "Title",
        "## Task 1: Title (COMPLETED)": "Title",
        "## Task 1: Title [DONE]": "Title",
        "## Task 1: Title — **DONE**": "Title",
        "## Task 1: Title ✅ COMPLETE": "Title",
        "## Task 1: Title (✅ DONE)": "Title",
        "## Task 1: Title（已完成）": "Title",
        "## Task 1: Title ✅ CONCLUÍDO": "Title",
        "## Task 1 ✅ Title": "Title",
        "## Task 1: [x] Title": "Title",
        "## Task 1: (DONE) Title": "Title",
        "## Task 1: Title [x]": "Title",
        "## Task 1: Title (done)": "Title",
        "## Task 1: Title **[Done]**": "Title",
        "## Task 1: Title - Complete": "Title",
        "## Task 1: Title [✔]": "Title",
        "## Task 1: Title ☑\ufe0f": "Title",
        "## Task 1: Title ✅ Completed 2026-11-29": "Title",
        "## Task 1: Title ✅ (2026-11-29)": "Title",
        "## Task 1: Title (✅ Complete)": "Title",
        "## Task 1 ✅": "",
        "## Task 1 DONE": "",
        "## Task 1: DONE": "",
    }.items(),
    ids=repr,
)
def test_a_heading_that_says_done_ticks_the_task_off(line, title):
    plan = parse(f"{line}\nwork".encode(), "a.md")

    assert plan.problems == ()
    assert [(task.title, task.done) for task in plan.tasks] == [(title, True)]


@pytest.mark.parametrize(
    "title", ["make it complete", "say done", "it is (not) done", "UNDONE", "set `DONE`"]
)
def test_other_words_do_not_tick_a_task_off(title):
    plan = read(f"## Task 1: {title}")

    assert [(task.title, task.done) for task in plan.tasks] == [(title, False)]


@pytest.mark.parametrize(
    "title", ["✅ marks are read", "~~a~~", "DONE: a", "(done): a", "a 🟢 Done", "a `[x]`"]
)
def test_what_may_say_that_a_task_is_done_does_not_and_is_told(title):
    plan = plan_of(f"## Task 1: {title}")

    assert [(task.title, task.done) for task in plan.tasks] == [(title, False)]
    assert [note.line for note in plan.notes] == [1]


def test_an_open_box_before_a_title_is_no_part_of_it():
    assert read("## Task 1: [ ] a").tasks[0].title == "a"


@pytest.mark.parametrize(
    ("body", "done"),
    [
        ("- [x] a\n- [X] b", True),
        ("- [x] a\n  - [ ] b", False),
        ("- [x] a\n- [ ] b", False),
        ("- [x] a\n- [-] b", False),
        ("- [x] a\n\n```\n- [ ] b\n```", True),
        ("- [x] a\n<!--\n- [ ] b\n-->", True),
        ("```\n- [x] a\n```", False),
        ("1. [x] a", True),
        ("- [P] a", False),
        ("all is done", False),
    ],
)
def test_a_task_whose_boxes_are_all_ticked_is_done(body, done):
    assert plan_of(f"## Task 1: a\n{body}\n## Task 2: b").tasks[0].done is done


def test_boxes_under_task_headings_are_steps_and_no_tasks():
    plan = read("""
        ### Task 1: a
        - [ ] **Step 1:** x
        - [ ] **Step 2:** y
        """)

    assert titles(plan) == [("1", "a")]


def test_text_under_a_heading_of_something_else_is_context():
    text = """
        # Plan
        ## Goal
        Better.
        ## Task 1: a
        one
        ### Detail
        more
        ## Notes
        Mind the gap.
        ### Aside
        ## Risks
        None.
        ## Task 2: b
        two
        # Appendix
        ## Task 3: c
        """

    plan = plan_of(text)

    assert [(task.id, task.body) for task in plan.tasks] == [
        ("1", "one\n### Detail\nmore"),
        ("2", "two"),
        ("3", ""),
    ]
    assert plan.context == (
        "# Plan\n## Goal\nBetter.\n\n## Notes\nMind the gap.\n### Aside\n## Risks\nNone.\n\n# Appendix"
    )
    assert notes(text) == [
        (8, "the text from `## Notes` on belongs to no task; it goes to the agents as context"),
    ]


def test_the_body_is_kept_as_it_was_written():
    body = "Line  one  \n\n\tindented\n\n```py\n\n## Task 9\n```\n\n> quote\x0b\x0c\u2028\x85end"

    plan = parse(f"## Task 1\n\n\n{body}\n\n\n## Task 2: x\n".encode(), "a.md")

    assert plan.tasks[0].body == body


# --- what is no heading


@pytest.mark.parametrize(
    "hidden",
    [
        "```\n## Task 9: x\n```",
        "````markdown\n```\n## Task 9: x\n```\n## Task 8: y\n````",
        "~~~\n```\n## Task 9: x\n~~~",
        "```\n~~~\n## Task 9: x\n```",
        "text\n   ```\n## Task 9: x\n   ```",
        "- item\n  ```\n  ## Task 9: x\n  ```",
        "<!-- ## Task 9: x -->",
        "<!--\n## Task 9: x\n-->",
        "<!--\n\n## Task 9: x\n\n- [ ] y\n\n-->",
        "text\n<!--\n\n## Task 9: x\n\n-->",
        "| ## Task 9 | x |",
        "    code\n    # Taskless",
        "see `## Task 9`",
    ],
    ids=repr,
)
def test_what_is_code_or_comment_is_no_heading(hidden):
    plan = read(f"## Task 1: a\n\n{hidden}\n\n## Task 2: b\n")

    assert titles(plan) == [("1", "a"), ("2", "b")]
    assert plan.tasks[0].body == hidden


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("- ## Task 9", 3, "- ## Task 9"),
        ("- x\n\n  ## Task 9", 5, "## Task 9"),
        ("> ## Task 9: x", 3, "> ## Task 9: x"),
        ("    ## Task 9", 3, "## Task 9"),
        ("Task 1: x\n------", 3, "Task 1: x"),
        ("<div>\n## Task 1\n</div>", 4, "## Task 1"),
        ("<div>\n##\u00a0Task\u00a01\n</div>", 4, "##\u00a0Task\u00a01"),
    ],
)
def test_what_only_looks_like_a_heading_is_told(text, line, shown):
    way_out = "if it is a task, begin the line with `## Task`, at the left margin"

    expected = f"`{shown}` looks like a task heading, but markdown sees no heading there; {way_out}"
    assert notes(f"## Task 1: a\n\n{text}\n") == [(line, expected)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("##Task 9", 3),
        ("#Task 9: x", 3),
        ("##Task 1: once more", 3),
        ("\u3000#Task 9", 3),
        ("Task 9: x\n------", 3),
        ("<div>\n## Task 9\n</div>", 4),
        ("- ## Task 2", 3),
        ("> ## Task 2: x", 3),
        ("    ## Task 2", 3),
        ("**Task 2: x**", 3),
    ],
)
def test_a_line_that_would_be_a_task_if_it_were_a_heading_is_a_problem(text, line):
    """At the margin; elsewhere, where it could be an example, if its number is the one that comes next."""
    told = problems(f"## Task 1: a\n\n{text}\n")

    assert [at for at, _ in told] == [line]
    assert (
        "but markdown sees no heading there; begin the line with `## Task`, at the left margin" in told[0][1]
    )


BLANKS = "\u00a0\u1680\u2003\u2007\u2009\u202f\u205f\u3000"


@pytest.mark.parametrize("blank", BLANKS)
def test_odd_blanks_in_a_heading_are_blanks(blank):
    """As they are typed on a Mac, or pasted from elsewhere."""
    text = f"##{blank}Task 1{blank}:{blank}a\n\n##{blank}{blank}Task{blank}2 (parallel)\n{blank}work\n{blank}## Task 3: c\n"

    assert titles(read(text)) == [("1", "a"), ("2", ""), ("3", "c")]


@pytest.mark.parametrize("nothing", "\u200b\u200d\u2060\ufeff\u00ad")
def test_characters_that_take_no_room_hide_no_heading(nothing):
    """As where files that begin with a byte order mark were put together."""
    text = f"## Task 1: a\n{nothing}## Task 2: b\n##{nothing} Ta{nothing}sk 3{nothing}: c\n"

    assert titles(read(text)) == [("1", "a"), ("2", "b"), ("3", "c")]


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("## Task １", ""),
        ("## Task １２：タスク", "タスク"),
        ("＃＃　Ｔａｓｋ　１２：タスク（済）", "タスク（済）"),
        ("## Task 12∶ ratio", "ratio"),
        ("## Task 12 – en dash", "en dash"),
        ("## Task 12 − minus", "minus"),
        ("## Task 12: a\u00a0b", "a b"),
    ],
)
def test_wide_and_typographic_characters_are_what_they_look_like(heading, title):
    assert [task.title for task in read(f"{heading}\nwork\n").tasks] == [title]


@pytest.mark.parametrize("text", ["Task1", "Task #1", "Task -1", "Task: 1", "[Task 1] x", "🔧 Task 1: x"])
def test_a_heading_that_is_nearly_a_task_is_refused_and_not_dropped(text):
    message = f"`{text}` looks like a task but is not written like one; write `Task 1: title`, or reword it"

    assert problems(f"## {text}\nwork") == [(1, message)]
    assert problems(f"## Task 5: a\n## {text}\nwork") == [(2, message)]
    assert notes(f"## Task 5: a\n### {text}\nwork") == [(2, message)]


@pytest.mark.parametrize(
    "text", ["Task 1 Setup", "Task 1 (parallel) extra", "Task 1/2", "Task 1.x", "Task 1 and 2"]
)
def test_a_title_has_to_be_set_off_from_the_number(text):
    way_out = "write `Task 1: title` if it is a task, or reword it"

    expected = [(1, f"what follows the number in `{text}` is not set off as a title; {way_out}")]
    assert problems(f"## {text}\nwork") == expected


@pytest.mark.parametrize(
    "text",
    ["Tasks", "Task Summary", "Task N: [Component Name]", "Tasks: 1", "Multitask 1", "Task A: x", "Phase 1"],
)
def test_other_headings_are_no_tasks(text):
    plan = plan_of(f"## {text}\n## Task 1: a\n")

    assert titles(plan) == [("1", "a")]
    assert (plan.problems, plan.notes) == ((), ())


@pytest.mark.parametrize("number", ["1-3", "1–3", "1_000", "1:30", "10ab", "١"])
def test_what_is_no_number_of_a_task_is_a_problem(number):
    assert problems(f"## Task {number}: a\n## Task 2: b\n") == [
        (1, f"`{number}` is no task number such as `1`, `1.2` or `10a`; number the tasks 1, 2, 3")
    ]


def test_numbers_with_parts_and_letters_are_read_in_the_order_of_numbers():
    plan = read("## Task 10a: e\n## Task 2: c\n## Task 1.10: b\n## Task 1.2: a\n## Task 10: d\n")

    assert titles(plan) == [("1.2", "a"), ("1.10", "b"), ("2", "c"), ("10", "d"), ("10a", "e")]


def test_a_task_with_parts_below_it_is_their_parent():
    plan = plan_of(
        "## Task 1: a\n## Task 2: b\n\nabout b\n\n### Task 2a: c\nwork\n### Task 2b: d\nwork\n## Task 3: e\n"
    )

    assert titles(plan) == [("1", "a"), ("2a", "c"), ("2b", "d"), ("3", "e")]
    assert [(parent.id, parent.title, parent.line) for parent in plan.parents] == [("2", "b", 2)]
    assert "about b" in plan.context


@pytest.mark.parametrize("heading", ["## Task 1: A [P]", "## Task 1 [P]: A", "### Task 1 — A [P] ✅"])
def test_a_p_in_brackets_beside_a_task_is_parallel(heading):
    assert [(task.title, task.parallel) for task in read(f"{heading}\n").tasks] == [("A", True)]


def test_a_priority_in_brackets_is_title():
    assert [(task.title, task.parallel) for task in read("## Task 1: A [P1]\n").tasks] == [("A [P1]", False)]


def test_tasks_that_a_label_names_are_waited_for():
    plan = plan_of(
        "## Task 1: a\n## Task 2: b\n## Task 2.1: c\n**Dependencies:** Task 1, Task 2\n"
        "## Task 3: d\n- **Depends on**: Tasks 1 and 2.1, the build\n## Task 4: e\n**Dependencies:** none\n"
    )

    assert {task.id: task.after for task in plan.tasks} == {
        "1": (),
        "2": (),
        "2.1": ("1", "2"),
        "3": ("1", "2.1"),
        "4": (),
    }


def test_the_files_of_a_task_are_those_under_that_label():
    plan = read(
        "## Task 1: a\n\n**Files:**\n- Create: `src/a.py`\n- Modify: `b.toml:3-9`\n\n- [ ] see `c.py`\n"
    )

    assert plan.tasks[0].files == ("src/a.py", "b.toml")


def test_a_task_after_one_with_parts_in_its_number():
    plan = plan_of("## Task 1.1: a\n## Task 1.2 (after 1.1): b\n## Task 2 (after 1.1, 1.2): c\n")

    assert [task.after for task in plan.tasks] == [(), ("1.1",), ("1.1", "1.2")]


@pytest.mark.parametrize("number", ["2147483649", "4294967295", "4294967296", "9" * 5000])
def test_a_number_beyond_all_measure_is_a_problem(number):
    shown = number if len(number) < 60 else "9" * 60 + "…"
    assert problems(f"## Task {number}\nwork") == [
        (1, f"task number `{shown}` is too large; number the tasks 1, 2, 3"),
    ]


def test_the_largest_number_and_leading_noughts_are_taken():
    assert titles(read(f"## Task 2147483648: b\n## Task {'0' * 5000}1: a")) == [
        ("1", "a"),
        ("2147483648", "b"),
    ]


def test_a_number_that_appears_twice_is_a_problem_and_the_first_is_kept():
    text = "## Task 3: a\n\nx\n\n## Task 03: b\n\ny\n"

    assert problems(text) == [(5, "task `3` appears twice (first on line 1); give each task its own number")]
    assert [(task.title, task.body) for task in plan_of(text).tasks] == [("a", "x")]


def test_all_tasks_have_headings_of_one_level():
    text = "## Task 1: a\n### Task 2: b\n# Task 3: c\n"

    way_out = "give all tasks the same level, or reword this heading"
    assert problems(text) == [
        (
            2,
            f"task `2` on line 2 has a heading of level 3, but the first task on line 1 one of level 2; {way_out}",
        ),
        (
            3,
            f"task `3` on line 3 has a heading of level 1, but the first task on line 1 one of level 2; {way_out}",
        ),
    ]


def test_a_task_without_any_text_is_a_problem():
    assert problems("## Task 1\n\n\n## Task 2: b\n") == [
        (1, "task `1` has neither a title nor a text; write what is to be done, or remove it"),
    ]


@pytest.mark.parametrize(
    "text", ["", "\n", "# Plan\n\nSome prose.\n", "---\na: b\n---\n", "- a\n- b\n", "\ufeff"]
)
def test_a_file_without_a_task_is_refused_and_told_what_a_task_looks_like(text):
    plan = plan_of(text)

    assert (plan.format, plan.tasks) == ("unknown", ())
    assert plan.problems == (
        Problem(
            1,
            "there is no task in this file; begin each task with a heading like `## Task 1: title`, "
            "or with a checkbox like `- [ ] title` at the left margin",
        ),
    )


def test_all_problems_of_a_file_are_told_at_once_by_line():
    found = problems("## Task 1\n## Task 1-5: x\n## Task 2: b\n## Task 2: c\n## Task 3 (after 9): d\n")

    assert [line for line, _ in found] == [1, 2, 4, 5]


# --- bytes and front matter


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_give_the_same_plan(line_end):
    text = "intro\n\n## Task 1: a\n\none\n\ntwo\n\n## Task 2: b\n"

    plan = parse(text.replace("\n", line_end).encode(), "a.md")

    assert plan == parse(text.encode(), "a.md")
    assert plan.tasks[0].body == "one\n\ntwo"


def test_other_line_ends_of_unicode_do_not_end_a_line():
    plan = parse(
        "## Task 1: a\n\nx\x0b## Task 2\x0c## Task 3\x85## Task 4\u2028## Task 5\n## Task 6: b".encode(),
        "a.md",
    )

    assert [(task.id, task.line) for task in plan.tasks] == [("1", 1), ("6", 4)]


def test_a_byte_order_mark_is_dropped():
    assert titles(parse(b"\xef\xbb\xbf## Task 1: a\n", "a.md")) == [("1", "a")]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_bytes_that_are_not_utf_8_are_a_problem_with_their_line(line_end):
    plan = parse(line_end.join([b"## Task 1: a", b"", b"gr\xc3\xbcn", b"gr\xfcn", b"## Task 2: b"]), "a.md")

    assert plan.problems == (Problem(4, "byte `0xfc` is not valid UTF-8; save the file as UTF-8"),)
    assert titles(plan) == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize("end", ["---", "...", "--- "])
def test_front_matter_is_neither_task_nor_context(end):
    plan = read(f"---\ntitle: x\n# comment\ntags: [a]\n{end}\n\nintro\n\n## Task 1: a\n")

    assert (plan.context, plan.tasks[0].line) == ("intro", 9)


def test_empty_front_matter_is_taken_off():
    assert read("---\n---\nintro\n## Task 1: a").context == "intro"


@pytest.mark.parametrize(
    "text",
    [
        "---\n\n## Task 1: a\n\n---\n\n## Task 2: b\n",
        "---\nNote: this.\n## Task 1: a\n---\n\n## Task 2: b\n",
        "---\ntitle: x\n\n## Task 1: a\n\n## Task 2: b\n",
        "---## Stages\n\n## Task 1: a\n## Task 2: b\n",
    ],
)
def test_a_rule_at_the_top_does_not_make_tasks_disappear(text):
    assert [task.id for task in read(text).tasks] == ["1", "2"]


# --- what goes on further than was meant


def test_a_fence_that_is_never_closed_must_not_swallow_tasks():
    assert problems("## Task 1: a\n```\ncode\n## Task 2: b\n") == [
        (2, "what begins here is never closed, so `## Task 2: b` on line 4 is no task; close it"),
    ]


def test_a_comment_that_is_never_closed_must_not_swallow_tasks():
    assert problems("## Task 1: a\n<!--\n\n## Task 2: b\n") == [
        (2, "what begins here is never closed, so `## Task 2: b` on line 4 is no task; close it"),
    ]


def test_a_fence_left_open_around_the_last_lines_is_no_matter():
    assert titles(read("## Task 1: a\n```sh\nmake\n")) == [("1", "a")]


def test_fences_of_the_same_length_inside_each_other_must_not_swallow_a_task():
    text = "## Task 1: a\n```md\n```sh\nmake\n```\n```\n\n## Task 2: b\n\n```\n## Task 3: c\n"

    found = problems(text + "```\n")

    assert found == [
        (
            8,
            (
                "task `2` is missing, but `## Task 2: b` stands in what begins on line 6; "
                "end that before it (a fence around fences has to be longer than those), or change the number"
            ),
        )
    ]


def test_an_example_of_a_task_in_a_fence_is_no_problem():
    assert titles(read("## Task 1: a\n```\n## Task 1: x\n## Task 9: y\n```\n## Task 2: b\n")) == [
        ("1", "a"),
        ("2", "b"),
    ]


def test_a_comment_in_the_middle_of_a_line_that_seems_to_hide_a_task_is_a_problem():
    assert problems("## Task 1: a\ntext <!-- from here\n\n## Task 2: b\n\n-->\n") == [
        (
            2,
            (
                "the comment that begins here ends only after task `2` on line 4; "
                "end the comment before the task, or begin a line of its own with `<!--`"
            ),
        )
    ]


@pytest.mark.parametrize("text", ["a <!-- b -->", "a `<!--` b", "a ``<!--`` b", "a <!-- b"])
def test_other_comments_in_a_line_are_no_matter(text):
    assert titles(read(f"## Task 1: a\n{text}\n\n## Task 2: b\n")) == [("1", "a"), ("2", "b")]


def test_what_is_nested_too_deep_is_a_problem():
    assert problems("## Task 1: a\n" + "> " * 200 + "x\n") == [
        (2, "lists or quotes are nested too deep to be read; nest them less deep"),
    ]


# --- plain lists


def test_a_plain_list_is_read_whole():
    plan = read("""
        # Release

        Be quick.

        ## Before

        - [ ] bump the version
          in `setup.cfg` too

          - [ ] and in the docs
            ```sh
            make docs
            ```
        - [x] tag it

        ## After

        * [ ] tell people (parallel)
        + [ ] tell robots (Parallel)
        1. [ ] sleep
        2) [X] eat

        The end.
        """)

    assert plan == Plan(
        path="plans/a.md",
        format="checklist",
        tasks=(
            Task(
                "1",
                "bump the version",
                "in `setup.cfg` too\n\n- [ ] and in the docs\n  ```sh\n  make docs\n  ```",
                line=7,
            ),
            Task("2", "tag it", "", done=True, line=14),
            Task("3", "tell people", "", parallel=True, line=18),
            Task("4", "tell robots", "", parallel=True, line=19),
            Task("5", "sleep", "", line=20),
            Task("6", "eat", "", done=True, line=21),
        ),
        context="# Release\n\nBe quick.\n\n## Before\n\n(tasks 1-2)\n\n## After\n\n(tasks 3-6)\n\nThe end.",
        evidence="`- [ ] bump the version` on line 7",
    )


def test_a_list_with_nothing_around_it_has_no_context():
    assert read("- [ ] a\n- [ ] b\n").context == ""


def test_task_headings_win_over_boxes():
    assert titles(read("- [ ] x\n\n## Task 1: a\n\n- [ ] y\n")) == [("1", "a")]


def test_headings_that_fail_to_be_tasks_do_not_turn_their_steps_into_tasks():
    plan = plan_of("##Task 1\n\n- [ ] a\n\n##Task 2\n\n- [ ] b\n")

    assert (plan.format, plan.tasks) == ("peal", ())
    assert [problem.line for problem in plan.problems] == [1, 5]


@pytest.mark.parametrize("mark", "-~/")
def test_what_is_cut_queued_or_under_way_is_not_done(mark):
    assert [task.done for task in plan_of(f"- [{mark}] a").tasks] == [False]


@pytest.mark.parametrize(
    "hidden",
    [
        "- [P] x",
        "- [ ](link)",
        "- [](link) x",
        "- [1] x",
        "- […] x",
        "[…] x",
        "[ ](link)",
        "[ ]: link",
        "- `[ ]` x",
        "- ✅ x",
        "- ☑ x",
        "- (c) x",
        "Status: ⬜ open",
        "| ☐ x |",
        "- [x](link)",
        "- x [ ]",
        "> - [ ] x",
        "```\n- [ ] x\n```",
        "<!--\n\n- [ ] x\n\n-->",
        "    - [ ] x",
        " [x] x",
        "| - [ ] x |",
    ],
    ids=repr,
)
def test_what_is_no_box_is_no_task(hidden):
    plan = read(f"# Plan\n\n{hidden}\n\n# List\n\n- [ ] a\n")

    assert titles(plan) == [("1", "a")]
    assert plan.context == f"# Plan\n\n{hidden}\n\n# List\n\n(task 1)"


@pytest.mark.parametrize(
    "line",
    [
        "-[ ] b",
        "- [] b",
        "-[x] b",
        "2. [ ] b",
        "- [ ]b",
        "*[\u00a0] b",
        "[ ] b",
        "[\u2007]b",
        "• [ ] b",
        "– [ ] b",
        "a) [ ] b",
        "①[ ] b",
        "- \\[ \\] b",
        "- **[ ]** b",
        "- [_] b",
        "- ☐ b",
        "☐ b",
        "• ⬜ b",
        "   ☐ b",
    ],
)
def test_what_only_looks_like_a_box_is_a_problem(line):
    assert problems(f"- [ ] a\n\ntext\n{line}\n") == [
        (
            4,
            (
                f"`{line.strip()}` looks like a task, but markdown sees no box there; "
                "write `- [ ] title`, with an empty line before the list"
            ),
        )
    ]


@pytest.mark.parametrize("mark", ["✗", "?", "*", "+", "@"])
def test_a_mark_that_nobody_knows_is_a_problem(mark):
    assert problems(f"- [ ] a\n- [{mark}] b\n") == [
        (2, f"the mark `[{mark}]` of `b` is not known; write `[ ]`, or `[x]` if it is done")
    ]


@pytest.mark.parametrize("mark", ["-", "~", ">"])
def test_a_mark_that_tools_read_in_two_ways_is_told(mark):
    plan = parse(f"- [x] a\n- [{mark}] b\n".encode(), "plan.md")

    assert [task.done for task in plan.tasks] == [True, False]
    assert [(note.line, note.message) for note in plan.notes] == [
        (2, f"`[{mark}]` is read as not done; write `[x]` for what is not to be worked on")
    ]


@pytest.mark.parametrize(
    ("box", "done"),
    [(f"[{blank}]", False) for blank in BLANKS]
    + [
        ("[  ]", False),
        ("[ \u200b]", False),
        ("［　］", False),
        ("[x ]", True),
        ("[ x]", True),
        ("[\u00a0X\u00a0]", True),
        ("[ｘ]", True),
        ("[х]", True),
        ("[✓]", True),
        ("[ - ]", False),
    ],
)
@pytest.mark.parametrize("bullet", ["- ", "*\u00a0", "1. ", "\u00a0+\u2003", "１．", "－　"])
def test_a_box_is_one_whatever_blanks_are_in_it(bullet, box, done):  # fmt: skip
    bullet = bullet if bullet[-1:].isspace() else f"{bullet} "

    plan = parse(f"- [ ] a\n{bullet}{box} b\n".encode(), "plan.md")

    assert not plan.problems
    assert [(task.title, task.done) for task in plan.tasks] == [("a", False), ("b", done)]


@pytest.mark.parametrize(
    "step", ["-[ ] b", "- [] b", "-[~] b", "☐ b", "  - ☐ b", "- [\u00a0] b", "  [ ] b", "- [>] b"]
)
def test_a_task_with_a_step_that_looks_open_is_not_done(step):
    assert [task.done for task in plan_of(f"## Task 1: a\n- [x] a\n{step}\n- [x] c\n").tasks] == [False]
    assert plan_of(f"## Task 1: a\n- [x] a\n```\n{step}\n```\n").tasks[0].done


@pytest.mark.parametrize("step", ["  ☐ b", "    - ☐ b", "  [ ] b", "  - [>] b"])
def test_what_looks_like_a_box_within_a_task_is_its_text(step):
    plan = read(f"- [ ] a\n{step}\n- [ ] c\n")

    assert [(task.title, task.body) for task in plan.tasks] == [("a", step.strip()), ("c", "")]


def test_the_text_of_a_task_keeps_the_characters_it_is_written_with():
    plan = read("- [\u00a0] a\u00a0b （済）\n  c\u00a0d\n  - [\u00a0] e\n")

    assert [(task.title, task.body) for task in plan.tasks] == [("a b （済）", "c\u00a0d\n- [\u00a0] e")]


def test_html_around_a_list_must_not_make_its_tasks_disappear():
    assert [line for line, _ in problems("- [ ] a\n\n<details>\n- [ ] b\n\n- [ ] c\n</details>\n")] == [4]


def test_a_box_nested_in_an_item_without_one_is_told():
    assert notes("- [ ] a\n- b\n  - [ ] c\n") == [
        (3, "`c` stands in an item without a box, so it is no task; it goes to the agents as context"),
    ]


def test_a_box_without_text_is_a_problem():
    assert problems("- [ ]\n- [ ] b\n") == [
        (1, "task `1` has neither a title nor a text; write what is to be done, or remove it"),
    ]


@pytest.mark.parametrize(
    ("item", "title", "body", "parallel"),
    [
        ("- [ ] **Bold title**", "Bold title", "", False),
        ("- [ ] **Bold title** (parallel)", "Bold title", "", True),
        ("- [ ] **Step 1:** do", "**Step 1:** do", "", False),
        ("- [ ] one\n  two (parallel)\n\n  three", "one", "two\n\nthree", True),
        ("- [ ] one (parallel)\n  two", "one", "two", True),
        ("- [ ] one\n\n  two (parallel)", "one", "two (parallel)", False),
        ("- [ ] one\nlazy", "one", "lazy", False),
        ("- [ ] one:\n      far in", "one:", "far in", False),
        ("- [ ] one\n    - two\n      - three", "one", "- two\n  - three", False),
        ("- [ ] one\n\t- two", "one", "- two", False),
        ("1. [ ] one\n   - two", "one", "- two", False),
        ("- [ ]\tone", "one", "", False),
        ("- [ ] one\n\n      code\n\n  two", "one", "    code\n\ntwo", False),
        ("- [ ]\n  two", "", "two", False),
    ],
)
def test_the_first_line_of_an_item_is_its_title_and_the_rest_its_body(item, title, body, parallel):
    plan = read(f"{item}\n")

    assert [(task.title, task.body, task.parallel) for task in plan.tasks] == [(title, body, parallel)]


# --- lists of other tools


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("- [ ] T1.1: make it\n", 1, "a spec-kit task list"),
        ("### T001: make it\n- [ ] a\n", 1, "a spec-kit task list"),
        ("- [ ] a\n  - **Dependencies:** B-1\n", 2, "a task list with dependencies between its items"),
    ],
)
def test_a_list_of_another_tool_is_refused_by_name(text, line, what):
    plan = plan_of(text)

    assert (plan.format, plan.tasks) == ("foreign", ())
    assert plan.problems == (
        Problem(
            line,
            f"this looks like {what}, which peal does not read yet; write each task as `## Task 1: title`",
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "- [ ] 3.11 support\n- [ ] docs\n",
        "- [ ] T1 line\n",
        "- [ ] 3 tests\n- [ ] 5 pages\n",
        "- [ ] `T1.1` a\n",
    ],
)
def test_a_plain_list_is_not_taken_for_another_tools(text):
    assert read(text).format == "checklist"


# --- promises for any input


@given(st.binary())
def test_no_bytes_can_make_it_raise(raw):
    parse(raw, "a.md")


FRAGMENTS = st.sampled_from(
    [
        *[
            "## Task ",
            "### Task ",
            "# ",
            "1",
            "2",
            ": a",
            " (parallel)",
            " (after 1)",
            " DONE",
            "✅",
            "- [ ] a",
            "- [x] b",
        ],
        *[
            "\n",
            "\n\n",
            "  ",
            "\t",
            "> ",
            "- ",
            "1. ",
            "```",
            "~~~~",
            "<!--",
            "-->",
            "<pre>",
            "---",
            "...",
            "**",
            "\r",
            "\x00",
        ],
        *[
            "[x]: y",
            "===",
            "T001",
            "Phase 1",
            "**Tasks:**",
            "\ufeff",
            "\x85",
            "é",
            "(",
            ")",
            "[",
            "]",
            "`",
            "|",
            "\\",
        ],
    ]
)


@given(st.lists(FRAGMENTS, max_size=60).map("".join))
@example("- [ ] a\n-\n  [ ] b\n")
@example("# " * 200)
@example("- " * 400 + "[ ] a")
def test_no_text_can_make_it_raise_and_what_it_says_has_a_place(text):
    plan = parse(text.encode(), "a.md")

    last = len(re.split(r"\r\n|\r|\n", text))
    assert all(1 <= each.line <= last for each in (*plan.tasks, *plan.problems, *plan.notes))
    assert plan.tasks or plan.problems
    assert list(plan.problems) == sorted(plan.problems, key=lambda problem: problem.line)
    assert len({task.id for task in plan.tasks}) == len(plan.tasks)


WORDS = st.text(string.ascii_letters + "äß漢 `*_.,", min_size=1, max_size=20).map(
    lambda text: "w " + text.strip() + " w"
)
PLAN_TASKS = st.lists(
    st.builds(
        Task,
        id=st.integers(0, 2**31).map(str),
        title=WORDS,
        body=st.lists(WORDS, max_size=4).map("\n\n".join),
        parallel=st.booleans(),
        done=st.booleans(),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda task: task.id,
)


@given(PLAN_TASKS, st.sampled_from(["\n", "\r\n"]), st.randoms())
def test_a_plan_that_is_written_down_reads_back_equal(tasks, line_end, random):
    written = list(tasks)
    random.shuffle(written)
    text = "".join(
        f"## Task {task.id}: {task.title}{' (parallel)' * task.parallel}{' ✅' * task.done}\n\n{task.body}\n\n"
        for task in written
    )

    plan = parse(text.replace("\n", line_end).encode(), "a.md")

    assert plan.problems == ()
    kept = [(task.id, task.title, task.body, task.parallel, task.done) for task in plan.tasks]
    assert kept == [
        (task.id, " ".join(task.title.split()), task.body, task.parallel, task.done)
        for task in sorted(tasks, key=lambda task: int(task.id))
    ]


@given(st.lists(WORDS, min_size=1, max_size=8), st.sampled_from("xX"))
def test_ticking_a_box_off_keeps_the_digest(items, mark):
    text = "".join(f"- [ ] {item}\n  more of it\n\n  - [ ] step\n" for item in items)

    before = parse(text.encode(), "a.md").tasks
    after = parse(re.sub(r"^- \[ \]", f"- [{mark}]", text, flags=re.MULTILINE).encode(), "a.md").tasks

    assert [task.digest for task in before] == [task.digest for task in after]
    assert all(task.done for task in after)


def test_ticking_a_heading_off_keeps_the_digest():
    before, after = plan_of("## Task 1: a\nx").tasks[0], plan_of("## Task 1: a ✅\nx").tasks[0]

    assert (before.digest, after.done) == (after.digest, True)


def test_ten_thousand_tasks_are_read_quickly():
    paragraph = "Some words about the work, as long as a line of a plan mostly is in the wild.\n" * 6
    text = "".join(f"## Task {number}: do it\n\n{paragraph}\n" for number in range(10_000))

    begin = time.perf_counter()
    plan = parse(text.encode(), "a.md")

    assert len(plan.tasks) == 10_000
    assert time.perf_counter() - begin < 20


def test_a_long_list_takes_less_than_a_kilobyte_for_each_task():
    raw = "".join(f"- [ ] do thing number {number}\n" for number in range(5_000)).encode()
    parse(b"- [ ] a", "a.md")  # what is loaded once does not count

    tracemalloc.start()
    plan = parse(raw, "a.md")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(plan.tasks) == 5_000
    assert peak < 1000 * 5_000


@pytest.mark.parametrize(
    "text", ["## Task 1: " + "✅" * 3000, "## Task 1: a" + " (parallel)" * 3000, "#" * 50_000]
)
def test_marks_without_end_do_no_harm(text):
    assert len(plan_of(f"{text}\n## Task 2: b").tasks) in (1, 2)


# --- the helpers that shape text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n \n", ""),
        ("\n\n  a\n", "a"),
        ("\n    code\n", "    code"),
        ("\n\tcode", "\tcode"),
        ("    a", "    a"),
    ],
)
def test_trimming_keeps_the_indent_of_code(text, expected):
    assert trimmed(text) == expected


def test_lines_of_an_item_move_to_the_left_margin_together():
    assert dedented(["", "    - a", "", "      - b  ", "\tc", ""], 2) == "- a\n\n  - b  \nc"


@pytest.mark.parametrize("heading", ["## Task 1 (parallel with T3): Bell", "## Task 1: Bell (after T1)"])
def test_a_remark_that_is_nearly_a_mark_is_told(heading):
    plan = parse(f"{heading}\nwork\n".encode(), "a.md")

    assert (plan.tasks[0].parallel, plan.tasks[0].after) == (False, ())
    assert ["is only text" in note.message for note in plan.notes] == [True]
