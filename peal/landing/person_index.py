"""Single entries of an index: looked up in one, and put back into another."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from peal.classes import frozen
from peal.system import git

_HIDDEN = "S"


@frozen
class Entry:
    """A path as an index holds it."""

    version: git.Version
    is_skipped: bool = False
    """A sparse checkout leaves it out of the tree."""
    is_assumed: bool = False
    """Taken for unchanged without a look."""


def entries(repo: Path, index: Path | None = None) -> dict[str, Entry]:
    """What the repository's index holds, or another one; nothing of a path in conflict."""
    env = {"GIT_INDEX_FILE": str(index)} if index else {}
    words = ("ls-files", "--stage", "-v", "-z")
    listed = git.printed(git.run(repo, *words, env=env), repo, words)
    found = {}
    for line in filter(None, listed.split("\0")):
        head, _, path = line.partition("\t")
        letter, mode, blob, stage = head.split(" ")
        if stage == "0":
            version = git.Version(mode, blob)
            found[path] = Entry(version, letter.upper() == _HIDDEN, letter.islower())
    return found


def put(repo: Path, wanted: Mapping[str, Entry | None]) -> None:
    """Let the repository's index hold these entries, and none for the paths without one."""
    there = {path: entry for path, entry in wanted.items() if entry}
    _update(repo, wanted.keys() - there.keys(), "--force-remove", "--stdin")
    _update(
        repo, (f"{e.version.mode} {e.version.blob} 0\t{path}" for path, e in there.items()), "--index-info"
    )
    _update(repo, (path for path, entry in there.items() if entry.is_skipped), "--skip-worktree", "--stdin")
    _update(
        repo, (path for path, entry in there.items() if entry.is_assumed), "--assume-unchanged", "--stdin"
    )


def _update(repo: Path, entries: Iterable[str], *how: str) -> None:
    if listed := "".join(f"{entry}\0" for entry in entries):
        git.output(repo, "update-index", "-z", *how, stdin=os.fsencode(listed))
