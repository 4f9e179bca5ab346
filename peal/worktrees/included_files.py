"""Files of the person's that are in no commit are brought into a worktree."""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from peal.classes import frozen
from peal.system import removal
from peal.text.display import harmless
from peal.worktrees.clearing import make_writable


@frozen
class Bringing:
    """From the person's tree into one worktree."""

    repo: Path
    tree: Path
    ask: Callable[..., str]
    """What peal's git in the worktree prints."""

    def bring(self, names: Iterable[Path]) -> list[str]:
        """Copy these in, whatever is in their way; tells which could not be."""
        told = []
        for name in names:
            try:
                self._copy(name)
            except OSError as error:
                why = error.strerror or error
                told.append(f"`worktree_include`: `{harmless(str(name))}` is left out: {why}")
        return told

    def _copy(self, name: Path) -> None:
        """Copy a file or a link; what is in its place goes, for all here that is not tracked is peal's."""
        source = self.repo / name
        if not stat.S_ISREG(kind := source.lstat().st_mode) and not stat.S_ISLNK(kind):
            raise OSError(errno.EINVAL, "it is neither a file nor a link")
        for folder in reversed(name.parents[:-1]):
            self._make_folder(folder)
        if left := removal.remove(self.tree / name):
            raise OSError(errno.EEXIST, f"what is in its place cannot be removed ({left.why})")
        shutil.copy2(source, self.tree / name, follow_symlinks=False)

    def _make_folder(self, name: Path) -> None:
        """A folder to write in; a link that leads out of the worktree, or a file, makes way unless it is tracked."""
        folder = self.tree / name
        is_ours = folder.is_dir() and folder.resolve().is_relative_to(self.tree.resolve())
        if os.path.lexists(folder) and not is_ours:
            if self.ask("--literal-pathspecs", "ls-files", "-z", "--", str(name)):
                shown = harmless(str(name))
                raise OSError(errno.ENOTDIR, f"`{shown}` is no folder in the worktree, and git tracks it")
            removal.remove(folder)
        folder.mkdir(exist_ok=True)
        make_writable(folder)
