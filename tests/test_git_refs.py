"""All refs at once are those that git lists, however it keeps them, and without starting it where it keeps files."""

from pathlib import Path

import pytest
from conftest import Repo

from peal.system import git
from peal.system.git_refs import all_refs


@pytest.fixture
def committed(repo: Repo) -> Repo:
    """A repository with branches, tags, a remote and a stash."""
    repo.write("one", "1\n")
    repo.git("add", ".")
    repo.git("commit", "-qm", "first")
    repo.git("tag", "-a", "v1", "-m", "one")
    repo.git("branch", "a/b/c")
    repo.git("branch", "a.b")
    repo.git("branch", "Ähm")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    repo.write("one", "2\n")
    repo.git("stash", "-q")
    return repo


def listed(repo: Repo) -> dict[str, str]:
    lines = repo.git("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
    return {name: id_ for id_, _, name in (line.partition(" ") for line in lines)}


def test_no_git_is_started_where_each_ref_is_a_file_or_a_line(
    committed: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed.git("pack-refs", "--all")
    committed.write("one", "3\n")
    committed.git("commit", "-qam", "second")
    committed.git("branch", "later")
    committed.git("branch", "-D", "a.b")
    wanted = listed(committed)
    monkeypatch.setattr(git, "output", None)

    assert list(all_refs(committed.path / ".git", True, "refs/peal/").items()) == list(wanted.items())


ODD = {
    "nothing": "",
    "a broken branch": "echo nonsense > .git/refs/heads/broken",
    "an empty branch": ": > .git/refs/heads/empty",
    "a link that leads nowhere": "git symbolic-ref refs/heads/dangling refs/heads/nowhere",
    "links in a circle": "git symbolic-ref refs/heads/x refs/heads/y; echo ref: refs/heads/x > .git/refs/heads/y",
    "a lock": ": > .git/refs/heads/main.lock",
    "a name that is none": "git rev-parse HEAD > '.git/refs/heads/a b'",
    "a hidden file": "git rev-parse HEAD > .git/refs/heads/.DS_Store",
    "a symbolic link": "ln -s main .git/refs/heads/link",
    "a linked folder": "mkdir .git/more; git rev-parse HEAD > .git/more/x; ln -s ../../more .git/refs/heads/more",
    "an empty folder": "mkdir -p .git/refs/heads/some/where",
    "a worktree": "git worktree add -q ../aside; git -C ../aside update-ref refs/worktree/x HEAD",
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("script", ODD.values(), ids=ODD)
def test_odd_refs_are_taken_as_git_takes_them(committed: Repo, script: str, packed: bool) -> None:
    if packed:
        committed.git("pack-refs", "--all")
    git.output(committed.path, "-c", f"alias.x=!{script or 'true'}", "x")

    assert all_refs(committed.path / ".git", True, "refs/peal/") == listed(committed)


def test_a_table_of_refs_is_left_to_git(committed: Repo, tmp_path: Path) -> None:
    assert all_refs(committed.path / ".git", False, "refs/peal/") == listed(committed)
    assert all_refs(committed.path / ".git", True, "refs/peal/") == listed(committed)
