"""Single entries of an index: looked up in one, and put back into another."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

from peal.system import git

_HIDDEN = "S"
_NOTHING = "0 0000000000000000000000000000000000000000"
"""To git, a mode of 0 takes a path out, whatever the blob."""


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
    gone = [f"{_NOTHING}\t{path}\0" for path, entry in wanted.items() if entry is None]
    there = [f"{e.version.mode} {e.version.blob} 0\t{path}\0" for path, e in wanted.items() if e is not None]
    _fed(repo, "--index-info", "".join([*gone, *there]))
    _flagged(repo, "--skip-worktree", (path for path, entry in wanted.items() if entry and entry.is_skipped))
    _flagged(
        repo, "--assume-unchanged", (path for path, entry in wanted.items() if entry and entry.is_assumed)
    )


def _flagged(repo: Path, flag: str, paths: Iterable[str]) -> None:
    if listed := "".join(f"{path}\0" for path in paths):
        git.output(repo, "update-index", flag, "-z", "--stdin", stdin=os.fsencode(listed))


def _fed(repo: Path, how: str, text: str) -> None:
    git.output(repo, "update-index", "-z", how, stdin=os.fsencode(text))
