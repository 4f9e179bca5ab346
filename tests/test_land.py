"""What tasks did in their worktrees gets into the branch: whole, verified, once, and never over a person's own work."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import (
    WAIT,
    Repo,
    branches,
    carriers,
    commit_plan,
    ended,
    eventually,
    landed,
    later,
    mended,
    run_plan,
    sample,
    shell_plan,
    start_plan,
)


def reviewer(project: Repo, script: str) -> None:
    """Let a script judge every change."""
    (project.path.parent / "review.sh").write_text(f"#!/bin/sh\n{script}\n")
    (project.path.parent / "review.sh").chmod(0o755)
    path = json.dumps(f"'{project.path.parent / 'review.sh'}'")
    with (project.path / "peal.toml").open("a") as file:
        file.write(f'[[reviewers]]\nname = "tests"\ncommand = {path}\n')
    (project.path / ".git/info/exclude").write_text("peal.toml\n")


def hook(project: Repo, name: str, script: str) -> None:
    """One of git's hooks."""
    path = project.write(f".git/hooks/{name}", f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def at_head(project: Repo, name: str) -> str:
    """What a file holds in the branch."""
    return project.git("show", f"HEAD:{name}")


def attempts(project: Repo) -> list[str]:
    """The attempts that were made."""
    return sorted(path.name for path in (project.memory() / "attempts").iterdir())


def kept(project: Repo, attempt: str, name: str) -> str:
    """A file in an attempt's folder."""
    return (project.memory() / "attempts" / attempt / name).read_text(encoding="utf-8")


# One commit per task, and a merge on top of it.


def test_every_task_becomes_one_commit_in_the_branch_and_nothing_is_left(project: Repo) -> None:
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two", "cat one two > three")

    said = run_plan(project)

    assert landed(project) == ["1", "2", "3"]
    assert at_head(project, "three") == "1\n2\n"
    assert branches(project) == []
    assert project.git("status", "--porcelain") == ""
    assert said.count("landed in `main`") == 3


def test_a_task_s_commit_says_what_it_is_and_bears_the_repository_s_identity(project: Repo) -> None:
    commit_plan(project, "touch one")

    run_plan(project)

    subject, author, trailers = project.git(
        "log", "-1", "--format=%s%n%an <%ae>%n%(trailers)", "HEAD^2"
    ).split("\n", 2)
    opened = json.loads((project.memory() / "journal.jsonl").read_text().splitlines()[1])
    assert subject == "Task 1: number 1"
    assert author == "A Person <person@example.org>"
    assert trailers.split() == ["Peal-Plan:", "plan.md", "Peal-Task:", "1", "Peal-Run:", opened["run"]]


@pytest.mark.parametrize("setting", [(), ("i18n.commitEncoding", "ISO-8859-1"), ("commit.gpgSign", "true")])
def test_peal_s_commits_are_written_as_git_writes_them(project: Repo, setting: tuple[str, ...]) -> None:
    project.env |= {
        "GIT_AUTHOR_DATE": "1700000000 +0530",
        "GIT_COMMITTER_DATE": "Thu, 07 Apr 2005 22:13:13 +0200",
    }
    commit_plan(project, "touch one")
    project.git("config", "user.name", "A. Pérson")
    if setting:
        project.git("config", *setting)

    run_plan(project)

    for name in ("HEAD", "HEAD^2"):
        stored = project.git("cat-file", "commit", name)
        tree, *parents = project.git("show", "-s", "--format=%T %P", name).split()
        above = [word for parent in parents for word in ("-p", parent)]
        message = project.write("message", stored.partition("\n\n")[2])
        again = project.git(
            "-c", "i18n.commitEncoding=UTF-8", "commit-tree", tree, *above, "-F", str(message)
        ).strip()
        assert project.git("cat-file", "commit", again) == stored
    project.git("fsck", "--strict")


def test_a_merge_of_the_branch_and_the_task_s_commit_is_put_on_top(project: Repo) -> None:
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")
    before = project.git("rev-parse", "HEAD").strip()

    run_plan(project)

    first_landing, task_1 = project.git("rev-parse", "HEAD^", "HEAD^^2").split()
    assert project.git("rev-parse", "HEAD^1^1", "HEAD^2^").split() == [before, before]
    assert project.git("log", "--first-parent", "--format=%s").splitlines()[:2] == [
        "Merge task 2: number 2",
        "Merge task 1: number 1",
    ]
    assert project.git("rev-list", "--parents", "-1", first_landing).split()[1:] == [before, task_1]


def test_a_task_that_changes_nothing_completes_without_a_commit(project: Repo) -> None:
    commit_plan(project, "true", "echo a > a; git add a; git commit -qm a; git rm -q a; git commit -qm b")
    before = project.git("rev-parse", "HEAD")

    said = run_plan(project)

    assert "2 of 2 tasks complete" in said
    assert project.git("rev-parse", "HEAD") == before
    assert branches(project) == []


def test_tasks_that_write_the_same_file_alike_both_land(project: Repo) -> None:
    commit_plan(project, "(parallel) echo same > file", "(parallel) echo same > file")

    run_plan(project)

    assert landed(project) == ["1", "2"]


def test_with_as_ready_a_task_lands_while_another_still_works(project: Repo, out: Path) -> None:
    commit_plan(project, f"(parallel) {WAIT}; touch one", "(parallel) touch two")
    process = start_plan(project, "--address", "as-ready")

    eventually((project.path / "two").exists)
    (out / "go").touch()

    ended(process, 0)
    assert landed(project) == ["1", "2"]


NEW = (
    'echo x > "with blanks"',
    "echo x > Übung.txt",
    "echo x > $'new\\nline'",
    "echo x > -leading",
    "echo x > '*'; echo y > '[a]'; echo z > ':(top)q'",
    "echo x > '\"quoted\"'",
    "echo x > $'latin-\\xe9'",
    "ln -s README.md link; ln -s nowhere dangling",
    "printf '\\0\\377\\n' > binary",
    "mkdir -p a/b/c && touch a/b/c/empty",
)
"""Files that are in no other's way."""


@pytest.mark.parametrize(
    "script",
    [
        "; ".join(NEW),
        *later("chmod +x README.md", "rm README.md"),
        "git mv README.md docs.md",
        "mv README.md lower && mkdir README.md && mv lower README.md/inside",
        *later(*NEW),
    ],
)
def test_any_change_to_files_lands_as_it_was_made(project: Repo, out: Path, script: str) -> None:
    listing = "git -c core.fileMode=true ls-files -s -z > $OUT/{0}; git status --porcelain >> $OUT/{0}"
    commit_plan(project, f"{script}; git add --all; {listing.format('task')}; git reset -q", "true")

    run_plan(project)

    subprocess.run(
        ["sh", "-c", "git ls-files -s -z > $OUT/person"], cwd=project.path, env=project.env, check=True
    )
    in_task = (out / "task").read_bytes().rpartition(b"\0")[0]
    assert (out / "person").read_bytes().removesuffix(b"\0") == in_task
    assert landed(project) == ["1"]
    assert project.git("status", "--porcelain") == ""


# The person's own work.


def tree_of(project: Repo) -> dict[str, tuple[int, bytes]]:
    """Everything in the person's tree, byte for byte."""
    return {
        str(path.relative_to(project.path)): (path.lstat().st_mode, path.read_bytes())
        for path in project.path.rglob("*")
        if path.is_file() and not {".git", ".peal"} & set(path.relative_to(project.path).parts)
    }


def with_own_work(project: Repo) -> None:
    """Modified, staged, half staged, untracked and ignored files."""
    for name in ("modified", "staged", "both", "deleted"):
        project.write(name, "before\n")
    project.write(".gitignore", "ignored*\n")
    commit_plan(
        project, f"(parallel) {WAIT}; echo 1 > one", f"(parallel) {WAIT}; echo 2 > two", "cat one two > three"
    )
    project.git("add", ".")
    project.git("commit", "-qm", "files")
    project.write("modified", "mine\n")
    project.write("staged", "mine\n")
    project.write("both", "staged\n")
    project.write("sub dir/ü", "untracked\n")
    project.write("ignored-file", "ignored\n")
    project.write("new-staged", "staged\n")
    (project.path / "deleted").unlink()
    project.git("add", "staged", "both", "new-staged")
    project.write("both", "both\n")


def test_the_person_s_own_changes_stay_byte_for_byte_and_are_not_committed(project: Repo, out: Path) -> None:
    with_own_work(project)
    tree, status = tree_of(project), project.git("status", "--porcelain", "--ignored")
    staged = project.git("diff", "--cached")
    process = start_plan(project)
    eventually(lambda: (out / "begun-1").exists() and (out / "begun-2").exists())
    during = tree_of(project), project.git("diff", "--cached")
    (out / "go").touch()

    said = ended(process, 0)

    assert during == (tree, staged)
    assert landed(project) == ["1", "2", "3"]
    results = {name: tree_of(project).pop(name) for name in ("one", "two", "three")}
    assert tree_of(project) == {**tree, **results}
    assert project.git("diff", "--cached") == staged
    assert [
        line for line in project.git("status", "--porcelain", "--ignored").splitlines() if ".peal" not in line
    ] == (status.splitlines())
    touched = project.git("diff", "--name-only", ":/^files", "HEAD").split()
    assert touched == ["one", "three", "two"]
    assert said.count("agents do not see what is not committed") == 1


def test_the_plan_itself_is_no_reason_to_warn_of_changes_that_agents_do_not_see(project: Repo) -> None:
    project.write("plan.md", shell_plan("touch one"))

    assert "agents do not see" not in run_plan(project)


def test_the_start_names_what_agents_do_not_see(project: Repo) -> None:
    commit_plan(project, "[ ! -e mine ]")
    project.write("mine", "")

    said = run_plan(project)

    assert "agents do not see what is not committed, and it stays as it is: `mine`" in said


IN_THE_WAY = {
    "an untracked file": ("echo mine > file", "echo task > file", "file"),
    "a modified file": ("echo mine > README.md", "echo task > README.md", "README.md"),
    "a staged file": ("echo mine > README.md; git add README.md", "echo task > README.md", "README.md"),
    "a new staged file": ("echo mine > file; git add file", "echo task > file", "file"),
    "a file only meant to be added": ("echo mine > file; git add -N file", "echo task > file", "file"),
    "a modified file the task deletes": ("echo mine > README.md", "rm README.md", "README.md"),
    "a file where the task makes a folder": (
        "echo mine > file",
        "mkdir file; echo task > file/inside",
        "file",
    ),
    "a folder where the task makes a file": ("mkdir dir; echo mine > dir/file", "echo task > dir", "dir"),
    "a link where the task makes a folder": (
        'ln -s "$OUT" dir; echo mine > "$OUT/inside"',
        "mkdir dir; echo task > dir/inside",
        "dir",
    ),
    "a file with a name that has to be quoted": ("echo mine > 'ü \"b\"'", "echo task > 'ü \"b\"'", "ü"),
    "a file the person's own new .gitignore names": (
        "echo file > .gitignore; echo mine > file",
        "echo task > file",
        "file",
    ),
    "a file that the task takes out of .gitignore": (
        "echo mine > ignored",
        "echo > .gitignore; echo task > ignored",
        "ignored",
    ),
    "an ignored folder where the task makes a file": (
        "echo folder > .gitignore; mkdir folder; echo mine > folder/file",
        "echo task > folder",
        "folder",
    ),
}


@pytest.mark.parametrize(
    "case",
    sample(
        {name: (case,) for name, case in IN_THE_WAY.items()},
        "an untracked file",
        "a modified file",
        "a file only meant to be added",
        "a file where the task makes a folder",
        "a file with a name that has to be quoted",
        *list(IN_THE_WAY)[-3:],
    ),
)
def test_a_landing_that_would_overwrite_the_person_s_work_is_held_and_names_it(
    project: Repo, out: Path, case: tuple[str, str, str]
) -> None:
    person, task, named = case
    project.write(".gitignore", "ignored\n")
    project.git("add", ".gitignore")
    commit_plan(project, task)
    subprocess.run(["bash", "-euc", person], cwd=project.path, env=project.env, check=True)
    before = tree_of(project), project.git("diff", "--cached")

    said = run_plan(project, code=4)

    assert (tree_of(project), project.git("diff", "--cached")) == before
    assert "task 1 is held" in said
    assert named in said.partition("task 1 is held")[2]
    assert "`peal resume`" in said
    assert len(branches(project)) == 1
    assert landed(project) == []


def test_a_file_that_a_person_has_deleted_is_not_brought_back_by_a_landing(project: Repo) -> None:
    """git takes it for one without changes."""
    project.write("docs/ä b.txt", "one\n")
    project.write("left.txt", "one\n")
    project.git("add", "docs", "left.txt")
    commit_plan(project, "echo two >>'docs/ä b.txt'; git rm -q left.txt")
    (project.path / "docs/ä b.txt").unlink()
    (project.path / "left.txt").unlink()  # that the task deletes too

    said = run_plan(project, code=4)

    assert "docs/ä b.txt`, which the task changes, is deleted in your tree, and that is not committed" in said
    assert not (project.path / "docs/ä b.txt").exists()
    project.git("checkout", "--", "docs/ä b.txt")
    project.peal("resume")
    assert project.read("docs/ä b.txt") == "one\ntwo\n"
    assert not (project.path / "left.txt").exists()


def test_a_held_task_does_not_hold_up_its_segment_but_what_comes_after(project: Repo, out: Path) -> None:
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two", "echo 3 > three")
    project.write("one", "mine\n")

    run_plan(project, code=4)

    assert landed(project) == ["2"]
    assert "003-plan-1" not in attempts(project)
    assert len(branches(project)) == 1


def test_once_the_person_has_made_way_resume_lands_without_doing_the_task_again(
    project: Repo, out: Path
) -> None:
    commit_plan(
        project,
        '(parallel) echo ran >> "$OUT/ran"; echo 1 > one',
        "(parallel) echo 2 > two",
        "cat one > three",
    )
    project.write("one", "mine\n")
    run_plan(project, code=4)
    project.peal("resume", code=4)
    (project.path / "one").rename(out / "mine")

    project.peal("resume")

    assert landed(project) == ["1", "2", "3"]
    assert at_head(project, "three") == "1\n"
    assert (out / "ran").read_text() == "ran\n"
    assert (out / "mine").read_text() == "mine\n"
    assert branches(project) == []
    assert project.git("status", "--porcelain") == ""


def switched(project: Repo, out: Path) -> str:
    """A run during which the person has switched to another branch."""
    commit_plan(project, f'{WAIT}; echo ran >> "$OUT/ran"; echo 1 > one')
    project.git("branch", "other")
    project.git("commit", "-q", "--allow-empty", "-m", "only in main")
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    project.git("switch", "-q", "other")
    (out / "go").touch()
    return ended(process, 4)


def test_a_task_is_held_when_the_branch_was_switched_and_lands_once_it_is_back(
    project: Repo, out: Path
) -> None:
    said = switched(project, out)

    assert "`git switch main`" in said
    assert landed(project) == []
    assert not (project.path / "one").exists()
    assert len(branches(project)) == 1
    project.git("switch", "-q", "main")
    project.peal("resume")
    assert landed(project) == ["1"]
    assert (out / "ran").read_text() == "ran\n"
    assert branches(project) == []


def test_resume_on_the_wrong_branch_says_what_to_do(project: Repo, out: Path) -> None:
    switched(project, out)
    memory = (project.memory() / "journal.jsonl").read_bytes()
    other = project.git("rev-parse", "HEAD")

    done = project.peal("resume", code=4)

    assert "`git switch main` and `peal resume`, or pass --retarget to land in `other`" in done.stderr
    assert project.git("rev-parse", "HEAD") == other
    assert (project.memory() / "journal.jsonl").read_bytes() == memory


def test_retarget_lands_in_the_branch_that_is_checked_out_now(project: Repo, out: Path) -> None:
    switched(project, out)
    main = project.git("rev-parse", "main")

    project.peal("resume", "--retarget")

    assert landed(project) == ["1"]
    assert project.git("rev-parse", "main") == main
    assert "only in main" not in project.git("log", "--format=%s", "other")


def test_the_wrong_branch_is_named_even_if_it_does_not_hold_the_plan(project: Repo, out: Path) -> None:
    switched(project, out)
    project.git("rm", "-q", "plan.md")
    project.git("commit", "-qm", "other things")

    assert "`git switch main`" in project.peal("resume", code=4).stderr


def test_a_head_that_was_detached_meanwhile_holds_the_task(project: Repo, out: Path) -> None:
    commit_plan(project, f"{WAIT}; echo 1 > one")
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    project.git("switch", "-q", "--detach")
    (out / "go").touch()

    assert "`git switch main`" in ended(process, 4)
    assert not (project.path / "one").exists()


def test_a_merge_the_person_has_begun_meanwhile_holds_the_task_and_is_left_alone(
    project: Repo, out: Path
) -> None:
    project.git("branch", "other")
    commit_plan(project, f"{WAIT}; echo 1 > one")
    project.git("switch", "-q", "other")
    project.write("theirs", "theirs\n")
    project.git("add", "theirs")
    project.git("commit", "-qm", "theirs")
    project.git("switch", "-q", "main")
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    project.git("merge", "-q", "--no-commit", "--no-ff", "other")
    (out / "go").touch()

    said = ended(process, 4)

    assert "a merge is under way" in said
    project.git("commit", "-qm", "the person's merge")
    project.peal("resume")
    assert landed(project) == ["1"]
    assert "the person's merge" in project.git("log", "--format=%s")


def test_a_landing_waits_while_the_person_s_own_git_holds_the_index(project: Repo, out: Path) -> None:
    commit_plan(project, f"{WAIT}; echo 1 > one")
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    lock = project.write(".git/index.lock", "")
    (out / "go").touch()
    eventually(lambda: branches(project))
    subprocess.run(["sleep", "1"], check=True)
    lock.unlink()

    ended(process, 0)
    assert landed(project) == ["1"]


def test_a_person_who_commits_while_tasks_work_keeps_the_commit(project: Repo, out: Path) -> None:
    commit_plan(project, f"(parallel) {WAIT}; echo 1 > one", f"(parallel) {WAIT}; echo 2 > two")
    process = start_plan(project)
    eventually(lambda: (out / "begun-1").exists() and (out / "begun-2").exists())
    project.write("mine", "mine\n")
    project.git("add", "mine")
    project.git("commit", "-qm", "mine")
    (out / "go").touch()

    ended(process, 0)

    assert landed(project) == ["1", "2"]
    assert project.git("log", "--format=%s").splitlines().count("mine") == 1
    assert project.git("status", "--porcelain") == ""


def test_when_the_branch_moves_after_the_review_the_change_is_merged_and_reviewed_again(
    project: Repo, out: Path
) -> None:
    """The reviewer itself plays the person, so that the commit comes between `address` and `land`."""
    reviewer(
        project,
        'ls >> "$OUT/seen"; echo >> "$OUT/seen"; [ -e "$OUT/done" ] && exit 0; touch "$OUT/done"\n'
        'cd "$REPO" && unset GIT_DIR && echo mine > mine && git add mine && git commit -qm mine',
    )
    commit_plan(project, "echo 1 > one")

    run_plan(project)

    first, second = (out / "seen").read_text().strip().split("\n\n")
    assert "mine" not in first.split()
    assert "mine" in second.split()
    assert landed(project) == ["1"]
    assert (project.path / "mine").exists()


def test_a_person_who_amends_the_tip_meanwhile_does_not_get_the_old_one_back(
    project: Repo, out: Path
) -> None:
    commit_plan(project, f"(parallel) {WAIT}; echo 1 > one", f"(parallel) {WAIT}; echo 2 > two")
    project.write("secret", "oops\n")
    project.git("add", "secret")
    project.git("commit", "-qm", "with a secret")
    process = start_plan(project)
    eventually(lambda: (out / "begun-1").exists() and (out / "begun-2").exists())
    project.git("rm", "-q", "secret")
    project.git("commit", "-q", "--amend", "--allow-empty", "-m", "without it")
    (out / "go").touch()

    ended(process, 0)

    subjects = project.git("log", "--format=%s").splitlines()
    assert "with a secret" not in subjects
    assert "without it" in subjects
    assert landed(project) == ["1", "2"]
    assert sorted(project.git("ls-files").split()) == ["README.md", "one", "plan.md", "two"]
    assert branches(project) == []


def test_what_the_person_took_back_between_review_and_landing_does_not_come_back(
    project: Repo, out: Path
) -> None:
    reviewer(
        project,
        '[ -e "$OUT/done" ] && exit 0; touch "$OUT/done"; cd "$REPO" && git commit -q --amend -m "the plan, reworded"',
    )
    commit_plan(project, "echo 1 > one")

    run_plan(project)

    assert "the plan" not in project.git("log", "--format=%s").splitlines()
    assert landed(project) == ["1"]


# Conflicts.


def clash(second: str, first: str = "(parallel) echo 1 > same") -> tuple[str, str]:
    """Two tasks that cannot be merged."""
    return first, f"(parallel) {second}"


def test_a_conflict_is_solved_by_doing_the_task_again_on_what_landed_meanwhile(project: Repo) -> None:
    commit_plan(project, *clash("echo 2 > same"), "(parallel) echo 3 > three")

    run_plan(project)

    assert landed(project) == ["1", "2", "3"]
    assert at_head(project, "same") == "2\n"
    first_parents = project.git("log", "--first-parent", "--format=%s").splitlines()
    assert first_parents[:3] == ["Merge task 2: number 2", "Merge task 3: number 3", "Merge task 1: number 1"]
    prompt = kept(project, "002-execute-2", "prompt.md")
    assert "could not be merged" in prompt
    assert "conflict in `same`: both sides added it" in prompt
    assert "\n1\n" in prompt
    assert "\n2\n" in prompt
    assert branches(project) == []


def test_without_conflict_retry_the_task_fails_and_its_branch_stays(project: Repo) -> None:
    commit_plan(project, *clash("echo 2 > same"), "(parallel) echo 3 > three", "touch four")

    said = run_plan(project, "--conflict-retry", "0", code=1)

    assert landed(project) == ["1", "3"]
    assert at_head(project, "same") == "1\n"
    assert len(branches(project)) == 1
    assert project.git("show", f"{branches(project)[0]}:same") == "2\n"
    assert "`peal diff 2`" in said
    assert project.git("status", "--porcelain") == ""


def test_a_conflict_with_continue_ends_with_2_and_the_rest_goes_on(project: Repo) -> None:
    commit_plan(project, *clash("echo 2 > same"), "touch three")

    said = run_plan(project, "--conflict-retry", "0", "--continue-with-remaining-tasks", code=2)

    assert landed(project) == ["1", "3"]
    assert "`peal diff 2`" in said


def test_a_task_that_clashes_again_fails(project: Repo, out: Path) -> None:
    """In its second attempt the task plays the person too, who changes the same file once more."""
    person = '(cd "$REPO"; echo mine > same; git commit -qam mine)'
    commit_plan(project, *clash(f"if [ $PEAL_ATTEMPT = 2 ]; then {person}; fi; echo 2 > same"))

    said = run_plan(project, code=1)

    assert landed(project) == ["1"]
    assert at_head(project, "same") == "mine\n"
    assert "`peal diff 2`" in said
    assert "002-execute-3" not in attempts(project)
    assert len(branches(project)) == 1


def test_a_conflict_that_remained_is_tried_again_by_resume(project: Repo) -> None:
    commit_plan(project, *clash("echo 2 > same"))
    run_plan(project, "--conflict-retry", "0", code=1)

    project.peal("resume", "--conflict-retry", "1")

    assert landed(project) == ["1", "2"]
    assert at_head(project, "same") == "2\n"
    assert branches(project) == []


MENDS = {
    "edits the file": "printf '1\\n2\\n' > same",
    "adds it": "printf '1\\n2\\n' > same; git add same",
    "commits": "printf '1\\n2\\n' > same; git add same; git commit -qm resolved",
    "works on a branch": "git stash list; printf '1\\n2\\n' > same; git add same; git commit -qm x; git checkout -qb y",
}


@pytest.mark.parametrize("mend", sample(MENDS, "edits the file", "commits", "works on a branch"))
def test_a_conflict_that_address_mends_lands(project: Repo, mend: str) -> None:
    commit_plan(project, *clash(mended("echo 2 > same; echo 2 > besides", mend)))

    run_plan(project)

    assert at_head(project, "same") == "1\n2\n"
    assert at_head(project, "besides") == "2\n"
    assert landed(project) == ["1", "2"]
    assert "002-execute-2" not in attempts(project)
    assert len(project.git("rev-list", "--parents", "-1", "HEAD").split()) == 3
    assert branches(project) == []


def test_the_prompt_of_address_shows_both_sides_of_a_conflict(project: Repo) -> None:
    commit_plan(project, *clash(mended("echo 2 > same", "echo both > same")))

    run_plan(project)

    prompt = kept(project, "002-address-1", "prompt.md")
    assert "[git merge] conflict in `same`" in prompt
    assert re.search(r"<{7} HEAD\n1\n.*={7}\n2\n>{7}", prompt, re.DOTALL)


UNTOUCHED = {
    "the task deletes": ("echo 1 >> README.md", "rm README.md"),
    "the branch deletes": ("rm README.md", "echo 2 >> README.md"),
    "both add": ("echo 1 > same", "echo 2 > same"),
    "both change": ("echo 1 > README.md", "echo 2 > README.md"),
    "file and folder": ("echo 1 > same", "mkdir same; echo 2 > same/inside"),
    "both rename": ("git mv README.md one", "git mv README.md two"),
    "binary": ("printf '\\0001' > same", "printf '\\0002' > same"),
    "links": ("ln -s one same", "ln -s two same"),
    "a name with blanks and quotes": ("echo 1 > 'ü \"b'", "echo 2 > 'ü \"b'"),
    "a file with a newline in its name": ("echo 1 > $'a\\nb'", "echo 2 > $'a\\nb'"),
}


@pytest.mark.parametrize(
    "case",
    sample(
        {name: (pair,) for name, pair in UNTOUCHED.items()},
        "the task deletes",
        "both add",
        "a file with a newline in its name",
    ),
)
def test_a_conflict_the_agent_does_not_touch_is_not_taken_for_resolved(
    project: Repo, case: tuple[str, str]
) -> None:
    first, second = case
    commit_plan(project, f"(parallel) {first}", f"(parallel) {mended(second, 'true')}")

    said = run_plan(project, "--max-address-rounds", "2", "--conflict-retry", "0", code=1)

    assert landed(project) == ["1"]
    assert "conflict" in said
    assert project.git("status", "--porcelain") == ""


LEFT = {
    "all, elsewhere edited": "echo more >> same",
    "all, added": "git add same",
    "all, committed": "git add same; git commit -qm resolved",
    "without the first line": "sed -i '/^<<<<<<</d' same; git add same",
    "without the last line": "sed -i '/^>>>>>>>/d' same; git add same",
    "with CRLF": "sed -i 's/$/\\r/' same; git add same",
}


@pytest.mark.parametrize(
    "mend",
    sample(LEFT, "all, elsewhere edited", "without the first line", "with CRLF"),
)
def test_conflict_markers_that_the_agent_leaves_are_not_landed(project: Repo, mend: str) -> None:
    commit_plan(project, *clash(mended("echo 2 > same", mend)))

    run_plan(project, "--max-address-rounds", "2", "--conflict-retry", "0", code=1)

    assert at_head(project, "same") == "1\n"
    assert landed(project) == ["1"]


def test_markers_in_files_that_had_none_to_resolve_are_nobody_s_business(project: Repo) -> None:
    marked = "printf '<<<<<<< a\\nx\\n=======\\ny\\n>>>>>>> b\\n' > tutorial"
    commit_plan(project, f"(parallel) {marked}", "(parallel) touch two")

    run_plan(project)

    assert landed(project) == ["1", "2"]


ABORTS = {
    "git merge --abort": "git merge --abort",
    "git reset --hard": "git reset -q --hard",
}


@pytest.mark.parametrize("mend", ABORTS.values(), ids=ABORTS)
def test_an_agent_that_gives_the_merge_up_does_not_lose_the_task_s_change(project: Repo, mend: str) -> None:
    commit_plan(project, *clash(mended("echo 2 > same; echo 2 > besides", mend)))

    run_plan(project, "--max-address-rounds", "2")

    assert at_head(project, "besides") == "2\n"
    assert landed(project) == ["1", "2"]


def amend(out: Path) -> str:
    """What a task does in its first attempt to play a person who rewrites the tip."""
    return (
        '[ -e "$OUT/amended" ] || (touch "$OUT/amended"; cd "$REPO"; {0}; git commit -qa --amend -m reworded)'
    )


@pytest.mark.parametrize(
    ("solved", "has_hooks"),
    sample(
        {
            f"{solved}-{has_hooks}": (solved, has_hooks)
            for solved in ("by address", "by another attempt", "at once")
            for has_hooks in (False, True)
        },
        "by address-False",
        "by another attempt-True",
        "at once-True",
    ),
)
def test_a_tip_that_was_rewritten_may_clash_and_is_not_brought_back(
    project: Repo, out: Path, solved: str, has_hooks: bool
) -> None:
    task = f"echo task > same; {amend(out).format('echo mine > new; git add new' if solved == 'at once' else 'echo mine > same')}"
    project.write("same", "before\n")
    project.git("add", "same")
    commit_plan(project, mended(task, "echo both > same") if solved == "by address" else task)
    if has_hooks:
        hook(project, "pre-commit", "exit 0")

    run_plan(project)

    assert at_head(project, "same") == ("both\n" if solved == "by address" else "task\n")
    assert "the plan" not in project.git("log", "--format=%s").splitlines()
    assert landed(project) == ["1"]
    assert branches(project) == []
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("how", "has_hooks"),
    sample(
        {
            f"{amend}-{has_hooks}": (f"git commit -q {amend}--allow-empty -m mine", has_hooks)
            for amend in ("", "--amend ")
            for has_hooks in (False, True)
        },
        "--amend -False",
        "-True",
    ),
)
def test_a_mended_conflict_lands_though_the_branch_moves_between_review_and_landing(
    project: Repo, out: Path, how: str, has_hooks: bool
) -> None:
    """The person's commit on top of the tip, or in the place of what the first task landed, when the second is reviewed."""
    reviewer(
        project, f'[ ! -e besides ] || [ -e "$OUT/done" ] && exit 0; touch "$OUT/done"; cd "$REPO" && {how}'
    )
    commit_plan(project, *clash(mended("echo 2 > same; touch besides", "echo both > same")))
    if has_hooks:
        hook(project, "pre-commit", "exit 0")

    run_plan(project)

    assert (out / "done").exists()
    assert at_head(project, "same") == "both\n"
    assert project.git("log", "--format=%s").splitlines().count("mine") == 1
    assert landed(project).count("2") == 1
    assert branches(project) == []


def test_a_held_task_clashes_with_what_the_person_committed_instead(project: Repo) -> None:
    commit_plan(project, "echo task > one")
    project.write("one", "mine\n")
    run_plan(project, code=4)
    project.git("add", "one")
    project.git("commit", "-qm", "mine")

    project.peal("resume")

    assert at_head(project, "one") == "task\n"
    assert landed(project) == ["1"]
    assert "\nmine\n" in kept(project, "001-execute-2", "prompt.md")


@pytest.mark.parametrize("number", [*later(signal.SIGINT), signal.SIGKILL])
def test_a_mend_that_was_cut_short_is_begun_again_and_lands_once(
    project: Repo, out: Path, number: signal.Signals
) -> None:
    commit_plan(
        project,
        *clash(
            mended(
                "echo 2 > same",
                f"echo half > same; echo x > half; git add -A; {WAIT}; rm half; echo both > same",
            )
        ),
    )
    process = start_plan(project)
    eventually((out / "begun-2").exists)
    (run,) = {event["run"] for event in project.recorded("RunOpened")}
    process.send_signal(number)
    process.wait(20)
    eventually(lambda: not carriers("PEAL_RUN_ID", str(run)))
    (out / "go").touch()

    project.peal("resume")

    assert at_head(project, "same") == "both\n"
    assert landed(project) == ["1", "2"]
    assert "half" not in project.git("ls-files").split()
    assert "+half" in kept(project, "002-address-1", "changes.patch")
    assert "002-address-1/changes.patch" in kept(project, "002-address-2", "prompt.md")
    assert branches(project) == []


def test_with_as_ready_a_conflict_is_solved_too(project: Repo, out: Path) -> None:
    until_one_has_landed = 'until [ -e "$REPO/same" ]; do sleep 0.02; done'
    commit_plan(
        project,
        *clash(f"{until_one_has_landed}; echo 2 > same"),
        f"(parallel) {until_one_has_landed}; echo 3 > same",
        "touch four",
    )

    run_plan(project, "--address", "as-ready")

    assert landed(project) == ["1", "2", "3", "4"]
    ends = project.recorded("StepEnded")
    assert {end["task"] for end in ends if end["outcome"]["result"] == "conflicted"} == {2, 3}


# Reviewers.


def test_reviewers_look_at_exactly_what_lands(project: Repo, out: Path) -> None:
    reviewer(project, 'git rev-parse HEAD >> "$OUT/seen"; git status --porcelain >> "$OUT/seen"')
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")

    run_plan(project)

    assert (out / "seen").read_text().split() == project.git("rev-parse", "HEAD^", "HEAD").split()


TOGETHER = "[ ! -e one ] || [ ! -e two ] || [ -e both-work ]"


def test_a_merge_that_breaks_only_together_does_not_land(project: Repo) -> None:
    reviewer(project, f"{TOGETHER} || {{ echo broken together; exit 1; }}")
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")

    said = run_plan(project, code=1)

    assert landed(project) == ["1"]
    assert not (project.path / "two").exists()
    assert "broken together" in said
    assert len(branches(project)) == 1


def test_a_merge_that_breaks_only_together_lands_once_it_is_mended(project: Repo) -> None:
    reviewer(project, TOGETHER)
    commit_plan(project, "(parallel) touch one", f"(parallel) {mended('touch two', 'touch both-work')}")

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert (project.path / "both-work").exists()
    assert len(project.git("log", "--format=%H", "--grep", "Peal-Task: 2").split()) == 1
    assert branches(project) == []


def test_a_finding_that_stays_is_let_through_when_asked_for(project: Repo) -> None:
    reviewer(project, TOGETHER)
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")

    run_plan(project, "--on-findings-remaining", "warn", code=2)

    assert landed(project) == ["1", "2"]


def test_what_reviewers_drop_is_never_committed(project: Repo) -> None:
    reviewer(project, "echo x > report.xml; echo broken >> one; git add report.xml; [ -e ok ]")
    commit_plan(project, mended("echo 1 > one", "touch ok"), "touch two ok2; [ ! -e report.xml ]")

    run_plan(project)

    assert project.git("ls-files").split() == ["README.md", "ok", "ok2", "one", "plan.md", "two"]
    assert at_head(project, "one") == "1\n"


def test_a_reviewer_that_commits_or_switches_branches_changes_nothing(project: Repo) -> None:
    reviewer(project, "echo x > x; git add x; git commit -qm x; git checkout -qb stray; exit 0")
    commit_plan(project, "echo 1 > one", "echo 2 > two")

    run_plan(project, code=None)

    assert "x" not in project.git("ls-files").split()
    assert landed(project) == ["1", "2"]


# Hooks and other settings of the person's git.


def test_a_hook_that_refuses_is_a_finding_that_address_can_mend(project: Repo) -> None:
    hook(project, "pre-commit", "[ ! -e one ] || [ -e changelog ] || { echo no changelog; exit 1; }")
    commit_plan(project, mended("touch one", "touch changelog"))

    run_plan(project)

    assert landed(project) == ["1"]
    assert (project.path / "changelog").exists()
    prompt = kept(project, "001-address-1", "prompt.md")
    assert "[hook pre-commit] exit status 1" in prompt
    assert "no changelog" in prompt


def test_a_hook_that_goes_on_refusing_fails_the_task(project: Repo) -> None:
    hook(project, "pre-commit", "[ ! -e one ] || { echo never; exit 1; }")
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")

    said = run_plan(project, code=1)

    assert landed(project) == ["2"]
    assert "hook pre-commit: exit status 1" in said
    assert "never" in said


def test_a_hook_that_formats_and_refuses_once_is_asked_again(project: Repo) -> None:
    hook(project, "pre-commit", "grep -q a one || exit 0; sed -i s/a/b/ one; exit 1")
    commit_plan(project, "echo a > one")

    run_plan(project)

    assert at_head(project, "one") == "b\n"
    assert landed(project) == ["1"]
    assert project.git("status", "--porcelain") == ""


def test_a_hook_that_changes_files_each_time_it_refuses_is_not_asked_for_ever(project: Repo) -> None:
    commit_plan(project, "echo a > one")
    hook(project, "pre-commit", "[ ! -e one ] || { echo x >> hook.log; exit 1; }")
    process = start_plan(project)
    try:
        said, _ = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        pytest.fail("the hook is asked again and again")

    assert process.returncode == 1, said
    assert "hook pre-commit" in said


def test_what_a_refusing_hook_drops_is_not_committed(project: Repo) -> None:
    commit_plan(project, mended("echo a > one", "touch ok"))
    hook(project, "pre-commit", "echo x > report.xml; [ ! -e one ] || [ -e ok ]")

    run_plan(project)

    assert "report.xml" not in project.git("ls-files").split()


def test_hooks_lie_where_core_hookspath_says(project: Repo, out: Path) -> None:
    (out / "commit-msg").write_text(
        '#!/bin/sh\ngit interpret-trailers --in-place --trailer "Change-Id: I1" "$1"\n'
    )
    (out / "commit-msg").chmod(0o755)
    project.git("config", "core.hooksPath", str(out))
    commit_plan(project, "touch one")

    run_plan(project)

    assert project.git("log", "-1", "--format=%(trailers:key=Change-Id,valueonly)", "HEAD").strip() == "I1"
    assert landed(project) == ["1"]


def test_hooks_in_a_folder_of_the_repository_are_run_too(project: Repo) -> None:
    project.write(".hooks/pre-commit", "#!/bin/sh\n[ ! -e one ]\n").chmod(0o755)
    project.git("config", "core.hooksPath", ".hooks")
    project.git("add", ".hooks")
    commit_plan(project, "touch one")

    assert "hook pre-commit" in run_plan(project, code=1)
    assert landed(project) == []


def test_a_hook_that_hangs_ends_with_the_phase_s_time(project: Repo) -> None:
    commit_plan(project, "touch one")
    hook(project, "pre-commit", "sleep 60")

    said = run_plan(project, "--phase-timeout-sec", "2", code=1)

    assert "hook pre-commit" in said
    assert landed(project) == []


def test_a_hook_on_what_lands_does_not_run_in_the_person_s_tree(project: Repo, out: Path) -> None:
    for name in ("post-merge", "post-commit", "post-checkout", "post-rewrite"):
        hook(project, name, f'pwd >> "$OUT/ran-{name}"')
    commit_plan(project, "touch one")
    for path in out.iterdir():
        path.unlink()

    run_plan(project)

    where = {line for path in out.iterdir() for line in path.read_text().splitlines()}
    assert str(project.path) not in where


@pytest.mark.parametrize("has_hooks", [*later(False), True])
def test_signing_never_waits_for_a_person(project: Repo, out: Path, has_hooks: bool) -> None:
    commit_plan(project, *clash(mended("echo 2 > same", "echo both > same")))
    (out / "gpg").write_text("#!/bin/sh\nsleep 60\n")
    (out / "gpg").chmod(0o755)
    for key, value in {
        "commit.gpgSign": "true",
        "gpg.program": str(out / "gpg"),
        "tag.gpgSign": "true",
    }.items():
        project.git("config", key, value)
    if has_hooks:
        hook(project, "pre-commit", "exit 0")

    run_plan(project, "--phase-timeout-sec", "5")

    assert landed(project) == ["1", "2"]


ODD_SETTINGS = [
    ("merge.autoStash", "true"),
    ("rebase.autoStash", "true"),
    ("merge.ff", "false"),
    ("merge.ff", "only"),
    ("merge.verifySignatures", "true"),
    ("log.showSignature", "true"),
    ("merge.conflictStyle", "merge"),
    ("merge.renames", "false"),
    ("branch.main.mergeOptions", "--squash"),
    ("branch.main.mergeOptions", "--no-ff"),
    ("branch.main.mergeOptions", "-s ours"),
    ("core.autocrlf", "true"),
    ("core.fileMode", "false"),
    ("core.quotePath", "true"),
    ("status.showUntrackedFiles", "no"),
    ("status.relativePaths", "false"),
    ("color.ui", "always"),
    ("diff.noprefix", "true"),
    ("diff.orderFile", "untracked"),
    ("commit.verbose", "true"),
    ("commit.cleanup", "scissors"),
    ("core.commentChar", "auto"),
    ("i18n.commitEncoding", "ISO-8859-1"),
    ("gc.auto", "1"),
    ("index.version", "4"),
    ("feature.manyFiles", "true"),
    ("fetch.recurseSubmodules", "true"),
    ("submodule.recurse", "true"),
    ("alias.merge", "!false"),
    ("core.editor", "sleep 60; false"),
    ("core.pager", "sleep 60"),
    ("core.logAllRefUpdates", "false"),
    ("core.splitIndex", "true"),
]


ONE_BY_ONE = [pytest.param([pair], marks=pytest.mark.torture) for pair in ODD_SETTINGS]
SOME_AT_ONCE = [ODD_SETTINGS[first::3] for first in range(3)]
"""What stands side by side above, and may be the same key, is never together."""


@pytest.mark.parametrize(
    "pairs", [*SOME_AT_ONCE, *ONE_BY_ONE], ids=lambda pairs: " ".join(key for key, _ in pairs)
)
def test_a_person_s_git_may_be_configured_as_it_likes(
    project: Repo, out: Path, pairs: list[tuple[str, str]]
) -> None:
    """One task lands clean, one clashes and is mended, one fails and leaves a patch; the person has changes of theirs."""
    commit_plan(
        project, *clash(mended("echo 2 > same", "echo both > same")), "echo a > a; [ $PEAL_ATTEMPT = 2 ]"
    )
    for key, value in pairs:
        project.git("config", key, value)
    project.write("README.md", "mine\n")
    project.write("untracked", "mine\n")

    run_plan(project, "--phase-retry-count", "1")

    assert landed(project) == ["1", "2", "3"]
    assert (at_head(project, "same"), at_head(project, "a")) == ("both\n", "a\n")
    assert project.git("-c", "status.showUntrackedFiles=all", "status", "--porcelain") in (
        " M README.md\n?? untracked\n",
    )
    assert project.git("stash", "list") == ""
    assert "+a" in kept(project, "003-execute-1", "changes.patch")


def test_a_conflict_that_git_remembers_how_to_mend_is_the_agent_s_to_mend(project: Repo) -> None:
    """`rerere.autoUpdate` lets a merge fail that has nothing left to resolve."""
    project.git("config", "rerere.enabled", "true")
    project.git("config", "rerere.autoUpdate", "true")
    commit_plan(project, *clash(mended("echo 2 > same", "echo both > same")))
    for branch, text in (("one", "1"), ("two", "2")):
        project.git("switch", "-qc", branch, "main")
        project.write("same", f"{text}\n")
        project.git("add", "same")
        project.git("commit", "-qm", text)
    subprocess.run(
        ["git", "merge", "-q", "one"], cwd=project.path, env=project.env, check=False, capture_output=True
    )
    project.write("same", "as before\n")
    project.git("commit", "-qam", "both")
    project.git("switch", "-q", "main")

    run_plan(project)

    assert at_head(project, "same") == "both\n"


def test_a_title_with_umlauts_is_the_subject(project: Repo) -> None:
    project.git("config", "i18n.commitEncoding", "ISO-8859-1")
    project.write("plan.md", '## Task 1: Übung # "so" $HOME %s\n\n```sh\ntouch one\n```\n')

    run_plan(project)

    shown = project.git("-c", "i18n.logOutputEncoding=UTF-8", "log", "-1", "--format=%s", "HEAD^2")
    assert shown.strip() == 'Task 1: Übung # "so" $HOME %s'


# What is interrupted, killed, forgotten and started over.


def patch_applies(project: Repo, attempt: str) -> bool:
    """Whether the patch that is kept of an attempt fits on the branch."""
    path = project.memory() / "attempts" / attempt / "changes.patch"
    return (
        subprocess.run(["git", "apply", "--check", str(path)], cwd=project.path, check=False).returncode == 0
    )


def test_a_failed_attempt_is_kept_as_a_patch_and_the_next_one_starts_clean(project: Repo) -> None:
    commit_plan(
        project,
        "[ ! -e junk ]; echo $PEAL_ATTEMPT > one; printf '\\0' > bin; touch junk; [ $PEAL_ATTEMPT = 2 ]; rm junk",
    )

    run_plan(project, "--phase-retry-count", "1")

    assert at_head(project, "one") == "2\n"
    assert "junk" not in project.git("ls-files").split()
    patch = kept(project, "001-execute-1", "changes.patch")
    assert "+1" in patch
    assert "b/junk" in patch
    prompt = kept(project, "001-execute-2", "prompt.md")
    assert str(project.memory() / "attempts/001-execute-1/changes.patch") in prompt
    assert "exit status 1" in prompt


def test_the_patch_of_a_failed_attempt_holds_what_it_committed_too(project: Repo) -> None:
    commit_plan(project, "echo 1 > one; git add one; git commit -qm one; echo 2 > two; exit 1")

    run_plan(project, code=1)

    patch = kept(project, "001-execute-1", "changes.patch")
    assert "+1" in patch
    assert "+2" in patch
    assert patch_applies(project, "001-execute-1")


@pytest.mark.parametrize("number", [*later(signal.SIGINT), signal.SIGKILL])
def test_what_was_cut_short_is_kept_as_a_patch_and_told_to_the_next_attempt(
    project: Repo, out: Path, number: signal.Signals
) -> None:
    commit_plan(project, f"[ ! -e half ]; echo half > half; git add half; {WAIT}; echo 1 > one; rm half")
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    process.send_signal(number)
    process.wait(20)
    (out / "go").touch()

    project.peal("resume")

    assert landed(project) == ["1"]
    assert "half" not in project.git("ls-files").split()
    assert "+half" in kept(project, "001-execute-1", "changes.patch")
    assert patch_applies(project, "001-execute-1")
    prompt = kept(project, "001-execute-2", "prompt.md")
    assert "001-execute-1/changes.patch" in prompt
    assert "cut short" in prompt


def test_redo_does_a_landed_task_again_on_top(project: Repo) -> None:
    commit_plan(project, "echo x >> one")
    run_plan(project)

    project.peal("redo", "1")
    project.peal("resume")

    assert at_head(project, "one") == "x\nx\n"
    assert landed(project) == ["1", "1"]
    assert branches(project) == []


def test_redo_from_address_of_a_landed_task_changes_nothing(project: Repo) -> None:
    commit_plan(project, "echo x >> one")
    run_plan(project)
    head = project.git("rev-parse", "HEAD")

    project.peal("redo", "1", "--from", "address")
    project.peal("resume")

    assert project.git("rev-parse", "HEAD") == head


def test_fresh_does_everything_again_on_what_has_landed(project: Repo) -> None:
    commit_plan(project, "echo x >> one")
    run_plan(project)

    run_plan(project, "--fresh")

    assert at_head(project, "one") == "x\nx\n"
    assert project.git("status", "--porcelain") == ""


def test_a_commit_that_was_taken_out_of_the_branch_is_noticed_at_the_next_start(project: Repo) -> None:
    commit_plan(project, "echo 1 > one")
    run_plan(project)
    project.git("reset", "-q", "--hard", "HEAD^")

    said = run_plan(project, code=2)

    assert "task 1 is complete, but what it landed is not in `main`" in said


def test_a_landing_that_the_person_takes_back_during_the_run_is_told_at_its_end(
    project: Repo, out: Path
) -> None:
    commit_plan(project, "echo 1 > one", f"{WAIT}; echo 2 > two")
    process = start_plan(project)
    eventually((out / "begun-2").exists)
    project.git("reset", "-q", "--hard", "HEAD^")
    (out / "go").touch()

    said, _ = process.communicate(timeout=60)

    assert landed(project) == ["2"]
    assert "task 1 is complete, but what it landed is not in `main`" in said
    assert process.returncode == 2
    project.peal("resume", code=2)
    project.peal("done", "1")
    project.peal("resume")


def test_a_repository_that_was_moved_meanwhile_is_resumed(project: Repo, out: Path) -> None:
    commit_plan(project, "echo 1 > one", f"echo half > half; {WAIT}; rm half; echo 2 > two")
    process = start_plan(project)
    eventually((out / "begun-2").exists)
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    (out / "go").touch()
    moved = project.path.with_name("moved")
    project.path.rename(moved)
    project.path = moved

    project.peal("resume")

    assert landed(project) == ["1", "2"]
    assert branches(project) == []


# What readies a worktree, hooks and merges together


@pytest.mark.parametrize("has_hook", [False, True])
def test_readying_a_worktree_does_not_undo_the_merge_in_it(project: Repo, has_hook: bool) -> None:
    if has_hook:
        hook(project, "pre-commit", "exit 0")
    reviewer(project, "[ -e one ]")
    commit_plan(project, "echo 1 > one")

    run_plan(project, "--worktree-setup", "true")

    assert at_head(project, "one") == "1\n"


def test_readying_a_worktree_does_not_use_up_a_round_of_mending(project: Repo) -> None:
    commit_plan(project, *clash(mended("echo 2 > same", "echo both > same")))

    run_plan(project, "--worktree-setup", "true", "--max-address-rounds", "1")

    assert at_head(project, "same") == "both\n"
    assert "002-execute-2" not in attempts(project)


@pytest.mark.parametrize(
    "script", ["git checkout -q --detach HEAD^", *later("git commit -q --allow-empty -m x --no-verify")]
)
def test_a_hook_that_makes_something_else_of_the_merge_lands_nothing(project: Repo, script: str) -> None:
    commit_plan(project, "echo 1 > one")
    head = project.git("rev-parse", "HEAD")
    hook(project, "commit-msg", script)

    run_plan(project, code=1)

    assert project.git("rev-parse", "HEAD") == head
    assert branches(project) != []


def test_a_mend_keeps_what_a_task_brought_though_git_ignores_it_by_now(project: Repo) -> None:
    reviewer(project, "[ ! -e notes.log ] || [ -e mended ]")
    commit_plan(
        project,
        "(parallel) echo '*.log' > .gitignore",
        f"(parallel) {mended('echo 2 > notes.log', 'touch mended')}",
    )

    run_plan(project)

    assert at_head(project, "notes.log") == "2\n"


def test_a_tracked_file_in_an_ignored_folder_may_be_renamed(project: Repo) -> None:
    project.write("dist/a", "kept all the same\n")
    project.write(".gitignore", "dist/\n")
    project.git("add", "-f", "dist/a", ".gitignore")
    commit_plan(project, "git mv dist/a dist/b")

    run_plan(project)

    assert at_head(project, "dist/b") == "kept all the same\n"


def test_an_autostash_that_the_person_has_set_for_the_branch_is_not_used(project: Repo) -> None:
    commit_plan(project, "echo task > README.md")
    project.git("config", "branch.main.mergeOptions", "--autostash")
    project.write("README.md", "mine\n")

    run_plan(project, code=4)

    assert project.read("README.md") == "mine\n"
    assert project.git("stash", "list") == ""


def test_a_refusing_hook_does_not_keep_reviewers_from_looking(project: Repo, out: Path) -> None:
    reviewer(project, 'touch "$OUT/looked"')
    commit_plan(project, "echo 1 > one")
    hook(project, "pre-commit", "exit 1")

    run_plan(project, "--on-findings-remaining", "warn", code=2)

    assert (out / "looked").exists()


def test_what_an_agent_has_mended_of_two_conflicts_is_kept_for_the_next_round(project: Repo) -> None:
    commit_plan(
        project,
        "(parallel) echo 1 > same; echo 1 > too",
        f"(parallel) {mended('echo 2 > same; echo 2 > too', 'echo both > same')}",
    )

    said = run_plan(project, "--conflict-retry", "0", "--max-address-rounds", "2", code=1)

    assert "conflicts remain" in said
    assert "+both" in kept(project, "002-address-1", "changes.patch")
    assert "changes.patch" in kept(project, "002-address-2", "prompt.md")


def test_a_patch_applies_whatever_shows_a_file_to_people(project: Repo) -> None:
    project.write(".gitattributes", "*.up diff=up\n")
    project.git("add", ".gitattributes")
    project.git("config", "diff.up.textconv", "tr a-z A-Z <")
    commit_plan(project, "echo words > a.up; exit 1")

    run_plan(project, code=1)

    assert "+words" in kept(project, "001-execute-1", "changes.patch")


def test_an_agent_that_takes_the_change_out_again_to_please_reviewers_has_not_mended_it(
    project: Repo,
) -> None:
    reviewer(project, "[ ! -e one ]")
    commit_plan(project, mended("echo 1 > one", "git reset -q --hard HEAD^"))

    run_plan(project, "--max-address-rounds", "2", code=1)

    assert landed(project) == []
    assert branches(project) != []


def test_a_held_task_whose_commit_was_cleaned_out_of_the_repository_is_done_again(project: Repo) -> None:
    commit_plan(project, "echo task > one")
    mine = project.write("one", "mine\n")
    run_plan(project, code=4)
    mine.unlink()
    project.git("branch", "-D", *branches(project))
    project.git("reflog", "expire", "--expire=now", "--all")
    project.git("gc", "-q", "--prune=now")

    project.peal("resume")

    assert landed(project) == ["1"]


def test_a_kept_branch_survives_a_change_of_the_plan(project: Repo) -> None:
    commit_plan(project, "echo task > one")
    project.write("one", "mine\n")
    run_plan(project, code=4)
    (kept_until_now,) = branches(project)
    commit = project.git("rev-parse", kept_until_now)
    commit_plan(project, "echo another > two")

    run_plan(project)

    assert [project.git("rev-parse", name) for name in branches(project)] == [commit]
