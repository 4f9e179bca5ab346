"""Where a branch is checked out, and who else has it in hand."""

import os
import shlex
import time
from pathlib import Path

from peal.landing import locks
from peal.system import git
from peal.system.files import content
from peal.system.layout import FOLDER
from peal.text.display import harmless

_NAMED_IN = {
    "rebase-merge/head-name": "rebase",
    "rebase-merge/update-refs": "rebase",
    "rebase-apply/head-name": "rebase",
    "BISECT_START": "bisect",
}
"""Files of a worktree that name the branches which something begun there, with a detached HEAD, goes back to."""
_AGAIN_AFTER = 0.1


def found(repo: Path, branch: str) -> Path | None:
    """The tree that a branch is checked out in, the repository's own first; None if it is in none. It may be gone."""
    if content(git.own_folder(repo) / "HEAD") == b"ref: refs/heads/%s\n" % os.fsencode(branch):
        return repo
    told = git.output(repo, "for-each-ref", "--format=%(worktreepath)", f"refs/heads/{branch}")
    if not told:
        return None
    tree = Path(os.path.realpath(told))
    if tree == Path(os.path.realpath(repo)):
        return repo
    return None if tree == tree_of(repo, git.common_folder(repo)) and _is_bare(repo) else tree


def _is_bare(repo: Path) -> bool:
    """Whether worktrees are all the trees that there are: such a repository has a branch of its own, too, and no tree."""
    common = git.common_folder(repo)
    return git.output(common, "rev-parse", "--is-bare-repository", env={"GIT_DIR": str(common)}) == "true"


def unusable(repo: Path, tree: Path, branch: str) -> str:
    """Why nothing can land in another worktree of the repository; empty if it can."""
    shown, quoted = harmless(str(tree)), shlex.quote(str(tree))
    if (tree / ".git").exists():
        return ""
    if tree == git.common_folder(repo):
        return f"`{branch}` is checked out by `{shown}` in a tree that it does not name; start peal there, or switch it to another branch"
    return (
        f"`{branch}` is checked out in `{shown}`, which is not there; bring it back, or have git forget it: "
        f"`git worktree remove --force --force {quoted}`"
    )


def in_hand(repo: Path, branch: str) -> str:
    """What somebody has begun with a branch that is checked out nowhere meanwhile, with the way out; empty for nothing."""
    for folder in git_folders(repo):
        for name, begun in _NAMED_IN.items():
            words = os.fsdecode(content(folder / name) or b"").split()
            if f"refs/heads/{branch}" in words or words == [branch]:
                tree = tree_of(repo, folder)
                way = "bisect reset" if begun == "bisect" else f"{begun} --abort"
                return (
                    f"a {begun} of `{branch}` is under way in `{harmless(str(tree))}`; finish it, or "
                    f"`git -C {shlex.quote(str(tree))} {way}`"
                )
    return ""


def git_folders(repo: Path) -> list[Path]:
    """What git keeps of each worktree alone, the own first."""
    common = git.common_folder(repo)
    linked = sorted(common.glob("worktrees/*"))
    return list(dict.fromkeys((git.own_folder(repo), common, *linked)))


def tree_of(repo: Path, git_folder: Path) -> Path:
    """The tree that such a folder belongs to; see gitrepository-layout(5)."""
    if git_folder == git.own_folder(repo):
        return repo
    leads_to = os.fsdecode(content(git_folder / "gitdir") or b"").rstrip("\n")
    if leads_to:
        return (git_folder / leads_to).parent
    return git_folder.parent if git_folder.name == ".git" else git_folder


def settled(repo: Path) -> None:
    """Wait, but not for ever, until nobody is about to switch branches; in peal's own worktrees nobody does."""
    for folder in git_folders(repo):
        tree, lock = tree_of(repo, folder), folder / "index.lock"
        if FOLDER in tree.parts or not lock.exists():
            continue
        until = time.monotonic() + locks.PATIENCE
        while _is_empty(lock) and time.monotonic() < until and not locks.is_left(lock, tree):
            time.sleep(_AGAIN_AFTER)
        time.sleep(_AGAIN_AFTER)  # the switch of HEAD comes last


def _is_empty(lock: Path) -> bool:
    """Whether a lock is there and git at work below it; a commit that waits for an editor has written the index already."""
    return lock.exists() and not content(lock, limit=1)
