"""Files of a worktree read and written byte by byte, where git cannot convert them as their attributes say."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peal.system import git
from peal.worktrees.worktree import Worktree

_NOTHING = "* -text !eol !ident !filter !working-tree-encoding\n"
"""Goes before what the tree's own files say; see gitattributes(5)."""


def tree(worktree: Worktree) -> str:
    """All that git can read there, but for ignored files, as a tree; `GitError` if that cannot be stored."""
    with _git_of_its_own(worktree) as env:
        worktree.run(
            "add", "--all", "--ignore-errors", "--", ":(top)", env=env
        )  # what it cannot read is left out
        words = ("write-tree",)
        return git.printed(worktree.run(*words, env=env), worktree.path, words)


def write(worktree: Worktree, commit: str) -> None:
    """Have the files of a commit in the worktree."""
    with _git_of_its_own(worktree) as env:
        words = ("read-tree", "--reset", "-u", commit)
        git.printed(worktree.run(*words, env=env), worktree.path, words)


@contextmanager
def _git_of_its_own(worktree: Worktree) -> Iterator[dict[str, str]]:
    """Variables for a git with attributes of its own, on the worktree's objects and index: attributes are per repository."""
    form = git.object_format(worktree.repo)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        git.output(folder, "init", "--quiet", "--bare", "--template=", f"--object-format={form}", made)
        git.output(folder, "config", "core.autocrlf", "false")
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info/attributes").write_text(_NOTHING, encoding="ascii")
        yield {
            "GIT_DIR": made,
            "GIT_OBJECT_DIRECTORY": str(git.common_folder(worktree.repo) / "objects"),
            "GIT_INDEX_FILE": str(worktree.own_index),
        }
