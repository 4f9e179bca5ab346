"""Commits on their way between repositories: what the other end lacks, as one file, and looked through before it is used."""

from collections.abc import Iterable
from pathlib import Path

from peal.system import git

_FEW = 100
"""Objects that are put down one by one, so that a repository does not gather a pack for each attempt; as git's fetch has it."""


def packed(repo: Path, commit: str, known: Iterable[str], to: Path) -> None:
    """Write the objects of a commit that none of those `known` brings; `GitError` if they cannot be had."""
    asked = "".join(f"{line}\n" for line in (commit, *(f"^{one}" for one in known)))
    git.into_file(repo, to, "pack-objects", "--revs", "--thin", "--stdout", "--quiet", stdin=asked.encode())


def unpacked(repo: Path, file: Path, commit: str, known: Iterable[str]) -> None:
    """
    Put the objects of a file into a repository, of which `commit` has to be one with all that it needs; else `GitError`.

    git looks through each: what has a name that would leave the tree, or lie in a `.git`, is refused.
    """
    with file.open("rb") as pack:
        count = int.from_bytes(pack.read(12)[8:], "big")
    words = ("unpack-objects",) if count < _FEW else ("index-pack", "--stdin", "--fix-thin")
    git.from_file(repo, file, *words, "--strict")
    git.output(repo, "rev-list", "--objects", "--quiet", commit, "--not", *known)
