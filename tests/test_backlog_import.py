"""`peal backlog import` and `export`: items of other tools become ours, all or none, and can go back."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Repo, eventually, later
from hypothesis import given
from test_backlog_items import ITEMS, QUICK

from peal.backlog import item_file
from peal.backlog.exchange import task_golem
from peal.backlog.exchange.files import Place
from peal.backlog.item import Item
from peal.record.lock import landing
from peal.system.layout import RepoPaths

SCHEMA = '{"schema_version":1}'
AT = "2026-02-27T20:12:45Z"


def task(id_: str, title: str = "", **more: Any) -> str:
    """A line of task-golem's, with every key that those have."""
    usual = {
        "id": id_, "title": title or id_, "status": "todo", "priority": 0, "description": None, "tags": [], "dependencies": [],
        "created_at": AT, "updated_at": AT, "blocked_reason": None, "blocked_from_status": None, "claimed_by": None,
        "claimed_at": None, "parent": None,
    }  # fmt: skip
    return json.dumps({**usual, **more})


def golem(project: Repo, *lines: str, archive: tuple[str, ...] = ()) -> str:
    """task-golem's files; the folder."""
    project.write(".task-golem/tasks.jsonl", "\n".join((SCHEMA, *lines, "")))
    if archive:
        project.write(".task-golem/archive.jsonl", "\n".join((SCHEMA, *archive, "")))
    return ".task-golem"


def items(project: Repo) -> dict[str, dict[str, Any]]:
    """All items by their ids, as scripts get them."""
    listed = json.loads(project.peal("backlog", "export", "--all").stdout)
    return {one["id"]: one for one in listed}


def imported(project: Repo, *words: str) -> str:
    """What an import says."""
    return project.peal("backlog", "import", *words).stdout


def refused(project: Repo, *words: str) -> str:
    """Why nothing is imported; nothing is then."""
    before = project.git("status", "--porcelain", "--untracked-files=all"), project.git("rev-parse", "HEAD")
    said = project.peal("backlog", "import", *words, code=1).stderr
    after = project.git("status", "--porcelain", "--untracked-files=all"), project.git("rev-parse", "HEAD")
    assert after == before
    return said


# --- task-golem


def test_all_items_come_in_one_commit_and_the_tree_stays_clean(project: Repo) -> None:
    folder = golem(project, task("tg-1a2b3", "One"), task("tg-04xyz", "Two", dependencies=["tg-1a2b3"]))
    project.git("add", ".")
    project.git("commit", "-qm", "theirs")
    project.write("staged.txt", "x")
    project.git("add", "staged.txt")

    said = imported(project, folder)

    assert said == "tg-1a2b3 new: One\ntg-04xyz new: Two\n2 items are added from task-golem\n"
    assert project.git("log", "-1", "--format=%s") == "[backlog] import: 2 items from task-golem\n"
    names = project.git("show", "--format=", "--name-only").splitlines()
    assert names == ["backlog/tg-04xyz-two.md", "backlog/tg-1a2b3-one.md"]
    assert project.git("status", "--porcelain") == "A  staged.txt\n"


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({"priority": 7, "tags": ["a", "b c"]}, {"priority": 7, "tags": ["a", "b c"], "created": AT}),
    "description": ({"description": "Why\n\nso"}, {"text": "\nWhy\n\nso\n"}),
    "new": ({"x-pg-status": "new"}, {"status": "new"}),
    "scoping": (
        {"x-pg-status": "scoping", "x-pg-phase": "research", "x-pg-phase-pool": "pre"},
        {"status": "scoping", "phase": "research", "pool": "pre"},
    ),
    "ready": ({"x-pg-status": "ready"}, {"status": "ready"}),
    "doing": ({"status": "doing", "x-pg-status": "new", "x-pg-phase": "build"}, {"status": "in_progress", "phase": "build"}),
    "blocked": (
        {"status": "blocked", "blocked_reason": "Which?", "blocked_from_status": "todo", "x-pg-blocked-from-status": "scoping"},
        {"blocked": {"before": "scoping", "type": "decision", "reason": "Which?", "since": AT, "phase": ""}},
    ),
    "blocked by tg": (
        {"status": "blocked", "blocked_from_status": "doing", "x-pg-phase": "build"},
        {"blocked": {"before": "in_progress", "type": "decision", "reason": "", "since": AT, "phase": "build"}},
    ),
    "blocked without more": (
        {"status": "blocked", "x-pg-blocked-type": "clarification"},
        {"blocked": {"before": "new", "type": "clarification", "reason": "", "since": AT, "phase": ""}},
    ),
    "assessed": (
        {"x-pg-size": "large", "x-pg-complexity": "low", "x-pg-risk": "high", "x-pg-impact": "medium"},
        {"size": "large", "complexity": "low", "risk": "high", "impact": "medium"},
    ),
    "the rest of phase-golem's": (
        {"x-pg-requires-human-review": True, "x-pg-pipeline-type": "fix", "x-pg-unblock-context": "so", "x-pg-last-phase-commit": "ab1"},
        {"requires_human_review": True, "pipeline": "fix", "notes": "so", "last_phase_commit": "ab1"},
    ),
    "context": (
        {"description": "c", "x-pg-description": {"context": "c", "problem": "p", "solution": "", "impact": "", "sizing_rationale": ""}},
        {"text": "", "description": {"context": "c", "problem": "p", "solution": "", "impact": "", "sizing_rationale": ""}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FIELDS)
def test_each_key_of_task_golems_has_its_field(project: Repo, case: str) -> None:
    given, wanted = FIELDS[case]

    imported(project, golem(project, task("tg-1", "One", **given)))

    found = items(project)["tg-1"]
    assert {name: found[name] for name in wanted} == wanted
    assert "rest" not in found["other_keys"]["imported"]


def test_what_has_no_field_here_is_kept_below_imported(project: Repo) -> None:
    more = {"claimed_by": "bob", "parent": "tg-2", "x-mine": {"a": [1, 2.5, None, "3"]}, "odd": True}

    imported(project, golem(project, task("tg-1", **more), task("tg-2")))

    told = items(project)["tg-1"]["other_keys"]["imported"]
    assert (told["from"], told["id"]) == ("task-golem", "tg-1")
    assert told["rest"] == more


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("x-pg-size", "huge", '`x-pg-size` is `"huge"`; it must be `small` or `medium` or `large`'),
        ("x-pg-status", "odd", "`x-pg-status` is"),
        ("x-pg-phase-pool", 3, "`x-pg-phase-pool` is `3`"),
        ("x-pg-description", "text", "`x-pg-description` "),
        ("x-pg-blocked-from-status", "ready", "is left from a block that is over"),
    ],
)
def test_an_extension_that_cannot_be_is_told_and_kept(
    project: Repo, key: str, value: object, told: str
) -> None:
    """As in phase-golem it does not count."""
    folder = golem(project, task("tg-1", **{key: value}))

    said = project.peal("backlog", "import", folder).stderr

    assert "`.task-golem/tasks.jsonl line 2`: " in said
    assert told in said
    assert "it is kept below `imported` only" in said
    found = items(project)["tg-1"]
    assert found["status"] == "new"
    assert found["other_keys"]["imported"]["rest"] == {key: value}


def test_ids_dependencies_parents_and_origins_are_rewritten_together(project: Repo) -> None:
    """An id is kept where it is one of ours and free."""
    project.peal("backlog", "add", "mine")
    lines = (
        task("WRK-001", "theirs"),
        task("a/../b", "slash", dependencies=["WRK-001"]),
        task(
            "tg-2",
            "last",
            dependencies=["A/../B", "WRK-001"],
            parent="a/../b",
            **{"x-pg-origin": "WRK-001/design"},
        ),
    )

    said = imported(project, golem(project, *lines))

    assert "WRK-002 new: theirs (there WRK-001)\nWRK-003 new: slash (there a/../b)\ntg-2 new: last\n" in said
    found = items(project)
    assert found["WRK-003"]["depends"] == ["WRK-002"]
    assert found["tg-2"]["depends"] == ["WRK-003", "WRK-002"]
    assert found["tg-2"]["origin"] == "WRK-002/design"
    assert found["tg-2"]["other_keys"]["imported"]["rest"]["parent"] == "WRK-003"


def test_items_that_are_over_are_counted_or_go_to_the_archive(project: Repo) -> None:
    """One that was archived without being done is cancelled: task-golem merges duplicates so."""
    folder = golem(
        project,
        task("tg-1", dependencies=["tg-2"]),
        archive=(task("tg-2", status="done", **{"x-pg-phase": "review"}), task("tg-3")),
    )

    said = imported(project, folder)
    assert "1 item is added from task-golem\n" in said
    assert "1 item left out, for it is done; --archived takes them along" in said
    assert "1 item left out, for it is cancelled" in said
    assert items(project)["tg-1"]["other_keys"]["imported"]["rest"] == {"depends_done": ["tg-2"]}

    said = imported(project, folder, "--archived")
    assert said.endswith("2 items are added from task-golem\n1 item is here already\n")
    found = items(project)
    assert [(found[one]["status"], found[one]["archived"]) for one in ("tg-2", "tg-3")] == [
        ("done", True),
        ("cancelled", True),
    ]
    assert found["tg-3"]["reason"] == "it was archived in task-golem while it was todo"


def test_a_dependency_on_one_that_is_done_stays_where_that_comes_along(project: Repo) -> None:
    folder = golem(project, task("tg-1", dependencies=["tg-2"]), archive=(task("tg-2", status="done"),))

    imported(project, folder, "--archived")

    assert items(project)["tg-1"]["depends"] == ["tg-2"]


def test_the_same_again_adds_nothing_and_tells_what_has_changed_there(project: Repo) -> None:
    folder = golem(project, task("tg-1", "One"), task("tg-2", "Two"))
    imported(project, folder)
    project.peal("backlog", "edit", "tg-1", "--title", "Mine")
    before = project.git("rev-parse", "HEAD")

    assert imported(project, folder) == "0 items are added from task-golem\n2 items are here already\n"

    golem(project, task("tg-1", "Theirs"), task("tg-2", "Two"), task("tg-3", dependencies=["tg-1"]))
    assert imported(project, folder, "--dry-run").count("has changed since") == 1
    assert project.git("rev-parse", "HEAD") == before
    said = imported(project, folder)
    assert (
        "note: tg-1 was imported before, and has changed since in `.task-golem/tasks.jsonl line 2`; it stays as it is here\n"
        in said
    )
    assert (items(project)["tg-1"]["title"], items(project)["tg-3"]["depends"]) == ("Mine", ["tg-1"])


# --- all or nothing

LINES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no JSON": ("{", ("line 2`: it is no valid JSON: ", "(column 2); mend it")),
    "no object": ("[1]", ("line 2`: it is no JSON object",)),
    "nested": ("[" * 100000, ("line 2`: this JSON is nested too deep",)),
    "nested a bit": (task("a-1", **{"x-a": [[[[[[[[[[[[[1]]]]]]]]]]]]]}), ("nested too deep for an item",)),
    "twice": ('{"id": "a-1", "id": "a-2"}', ("`id` is there twice",)),
    "no number": ('{"id": "a-1", "x": NaN}', ("`NaN` is no number",)),
    "digits": ('{"id": "a-1", "priority": ' + "9" * 5000 + "}", ("line 2`: it is no valid JSON",)),
    "missing": ('{"id": "a-1"}', ("line 2`: `title` is missing", "line 2`: `status` is missing")),
    "kinds": (task("a-1", priority="high", tags=3), ("`priority` is", "`tags` is")),
    "status": (task("a-1", status="odd"), ("`status` is `\"odd\"`; it must be `todo` or",)),
    "NUL": (task("a-1", "a\0b"), ("`title` holds a NUL",)),
    "half a letter": ('{"id": "a-1", "title": "\\ud800", "status": "todo"}', ("`title` is no UTF-8",)),
    "no title": (task("a-1", " \x1b[0m "), ("its title is empty",)),
    "dangling": (task("a-1", dependencies=["a-9"]), ("`a-1` waits for `a-9`, which is neither there nor in the backlog",)),
    "itself": (task("a-1", dependencies=["a-1"]), ("line 2`: `a-1` waits for itself; take that out",)),
    "circle": (
        task("a-1", dependencies=["a-2"]) + "\n" + task("a-2", dependencies=["a-1"]),
        ("line 2`: items wait for each other: a-1 -> a-2 -> a-1; take one of these out",),
    ),
    "two of one id": (
        task("a-1") + "\n" + task("A-1"),
        ("line 3`: `A-1` is there twice, first in `.task-golem/tasks.jsonl line 2`",),
    ),
    "two mistakes": ("{\n[", ("line 2`: ", "line 3`: ")),
    "version": ('{"schema_version": 9}', ("`schema_version` is 9, and peal knows 1",)),
    "peal's own": (task("a-1", **{"x-peal": [1]}), ("`x-peal` is not as peal has written it; take it out",)),
    "peal's own key": (task("a-1", **{"x-peal": {"fields": {}, "keys": {"id": "b-1"}}}), ("cannot be written so that it is read again",)),
}  # fmt: skip


@pytest.mark.parametrize("case", LINES)
def test_nothing_is_imported_where_anything_is_wrong(project: Repo, case: str) -> None:
    """Everything is told, with file and line."""
    text, told = LINES[case]

    said = refused(project, golem(project, text, task("good-1")))

    for one in told:
        assert one in said
    assert "Traceback" not in said
    assert said.endswith("error: nothing is imported\n")


def test_bytes_that_are_no_text_and_lines_without_end_are_refused(project: Repo) -> None:
    file = project.path / "tasks.jsonl"
    for raw, told in (
        (b'{"id": "\xff"}', "line 1`: it is no UTF-8 at byte 8"),
        (b'{"id": "' + b"x" * 2**21, "line 1`: it has 2.1 MB, and 1.0 MB are the most for an item"),
    ):
        file.write_bytes(raw)
        assert told in refused(project, "tasks.jsonl")
    with file.open("wb") as opened:
        opened.truncate(10**8)
    assert "it has 100 MB, and 34 MB are the most; divide it" in refused(project, "tasks.jsonl")


def test_what_is_no_file_is_neither_followed_nor_waited_for(project: Repo, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("---\nid: a-1\ntitle: x\nstatus: To Do\nlabels: []\n---\n")
    folder = project.path / "theirs/tasks"
    folder.mkdir(parents=True)
    (folder / "link.md").symlink_to(secret)
    os.mkfifo(folder / "fifo.md")
    os.mkfifo(project.path / "pipe.jsonl")

    said = refused(project, "theirs/tasks", "--from", "Backlog.md")

    assert "`theirs/tasks/fifo.md`: it is no regular file, and links are not followed" in said
    assert "`theirs/tasks/link.md`: it is no regular file" in said
    assert "it is no regular file" in refused(project, "pipe.jsonl")
    assert "cannot be read: No such file or directory" in refused(project, "gone.jsonl")
    assert "looks like none of task-golem, wreckit, Backlog.md, ideas" in refused(project, "theirs")


def test_titles_become_one_line_and_lose_nothing(project: Repo) -> None:
    long, lines, codes = "x" * 10_000, "one\ntwo", "\x1b[31mred\x07"

    said = imported(
        project, golem(project, *(task(f"a-{n}", title) for n, title in enumerate((long, lines, codes))))
    )

    assert "\x1b" not in said
    found = items(project)
    assert [found[f"a-{n}"]["title"] for n in range(3)] == ["x" * 199 + "…", "one two", "red"]
    kept = [found[f"a-{n}"]["other_keys"]["imported"]["rest"]["title"] for n in range(3)]
    assert kept == [long, lines, codes]


def test_a_backlog_with_a_broken_file_takes_nothing(project: Repo) -> None:
    project.peal("backlog", "add", "whole")
    project.write("backlog/WRK-002-x.md", "---\nid: [\n---\n")

    said = refused(project, golem(project, task("a-1")))

    assert "files of the backlog cannot be read, and may be what is imported; mend them first" in said


def test_nothing_stays_where_a_file_cannot_be_written(project: Repo) -> None:
    project.write(
        ".wreckit/items/001-a/item.json", json.dumps({"id": "001-a", "title": "A", "state": "idea"})
    )
    project.write(".wreckit/items/001-a/plan.md", "plan")
    project.write("changes/WRK-001_a/plan.md", "mine")

    said = refused(project, ".wreckit")

    assert "changes/WRK-001_a/plan.md` is already there; move it away" in said
    (project.path / "changes/WRK-001_a/plan.md").unlink()
    (project.path / "changes/WRK-001_a").rmdir()
    (project.path / "changes").chmod(0o500)
    if os.getuid():
        assert "nothing is imported" in refused(project, ".wreckit")
    (project.path / "changes").chmod(0o700)
    imported(project, ".wreckit")


def test_after_a_refused_commit_the_same_again_commits_it(project: Repo) -> None:
    """So it is after a kill between writing and committing."""
    hook = project.write(".git/hooks/pre-commit", "#!/bin/sh\necho not now >&2\nexit 1\n")
    hook.chmod(0o755)
    folder = golem(project, task("tg-1"))
    said = project.peal("backlog", "import", folder, code=1).stderr
    assert "1 item is written, but git has not committed it: " in said
    folder = golem(project, task("tg-1"), task("tg-2"))

    said = project.peal("backlog", "import", folder, code=1).stderr

    assert "2 items are written, but git has not committed them: " in said
    assert "give the same command again: it commits them" in said
    hook.unlink()
    golem(project, task("tg-1"), task("tg-2"), task("tg-3"))
    imported(project, folder)
    assert project.git("log", "-1", "--format=%s") == "[backlog] import: 3 items from task-golem\n"
    assert len(project.git("show", "--format=", "--name-only").splitlines()) == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_after_an_end_in_the_middle_the_same_again_goes_on(project: Repo, number: int) -> None:
    """A kill leaves whole files, Ctrl-C all or none."""
    folder = golem(project, *(task(f"tg-{one}") for one in range(40)))
    started = project.start("backlog", "import", folder)
    eventually(lambda: any((project.path / "backlog").glob("*.md")))
    started.send_signal(number)
    started.wait()
    there = len(list((project.path / "backlog").glob("*.md")))
    assert there in (0, 40) or number == signal.SIGKILL

    imported(project, folder)

    assert len(items(project)) == 40
    assert project.git("status", "--porcelain", "backlog/*.md") == ""


def test_without_commit_files_are_left_to_the_person(project: Repo) -> None:
    before = project.git("rev-parse", "HEAD")

    imported(project, golem(project, task("tg-1")), "--no-commit")

    assert project.git("rev-parse", "HEAD") == before
    assert "?? backlog/" in project.git("status", "--porcelain")


def test_it_waits_for_whoever_changes_the_branch(project: Repo) -> None:
    folder = golem(project, task("tg-1"))
    with landing(RepoPaths(project.path)):
        started = project.start("backlog", "import", folder)
        time.sleep(0.3)
        assert started.poll() is None
    assert started.wait() == 0
    assert "tg-1" in items(project)


# --- Backlog.md


def backlog_md(project: Repo, name: str, front: str, text: str = "") -> None:
    """A task's file in `theirs/`."""
    project.write(f"theirs/{name}", f"---\n{front}\n---\n{text}")


CONFIG = 'project_name: "x"\nstatuses: ["Idea", "To Do", "In Progress", "QA", "Shipped"]\n'


@pytest.mark.parametrize(
    ("place", "status", "wanted"),
    [
        ("tasks", "To Do", "new"),
        *later(("tasks", "Idea", "new")),
        ("tasks", "'○ In Progress'", None),
        ("tasks", "In Progress", "blocked"),
        *later(("tasks", "QA", "blocked")),
        ("tasks", "Blocked", "blocked"),
        ("tasks", "Done", "done"),
        *later(("tasks", "Shipped", "done")),
        ("tasks", "Cancelled", "cancelled"),
        ("tasks", "Weird", None),
        ("drafts", "Draft", "new"),
        ("completed", "Done", "done"),
        ("archive/tasks", "To Do", "cancelled"),
    ],
)
def test_statuses_of_backlog_md(project: Repo, place: str, status: str, wanted: str | None) -> None:
    project.write("theirs/config.yml", CONFIG)
    backlog_md(project, f"{place}/task-1 - x.md", f"id: task-1\ntitle: X\nstatus: {status}\nlabels: []")

    if wanted is None:
        said = refused(project, "theirs")
        assert f"`theirs/{place}/task-1 - x.md`: line 4: the status `" in said
        assert "there is `Idea`, `To Do`" in said
    else:
        imported(project, "theirs", "--archived")
        assert items(project)["task-1"]["status"] == wanted


def test_a_task_of_backlog_mds_is_kept_whole(project: Repo) -> None:
    text = (
        "\n## Description\n\nSo.\n\n## Acceptance Criteria\n<!-- AC:BEGIN -->\n- [ ] #1 x\n<!-- AC:END -->\n"
    )
    front = (
        "id: BACK-217.03\ntitle: 'Web UI: move'\nstatus: In Progress\nassignee: ['@bob']\ncreated_date: '2025-08-23 19:13'\n"
        "updated_date: '2026-05-11 14:01'\nlabels:\n  - ui\ndependencies: [2, BACK-3]\nparent_task_id: back-2\nordinal: 156000\npriority: high"
    )
    backlog_md(project, "tasks/back-217.03 - a.md", front, text)
    for number in (2, 3):
        backlog_md(
            project,
            f"tasks/back-{number} - b.md",
            f"id: BACK-{number}\ntitle: B\nstatus: To Do\npriority: low\nlabels:",
        )
    project.write("theirs/tasks/readme.md", "no task")

    done = project.peal("backlog", "import", "theirs/tasks")

    assert "`theirs/tasks/readme.md`: it is no task" in done.stderr
    found = items(project)
    one = found["BACK-217.03"]
    assert one["text"] == text
    assert (one["title"], one["priority"], one["tags"], one["depends"], one["created"], one["updated"]) == (
        "Web UI: move", 1, ["ui"], ["BACK-2", "BACK-3"], "2025-08-23T19:13", "2026-05-11T14:01",
    )  # fmt: skip
    assert one["blocked"]["reason"].startswith("it was `In Progress` in Backlog.md, assigned to @bob; ")
    assert one["other_keys"]["imported"]["rest"] == {
        "assignee": ["@bob"], "parent_task_id": "BACK-2", "ordinal": 156000, "priority": "high", "status": "In Progress",
    }  # fmt: skip
    assert found["BACK-2"]["priority"] == -1


def test_one_task_by_itself_needs_what_it_waits_for(project: Repo) -> None:
    backlog_md(project, "tasks/task-2.md", "id: task-2\ntitle: X\nstatus: To Do\ndependencies: [task-1]")
    backlog_md(project, "tasks/task-1.md", "id: task-1\ntitle: X\nstatus: To Do\ndependencies: []")

    said = refused(project, "theirs/tasks/task-2.md")

    assert "`theirs/tasks/task-2.md line 2`: `task-2` waits for `task-1`, which is neither there" in said
    imported(project, "theirs/tasks/task-1.md")
    imported(project, "theirs/tasks/task-2.md")
    assert items(project)["task-2"]["depends"] == ["task-1"]


# --- wreckit


def wreckit(project: Repo, name: str, **more: Any) -> None:
    """An item's folder."""
    usual = {
        "schema_version": 1,
        "id": name,
        "title": name,
        "state": "idea",
        "overview": "",
        "branch": None,
        "created_at": AT,
    }
    project.write(f".wreckit/items/{name}/item.json", json.dumps({**usual, **more}, indent=2))


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("idea", "new"),
        *later(("researched", "new")),
        ("planned", "new"),
        ("implementing", "blocked"),
        *later(("critique", "blocked")),
        ("in_pr", "blocked"),
        ("done", "done"),
    ],
)
def test_states_of_wreckit(project: Repo, state: str, wanted: str) -> None:
    wreckit(project, "001-a", state=state, branch="wreckit/001-a")

    imported(project, ".wreckit", "--archived")

    found = items(project)["WRK-001"]
    assert found["status"] == wanted
    if wanted == "blocked":
        assert (
            f"it was `{state}` in wreckit; its work is in branch wreckit/001-a; "
            in found["blocked"]["reason"]
        )


def test_an_item_of_wreckits_is_kept_whole(project: Repo) -> None:
    """What its phases have written lies where phases here look for it."""
    wreckit(
        project, "001-cloud", title="Cloud VM", section="backend", overview="O\n- crit", success_criteria=["crit"],
        technical_constraints=["a key"], problem_statement="P", motivation="M", priority_hint="critical", last_error="E",
    )  # fmt: skip
    wreckit(project, "002-b", depends_on=["001-cloud"])
    for name in ("research.md", "plan.md", "prd.json", "progress.log"):
        project.write(f".wreckit/items/001-cloud/{name}", name)
    project.write(".wreckit/items/001-cloud/MEDIA.md", "x")

    done = project.peal("backlog", "import", ".wreckit")

    assert "`MEDIA.md` stays there" in done.stderr
    assert "WRK-001 new: Cloud VM (there 001-cloud)\n" in done.stdout
    found = items(project)
    one = found["WRK-001"]
    assert (one["title"], one["tags"], one["priority"]) == ("Cloud VM", ["backend"], 2)
    assert one["text"] == "\nO\n- crit\n\n## Technical constraints\n\n- a key\n"
    assert (one["description"]["problem"], one["description"]["impact"]) == ("P", "M")
    assert one["other_keys"]["imported"]["rest"] == {
        "priority_hint": "critical",
        "last_error": "E",
        "state": "idea",
    }
    assert found["WRK-002"]["depends"] == ["WRK-001"]
    assert project.read("changes/WRK-001_cloud-vm/prd.json") == "prd.json"
    assert len(project.git("show", "--format=", "--name-only").splitlines()) == 6


# --- ideas


IDEAS: dict[str, tuple[str, list[tuple[str, str, str]]]] = {
    "bullets": ("- one\n- two\n", [("one", "", "new"), ("two", "", "new")]),
    "below": (
        "* one\n\n  more\n\n      code\n* two",
        [("one", "\nmore\n\n    code\n", "new"), ("two", "", "new")],
    ),
    "goes on": ("- one\nmore\n  so\n", [("one", "\nmore\nso\n", "new")]),
    "nested": ("1. one\n   - inner\n2) two", [("one", "\n- inner\n", "new"), ("two", "", "new")]),
    "boxes": ("- [ ] one\n- [x] two\n", [("one", "", "new"), ("two", "", "done")]),
    "line ends": ("- one\r\n- two\r\n", [("one", "", "new"), ("two", "", "new")]),
    "around": ("# Head\n\nintro\n\n- one\n\n```\n- no\n```\nend\n", [("one", "", "new")]),
}


@pytest.mark.parametrize("case", IDEAS)
def test_ideas_are_bullets_with_what_is_below(project: Repo, case: str) -> None:
    text, wanted = IDEAS[case]
    (project.path / "ideas.md").write_bytes(text.encode())

    imported(project, "ideas.md", "--archived")

    assert [(one["title"], one["text"], one["status"]) for one in items(project).values()] == wanted
    assert imported(project, "ideas.md").startswith("0 items are added from ideas\n")


def test_ideas_are_lines_of_a_text_or_of_standard_input(project: Repo) -> None:
    project.write("ideas.txt", "one\n\n  two: x\n")
    imported(project, "ideas.txt")

    found = project.path.parent / "given"
    found.write_text("three\nONE\n")
    for encoding, told in (("utf-16", "it is UTF-16"), ("latin-1", "it is not UTF-8")):
        (project.path / "odd.txt").write_bytes("Größe\n".encode(encoding))
        assert refused(project, "odd.txt").startswith(f"error: `odd.txt`: {told}; save it as UTF-8\n")
    with found.open() as given:
        done = subprocess.run(
            [Path(sys.executable).parent / "peal", "backlog", "import", "-", "--json"],
            cwd=project.path,
            env=project.env,
            stdin=given,
            capture_output=True,
            check=True,
        )

    told = json.loads(done.stdout)
    assert [(one["id"], one["title"]) for one in told["added"]] == [("WRK-003", "three")]
    assert [(one["id"], one["has_changed"]) for one in told["known"]] == [("WRK-001", False)]


def test_what_stands_between_ideas_is_told(project: Repo) -> None:
    project.write("ideas.md", "# Head\n\nintro\nmore\n\n- one\n")
    project.write("prose.md", "No list.\n")

    assert (
        "`ideas.md line 3`: this is no idea of the list"
        in project.peal("backlog", "import", "ideas.md").stderr
    )
    assert items(project)["WRK-001"]["other_keys"]["imported"]["rest"] == {"section": "Head"}
    assert "`prose.md`: it has no list; begin each idea with `- `" in refused(project, "prose.md")


# --- export


EVERYTHING = [
    '{"before": "ready", "type": "failure", "reason": "x", "since": "now", "phase": "p"}',
    "status: cancelled\nreason: 'so: it'",
    "status: ready\nguardrails_overridden: true\nsummary: done so\npriority: -3\ntags: ['a, b', ü]",
    "status: in_progress\nphase: build\npool: main\nrequires_human_review: true\nlast_phase_commit: abc",
    "status: done\nphase: left\ncreated: 2026-01-02T03:04",
    "status: new\ndescription: {context: c, problem: p}\nmine: {deep: [1, 2.5, null, 'x: y']}\nother: 007",
]


def test_what_is_exported_and_imported_again_is_the_same(project: Repo, tmp_path: Path) -> None:
    """Each field, the text to the letter, and keys that peal does not know."""
    fronts = [f"status: blocked\nblocked: {EVERYTHING[0]}", *EVERYTHING[1:]]
    for number, front in enumerate(fronts, 1):
        depends = f"\ndepends: [WRK-{number - 1}]" if number > 1 else ""
        text = f"---\nid: WRK-{number}\ntitle: 'T: {number}'\n{front}{depends}\n---\n  odd\n\n"
        project.write(f"backlog/WRK-{number}.md", text)
    before = items(project)
    out = tmp_path / "out.jsonl"
    project.peal("backlog", "export", str(out), "--all")
    for number in range(1, len(fronts) + 1):
        (project.path / f"backlog/WRK-{number}.md").unlink()

    imported(project, str(out), "--archived")

    def plain(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {
            id_: {k: v for k, v in one.items() if k not in ("path", "archived")} for id_, one in found.items()
        }

    assert plain(items(project)) == plain(before)
    assert (
        imported(project, str(out), "--archived")
        == "0 items are added from task-golem\n6 items are here already\n"
    )
    again = project.peal("backlog", "export", "--all", "--format", "jsonl").stdout
    assert again == out.read_text(encoding="utf-8")


@QUICK
@given(ITEMS)
def test_any_item_is_the_same_after_the_way_there_and_back(item: Item) -> None:
    text = task_golem.lines(iter([(item, {})]))

    reading = task_golem.read(Place(Path("-"), text.encode()))

    assert reading.problems == ()
    assert [one.item for one in reading.items] == [item]


def test_what_has_changed_in_task_golem_counts_on_the_way_back(project: Repo, tmp_path: Path) -> None:
    project.write("backlog/WRK-1.md", "---\nid: WRK-1\ntitle: T\nstatus: cancelled\nreason: so\n---\nodd")
    lines = project.peal("backlog", "export", "--format", "jsonl").stdout.splitlines()
    record = json.loads(lines[1])
    assert (record["status"], record["blocked_reason"]) == ("blocked", "cancelled: so")
    record |= {"status": "todo", "blocked_reason": None, "blocked_from_status": None, "description": "other"}
    golem(project, json.dumps(record))
    (project.path / "backlog/WRK-1.md").unlink()

    said = project.peal("backlog", "import", ".task-golem").stderr

    assert "`status` has changed since peal wrote it" in said
    found = items(project)["WRK-1"]
    assert (found["status"], found["blocked"], found["text"]) == ("new", None, "\nother\n")


def test_task_golems_own_keys_go_back_to_it(project: Repo) -> None:
    more = {"claimed_by": "bob", "claimed_at": AT, "x-mine": {"a": 1}, "status": "doing"}
    imported(project, golem(project, task("tg-1", "One", **more)))

    line = project.peal("backlog", "export", "--format", "jsonl").stdout.splitlines()[1]

    record = json.loads(line)
    assert {key: record[key] for key in record if key != "x-peal"} == json.loads(task("tg-1", "One", **more))


def test_a_file_whose_other_keys_cannot_be_told_is_named(project: Repo) -> None:
    imported(project, golem(project, task("tg-1", "One")))
    (path,) = (project.path / "backlog").glob("*.md")
    path.write_text(path.read_text().replace("imported:", "mine: {a: &x [1], b: *x}\nimported:"))

    for words in (
        *(("export", "--format", name) for name in ("json", "jsonl", "csv")),
        ("import", ".task-golem"),
    ):
        said = project.peal("backlog", *words, code=1).stderr
        assert (
            said == f"error: `{path}`: a value is made of names for other values (`&`, `*`); write it out\n"
        )
    project.peal("backlog", "export", "--format", "markdown")


def test_exports_for_people_and_spreadsheets(project: Repo) -> None:
    project.peal("backlog", "add", "=1+1", "--tag", "ui", "--priority", "2")
    project.peal("backlog", "add", "later", "--depends", "1")
    project.peal("backlog", "close", "2")
    project.peal("backlog", "add", "last", "--depends", "1")

    table = project.peal("backlog", "export", "--format", "csv").stdout.splitlines()
    listed = project.peal("backlog", "export", "--format", "markdown", "--all").stdout

    assert table[0].startswith("id,title,status,")
    assert table[1].startswith("WRK-001,'=1+1,new,,,,2,")
    assert len(table) == 3
    assert listed == (
        "# Backlog\n\n3 items: 2 new, 1 cancelled\n\n## New\n\n- WRK-001: =1+1 (priority 2)\n- WRK-003: last\n"
        "  - waits for WRK-001 (new)\n\n## Cancelled\n\n- WRK-002: later\n"
    )


@pytest.mark.parametrize(
    ("name", "begins"), [("a.json", "["), ("a.jsonl", "{"), ("a.md", "#"), ("a.csv", "id,"), ("a", "[")]
)
def test_a_file_that_is_there_is_only_replaced_by_force(project: Repo, name: str, begins: str) -> None:
    project.peal("backlog", "export", name)
    assert project.read(name).startswith(begins)
    project.write(name, "mine")

    assert "is already there" in project.peal("backlog", "export", name, code=1).stderr
    assert project.read(name) == "mine"
    project.peal("backlog", "export", name, "--force")
    assert project.read(name).startswith(begins)
    (project.path / "link").symlink_to(name)
    assert "is no regular file" in project.peal("backlog", "export", "link", "--force", code=1).stderr


def test_other_keys_are_written_so_that_they_are_read_again() -> None:
    odd: dict[str, Any] = {
        "imported": {"deep": [1, 2.5, {"a": None, "b": True}], "e": 1e16, "s": "3", "n": "null", "l": "a\nb", "w": "\x1b[0m\u2028x",
        "d": "2020-01-01", "k": "y: #", "m": {}, "el": [], "int": 10**30, "u": "😀", "tab": "\tx", "bl": " x ", "t": "1e5", "yes": "yes"},
        "\x1b k": 1, "a\nb": 2, "": 3, "?": 4,
    }  # fmt: skip

    raw = item_file.written(Item("A-1", "t"), odd)

    assert item_file.other_keys(raw) == odd
    assert item_file.other_keys(item_file.changed(raw, Item("A-1", "other"))) == odd


def test_more_files_are_committed_than_a_command_line_has_room_for(project: Repo) -> None:
    """As ten thousand are on some systems; and the same again has nothing to commit."""
    folder = "/".join(["f" * 200] * 3)
    project.write("peal.toml", f'[backlog]\nfolder = "{folder}"\n')
    project.write("ideas.txt", "".join(f"Idea {number}\n" for number in range(250)))
    project.git("add", "--all")
    project.git("commit", "-qm", "settings")
    project.before = ("sh", "-c", 'ulimit -s 512; exec "$@"', "sh")

    said = imported(project, "ideas.txt")
    again = imported(project, "ideas.txt")

    assert said.splitlines()[-1] == "250 items are added from ideas"
    assert again.splitlines()[-1] == "250 items are here already"
    assert len(project.git("ls-tree", "-r", "--name-only", "HEAD", f"{folder}/").splitlines()) == 250
    assert project.git("status", "--porcelain") == ""
