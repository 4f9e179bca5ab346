"""What tasks have changed, as patches that one git makes, however many they are."""

from collections.abc import Callable
from pathlib import Path
from typing import IO

from peal.classes import define
from peal.errors import PealError
from peal.model.work import Change
from peal.reports.evidence import Excerpt
from peal.system import git
from peal.system.git_dialogue import Dialogue
from peal.system.git_objects import objects_of
from peal.text.redaction import BEYOND

_WORDS = (
    "diff-tree",
    "--stdin",
    "-r",
    "--patch",
    "--find-renames",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=dirty",
)
_END = "= end of the patch"
"""What are no ids git gives back as it is, behind all that it was asked before; no line of a patch begins so."""
_FAR = 16 * 1024 * 1024
"""Bytes after which a patch is broken off, and git with it: reading on to its end would take longer than starting anew."""


class _TooLong(Exception):
    """A patch was broken off."""

    def __init__(self, read: bytes) -> None:
        self.read = read


@define
class Patches:
    """Asks git for one after another."""

    repo: Path
    hide: Callable[[str], str]
    """Takes secrets out of what is told."""
    _git: Dialogue | None = None

    def of(self, change: Change, most: int) -> Excerpt | None:
        """What a task's commit differs in from the branch before it, at most so many bytes; None if there is no such commit any more."""
        commit = change.verified or change.brings
        objects = objects_of(self.repo)
        found = objects.commit(commit) if commit else None
        before = objects.commit(found.parents[0]) if found and found.parents else None
        if not found or not before:
            return None
        try:
            return self._asked(before.tree, found.tree, most)
        except PealError:  # objects that are gone, as in a repository that is not whole
            return None

    def _asked(self, before: str, after: str, most: int) -> Excerpt:
        self._git = self._git or Dialogue(git.own_folder(self.repo), _WORDS)

        def read(answer: IO[bytes]) -> bytes:
            return _read(answer, most + BEYOND)

        try:
            (found,) = self._git.ask([f"{before} {after}\n{_END}"], read)
        except _TooLong as broken_off:
            found = broken_off.read
        return Excerpt.first(found, most, self.hide)

    def close(self) -> None:
        """Let git go."""
        if self._git:
            self._git.end()


def _read(answer: IO[bytes], most: int) -> bytes:
    """The beginning of a patch, read with the line behind it."""
    kept, length, is_first = list[bytes](), 0, True
    while line := answer.readline(_FAR):
        if line.rstrip(b"\n") == _END.encode():
            return b"".join(kept)
        is_answer_to = is_first and not line.startswith(b"diff ")
        is_first = False
        if is_answer_to:
            continue  # the ids that were asked for
        if length < most:
            kept.append(line[: most - length])
        length += len(line)
        if length > _FAR:
            raise _TooLong(b"".join(kept))
    raise EOFError
