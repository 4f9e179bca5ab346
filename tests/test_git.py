"""What peal asks git: where a repository begins, and whether anything in it has changed."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Repo

from peal.errors import PealError
from peal.system import git
from peal.system.process import ATTEMPT_MARKER, RUN_MARKER


@pytest.fixture(autouse=True)
def _plain_git(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine's or this person's, and no outer git."""
    for name in set(os.environ) - set(environment):
        monkeypatch.delenv(name)
    for name in set(environment) - set(os.environ):
        monkeypatch.setenv(name, environment[name])


@pytest.fixture
def committed(repo: Repo) -> Repo:
    """A repository with a commit of three files and one that is ignored."""
    repo.write("file.txt", "as committed\n")
    repo.write("über den Dächern.txt", "".join(f"line {number}\n" for number in range(50)))
    repo.write("run.sh", "#!/bin/sh\n")
    repo.write(".gitignore", "*.log\nbuild/\n")
    repo.git("add", ".")
    repo.git("commit", "-qm", "first")
    return repo


# --- where a repository begins


@pytest.mark.parametrize("folder", [".", "sub", "sub/deeper"])
def test_the_top_level_is_found_from_any_folder_below_it(folder: str, repo: Repo) -> None:
    (repo.path / "sub" / "deeper").mkdir(parents=True)

    assert git.top_level(repo.path / folder) == repo.path.resolve()


def test_the_top_level_of_a_linked_worktree_is_its_own(committed: Repo, tmp_path: Path) -> None:
    linked = tmp_path / "linked tree"
    committed.git("worktree", "add", "-q", "--detach", str(linked))
    (linked / "sub").mkdir()

    assert git.top_level(linked / "sub") == linked.resolve()


def test_the_top_level_behind_a_symbolic_link_is_the_real_one(repo: Repo, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(repo.path)

    assert git.top_level(link) == repo.path.resolve()


def _bare(repo: Repo) -> Path:
    repo.git("init", "-q", "--bare", "../bare.git")
    return repo.path.parent / "bare.git"


def _without_git(repo: Repo) -> Path:
    return repo.path.parent


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (_bare, "has no working tree; name a checkout with --repo"),
        (lambda repo: repo.path / ".git", "has no working tree; name a checkout with --repo"),
        (_without_git, "is not inside a git repository; run `git init` there or name one with --repo"),
        (lambda repo: repo.path / "nowhere", "is not a folder; name one with --repo"),
        (lambda repo: repo.write("file", ""), "is not a folder; name one with --repo"),
    ],
    ids=["bare", "the .git folder", "no repository", "no folder", "a file"],
)
def test_a_folder_that_cannot_be_worked_in_is_refused_with_the_way_out(
    place: Callable[[Repo], Path], says: str, repo: Repo
) -> None:
    folder = place(repo)

    with pytest.raises(PealError) as refused:
        git.top_level(folder)

    assert re.fullmatch(rf"(repository )?`{re.escape(str(folder))}` {re.escape(says)}", str(refused.value))


def test_a_machine_without_git_is_told_to_install_it(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.path))

    with pytest.raises(PealError, match="`git` is not installed or not on PATH; install it"):
        git.top_level(repo.path)


# --- whether anything has changed


def _nothing(repo: Repo) -> None:
    """Leave all as it is."""


def _edit(name: str, text: str) -> Callable[[Repo], object]:
    return lambda repo: repo.write(name, text)


def _delete(name: str) -> Callable[[Repo], object]:
    return lambda repo: (repo.path / name).unlink()


def _git(*words: str) -> Callable[[Repo], object]:
    return lambda repo: repo.git(*words)


def _chmod(name: str, mode: int) -> Callable[[Repo], object]:
    return lambda repo: (repo.path / name).chmod(mode)


def _link(name: str, target: str) -> Callable[[Repo], object]:
    def link(repo: Repo) -> None:
        (repo.path / name).unlink(missing_ok=True)
        (repo.path / name).symlink_to(target)

    return link


def _large(letter: str) -> Callable[[Repo], object]:
    """A file too large to be read at each look, of always the same size."""
    return lambda repo: repo.write("large.bin", letter * 1_500_000)


def _large_and_old(repo: Repo) -> None:
    _large("a")(repo)
    os.utime(repo.path / "large.bin", (1, 1))


_RENAME = _git("mv", "über den Dächern.txt", "unter den Brücken 2.txt")


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (_nothing, _edit("new.txt", "")),
        (_nothing, _edit("new folder/new.txt", "")),
        (_edit("new folder/new.txt", ""), _edit("new folder/newer.txt", "")),
        (_edit("new.txt", "one"), _edit("new.txt", "two")),
        (_nothing, _edit("file.txt", "edited\n")),
        (_edit("file.txt", "edited\n"), _edit("file.txt", "edited again\n")),
        (_edit("file.txt", "edited\n"), _edit("file.txt", "as committed\n")),
        (_nothing, _delete("file.txt")),
        (_edit("new.txt", ""), _delete("new.txt")),
        (_nothing, _RENAME),
        (_RENAME, _edit("unter den Brücken 2.txt", "edited\n")),
        (
            lambda repo: (_RENAME(repo), _edit("unter den Brücken 2.txt", "edited\n")(repo)),
            _edit("unter den Brücken 2.txt", "edited again\n"),
        ),
        (_nothing, _chmod("run.sh", 0o755)),
        (_edit("run.sh", "edited"), _chmod("run.sh", 0o755)),
        (_edit("new.sh", ""), _chmod("new.sh", 0o755)),
        (_nothing, _link("file.txt", "run.sh")),
        (_link("link", "file.txt"), _link("link", "run.sh")),
        (_nothing, _git("commit", "-q", "--allow-empty", "-m", "second")),
        (_edit("file.txt", "edited\n"), _git("commit", "-qam", "second")),
        (_nothing, _large("a")),
        (_large_and_old, _large("b")),
        (_large("a"), _edit("large.bin", "a" * 1_500_001)),
    ],
    ids=[
        "new", "new in a new folder", "new beside new", "new and edited", "edited", "edited again", "put back",
        "deleted", "new and deleted", "renamed", "renamed and edited", "renamed, edited, edited again", "chmod",
        "edited and chmod", "new and chmod", "made a link", "link led elsewhere", "empty commit", "commit", "large and new",
        "large and edited", "large and grown",
    ],
)  # fmt: skip
def test_two_looks_with_a_change_between_them_differ(
    before: Callable[[Repo], object], change: Callable[[Repo], object], committed: Repo
) -> None:
    before(committed)
    first = git.tree_state(committed.path)

    change(committed)

    assert git.tree_state(committed.path) != first


def _same_bytes(repo: Repo) -> None:
    """Write each small file again as it is, at another time."""
    for name in ("file.txt", "new.txt", "run.sh"):
        text = repo.read(name)
        (repo.path / name).unlink()
        repo.write(name, text)
        os.utime(repo.path / name, (1, 1))


@pytest.mark.parametrize(
    "happens",
    [
        _nothing,
        _same_bytes,
        _edit("debug.log", "ignored"),
        _edit("build/output", "ignored"),
        lambda repo: (repo.path / "empty folder").mkdir(),
        lambda repo: (repo.path / "file.txt").read_text(encoding="utf-8"),
        _git("branch", "another"),
    ],
    ids=["nothing", "same bytes", "ignored file", "ignored folder", "empty folder", "reading", "new branch"],
)
def test_two_looks_without_a_change_between_them_are_equal(
    happens: Callable[[Repo], object], committed: Repo
) -> None:
    committed.write("file.txt", "edited\n")
    committed.write("new.txt", "new\n")
    _large("a")(committed)
    first = git.tree_state(committed.path)

    happens(committed)

    assert git.tree_state(committed.path) == first


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "Größe 日本語",
        " leading blank",
        "1 .M N... looks like a record",
        "? looks new",
        "# looks like a comment",
        'quote " and \\',
        "tab\tand\nline end",
        os.fsdecode(b"no \xff UTF-8"),
    ],
)
def test_a_file_of_any_name_is_seen_to_change_again(name: str, committed: Repo) -> None:
    path = committed.path / name
    path.write_bytes(b"one")
    first = git.tree_state(committed.path)

    path.write_bytes(b"two")

    assert git.tree_state(committed.path) != first


def test_a_repository_without_a_commit_can_be_looked_at(repo: Repo) -> None:
    repo.write("file.txt", "")
    first = git.tree_state(repo.path)
    same = git.tree_state(repo.path)

    repo.git("add", ".")
    repo.git("commit", "-qm", "first")

    assert same == first
    assert git.tree_state(repo.path) != first


def test_new_files_are_seen_also_where_status_is_told_to_hide_them(committed: Repo) -> None:
    committed.git("config", "status.showUntrackedFiles", "no")
    first = git.tree_state(committed.path)

    committed.write("new.txt", "")

    assert git.tree_state(committed.path) != first


def test_what_is_no_repository_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(PealError, match=r"`git status .*` failed in .*not a git repository"):
        git.tree_state(tmp_path)


# --- what git says


def test_what_git_prints_is_given_without_its_last_line_end(committed: Repo) -> None:
    assert git.output(committed.path, "cat-file", "-p", "HEAD:file.txt") == "as committed"
    assert git.output(committed.path, "hash-object", "--stdin", stdin=b"as committed\n") == (
        committed.git("rev-parse", "HEAD:file.txt").strip()
    )


def test_a_refusal_has_gits_own_words_on_one_line(committed: Repo) -> None:
    with pytest.raises(git.GitError, match=r"`git switch nowhere` failed in .*: \"fatal: invalid reference"):
        git.output(committed.path, "switch", "nowhere")

    assert git.said(git.run(committed.path, "switch", "no\x1b[31mwhere")).isprintable()
    different = git.run(committed.path, "diff", "--quiet", "HEAD:file.txt", "HEAD:run.sh")
    assert git.said(different) == "status 1"


def test_a_name_of_a_commit_is_looked_up(committed: Repo) -> None:
    head = committed.git("rev-parse", "HEAD").strip()

    assert git.commit_id(committed.path, "main") == git.commit_id(committed.path, head[:9]) == head
    assert git.commit_id(committed.path, "nowhere") == git.commit_id(committed.path, "HEAD:file.txt") == ""


def test_before_the_first_commit_there_is_a_branch_and_no_commit(repo: Repo) -> None:
    assert (git.branch(repo.path), git.commit_id(repo.path, "HEAD")) == ("main", "")


def test_the_branch_is_known_by_its_whole_name_and_a_detached_head_has_none(committed: Repo) -> None:
    committed.git("switch", "-qc", "größe/zwei")
    on_a_branch = git.branch(committed.path)
    committed.git("switch", "-q", "--detach")

    assert (on_a_branch, git.branch(committed.path)) == ("größe/zwei", "")


def test_a_merge_contains_both_sides_and_they_do_not_contain_each_other(committed: Repo) -> None:
    first = git.commit_id(committed.path, "HEAD")
    committed.git("commit", "-q", "--allow-empty", "-m", "ours")
    committed.git("switch", "-qc", "other", first)
    committed.git("commit", "-q", "--allow-empty", "-m", "theirs")
    committed.git("merge", "-q", "--no-edit", "main")
    ours, theirs, merge = (git.commit_id(committed.path, name) for name in ("main", "HEAD^1", "HEAD"))

    assert (git.parents(committed.path, merge), git.parents(committed.path, first)) == ([theirs, ours], [])
    assert all(git.is_ancestor(committed.path, one, merge) for one in (first, ours, theirs, merge))
    assert not git.is_ancestor(committed.path, ours, theirs)
    assert not git.is_ancestor(committed.path, ours, "0" * 40)


def test_a_wish_for_signatures_does_not_stop_peals_own_commits(committed: Repo) -> None:
    committed.git("config", "commit.gpgSign", "true")
    committed.git("config", "gpg.program", "/nowhere/gpg")

    assert git.succeeds(committed.path, "commit", "-q", "--allow-empty", "-m", "second")


# --- no trace, and nobody at the wheel


def test_a_look_writes_nothing_and_needs_no_lock(committed: Repo) -> None:
    index = committed.path / ".git" / "index"
    os.utime(committed.path / "file.txt", (1, 1))  # for git a reason to refresh its index
    first = (index.read_bytes(), index.stat().st_mtime_ns)
    committed.write(".git/index.lock", "")

    git.tree_state(committed.path)

    assert (index.read_bytes(), index.stat().st_mtime_ns) == first


_STEERS = {
    "GIT_DIR": "/nowhere",
    "GIT_WORK_TREE": "/nowhere",
    "GIT_INDEX_FILE": "/nowhere/index",
    "GIT_COMMON_DIR": "/nowhere",
    "GIT_OBJECT_DIRECTORY": "/nowhere",
    "GIT_NAMESPACE": "nowhere",
    "GIT_PREFIX": "nowhere/",
}


def test_git_is_started_without_locks_questions_markers_or_anything_that_steers_it(
    committed: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(
        f'#!/bin/sh\nenv >> "{seen}"\necho >> "{seen}"\nexec {shutil.which("git")} "$@"\n', encoding="utf-8"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_OPTIONAL_LOCKS", "1")
    for name, value in {**_STEERS, RUN_MARKER: "outer", ATTEMPT_MARKER: "outer/1"}.items():
        monkeypatch.setenv(name, value)

    git.top_level(committed.path)
    git.tree_state(committed.path)

    calls = [dict(line.split("=", 1) for line in call.splitlines()) for call in _calls(seen)]
    assert len(calls) == 2
    for call in calls:
        assert (call["GIT_OPTIONAL_LOCKS"], call["GIT_TERMINAL_PROMPT"]) == ("0", "0")
        assert call[git.OF_PEAL] == str(os.getpid())
        assert call.keys() & {*_STEERS, RUN_MARKER, ATTEMPT_MARKER} == set()


def _calls(seen: Path) -> list[str]:
    lines = (line for line in seen.read_text(encoding="utf-8").splitlines() if not line.startswith("_="))
    return "\n".join(lines).strip().split("\n\n")


def test_another_repository_in_the_environment_changes_nothing(
    committed: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed.write("file.txt", "edited\n")
    plain = (git.top_level(committed.path), git.tree_state(committed.path))
    other = tmp_path / "other"
    committed.git("init", "-q", str(other))

    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))

    assert (git.top_level(committed.path), git.tree_state(committed.path)) == plain
