"""What would keep git from putting a change into a person's tree, found before anything is touched."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from peal.landing.person_tree import SUBMODULE, Tree
from peal.system import git
from peal.text.display import size, some

_SHOWN = 5
_AMPLE = 1 << 30
"""Bytes of room on the disk that spare the question how many a change needs."""


def found(repo: Path, changes: Mapping[str, git.Change]) -> str:
    """What has to be put right before this change can land, and how; empty for nothing."""
    return _closed(repo, changes) or _crowded(repo, changes)


def deleted(repo: Path, changes: Mapping[str, git.Change]) -> str:
    """
    What to say of files that a person has deleted and this change would bring back; empty if there are none.

    git takes a file that is gone for one without changes. See git-ls-files(1): what a sparse checkout leaves out is not deleted.
    """
    tree = Tree(repo)
    gone = [
        path
        for path, change in changes.items()
        if change.before and change.after and change.before.kind != SUBMODULE and tree.mark(path) is None
    ]
    if not gone:
        return ""
    words = ("ls-files", "--deleted", "-z", "--", *(f":(top,literal){path}" for path in gone))
    if not (found := git.output(repo, *words).split("\0")[:-1]):
        return ""
    are, them = ("is", "it") if len(found) == 1 else ("are", "them")
    return (
        f"{some(found, _SHOWN)}, which the task changes, {are} deleted in your tree, and that is not committed; commit that, or "
        f"get {them} back with `git checkout -- {shlex.join(found[:_SHOWN])}`"
    )


def _closed(repo: Path, changes: Mapping[str, git.Change]) -> str:
    """The folders in which git would have to write, and may not."""
    tree = Tree(repo)
    concerned: dict[str, str] = {}
    is_open: dict[str, bool] = {}
    for path, change in sorted(changes.items()):
        folder = tree.folder_above(path)
        if folder not in is_open:
            is_open[folder] = _may(repo / folder, os.W_OK | os.X_OK)
        if not is_open[folder] and _is_written(tree, path, change, repo / folder):
            concerned.setdefault(folder or ".", path)
    return _told(repo, list(concerned), list(concerned.values())) if concerned else ""


def _may(folder: Path, how: int) -> bool:
    return os.access(folder, how, effective_ids=os.access in os.supports_effective_ids)


def _is_written(tree: Tree, path: str, change: git.Change, folder: Path) -> bool:
    """Whether git writes or deletes there: not what is inside a submodule, nor what a sparse checkout leaves out."""
    before, after = change.before, change.after
    if before and after and before.kind == after.kind == SUBMODULE:
        return False
    return not before or tree.mark(path) is not None or not _may(folder, os.X_OK)


def _told(repo: Path, folders: Sequence[str], paths: Sequence[str]) -> str:
    """For example: `dist` is not writable, where the task changes `dist/out.js`; `chmod u+w dist`."""
    shown, files = some(folders, _SHOWN), some(paths, _SHOWN)
    are, them = ("is", "it") if len(folders) == 1 else ("are", "them")
    is_ours = all((repo / folder).stat().st_uid == os.geteuid() for folder in folders)
    is_fixed = any(os.statvfs(repo / folder).f_flag & os.ST_RDONLY for folder in folders)
    way = f"make {them} writable"
    if is_ours and not is_fixed and len(folders) <= _SHOWN:
        way = f"`chmod u+wx {shlex.join(folders)}`"
    return f"{shown} {are} not writable, and the task changes {files} there; {way}"


def _crowded(repo: Path, changes: Mapping[str, git.Change]) -> str:
    """How much room the disk lacks."""
    found = os.statvfs(repo)
    room = found.f_bavail * found.f_frsize
    if room >= _AMPLE:
        return ""
    before = [change.before for change in changes.values() if change.before]
    after = [change.after for change in changes.values() if change.after]
    sizes = _sizes(repo, [*before, *after])
    needed = sum(sizes[len(before) :]) - sum(sizes[: len(before)])
    if needed <= room:
        return ""
    return f"the task needs {size(needed)} more on the disk of `{repo}`, which has {size(room)}; make room"


def _sizes(repo: Path, versions: Sequence[git.Version]) -> list[int]:
    """How many bytes each has without filters; 0 for a submodule and for what is not here yet."""
    asked = "".join(f"{version.blob}\n" for version in versions)
    listed = git.output(repo, "cat-file", "--batch-check=%(objecttype) %(objectsize)", stdin=asked.encode())
    words = [line.split() for line in listed.splitlines()]
    return [int(word[1]) if word[0] == "blob" else 0 for word in words]
