"""Merges made in the object store alone, where nothing that a person has configured would have a say in them."""

import itertools
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from peal.classes import define
from peal.system import git
from peal.workspaces.additions import TickedFile

_CONFIGURED = re.compile(r"merge\.(.+\.driver|default|renormalize)", re.DOTALL)
_ENTRY = re.compile(r"\d+ (?P<blob>[0-9a-f]+) (?P<stage>[123])\t(?P<path>.+)", re.DOTALL)
"""A side of a file that clashes; see git-merge-tree(1)."""
_DRIVER = re.compile(r"merge\.(?P<name>[^=\n]+)\.driver")
_AS_TEXT = ("unspecified", "set")
"""Values of the attribute `merge` with which git merges by itself, line by line; see gitattributes(5)."""


@define(slots=False)
class StoreMerge:
    """
    Merges in a repository, with an empty folder for a tree: no driver of the person's has theirs for a folder, and no
    attributes have a say that are not committed.
    """

    repo: Path

    def tree(self, ours: str, theirs: str, plan: TickedFile | None) -> str:
        """The tree of a merge that git makes by itself; empty where something clashes or wants to have a say."""
        if self._drivers is None:
            return ""
        with tempfile.TemporaryDirectory(prefix="peal-merge-") as empty:
            # Since git 2.38; an older one fails, as a conflict does.
            found = self._git(Path(empty), "merge-tree", "--write-tree", "-z", "--messages", ours, theirs)
            if found.returncode != 0:
                return _without_ticks(os.fsdecode(found.stdout), plan) if found.returncode == 1 else ""
            tree, *messages = os.fsdecode(found.stdout).split("\0")
            mixed = list(merged_in(messages))
            return "" if mixed and self._are_special(Path(empty), ours, mixed) else tree

    @cached_property
    def _drivers(self) -> tuple[str, ...] | None:
        """Merge drivers that are configured; None where something is that goes for every file."""
        names = [name for name, _ in git.configured(self.repo) if _CONFIGURED.fullmatch(name)]
        drivers = [_DRIVER.fullmatch(name) for name in names]
        return None if None in drivers else tuple(found["name"] for found in drivers if found)

    def _git(self, empty: Path, *words: str, stdin: bytes = b"", index: str = "") -> git.Done:
        """git in the empty folder; a driver that it is told to use, by attributes that are not in a tree, fails."""
        env = {
            "GIT_DIR": str(git.own_folder(self.repo)),
            "GIT_WORK_TREE": str(empty),
            **({"GIT_INDEX_FILE": index} if index else {}),
        }
        off = [word for name in self._drivers or () for word in ("-c", f"merge.{name}.driver=false")]
        return git.run(empty, *off, *words, stdin=stdin, env=env)

    def _are_special(self, empty: Path, commit: str, paths: Sequence[str]) -> bool:
        """Whether the attributes in `commit` say of one of these files that it is not to be merged like any text."""
        with tempfile.TemporaryDirectory(prefix="peal-index-") as folder:
            index = f"{folder}/index"
            self._git(empty, "read-tree", commit, index=index)
            listed = os.fsencode("".join(f"{path}\0" for path in paths))
            asked = self._git(
                empty, "check-attr", "--cached", "-z", "--stdin", "merge", stdin=listed, index=index
            )
        values = os.fsdecode(asked.stdout).split("\0")[2::3]
        return len(values) != len(paths) or any(value not in _AS_TEXT for value in values)


def merged_in(messages: Sequence[str]) -> Iterator[str]:
    """The files whose lines come from both sides, as `git merge-tree -z --messages` tells; see git-merge-tree(1)."""
    fields = iter(messages)
    for field in fields:
        if field.isdigit():
            paths = [next(fields, "") for _ in range(int(field))]
            if next(fields, "") == "Auto-merging":
                yield from paths
            next(fields, "")


def _without_ticks(printed: str, plan: TickedFile | None) -> str:
    """The tree of a merge that clashes in nothing but boxes ticked in the plan; empty where it clashes otherwise."""
    tree, *fields = printed.split("\0")
    entries = [_ENTRY.fullmatch(field) for field in itertools.takewhile(bool, fields)]
    if not plan or not all(found and found["path"] == plan.path for found in entries):
        return ""
    return plan.united(tree, {int(found["stage"]): found["blob"] for found in entries if found})
