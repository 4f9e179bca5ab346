"""The worktrees of a pool, found by git and on the disk, and what was moved to a place beside them."""

import os
import re
from pathlib import Path

from peal.system import git
from peal.worktrees.worktree import NAMES, Worktree


def find_worktrees(repo: Path, folder: Path) -> list[Worktree]:
    """The worktrees of a pool, also those that only git or only the disk knows; what else lies in its folder is not peal's."""
    listed = git.output(repo, "worktree", "list", "--porcelain", "-z").split("\0")
    paths = [Path(entry.removeprefix("worktree ")) for entry in listed if entry.startswith("worktree ")]
    known = {path.name for path in paths if path.parent == Path(os.path.realpath(folder))}
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    ours = [name for name in known | there if re.fullmatch(NAMES, name)]
    return [Worktree(repo, folder / name) for name in sorted(ours)]


def moved_aside(folder: Path, kind: str) -> list[Path]:
    """What lies beside the worktrees of a pool under such names."""
    own = re.compile(rf"{NAMES}\.{kind}-\d{{8}}-\d{{6}}(?:-\d+)?")
    return sorted(path for path in folder.glob(f"*.{kind}-*") if own.fullmatch(path.name))
