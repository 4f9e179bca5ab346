"""What lies at the paths of a tree, never looked at through a link."""

import hashlib
import os
import stat
from pathlib import Path, PurePosixPath

from peal.classes import frozen
from peal.system.git import Version

FILE, LINK, SUBMODULE = "100", "120", "160"
"""Kinds of versions."""
Mark = tuple[int, ...]
"""Tells whether the same thing still lies at a path, untouched; see stat(2)."""


@frozen
class Tree:
    """A person's files; paths are relative, as git names them."""

    root: Path

    def mark(self, path: str) -> Mark | None:
        """What changes with every writing; of a folder only that it is one. None if nothing is there."""
        found = self._found(path)
        if found is None:
            return None
        if stat.S_ISDIR(found.st_mode):
            return (stat.S_IFDIR,)
        return (found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def version(self, path: str, like: Version) -> Version | None:
        """
        What lies there as git would hold it; None if nothing does.

        A file comes without its blob, for only git knows what filters make of it. An empty folder is what git makes of
        a submodule. `like` tells how blobs are named.
        """
        found = self._found(path)
        if found is None:
            return None
        if stat.S_ISLNK(found.st_mode):
            return Version("120000", _blob(os.fsencode((self.root / path).readlink()), like))
        if stat.S_ISREG(found.st_mode):
            return Version("100755" if found.st_mode & stat.S_IXUSR else "100644", "")
        is_empty = stat.S_ISDIR(found.st_mode) and not any((self.root / path).iterdir())
        return Version("160000", "") if is_empty else Version("000000", "")

    def is_folder(self, path: str) -> bool:
        """Whether a real folder lies there."""
        found = self._found(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def folder_above(self, path: str) -> str:
        """The innermost folder around `path` that is there; empty for the root."""
        return next((above for above in parents(path) if self.is_folder(above)), "")

    def is_blocked(self, path: str) -> bool:
        """Whether something other than a folder lies where one around `path` would have to be."""
        return any(self.mark(above) and not self.is_folder(above) for above in parents(path))

    def _found(self, path: str) -> os.stat_result | None:
        """Without following a link, at whatever place of the path; None also where nobody may look."""
        try:
            for above in reversed(parents(path)):
                if not stat.S_ISDIR((self.root / above).lstat().st_mode):
                    return None
            return (self.root / path).lstat()
        except OSError:
            return None


def parents(path: str) -> list[str]:
    """The folders around a path, the innermost first; without the root."""
    return [str(above) for above in PurePosixPath(path).parents][:-1]


def _blob(content: bytes, like: Version) -> str:
    """The name that git gives to this content."""
    data = b"blob %d\0" % len(content) + content
    return hashlib.sha256(data).hexdigest() if len(like.blob) == 64 else hashlib.sha1(data).hexdigest()
