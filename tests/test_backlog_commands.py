"""`peal backlog …`: items added, looked at and changed; each change is a commit of exactly its file."""

import json
import os
import re
import shlex
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from attrs import fields
from conftest import WAIT, Repo, commit_plan, ended, eventually, landed, later, start_plan

from peal.backlog import item_file
from peal.backlog.item import Item, Status
from peal.record.lock import landing
from peal.system.layout import RepoPaths

PIPELINES = """
[[pipelines.feature.pre_phases]]
name = "research"
[[pipelines.feature.phases]]
name = "prd"
[[pipelines.feature.phases]]
name = "build"
"""


def add(project: Repo, title: str, *words: str) -> dict[str, Any]:
    """A new item, as scripts get it."""
    found: dict[str, Any] = json.loads(project.peal("backlog", "add", title, "--json", *words).stdout)
    return found


def shown(project: Repo, item: str) -> dict[str, Any]:
    """An item as scripts get it."""
    found: dict[str, Any] = json.loads(project.peal("backlog", "show", item, "--json").stdout)
    return found


def refused(project: Repo, *words: str, **more: str) -> str:
    """Why a command does not do it."""
    return project.peal("backlog", *words, code=1, **more).stderr


def subjects(project: Repo) -> list[str]:
    """What the commits say, the latest first."""
    return project.git("log", "--format=%s").splitlines()


def in_commit(project: Repo) -> list[str]:
    """The paths that the latest commit changes."""
    return project.git(
        "-c", "core.quotePath=false", "show", "--format=", "--name-status", "--no-renames"
    ).splitlines()


@pytest.fixture
def item(project: Repo) -> str:
    """A repository with an item in it."""
    return str(add(project, "Build user login")["id"])


# --- init


def test_init_makes_the_folders_and_writes_them_into_the_settings(repo: Repo) -> None:
    said = repo.peal("backlog", "init").stdout

    assert (repo.path / "backlog/archive").is_dir()
    assert "items are in `backlog`, and their ids begin with `WRK-`\nnext: `peal backlog add TITLE`\n" in said
    assert tomllib.loads(repo.read("peal.toml")) == {"backlog": {"folder": "backlog", "prefix": "WRK"}}
    before = repo.read("peal.toml")
    assert "written" not in repo.peal("backlog", "init").stdout
    assert repo.read("peal.toml") == before


def test_init_keeps_what_is_in_the_settings(repo: Repo) -> None:
    repo.write("peal.toml", "# mine\nparallel = false  # so\n")

    repo.peal("backlog", "init", "--prefix", "ABC", "--folder", "docs/items")
    repo.peal("backlog", "init", "--prefix", "XYZ")

    text = repo.read("peal.toml")
    assert text.startswith("# mine\nparallel = false  # so\n")
    assert add(repo, "x", "--no-commit")["path"] == "docs/items/XYZ-001-x.md"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["tasks/task-1 - x.md", "config.yml"], "holds `config.yml`, which looks like Backlog.md's"),
        (["tasks.jsonl"], "holds `tasks.jsonl`, which looks like task-golem's"),
        (["ideas.md"], "holds `ideas.md`, which is no item"),
    ],
)
def test_a_folder_of_something_else_is_left_alone(repo: Repo, files: list[str], told: str) -> None:
    for name in files:
        repo.write(f"backlog/{name}", "text")

    for words in (("init",), ("add", "x")):
        said = refused(repo, *words)
        assert told in said
        assert "choose another folder: `peal backlog init --folder items`" in said
    repo.peal("backlog", "init", "--folder", "items")
    assert add(repo, "x", "--no-commit")["path"] == "items/WRK-001-x.md"


def test_what_a_killed_peal_left_of_writing_an_item_is_no_other_tools(project: Repo) -> None:
    project.write("backlog/WRK-001-x.md.123.new", "---\nid")

    assert add(project, "x")["id"] == "WRK-001"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("--folder", "../elsewhere"),
            "`--folder` is `../elsewhere`; write a path inside the repository, not one of git or peal",
        ),
        (("--folder", ".peal/items"), "not one of git or peal"),
        (("--folder", "."), "write a path inside the repository"),
        (("--prefix", "a b"), "`--prefix` is `a b`; write letters and digits, such as WRK"),
    ],
)
def test_init_refuses_what_cannot_be(repo: Repo, words: tuple[str, ...], told: str) -> None:
    assert told in refused(repo, "init", *words)
    assert not (repo.path / "peal.toml").exists()


# --- add, and what commits have in common


def test_an_item_is_added_in_a_commit_of_its_own(project: Repo) -> None:
    said = project.peal("backlog", "add", "Build user login").stdout

    assert said == "WRK-001 is added: `backlog/WRK-001-build-user-login.md`\n"
    assert subjects(project) == ["[WRK-001] add: Build user login", "first"]
    assert in_commit(project) == ["A\tbacklog/WRK-001-build-user-login.md"]
    assert project.git("status", "--porcelain") == ""


def test_every_field_can_be_given_and_is_told(project: Repo) -> None:
    first = add(project, "first")
    given = (
        "--body", "# So\n\nit is", "--priority", "-2", "--size", "large", "--complexity", "low", "--risk", "high", "--impact", "medium",
        "--tag", "ui", "--tag", "ui", "--tag", "db: x", "--depends", "1",
    )  # fmt: skip

    found = add(project, "Zweites: Ding, mit # Ümlaut", *given)

    wanted = {
        "id": "WRK-002", "title": "Zweites: Ding, mit # Ümlaut", "status": "new", "priority": -2, "size": "large", "complexity": "low",
        "risk": "high", "impact": "medium", "tags": ["ui", "db: x"], "depends": ["WRK-001"], "text": "\n# So\n\nit is\n",
        "archived": False, "path": "backlog/WRK-002-zweites-ding-mit-ümlaut.md", "blocked": None, "phase": "", "pool": None,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    assert shown(project, "2") == found
    assert json.loads(project.peal("backlog", "list", "--json").stdout) == [first, found]


def test_what_is_staged_or_edited_besides_stays_exactly_so(project: Repo, item: str) -> None:
    """Also a file of which a part is staged, one that is gone, and one that git has only been told of."""
    for name in ("staged.txt", "partly.txt", "gone.txt", "edited.txt"):
        project.write(name, "one\n")
    project.git("add", ".")
    project.git("commit", "-qm", "files")
    for name in ("staged.txt", "partly.txt"):
        project.write(name, "two\n")
    project.git("add", ".")
    project.write("partly.txt", "two\nthree\n")
    project.write("edited.txt", "two\n")
    project.git("rm", "-q", "gone.txt")
    project.write("new.txt", "x")
    project.git("add", "new.txt")
    project.write("told.txt", "x")
    project.git("add", "-N", "told.txt")
    project.write("untracked.txt", "x")
    before = project.git("status", "--porcelain=v2"), project.git("diff"), project.git("diff", "--cached")

    for words in (("add", "other"), ("block", item, "--reason", "x"), ("close", item)):
        project.peal("backlog", *words)
        assert len(in_commit(project)) == (2 if "close" in words else 1)

    assert (
        project.git("status", "--porcelain=v2"),
        project.git("diff"),
        project.git("diff", "--cached"),
    ) == before


def test_items_are_added_before_there_is_any_commit(repo: Repo) -> None:
    del repo.env["PEAL_COMMIT"]
    repo.write("staged.txt", "x")
    repo.git("add", ".")

    repo.peal("backlog", "add", "x")

    assert subjects(repo) == ["[WRK-001] add: x"]
    assert repo.git("status", "--porcelain") == "A  staged.txt\n"


def test_items_are_added_from_a_folder_below(project: Repo) -> None:
    (project.path / "below").mkdir()

    Repo(project.path / "below", project.env).peal("backlog", "add", "x")

    assert in_commit(project) == ["A\tbacklog/WRK-001-x.md"]


def test_w2_every_command_leaves_a_clean_tree(project: Repo, item: str) -> None:
    """phase-golem left what it had changed uncommitted, and then refused to run."""
    for words in (
        ("edit", item, "--priority", "1"),
        ("block", item, "--reason", "x"),
        ("unblock", item),
        ("close", item),
    ):
        project.peal("backlog", *words)
        assert project.git("status", "--porcelain") == ""


def test_folders_may_be_called_anything(project: Repo) -> None:
    project.peal("backlog", "init", "--folder", "meine Wünsche [neu]", "--prefix", "ÄB")
    add(project, "'quoted' * and more")

    project.peal("backlog", "close", "1")

    assert in_commit(project) == [
        "A\tmeine Wünsche [neu]/archive/ÄB-001-quoted-and-more.md",
        "D\tmeine Wünsche [neu]/ÄB-001-quoted-and-more.md",
    ]
    assert project.git("status", "--porcelain") == "?? peal.toml\n"


def test_a_commit_can_be_left_to_the_person(project: Repo, item: str) -> None:
    """By a flag, or by the setting."""
    project.peal("backlog", "add", "x", "--no-commit")
    project.peal("backlog", "block", item, "--reason", "x", PEAL_COMMIT="false")

    assert len(subjects(project)) == 2
    assert (
        project.git("status", "--porcelain")
        == f" M {shown(project, item)['path']}\n?? backlog/WRK-002-x.md\n"
    )


@pytest.mark.parametrize("command", ["block", "close"])
def test_a_file_that_was_not_committed_before_is_now(project: Repo, command: str) -> None:
    add(project, "x", "--no-commit")

    project.peal("backlog", command, "1", "--reason", "y")

    assert len(in_commit(project)) == 1
    assert project.git("status", "--porcelain") == ""


def test_a_change_back_to_what_is_committed_is_no_failure(project: Repo, item: str) -> None:
    path = shown(project, item)["path"]
    text = project.read(path)
    project.write(path, text.replace("title: Build", "title: Make"))

    project.peal("backlog", "edit", item, "--title", "Build user login")

    assert project.git("status", "--porcelain") == ""


def _begin_merge(project: Repo) -> None:
    _branch_off(project)
    with pytest.raises(Exception, match="merge"):
        project.git("merge", "other")


def _begin_rebase(project: Repo) -> None:
    _branch_off(project)
    with pytest.raises(Exception, match="rebase"):
        project.git("rebase", "other")


def _begin_cherry_pick(project: Repo) -> None:
    _branch_off(project)
    with pytest.raises(Exception, match="cherry-pick"):
        project.git("cherry-pick", "other")


def _begin_bisect(project: Repo) -> None:
    project.git("bisect", "start")


def _branch_off(project: Repo) -> None:
    for branch in ("other", "main"):
        project.git("checkout", "-q", *(["-b"] if branch == "other" else []), branch)
        project.write("README.md", branch)
        project.git("commit", "-qam", branch)


@pytest.mark.parametrize(
    ("begin", "way"),
    [
        (_begin_merge, "a merge is under way; finish it, or `git merge --abort`, or give --no-commit"),
        (_begin_rebase, "a rebase is under way; finish it, or `git rebase --abort`, or give --no-commit"),
        (_begin_cherry_pick, "a cherry-pick is under way; finish it, or `git cherry-pick --abort`, or give --no-commit"),
        (_begin_bisect, "a bisect is under way; finish it, or `git bisect reset`, or give --no-commit"),
        (lambda project: project.git("checkout", "-q", "--detach"), "no branch is checked out, so a commit would be on none; `git switch BRANCH`"),
    ],
    ids=["merge", "rebase", "cherry-pick", "bisect", "detached"],
)  # fmt: skip
def test_nothing_is_changed_where_a_commit_would_be_in_the_way(
    project: Repo, item: str, begin: Any, way: str
) -> None:
    begin(project)
    before = project.git("status", "--porcelain=v2"), project.git("rev-parse", "HEAD")

    assert way in refused(project, "add", "x")
    assert way in refused(project, "block", item, "--reason", "x")

    assert (project.git("status", "--porcelain=v2"), project.git("rev-parse", "HEAD")) == before
    project.peal("backlog", "add", "x", "--no-commit")


def test_a_git_at_work_is_waited_for(project: Repo, item: str) -> None:
    lock = project.path / ".git/index.lock"
    lock.touch()
    timer = threading.Timer(0.4, lock.unlink)
    timer.start()

    project.peal("backlog", "block", item, "--reason", "x")

    timer.join()
    assert subjects(project)[0] == "[WRK-001] blocked: x"


def test_a_lock_that_a_dead_git_has_left_is_told_and_nothing_is_lost(project: Repo) -> None:
    lock = project.path / ".git/index.lock"
    lock.touch()
    os.utime(lock, (1e9, 1e9))

    said = refused(project, "add", "A wish")

    assert "`backlog/WRK-001-a-wish.md` is changed, but git has not committed it: " in said
    assert "rm '" in said
    lock.unlink()
    assert shown(project, "1")["title"] == "A wish"


def _hook(project: Repo, name: str, text: str) -> None:
    path = project.write(f".git/hooks/{name}", f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_hooks_look_at_the_commit_and_see_this_file_alone(project: Repo, item: str) -> None:
    project.write("staged.txt", "x")
    project.git("add", "staged.txt")
    _hook(project, "pre-commit", 'git diff --cached --name-only >"$PWD/../seen"')
    _hook(project, "commit-msg", 'echo "and more" >>"$1"')

    project.peal("backlog", "block", item, "--reason", "x")

    assert (project.path / "../seen").read_text() == "backlog/WRK-001-build-user-login.md\n"
    assert project.git("log", "-1", "--format=%B").strip() == "[WRK-001] blocked: x\nand more"


def test_a_hook_that_refuses_loses_nothing(project: Repo, item: str) -> None:
    _hook(project, "pre-commit", "echo 'not on fridays' >&2; exit 1")

    said = refused(project, "add", "It's a [new] *wish*")

    assert (
        '`backlog/WRK-002-it-s-a-new-wish.md` is changed, but git has not committed it: "not on fridays"; mend that, then '
        in said
    )
    assert project.git("status", "--porcelain") == "?? backlog/WRK-002-it-s-a-new-wish.md\n"
    (project.path / ".git/hooks/pre-commit").unlink()
    command = said.strip().rpartition("; mend that, then `")[2].removesuffix("`")
    assert os.system(f"cd '{project.path}' && {command} >/dev/null") == 0
    assert subjects(project)[0] == "[WRK-002] add: It's a [new] *wish*"


def test_what_a_hook_makes_of_the_file_is_in_the_commit(project: Repo, item: str) -> None:
    """As formatters do; nothing of it is left in the index or the tree, and what is staged besides stays so."""
    project.write("staged.txt", "x")
    project.git("add", "staged.txt")
    adding = 'for one in $(git diff --cached --name-only --diff-filter=d); do echo more >>"$one"; git add "$one"; done'
    _hook(project, "pre-commit", adding)

    project.peal("backlog", "add", "x")
    project.peal("backlog", "close", item)

    assert shown(project, "2")["text"] == "more\n"
    assert project.git("status", "--porcelain") == "A  staged.txt\n"


def test_hooks_can_be_left_out(project: Repo) -> None:
    _hook(project, "pre-commit", "exit 1")

    project.peal("backlog", "add", "x", PEAL_HOOKS="false")

    assert subjects(project)[0] == "[WRK-001] add: x"


def test_a_folder_that_git_ignores_is_told(project: Repo) -> None:
    project.write(".gitignore", "backlog/\n")

    said = refused(project, "add", "x")

    assert "is changed, but git has not committed it" in said
    assert ".gitignore" in said
    assert (project.path / "backlog/WRK-001-x.md").exists()


def test_items_added_at_once_have_ids_of_their_own(project: Repo) -> None:
    adding = [project.start("backlog", "add", f"wish {number}") for number in range(5)]

    for process in adding:
        ended(process, 0)

    found = json.loads(project.peal("backlog", "list", "--json").stdout)
    assert [one["id"] for one in found] == [f"WRK-00{number}" for number in range(1, 6)]
    assert sorted(one["title"] for one in found) == [f"wish {number}" for number in range(5)]
    assert len(subjects(project)) == 6
    assert project.git("status", "--porcelain") == ""


def test_of_two_changes_at_once_the_second_sees_the_first(project: Repo, item: str) -> None:
    editing = [project.start("backlog", "edit", item, "--add-tag", tag) for tag in "abcd"]

    for process in editing:
        ended(process, 0)

    assert sorted(shown(project, item)["tags"]) == list("abcd")


def test_a_landing_is_waited_for(project: Repo, item: str) -> None:
    with landing(RepoPaths(project.path)):
        process = project.start("backlog", "block", item, "--reason", "x")
        time.sleep(0.3)
        assert process.poll() is None
        assert shown(project, item)["status"] == "new"

    ended(process, 0)
    assert shown(project, item)["status"] == "blocked"


def test_a_landing_is_not_waited_for_for_ever(project: Repo, item: str) -> None:
    """Who holds it for so long is told of, with what to do."""
    with landing(RepoPaths(project.path)):
        took = time.monotonic()
        with (
            pytest.raises(Exception, match="try again when it is through"),
            landing(RepoPaths(project.path), 0.1),
        ):
            pass
        assert time.monotonic() - took < 5


def test_items_are_added_while_a_run_goes_on(project: Repo, out: Path) -> None:
    commit_plan(project, f"{WAIT}\necho a >a.txt")
    run = start_plan(project)
    eventually((out / "begun-1").exists)

    project.peal("backlog", "add", "x")
    project.peal("backlog", "block", "1", "--reason", "y")
    (out / "go").touch()

    ended(run, 0)
    assert landed(project) == ["1"]
    assert subjects(project).count("[WRK-001] blocked: y") == 1
    assert project.git("status", "--porcelain") == ""


def test_who_may_not_write_is_told_and_may_still_look(
    project: Repo, item: str, unprivileged: tuple[str, ...]
) -> None:
    reader = Repo(project.path, project.env, before=unprivileged)
    (project.path / ".peal/landing.lock").unlink()
    (project.path / ".peal").chmod(0o555)
    try:
        assert "WRK-001" in reader.peal("backlog", "status").stdout
        assert "cannot write to `" in refused(reader, "add", "x")
    finally:
        (project.path / ".peal").chmod(0o755)
    (project.path / "backlog").chmod(0o555)
    try:
        assert "Permission denied" in refused(reader, "add", "x")
    finally:
        (project.path / "backlog").chmod(0o755)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", " "), "a title or a tag is empty; write some words"),
        (("add", "x", "--depends", "9"), "there is no item `9` in `"),
        (
            ("add", "x", "--pipeline", "no"),
            "there is no pipeline `no` for item WRK-002; the settings have `feature`",
        ),
        (("edit", "1", "--add-depends", "1"), "WRK-001 cannot wait for itself"),
        (
            ("edit", "1", "--remove-depends", "1"),
            "WRK-001 does not depend on WRK-001; `peal backlog show WRK-001` tells",
        ),
        (("edit", "1", "--title", ""), "a title or a tag is empty"),
        (
            ("add", "x" * 201),
            "the title has 201 letters, and 200 are the most; say it shorter, and the rest in --body",
        ),
        (("edit", "1", "--title", "x" * 3000), "the title has 3000 letters, and 200 are the most"),
        (
            ("add", "x", "--priority", "99999999999999999999"),
            "99999999999999999999 is not in the range x<=2147483647",
        ),
        (("edit", "1", "--priority", "2147483648"), "2147483648 is not in the range x<=2147483647"),
        (("edit", "1", "--remove-tag", "no"), "WRK-001 does not have the tag `no`; it has none"),
        (
            ("edit", "1", "--remove-tag", "ui", "--title", "y"),
            "WRK-001 does not have the tag `ui`; it has none",
        ),
        (("edit", "1", "--remove-depends", "no"), "there is no item `no` in `"),
        (
            ("unblock", "1"),
            "item WRK-001 is new and cannot be unblocked; it can become scoping or blocked or cancelled",
        ),
        (("advance", "1"), "cannot advance WRK-001: it is new"),
        (("show", "2"), "there is no item `2` in `"),
        (("block", "1"), "missing option '--reason'"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    project: Repo, item: str, words: tuple[str, ...], told: str
) -> None:
    said = refused(project, *words)

    assert told in said
    assert len(subjects(project)) == 2
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "add x --body -",
            "standard input is closed; put something into it: `COMMAND | peal …`, or `peal … <FILE`",
        ),
        ("import -", "standard input is closed; put something into it: "),
        ("edit 1", "neither VISUAL nor EDITOR is set; set one of them, or give options"),
        *later(("edit 1 --body -", "standard input is closed; put something into it: ")),
    ],
)
def test_a_closed_standard_input_is_told(project: Repo, item: str, words: str, told: str) -> None:
    project.env.pop("VISUAL", None)
    project.env.pop("EDITOR", None)
    project.before = ("sh", "-c", '"$@" <&-', "sh")

    assert f"error: {told}" in refused(project, *words.split())
    assert subjects(project)[0] == f"[{item}] add: Build user login"


# --- list, show, status


def test_without_items_the_next_command_is_told(repo: Repo) -> None:
    assert repo.peal("backlog", "list").stdout == "no items in `backlog`; `peal backlog add TITLE` adds one\n"
    assert (
        repo.peal("backlog", "status").stdout
        == "no open items in `backlog`; `peal backlog add TITLE` adds one\n"
    )
    assert repo.peal("backlog", "list", "--json").stdout == "[]\n"


@pytest.fixture
def several(project: Repo) -> Repo:
    """Items in several statuses."""
    add(project, "Login", "--priority", "1", "--tag", "ui")
    add(project, "Logout", "--depends", "1", "--tag", "ui", "--tag", "db")
    add(project, "Anmeldung für 日本", "--priority", "7", "--size", "small")
    add(project, "Nothing")
    project.peal("backlog", "block", "2", "--reason", "which button?", "--type", "clarification")
    project.peal("backlog", "close", "4", "--reason", "no need")
    return project


def test_items_are_listed_in_the_order_of_their_need(several: Repo) -> None:
    assert several.peal("backlog", "list", "--all").stdout == (
        "WRK-002  blocked    Logout\n"
        "WRK-003  new        Anmeldung für 日本\n"
        "WRK-001  new        Login\n"
        "WRK-004  cancelled  Nothing\n"
    )


LISTED: dict[tuple[str, ...], list[str]] = {
    (): ["WRK-002", "WRK-003", "WRK-001"],
    ("--all", "--status", "cancelled"): ["WRK-004"],
    ("--status", "new", "--status", "blocked", "--tag", "ui"): ["WRK-002", "WRK-001"],
    ("--tag", "ui", "--tag", "db"): ["WRK-002"],
    ("--pipeline", "x"): [],
}


def test_items_are_listed_by_what_they_are(several: Repo) -> None:
    found = {words: json.loads(several.peal("backlog", "list", "--json", *words).stdout) for words in LISTED}

    assert {words: [one["id"] for one in items] for words, items in found.items()} == LISTED


def test_w25_the_status_tells_why_anything_waits(several: Repo) -> None:
    """phase-golem showed neither reasons nor dependencies, and cut titles by bytes."""
    assert several.peal("backlog", "status").stdout == (
        "ID       STATUS   PRIORITY  SIZE   TITLE\n"
        "WRK-002  blocked  -         -      Logout\n"
        "  blocked (clarification): which button?\n"
        "  waits for WRK-001 (new)\n"
        "WRK-003  new      7         small  Anmeldung für 日本\n"
        "WRK-001  new      1         -      Login\n"
        "\n"
        "3 items: 1 blocked, 2 new\n"
        "next: `peal backlog show WRK-002` tells all of it, `peal backlog unblock WRK-002` lets it go on\n"
    )
    told = json.loads(several.peal("backlog", "status", "--json").stdout)
    assert told["counts"] == {"blocked": 1, "new": 2}
    assert told["items"][0]["waits"] == ["blocked (clarification): which button?", "waits for WRK-001 (new)"]
    assert told["problems"] == []


def test_on_a_terminal_reasons_are_whole_and_titles_can_be_read(several: Repo) -> None:
    why = "it is beyond the guardrails: `size` is large; `peal backlog unblock WRK-001 --override-guardrails` lets it go on"
    several.peal("backlog", "block", "1", "--reason", why)
    degrees = [word for name in ("risk", "impact") for word in (f"--{name}", "high")]
    for one in "123":
        several.peal("backlog", "edit", one, "--pipeline", "feature", "--size", "large", *degrees)
    several.peal("backlog", "edit", "1", "--title", "People who were here before need not log in again")

    script = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    several.before = (sys.executable, "-c", script)
    for wide in (40, 80, 120):
        shown = (
            several.peal("backlog", "status", COLUMNS=str(wide))
            .stdout.replace("\r", "")
            .partition("\n\n")[0]
            .splitlines()
        )

        assert all(len(line) <= wide for line in shown), wide
        assert f"blocked (decision): {why} WRK-002 " in " ".join(" ".join(shown).split()), wide
        assert "People who were" in shown[1], wide
        assert ("PIPELINE" in shown[0]) is (wide == 120)
        assert shown[0].startswith("ID       STATUS   "), wide


def test_the_way_out_of_guardrails_is_told(several: Repo) -> None:
    several.write(
        "backlog/x.md",
        "---\nid: WRK-009\ntitle: x\nstatus: blocked\nsize: large\n"
        "blocked: {before: ready, type: decision, reason: big, since: now}\n---\n",
    )
    several.peal("backlog", "unblock", "2")

    assert several.peal("backlog", "status").stdout.endswith(
        "`peal backlog unblock WRK-009 --override-guardrails` lets it go on\n"
    )


def test_an_item_is_shown_with_what_it_waits_for_and_what_waits_for_it(several: Repo) -> None:
    several.peal("backlog", "edit", "1", "--body", "- a\n  - b\x1b[31m")

    blocked, needed = (several.peal("backlog", "show", one).stdout for one in "21")

    assert blocked.startswith("WRK-002  Logout\n  file: backlog/WRK-002-logout.md\n  status: blocked\n")
    assert ": which button?\n  before: new\n  tags: ui, db\n  depends on: WRK-001 (new)\n" in blocked
    assert "  needed by: WRK-002\n" in needed
    assert needed.endswith("\n\n- a\n  - b\n")
    assert "  reason: no need\n" in several.peal("backlog", "show", "WRK-004").stdout


def test_a_broken_file_is_told_and_the_others_go_on(project: Repo, item: str) -> None:
    project.write("backlog/WRK-002-broken.md", "---\nid: WRK-002\ntitle: a: b\n---\n")
    os.mkfifo(project.path / "backlog/fifo.md")
    (project.path / "backlog/folder.md").mkdir()
    (project.path / "backlog/latin.md").write_bytes(b"---\nid: a-1\ntitle: \xe4\n---\n")

    done = project.peal("backlog", "status")

    assert "1 item: 1 new" in done.stdout
    assert len(done.stderr.splitlines()) == 4
    assert all(line.startswith("note: `") and "; " in line for line in done.stderr.splitlines())
    project.peal("backlog", "block", item, "--reason", "x")
    assert add(project, "x")["id"] == "WRK-003"
    said = refused(project, "block", "2", "--reason", "x")
    assert "there is no item `2` in `" in said
    assert "WRK-002-broken.md`: the front matter is no YAML: line 3: " in said


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_an_item_in_utf_16_is_told(project: Repo, item: str, encoding: str) -> None:
    text = "---\nid: WRK-016\ntitle: Größe\nstatus: new\n---\n"
    (project.path / "backlog/u.md").write_bytes(text.encode(encoding))
    (project.path / "backlog/README.md").write_bytes("About them\n".encode(encoding))

    for command in ("list", "status"):
        told = project.peal("backlog", command).stderr
        assert told == f"note: `{project.path}/backlog/u.md`: it is UTF-16; save it as UTF-8\n"
    assert "u.md`: it is UTF-16" in project.peal("doctor", code=None).stdout


def test_two_files_of_one_id_are_told_and_neither_is_changed(project: Repo, item: str) -> None:
    project.write("backlog/copy.md", project.read(shown(project, item)["path"]))

    told = "are both WRK-001; both are the same item, so see which of them is right"
    assert told in project.peal("backlog", "list").stderr
    assert told in refused(project, "block", item, "--reason", "x")

    project.write("backlog/copy.md", project.read("backlog/copy.md").replace("title: ", "title: Not "))
    told = "are both WRK-001; give one of them another id"
    assert told in project.peal("backlog", "list").stderr
    assert told in refused(project, "block", item, "--reason", "x")


def test_a_renamed_file_is_found_by_its_id_and_keeps_its_name(project: Repo, item: str) -> None:
    project.git("mv", shown(project, item)["path"], "backlog/mine.md")
    project.git("commit", "-qm", "renamed")

    project.peal("backlog", "edit", item, "--title", "Other")
    project.peal("backlog", "close", "001")

    assert in_commit(project) == ["A\tbacklog/archive/mine.md", "D\tbacklog/mine.md"]


# --- edit


def test_every_field_can_be_edited(project: Repo, item: str) -> None:
    project.write("peal.toml", PIPELINES)
    add(project, "other")
    project.peal("backlog", "edit", item, "--add-tag", "old")

    said = project.peal(
        "backlog", "edit", "1", "--title", "New: title", "--priority", "3", "--size", "small", "--complexity", "low", "--risk", "low",
        "--impact", "high", "--pipeline", "feature", "--add-tag", "ui", "--remove-tag", "old", "--add-depends", "2", "--body", "text",
    ).stdout  # fmt: skip

    assert said == "WRK-001 is changed\n"
    assert subjects(project)[0] == "[WRK-001] edit: title, pipeline, priority, size, complexity, risk, impa…"
    found = shown(project, "1")
    wanted = {
        "title": "New: title", "priority": 3, "size": "small", "complexity": "low", "risk": "low", "impact": "high", "pipeline": "feature",
        "tags": ["ui"], "depends": ["WRK-002"], "text": "\ntext\n",
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    assert project.peal("backlog", "edit", "1", "--priority", "3").stdout == "WRK-001 is so already\n"
    assert "items would wait for each other: WRK-002 -> WRK-001 -> WRK-002" in refused(
        project, "edit", "2", "--add-depends", "1"
    )
    project.peal("backlog", "edit", "1", "--remove-depends", "2")
    assert shown(project, "1")["depends"] == []


def _editor(project: Repo, text: str) -> str:
    path = project.path.parent / "editor"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_an_item_is_edited_in_the_editor(project: Repo, item: str) -> None:
    editor = _editor(project, 'sed -i \'s/^title: .*/title: Other  # so/\' "$1"; echo text >>"$1"')

    said = project.peal("backlog", "edit", item, VISUAL=editor, EDITOR="false").stdout

    assert said == "WRK-001 is changed\n"
    assert subjects(project)[0] == "[WRK-001] edit"
    assert "title: Other  # so\n" in project.read(shown(project, item)["path"])
    assert shown(project, item)["text"] == "text\n"
    assert project.peal("backlog", "edit", item, EDITOR="true").stdout == "WRK-001 is as it was\n"
    assert list((project.path / ".peal/drafts").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("s/^title: .*/title: a: b/", "the front matter is no YAML: line 3: "),
        ("s/^id: .*/id: WRK-9/", "`id` of WRK-001 is not changed here; it stays what it is"),
        ("s/^status: .*/status: done/", "`status` of WRK-001 is not changed here; `block`, `unblock`, `close` do"),
        ("s/^title: .*/title: a\\ndepends: [WRK-7]/", "WRK-001 cannot wait for `WRK-7`, which there is not"),
        ("s/^title: .*/title: a\\nsize: tiny/", "`size` is `\"tiny\"`; it must be `small` or `medium` or `large`"),
    ],
)  # fmt: skip
def test_what_the_editor_leaves_is_kept_until_it_is_right(
    project: Repo, item: str, change: str, told: str
) -> None:
    said = refused(project, "edit", item, EDITOR=_editor(project, f"sed -i '{change}' \"$1\""))

    draft = project.path / ".peal/drafts/WRK-001-build-user-login.md"
    assert told in said
    assert f"what you wrote is kept in `{draft}`; `peal backlog edit WRK-001` opens it again" in said
    assert len(subjects(project)) == 2
    mending = "sed -i 's/^id: .*/id: WRK-001/; s/^status: .*/status: new/; s/^title: .*/title: Good/; /^depends/d; /^size/d' \"$1\""
    project.peal("backlog", "edit", item, EDITOR=_editor(project, mending))
    assert shown(project, item)["title"] == "Good"
    assert not draft.exists()


def test_what_was_changed_during_the_edit_is_not_lost(project: Repo, item: str) -> None:
    path = project.path / shown(project, item)["path"]
    editor = _editor(project, f"echo below >>'{path}'; sed -i 's/^title: .*/title: x/' \"$1\"")

    said = refused(project, "edit", item, EDITOR=editor)

    found = shown(project, item)
    assert "WRK-001 was changed meanwhile" in said
    assert "what you wrote is kept in `" in said
    assert (found["text"], found["title"]) == ("below\n", "Build user login")
    project.peal("backlog", "edit", item, EDITOR="true")
    found = shown(project, item)
    assert (found["text"], found["title"]) == ("below\n", "x")


def test_what_two_have_changed_is_decided_by_a_person(project: Repo, item: str) -> None:
    """The marks of the merge are not taken for an item."""
    path = project.path / shown(project, item)["path"]
    changing = _editor(
        project, f"sed -i 's/^title: .*/title: y/' '{path}'; sed -i 's/^title: .*/title: x/' \"$1\""
    )
    refused(project, "edit", item, EDITOR=changing)

    said = refused(project, "edit", item, EDITOR="true")

    assert "leave one of both, and take the marks out" in said
    mending = "sed -i '/^[<>|=]\\{7\\}/d; /^title: [^x]/d' \"$1\""
    project.peal("backlog", "edit", item, EDITOR=_editor(project, mending))
    assert shown(project, item)["title"] == "x"
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("editor", "told"),
    [
        (
            "false",
            "the editor `false` cannot be used: it has ended with an error; set VISUAL or EDITOR to another, or ",
        ),
        (
            "nonexist -w",
            "the editor `nonexist -w` cannot be used: No such file or directory; set VISUAL or EDITOR to ",
        ),
        (
            "vi '",
            "the editor `vi '` cannot be used: no closing quotation; set VISUAL or EDITOR to another, or give ",
        ),
    ],
)
def test_an_editor_that_fails_leaves_nothing_behind(project: Repo, item: str, editor: str, told: str) -> None:
    project.env.pop("VISUAL", None)
    assert refused(project, "edit", item, EDITOR=editor).startswith(f"error: {told}")

    assert list((project.path / ".peal/drafts").iterdir()) == []
    assert len(subjects(project)) == 2


def test_without_an_editor_the_options_are_told(project: Repo, item: str) -> None:
    project.env = {name: value for name, value in project.env.items() if name not in ("VISUAL", "EDITOR")}

    assert "neither VISUAL nor EDITOR is set; set one of them, or give options" in refused(
        project, "edit", item
    )


# --- block, unblock, advance, close


def test_a_blocked_item_goes_on_where_it_was(project: Repo, item: str) -> None:
    said = project.peal("backlog", "block", item, "--reason", "which: one?", "--type", "clarification").stdout
    held = shown(project, item)["blocked"]
    assert said == "WRK-001 is blocked: which: one?\nnext: `peal backlog unblock WRK-001`\n"
    assert (held["before"], held["type"], held["reason"]) == ("new", "clarification", "which: one?")
    assert "is blocked and cannot be blocked; it can become new or cancelled" in refused(
        project, "block", item, "--reason", "x"
    )

    said = project.peal(
        "backlog", "unblock", item, "--notes", "the first\none", "--override-guardrails"
    ).stdout

    found = shown(project, item)
    assert said == "WRK-001 is new again, guardrails overridden\n"
    assert (found["status"], found["blocked"], found["notes"], found["guardrails_overridden"]) == (
        "new",
        None,
        "the first\none",
        True,
    )
    assert subjects(project)[:2] == [
        "[WRK-001] unblocked, guardrails overridden: the first one",
        "[WRK-001] blocked: which: one?",
    ]


def test_an_item_is_advanced_by_hand(project: Repo, item: str) -> None:
    project.write("peal.toml", PIPELINES)
    path = shown(project, item)["path"]
    project.write(
        path, project.read(path).replace("status: new", "status: in_progress\nphase: prd\npool: main")
    )
    project.git("add", ".")
    project.git("commit", "-qm", "begun")

    assert project.peal("backlog", "advance", item).stdout == "WRK-001 is advanced from prd to build\n"
    assert "there is no phase after `build`" in refused(project, "advance", item)
    assert "choose one of `prd`, `build`" in refused(project, "advance", item, "--to", "research")
    assert (
        project.peal("backlog", "advance", item, "--to", "prd").stdout
        == "WRK-001 is advanced from build to prd\n"
    )
    assert subjects(project)[0] == "[WRK-001] advanced to prd"


def test_a_closed_item_is_in_the_archive_and_stays_as_it_is(project: Repo, item: str) -> None:
    add(project, "other", "--depends", item)

    said = project.peal("backlog", "close", item, "--reason", "no need").stdout

    assert said == (
        "WRK-001 is cancelled: no need; its file is now `backlog/archive/WRK-001-build-user-login.md`\n"
        "note: WRK-002 waits for it, for ever: `peal backlog edit WRK-002 --remove-depends WRK-001`\n"
    )
    assert in_commit(project) == [
        "D\tbacklog/WRK-001-build-user-login.md",
        "A\tbacklog/archive/WRK-001-build-user-login.md",
    ]
    assert shown(project, item)["archived"] is True
    for words in (
        ("edit", item, "--title", "x"),
        ("block", item, "--reason", "x"),
        ("unblock", item),
        ("advance", item),
        ("close", item),
    ):
        assert "item WRK-001 is cancelled and can no longer be changed" in refused(project, *words)
    assert add(project, "third")["id"] == "WRK-003"
    assert "for that is cancelled; leave it out" in refused(project, "add", "x", "--depends", item)


def test_a_file_where_the_archive_has_its_own_is_not_overwritten(project: Repo, item: str) -> None:
    project.write("backlog/archive/WRK-001-build-user-login.md", "something else")

    project.peal("backlog", "close", item)

    assert project.read("backlog/archive/WRK-001-build-user-login.md") == "something else"
    assert shown(project, item)["path"] == "backlog/archive/WRK-001-build-user-login-2.md"


def test_a_new_item_gets_a_file_beside_one_that_has_its_name(project: Repo) -> None:
    project.write("backlog/WRK-001-A-login.md", item_file.written(Item("OTHER-7", "Not this one")).decode())

    assert add(project, "A login")["path"] == "backlog/WRK-001-a-login-2.md"


def test_a_command_that_there_is_not_is_told_with_the_near_one(repo: Repo) -> None:
    assert "there is no command `stat`; did you mean `peal backlog status`?" in refused(repo, "stat")


@pytest.mark.parametrize("status", get_args(Status))
def test_from_each_status_commands_do_what_the_table_lets_them(project: Repo, status: Status) -> None:
    """And nothing else, whatever a person has written into the file."""
    held = "blocked: {before: ready, type: decision, reason: x, since: y}\n" if status == "blocked" else ""
    text = f"---\nid: A-1\ntitle: x\nstatus: {status}\nphase: prd\n{held}---\n"
    project.write("peal.toml", PIPELINES)
    commands = {
        "block": (("--reason", "y"), ("new", "scoping", "ready", "in_progress")),
        "unblock": ((), ("blocked",)),
        "advance": (("--to", "research" if status == "scoping" else "build"), ("scoping", "in_progress")),
        "close": ((), ("new", "scoping", "ready", "in_progress", "blocked")),
    }

    for command, (words, may) in commands.items():
        project.write("backlog/a.md", text)
        done = project.peal("backlog", command, "A-1", *words, "--no-commit", code=None)
        assert (done.returncode, bool(done.stderr)) == ((0, False) if status in may else (1, True)), command
        if status not in may:
            assert project.read("backlog/a.md") == text


# --- the page

PAGE = Path(__file__).parents[1] / "docs/backlog.md"


def _section() -> str:
    text = PAGE.read_text(encoding="utf-8")
    return text.partition("## Items and commands\n")[2].partition("\n## ")[0]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _section(), re.MULTILINE | re.DOTALL)


def test_what_the_page_has_one_type_works_and_shows_what_it_says(project: Repo) -> None:
    """In order, in a repository with one commit."""
    said = ""
    commands = [line for block in _blocks("sh") for line in block.splitlines()]
    for command in commands:
        said += project.peal(*shlex.split(command)[1:]).stdout

    assert len(commands) == 10
    assert _blocks("text")[0] in said
    assert len(subjects(project)) == 7
    assert project.git("status", "--porcelain") == "?? peal.toml\n"


def test_the_page_lists_every_command_with_its_options(repo: Repo) -> None:
    rows = re.findall(r"^\| `(\w+)[^|]*\| [^|]* \| ([^|]*) \|$", _section(), re.MULTILINE)
    found = {name: set(re.findall(r"`(--[\w-]+)`", options)) for name, options in rows if "--" in options}

    for name, options in found.items():
        usage = repo.peal("backlog", name, "--help").stdout
        assert set(re.findall(r"^  (--[\w-]+)", usage, re.MULTILINE)) - {"--repo"} == options, name
    listed = repo.peal("backlog", "--help").stdout.partition("Commands:\n")[2]
    of_this_part = {name for name in re.findall(r"^  (\w+)", listed, re.MULTILINE) if name in found}
    assert of_this_part == set(found)


def test_the_page_tells_every_field_and_every_status() -> None:
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", _section(), re.MULTILINE))))
    shown_file = _blocks("markdown")[0].encode()

    assert {one.name for one in fields(Item)} - {"text"} <= named
    assert set(get_args(Status)) <= named
    assert item_file.read(shown_file).title == "Build a user login"
