"""What attempts leave in a worktree makes way for the next one; what may be work is kept beside."""

import os
import stat
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from peal.classes import frozen
from peal.system import git, removal
from peal.system.files import content
from peal.text.display import harmless

_EXCEPT_IGNORED = ("ls-files", "--others", "--exclude-standard", "--directory", "-z")
_ONLY_IGNORED = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")


@frozen
class Clearing:
    """One worktree between two attempts; nobody is at work there."""

    tree: Path
    git: Callable[..., git.Done]
    """peal's git in the worktree."""
    submodules: Path
    """Where the git folders of submodules lie that were filled here: their files can be had again."""

    def open_up(self) -> None:
        """Let us into the worktree itself, should an attempt have locked it up."""
        with suppress(OSError):
            make_writable(self.tree)

    def open_folders(self, tracked: Iterable[str]) -> None:
        """Tracked folders can be written in again: git keeps no modes of folders, so a reset brings none back."""
        opened = {""}
        for name in tracked:
            with suppress(OSError):
                if _above(name) in opened and make_writable(self.tree / name):
                    opened.add(name)

    def untracked(self) -> list[str]:
        """What is neither in a commit nor ignored, a folder of such things once and with `/` at its end."""
        return self._listed(*_EXCEPT_IGNORED)

    def _listed(self, *words: str) -> list[str]:
        found = git.printed(self.git(*words), self.tree, words)
        return [path for path in found.split("\0") if path]

    def clear(self, tracked: Mapping[str, Container[str]]) -> list[str]:
        """
        What is neither in a commit nor ignored goes, but repositories only to a place beside, which is told.

        `tracked` is what the commit has in each folder: where there is nothing else, git is not asked what that may be.
        """
        others = not_in(self.tree, tracked)
        if others == []:
            return []
        self._drop_unseen(others or [])
        listed = self.untracked()
        told = self._without_repositories(listed)
        self._drop(listed)
        return told

    def drop_untracked(self) -> None:
        """What is neither in a commit nor ignored goes: nobody's work is among it."""
        self._drop(self.untracked())

    def _drop_unseen(self, others: Iterable["os.DirEntry[str]"]) -> None:
        """What git has no eyes for, sockets, fifos and devices, goes unless it is ignored."""
        for entry in others:
            is_ignored = (
                _is_special(entry) and self.git("check-ignore", "--quiet", "--", entry.path).returncode != 1
            )
            if _is_special(entry) and not is_ignored:
                removal.remove(Path(entry.path))

    def _without_repositories(self, listed: list[str]) -> list[str]:
        """
        Move repositories that lie inside, worktrees among them, to a place beside the worktree, and tell where.

        What is in them may be nowhere else; git, which could tell, is not started in what an agent has made.
        """
        folders = [self.tree / path for path in listed if path.endswith("/")]
        found = [
            inside for folder in folders for inside in _repositories(folder) if not self._is_filled(inside)
        ]
        kept = removal.free_name(self.tree, "kept")
        return [self._moved(inside, kept) for inside in found]

    def _is_filled(self, folder: Path) -> bool:
        """Whether this is a submodule, which the commit to come does not have."""
        return (content(folder / ".git") or b"").startswith(b"gitdir: %s/" % os.fsencode(self.submodules))

    def _moved(self, inside: Path, kept: Path) -> str:
        name = inside.relative_to(self.tree)
        try:
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            inside.rename(kept / name)
        except OSError as error:
            raise git.GitError(
                f"repository `{inside}`, which an agent made, cannot be moved aside: {error.strerror}"
            ) from None
        return (
            f"a repository of its own, `{harmless(str(name))}`, was left in worktree `{self.tree.name}` and is kept in "
            f"`{kept}`; `{removal.by_hand(kept)}` removes it"
        )

    def _drop(self, listed: list[str]) -> None:
        """
        What is listed as untracked goes.

        git gives up where a folder cannot be written in, or is nested deeper than a path may be long, and it goes
        where something is mounted. A folder that holds ignored files too is left to git in any case: they stay.
        """
        if not listed:
            return
        if removal.holds_mounts(self.tree, listed):
            raise git.GitError(f"something is mounted inside `{self.tree}`")
        if self.git("clean", "-qffd").returncode != 0:
            for path in listed:
                if not path.endswith("/") or not self._listed(
                    "--literal-pathspecs", *_ONLY_IGNORED, "--", path
                ):
                    removal.remove(self.tree / path)
            self._listed("clean", "-qffd")


def holds_anything(folder: Path) -> bool:
    """Whether a folder is not empty, or cannot be looked into."""
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def make_writable(folder: Path) -> bool:
    """Whether this is a folder and no link to one; ours can be written in from now on."""
    mode = folder.lstat().st_mode
    if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
        folder.chmod(stat.S_IMODE(mode) | 0o700)
    return stat.S_ISDIR(mode)


def make_usable(place: Path) -> None:
    """A folder of ours can be written in from now on, and a file can be read."""
    if not make_writable(place) and stat.S_ISREG(mode := place.lstat().st_mode):
        place.chmod(stat.S_IMODE(mode) | 0o400)


def not_in(tree: Path, tracked: Mapping[str, Container[str]]) -> list["os.DirEntry[str]"] | None:
    """
    What lies in a worktree, but for its `.git`, and is not among the names that are `tracked` in each folder.

    Folders come with `/` at their end, the worktree as ``. None where a look cannot tell: a folder is something else,
    or closed. No link is followed.
    """
    found: list[os.DirEntry[str]] = []
    missing: set[str] = set()
    for folder, names in tracked.items():
        try:
            if _above(folder) in missing:
                raise FileNotFoundError
            if not make_writable(tree / folder):
                return None
            with os.scandir(tree / folder) as entries:
                found += [one for one in entries if one.name not in names and (folder or one.name != ".git")]
        except FileNotFoundError:  # a sparse checkout leaves it out
            missing.add(folder)
        except OSError:
            return None
    return found


def _above(folder: str) -> str:
    """The folder that one lies in."""
    above = folder.rstrip("/").rpartition("/")[0]
    return above and f"{above}/"


def _is_special(entry: "os.DirEntry[str]") -> bool:
    """Whether this is neither a file nor a folder nor a link: git does not see it."""
    kinds = (entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False), entry.is_symlink())
    return not any(kinds)


def _repositories(folder: Path) -> Iterator[Path]:
    """The repositories in a folder, itself if it is one; what lies in one belongs to it."""
    todo = [folder]
    while todo:
        at = todo.pop()
        if os.path.lexists(at / ".git"):
            yield at
            continue
        with suppress(OSError), os.scandir(at) as entries:
            todo += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
