"""What one git that goes on says of commits and trees is what a git for each question would say."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import Repo

from peal.system import git, git_dialogue, process, removal
from peal.system.git_objects import objects_of

NAMES = ("a", "b", "b.c", "b-d", "ä ö", 'with "quotes"', "new\nline", "-x", "\udcff")


def committed(repo: Repo, message: str) -> str:
    repo.git("add", "--all")
    repo.git("commit", "-qm", message, "--allow-empty")
    return repo.git("rev-parse", "HEAD").strip()


def scrambled(repo: Repo, luck: random.Random) -> None:
    """Put something else at a few paths: files, programs, links, folders, nothing."""
    for _ in range(6):
        parts = [luck.choice(NAMES) for _ in range(luck.randint(1, 3))]
        path = repo.path.joinpath(*parts)
        removal.remove(repo.path / parts[0] if luck.random() < 0.4 else path)
        if luck.random() < 0.8 and not path.exists() and all(not above.is_file() for above in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            if luck.random() < 0.2:
                path.symlink_to("a")
            else:
                path.write_text(str(luck.random()))
                path.chmod(luck.choice((0o644, 0o755)))


@pytest.mark.parametrize("seed", range(3))
def test_the_difference_of_two_commits_is_the_one_that_git_tells(repo: Repo, seed: int) -> None:
    luck, made = random.Random(seed), [committed(repo, "empty")]
    for number in range(8):
        scrambled(repo, luck)
        made.append(committed(repo, str(number)))
    objects = objects_of(repo.path)

    for before, after in pairwise(made):
        assert list(objects.brought_by(after).items()) == list(git.changes(repo.path, before, after).items())
        listed = git.output(repo.path, "ls-tree", "-r", "-d", "--name-only", "-z", after).split("\0")
        assert {name.rstrip("/") for name in objects.folders_of(after)} == {"", *listed}


@pytest.mark.parametrize("kind", ["sha256", "packed"])
def test_any_kind_of_repository_is_read(tmp_path: Path, repo: Repo, kind: str) -> None:
    other = Repo(tmp_path / "other", repo.env, repo.started)
    words = ["--object-format=sha256"] if kind == "sha256" else []
    repo.git("init", "-q", *words, str(other.path))
    other.git("config", "user.name", "A Person")
    other.git("config", "user.email", "person@example.org")
    other.write("folder/one", "1\n")
    first = committed(other, "first")
    other.write("folder/one", "2\n")
    objects = objects_of(other.path)
    assert objects.commit_id("HEAD") == first
    second = committed(other, "second")
    if kind == "packed":
        other.git("gc", "-q", "--prune=now")

    assert list(objects.brought_by(second)) == ["folder/one"]
    assert objects.contains("HEAD", first)
    assert not objects.contains(first, second)


def test_a_name_is_looked_up_anew_and_what_is_not_there_is_none(repo: Repo) -> None:
    first = committed(repo, "first")
    objects = objects_of(repo.path)

    assert objects.commit_id("refs/heads/main") == first
    assert objects.commit_id("refs/heads/other") == ""
    assert objects.commit("0" * 40) is None
    second = committed(repo, "second")
    repo.git("pack-refs", "--all")
    assert objects.commit_id("refs/heads/main") == second
    repo.git("branch", "other", first)
    assert objects.commit_id("refs/heads/other") == first


def test_a_git_that_somebody_has_ended_is_started_once_more(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, started = committed(repo, "first"), []
    start = git.start
    monkeypatch.setattr(
        git, "start", lambda *words, **how: started.append(start(*words, **how)) or started[-1]
    )
    objects = objects_of(repo.path)
    assert objects.commit_id("HEAD") == first
    os.kill(started[0].pid, signal.SIGKILL)
    started[0].wait()

    assert objects.commit_id("refs/heads/main") == first
    assert len(started) == 2


def test_where_git_cannot_read_it_says_why_itself(repo: Repo) -> None:
    committed(repo, "first")
    objects = objects_of(repo.path)
    repo.write(".git/config", "[core\n")

    with pytest.raises(git.GitError, match="bad config line 1"):
        objects.commit_id("HEAD")


def test_more_questions_than_a_pipe_holds_are_answered(repo: Repo) -> None:
    for number in range(1200):
        repo.write(f"{number}/{'x' * 200}", f"{number}\n")
    made = committed(repo, "many")

    assert len(objects_of(repo.path).folders_of(made)) == 1201


def test_what_a_signal_has_cut_off_is_not_taken_for_the_next_answer(repo: Repo) -> None:
    first, second = committed(repo, "first"), committed(repo, "second")
    asked = git_dialogue.Dialogue(repo.path / ".git", ("cat-file", "--batch-check=%(objectname)"))

    def interrupted(_: object) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked.ask([first], interrupted)

    assert asked.ask([second], lambda stream: stream.readline().decode().strip()) == [second]


def test_many_threads_get_their_own_answers(repo: Repo) -> None:
    made = [committed(repo, str(number)) for number in range(8)]
    asked = git_dialogue.Dialogue(repo.path / ".git", ("cat-file", "--batch-check=%(objectname)"))

    def answers(commit: str) -> set[str]:
        return {
            line
            for _ in range(50)
            for line in asked.ask([commit], lambda stream: stream.readline().decode().strip())
        }

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answers, made))

    assert found == [{commit} for commit in made]


def test_a_git_that_waits_to_be_asked_is_none_that_somebody_waits_for(repo: Repo) -> None:
    """Who takes over from a dead peal waits for its gits to end, and this one ends with it."""
    repo.write("a.txt", "a\n")
    commit = committed(repo, "first")
    assert objects_of(repo.path).commit_id("HEAD") == commit
    began = time.monotonic()

    process.outlast(git.OF_PEAL, str(os.getpid()), 5)

    assert time.monotonic() - began < 4


@pytest.mark.parametrize("seed", range(3))
def test_a_tree_with_edits_is_the_one_that_git_would_write(repo: Repo, seed: int) -> None:
    luck = random.Random(seed)
    scrambled(repo, luck)
    objects = objects_of(repo.path)
    before = objects.tree_of(committed(repo, "before"))
    for _ in range(5):
        scrambled(repo, luck)
        after = objects.tree_of(committed(repo, "after"))
        edits: dict[str, bytes | None] = {}
        for path, change in objects.changes(before, after).items():
            if change.after and change.after.mode != "100644":
                break  # an edit makes plain files
            edits[path] = objects.content(change.after.blob) if change.after else None
        else:
            assert objects.edited(before, edits) == after
        before = after


def test_an_edit_keeps_what_a_program_is_and_replaces_what_is_in_its_way(repo: Repo) -> None:
    repo.path.joinpath("run.sh").write_text("old\n")
    repo.path.joinpath("run.sh").chmod(0o755)
    repo.path.joinpath("a").write_text("a file\n")
    repo.path.joinpath("b").symlink_to("a")
    objects = objects_of(repo.path)
    tree = objects.tree_of(committed(repo, "before"))

    made = objects.edited(tree, {"run.sh": b"new\n", "a/b/c": b"inside\n", "b": b"plain\n"})

    listed = git.output(repo.path, "ls-tree", "-r", made)
    assert [line.split()[0] for line in listed.splitlines()] == ["100644", "100644", "100755"]
    assert objects.file(made, "a/b/c") is not None
    assert objects.entries(made, "a/none") == {}
    assert objects.edited(made, {"a/b/c": None, "b": None, "run.sh": None}) == git.output(
        repo.path, "hash-object", "-t", "tree", "-w", "--stdin"
    )
