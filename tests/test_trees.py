"""`peal diff` shows what a task has changed, wherever that is kept; `peal clean` takes away only what is peal's."""

import signal
import subprocess
from pathlib import Path

import pytest
from conftest import (
    PEAL,
    WAIT,
    Repo,
    branches,
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


def diff(project: Repo, *words: str) -> str:
    """What `peal diff` prints."""
    return project.peal("diff", *words).stdout


def refused(project: Repo, *words: str) -> str:
    """Why it prints nothing."""
    done = project.peal(*words, code=1)
    assert done.stdout == ""
    return done.stderr


def worktrees(project: Repo) -> list[str]:
    """The worktrees git knows, by name."""
    listed = project.git("worktree", "list", "--porcelain").splitlines()
    return sorted(Path(line[9:]).name for line in listed if line.startswith("worktree "))


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def killed(project: Repo, out: Path) -> None:
    """A run that ends without a word once task 1 has begun; the next one need not wait."""
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    (out / "go").touch()


HALF = f"[ -e $OUT/go ] || echo precious > half; {WAIT}; echo 1 > one"
"""A task that leaves something behind when it is killed, and not when it is done again."""


def patches(project: Repo) -> list[str]:
    """The patches that are kept, in whatever memory."""
    return [path.read_text() for path in sorted((project.path / ".peal").rglob("changes.patch"))]


# diff


def test_diff_shows_what_a_landed_task_has_changed_and_nothing_else(project: Repo) -> None:
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two")
    run_plan(project)

    shown = diff(project, "1")

    assert "+1" in shown
    assert "two" not in shown
    assert diff(project, "2").count("diff --git") == 1


def test_diff_of_a_landed_task_can_be_applied_backwards(project: Repo) -> None:
    commit_plan(project, "printf '\\0\\1' > binary; echo x > 'with blank'; echo y > Ümlaut; rm README.md")
    run_plan(project)

    shown = diff(project, "1")

    assert "Binary files /dev/null and b/binary differ" in shown
    assert "b/with blank" in shown
    assert "b/Ümlaut" in shown
    assert "deleted file" in shown


def test_diff_of_a_mended_task_shows_what_landed(project: Repo) -> None:
    commit_plan(
        project, "(parallel) echo 1 > f", "(parallel) " + mended("echo 2 > f", "echo both > f; git add f")
    )
    run_plan(project)

    assert "-1\n+both" in diff(project, "2")


def test_diff_of_a_held_task_shows_what_would_land(project: Repo, out: Path) -> None:
    commit_plan(project, "echo 1 > one")
    project.write("one", "mine\n")
    run_plan(project, code=4)

    assert "+1" in diff(project, "1")
    assert project.read("one") == "mine\n"


def test_diff_of_a_failed_task_is_its_patch(project: Repo) -> None:
    commit_plan(project, "echo 1 > one; exit 1")
    run_plan(project, code=1)

    assert "+1" in diff(project, "1")
    assert diff(project, "1", "--stat").split()[:4] == ["one", "|", "1", "+"]


def test_diff_of_a_task_that_clashed_for_good_shows_its_own_change(project: Repo) -> None:
    commit_plan(project, "(parallel) echo 1 > f", "(parallel) echo 2 > f")
    run_plan(project, "--conflict-retry", "0", code=None)

    assert "+2" in diff(project, "2")


def test_diff_of_a_running_task_leaves_its_worktree_and_index_alone(project: Repo, out: Path) -> None:
    commit_plan(project, f"echo staged > a; git add a; echo changed >> README.md; echo new > b; {WAIT}")
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    worktree = project.path / ".peal/worktrees/1"
    index = Path(
        subprocess.run(
            ["git", "rev-parse", "--path-format=absolute", "--git-path", "index"],
            cwd=worktree,
            env=project.env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    before = files_of(worktree), index.read_bytes(), index.stat().st_mtime_ns

    shown = diff(project, "1")

    assert (files_of(worktree), index.read_bytes(), index.stat().st_mtime_ns) == before
    assert {"+staged", "+changed", "+new"} <= set(shown.splitlines())
    assert " 3 files changed" in diff(project, "1", "--stat")
    (out / "go").touch()
    ended(process, 0)


def test_diff_of_a_running_task_never_shows_the_person_s_tree(project: Repo, out: Path) -> None:
    commit_plan(project, f"rm .git; echo 1 > one; {WAIT}")
    project.write("secret", "the person's own\n")
    process = start_plan(project)
    eventually((out / "begun-1").exists)

    assert "own" not in project.peal("diff", "1", code=None).stdout

    (out / "go").touch()
    ended(process, 1)


def test_diff_of_a_task_that_another_run_took_the_worktree_of_shows_nothing_of_it(
    project: Repo, out: Path
) -> None:
    project.write("other.md", shell_plan("echo other > other"))
    commit_plan(project, HALF)
    killed(project, out)
    project.peal("run", "other.md", "--agent", "shell")

    shown = project.peal("diff", "1", "--plan", "plan.md", code=None).stdout

    assert "other" not in shown
    assert "+precious" in shown


def test_diff_shows_no_commit_of_the_person_s_for_a_task_they_merged_themselves(project: Repo) -> None:
    commit_plan(project, "echo 1 > one")
    mine = project.write("one", "mine\n")
    run_plan(project, code=4)
    mine.unlink()
    project.git("merge", "-q", "-m", "by hand", *branches(project))
    project.write("unrelated", "x\n")
    project.git("add", "unrelated")
    project.git("commit", "-qm", "unrelated")
    project.peal("resume")

    assert "unrelated" not in project.peal("diff", "1", code=None).stdout


def test_diff_says_why_there_is_nothing_to_show(project: Repo) -> None:
    commit_plan(project, "true", "exit 1", "touch never")
    run_plan(project, code=1)

    assert "task 1 has changed nothing" in refused(project, "diff", "1")
    assert "task 2 has changed nothing" in refused(project, "diff", "2")
    assert "task 3 has changed nothing" in refused(project, "diff", "3")
    assert "task 4 is not in the plan" in refused(project, "diff", "4")


def test_diff_in_a_shared_tree_points_to_git(project: Repo) -> None:
    commit_plan(project, "echo 1 > one")
    run_plan(project, "--no-commit")

    assert "`git diff`" in refused(project, "diff", "1")


def test_diff_of_a_landed_or_failed_task_works_after_clean(project: Repo) -> None:
    commit_plan(project, "echo 1 > one", "echo 2 > two; exit 1")
    run_plan(project, code=1)
    project.peal("clean", "--branches")

    assert "+1" in diff(project, "1")
    assert "+2" in diff(project, "2")


def test_diff_into_a_pipe_has_no_colour_whatever_git_is_told(project: Repo) -> None:
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two; exit 1")
    project.git("config", "color.ui", "always")
    run_plan(project, code=1)

    assert "\x1b" not in diff(project, "1")
    assert "\x1b" not in diff(project, "2")


def test_diff_into_a_pipe_that_closes_does_not_complain(project: Repo) -> None:
    commit_plan(project, "seq 200000 > one")
    run_plan(project)

    done = subprocess.run(
        ["bash", "-c", '"$@" diff 1 | head -1', "-", *PEAL],
        cwd=project.path,
        env=project.env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("diff --git a/one b/one\n", "")


# clean


def test_clean_removes_the_worktrees_and_keeps_the_memory(project: Repo) -> None:
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two")
    run_plan(project)
    memory = files_of(project.memory())

    said = project.peal("clean").stdout

    assert said.count("removed worktree") == 2
    assert worktrees(project) == [project.path.name]
    assert files_of(project.memory()) == memory
    assert project.peal("clean").stdout == "nothing to clean\n"
    assert "2 of 2" in project.peal("run", "plan.md", "--agent", "shell").stdout


def test_clean_where_nothing_was_ever_run(project: Repo) -> None:
    assert project.peal("clean", "--branches").stdout == "nothing to clean\n"
    assert project.git("status", "--porcelain") == ""


def test_clean_while_a_run_goes_on_is_refused(project: Repo, out: Path) -> None:
    commit_plan(project, f"{WAIT}; echo 1 > one")
    process = start_plan(project)
    eventually((out / "begun-1").exists)

    for flags in ([], ["--branches"], ["--dry-run"]):
        assert "another peal is at work" in project.peal("clean", *flags, code=5).stderr

    (out / "go").touch()
    ended(process, 0)
    assert landed(project) == ["1"]


def test_clean_as_a_dry_run_changes_nothing(project: Repo, out: Path) -> None:
    commit_plan(project, HALF)
    killed(project, out)
    before = {name: data for name, data in files_of(project.path).items() if "owner.json" not in name}

    said = project.peal("clean", "--branches", "--dry-run").stdout

    assert "would have removed worktree" in said
    assert {name: data for name, data in files_of(project.path).items() if "owner.json" not in name} == before


def test_clean_keeps_what_an_unfinished_task_left_and_resume_goes_on(project: Repo, out: Path) -> None:
    commit_plan(project, HALF)
    killed(project, out)

    project.peal("clean", "--branches")

    assert worktrees(project) == [project.path.name]
    assert "+precious" in patches(project)[0]
    assert "+precious" in diff(project, "1")
    project.peal("resume")
    assert landed(project) == ["1"]
    assert "half" not in project.git("ls-files").split()


def test_clean_does_not_remove_what_it_could_not_keep(project: Repo, out: Path) -> None:
    project.write(".gitattributes", "half filter=failing\n")
    project.git("add", ".gitattributes")
    commit_plan(project, HALF)
    killed(project, out)
    project.git("config", "filter.failing.clean", "false")
    project.git("config", "filter.failing.required", "true")

    project.peal("clean", code=None)

    assert patches(project) or list(project.path.glob(".peal/worktrees/*/half"))


@pytest.mark.parametrize(
    "then",
    [
        ("redo", "1"),
        *later((("run", "plan.md", "--agent", "shell", "--fresh"),), (("done", "1"),)),
        ("run", "other.md", "--agent", "shell"),
    ],
    ids=" ".join,
)
def test_what_a_killed_run_left_is_kept_whatever_comes_next(
    project: Repo, out: Path, then: tuple[str, ...]
) -> None:
    project.write("other.md", shell_plan("echo other > other"))
    commit_plan(project, HALF)
    killed(project, out)

    project.peal(*then)
    project.peal("clean")

    assert any("+precious" in patch for patch in patches(project))


def test_what_a_killed_run_left_is_kept_when_the_task_s_text_changes(project: Repo, out: Path) -> None:
    commit_plan(project, HALF)
    killed(project, out)
    project.write("plan.md", project.read("plan.md").replace("echo 1", "echo 11"))

    run_plan(project)

    assert any("+precious" in patch for patch in patches(project))


def test_clean_with_branches_deletes_what_is_in_head_and_names_what_is_not(project: Repo) -> None:
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two")
    mine = [project.write(name, "mine\n") for name in ("one", "two")]
    run_plan(project, code=4)
    first, second = branches(project)
    mine[0].unlink()
    project.git("merge", "-q", "-m", "by hand", first)

    said = project.peal("clean", "--branches").stdout

    assert branches(project) == [second]
    assert f"deleted branch `{first}`" in said
    assert f"kept branch `{second}`" in said
    mine[1].unlink()
    project.peal("resume")
    assert landed(project) == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "is_checked_out"),
    sample(
        {
            f"{name}-{is_checked_out}": (name, is_checked_out)
            for name in ("pealing", "feature/peal", "feature/peal/x", "peal/mine", "peal/greet/1")
            for is_checked_out in (True, False)
        },
        "pealing-False",
        "feature/peal/x-True",
        "peal/mine-True",
        "peal/greet/1-False",
    ),
)
def test_clean_never_deletes_a_person_s_own_branch(project: Repo, name: str, is_checked_out: bool) -> None:
    project.git("branch", name)
    commit_plan(project, "echo 1 > one")
    if is_checked_out:
        project.git("switch", "-qc", f"{name}-2")
        name = f"{name}-2"
    run_plan(project)

    project.peal("clean", "--branches")

    assert name in project.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize("where", ["../elsewhere", ".peal/worktrees/mine"])
def test_clean_leaves_a_person_s_own_worktree(project: Repo, where: str) -> None:
    commit_plan(project, "echo 1 > one")
    run_plan(project)
    project.git("worktree", "add", "-q", where, "-b", "mine")
    work = project.write(f"{where}/work", "mine\n")

    project.peal("clean", "--branches")

    assert work.exists()
    assert Path(where).name in worktrees(project)


def test_clean_of_worktrees_that_are_locked_or_gone(project: Repo) -> None:
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two")
    run_plan(project)
    project.git("worktree", "lock", ".peal/worktrees/1")
    subprocess.run(["rm", "-rf", str(project.path / ".peal/worktrees/2")], check=True)

    project.peal("clean")

    assert worktrees(project) == [project.path.name]
    assert project.peal("clean").stdout == "nothing to clean\n"


def test_clean_works_with_a_damaged_memory_too(project: Repo) -> None:
    commit_plan(project, "echo 1 > one")
    run_plan(project)
    journal = project.memory() / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([*lines[:2], "broken\n", *lines[2:]]))

    project.peal("clean")

    assert worktrees(project) == [project.path.name]
