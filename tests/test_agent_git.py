"""An agent's git works as in an ordinary clone, and nothing it does there reaches the person's repository."""

import subprocess
from pathlib import Path

import pytest
from conftest import Repo, branches, commit_plan, landed, later, mended, run_plan, sample

COMMIT = "git add -A; git commit -qm 'by the agent'"


def shared(project: Repo) -> dict[str, str]:
    """What all worktrees of a repository share, in words."""
    return {
        "refs": project.git("for-each-ref"),
        "stashes": project.git("stash", "list"),
        "settings": (project.path / ".git/config").read_text(),
        "hooks": str(sorted(path.name for path in (project.path / ".git/hooks").iterdir())),
        "HEAD": project.git("symbolic-ref", "HEAD"),
    }


def with_history(project: Repo) -> None:
    """A remote, a tag, another branch, a stash, a setting and an alias of the person's."""
    bare = project.path.parent / "remote.git"
    project.git("init", "-q", "--bare", str(bare))
    project.git("remote", "add", "origin", "../remote.git")
    project.git("push", "-q", "origin", "main")
    project.git("tag", "-a", "v1", "-m", "one")
    project.git("switch", "-qc", "other")
    project.write("other.txt", "other\n")
    project.git("add", ".")
    project.git("commit", "-qm", "other")
    project.git("switch", "-q", "main")
    project.write("README.md", "mine\n")
    project.git("stash", "-q")
    project.git("config", "alias.st", "status --short")


ORDINARY = {
    "add and commit": f"echo 1 > one; {COMMIT}; git log -1 --format=%s | grep -q 'by the agent'",
    "amend": f"echo 1 > one; {COMMIT}; echo 2 > one; git commit -qa --amend --no-edit",
    "stash and pop": "echo 1 > one; git add one; git stash -q; [ ! -e one ]; git stash pop -q; [ -e one ]",
    "a branch": f"git checkout -q -b feature; echo 1 > one; {COMMIT}; ! git branch -D feature",
    "another branch": "git checkout -q other; cat other.txt; git checkout -q -; echo 1 > one",
    "merge": f"git merge -q other; echo 1 > one; {COMMIT}",
    "rebase": f"echo 1 > one; {COMMIT}; git rebase -q other",
    "cherry-pick": "git cherry-pick other; echo 1 > one",
    "reset": f"echo 1 > one; {COMMIT}; git reset -q --soft HEAD~1",
    "restore": "echo x > README.md; git restore README.md; git diff --exit-code; echo 1 > one",
    "mv and rm": "git mv README.md one; git rm -q plan.md",
    "tag and notes": "git tag -f v1; git tag v2; git notes add -m x; echo 1 > one",
    "bisect": "git bisect start; git bisect bad; git bisect reset; echo 1 > one",
    "fetch and push": f"git fetch -q; git pull -q origin main; echo 1 > one; {COMMIT}; git push -q origin HEAD:refs/heads/agent",
    "describe and blame": "git describe v1; git blame README.md; git show v1 --stat; git log --all --oneline; echo 1 > one",
    "configure": "git config user.name Bot; git config core.hooksPath /nowhere; git remote add x y; git st; echo 1 > one",
    "collect garbage": f"echo 1 > one; {COMMIT}; git gc -q --prune=now; git prune; git fsck",
    "a worktree": "git worktree add -q ../../../aside; git worktree remove --force ../../../aside; echo 1 > one",
    "worktree list and prune": "git worktree list; git worktree prune; echo 1 > one",
    "update-ref": "git update-ref refs/heads/main HEAD~0; git update-ref -d refs/heads/other; echo 1 > one",
    "pack refs and reflog": "git pack-refs --all; git reflog expire --all --expire=now; echo 1 > one",
    "sparse": "echo 1 > one; git add one; git sparse-checkout set --no-cone /one; [ ! -e README.md ]",
}


@pytest.mark.parametrize(
    "script",
    sample(
        ORDINARY,
        *("add and commit", "rebase", "fetch and push", "configure", "a worktree"),
    ),
)
def test_git_works_for_an_agent_and_the_person_s_repository_stays_as_it_is(
    project: Repo, script: str
) -> None:
    commit_plan(project, script, 'git status --porcelain; [ -z "$(git stash list)" ]; echo 2 > two')
    with_history(project)
    before = shared(project)

    run_plan(project)

    after = shared(project)
    assert landed(project) == ["1", "2"]
    assert {"README.md", "one", "two"} <= set(project.git("ls-files").split()) | {"README.md"}
    main = f"{project.git('rev-parse', 'main').strip()} commit\trefs/heads/main\n"
    assert after.pop("refs").replace(main, "") == "".join(
        line
        for line in before.pop("refs").splitlines(keepends=True)
        if not line.endswith("/main\n") or "remotes" in line
    )
    assert after == before
    assert branches(project) == []


def test_peal_commits_as_who_began_the_run_whatever_an_agent_sets(project: Repo) -> None:
    rename = 'git -C "$REPO" config user.name Bot; git -C "$REPO" config user.email bot@example.org'
    commit_plan(project, f"{rename}; echo 1 > one", "echo 2 > two")
    project.env["REPO"] = str(project.path)

    run_plan(project)

    assert set(project.git("log", "-4", "--format=%an <%ae> %cn <%ce>").splitlines()) == {
        "A Person <person@example.org> A Person <person@example.org>"
    }


def test_conflicts_are_mended_with_plain_git(project: Repo) -> None:
    project.write("both", "0\n")
    project.write("gone", "0\n")
    project.git("add", ".")
    commit_plan(
        project,
        "(parallel) echo 1 > both; echo 1 > gone",
        f"(parallel) {mended('echo 2 > both; rm gone', 'git status --porcelain > seen; git rm -q gone; git checkout -q --theirs both; git add both; rm seen')}",
    )

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert project.git("show", "HEAD:both") == "2\n"
    assert "gone" not in project.git("ls-files").split()


@pytest.mark.parametrize(
    "end",
    [
        "git merge --abort",
        "git checkout -q -f -b away HEAD",
        *later("git reset -q --hard", "git merge --quit; git reset -q --hard"),
    ],
)
def test_a_merge_that_the_agent_gave_up_is_not_taken_for_mended(project: Repo, end: str) -> None:
    commit_plan(project, "(parallel) echo 1 > same", f"(parallel) {mended('echo 2 > same', end)}")

    run_plan(project, "--conflict-retry", "0", code=1)

    assert landed(project) == ["1"]
    assert project.git("show", "HEAD:same") == "1\n"


@pytest.mark.parametrize(
    "how", ["git commit -qam both", "git add same; git commit -qm both; git checkout -q -b mine"]
)
def test_a_merge_that_the_agent_has_committed_itself_is_mended(project: Repo, how: str) -> None:
    commit_plan(
        project,
        "(parallel) echo 1 > same",
        f"(parallel) {mended('echo 2 > same', f'echo both > same; {how}')}",
    )

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert project.git("show", "HEAD:same") == "both\n"


def test_files_that_are_to_be_ignored_from_now_on_leave_the_repository(project: Repo) -> None:
    project.write("dist/out.js", "built\n")
    project.git("add", ".")
    commit_plan(project, "git rm -rq --cached dist; echo dist/ > .gitignore; [ -e dist/out.js ]")

    run_plan(project)

    assert "dist/out.js" not in project.git("ls-files").split()


@pytest.mark.parametrize(
    "where", ["git stash -q -u", f"git checkout -q -b feature; {COMMIT}; git checkout -q -"]
)
def test_work_that_the_agent_put_away_has_failed_and_says_where_it_is(project: Repo, where: str) -> None:
    commit_plan(project, f"echo 1 > one; {where}")

    said = run_plan(project, code=1)

    assert "refs/stash" in said or "refs/heads/feature" in said
    assert landed(project) == []


@pytest.mark.parametrize(
    "options",
    [
        *later(["--separate-git-dir=../elsewhere.git"]),
        ["--object-format=sha256"],
        ["--bare"],
        ["--depth=1"],
        *later(["--sparse"], ["--shared"]),
    ],
    ids=lambda options: options[0],
)
def test_any_kind_of_repository_gives_agents_a_git_of_their_own(
    project: Repo, tmp_path: Path, options: list[str]
) -> None:
    commit_plan(
        project, f"echo 1 > one; {COMMIT}; git log --oneline", f"cat one; echo 2 > two; {COMMIT}; git fsck"
    )
    other = Repo(tmp_path / "the\nother", project.env)
    if options == ["--bare"]:
        project.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
        subprocess.run(
            ["git", "worktree", "add", "-q", other.path, "main"], cwd=tmp_path / "bare.git", check=True
        )
    elif options == ["--object-format=sha256"]:
        other.path.mkdir()
        other.git("init", "-q", "-b", "main", *options)
        other.write("plan.md", project.read("plan.md"))
        other.git("add", ".")
        other.git("-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "first")
    else:
        source = f"file://{project.path}" if options == ["--depth=1"] else str(project.path)
        project.git("clone", "-q", *options, source, str(other.path))
    other.git("config", "user.name", "A Person")
    other.git("config", "user.email", "person@example.org")

    run_plan(other)

    assert landed(other) == ["1", "2"]
    assert other.git("status", "--porcelain") == ""


PLANNING = """
agent = "m"
[agents.m]
command = ["sh", "-c", '''{execute}''', "m", "{{prompt_file}}"]
prompt = "file"
plan = ["sh", "-c", '''{plan}; echo the plan''', "m", "{{prompt_file}}"]
"""


PLANNED = (
    "git branch mine",
    "git tag mine",
    "git config peal.mine yes",
    "echo junk > $(git rev-parse --git-dir)/mine",
    "git commit -q --allow-empty -m mine",
    "git update-index --assume-unchanged README.md",
)


@pytest.mark.parametrize("plan", ["; ".join(PLANNED), "true", *later(*PLANNED)])
def test_what_planning_did_to_its_git_is_gone_when_work_begins(project: Repo, out: Path, plan: str) -> None:
    """Where it did nothing, the same git folder is used again."""
    folder = 'stat -c %i:%Z "$(git rev-parse --git-dir)/config" >>"$OUT/folders"'
    look = (
        folder
        + "; "
        + (
            'git branch --list mine >"$OUT/seen"; git tag --list mine >>"$OUT/seen"; git config peal.mine >>"$OUT/seen"; '
            'ls $(git rev-parse --git-dir)/mine >>"$OUT/seen" 2>/dev/null; git log --format=%s HEAD | grep mine >>"$OUT/seen"; '
            'git ls-files -v README.md | grep "^h" >>"$OUT/seen"; echo 1 > one'
        )
    )
    project.write(
        "peal.toml",
        PLANNING.format(plan=f"{folder}; {plan}", execute=look).replace("{{", "{").replace("}}", "}"),
    )
    project.write("plan.md", "## Task 1: One\n\nWrite it.\n")
    project.git("add", ".")
    project.git("commit", "-qm", "the plan")

    project.peal("run", "plan.md")

    assert (out / "seen").read_text() == ""
    assert project.read("one") == "1\n"
    folders = (out / "folders").read_text().split()
    assert (len(set(folders)) == 1) == (plan == "true")


@pytest.mark.parametrize("branch", ["peal/topic", "peal/plan"])
def test_a_branch_of_the_person_s_is_seen_though_it_is_called_like_peal_s(project: Repo, branch: str) -> None:
    commit_plan(project, f"git log --oneline {branch} > one")
    project.git("switch", "-qc", branch)

    run_plan(project)

    assert project.read("one")


def test_an_agent_does_not_see_where_peal_keeps_the_work_of_others(project: Repo, out: Path) -> None:
    """So what it costs to ready a worktree does not grow with the tasks that have not landed."""
    commit_plan(project, "echo 1 > one", 'git for-each-ref --format="%(refname)" >"$OUT/refs"; echo 2 > two')
    project.git("tag", "v1")
    project.write("one", "mine\n")
    run_plan(project, "--task", "1", code=4)
    assert len(branches(project)) == 1

    run_plan(project, "--task", "2")

    assert len(branches(project)) == 1
    assert (out / "refs").read_text().split() == ["refs/heads/main", "refs/tags/v1"]
