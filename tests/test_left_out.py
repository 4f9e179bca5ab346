"""What does not land, lands in masses or lands where it does not belong is told, and nobody is blamed for what others did."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import (
    WAIT,
    Repo,
    commit_plan,
    ended,
    eventually,
    landed,
    later,
    mended,
    run_plan,
    sample,
    start_plan,
)

COMMIT = "git add -A; git commit -qm x"


def ignoring(project: Repo, *lines: str) -> None:
    """What git ignores in this project."""
    project.write(".gitignore", "".join(f"{line}\n" for line in lines))
    project.git("add", ".gitignore")


# Files that git ignores.


def test_files_that_git_ignores_are_named_where_the_task_passes(project: Repo) -> None:
    ignoring(project, "lib/")
    commit_plan(
        project, "mkdir lib; echo 1 > lib/util.py; echo 1 > app.py", "echo 2 > lib/more.py; echo 2 > two"
    )

    said = run_plan(project)

    assert "git ignores `lib/util.py`, which this made, and does not land" in said
    assert "git ignores `lib/more.py`, which this made" in said
    assert 'commit_ignored = ["lib/util.py"]' in said
    assert landed(project) == ["1", "2"]


def test_a_file_that_git_lists_twice_is_named_once(project: Repo) -> None:
    commit_plan(project, "mkdir lib; echo '*' >lib/.gitignore; echo 1 >one")

    assert "git ignores `lib/.gitignore`, which this made, and does not land" in run_plan(project)


def test_the_next_attempt_is_told_what_was_left_out(project: Repo) -> None:
    ignoring(project, "lib/")
    commit_plan(project, "mkdir -p lib; echo 1 > lib/util.py; [ $PEAL_ATTEMPT = 2 ]; echo 1 > one")

    run_plan(project, "--phase-retry-count", "1")

    prompt = (project.memory() / "attempts/001-execute-2/prompt.md").read_text()
    assert "git ignores `lib/util.py`" in prompt


def test_a_setting_lets_files_land_that_git_ignores(project: Repo) -> None:
    ignoring(project, "lib/", "*.log")
    project.write("peal.toml", 'commit_ignored = ["lib/*.py"]\n')
    commit_plan(
        project,
        "mkdir lib; echo 1 > lib/util.py; echo 1 > lib/b.log; git add -f lib/util.py; echo 1 > app.py",
    )

    said = run_plan(project)

    assert set(project.git("ls-files").split()) >= {"lib/util.py", "app.py"}
    assert "lib/b.log" not in project.git("ls-files").split()
    assert "git ignores `lib/b.log`" in said


@pytest.mark.parametrize(
    "force",
    ["git add -f lib/util.py", "git add -f lib/util.py; git commit -qm x", "git add -f -N lib/util.py"],
)
def test_what_an_agent_forces_in_has_failed_with_the_setting_that_lets_it(project: Repo, force: str) -> None:
    ignoring(project, "lib/")
    commit_plan(project, f"mkdir -p lib; echo 1 > lib/util.py; echo 1 > app.py; {force}")

    said = run_plan(project, code=1)

    assert "git ignores `lib/util.py`, which the agent has staged or committed" in said
    assert 'commit_ignored = ["lib/util.py"]' in said
    assert landed(project) == []


def test_where_a_change_is_required_ignored_files_are_none(project: Repo) -> None:
    ignoring(project, "lib/")
    project.write(".git/info/exclude", "peal.toml\n")
    script = "mkdir -p lib; echo 1 > lib/util.py; echo done"
    project.write(
        "peal.toml", f"[agents.mine]\ncommand = {json.dumps(['sh', '-c', script])}\nrequire_change = true\n"
    )
    commit_plan(project, "true")

    said = project.peal("run", "plan.md", "--agent", "mine", code=1).stdout

    assert "no change: git ignores `lib/util.py`, which this made, nothing else differs" in said


@pytest.mark.parametrize(
    "script",
    [
        "mkdir -p node_modules/a __pycache__; touch node_modules/a/x __pycache__/a.pyc",
        "mkdir -p src/__pycache__; touch src/__pycache__/a.pyc src/a",
        "mkdir .peal; echo '*' >.peal/.gitignore; touch a",
    ],
)
def test_a_task_that_only_filled_a_cache_passes_without_a_word(project: Repo, script: str) -> None:
    ignoring(project, "node_modules/", "__pycache__/", "*.pyc")
    commit_plan(project, script)

    said = run_plan(project)

    assert "git ignores" not in said


def test_files_that_were_ignored_before_and_did_not_change_are_not_told(project: Repo) -> None:
    ignoring(project, "lib/")
    commit_plan(project, "mkdir lib; echo 1 > lib/util.py; echo 1 > one", "cat lib/util.py; echo 2 > two")

    said = run_plan(project)

    assert said.count("git ignores `lib/util.py`") == 2, "once as it happens, once at the end"


# Large additions.


def test_many_new_files_are_told_before_they_land(project: Repo) -> None:
    commit_plan(project, "mkdir vendored; for i in $(seq 1100); do echo > vendored/$i; done; echo > one")

    said = run_plan(project)

    assert "adds 1101 files, 0 MB, most of it in `vendored`" in said
    assert said.index("adds 1101 files") < said.index("landed in")


def test_large_new_files_are_told_and_changed_ones_are_not(project: Repo) -> None:
    commit_plan(project, "head -c 25000000 /dev/zero > big", "head -c 26000000 /dev/zero > big")

    said = run_plan(project)

    assert "adds 1 file, 25 MB, most of it in `big`" in said
    assert "26 MB" not in said


# The person's own tree.


def test_an_agent_that_works_in_the_person_s_tree_has_not_done_its_task(project: Repo) -> None:
    project.env["REPO"] = str(project.path)
    commit_plan(project, 'echo 1 > "$REPO/a.txt"', "echo 2 > a.txt")

    said = run_plan(project, "--continue-with-remaining-tasks", code=4)

    assert "its worktree is unchanged, while `a.txt` changed in your own tree" in said
    assert "`a.txt` changed while an agent worked, so that may be its doing" in said
    assert project.read("a.txt") == "1\n"
    (project.path / "a.txt").unlink()
    project.peal("done", "1")
    project.peal("resume")
    assert landed(project) == ["2"]


@pytest.mark.parametrize(
    "script",
    [
        *later("rm README.md", "echo x >> README.md"),
        "mkdir -p new/deep; echo x > new/deep/x",
        "chmod +x README.md",
    ],
)
def test_whatever_it_changes_there_is_named(project: Repo, script: str) -> None:
    project.env["REPO"] = str(project.path)
    commit_plan(project, f'cd "$REPO"; {script}')

    said = run_plan(project, code=1)

    assert ("`README.md`" in said) or ("`new/deep/x`" in said)
    assert "changed in your own tree" in said


def test_a_person_who_works_meanwhile_is_told_and_nothing_fails(project: Repo, out: Path) -> None:
    commit_plan(project, f"{WAIT}; echo 1 > one")
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    project.write("mine.txt", "mine\n")
    (out / "go").touch()

    said = ended(process, 0)

    assert "`mine.txt` changed in your own tree meanwhile; if that was not you, it was the agent" in said
    assert landed(project) == ["1"]
    assert project.read("mine.txt") == "mine\n"


@pytest.mark.parametrize(
    "command",
    [
        "peal run plan.md {flags} > log 2>&1",
        *later("peal run plan.md {flags} --log-file log --log-level debug"),
        "sh -c 'while sleep 0.1; do echo served; done' > log & peal run plan.md {flags}; code=$?; kill $!; exit $code",
        *later("peal run plan.md {flags} 2>&1 | tee log"),
    ],
)
def test_a_log_that_is_written_there_is_no_agent_s_doing(project: Repo, command: str) -> None:
    """What peal prints goes into the tree, or a server of the person's runs there; a task that changes nothing has passed."""
    commit_plan(project, "(parallel) sleep 0.6", "(parallel) sleep 0.2; echo 2 > two")
    line = command.format(flags="--agent shell --max-parallel 2").replace(
        "peal", f"{shlex.quote(sys.executable)} -m peal"
    )

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        check=False,
        cwd=project.path,
        env=project.env,
        capture_output=True,
    )

    said = done.stdout.decode() + project.read("log")
    assert done.returncode == 0, said
    assert "changed in your own tree" not in said


def test_what_the_person_had_changed_before_is_nobody_s(project: Repo) -> None:
    commit_plan(project, "true", "echo 2 > two")
    project.write("README.md", "mine\n")
    project.write("mine.txt", "mine\n")

    said = run_plan(project)

    assert "changed in your own tree" not in said


def test_what_the_person_has_deleted_is_nobody_s_however_much_lands_beside_it(project: Repo) -> None:
    project.write("gone.txt", "mine\n")
    project.git("add", "gone.txt")
    commit_plan(project, "echo 1 > one", "true", "echo 3 > three", "true")
    (project.path / "gone.txt").unlink()

    said = run_plan(project, "--max-parallel", "2")

    assert "changed in your own tree" not in said


def test_what_went_while_a_task_was_worked_on_is_told_once(project: Repo) -> None:
    project.write("gone.txt", "mine\n")
    project.git("add", "gone.txt")
    commit_plan(project, f"echo 1 > one; rm '{project.path}/gone.txt'", "true", "echo 3 > three", "true")

    said = run_plan(project)

    assert said.count("`gone.txt` changed in your own tree meanwhile") == 2  # as it happens, and at the end


def test_what_lands_meanwhile_is_not_taken_for_somebody_s_change(project: Repo) -> None:
    commit_plan(
        project, *(f"(parallel) sleep 0.{number}; echo {number} > {number}" for number in range(1, 7))
    )

    said = run_plan(project, "--address", "as-ready")

    assert "changed in your own tree" not in said


# Conflicts between things of different kinds.

KINDS = {
    "a file and a folder": ("echo 1 > d", "mkdir d; echo 2 > d/x", "git rm -qf 'd~HEAD'"),
    "a folder and a file": ("mkdir d; echo 1 > d/x", "echo 2 > d", "rm -r d; mv d~* d; git add -A"),
    "a link and a file": (
        "ln -s README.md d",
        "echo 2 > d",
        "git rm -q --cached 'd~HEAD' d || true; rm -f d~*; echo 2 > d; git add d",
    ),
}


@pytest.mark.parametrize(
    ("first", "second", "mend"), sample(KINDS, "a file and a folder", "a link and a file")
)
def test_what_git_puts_beside_a_conflict_never_lands(
    project: Repo, first: str, second: str, mend: str
) -> None:
    commit_plan(
        project, f"(parallel) {first}", f"(parallel) {mended(second, 'git add -A; git commit -qm all')}"
    )

    said = run_plan(project, "--conflict-retry", "0", code=1)

    assert "conflict in `d`: the two sides have different kinds of things there" in said
    assert "CONFLICT (" in said
    assert not [name for name in project.git("ls-files").split() if "~" in name]
    assert landed(project) == ["1"]


@pytest.mark.parametrize(
    ("first", "second", "mend"), sample(KINDS, "a folder and a file", "a link and a file")
)
def test_such_a_conflict_is_mended_by_what_the_finding_says(
    project: Repo, first: str, second: str, mend: str
) -> None:
    commit_plan(project, f"(parallel) {first}", f"(parallel) {mended(second, mend)}")

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert not [name for name in project.git("ls-files").split() if "~" in name]


def test_a_file_that_both_have_renamed_is_told_in_git_s_own_words(project: Repo) -> None:
    commit_plan(
        project, "(parallel) git mv README.md one", f"(parallel) {mended('git mv README.md two', 'true')}"
    )

    said = run_plan(project, "--conflict-retry", "0", code=1)

    assert "CONFLICT (rename/rename)" in said


def test_a_name_with_a_tilde_is_a_name_like_others(project: Repo) -> None:
    project.write("d~HEAD", "0\n")
    project.git("add", ".")
    commit_plan(
        project, "(parallel) echo 1 > d~HEAD", f"(parallel) {mended('echo 2 > d~HEAD', 'echo both > d~HEAD')}"
    )

    run_plan(project)

    assert project.git("show", "HEAD:d~HEAD") == "both\n"


DEEP = "for i in range(30): os.mkdir('d' * 200); os.chdir('d' * 200)"


def test_what_git_cannot_reach_is_told(project: Repo) -> None:
    """git only warns of what lies deeper than a path may be long."""
    commit_plan(project, f"echo 1 > one; python3 -c \"import os\n{DEEP}\nopen('file', 'w').write('x')\"")

    said = run_plan(project)

    assert landed(project) == ["1"]
    assert "dddd…` (File name too long), so what is in there does not land" in said


def test_files_that_an_attempt_has_locked_land_too(project: Repo, unprivileged: tuple[str, ...]) -> None:
    project.before = unprivileged
    commit_plan(
        project,
        "echo 1 > one; mkdir d; echo 2 > d/two; chmod 000 one README.md d/two; chmod 000 d",
        "cat one d/two README.md",
    )

    run_plan(project)

    assert landed(project) == ["1"]
    assert project.git("show", "HEAD:one", "HEAD:d/two") == "1\n2\n"
