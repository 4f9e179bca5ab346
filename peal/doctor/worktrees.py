"""The worktrees of the pool: those that only git or only the disk knows, and those with work that is nowhere else."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from peal.doctor.backups import Keeping
from peal.doctor.finding import Symptom
from peal.doctor.look import Look
from peal.errors import PealError
from peal.system import git, removal
from peal.system.layout import OUTCOME
from peal.text.display import harmless
from peal.worktrees import leftovers
from peal.worktrees.guarded import own_programs
from peal.worktrees.listing import find_worktrees, moved_aside
from peal.worktrees.worktree import Worktree

_CLEAN = "`peal clean` removes it"


def orphan(look: Look) -> Iterator[Symptom]:
    """A worktree that is half there, or was moved aside."""
    pool = look.repo_paths.worktrees
    if look.is_live or not (pool.is_dir() or (git.common_folder(look.repo) / "worktrees").is_dir()):
        return
    for worktree in find_worktrees(look.repo, pool):
        where = look.told(worktree.path)
        if not os.path.lexists(worktree.path):
            yield Symptom(
                f"git knows worktree `{where}`, whose folder is gone",
                _CLEAN,
                where,
                partial(_remove, look, worktree),
            )
        elif not worktree.exists:
            told = f"`{where}` was a worktree, and git does not know it any more"
            yield Symptom(told, _CLEAN, where, partial(_remove, look, worktree))
    for path in moved_aside(pool, "left"):
        told = f"`{look.told(path)}` is the rest of a worktree that could not be removed"
        yield Symptom(told, f"`{removal.by_hand(path)}`", look.told(path), partial(_remove_rest, path))
    for path in moved_aside(pool, "kept"):
        told = f"`{look.told(path)}` holds work that is in no patch"
        by_hand = f"see to it, then `{removal.by_hand(path)}` removes it"
        yield Symptom(told, by_hand, look.told(path))


def _remove(look: Look, worktree: Worktree, keeping: Keeping) -> str:
    """As the next task would: what may be work stays beside, the rest goes, with its changes kept."""
    said = leftovers.rescue(worktree)
    if os.path.lexists(worktree.path):
        keeping.patch(worktree.path, _changes(look, worktree))
    if left := worktree.remove():
        raise PealError(
            f"worktree `{worktree.path}` could not be removed wholly ({left.why}); `{left.command()}` removes it"
        )
    git.output(look.repo, "worktree", "prune", "--expire=now")
    leftovers.forget(look.repo_paths.worktrees)
    return said or f"removed worktree `{look.told(worktree.path)}`"


def _changes(look: Look, worktree: Worktree) -> bytes:
    """What differs in a worktree that git has forgotten from the commit that is checked out, as a patch."""
    index = worktree.path.with_name(f"{worktree.name}.doctor-index")
    steered = {**git.steered(git.own_folder(look.repo), worktree.path), "GIT_INDEX_FILE": str(index)}
    steered |= own_programs(look.repo)
    try:
        for words in (("read-tree", "HEAD"), ("add", "--all", "--", ":(top)")):
            git.run(worktree.path, *words, env=steered)
        return git.run(
            worktree.path, "diff-index", "--cached", "--patch", "--binary", "HEAD", env=steered
        ).stdout
    finally:
        index.unlink(missing_ok=True)


def _remove_rest(path: Path, keeping: Keeping) -> str:  # noqa: ARG001
    if left := removal.remove(path):
        raise PealError(f"`{path}` could not be removed wholly ({left.why}); `{left.command()}` removes it")
    return f"removed `{path}`"


def stuck(look: Look) -> Iterator[Symptom]:
    """A worktree with what an attempt left when its run died, of which there is no patch yet."""
    pool = look.repo_paths.worktrees
    for path in [] if look.is_live else sorted(pool.glob("*.attempt")):
        worktree = Worktree(look.repo, path.with_suffix(""))
        note = leftovers.claimed(worktree)
        if note and (note.folder / OUTCOME).exists():
            continue  # it has ended, and the next attempt makes way for itself
        of = f"attempt `{harmless(note.folder.name)}`" if note else "an attempt that nobody can name"
        told = f"worktree `{look.told(worktree.path)}` holds what {of} has left, and its run is dead"
        by_hand = "`peal resume` makes a patch of it"
        yield Symptom(told, by_hand, look.told(worktree.path), partial(_rescue, look, worktree))


def _rescue(look: Look, worktree: Worktree, keeping: Keeping) -> str:
    note = leftovers.claimed(worktree)
    keeping.removed(worktree.path.with_name(f"{worktree.name}.attempt"))
    said = leftovers.rescue(worktree)
    return said or (
        f"kept what was left as a patch in `{look.told(note.folder)}`" if note else "nothing was left"
    )
