"""Results that land in a branch of their own, wherever it is checked out: all that holds for landing holds there too."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve, frozen
from conftest import WAIT, Repo, branches, commit_plan, ended, eventually, later, run_plan, sample, start_plan
from test_land_whole import CUT_OFF, KILL_BOTH, KILL_GIT

from peal.system.layout import RepoPaths

BRANCH = "neu/größe"
HERE, NOWHERE, ELSEWHERE = "here", "nowhere", "elsewhere"
TREES = (HERE, ELSEWHERE)


@frozen
class Place:
    """A branch, and the tree that it is checked out in, if it is in one."""

    project: Repo
    where: str
    other: Path

    @property
    def tree(self) -> Repo | None:
        """Where a person may be at work on it."""
        path = {HERE: self.project.path, ELSEWHERE: self.other}.get(self.where)
        return evolve(self.project, path=path) if path else None

    def begin(self) -> None:
        """The branch is there, on the commit that is checked out."""
        if self.where == HERE:
            self.project.git("switch", "-qc", BRANCH)
        elif self.where == ELSEWHERE:
            self.project.git("worktree", "add", "-q", "-b", BRANCH, str(self.other))
        else:
            self.project.git("branch", BRANCH)

    def run(self, *flags: str, code: int | None = 0) -> str:
        """What a run says."""
        return run_plan(self.project, "--branch", BRANCH, *flags, code=code)

    @property
    def tasks(self) -> list[str]:
        """The numbers of the tasks whose commits are in the branch, one for each commit."""
        trailers = "--format=%(trailers:key=Peal-Task,valueonly,separator=)"
        return sorted(self.project.git("log", trailers, BRANCH).split())

    def show(self, name: str) -> str:
        """What a file holds in the branch."""
        return self.project.git("show", f"{BRANCH}:{name}")

    def is_whole(self) -> bool:
        """Whether the tree, if there is one, is what the branch holds."""
        return not self.tree or self.tree.git("status", "--porcelain") == ""


@pytest.fixture(params=[HERE, NOWHERE, ELSEWHERE])
def place(request: pytest.FixtureRequest, project: Repo, out: Path) -> Place:
    """A branch of the three kinds."""
    return Place(project, request.param, out.parent / "anderer bäum")


@pytest.fixture
def nowhere(project: Repo, out: Path) -> Place:
    """A branch that is checked out nowhere, or not even there."""
    return Place(project, NOWHERE, out.parent / "anderer bäum")


@pytest.fixture
def elsewhere(project: Repo, out: Path) -> Place:
    """A branch that is checked out in another worktree."""
    return Place(project, ELSEWHERE, out.parent / "anderer bäum")


def of_the_person(project: Repo) -> tuple[object, ...]:
    """HEAD, index and tree, byte for byte."""
    folder = Path(project.git("rev-parse", "--absolute-git-dir").strip())
    files = {
        str(path.relative_to(project.path)): (path.lstat().st_mode, path.read_bytes())
        for path in project.path.rglob("*")
        if path.is_file() and not {".git", ".peal"} & set(path.relative_to(project.path).parts)
    }
    return files, (folder / "HEAD").read_bytes(), (folder / "index").read_bytes()


def review_by(project: Repo, script: str) -> None:
    """Let a script judge every change."""
    path = project.path.parent / "review.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    command = json.dumps(f"'{path}'")
    project.write("peal.toml", f'[[reviewers]]\nname = "tests"\ncommand = {command}\n')
    (project.path / ".git/info/exclude").write_text("peal.toml\n")


# Landing, wherever the branch is.


def test_each_task_lands_once_with_the_tree_and_nothing_else_is_touched(place: Place) -> None:
    project = place.project
    commit_plan(project, "(parallel) echo 1 > one", "(parallel) echo 2 > two", "cat one two > three")
    place.begin()
    before, main = of_the_person(project), project.git("rev-parse", "main")

    said = place.run()

    assert place.tasks == ["1", "2", "3"]
    assert place.show("three") == "1\n2\n"
    assert said.count(f"landed in `{BRANCH}`") == 3
    assert f"`git log --first-parent {BRANCH}`" in said or f"`git log --first-parent '{BRANCH}'`" in said
    assert branches(project) == []
    assert place.is_whole()
    assert project.git("rev-parse", "main") == main
    assert (of_the_person(project) == before) == (place.where != HERE)
    assert not list((project.path / ".peal").glob("landing.[!l]*"))


@pytest.mark.parametrize("place", [*later(HERE), NOWHERE, ELSEWHERE], indirect=True)
def test_a_conflict_is_solved_by_doing_the_task_again(place: Place) -> None:
    commit_plan(place.project, "(parallel) echo 1 > same", "(parallel) echo 2 > same")
    place.begin()

    place.run()

    assert place.tasks == ["1", "2"]
    assert place.show("same") == "2\n"
    assert place.is_whole()


@pytest.mark.parametrize("place", [HERE, NOWHERE, *later(ELSEWHERE)], indirect=True)
def test_a_branch_that_moves_after_the_review_is_merged_and_reviewed_again(place: Place) -> None:
    """The reviewer itself plays the person, so that the commit comes between `address` and `land`."""
    project = place.project
    tree = str(place.tree.path) if place.tree else ""
    in_tree = f"cd '{tree}' && echo mine > mine && git add mine && git commit -qm mine"
    made = f'git -C "$REPO" commit-tree -p {BRANCH} -m mine {BRANCH}^{{tree}}'
    moves = in_tree if tree else f'git -C "$REPO" update-ref refs/heads/{BRANCH} $({made})'
    review_by(
        project, f'unset GIT_DIR; [ -e "$OUT/done" ] && exit 0; touch "$OUT/done"; ls > "$OUT/x"; {moves}'
    )
    commit_plan(project, "echo 1 > one")
    place.begin()

    said = place.run()

    assert f"`{BRANCH}` has moved on" in said
    assert place.tasks == ["1"]
    assert project.git("log", "--format=%s", BRANCH).splitlines().count("mine") == 1
    assert place.is_whole()


def test_what_is_in_the_way_holds_the_landing_and_resume_lands_without_doing_the_task_again(
    place: Place, out: Path
) -> None:
    commit_plan(place.project, 'echo ran >> "$OUT/ran"; echo 1 > one')
    place.begin()
    lock = place.project.path / f".git/refs/heads/{BRANCH}.lock"
    mine = place.tree.path / "one" if place.tree else lock
    mine.write_text("mine\n")
    if not place.tree:
        os.utime(mine, (1e9, 1e9))

    said = place.run(code=4)

    assert mine.read_text() == "mine\n"
    assert "task 1 is held" in said
    assert ("your own `one` would be overwritten" if place.tree else f"rm '{lock}'") in said
    assert (f"in `{place.other}`" in said) == (place.where == ELSEWHERE)
    assert place.tasks == []
    mine.unlink()
    place.project.peal("resume")
    assert place.tasks == ["1"]
    assert (out / "ran").read_text() == "ran\n"
    assert place.is_whole()


@pytest.mark.parametrize(("how", "code"), [*later((KILL_BOTH, -9)), (KILL_GIT, 4)])
@pytest.mark.parametrize("place", [ELSEWHERE], indirect=True)
def test_what_git_has_begun_in_a_tree_is_taken_back_and_lands_later(
    place: Place, out: Path, how: str, code: int
) -> None:
    """In the person's own tree see tests/test_land_whole.py."""
    project = place.project
    for name in ("aaa", "ccc", "mmm", "zzz"):
        project.write(name, "old\n")
    filtered(project, out, place.other, how)
    project.git("add", ".")
    commit_plan(project, "for f in aaa bbb mmm new/nnn zzz; do mkdir -p new; echo new > $f; done; rm ccc")
    place.begin()
    (place.other / "mine").write_text("mine\n")
    tree = evolve(project, path=place.other)
    before, own = of_the_person(tree)[0], of_the_person(project)
    (out / "armed").touch()

    said = place.run(code=code)
    if code == -9:
        said = project.peal("redo", "1", "--from", "address").stdout

    assert of_the_person(tree)[0] == before
    assert of_the_person(project) == own
    assert "put back" in said or "taken back" in said, said
    project.peal("resume")
    assert place.tasks == ["1"]
    assert tree.git("status", "--porcelain") == "?? mine\n"
    assert not list((project.path / ".peal").glob("landing.[!l]*"))


def filtered(project: Repo, out: Path, tree: Path, how: str) -> None:
    """A filter for `mmm` that lets the git that has started it come to grief, once it is armed, in this tree alone."""
    (out / "smudge").write_text(CUT_OFF.replace('"$REPO"', f'"{tree}"', 1).format(how))
    (out / "smudge").chmod(0o755)
    project.write(".gitattributes", "mmm filter=gate\n")
    project.git("config", "filter.gate.smudge", str(out / "smudge"))
    project.git("config", "filter.gate.clean", "cat")
    project.git("config", "filter.gate.required", "true")


def test_a_worktree_that_is_gone_has_nothing_left_to_be_taken_back(elsewhere: Place, out: Path) -> None:
    project = elsewhere.project
    project.write("mmm", "old\n")
    filtered(project, out, elsewhere.other, KILL_BOTH)
    project.git("add", ".")
    commit_plan(project, "echo new > aaa; echo new > mmm")
    elsewhere.begin()
    (out / "armed").touch()
    elsewhere.run(code=-9)
    project.git("worktree", "remove", "--force", "--force", str(elsewhere.other))

    said = project.peal("resume").stdout

    assert "cut off" not in said
    assert elsewhere.tasks == ["1"]


KILLER = """\
# git, but for the one that moves branches: there it kills peal before a branch is moved, or right after.
import os, subprocess, sys
git, when, branch, armed = {git!r}, {when!r}, {branch!r}, {armed!r}
if sys.argv[-3:] != ["-m", "peal", "--stdin"] or not os.path.exists(armed):
    os.execv(git, ["git", *sys.argv[1:]])
peal = os.getppid()
real = subprocess.Popen([git, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
for line in sys.stdin:
    meant = line.startswith("update refs/heads/" + branch + " ")
    if meant and when == "before":
        os.kill(peal, 9)
        sys.exit(1)
    real.stdin.write(line)
    real.stdin.flush()
    if line == "start\\n":
        is_meant = False
    is_meant = is_meant or meant
    if line in ("start\\n", "commit\\n"):
        answer = real.stdout.readline()
        if line == "commit\\n" and is_meant:
            os.kill(peal, 9)
            sys.exit(1)
        sys.stdout.write(answer)
        sys.stdout.flush()
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_peal_that_is_killed_as_it_moves_the_branch_goes_on_and_lands_once(
    nowhere: Place, out: Path, when: str
) -> None:
    project = nowhere.project
    commit_plan(project, 'echo ran >> "$OUT/ran"; echo 1 > one', "echo 2 > two")
    nowhere.begin()
    real = shutil.which("git")
    assert real
    (out / "bin").mkdir()
    words = {
        "git": real,
        "when": when,
        "branch": BRANCH,
        "armed": str(out / "armed"),
    }
    (out / "killer.py").write_text(KILLER.format(**words))
    # The first line of a program cannot name an interpreter with a blank in its path.
    (out / "bin/git").write_text(
        f'#!/bin/sh\nexec {shlex.join([sys.executable, str(out / "killer.py")])} "$@"\n'
    )
    (out / "bin/git").chmod(0o755)
    (out / "armed").touch()
    path = project.env.get("PATH", os.environ["PATH"])
    flags = ("plan.md", "--agent", "shell", "--branch", BRANCH)

    project.peal("run", *flags, code=-9, PATH=f"{out / 'bin'}{os.pathsep}{path}")

    assert nowhere.tasks == (["1"] if when == "after" else [])
    said = project.peal("resume").stdout
    assert nowhere.tasks == ["1", "2"]
    assert (out / "ran").read_text() == "ran\n"
    assert branches(project) == []
    assert "2 of 2 tasks complete" in said


@pytest.mark.parametrize("place", [HERE, NOWHERE, *later(ELSEWHERE)], indirect=True)
def test_hooks_look_at_what_lands_and_are_told_the_branch(place: Place, out: Path) -> None:
    project = place.project
    for name, script in {
        "pre-commit": 'git diff --cached --name-only >> "$OUT/seen"',
        "reference-transaction": f'while read old new ref; do echo "$ref" >> "$OUT/$1"; [ "$ref" != refs/heads/{BRANCH} ] || [ -e "$OUT/may" ]; done',
    }.items():
        (project.path / ".git/hooks").mkdir(exist_ok=True)
        path = project.write(f".git/hooks/{name}", f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    (out / "may").touch()
    commit_plan(project, "echo 1 > one")
    place.begin()
    (out / "seen").unlink()
    (out / "may").unlink()

    said = place.run(code=4)

    assert f"hook `reference-transaction` does not let `{BRANCH}` move" in said
    assert (out / "seen").read_text().split() == ["one"]
    (out / "may").touch()
    project.peal("resume")
    assert place.tasks == ["1"]
    assert place.is_whole()


def bare(project: Repo) -> Repo:
    """A bare repository, in whose linked worktree peal is started."""
    folder = project.path.parent / "bare.git"
    project.git("clone", "-q", "--bare", ".", str(folder))
    made = evolve(project, path=folder)
    made.git("config", "user.name", "A Person")
    made.git("config", "user.email", "person@example.org")
    made.git("worktree", "add", "-q", "-b", "work", "../linked", "main")
    return evolve(project, path=project.path.parent / "linked")


def in_dot_git(project: Repo) -> Repo:
    """The same with the bare repository in a folder `.git`."""
    linked = bare(project)
    folder = project.path.parent / "around"
    folder.mkdir()
    (project.path.parent / "bare.git").rename(folder / ".git")
    (linked.path / ".git").write_text(f"gitdir: {folder / '.git'}/worktrees/linked\n")
    return linked


def packed(project: Repo) -> Repo:
    """A repository whose branches lie in one file."""
    project.git("branch", BRANCH)
    project.git("pack-refs", "--all")
    return project


def sha256(project: Repo) -> Repo:
    """A repository whose objects have long names."""
    config = project.read(".git/config")
    shutil.rmtree(project.path / ".git")
    project.git("init", "-q", "-b", "main", "--object-format=sha256")
    own = config[config.index("[user]") :]
    with (project.path / ".git/config").open("a") as file:
        file.write(own)
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    return project


def linked(project: Repo) -> Repo:
    """A worktree of a repository, in which peal is started."""
    project.git("worktree", "add", "-q", "-b", "work", "../linked")
    return evolve(project, path=project.path.parent / "linked")


def of_another_worktree(project: Repo) -> Repo:
    """The same, and the branch is checked out in the first one."""
    found = linked(project)
    project.git("switch", "-qc", BRANCH)
    return found


KINDS = (bare, in_dot_git, packed, sha256, linked, of_another_worktree)


@pytest.mark.parametrize(
    ("kind", "name"),
    sample(
        {f"{kind.__name__}-{name}": (kind, name) for kind in KINDS for name in (BRANCH, "main")},
        *(f"{kind.__name__}-{BRANCH}" for kind in KINDS),
        f"{KINDS[0].__name__}-main",
    ),
)
def test_repositories_of_all_kinds_get_results_into_a_branch(
    project: Repo, out: Path, kind: Callable[[Repo], Repo], name: str
) -> None:
    commit_plan(project, "echo 1 > one", "cat one > two")
    repo = kind(project)
    before = of_the_person(repo)

    run_plan(repo, "--branch", name)

    assert repo.git("show", f"{name}:two") == "1\n"
    is_here = repo.git("branch", "--show-current").strip() == name
    assert (of_the_person(repo) == before) != is_here
    for tree in (repo, project):
        assert tree.git("status", "--porcelain") == ""


@pytest.mark.parametrize("place", [*later(HERE), NOWHERE, ELSEWHERE], indirect=True)
def test_a_submodule_that_a_task_moves_is_moved_in_the_branch(place: Place) -> None:
    project = place.project
    project.env |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
    }
    library = evolve(project, path=project.path.parent / "library")
    library.write("code", "code\n")
    library.git("init", "-q", "-b", "main")
    for key, value in (("user.name", "A"), ("user.email", "a@b"), ("receive.denyCurrentBranch", "ignore")):
        library.git("config", key, value)
    library.git("add", ".")
    library.git("commit", "-qm", "first")
    project.git("submodule", "add", "-q", str(library.path), "lib")
    project.git("-C", "lib", "config", "user.name", "A")
    project.git("-C", "lib", "config", "user.email", "a@b")
    commit_plan(
        project,
        "cd lib; echo new > code; git commit -qam x; git push -qf origin HEAD:refs/heads/x; cd ..",
        "cat lib/code > seen",
    )
    place.begin()

    place.run()

    assert place.tasks == ["1", "2"]
    assert place.show("seen") == "new\n"
    assert project.git("rev-parse", f"{BRANCH}:lib") == library.git("rev-parse", "x")


# A branch of its own, and a person who does as they like.


def merge_under_way(project: Repo) -> None:
    """With a conflict."""
    project.git("switch", "-qc", "other")
    project.write("README.md", "theirs\n")
    project.git("commit", "-qam", "theirs")
    project.git("switch", "-q", "main")
    project.write("README.md", "ours\n")
    project.git("commit", "-qam", "ours")
    subprocess.run(
        ["git", "merge", "-q", "other"], check=False, cwd=project.path, env=project.env, capture_output=True
    )


def rebase_under_way(project: Repo) -> None:
    """Of another branch."""
    merge_under_way(project)
    project.git("merge", "--abort")
    subprocess.run(
        ["git", "rebase", "-q", "other"], check=False, cwd=project.path, env=project.env, capture_output=True
    )


def detached(project: Repo) -> None:
    """HEAD, with things staged, half staged, untracked."""
    project.git("switch", "-q", "--detach")
    project.write("staged", "staged\n")
    project.git("add", "staged")
    project.write("staged", "both\n")
    project.write("one", "mine\n")


@pytest.mark.parametrize(
    "busy", [merge_under_way, rebase_under_way, detached], ids=lambda busy: busy.__name__
)
def test_whatever_a_person_is_in_the_middle_of_is_not_touched(
    nowhere: Place, busy: Callable[[Repo], None]
) -> None:
    project = nowhere.project
    commit_plan(project, "echo 1 > one", "cat one > two")
    busy(project)
    before = of_the_person(project), project.git("status", "--porcelain", "--branch")

    said = nowhere.run("--base", "main")

    assert (of_the_person(project), project.git("status", "--porcelain", "--branch")) == before
    assert nowhere.show("two") == "1\n"
    assert f"made branch `{BRANCH}` at {project.git('rev-parse', 'main')[:10]}" in said


def test_a_person_who_comes_to_the_branch_meanwhile_and_goes_gets_what_lands_then(
    nowhere: Place, out: Path
) -> None:
    """Two tasks land: one while the branch is checked out, one when it is not any more."""
    project = nowhere.project
    commit_plan(project, f"{WAIT}; echo 1 > one", f"rm $OUT/go; {WAIT}; echo 2 > two")
    nowhere.begin()
    process = start_plan(project, "--branch", BRANCH)
    eventually((out / "begun-1").exists)
    project.git("switch", "-q", BRANCH)
    (out / "go").touch()
    eventually((out / "begun-2").exists)
    first = of_the_person(project)[0]
    assert project.git("status", "--porcelain") == ""
    project.git("switch", "-q", "main")
    (out / "go").touch()

    ended(process, 0)

    assert "one" in first
    assert not (project.path / "one").exists()
    assert nowhere.tasks == ["1", "2"]
    assert project.git("status", "--porcelain") == ""


def test_a_switch_to_the_branch_in_the_moment_of_its_landing_ends_with_the_tree_it_holds(
    nowhere: Place, out: Path
) -> None:
    """A filter of the person's keeps their git in the middle of the switch until the branch has moved."""
    project = nowhere.project
    (out / "smudge").write_text(
        f'#!/bin/sh\nif [ "$(pwd -P)" = "$REPO" ] && [ -e "$OUT/armed" ]; then\n'
        f'touch "$OUT/midway"; for i in $(seq 500); do [ "$(git rev-parse {BRANCH})" != "$(cat "$OUT/before")" ] && break; '
        "sleep 0.01; done; fi\ncat\n"
    )
    (out / "smudge").chmod(0o755)
    project.git("config", "filter.gate.smudge", str(out / "smudge"))
    project.write(".gitattributes", "mmm filter=gate\n")
    project.git("add", ".")
    commit_plan(project, f"{WAIT}; echo 1 > one; git mv README.md moved")
    nowhere.begin()
    project.write("mmm", "only in main\n")
    project.git("add", "mmm")
    project.git("commit", "-qm", "only in main")
    project.git("switch", "-qc", "third", BRANCH)
    project.write("mmm", "only in third\n")
    project.git("add", "mmm")
    project.git("commit", "-qm", "third")
    project.git("branch", "-f", BRANCH, "third")
    project.git("switch", "-q", "main")
    process = start_plan(project, "--branch", BRANCH)
    eventually((out / "begun-1").exists)
    (out / "before").write_text(project.git("rev-parse", BRANCH).strip())
    (out / "armed").touch()
    person = subprocess.Popen(["git", "switch", "-q", BRANCH], cwd=project.path, env=project.env)
    eventually((out / "midway").exists)
    (out / "go").touch()

    ended(process, 0)

    assert person.wait(20) == 0
    assert project.git("branch", "--show-current").strip() == BRANCH
    assert project.git("status", "--porcelain") == ""
    assert (project.path / "one").exists()
    assert nowhere.tasks == ["1"]


def test_resume_goes_on_in_the_branch_whatever_is_checked_out(nowhere: Place, out: Path) -> None:
    project = nowhere.project
    project.git("branch", "other")
    commit_plan(project, f"{WAIT}; echo 1 > one", "cat one > two")
    process = start_plan(project, "--branch", BRANCH)
    eventually((out / "begun-1").exists)
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    (out / "go").touch()
    project.git("switch", "-q", "other")
    project.write("plan.md", project.git("show", "main:plan.md"))

    plain = run_plan(project, code=4)
    another = project.peal("resume", "--branch", "other", code=4).stderr
    project.peal("resume")

    assert f"this plan lands in `{BRANCH}`, and this run would land in `other`; pass --branch" in plain
    assert "or pass --retarget to land in `other` from now on" in another
    assert nowhere.tasks == ["1", "2"]
    assert "Peal-Task" not in project.git("log", "other", "main")


@pytest.mark.parametrize("how", ["flag", *later("set", "variable"), "file"])
def test_resume_knows_the_branch_however_it_was_named_and_whatever_the_plan_is_called_by_now(
    nowhere: Place, how: str
) -> None:
    project = nowhere.project
    commit_plan(project, "echo 1 > one", "[ -e $OUT/go ]; cat one > two")
    flags, variables = {
        "flag": (("--branch", "of-{plan}"), {}),
        "set": (("--set", "branch=of-{plan}"), {}),
        "variable": ((), {"PEAL_BRANCH": "of-{plan}"}),
        "file": ((), {}),
    }[how]
    if how == "file":
        project.write("peal.toml", 'branch = "of-{plan}"\n')
    project.peal("run", "plan.md", "--agent", "shell", *flags, code=1, **variables)
    Path(project.env["OUT"], "go").touch()
    (project.path / "plan.md").rename(project.path / "renamed.md")
    (project.path / "peal.toml").unlink(missing_ok=True)

    project.peal("resume", "renamed.md")

    assert project.git("show", "of-plan:two") == "1\n"
    assert project.git("branch", "--list", "of-renamed") == ""


def test_another_branch_is_taken_with_the_flag_for_that(nowhere: Place) -> None:
    project = nowhere.project
    commit_plan(project, "echo 1 > one", "[ -e $OUT/go ]; cat one > two")
    nowhere.run(code=1)
    project.git("branch", "other", BRANCH)
    Path(project.env["OUT"], "go").touch()

    project.peal("resume", "--branch", "other", "--retarget")

    assert nowhere.tasks == ["1"]
    assert project.git("show", "other:two") == "1\n"


def test_a_branch_that_was_deleted_or_renamed_is_told_and_not_made_in_silence(nowhere: Place) -> None:
    project = nowhere.project
    commit_plan(project, "echo 1 > one", "[ -e $OUT/go ]; cat one > two")
    nowhere.run(code=1)
    Path(project.env["OUT"], "go").touch()
    project.git("branch", "-m", BRANCH, "kept")

    renamed = project.peal("resume", code=4).stderr
    project.git("branch", "-m", "kept", "lost")
    project.git("reflog", "expire", "--expire=now", "--all")
    gone = project.peal("resume", code=4).stderr

    assert f"`{BRANCH}` is called `kept` now; `peal resume --branch kept --retarget` lands there" in renamed
    assert f"there is no branch `{BRANCH}` any more; make it again" in gone
    assert project.git("branch", "--list", BRANCH) == ""
    project.peal("resume", "--branch", "lost", "--retarget")
    assert project.git("show", "lost:two") == "1\n"


@pytest.mark.parametrize("place", [*later(HERE), NOWHERE, ELSEWHERE], indirect=True)
def test_the_plan_is_ticked_in_the_branch_s_own_version_whatever_is_edited_here(place: Place) -> None:
    project = place.project
    project.write("plan.md", "- [ ] one\n- [ ] two\n")
    project.write(
        "peal.toml",
        'agent = "a"\n[agents.a]\ncommand = ["sh", "-c", "[ $PEAL_PHASE = plan ] || touch did-$PEAL_TASK"]\n',
    )
    project.git("add", ".")
    project.git("commit", "-qm", "plan")
    place.begin()
    if place.where != HERE:
        project.write("plan.md", "- [ ] one\n- [ ] two\n\nmine\n")

    project.peal("run", "plan.md", "--tick", "--branch", BRANCH)

    assert place.show("plan.md") == "- [x] one\n- [x] two\n"
    assert project.read("plan.md").startswith("- [x]" if place.where == HERE else "- [ ]")
    assert place.where == HERE or place.is_whole()


def test_a_plan_whose_memory_is_lost_is_known_by_its_branch(nowhere: Place) -> None:
    project = nowhere.project
    commit_plan(project, "echo 1 > one", "cat one > two")
    nowhere.run()
    shutil.rmtree(project.path / ".peal")
    project.git("worktree", "prune")

    said = nowhere.run(code=1)

    assert "task 1-2 of it has landed by commits that peal made" in said


def test_clean_takes_away_what_has_landed_there_and_never_the_branch(nowhere: Place) -> None:
    project = nowhere.project
    commit_plan(project, "echo 1 > one", "[ -e $OUT/go ]; echo 2 > two")
    nowhere.run(code=1)
    merged = project.git("rev-parse", f"{BRANCH}^2").strip()
    own = f"peal/{RepoPaths(project.path).branch(project.path / 'plan.md')}"
    project.git("branch", f"{own}/1", merged)

    said = project.peal("clean", "--branches").stdout

    assert f"deleted branch `{own}/1`" in said
    assert branches(project) == []
    assert nowhere.tasks == ["1"]


@pytest.mark.parametrize("place", [*later(HERE), NOWHERE, *later(ELSEWHERE)], indirect=True)
def test_diff_shows_all_of_a_plan_s_branch_and_with_stat_how_much(place: Place) -> None:
    project = place.project
    commit_plan(project, "echo 1 > one", "[ -e $OUT/go ]; cat one > two")
    place.begin()
    begun = project.git("rev-parse", BRANCH).strip()
    none_yet = project.peal("diff", code=1).stderr
    place.run(code=1)
    Path(project.env["OUT"], "go").touch()
    project.peal("resume")

    shown, short = project.peal("diff").stdout, project.peal("diff", "--stat").stdout

    assert "no plan has been run" in none_yet
    assert shown == project.git("diff", begun, BRANCH)
    assert "2 files changed" in short
    assert "one" not in project.peal("diff", "2").stdout.split()


def test_diff_shows_the_branch_that_was_checked_out_too(project: Repo) -> None:
    commit_plan(project, "echo 1 > one")
    begun = project.git("rev-parse", "HEAD").strip()

    run_plan(project)

    assert project.peal("diff").stdout == project.git("diff", begun, "HEAD")


# What is refused or told before anything starts.


def in_another_worktree(project: Repo, *words: str) -> Repo:
    """The branch checked out there, with something begun."""
    project.git("worktree", "add", "-q", "-b", "feat", "../wt")
    tree = evolve(project, path=project.path.parent / "wt")
    tree.write("README.md", "theirs\n")
    tree.git("commit", "-qam", "theirs")
    if words:
        subprocess.run(words, check=False, cwd=tree.path, env=project.env, capture_output=True)
    return tree


def dirty(project: Repo) -> None:
    in_another_worktree(project).write("README.md", "not committed\n")


def rebased(project: Repo) -> None:
    in_another_worktree(project, "git", "rebase", "--exec", "false", "HEAD~1")


def bisected(project: Repo) -> None:
    in_another_worktree(project, "git", "bisect", "start", "HEAD", "HEAD~2")


def merging(project: Repo) -> None:
    tree = in_another_worktree(project)
    project.write("README.md", "ours\n")
    project.git("commit", "-qam", "ours")
    subprocess.run(["git", "merge", "main"], check=False, cwd=tree.path, env=project.env, capture_output=True)


def moved_away(project: Repo) -> None:
    in_another_worktree(project).path.rename(project.path.parent / "elsewhere")


def nothing(_project: Repo) -> None:
    """As it is."""


REFUSED: dict[str, tuple[Callable[[Repo], object], tuple[str, ...], str]] = {
    "no name": (nothing, ("--branch", "a b"), "git takes for no branch's name"),
    "a name of git's": (nothing, ("--branch", "HEAD"), "git takes for no branch's name"),
    "an option": (nothing, ("--branch=-x",), "git takes for no branch's name"),
    "a full name": (nothing, ("--branch", "refs/heads/x"), "a branch is named without `refs/heads/`: `x`"),
    "an unknown field": (nothing, ("--branch", "{task}"), "has no field `{task}`; there is {plan}"),
    "empty": (nothing, ("--branch", ""), "git takes for no branch's name"),
    "a folder of others": (
        lambda project: project.git("branch", "feat/x"),
        ("--branch", "feat"),
        "a branch is named `feat/x`, which keeps git from making `feat`",
    ),
    "below another": (
        nothing,
        ("--branch", "main/x"),
        "a branch is named `main`, which keeps git from making `main/x`",
    ),
    "where peal's are to be": (nothing, ("--branch", "peal"), "would keep git from making peal's own"),
    "among peal's": (nothing, ("--branch", "peal/plan-0123abcd/1"), "is like the branches by which peal"),
    "no commit": (nothing, ("--branch", "feat", "--base", "nix"), "there is no commit `nix`"),
    "no worktrees": (nothing, ("--branch", "feat", "--no-commit"), "`branch` needs worktrees"),
    "none either": (nothing, ("--branch", "feat", "--isolation", "none"), "`branch` needs worktrees"),
    "work in the way": (
        dirty,
        ("--branch", "feat"),
        "where `README.md` is not committed and would be in the way",
    ),
    "a rebase": (rebased, ("--branch", "feat"), "a rebase of `feat` is under way in `"),
    "a bisect": (bisected, ("--branch", "feat"), "a bisect of `feat` is under way in `"),
    "a merge": (merging, ("--branch", "feat"), "a merge is under way; finish it, or `git merge --abort`"),
    "a worktree that is gone": (moved_away, ("--branch", "feat"), "which is not there; bring it back, or"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_branch_that_nothing_can_land_in_is_refused_before_anything_starts(
    project: Repo, out: Path, case: tuple[Callable[[Repo], object], tuple[str, ...], str]
) -> None:
    arrange, flags, told = case
    commit_plan(project, 'touch "$OUT/ran"')
    arrange(project)
    before = project.git("for-each-ref")

    said = run_plan(project, *flags, code=1)

    assert told in said
    assert project.git("for-each-ref") == before
    assert not (out / "ran").exists()


def test_a_rehearsal_and_check_say_what_would_be_made_and_makes_nothing(project: Repo) -> None:
    commit_plan(project, "echo 1 > one")

    said = run_plan(project, "--branch", "neu/{plan}", "--dry-run")
    checked = project.peal("check", "plan.md", PEAL_BRANCH="neu/{plan}").stdout

    assert "lands in: `neu/plan`, which is not there: a run makes it" in checked
    assert f"would make branch `neu/plan` at {project.git('rev-parse', 'HEAD')[:10]}" in said
    assert "task 1 land: into `neu/plan`" in said
    assert project.git("branch", "--list", "neu/*") == ""


def test_a_base_that_is_not_used_is_told_once(project: Repo) -> None:
    commit_plan(project, "echo 1 > one", "false")
    project.git("branch", "feat")

    first = run_plan(project, "--branch", "feat", "--base", "HEAD~1", code=1)
    again = project.peal("resume", code=1).stdout

    assert "`base` is not used: there is a branch `feat`" in first
    assert "`base`" not in again


@pytest.mark.parametrize(
    ("name", "branch"),
    [("Plan 1.md", "p/Plan-1"), ("über..uns.md", "p/über.uns"), ("my.lock.md", "p/my-lock")],
)
def test_a_plan_s_name_is_made_fit_for_a_branch(project: Repo, name: str, branch: str) -> None:
    commit_plan(project, "echo 1 > one")
    project.git("mv", "plan.md", name)
    project.git("commit", "-qm", "name")

    project.peal("run", name, "--agent", "shell", PEAL_BRANCH="p/{plan}")

    assert project.git("show", f"{branch}:one") == "1\n"


def test_somebody_who_may_do_less_than_root_gets_results_too(
    elsewhere: Place, unprivileged: tuple[str, ...]
) -> None:
    project = elsewhere.project
    project.write("dist/x", "old\n")
    project.git("add", ".")
    commit_plan(project, "echo new > dist/x", "echo 2 > two")
    elsewhere.begin()
    (elsewhere.other / "dist").chmod(0o555)
    project.before = unprivileged

    said = elsewhere.run(code=4)

    assert "`dist` is not writable" in said
    (elsewhere.other / "dist").chmod(0o755)
    project.peal("resume")
    assert elsewhere.tasks == ["1", "2"]
    assert elsewhere.is_whole()
