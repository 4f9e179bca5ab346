"""What one task does in a submodule is what the next one, its reviewers and the person see; nothing of it is lost."""

import json
import subprocess
from pathlib import Path

import pytest
from attrs import evolve
from conftest import Repo, commit_plan, landed, later, mended, run_plan

COMMIT = "git add -A; git commit -qm x"
MOVE = f"cd lib; echo {{0}} > {{0}}; {COMMIT}; git push -qf origin HEAD:refs/heads/{{0}}; cd .."
"""Commits in the submodule and pushes."""


@pytest.fixture
def library(project: Repo, tmp_path: Path) -> Repo:
    """A submodule `lib` of the project, with a submodule `deep` of its own; this is where it comes from."""
    project.env |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
    }
    made = []
    for name in ("deep", "library"):
        repo = evolve(project, path=tmp_path / name)
        repo.write("code", f"{name}\n")
        repo.git("init", "-q", "-b", "main")
        repo.git("config", "user.name", "A Person")
        repo.git("config", "user.email", "person@example.org")
        repo.git("add", ".")
        repo.git("commit", "-qm", "first")
        repo.git("config", "receive.denyCurrentBranch", "ignore")
        made.append(repo)
    deep, library = made
    library.git("submodule", "add", "-q", str(deep.path), "deep")
    library.git("commit", "-qm", "deep")
    project.git("submodule", "add", "-q", str(library.path), "lib")
    project.git("submodule", "update", "-q", "--init", "--recursive")
    project.git("commit", "-qm", "a submodule")
    for folder in ("lib", "lib/deep"):
        project.git("-C", folder, "config", "user.name", "A Person")
        project.git("-C", folder, "config", "user.email", "person@example.org")
    return library


def test_submodules_that_the_person_has_are_filled_at_any_depth(project: Repo, library: Repo) -> None:
    commit_plan(
        project,
        "cat lib/code lib/deep/code > one; git submodule status --recursive > two; ! grep '^[-+]' two",
    )

    said = run_plan(project)

    assert project.git("show", "HEAD:one") == "library\ndeep\n"
    assert "submodules are empty" not in said


def test_the_task_after_works_on_what_the_one_before_has_moved_in_any_worktree(
    project: Repo, library: Repo
) -> None:
    commit_plan(
        project,
        MOVE.format("one"),
        '(parallel) cat lib/one; [ -z "$(git status --porcelain)" ]; echo 2 > two',
        '(parallel) cat lib/one; [ -z "$(git status --porcelain)" ]; echo 3 > three',
    )

    run_plan(project)

    assert landed(project) == ["1", "2", "3"]
    assert project.git("rev-parse", "HEAD:lib") == library.git("rev-parse", "one")


def test_reviewers_see_the_submodule_as_it_lands(project: Repo, library: Repo) -> None:
    project.write(".git/info/exclude", "peal.toml\n")
    project.write("peal.toml", '[[reviewers]]\nname = "one"\ncommand = "cat lib/one lib/deep/code"\n')
    commit_plan(project, MOVE.format("one"))

    run_plan(project)

    assert landed(project) == ["1"]


def test_two_tasks_that_move_the_same_submodule_clash_and_neither_is_taken_back(
    project: Repo, library: Repo
) -> None:
    mend = "cd lib; git merge -q -m both origin/one origin/two; git push -q origin HEAD:refs/heads/both; cd ..; git add lib"
    commit_plan(
        project,
        f"(parallel) {MOVE.format('one')}",
        f"(parallel) {mended(MOVE.format('two'), 'cd lib; git fetch -q; cd ..; ' + mend)}",
    )

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert project.git("rev-parse", "HEAD:lib") == library.git("rev-parse", "both")


def test_a_clash_that_nobody_mends_lands_the_first_and_not_the_second(project: Repo, library: Repo) -> None:
    commit_plan(
        project, f"(parallel) {MOVE.format('one')}", f"(parallel) {mended(MOVE.format('two'), 'true')}"
    )

    run_plan(project, "--conflict-retry", "0", code=1)

    assert landed(project) == ["1"]
    assert project.git("rev-parse", "HEAD:lib") == library.git("rev-parse", "one")


def test_one_after_another_in_one_group_both_moves_stay(project: Repo, library: Repo) -> None:
    """The second is tried anew on what the first has landed."""
    commit_plan(
        project, f"(parallel) {MOVE.format('one')}", f"(parallel) {mended(MOVE.format('two'), 'true')}"
    )

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert {"one", "two"} <= set(library.git("ls-tree", "--name-only", "two").split())


def test_a_commit_that_was_not_pushed_is_the_person_s_to_push(project: Repo, library: Repo) -> None:
    commit_plan(project, f"cd lib; echo 1 > one; {COMMIT}; cd ..", "cat lib/one; echo 2 > two")

    said = run_plan(project)

    moved = project.git("rev-parse", "HEAD:lib").strip()
    assert "is on no remote yet" in said
    project.peal("clean", "--branches")
    project.git("-C", "lib", "gc", "-q", "--prune=now")
    project.git("submodule", "update", "-q")
    assert project.read("lib/one") == "1\n"
    project.git("-C", "lib", "push", "-q", "origin", f"{moved}:refs/heads/NAME")


def test_a_commit_in_a_submodule_of_a_submodule_is_kept_too(project: Repo, library: Repo) -> None:
    commit_plan(
        project,
        f"cd lib/deep; echo 1 > one; {COMMIT}; cd ..; {COMMIT}; cd ..",
        "cat lib/deep/one; echo 2 > two",
    )

    run_plan(project)
    project.peal("clean", "--branches")
    project.git("submodule", "update", "-q", "--recursive")

    assert project.read("lib/deep/one") == "1\n"


def test_what_is_not_committed_in_a_submodule_is_kept_and_told(project: Repo, library: Repo) -> None:
    commit_plan(
        project,
        "echo mine >> lib/code; echo 1 > lib/new; echo 1 > one",
        "git diff --exit-code; cat lib/code; [ ! -e lib/new ]; echo 2 > two",
    )

    said = run_plan(project)

    assert landed(project) == ["1", "2"]
    assert "what is not committed in submodule `lib` does not land" in said
    (patch,) = (project.memory() / "attempts").glob("001-execute-1/changes-lib*.patch")
    assert "+mine" in patch.read_text()
    project.git("-C", "lib", "apply", str(patch))
    assert project.read("lib/new") == "1\n"


def test_a_task_that_only_left_files_in_a_submodule_has_failed(project: Repo, library: Repo) -> None:
    commit_plan(project, "echo mine >> lib/code")

    said = run_plan(project, code=1)

    assert "commit it in the submodule" in said


@pytest.mark.parametrize(
    "script", ["cd lib; git checkout -q -b x; git commit -q --allow-empty -m x", *later("echo x > lib/x")]
)
def test_a_plan_that_moves_or_changes_a_submodule_is_told_by_its_path(
    project: Repo, library: Repo, script: str
) -> None:
    """The phase `plan` may only read, in submodules too; a moved one is named."""
    agent = project.write(
        "../agent", f'#!/bin/sh\n[ "$PEAL_PHASE" = execute ] || {{ {script}; }}\necho done\n'
    )
    agent.chmod(0o755)
    project.write(".git/info/exclude", "peal.toml\n")
    project.write("peal.toml", f"[agents.mine]\ncommand = [{json.dumps(str(agent))}]\n")
    commit_plan(project, "true")

    done = project.peal("run", "plan.md", "--agent", "mine", code=None)

    assert ("`plan` changed `lib`" in done.stdout) == ("commit" in script)


def with_empty(project: Repo) -> None:
    """The person has not filled the submodule."""
    project.git("submodule", "deinit", "-q", "--all", "-f")
    subprocess.run(["rm", "-rf", str(project.path / ".git/modules")], check=True)


SETUP = "git submodule update --init --recursive"


def test_where_the_person_has_not_filled_it_the_setting_is_named_once(project: Repo, library: Repo) -> None:
    commit_plan(project, "[ ! -e lib/code ]; echo 1 > one")
    with_empty(project)

    said = run_plan(project)

    assert said.count('worktree_setup = "git submodule update --init --recursive"') == 1


@pytest.mark.torture
def test_a_submodule_that_worktree_setup_fills_moves_from_task_to_task(project: Repo, library: Repo) -> None:
    commit_plan(
        project,
        f"cat lib/deep/code; {MOVE.format('one')}",
        "(parallel) cat lib/one lib/deep/code; git diff --exit-code; echo 2 > two",
        "(parallel) cat lib/one; echo 3 > three",
    )
    with_empty(project)
    project.git("config", "--file", str(project.path.parent / "config"), "user.name", "A Person")
    project.git("config", "--file", str(project.path.parent / "config"), "user.email", "person@example.org")
    project.env["GIT_CONFIG_GLOBAL"] = str(project.path.parent / "config")

    run_plan(project, "--worktree-setup", SETUP)

    assert landed(project) == ["1", "2", "3"]
    assert project.git("rev-parse", "HEAD:lib") == library.git("rev-parse", "one")


def test_a_commit_that_is_only_with_peal_waits_until_it_is_pushed(project: Repo, library: Repo) -> None:
    commit_plan(
        project,
        f"git config -f .gitmodules x.y z; cd lib; git config user.name a; git config user.email b; echo 1 > one; {COMMIT}; cd ..",
    )
    with_empty(project)

    said = run_plan(project, "--worktree-setup", SETUP, code=4)

    assert "which is on no remote" in said
    assert landed(project) == []
    project.peal("clean")
    command = said.partition("`git --git-dir=")[2].partition("`")[0].replace("NAME", "one")
    subprocess.run(
        f"git --git-dir={command}",
        shell=True,
        env=project.env,
        cwd=project.path,
        check=True,
        capture_output=True,
    )
    project.peal("resume")
    assert landed(project) == ["1"]
    assert project.git("rev-parse", "HEAD:lib") == library.git("rev-parse", "one")


def test_a_submodule_that_a_task_adds_lands_with_it(project: Repo, library: Repo, tmp_path: Path) -> None:
    commit_plan(
        project, f"git submodule add -q '{tmp_path}/deep' more; {COMMIT}", "cat more/code; echo 2 > two"
    )

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert (
        project.git("rev-parse", "HEAD:more").strip()
        == project.git("-C", str(tmp_path / "deep"), "rev-parse", "HEAD").strip()
    )


def test_a_submodule_that_a_task_takes_out_is_gone(project: Repo, library: Repo) -> None:
    commit_plan(project, "git rm -q lib", "echo 2 > two")

    run_plan(project)

    assert "160000" not in project.git("ls-tree", "HEAD")
    assert landed(project) == ["1", "2"]


def test_a_submodule_that_becomes_files_lands_when_the_person_s_own_makes_way(
    project: Repo, library: Repo
) -> None:
    take_over = (
        "git rm -q --cached lib; rm -rf lib/.git lib/deep lib/.gitmodules; git add lib; git rm -q .gitmodules"
    )
    commit_plan(project, take_over, "cat lib/code; echo 2 > two")
    run_plan(project, code=4)
    project.git("submodule", "deinit", "-q", "-f", "lib")

    project.peal("resume")

    assert "160000" not in project.git("ls-tree", "HEAD")
    assert landed(project) == ["1", "2"]


def test_the_person_s_own_submodule_is_never_touched(project: Repo, library: Repo) -> None:
    commit_plan(project, MOVE.format("one"), "cat lib/one; echo 2 > two")
    project.write("lib/code", "mine\n")
    project.write("lib/new", "mine\n")
    before = project.git("-C", "lib", "rev-parse", "HEAD")

    run_plan(project)

    assert (project.read("lib/code"), project.read("lib/new")) == ("mine\n", "mine\n")
    assert project.git("-C", "lib", "rev-parse", "HEAD") == before
    assert project.git("-C", "lib", "status", "--porcelain").split() == ["M", "code", "??", "new"]


def test_a_submodule_that_a_task_takes_out_is_not_taken_for_work_left_in_other_worktrees(
    project: Repo, library: Repo
) -> None:
    commit_plan(
        project,
        "(parallel) cat lib/code > one",
        "(parallel) cat lib/code > two",
        "git rm -q lib",
        "(parallel) [ ! -e lib ]; echo 4 > four",
        "(parallel) [ ! -e lib ]; echo 5 > five",
    )

    said = run_plan(project)

    assert "a repository of its own" not in said
    assert landed(project) == ["1", "2", "3", "4", "5"]


def test_a_submodule_that_is_filled_only_in_a_linked_worktree_of_the_person_s_is_filled_too(
    project: Repo, library: Repo, tmp_path: Path
) -> None:
    with_empty(project)
    linked = evolve(project, path=tmp_path / "linked")
    project.git("worktree", "add", "-q", "-b", "feature", str(linked.path))
    linked.git("submodule", "update", "-q", "--init", "--recursive")
    commit_plan(
        linked,
        f"cat lib/code lib/deep/code > copy; cd lib; git config user.name a; git config user.email b; echo 1 > one; {COMMIT}",
    )

    said = run_plan(linked)

    assert linked.git("show", "HEAD:copy") == "library\ndeep\n"
    assert "which is on no remote yet" in said
    linked.git("submodule", "update")
    assert linked.read("lib/one") == "1\n"


def test_git_may_be_told_to_find_no_bare_repository_by_itself(project: Repo, library: Repo) -> None:
    """`safe.bareRepository` counts only where it is set for all repositories."""
    commit_plan(project, f"cat lib/deep/code; {MOVE.format('one')}")
    with_empty(project)
    project.write("../config", "[safe]\n\tbareRepository = explicit\n[user]\n\tname = a\n\temail = b\n")
    project.env["GIT_CONFIG_GLOBAL"] = str(project.path.parent / "config")

    run_plan(project, "--worktree-setup", SETUP)

    assert project.git("rev-parse", "HEAD:lib") == library.git("rev-parse", "one")


def test_a_submodule_that_git_is_to_pass_over_lands_all_the_same(project: Repo, library: Repo) -> None:
    """`ignore = all` is for what `git status` shows a person."""
    project.git("config", "--file", ".gitmodules", "submodule.lib.ignore", "all")
    project.git("config", "diff.ignoreSubmodules", "all")
    project.git("commit", "-qam", "ignore")
    commit_plan(
        project,
        MOVE.format("one"),
        "cat lib/one",
        f"{MOVE.format('two')}; exit 1",
    )

    run_plan(project, code=1)

    assert landed(project) == ["1"]
    assert project.git("rev-parse", "HEAD:lib") == library.git("rev-parse", "one")
    assert "+Subproject commit" in project.peal("diff", "1").stdout
    assert "+Subproject commit" in project.peal("diff", "3").stdout
