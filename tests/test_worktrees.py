"""Each task works in a tree of its own: what is refused before, what repositories and agents may be like, and how it is readied."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from attrs import evolve
from conftest import (
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


def refs(project: Repo) -> str:
    """Every branch and tag with its commit, and HEAD."""
    return project.git("for-each-ref") + project.git("rev-parse", "--symbolic-full-name", "HEAD")


def is_clean(project: Repo) -> bool:
    """Whether the person's tree is as HEAD says, on the branch."""
    return (
        not project.git("status", "--porcelain")
        and project.git("symbolic-ref", "HEAD") == "refs/heads/main\n"
    )


# A tree of one's own.


def test_a_task_works_in_a_worktree_on_a_detached_head(project: Repo, out: Path) -> None:
    commit_plan(
        project, 'pwd > "$OUT/where"; git symbolic-ref -q HEAD && exit 1; git rev-parse HEAD > "$OUT/head"'
    )
    head = project.git("rev-parse", "HEAD")

    run_plan(project)

    assert Path((out / "where").read_text().strip()).parent == project.path / ".peal/worktrees"
    assert (out / "head").read_text() == head


def test_tasks_that_write_the_same_files_at_once_do_not_see_each_other(project: Repo, out: Path) -> None:
    meet = 'touch "$OUT/{0}"; for i in $(seq 500); do [ -e "$OUT/{1}" ] && break; sleep 0.02; done'
    write = f"(parallel) [ ! -e scratch ]; echo {{0}} > scratch; {meet}; [ $(cat scratch) = {{0}} ]; mv scratch {{0}}"
    commit_plan(project, write.format(1, 2), write.format(2, 1))

    run_plan(project)

    assert landed(project) == ["1", "2"]


def test_a_later_segment_works_on_what_the_earlier_one_landed(project: Repo) -> None:
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two", "cat one two > both")

    run_plan(project)

    assert project.git("show", "HEAD:both") == "1\n2\n"


def test_no_more_worktrees_are_made_than_tasks_run_at_once(project: Repo) -> None:
    commit_plan(project, *("(parallel) true" for _ in range(6)))

    run_plan(project, "--max-parallel", "2")

    folders = (path.name for path in (project.path / ".peal/worktrees").iterdir())
    assert sorted(name for name in folders if not name.endswith(".git")) == ["1", "2"]


def test_worktrees_are_used_again_by_the_next_run(project: Repo, out: Path) -> None:
    commit_plan(project, "ls -di . >> $OUT/inode")
    project.env["OUT"] = "../../../../out"
    run_plan(project)

    run_plan(project, "--fresh")

    assert len(set((out / "inode").read_text().splitlines())) == 1


# Refused before anything starts.


def merging(project: Repo, command: str) -> None:
    """A person in the middle of something that has clashed."""
    project.git("switch", "-qc", "other")
    project.write("README.md", "theirs\n")
    project.git("commit", "-qam", "theirs")
    project.git("switch", "-q", "main")
    project.write("README.md", "ours\n")
    project.git("commit", "-qam", "ours")
    subprocess.run(
        ["git", *command.split()], cwd=project.path, env=project.env, capture_output=True, check=False
    )


def refused(project: Repo, *words: str) -> None:
    """A run ends with 1 and these words, and nothing was made."""
    done = project.peal("run", "plan.md", "--agent", "shell", code=1)
    for word in words:
        assert word in done.stderr
    assert done.stdout == ""
    assert not (project.path / ".peal/worktrees").exists()
    assert not (project.path / "ran").exists()


def works_without_commits(project: Repo) -> None:
    """The same with --no-commit is fine."""
    project.peal("run", "plan.md", "--agent", "shell", "--no-commit")
    assert (project.path / "ran").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("merge other", ["a merge is under way", "`git merge --abort`"]),
        *later(("rebase other", ["a rebase is under way", "`git rebase --abort`"])),
        ("rebase --apply other", ["a rebase is under way", "`git rebase --abort`"]),
        ("cherry-pick other", ["a cherry-pick is under way", "`git cherry-pick --abort`"]),
        *later(("revert --no-edit HEAD~1", ["a revert is under way", "`git revert --abort`"])),
        ("switch -q --detach", ["detached HEAD", "`git switch -c NAME`"]),
    ],
)
def test_what_the_person_has_begun_is_to_be_finished_first(
    project: Repo, command: str, words: list[str]
) -> None:
    merging(project, command)
    project.write("plan.md", shell_plan("touch ran"))

    refused(project, *words, "--no-commit")
    works_without_commits(project)


def test_a_repository_without_a_commit_is_refused(repo: Repo) -> None:
    del repo.env["PEAL_COMMIT"]
    repo.write("plan.md", shell_plan("touch ran"))

    refused(repo, "has no commit yet", "git commit --allow-empty", "--no-commit")
    works_without_commits(repo)


def test_a_folder_that_is_no_repository_is_refused(project: Repo, tmp_path: Path) -> None:
    outside = evolve(project, path=tmp_path / "outside")
    outside.write("plan.md", shell_plan("touch ran"))

    refused(outside, "is not inside a git repository", "`git init`")


def test_a_bare_repository_is_refused(project: Repo, tmp_path: Path) -> None:
    project.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    bare = evolve(project, path=tmp_path / "bare.git")
    bare.write("plan.md", shell_plan("touch ran"))

    refused(bare, "has no working tree")


def test_a_branch_named_peal_is_in_the_way(project: Repo) -> None:
    project.git("branch", "peal")
    project.write("plan.md", shell_plan("touch ran"))

    refused(project, "a branch is named `peal`", "`git branch -m peal NAME`")
    works_without_commits(project)


def test_somebody_without_a_name_is_told_how_to_get_one(project: Repo) -> None:
    project.git("config", "--unset", "user.name")
    project.git("config", "--unset", "user.email")
    project.git("config", "user.useConfigOnly", "true")
    project.write("plan.md", shell_plan("touch ran"))

    refused(project, "`git config user.name NAME`", "`git config user.email ADDRESS`")
    works_without_commits(project)


def test_a_run_that_is_refused_begins_no_memory(project: Repo) -> None:
    project.git("switch", "-q", "--detach")
    project.write("plan.md", shell_plan("touch ran"))

    refused(project, "detached HEAD")

    assert not list((project.path / ".peal").glob("plan-*"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--isolation", "none", "--commit"], "`isolation = none` and `commit = true` exclude each other"),
        (["--isolation", "worktree", "--no-commit"], "`isolation = worktree` needs `commit`"),
        (["--address", "as-ready", "--no-commit"], "`address = as-ready` needs worktrees"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(project: Repo, flags: list[str], words: str) -> None:
    project.write("plan.md", shell_plan("touch ran"))

    assert words in project.peal("run", "plan.md", "--agent", "shell", *flags, code=1).stderr


# Odd places.


def test_two_checkouts_of_one_repository_run_the_same_plan_at_once(
    project: Repo, out: Path, tmp_path: Path
) -> None:
    begun = WAIT.replace("$PEAL_TASK", "$(git rev-parse HEAD)")
    commit_plan(project, f"(parallel) {begun}; echo 1 > one", "(parallel) echo 2 > two")
    project.git("worktree", "add", "-q", "-b", "second", str(tmp_path / "zweite Kopie"))
    second = evolve(project, path=tmp_path / "zweite Kopie")
    second.git("commit", "-q", "--allow-empty", "-m", "second")
    processes = start_plan(project), start_plan(second)
    eventually(lambda: len(list(out.glob("begun-*"))) == 2)
    (out / "go").touch()

    for process in processes:
        ended(process, 0)

    for checkout in (project, second):
        assert landed(checkout) == ["1", "2"]
        assert (checkout.path / ".peal/worktrees/1").is_dir()
        assert checkout.git("status", "--porcelain") == ""
    assert branches(project) == []
    assert "second" not in project.git("log", "--format=%s").split()


def test_a_checkout_of_a_bare_repository_will_do(project: Repo, out: Path, tmp_path: Path) -> None:
    commit_plan(project, "(parallel) echo 1 > same", f"(parallel) {mended('echo 2 > same', 'echo 3 > same')}")
    project.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    checkout = evolve(project, path=tmp_path / "checkout")
    subprocess.run(
        ["git", "worktree", "add", "-q", "../checkout", "main"], cwd=tmp_path / "bare.git", check=True
    )
    checkout.git("config", "user.name", "A Person")
    checkout.git("config", "user.email", "person@example.org")

    run_plan(checkout)

    assert landed(checkout) == ["1", "2"]


def test_a_shallow_clone_will_do(project: Repo, tmp_path: Path) -> None:
    commit_plan(project, "(parallel) echo 1 > same", f"(parallel) {mended('echo 2 > same', 'echo 3 > same')}")
    clone = tmp_path / "shallow"
    project.git("clone", "-q", "--depth", "1", f"file://{project.path}", str(clone))
    shallow = evolve(project, path=clone)
    shallow.git("config", "user.name", "A Person")
    shallow.git("config", "user.email", "person@example.org")

    run_plan(shallow)

    assert landed(shallow) == ["1", "2"]
    assert (clone / ".git/shallow").exists()


def test_a_submodule_as_the_repository_will_do(project: Repo, tmp_path: Path) -> None:
    lib = evolve(project, path=with_submodule(project, tmp_path))
    lib.git("switch", "-q", "main")
    lib.git("config", "user.name", "A Person")
    lib.git("config", "user.email", "person@example.org")
    lib.write("plan.md", shell_plan("echo 1 > one", "cat one > two"))
    outer = project.git("rev-parse", "HEAD")

    run_plan(lib)

    assert landed(lib) == ["1", "2"]
    assert project.git("rev-parse", "HEAD") == outer
    assert lib.read("code") == "mine\n"


@pytest.mark.parametrize("how", ["--separate-git-dir=../elsewhere.git", "--object-format=sha256"])
def test_a_repository_may_be_kept_in_other_ways(project: Repo, tmp_path: Path, how: str) -> None:
    other = evolve(project, path=tmp_path / "other")
    other.write(
        "plan.md",
        shell_plan("(parallel) echo 1 > same", f"(parallel) {mended('echo 2 > same', 'echo 3 > same')}"),
    )
    other.git("init", "-q", "-b", "main", how)
    other.git("config", "user.name", "A Person")
    other.git("config", "user.email", "person@example.org")
    other.git("add", ".")
    other.git("commit", "-qm", "first")

    run_plan(other)

    assert landed(other) == ["1", "2"]
    assert is_clean(other)


def test_files_that_git_sees_as_changed_though_nobody_did_are_not_committed(project: Repo) -> None:
    """Line ends that .gitattributes would have otherwise: git may show such files as modified after each checkout."""
    for number in range(20):
        (project.path / f"crlf-{number}").write_bytes(b"a\r\nb\r\n")
    project.git("add", ".")
    commit_plan(project, *("(parallel) true" for _ in range(4)), "echo 1 > one")
    project.write(".gitattributes", "* text=auto\n")
    project.git("add", ".gitattributes")
    project.git("commit", "-qm", "attributes")

    run_plan(project)

    assert landed(project) == ["5"]
    assert project.git("diff", "--name-only", "HEAD^", "HEAD").split() == ["one"]


@pytest.mark.parametrize(
    "words",
    [*later("--cone seen"), "--cone --sparse-index seen", "--no-cone /* !/unseen !/other"],
    ids=lambda words: words,
)
def test_what_a_task_does_outside_of_a_sparse_checkout_lands(project: Repo, words: str) -> None:
    for name in ("seen", "unseen", "other"):
        project.write(f"{name}/file", "before\n")
    project.git("add", ".")
    commit_plan(
        project,
        "mkdir -p unseen; echo after > unseen/file; echo new > unseen/new; echo mine >> unseen/env",
        "(parallel) git sparse-checkout disable; echo after > other/file; cat unseen/new > seen/copy",
        "(parallel) mkdir -p unseen; echo kept > unseen/kept.log",
    )
    project.write(".git/info/exclude", "*.log\n")
    project.write("unseen/env", "an env\n")
    project.git("sparse-checkout", "set", *words.split())

    run_plan(project, "--set", 'worktree_include=["unseen/env"]', "--set", 'commit_ignored=["unseen/*.log"]')

    listed = project.git("ls-tree", "-r", "--name-only", "HEAD", "unseen", "other", "seen").split()
    assert listed == ["other/file", "seen/copy", "seen/file", "unseen/file", "unseen/kept.log", "unseen/new"]
    assert project.git("show", "HEAD:unseen/file", "HEAD:other/file") == "after\nafter\n"
    assert project.git("status", "--porcelain") in ("", "?? unseen/\n", "?? unseen/env\n")


def test_a_sparse_checkout_stays_sparse_and_nothing_is_lost(project: Repo) -> None:
    for name in ("seen/a", "hidden/b"):
        project.write(name, "x\n")
    project.git("add", ".")
    commit_plan(project, "echo 1 > seen/one; mkdir -p hidden new; echo 2 > hidden/two; echo 3 > new/three")
    project.git("sparse-checkout", "set", "seen")

    run_plan(project)

    assert not (project.path / "hidden").exists()
    files = project.git("ls-tree", "-r", "--name-only", "HEAD").split()
    assert files == ["README.md", "hidden/b", "hidden/two", "new/three", "plan.md", "seen/a", "seen/one"]


def with_submodule(project: Repo, tmp_path: Path) -> Path:
    """The repository with a submodule in which the person has changes."""
    library = evolve(project, path=tmp_path / "library")
    library.write("code", "code\n")
    library.git("init", "-q", "-b", "main")
    library.git("add", ".")
    library.git("-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "library")
    project.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.path), "lib")
    project.git("commit", "-qm", "a submodule")
    (project.path / "lib/code").write_text("mine\n")
    (project.path / "lib/new").write_text("mine\n")
    return project.path / "lib"


def test_a_submodule_is_told_of_and_the_person_s_stays_as_it_is(project: Repo, tmp_path: Path) -> None:
    lib = with_submodule(project, tmp_path)
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two")
    at = project.git("-C", "lib", "rev-parse", "HEAD")

    said = run_plan(project)

    assert "submodules" not in said
    assert landed(project) == ["1", "2"]
    assert ((lib / "code").read_text(), (lib / "new").read_text()) == ("mine\n", "mine\n")
    assert project.git("-C", "lib", "rev-parse", "HEAD") == at
    assert project.git("diff", "HEAD~2", "HEAD", "--name-only").split() == ["one", "two"]


def test_a_submodule_that_worktree_setup_fills_can_be_used_and_moved_on(
    project: Repo, out: Path, tmp_path: Path
) -> None:
    lib = with_submodule(project, tmp_path)
    bump = (
        "cat lib/code; cd lib; echo x > x; git add x; "
        "git -c user.name=a -c user.email=b commit -qm x; git push -q origin HEAD:refs/heads/next; cd .."
    )
    commit_plan(project, bump, "echo 2 > two")
    setup = "git -c protocol.file.allow=always submodule update --init --recursive"

    run_plan(project, "--worktree-setup", setup)

    assert landed(project) == ["1", "2"]
    assert (lib / "code").read_text() == "mine\n"
    moved = project.git("rev-parse", "HEAD:lib").strip()
    assert moved == project.git("-C", str(tmp_path / "library"), "rev-parse", "next").strip()


def test_a_plan_in_a_sub_directory_and_peal_started_there(project: Repo) -> None:
    project.write("docs/sub dir/plan.md", shell_plan("echo 1 > one"))
    below = evolve(project, path=project.path / "docs/sub dir")

    below.peal("run", "plan.md", "--agent", "shell")

    assert (project.path / "one").exists()
    trailers = project.git("log", "-1", "--format=%(trailers:key=Peal-Plan,valueonly)", "HEAD^2").strip()
    assert trailers == "docs/sub dir/plan.md"


def test_a_plan_outside_of_the_repository(project: Repo, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(shell_plan("echo 1 > one"))

    project.peal("run", str(tmp_path / "plan.md"), "--agent", "shell")

    assert landed(project) == ["1"]


@pytest.mark.parametrize(
    "name",
    ["plan.lock.md", "ü b.md", *later("-x.md"), "@{.md", "x.lock", *later("..md", "a..b.md", "peal.md")],
)
def test_a_plan_may_have_any_name(project: Repo, name: str) -> None:
    project.write(name, shell_plan("echo 1 > one"))

    project.peal("run", "--agent", "shell", f"./{name}")

    assert landed(project) == ["1"]


def test_a_branch_may_have_any_name(project: Repo) -> None:
    project.git("switch", "-qc", "feature/ü-#1")
    commit_plan(project, "echo 1 > one")

    run_plan(project)

    assert landed(project) == ["1"]


def test_a_tag_or_folder_with_the_branch_s_name_confuses_nobody(project: Repo) -> None:
    commit_plan(project, "echo 1 > one", "echo 2 > two")
    project.git("tag", "main", "HEAD^")
    project.write("main/HEAD", "x\n")

    run_plan(project)

    assert landed(project) == ["1", "2"]


def test_peal_may_be_started_by_a_hook_of_git(project: Repo) -> None:
    commit_plan(project, "echo 1 > one; git add one; git commit -qm x", "echo 2 > two")

    project.peal(
        "run",
        "plan.md",
        "--agent",
        "shell",
        GIT_DIR=".git",
        GIT_INDEX_FILE=".git/index",
        GIT_PREFIX="",
        GIT_WORK_TREE=".",
    )

    assert landed(project) == ["1", "2"]
    assert is_clean(project)


# Agents that do as they like with git.

COMMIT = "git add -A; git -c user.name=Agent -c user.email=agent@x commit -qm 'by the agent'"


def test_what_an_agent_commits_itself_is_folded_into_one_commit(project: Repo) -> None:
    commit_plan(project, f"echo 1 > one; {COMMIT}; echo 2 > two; {COMMIT}; echo 3 > three")

    run_plan(project)

    assert project.git("log", "--format=%an %s", "-2", "HEAD^2").splitlines() == [
        "A Person Task 1: number 1",
        "A Person the plan",
    ]
    assert project.git("diff", "--name-only", "HEAD^", "HEAD").split() == ["one", "three", "two"]


WANDERERS = {
    "stays on another branch": "git checkout -q other; echo 1 > one",
    "stays on a new branch": "git checkout -q -b mine; echo 1 > one",
    "commits on a new branch": f"git checkout -q -b mine; echo 1 > one; {COMMIT}",
    "stays on an orphan": "git checkout -q --orphan mine; echo 1 > one",
    "commits on an orphan": f"git checkout -q --orphan mine; echo 1 > one; {COMMIT}",
    "switches by force": "git checkout -q --ignore-other-worktrees main; echo 1 > one",
    "points HEAD at the person's branch": "git symbolic-ref HEAD refs/heads/main; echo 1 > one",
    "points HEAD at nothing": "git symbolic-ref HEAD refs/heads/nothing; echo 1 > one",
    "goes back": "git reset -q --soft HEAD~1; echo 1 > one",
    "resets hard to another": "git reset -q --hard other; git checkout -q ORIG_HEAD -- .; echo 1 > one",
}


@pytest.mark.parametrize(
    "script",
    sample(
        WANDERERS,
        "stays on another branch",
        "commits on a new branch",
        "commits on an orphan",
        "points HEAD at the person's branch",
    ),
)
def test_branches_that_an_agent_checks_out_do_not_move(project: Repo, script: str) -> None:
    commit_plan(project, f"{script}", "echo 2 > two")
    project.git("branch", "other")
    other = project.git("rev-parse", "other")

    run_plan(project)

    assert project.git("rev-parse", "other") == other
    assert landed(project) == ["1", "2"]
    assert sorted(project.git("ls-files").split()) == ["README.md", "one", "plan.md", "two"]
    assert is_clean(project)


@pytest.mark.parametrize(
    "script",
    sample(
        WANDERERS,
        "stays on an orphan",
        "points HEAD at the person's branch",
        "goes back",
    ),
)
def test_branches_that_an_agent_checks_out_in_address_do_not_move(project: Repo, script: str) -> None:
    commit_plan(
        project,
        "(parallel) echo 1 > same",
        f"(parallel) {mended('echo 2 > same', f'echo 3 > same; git add same; {script}')}",
    )
    project.git("branch", "other")
    other = project.git("rev-parse", "other")

    run_plan(project, code=None)

    assert project.git("rev-parse", "other") == other
    assert "1" in landed(project)
    assert is_clean(project)


INNER = {
    "with a commit": "git init -q inner; cd inner; echo x > x; git add x; git -c user.name=a -c user.email=b commit -qm x; cd ..",
    "without a commit": "git init -q inner; echo x > inner/x",
    "empty": "git init -q inner",
    "added": "git init -q inner; cd inner; git -c user.name=a -c user.email=b commit -q --allow-empty -m x; cd ..; git add inner",
    "deep": "mkdir -p a/b; git init -q a/b/inner; echo x > a/b/inner/x; echo x > a/x",
}


@pytest.mark.parametrize("script", sample(INNER, "with a commit", "without a commit", "added"))
def test_a_repository_that_an_agent_makes_inside_stays_out(project: Repo, script: str) -> None:
    commit_plan(project, f"{script}; echo 1 > one", "[ ! -e inner ]; echo 2 > two")

    run_plan(project)

    files = project.git("ls-files").split()
    assert not [name for name in files if "inner" in name]
    assert {"one", "two"} <= set(files)
    assert is_clean(project)


HALF = {
    "merge": "git merge -q clashing || true",
    "rebase": "git rebase -q clashing || true",
    "cherry-pick": "git cherry-pick clashing || true",
    "bisect": "git bisect start -q; git bisect bad",
    "stash": "git stash -q",
    "index.lock": 'touch "$(git rev-parse --git-path index.lock)"',
    "HEAD.lock": 'touch "$(git rev-parse --git-path HEAD.lock)"',
    "read only files": "mkdir ro; touch ro/x; chmod -R a-w ro",
    "sparse checkout": "git sparse-checkout set --no-cone /one",
    "index gone": 'rm "$(git rev-parse --git-path index)"',
    "index spoiled": 'echo junk > "$(git rev-parse --git-path index)"',
    "skip-worktree": "git update-index --skip-worktree README.md",
    "config of its own": "git config extensions.worktreeConfig true; git config --worktree core.bare true",
}


@pytest.mark.parametrize(
    "script",
    sample(
        HALF,
        *("rebase", "stash", "index.lock", "read only files", "sparse checkout", "config of its own"),
    ),
)
def test_a_worktree_that_an_agent_leaves_in_a_mess_is_clean_for_the_next(project: Repo, script: str) -> None:
    """A task in a mess may fail, but nothing of the person's suffers, and what comes after works on clean files."""
    project.git("switch", "-qc", "clashing")
    project.write("README.md", "theirs\n")
    project.git("commit", "-qam", "theirs")
    project.git("switch", "-q", "main")
    mess = f"echo mine > README.md; {COMMIT}; {script}"
    commit_plan(
        project,
        mess,
        'git status --porcelain; [ -z "$(git status --porcelain)" ]; echo 2 > two; cat README.md',
    )
    clashing = project.git("rev-parse", "clashing")

    run_plan(project, "--continue-with-remaining-tasks", code=None)

    assert "2" in landed(project)
    assert project.git("rev-parse", "clashing") == clashing
    assert "<<<<<<<" not in project.git("show", "HEAD:README.md")
    assert is_clean(project)


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock"])
def test_a_lock_that_an_agent_s_git_leaves_does_not_cost_the_task(project: Repo, lock: str) -> None:
    commit_plan(project, f'echo 1 > one; touch "$(git rev-parse --git-path {lock})"')

    run_plan(project)

    assert landed(project) == ["1"]


DESTROYED = {
    "without its .git": "echo 1 > one; rm .git",
    "with a .git that leads nowhere": "echo 1 > one; echo 'gitdir: /nowhere' > .git",
    "as a repository of its own": "echo 1 > one; rm .git; git init -q; git add .; git -c user.name=a -c user.email=b commit -qm x",
    "empty": "rm -rf ./* .git",
    "not at all": 'cd ..; rm -rf "$PEAL_WORKSPACE"',
    "as a file": 'cd ..; rm -rf "$PEAL_WORKSPACE"; touch "$PEAL_WORKSPACE"',
    "as a link to the person's tree": 'cd ..; rm -rf "$PEAL_WORKSPACE"; ln -s "$REPO" "$PEAL_WORKSPACE"',
    "without its .git, and commits": "echo 1 > one; rm .git; (git add -A; git commit -qm stray; git checkout -qb stray) || true",
    "pruned": "git worktree remove --force --force .",
    "with all others pruned": 'rm -rf ../../worktrees; git -C "$REPO" worktree prune',
}


DESTROYED_AND = {
    f"{name}-{end}": (script, end) for name, script in DESTROYED.items() for end in ("passes", "fails")
}
SOME_DESTROYED = (
    "without its .git",
    "as a link to the person's tree",
    "pruned",
)


@pytest.mark.parametrize(
    ("script", "phase"),
    sample(
        DESTROYED_AND,
        *(
            name
            for name in DESTROYED_AND
            if name.endswith("-passes")
            and name not in ("empty-passes", "as a file-passes", "not at all-passes")
        ),
        "not at all-fails",
        "as a link to the person's tree-fails",
    ),
)
def test_a_worktree_that_an_agent_destroys_is_never_mistaken_for_the_person_s_tree(
    project: Repo, out: Path, script: str, phase: str
) -> None:
    commit_plan(project, script if phase == "passes" else f"{script}; exit 1", "echo 2 > two")
    project.write("README.md", "mine\n")
    project.write("untracked", "mine\n")
    before = refs(project), project.git("diff", "--cached"), project.git("status", "--porcelain")

    run_plan(project, code=1)

    assert (refs(project), project.git("diff", "--cached"), project.git("status", "--porcelain")) == before
    assert landed(project) == []
    assert (project.read("README.md"), project.read("untracked")) == ("mine\n", "mine\n")
    assert "the plan" in project.git("log", "-1", "--format=%s")


@pytest.mark.parametrize("script", sample(DESTROYED, *SOME_DESTROYED))
def test_a_worktree_that_an_agent_destroys_in_address_is_never_mistaken_for_the_person_s_tree(
    project: Repo, out: Path, script: str
) -> None:
    commit_plan(
        project,
        "(parallel) echo 1 > same",
        f"(parallel) {mended('echo 2 > same', f'echo 3 > same; {script}')}",
    )
    project.write("README.md", "mine\n")
    project.write("untracked", "mine\n")
    before = project.git("status", "--porcelain")

    run_plan(project, "--conflict-retry", "0", code=1)

    assert project.git("symbolic-ref", "HEAD") == "refs/heads/main\n"
    assert project.git("status", "--porcelain") == before
    assert project.git("show", "HEAD:same") == "1\n"
    assert landed(project) == ["1"]
    assert project.read("README.md") == "mine\n"


@pytest.mark.parametrize("script", sample(DESTROYED, *SOME_DESTROYED))
def test_a_destroyed_worktree_is_made_anew_for_the_next_attempt(
    project: Repo, out: Path, script: str
) -> None:
    commit_plan(project, f"if [ $PEAL_ATTEMPT = 1 ]; then {script}; exit 1; fi; echo 1 > one")

    run_plan(project, "--phase-retry-count", "1")

    assert landed(project) == ["1"]
    assert is_clean(project)


# Readied worktrees.


def test_worktree_setup_runs_once_in_each_worktree(project: Repo, out: Path) -> None:
    commit_plan(project, *("(parallel) cat node_modules/made" for _ in range(5)), "cat node_modules/made")
    project.write(".git/info/exclude", "node_modules\n")
    setup = "sh -c 'pwd >> \"$OUT/setups\"; mkdir -p node_modules; touch node_modules/made stray'"

    run_plan(project, "--max-parallel", "2", "--worktree-setup", setup)

    places = (out / "setups").read_text().splitlines()
    assert len(places) == len(set(places))
    assert {Path(place).name for place in places} <= {"1", "2", "address"}
    assert "stray" not in project.git("ls-files").split()


def test_reviewers_find_what_worktree_setup_made(project: Repo) -> None:
    project.write(".git/info/exclude", "made\npeal.toml\n")
    project.write("peal.toml", '[[reviewers]]\nname = "made"\ncommand = "test -e made"\n')
    commit_plan(project, "touch one")

    run_plan(project, "--worktree-setup", "touch made")

    assert landed(project) == ["1"]


def test_worktree_setup_runs_again_when_it_is_another_command(project: Repo, out: Path) -> None:
    project.write(".git/info/exclude", "a\nb\n")
    commit_plan(project, "ls a; touch one")
    run_plan(project, "--worktree-setup", "touch a")
    project.write("plan.md", shell_plan("ls a; touch one", "ls b; touch two"))

    run_plan(project, "--worktree-setup", "touch b")

    assert landed(project) == ["1", "2"]


def test_files_may_be_called_like_what_git_takes_for_commits(project: Repo) -> None:
    for name in ("HEAD", "main", "FETCH_HEAD", "-q", ":(top)x"):
        project.write(name, "1\n")
    project.git("add", "--", ".")
    commit_plan(
        project,
        "for name in *; do echo 2 > ./$name; done",
        "(parallel) echo 3 > HEAD",
        "(parallel) echo 3 > main",
    )

    run_plan(project, "--worktree-setup", "touch made")

    assert project.read(":(top)x") == project.read("-q") == "2\n"
    assert project.read("HEAD") == project.read("main") == "3\n"
    assert "-1" in project.peal("diff", "1").stdout


def test_worktree_setup_that_fails_fails_the_task_with_its_words(project: Repo) -> None:
    commit_plan(project, "touch ran")

    said = run_plan(project, "--worktree-setup", "sh -c 'echo no network >&2; exit 3'", code=1)

    assert "`worktree_setup`: exit status 3: no network" in said
    assert landed(project) == []


def test_worktree_setup_that_is_no_program_fails_the_task_with_its_name(project: Repo) -> None:
    commit_plan(project, "touch ran")

    assert "no-such-program" in run_plan(project, "--worktree-setup", "no-such-program", code=1)


def test_worktree_setup_that_failed_runs_again_with_the_next_attempt(project: Repo, out: Path) -> None:
    commit_plan(project, "touch one")
    setup = "sh -c '[ -e \"$OUT/fixed\" ]'"
    run_plan(project, "--worktree-setup", setup, code=1)
    (out / "fixed").touch()

    project.peal("resume")

    assert landed(project) == ["1"]


def test_included_files_are_there_and_never_committed(project: Repo) -> None:
    project.write(".env", "SECRET=1\n")
    project.write("conf dir/local ü.ini", "mine\n")
    project.write("peal.toml", 'worktree_include = [".env", "conf dir", "peal.toml"]\n')
    check = 'grep SECRET=1 .env; cat "conf dir/local ü.ini"; echo changed >> .env'
    commit_plan(
        project, f"{check}; echo 1 > one; {COMMIT}", f"{check}; git add -f .env; echo 2 > two", "true"
    )

    run_plan(project)

    assert project.git("ls-files").split() == ["README.md", "one", "plan.md", "two"]
    assert project.read(".env") == "SECRET=1\n"
    assert landed(project) == ["1", "2"]


def test_included_files_are_there_for_reviewers_and_in_conflicts(project: Repo) -> None:
    project.write(".env", "SECRET=1\n")
    project.write(
        "peal.toml",
        'worktree_include = [".env"]\n[[reviewers]]\nname = "env"\ncommand = "grep -q SECRET=1 .env"\n',
    )
    commit_plan(
        project,
        "(parallel) echo 1 > same",
        f"(parallel) {mended('echo 2 > same', 'cat .env; git add -A; echo 3 > same')}",
    )

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert project.git("ls-files").split() == ["README.md", "plan.md", "same"]


def test_a_file_to_include_that_is_not_there_is_refused(project: Repo) -> None:
    project.write("peal.toml", 'worktree_include = [".env"]\n')
    commit_plan(project, "touch ran")

    assert "there is no `.env`" in run_plan(project, code=1)


@pytest.mark.parametrize("pattern", ["../out/secret", "/etc/hostname", "out-link", "*"])
def test_what_is_included_lies_in_the_repository(project: Repo, out: Path, pattern: str) -> None:
    """A pattern that matches more than files of the person's leads neither outside nor into git's or peal's own folders."""
    (out / "secret").write_text("x")
    (project.path / "out-link").symlink_to(out)
    project.write("peal.toml", f'worktree_include = ["{pattern}"]\n')
    commit_plan(project, "ls -a; [ ! -e .peal ]; [ -f .git ]; [ ! -e ../out/secret ]; touch one")

    done = project.peal("run", "plan.md", "--agent", "shell", code=None)

    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)
    assert is_clean(project) or project.git("status", "--porcelain").split() == [
        "??",
        "out-link",
        "??",
        "peal.toml",
    ]


def test_ignored_folders_survive_from_task_to_task(project: Repo) -> None:
    project.write(".gitignore", "cache/\n")
    project.git("add", ".gitignore")
    commit_plan(
        project,
        "mkdir cache; touch cache/x leftover; rm leftover",
        "ls cache/x; [ ! -e leftover ]; touch two",
    )

    run_plan(project)

    assert landed(project) == ["2"]


def test_the_first_start_says_what_worktrees_will_lack_and_what_to_set(project: Repo) -> None:
    project.write(".gitignore", "node_modules/\n.env\n.venv\n")
    project.git("add", ".gitignore")
    for name in ("node_modules/a/x", "web/node_modules/b", ".env", ".venv/x"):
        project.write(name, "x\n")
    commit_plan(project, "[ -e ok ]")

    said = run_plan(project, code=1)

    assert re.search(r"worktrees lack `node_modules`.*worktree_setup = \"npm ci\"", said)
    assert re.search(r"worktrees lack `.env`.*worktree_include = \[\".env\"\]", said)
    assert "worktrees lack `.venv`" in said
    assert "worktrees lack" not in project.peal("resume", code=1).stdout
    assert "worktrees lack" not in run_plan(project, "--fresh", "--worktree-setup", "true", code=1)


def test_where_the_hint_would_not_fit_it_names_the_setting_for_the_lock_file(project: Repo) -> None:
    project.write(".gitignore", "node_modules/\n")
    project.write("pnpm-lock.yaml", "")
    project.write("node_modules/x", "")
    project.git("add", ".gitignore", "pnpm-lock.yaml")
    commit_plan(project, "touch one")

    assert 'worktree_setup = "pnpm install --frozen-lockfile"' in run_plan(project)


# The shared tree.


def test_tasks_side_by_side_in_the_shared_tree_are_warned_of(project: Repo) -> None:
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")

    said = run_plan(project, "--no-commit")

    assert "tasks that run side by side share your tree and can overwrite each other's work" in said
    assert (project.path / "one").exists()
    assert not (project.path / ".peal/worktrees").exists()
    assert landed(project) == []


@pytest.mark.parametrize("flags", [["--no-commit", "--no-parallel"], ["--no-commit", "--max-parallel", "1"]])
def test_tasks_one_after_another_in_the_shared_tree_need_no_warning(project: Repo, flags: list[str]) -> None:
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")

    assert "share your tree" not in run_plan(project, *flags)


def test_isolation_none_works_in_the_person_s_tree(project: Repo) -> None:
    commit_plan(project, "touch one")

    run_plan(project, "--isolation", "none")

    assert (project.path / "one").exists()
    assert landed(project) == []


@pytest.mark.parametrize(
    ("first", "then"), [("--no-commit", "--commit"), *later(("--commit", "--no-commit"))]
)
def test_a_task_that_was_carried_out_one_way_is_not_finished_the_other(
    project: Repo, first: str, then: str
) -> None:
    project.write("peal.toml", '[[reviewers]]\nname = "no"\ncommand = "test -e ok"\n')
    project.write(".git/info/exclude", "peal.toml\n")
    commit_plan(project, "[ ! -e one ]; touch one ok2")
    run_plan(project, first, code=1)

    done = project.peal("resume", then, code=1)

    assert "task 1 was carried out" in done.stderr
    assert f"pass {first} to finish it there" in done.stderr
    assert "`peal redo 1`" in done.stderr


def test_after_redo_the_other_way_is_open(project: Repo) -> None:
    project.write("peal.toml", '[[reviewers]]\nname = "no"\ncommand = "test -e ok"\n')
    project.write(".git/info/exclude", "peal.toml\n")
    commit_plan(project, "touch one; [ $PEAL_ATTEMPT = 1 ] || touch ok")
    run_plan(project, code=1)
    project.peal("redo", "1")

    project.peal("resume", "--no-commit")

    assert (project.path / "one").exists()


def test_a_failed_task_may_go_on_the_other_way(project: Repo) -> None:
    """It failed in `execute`, so that nothing of it is anywhere."""
    commit_plan(project, "[ $PEAL_ATTEMPT = 2 ]; touch one")
    run_plan(project, code=1)

    project.peal("resume", "--no-commit")

    assert (project.path / "one").exists()


# Looking only.


def test_a_rehearsal_makes_nothing(project: Repo) -> None:
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")
    before = refs(project)

    said = run_plan(project, "--dry-run")

    assert refs(project) == before
    assert not (project.path / ".peal").exists()
    assert "task 1 land: into `main`" in said
    assert project.git("worktree", "list").count("\n") == 1


def test_a_rehearsal_says_where_agents_would_work(project: Repo) -> None:
    commit_plan(project, "touch one")

    assert str(project.path / ".peal/worktrees") in run_plan(project, "--dry-run")


# Cut off.


def test_a_run_that_was_killed_leaves_worktrees_that_the_next_one_can_use(project: Repo, out: Path) -> None:
    commit_plan(
        project,
        f"(parallel) echo 1 > one; git add one; {WAIT}",
        f"(parallel) git merge -q --no-commit HEAD; {WAIT}; echo 2 > two",
    )
    process = start_plan(project)
    eventually(lambda: len(list(out.glob("begun-*"))) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    for path in (project.path / ".git/worktrees").iterdir():
        (path / "index.lock").touch()
    (out / "go").touch()

    project.peal("resume")

    assert landed(project) == ["1", "2"]
    assert is_clean(project)
    assert branches(project) == []


def test_worktrees_that_somebody_has_removed_are_made_again(project: Repo) -> None:
    commit_plan(project, "echo 1 > one; [ $PEAL_ATTEMPT = 2 ]")
    run_plan(project, code=1)
    subprocess.run(["rm", "-rf", str(project.path / ".peal/worktrees")], check=True)

    project.peal("resume")

    assert landed(project) == ["1"]


def test_the_journal_names_the_worktree_and_its_base(project: Repo) -> None:
    commit_plan(project, "touch one")
    head = project.git("rev-parse", "HEAD").strip()

    run_plan(project)

    events = [json.loads(line) for line in (project.memory() / "journal.jsonl").read_text().splitlines()]
    ready = [event for event in events if event["event"] == "WorkspaceReady"]
    assert {event["base"] for event in ready} == {head}
    assert {Path(event["path"]).parent for event in ready} == {project.path / ".peal/worktrees"}


def test_a_worktree_that_somebody_removed_is_readied_again(project: Repo, out: Path) -> None:
    project.write("peal.toml", "worktree_setup = '''sh -c 'echo x >> \"$OUT/setups\"' '''\n")
    commit_plan(project, "echo 1 > one", "echo 2 > two")
    run_plan(project, "--task", "1")
    subprocess.run(["rm", "-rf", str(project.path / ".peal/worktrees/1")], check=True)

    run_plan(project)

    assert (out / "setups").read_text() == "x\nx\n"


def test_an_included_symbolic_link_is_copied_for_each_task(project: Repo) -> None:
    project.write(".gitignore", "link\n")
    project.git("add", ".gitignore")
    (project.path / "link").symlink_to("README.md")
    project.write("peal.toml", 'worktree_include = ["link"]\n')
    commit_plan(project, "cat link > one", "cat link > two")

    run_plan(project)

    assert project.read("two") == "A project.\n"


def test_a_linked_worktree_may_have_a_line_end_in_its_path(project: Repo) -> None:
    linked = evolve(project, path=project.path.parent / "two\nlines")
    project.git("worktree", "add", "-q", "-b", "linked", str(linked.path))
    commit_plan(linked, "echo 1 > one")

    run_plan(linked)

    assert landed(linked) == ["1"]


def test_work_that_cannot_be_made_a_patch_is_kept_whole_and_the_task_says_where(
    project: Repo, out: Path
) -> None:
    project.write(".gitattributes", "half filter=failing\n")
    project.git("add", ".gitattributes")
    project.git("config", "filter.failing.clean", 'cat && [ ! -e "$OUT/broken" ]')
    commit_plan(project, 'echo precious > half; touch "$OUT/broken"; exit 1')
    project.git("config", "filter.failing.required", "true")

    said = run_plan(project, code=1)

    (kept,) = project.path.glob(".peal/worktrees/1.kept-*/half")
    assert kept.read_text() == "precious\n"
    assert str(kept.parent) in said
