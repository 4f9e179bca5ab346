"""Branches of peal's, set and deleted by a git that goes on."""

import os
import signal
from pathlib import Path

import pytest
from conftest import Repo

from peal.system import git
from peal.system.ref_changes import RefChanges, ref_changes

REF = "refs/heads/peal/plan/1"


def commit(repo: Repo) -> str:
    repo.git("commit", "-q", "--allow-empty", "-m", "first")
    return repo.git("rev-parse", "HEAD").strip()


def at(repo: Repo) -> str:
    return git.commit_id(repo.path, REF)


def changes_of(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> tuple[RefChanges, list[git.Coprocess]]:
    """With every git that they start."""
    started: list[git.Coprocess] = []
    start = git.start

    def noted(folder: Path, *words: str, takes_locks: bool = False) -> git.Coprocess:
        started.append(start(folder, *words, takes_locks=takes_locks))
        return started[-1]

    monkeypatch.setattr(git, "start", noted)
    return ref_changes(repo.path), started


def test_one_git_sets_and_deletes_branches(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = commit(repo)
    changes, started = changes_of(repo, monkeypatch)

    assert changes.set(REF, first)
    assert at(repo) == first
    repo.git("pack-refs", "--all")
    assert changes.delete(REF)
    assert at(repo) == ""
    assert changes.set(REF, first)
    assert at(repo) == first
    assert len(started) == 1


def test_a_branch_that_is_locked_is_left_and_the_next_change_goes_through(repo: Repo) -> None:
    first = commit(repo)
    changes = ref_changes(repo.path)
    assert changes.set(REF, first)
    lock = repo.path / f".git/{REF}.lock"
    lock.touch()

    assert not changes.delete(REF)
    assert at(repo) == first

    lock.unlink()
    assert changes.delete(REF)
    assert at(repo) == ""


def test_a_git_that_somebody_has_ended_is_started_once_more(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = commit(repo)
    changes, started = changes_of(repo, monkeypatch)
    assert changes.set(REF, first)
    os.kill(started[0].pid, signal.SIGKILL)
    started[0].wait()

    assert changes.delete(REF)
    assert at(repo) == ""
    assert len(started) == 2


def test_the_git_that_takes_locks_is_one_that_the_next_peal_waits_for(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = commit(repo)
    changes, started = changes_of(repo, monkeypatch)

    assert changes.set(REF, first)

    environ = Path(f"/proc/{started[0].pid}/environ")
    if environ.exists():
        assert f"{git.OF_PEAL}={os.getpid()}".encode() in environ.read_bytes().split(b"\0")
