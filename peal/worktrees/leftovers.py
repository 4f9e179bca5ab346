"""What attempts leave in worktrees: each worktree in use has a note of whose work it holds, until that is safe."""

import json
import os
import re
from pathlib import Path

from attrs import evolve

from peal.classes import frozen
from peal.system import git, removal
from peal.system.files import replace
from peal.worktrees import commits
from peal.worktrees.worktree import NAMES, Worktree

_NOTE = ".attempt"


@frozen
class Note:
    """Whose work a worktree holds."""

    folder: Path
    """The attempt's folder."""
    base: str
    """The commit that the attempt began on."""
    included: tuple[Path, ...] = ()
    """Files of the person's that were copied in."""


def claim(worktree: Worktree, folder: Path, base: str) -> None:
    """What is done in the worktree from now on is this attempt's."""
    home = worktree.path.parent.parent  # a repository may be moved as a whole
    told = str(folder.relative_to(home)) if folder.is_relative_to(home) else str(folder)
    replace(
        _path(worktree),
        json.dumps({"folder": told, "base": base, "included": list(map(str, worktree.included))}),
    )


def settle(worktree: Worktree) -> None:
    """What the worktree holds is kept elsewhere, or worth nothing."""
    _path(worktree).unlink(missing_ok=True)


def claimed(worktree: Worktree) -> Note | None:
    """Whose work the worktree holds; None if it is nobody's."""
    try:
        found = json.loads(_path(worktree).read_text(encoding="utf-8"))
        included = tuple(map(Path, found["included"]))
        return Note(worktree.path.parent.parent / found["folder"], found["base"], included)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(worktree: Worktree) -> Path:
    return worktree.path.with_name(worktree.name + _NOTE)


def rescue(worktree: Worktree) -> str:
    """
    Keep what an attempt left in the worktree as a patch in its folder; after that the worktree may be reset.

    Where no patch can be made the worktree itself is set aside; where it is then is told.
    """
    note, said = claimed(worktree), ""
    if note is not None:
        worktree.clearing.open_up()
        try:
            commits.save_patch(evolve(worktree, included=note.included), note.base, note.folder)
            commits.save_submodules(worktree, note.folder)
        except git.GitError as error:
            said = _set_aside(worktree, str(error))
    settle(worktree)
    return said


def cleared(worktree: Worktree, commit: str) -> list[str]:
    """The worktree on this commit, clean, with what it held kept; what is to be told of that."""
    said = rescue(worktree)
    return [*filter(None, [said]), *worktree.reset(commit)]


def _set_aside(worktree: Worktree, why: str) -> str:
    if not worktree.path.is_dir() or worktree.path.is_symlink() or not any(worktree.path.iterdir()):
        return ""
    kept = removal.free_name(worktree.path, "kept")
    worktree.point_back()
    if not worktree.exists or not git.succeeds(
        worktree.repo, "worktree", "move", str(worktree.path), str(kept)
    ):
        try:
            worktree.path.rename(kept)
        except OSError as error:
            raise git.GitError(
                f"worktree `{worktree.path}` holds work that cannot be made a patch ({why}) and cannot be moved aside: "
                f"{error.strerror}; move it yourself"
            ) from None
    return f"what an attempt left could not be made a patch ({why}); all of it is kept in `{kept}`"


def rescue_all(repo: Path, pool: Path) -> list[str]:
    """Keep what is left in every worktree of the pool; nobody may be at work there."""
    said = [rescue(Worktree(repo, path.with_suffix(""))) for path in sorted(pool.glob(f"*{_NOTE}"))]
    return [text for text in said if text]


def forget(pool: Path) -> None:
    """Take away the notes on worktrees that are gone."""
    for path in sorted(pool.glob("*")):
        name, dot, kind = path.name.partition(".")
        is_ours = re.fullmatch(NAMES, name) and dot + kind in (_NOTE, ".setup", ".git")
        if is_ours and not os.path.lexists(path.with_name(name)):
            removal.remove(path)


def holding(repo: Path, workspace: Path, folder: Path) -> Worktree | None:
    """The worktree, if it still holds the work of the attempt in `folder`."""
    worktree = Worktree(repo, workspace)
    note = claimed(worktree)
    return (
        evolve(worktree, included=note.included)
        if note and note.folder == folder and worktree.exists
        else None
    )
