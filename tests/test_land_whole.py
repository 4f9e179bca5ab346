"""A landing happens whole or not at all, whatever cuts it off; and what a person has there is never taken for peal's."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import (
    WAIT,
    Repo,
    branches,
    commit_plan,
    ended,
    eventually,
    landed,
    later,
    run_plan,
    sample,
    start_plan,
)
from forkserver import Process, popen

from peal.system.layout import RepoPaths


def state_of(project: Repo) -> tuple[object, ...]:
    """The person's tree byte for byte, what is staged, and the branch."""
    files = {
        str(path.relative_to(project.path)): (
            oct(path.lstat().st_mode),
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else "",
        )
        for path in project.path.rglob("*")
        if not {".git", ".peal"} & set(path.relative_to(project.path).parts)
    }
    return files, project.git("ls-files", "-s", "-v"), project.git("rev-parse", "HEAD"), status(project)


def status(project: Repo) -> str:
    """What differs from HEAD."""
    return project.git("status", "--porcelain", "--untracked-files=all")


def nothing_is_noted(project: Repo) -> bool:
    """Whether no landing is taken to be under way."""
    return not list((project.path / ".peal").glob("landing.[!l]*"))


# What can be seen before anything is changed.


def three_files(
    project: Repo, task: str = "for f in aaa/a.txt dist/out.js zzz.txt; do echo new > $f; done"
) -> None:
    """A task that changes three files, the middle one in `dist`."""
    for name in ("aaa/a.txt", "dist/out.js", "zzz.txt"):
        project.write(name, "old\n")
    project.git("add", ".")
    commit_plan(project, task)


IN_A_CLOSED_FOLDER = {
    "changed": "for f in aaa/a.txt dist/out.js zzz.txt; do echo new > $f; done",
    "new": "echo new > aaa/a.txt; echo new > dist/new; echo new > zzz.txt",
    "new folder": "echo new > aaa/a.txt; mkdir -p dist/deep/er; echo new > dist/deep/er/new; echo new > zzz.txt",
    "deleted": "echo new > aaa/a.txt; rm dist/out.js; echo new > zzz.txt",
    "mode": "echo new > aaa/a.txt; chmod +x dist/out.js; echo new > zzz.txt",
    "link": "echo new > aaa/a.txt; rm dist/out.js; ln -s ../zzz.txt dist/out.js; echo new > zzz.txt",
    "moved": "echo new > aaa/a.txt; git mv dist/out.js zz-out.js; echo new > zzz.txt",
}
CLOSED = {
    f"{closed}-{name}": (task, closed)
    for name, task in IN_A_CLOSED_FOLDER.items()
    for closed in ("a-w", "a-wx")
}


@pytest.mark.parametrize(
    ("task", "closed"),
    sample(CLOSED, "a-w-changed", "a-w-moved", "a-wx-new folder"),
)
def test_a_folder_that_is_not_writable_holds_the_whole_landing_until_it_is(
    project: Repo, unprivileged: tuple[str, ...], task: str, closed: str
) -> None:
    project.before = unprivileged
    three_files(project, task)
    subprocess.run(["chmod", closed, "dist"], cwd=project.path, check=True)
    before = state_of(project)

    said = run_plan(project, code=4)

    assert state_of(project) == before
    assert "`dist` is not writable, and the task changes `dist/" in said
    assert "`chmod u+wx dist`, then `peal resume`" in said
    assert "would be overwritten" not in project.peal("resume", code=4).stdout
    (project.path / "dist").chmod(0o755)
    project.peal("resume")
    assert landed(project) == ["1"]
    assert status(project) == ""
    assert nothing_is_noted(project)


def test_a_folder_of_somebody_else_s_is_told_without_a_command_that_would_not_help(
    project: Repo, unprivileged: tuple[str, ...]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give folders away")
    project.before = unprivileged
    three_files(project)
    os.chown(project.path / "dist", 12345, 12345)

    said = run_plan(project, code=4)

    assert "`dist` is not writable, and the task changes `dist/out.js` there; make it writable, then" in said


def test_a_folder_that_is_not_writable_and_not_concerned_holds_nothing(
    project: Repo, unprivileged: tuple[str, ...]
) -> None:
    project.before = unprivileged
    three_files(project, "echo new > zzz.txt")
    (project.path / "dist").chmod(0o555)

    run_plan(project)

    assert landed(project) == ["1"]


@pytest.fixture
def small_disk(project: Repo, tmp_path: Path) -> Iterator[Repo]:
    """The project on a disk of 8 MB, with peal's memory on another one."""
    disk, memory = tmp_path / "small", tmp_path / "memory"
    disk.mkdir()
    memory.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        shutil.copytree(project.path, disk, dirs_exist_ok=True)
        shutil.move(disk / ".git", memory / "git")
        (disk / ".git").write_text(f"gitdir: {memory / 'git'}\n")
        (memory / "peal").mkdir()
        (disk / ".peal").symlink_to(memory / "peal")
        (memory / "git/info/exclude").write_text(".peal\n")
        yield Repo(disk, project.env)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_is_too_small_holds_the_landing_and_says_how_much_it_lacks(small_disk: Repo) -> None:
    commit_plan(small_disk, "echo new > aaa; head -c 12000000 /dev/zero > big; echo new > zzz")
    before = state_of(small_disk)

    said = run_plan(small_disk, code=4)

    assert state_of(small_disk) == before
    assert "the task needs 12 MB more on the disk of" in said
    assert "; make room, then `peal resume`" in said


def test_a_disk_that_fills_up_while_git_writes_gets_everything_back(small_disk: Repo) -> None:
    """A filter that makes files larger is not foreseen."""
    small_disk.write(".gitattributes", "mmm filter=large\n")
    small_disk.write("aaa", "old\n")
    small_disk.git("add", ".")
    small_disk.git("config", "filter.large.smudge", "head -c 12000000 /dev/zero; cat")
    small_disk.git("config", "filter.large.clean", "tr -d '\\000'")
    commit_plan(small_disk, "echo new > aaa; echo new > mmm; rm README.md; echo new > zzz")
    before = state_of(small_disk)

    said = run_plan(small_disk, code=4)

    assert state_of(small_disk) == before
    assert "what it had begun is taken back" in said
    assert '"error: unable to write file mmm"' in said
    small_disk.git("config", "filter.large.smudge", "cat")
    small_disk.peal("resume")
    assert landed(small_disk) == ["1"]
    assert status(small_disk) == ""


# What cuts git off in the middle.

CUT_OFF = """#!/bin/sh
# A smudge filter: in the person's tree, once it is armed, it does something to the git that has started it.
me="$(cat; echo .)"
if [ "$(pwd -P)" = "$REPO" ] && [ -e "$OUT/armed" ]; then
    rm "$OUT/armed"
    git=$PPID
    peal=$(ps -o ppid= -p "$git" | tr -d ' ')
    {}
fi
printf %s "${{me%.}}"
"""
KILL_GIT = 'kill -9 "$git"; sleep 0.1'
KILL_BOTH = 'kill -9 "$peal" "$git"; sleep 0.1'
FAIL = 'printf %s "${me%????}"; exit 3'
BRANCH_LOCKED = 'touch -t 202001010000 "$REPO/.git/refs/heads/main.lock"'
"""For so long that nobody waits for whoever did that."""
BRANCH_LOCKED_AND_PEAL_KILLED = 'touch "$REPO/.git/refs/heads/main.lock"; kill -9 "$peal"'
ENDS = {
    "git is killed": (KILL_GIT, 4),
    "git and peal are killed": (KILL_BOTH, -9),
    "the filter fails": (FAIL, 4),
    "the branch cannot be moved": (BRANCH_LOCKED, 4),
    "the branch cannot be moved and peal is killed": (BRANCH_LOCKED_AND_PEAL_KILLED, -9),
}


def cut_off(project: Repo, out: Path, how: str, files: str = "mmm") -> None:
    """A filter for these files that lets git come to grief in the person's tree."""
    (out / "smudge").write_text(CUT_OFF.format(how))
    (out / "smudge").chmod(0o755)
    project.write(".gitattributes", "".join(f"{name} filter=gate\n" for name in files.split()))
    project.git("config", "filter.gate.smudge", str(out / "smudge"))
    project.git("config", "filter.gate.clean", "cat")
    project.git("config", "filter.gate.required", "true")
    (out / "armed").touch()


def unlocked(project: Repo) -> None:
    """Somebody takes the branch's lock away."""
    (project.path / ".git/refs/heads/main.lock").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("how", "code"),
    sample(ENDS, "git is killed", "git and peal are killed", "the branch cannot be moved"),
)
def test_what_git_has_begun_is_taken_back_and_lands_later(
    project: Repo, out: Path, how: str, code: int
) -> None:
    for name in ("aaa", "ccc", "mmm", "zzz"):
        project.write(name, "old\n")
    cut_off(project, out, how)
    project.git("add", ".")
    commit_plan(project, "for f in aaa bbb mmm new/nnn zzz; do mkdir -p new; echo new > $f; done; rm ccc")
    project.write("mine", "mine\n")
    before = state_of(project)

    said = run_plan(project, code=code)
    if code == -9:
        said = project.peal("redo", "1", "--from", "address").stdout

    assert state_of(project) == before
    assert "put back" in said or "taken back" in said or "main.lock` keeps git out" in said, said
    unlocked(project)
    said = project.peal("resume").stdout
    assert "cut off" not in said
    assert landed(project) == ["1"]
    assert status(project) == "?? mine\n"
    assert nothing_is_noted(project)
    assert not list((project.path / ".git").glob("*.lock"))


EVERY_KIND_BEFORE = r"""
printf 'old\r\n' > a.crlf; echo old > "Q\"uo\\te"; echo old > $'n\new'; echo old > $'l\xe4tin'
echo old > d; mkdir -p e f/g gone-folder/deep here; echo old > e/x; echo old > f/g/x; echo old > gone; echo old > gone-folder/deep/x
ln -s nowhere link; ln -s nowhere i; echo old > h; echo old > mode; chmod 644 mode; touch filled; echo old > emptied; echo old > here/stays
mkdir l; echo old > l/x; ln -s l k; echo old > mmm; echo old > zzz
"""
EVERY_KIND = r"""
printf 'new\r\n' > a.crlf; echo new > "Q\"uo\\te"; echo new > $'n\new'; echo new > $'l\xe4tin'; echo new > $'l\xe4tin 2'
rm d; mkdir d; echo new > d/x; rm -r e f; echo new > e; ln -s here f; rm -r gone gone-folder
ln -sf elsewhere link; rm i h; echo new > i; ln -s elsewhere h; chmod +x mode; echo new > filled; : > emptied; : > empty
mkdir -p 1/2/3; echo new > 1/2/3/4; rm k; mkdir k; echo new > k/x; echo new > mmm; echo new > zzz
"""


@pytest.mark.parametrize(
    ("how", "names"),
    sample(
        {
            "half of it-sha1": (KILL_GIT, "sha1"),
            "half of it-sha256": (KILL_GIT, "sha256"),
            "all but the branch-sha1": (BRANCH_LOCKED, "sha1"),
            "all but the branch-sha256": (BRANCH_LOCKED, "sha256"),
        },
        "half of it-sha1",
        "all but the branch-sha256",
    ),
)
def test_every_kind_of_change_can_be_taken_back(project: Repo, out: Path, how: str, names: str) -> None:
    (project.path / ".git/config").rename(out / "config")
    shutil.rmtree(project.path / ".git")
    project.git("init", "-q", "-b", "main", f"--object-format={names}")
    project.git("config", "include.path", str(out / "config"))
    project.git("config", "core.repositoryFormatVersion", "1" if names == "sha256" else "0")
    subprocess.run(["bash", "-euc", EVERY_KIND_BEFORE], cwd=project.path, check=True)
    cut_off(project, out, how)
    with (project.path / ".gitattributes").open("a") as file:
        file.write("*.crlf text eol=crlf\n")
    project.git("add", ".")
    commit_plan(project, EVERY_KIND)
    (project.path / "here/empty folder").mkdir()
    before = state_of(project)

    run_plan(project, code=4)

    assert state_of(project) == before
    unlocked(project)
    project.peal("resume")
    assert landed(project) == ["1"]
    assert status(project) == ""


def killed(project: Repo, out: Path, task: str, how: str = KILL_BOTH) -> None:
    """A run of a task that changes `aaa`, `mmm` and `zzz` was killed when its landing had written `aaa`."""
    for name in ("aaa", "mmm", "zzz"):
        project.write(name, "old\n")
    cut_off(project, out, how)
    project.git("add", ".")
    commit_plan(project, f"for f in aaa mmm zzz; do echo new > $f; done; {task}")
    run_plan(project, code=-9)
    assert project.read("aaa") == "new\n"


def test_what_a_person_has_changed_since_a_landing_was_cut_off_stays(project: Repo, out: Path) -> None:
    killed(project, out, "echo new > bbb; mkdir dir; echo new > dir/new")
    project.write("aaa", "mine\n")
    project.write("bbb", "mine\n")
    project.write("dir/mine", "mine\n")
    project.write("zzz", "mine\n")

    said = project.peal("resume", code=4).stdout

    assert "left as you have changed them since a landing was cut off: `aaa`, `bbb`, `zzz`" in said
    assert "put back as they were: `dir/new`" in said
    assert [project.read(name) for name in ("aaa", "bbb", "dir/mine", "zzz")] == ["mine\n"] * 4
    assert not (project.path / "dir/new").exists()
    assert "your own `aaa`, `zzz`, `bbb` would be overwritten" in said
    project.git("checkout", "aaa", "zzz")
    (project.path / "bbb").unlink()
    project.peal("resume")
    assert landed(project) == ["1"]
    assert status(project) == "?? dir/mine\n"


def test_what_a_person_has_staged_or_committed_since_is_not_taken_back(project: Repo, out: Path) -> None:
    killed(project, out, "echo new > bbb")
    (project.path / ".git/index.lock").unlink()
    project.write("other", "mine\n")
    project.git("add", "other")
    project.git("commit", "-qm", "half of it", "aaa")

    said = project.peal("resume").stdout

    assert "put back as they were: `bbb`" in said
    assert project.git("show", "HEAD^1:aaa") == "new\n"
    assert landed(project) == ["1"]
    assert status(project) == "A  other\n"


def test_half_of_a_landing_that_a_person_has_added_goes_out_of_the_index_too(
    project: Repo, out: Path
) -> None:
    killed(project, out, "echo new > bbb")
    (project.path / ".git/index.lock").unlink()
    project.git("add", "aaa", "bbb")

    said = project.peal("clean").stdout

    assert "a landing was cut off; put back as they were: `aaa`, `bbb`" in said
    assert status(project) == ""


def test_a_tree_that_a_person_has_put_right_by_hand_needs_nothing(project: Repo, out: Path) -> None:
    killed(project, out, "echo new > bbb")
    (project.path / "bbb").unlink()
    (project.path / ".git/index.lock").unlink()
    project.git("reset", "-q", "--hard")

    said = project.peal("resume").stdout

    assert "cut off" not in said
    assert landed(project) == ["1"]


def test_a_file_that_is_by_chance_what_the_task_makes_stays_the_person_s(project: Repo, out: Path) -> None:
    project.write("aaa", "old\n")
    project.git("add", "aaa")
    commit_plan(project, "echo new > aaa; echo new > bbb; echo new > zzz")
    project.write("aaa", "new\n")
    project.write("bbb", "new\n")
    project.git("add", "bbb")
    before = state_of(project)

    run_plan(project, code=4)

    assert state_of(project) == before
    assert nothing_is_noted(project)


def test_a_rollback_that_cannot_finish_yet_says_why_and_finishes_later(
    project: Repo, out: Path, unprivileged: tuple[str, ...]
) -> None:
    project.before = unprivileged
    project.write("dir/aaa", "old\n")
    killed(project, out, "echo new > dir/aaa; echo new > dir/bbb")
    (project.path / "dir").chmod(0o555)

    said = project.peal("resume", code=4).stdout

    assert "a landing was cut off and cannot be taken back yet: `dir/aaa`, `dir/bbb`" in said
    assert "`dir` is not writable, and the task changes" in said
    assert project.read("aaa") == "old\n"
    assert landed(project) == []
    (project.path / "dir").chmod(0o755)
    project.peal("resume")
    assert landed(project) == ["1"]
    assert status(project) == ""


def test_a_file_that_git_was_writing_when_it_died_is_put_back(project: Repo, out: Path) -> None:
    """A file may not grow beyond a limit: the system ends git in the middle of writing it."""
    project.write("aaa", "old\n")
    project.write("mmm", "old\n")
    project.git("add", ".")
    commit_plan(project, "echo new > aaa; seq 200000 > mmm; seq 200001 > nnn; rm README.md")
    project.write("mmm", "mine\n")
    run_plan(project, code=4)
    project.git("checkout", "mmm")
    before = state_of(project)
    project.before = ("sh", "-c", 'ulimit -f 1000; exec "$@"', "sh")

    said = project.peal("resume", code=4).stdout

    assert state_of(project) == before
    assert "git was ended by SIGXFSZ" in said
    project.before = ()
    project.peal("resume")
    assert landed(project) == ["1"]
    assert status(project) == ""


@pytest.mark.parametrize("how", [KILL_GIT, BRANCH_LOCKED], ids=["half of it", "all but the branch"])
def test_what_a_sparse_checkout_leaves_out_stays_out(project: Repo, out: Path, how: str) -> None:
    for name in ("aaa", "in/aaa", "out/aaa", "mmm", "zzz"):
        project.write(name, "old\n")
    cut_off(project, out, how)
    project.git("add", ".")
    commit_plan(
        project,
        "for f in aaa in/aaa out/aaa in/bbb out/bbb mmm zzz; do echo new > $f; done\n"
        'cd "$REPO" && git sparse-checkout set in && git ls-files -v > "$OUT/before"',
    )

    run_plan(project, code=4)

    assert project.git("ls-files", "-v") == (out / "before").read_text()
    assert status(project) == ""
    unlocked(project)
    project.peal("resume")
    assert landed(project) == ["1"]
    assert status(project) == ""
    assert not (project.path / "out").exists()


# A branch that is not there any more.


def run_with_renamed(project: Repo, out: Path, *commands: str, tasks: tuple[str, ...] = ()) -> str:
    """What a run says during whose first task a person moves branches about."""
    commit_plan(project, f"{WAIT}; echo 1 > one", *tasks)
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    for command in commands:
        project.git(*command.split())
    (out / "go").touch()
    return ended(process, 4)


@pytest.mark.parametrize(
    ("commands", "way"),
    [
        (["branch -m main trunk"], "`main` is called `trunk` now; `peal resume --retarget` lands there"),
        *later(
            (
                ["branch -m main other", "branch -m other trunk"],
                "`main` is called `trunk` now; `peal resume --retarget` lands there",
            )
        ),
        (
            ["branch -m main trunk", "switch -qc other"],
            "`main` is called `trunk` now; `git switch trunk`, then `peal resume --retarget`",
        ),
        (
            ["switch -qc trunk", "branch -D main"],
            "there is no branch `main` any more; make it again, then `peal resume`, or pass --retarget to land in `trunk`",
        ),
    ],
    ids=["renamed", "twice", "and switched", "deleted"],
)
def test_a_branch_that_has_another_name_now_is_told_with_the_flag(
    project: Repo, out: Path, commands: list[str], way: str
) -> None:
    said = run_with_renamed(project, out, *commands, tasks=("echo 2 > two",))

    assert way in said
    assert "retarget` lands there, then" not in said
    assert way in project.peal("resume", code=4).stderr
    project.git("switch", "-q", "trunk")
    project.peal("resume", "--retarget")
    assert landed(project) == ["1", "2"]
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/trunk\n"


def test_a_branch_renamed_while_another_task_is_still_to_begin_fails_nothing(
    project: Repo, out: Path
) -> None:
    commit_plan(project, f"(parallel) {WAIT}; touch one", "(parallel) touch two")
    process = start_plan(project, "--max-parallel", "1")
    eventually((out / "begun-1").exists)
    project.git("branch", "-m", "main", "trunk")
    (out / "go").touch()

    said = ended(process, 4)

    assert "FAILED" not in said
    assert "task 2 plan HELD" in said
    project.peal("resume", "--retarget")
    assert landed(project) == ["1", "2"]


# What a person has configured, while peal merges.


def both_change(project: Repo, first: str, second: str) -> tuple[str, str]:
    """Two tasks that change `deps`, a file of 30 lines, at these places."""
    project.write("deps", "".join(f"{number}\n" for number in range(1, 31)))
    project.git("add", ".")
    return f"(parallel) sed -i '{first}' deps", f"(parallel) sed -i '{second}' deps"


APART = ("1s/.*/one/", "30s/.*/thirty/")
BESIDE = ("15s/.*/fifteen/", "16s/.*/sixteen/")


def driver(project: Repo, out: Path, name: str = "deps") -> None:
    """A merge driver that notes its folder, leaves a file there, and takes both sides."""
    (out / "driver").write_text('#!/bin/sh\npwd -P >> "$OUT/folders"\ntouch side\necho merged > "$2"\n')
    (out / "driver").chmod(0o755)
    project.git("config", f"merge.{name}.driver", f"{out / 'driver'} %O %A %B")


@pytest.mark.parametrize("where", ["in a commit", *later("in .git"), "in the person's configuration"])
def test_a_merge_driver_runs_in_a_worktree_of_peal_s(project: Repo, out: Path, where: str) -> None:
    driver(project, out)
    match where:
        case "in a commit":
            project.write(".gitattributes", "deps merge=deps\n")
        case "in .git":
            project.write(".git/info/attributes", "deps merge=deps\n")
        case _:
            (out / "attributes").write_text("deps merge=deps\n")
            project.git("config", "core.attributesFile", str(out / "attributes"))
    commit_plan(project, *both_change(project, *APART))

    run_plan(project)

    assert (out / "folders").read_text() == f"{project.path / '.peal/worktrees/address'}\n"
    assert project.read("deps") == "merged\n"
    assert landed(project) == ["1", "2"]
    assert status(project) == ""


def test_a_merge_driver_that_no_file_at_hand_wants_does_not_run_and_needs_no_worktree(
    project: Repo, out: Path
) -> None:
    driver(project, out)
    project.write(".gitattributes", "other merge=deps\n")
    commit_plan(project, *both_change(project, *APART))

    run_plan(project)

    assert not (out / "folders").exists()
    assert project.read("deps").split()[::29] == ["one", "thirty"]
    assert not (project.path / ".peal/worktrees/address").exists()


@pytest.mark.parametrize(
    "attributes",
    ["deps -merge", *later("deps binary"), "[attr]whole -merge\nde* whole", *later("deps merge=binary")],
)
def test_a_file_that_is_not_to_be_merged_by_lines_is_not(project: Repo, attributes: str) -> None:
    project.write(".gitattributes", f"{attributes}\n")
    commit_plan(project, *both_change(project, *APART))

    said = run_plan(project, "--conflict-retry", "0", code=1)

    assert "conflict in `deps`" in said
    assert landed(project) == ["1"]


def test_attributes_below_a_folder_count_too(project: Repo, out: Path) -> None:
    driver(project, out)
    project.write("a/b/.gitattributes", "deps merge=deps\n")
    project.write("a/b/deps", "".join(f"{number}\n" for number in range(1, 31)))
    project.git("add", ".")
    commit_plan(project, *(f"(parallel) sed -i '{change}' a/b/deps" for change in APART))

    run_plan(project)

    assert project.read("a/b/deps") == "merged\n"
    assert status(project) == ""


def test_attributes_that_a_person_has_not_committed_have_no_say(project: Repo) -> None:
    commit_plan(project, *both_change(project, *BESIDE))
    project.write(".gitattributes", "deps merge=union\n")

    said = run_plan(project, "--conflict-retry", "0", code=1)

    assert "conflict in `deps`" in said


def test_a_union_that_is_committed_is_made(project: Repo) -> None:
    project.write(".gitattributes", "deps merge=union\n")
    commit_plan(project, *both_change(project, *BESIDE))

    run_plan(project)

    assert {"fifteen", "sixteen"} <= set(project.read("deps").split())


def test_a_driver_for_every_file_runs_in_a_worktree_of_peal_s(project: Repo, out: Path) -> None:
    driver(project, out)
    project.git("config", "merge.default", "deps")
    commit_plan(project, *both_change(project, *APART))

    run_plan(project)

    assert (out / "folders").read_text() == f"{project.path / '.peal/worktrees/address'}\n"
    assert status(project) == ""


def test_no_program_that_shows_differences_is_run(project: Repo, out: Path) -> None:
    for name in ("textconv", "external"):
        (out / name).write_text(f'#!/bin/sh\ntouch "$OUT/{name}-ran" ran\ncat "$1"\n')
        (out / name).chmod(0o755)
    project.git("config", "diff.conv.textconv", str(out / "textconv"))
    project.git("config", "diff.conv.command", str(out / "external"))
    project.git("config", "diff.external", str(out / "external"))
    project.write(".gitattributes", "*.md diff=conv\n")
    (out / "judge").write_text("""#!/bin/sh\ncat > "$OUT/asked"\necho '{"findings": []}'\n""")
    (out / "judge").chmod(0o755)
    judge = f'[agents.judge]\ncommand = ["{out / "judge"}"]\n'
    project.write("peal.toml", f'{judge}[[reviewers]]\nname = "look"\nagent = "judge"\n')
    project.git("add", ".gitattributes", "peal.toml")
    commit_plan(project, f"echo more >> README.md; {WAIT}")
    process = start_plan(project)
    eventually((out / "begun-1").exists)

    running = project.peal("diff", "1").stdout
    (out / "go").touch()
    ended(process, 0)
    landed_ = project.peal("diff", "1").stdout

    assert "\n+more\n" in running
    assert "\n+more\n" in landed_
    assert list(out.glob("*-ran")) == []
    assert (out / "asked").exists()
    assert status(project) == ""


# What is damaged.


def config(text: str) -> str:
    """A command that adds to the repository's configuration."""
    return f"printf '{text}' >> .git/config"


DAMAGES = {
    "bare": ("git config core.bare true", "`core.bare` is set in `{git}/config`"),
    "bare, in few words": (config("[core]\\n\\tbare\\n"), "`core.bare` is set in `{git}/config`"),
    "another tree": (
        'git config core.worktree "$OUT"',
        "`core.worktree` in `{git}/config` has git look for the files",
    ),
    "no tree": (
        "git config core.worktree /nowhere",
        "`core.worktree` in `{git}/config` has git look for the files",
    ),
    "HEAD is empty": (": > .git/HEAD", "`{git}/HEAD` is damaged"),
    "HEAD is gone": ("rm .git/HEAD", "`{git}/HEAD` is damaged"),
    "HEAD is odd": ("echo main > .git/HEAD", "`{git}/HEAD` is damaged"),
}


@pytest.mark.parametrize(
    ("harm", "said", "inside_another"),
    sample(
        {
            f"{name}-{inside_another}": (*damage, inside_another)
            for name, damage in DAMAGES.items()
            for inside_another in (False, True)
        },
        *(f"{name}-{bool(number % 2)}" for number, name in enumerate(DAMAGES) if name != "HEAD is odd"),
    ),
)
def test_a_damaged_repository_is_told_with_the_command_that_heals_it(
    project: Repo, out: Path, harm: str, said: str, inside_another: bool
) -> None:
    commit_plan(project, "echo 1 > one")
    if inside_another:
        project.git("init", "-q", str(project.path.parent))
    subprocess.run(["sh", "-euc", harm], cwd=project.path, env=project.env, check=True)

    told = {project.peal(*words, code=1).stderr for words in (["run", "plan.md"], ["status"], ["resume"])}

    (line,) = told
    assert said.format(git=project.path / ".git") in line
    command = line.split("`")[-2]
    subprocess.run(["sh", "-euc", command], cwd=project.path, env=project.env, check=True)
    run_plan(project)
    assert landed(project) == ["1"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (config("[core\\n"), "git cannot read line"),
        (
            config("[extensions]\\n\\tfoo = 1\\n[core]\\n\\trepositoryFormatVersion = 1\\n"),
            "`extensions.foo` in `",
        ),
        ("git config core.repositoryFormatVersion 9", "is 9, which needs a newer git"),
        ("rm -r .git/objects", "has no `objects` any more; bring that back from a backup, or clone anew"),
        ("mv .git ../moved; echo gitdir: ../gone > .git", "`, which is not there;"),
    ],
    ids=["no configuration", "an extension", "a version", "no objects", "a folder elsewhere"],
)
def test_a_damage_that_no_command_heals_is_told_by_file(project: Repo, harm: str, said: str) -> None:
    commit_plan(project, "true")
    subprocess.run(["sh", "-euc", harm], cwd=project.path, env=project.env, check=True)

    assert said in project.peal("run", "plan.md", code=1).stderr


def test_a_damaged_index_is_told_before_anything_starts(project: Repo, out: Path) -> None:
    commit_plan(project, 'touch "$OUT/ran"; echo 1 > one')
    (project.path / ".git/index").write_bytes(b"\0" * 50)

    done = project.peal("run", "plan.md", "--agent", "shell", code=1)

    assert f"`{project.path / '.git/index'}` is damaged; `rm " in done.stderr
    assert not (out / "ran").exists()
    (project.path / ".git/index").unlink()
    project.git("reset", "-q")
    run_plan(project)
    assert landed(project) == ["1"]


@pytest.mark.parametrize("content", ["", "0123456789012345678901234567890123456789\n"])
def test_a_damaged_branch_is_told_with_the_commit_it_was_on(project: Repo, content: str) -> None:
    commit_plan(project, "echo 1 > one")
    before = project.git("rev-parse", "HEAD").strip()
    project.write(".git/refs/heads/main", content)

    said = project.peal("run", "plan.md", "--agent", "shell", code=1).stderr

    assert "/refs/heads/main` is damaged: it names no commit" in said
    assert f"`git update-ref refs/heads/main {before}`" in said


@pytest.mark.parametrize(
    ("harm", "heal", "said"),
    [
        ("git config core.bare true", "git config core.bare false", "`core.bare` is set in `"),
        ("head -c 50 /dev/zero > .git/index", "rm .git/index; git reset -q", "/index` is damaged; `rm "),
    ],
    ids=["bare", "index"],
)
def test_a_repository_damaged_during_a_run_holds_the_landing_and_says_how_to_heal_it(
    project: Repo, out: Path, harm: str, heal: str, said: str
) -> None:
    commit_plan(project, f"{WAIT}; echo 1 > one")
    process = start_plan(project)
    eventually((out / "begun-1").exists)
    subprocess.run(["sh", "-euc", harm], cwd=project.path, env=project.env, check=True)
    (out / "go").touch()

    told = ended(process, 4)

    assert said in told
    assert 'work tree", then' not in told
    assert said in project.peal("resume", code=1).stderr
    subprocess.run(["sh", "-euc", heal], cwd=project.path, env=project.env, check=True)
    project.peal("resume")
    assert landed(project) == ["1"]


# Locks.


@pytest.mark.parametrize("name", ["index.lock", *later("HEAD.lock"), "refs/heads/main.lock"])
def test_a_lock_whose_git_is_dead_is_told_as_such(project: Repo, out: Path, name: str) -> None:
    commit_plan(project, "echo 1 > one")
    lock = project.write(f".git/{name}", "")
    os.utime(lock, (lock.stat().st_mtime - 7300,) * 2)
    before = state_of(project)

    said = run_plan(project, code=4)

    assert f"`{lock}` keeps git out; it was made 2h01m ago and no git is at work there" in said
    assert f"`rm '{lock}'`, then `peal resume`" in said
    assert state_of(project) == before
    lock.unlink()
    project.peal("resume")
    assert landed(project) == ["1"]


def start_hastily(project: Repo, folder: Path) -> Process:
    """A run that waits for a lock no longer than it takes to see that it does."""
    (folder / "hasty.py").write_text(
        "from peal import cli\nfrom peal.landing import locks\nlocks.PATIENCE = 1.0\ncli.main()\n"
    )
    words = ("hasty", "run", str(project.path / "plan.md"), "--repo", str(project.path), "--agent", "shell")
    process = popen(words, folder, project.env, stderr=subprocess.STDOUT)
    project.started.append(process)
    return process


def test_a_lock_whose_git_is_at_work_is_told_with_its_process(project: Repo, out: Path) -> None:
    commit_plan(project, f"{WAIT}; echo 1 > one")
    process = start_hastily(project, out)
    eventually((out / "begun-1").exists)
    editor = subprocess.Popen(
        ["git", "commit", "--allow-empty", "--quiet"],
        cwd=project.path,
        env={
            **project.env,
            "GIT_EDITOR": f"{WAIT.replace('begun-$PEAL_TASK', 'edits').replace('/go', '/saved')}; false",
        },
        stderr=subprocess.DEVNULL,
    )
    eventually((out / "edits").exists)
    lock = project.path / ".git/index.lock"
    was_locked = lock.exists()
    lock.touch()
    (out / "go").touch()

    said = ended(process, 4)

    (out / "saved").touch()
    editor.wait()
    lock.unlink(missing_ok=True)
    assert f"process {editor.pid} (`git commit" in said, (said, was_locked)
    assert "is at work there" in said
    project.peal("resume")
    assert landed(project) == ["1"]


@pytest.mark.parametrize("name", ["config.lock", *later("packed-refs.lock")])
def test_a_lock_on_what_a_landing_does_not_need_keeps_nobody_waiting(project: Repo, name: str) -> None:
    commit_plan(project, "echo 1 > one")
    project.write(f".git/{name}", "")

    run_plan(project)

    assert landed(project) == ["1"]


def test_a_branch_of_peal_s_that_cannot_be_deleted_is_told(project: Repo) -> None:
    commit_plan(project, "echo 1 > one")
    lock = project.write(".git/packed-refs.lock", "")

    said = run_plan(project)

    assert landed(project) == ["1"]
    assert f"branch `{branches(project)[0]}` could not be deleted: " in said
    assert f"`rm {shlex.quote(str(lock))}`, then `peal clean --branches`" in said
    lock.unlink()
    project.peal("clean", "--branches")
    assert branches(project) == []


def test_a_lock_on_peal_s_own_branch_costs_no_work(project: Repo) -> None:
    """The journal knows the commit as well."""
    commit_plan(project, "echo 1 > one", "echo 2 > two; exit 1")
    name = RepoPaths(project.path).branch(project.path / "plan.md")
    lock = project.write(f".git/refs/heads/peal/{name}/1.lock", "")

    said = run_plan(project, code=1)

    assert "no branch keeps commit" in said
    assert f"`rm {shlex.quote(str(lock))}`" in said
    assert landed(project) == ["1"]
