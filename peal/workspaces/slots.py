"""A worktree of the pool: made once, then reset for each task; what git has ignored in it stays."""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from peal import git
from peal.files import replace

ADDRESS = "address"
"""The slot in which `address` works, one task at a time; the others have numbers."""
STET = "stet"
"""The worktree that the reviewer stet has for itself."""
_LEFT_OVER = ("rebase-merge", "rebase-apply", "sequencer", "BISECT_LOG", "BISECT_START")
"""What a git that was cut off leaves in a worktree's own folder, beside its locks; `reset --hard` removes the rest."""
_MAKING = threading.Lock()
SIDES = {
    "DD": "both sides deleted it",
    "AU": "only the branch has it",
    "UD": "the task deleted it, the branch changed it",
    "UA": "only the task has it",
    "DU": "the branch deleted it, the task changed it",
    "AA": "both sides added it",
    "UU": "both sides changed it",
}
"""What git-status(1) says of unmerged paths; "us" is the branch, "them" the task."""
MARKER = re.compile(rb"^(?:<{7}|>{7}|[|]{7})(?: [^\n]*)?$", re.MULTILINE)
"""A line that git writes into a file to show a conflict; `=======` is left out, for texts underline with it."""


@frozen
class Slot:
    """One worktree; only one attempt at a time works in it."""

    repo: Path
    path: Path
    included: tuple[Path, ...] = ()
    """The person's untracked files that are copied in, relative to the repository's root."""

    @property
    def name(self) -> str:
        """`1`, `2`, … or `address`."""
        return self.path.name

    @property
    def exists(self) -> bool:
        """Whether the worktree is whole enough to be reset."""
        folder = self._git_folder()
        return folder is not None and (folder / "HEAD").is_file()

    def make(self) -> None:
        """
        Add the worktree, without its files.

        Never two at once: concurrent `git worktree add` fails now and then on a half-made neighbour. And a checkout
        here would make all others wait.
        """
        with _MAKING:
            self._make()

    def _make(self) -> None:
        if os.path.lexists(self.path):
            self.remove()
        self._mark.unlink(missing_ok=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        git.output(
            self.repo,
            "worktree",
            "add",
            "--quiet",
            "--force",
            "--force",
            "--detach",
            "--no-checkout",
            str(self.path),
        )

    def reset(self, commit: str) -> None:
        """Exactly the files of `commit`, HEAD detached there, nothing under way; ignored files stay."""
        if not self.exists:
            self.make()
        try:
            self._reset(commit)
        except git.GitError:  # an agent can break a worktree in ways that only a new one mends
            self.make()
            self._reset(commit)
        self._include()

    def _reset(self, commit: str) -> None:
        if self._is_narrowed():
            self.make()
        self.unlock()
        if self._head().startswith("ref:"):
            self.detach(commit)
        self.output("reset", "--quiet", "--hard", commit)
        self.output("clean", "-qffd")

    def _is_narrowed(self) -> bool:
        """Whether an agent has made this a sparse checkout of its own; the tasks to come would lack files."""
        folder = self._git_folder()
        own = folder / "config.worktree" if folder else None
        if own is None or not own.exists():
            return False
        shared = git.output(self.repo, "rev-parse", "--path-format=absolute", "--git-path", "config.worktree")
        return not Path(shared).exists() or own.read_bytes() != Path(shared).read_bytes()

    def attempt(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> git.Done:
        """
        git in this worktree.

        `GitError` where the worktree is spoiled: git would look for a repository further up, and find the person's.
        """
        if not self.exists:
            raise git.GitError(
                f"worktree `{self.path}` is gone or broken; an agent must not touch its `.git`"
            )
        return git.attempt(self.path, *words, stdin=stdin, env=env)

    def output(self, *words: str, stdin: bytes = b"") -> str:
        """What git prints in this worktree; `GitError` if it fails."""
        return git.printed(self.attempt(*words, stdin=stdin), self.path, words)

    def unlock(self) -> None:
        """Clear away what a git that was cut off left under way; nobody else may be at work here."""
        if folder := self._git_folder():
            for path in (*folder.glob("*.lock"), *(folder / name for name in _LEFT_OVER)):
                with suppress(OSError):
                    path.unlink()
                shutil.rmtree(path, ignore_errors=True)

    @property
    def under_way(self) -> str:
        """What git has left half done here, by the file that tells of it; empty for nothing."""
        folder = self._git_folder()
        return git.under_way(folder) if folder else ""

    def detach(self, commit: str) -> None:
        """HEAD names `commit` itself from now on: a branch that an agent has checked out here does not move with it."""
        if self._head() != commit:
            self.output("update-ref", "--no-deref", "HEAD", commit)

    def _head(self) -> str:
        """What HEAD says: a commit, or `ref:` and a branch; empty if that cannot be read."""
        folder = self._git_folder()
        try:
            return (folder / "HEAD").read_text(encoding="utf-8").strip() if folder else ""
        except (OSError, UnicodeDecodeError):
            return ""

    def _git_folder(self) -> Path | None:
        """Where git keeps this worktree's index and HEAD; None if the worktree was taken away or spoiled."""
        with suppress(OSError, UnicodeDecodeError):
            text = (self.path / ".git").read_text(encoding="utf-8", errors="surrogateescape")
            folder = Path(text.removeprefix("gitdir: ").rstrip("\n"))
            back = (folder / "gitdir").read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
            if os.path.realpath(back) == os.path.realpath(self.path / ".git"):
                return folder
        return None

    def _include(self) -> None:
        for name in self.included:
            source, target = self.repo / name, self.path / name
            if source.exists() and target.resolve().is_relative_to(self.path.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def stage(self) -> None:
        """Everything that differs goes into the index, but for ignored files and repositories inside."""
        done = self.attempt("add", "--all")
        if done.returncode != 0:  # a sparse checkout, or a repository inside that has no commit
            listed = self.output("ls-files", "--others", "--exclude-standard", "-z").split("\0")
            inside = [f":(exclude,top,literal){path.rstrip('/')}" for path in listed if path.endswith("/")]
            done = self.attempt("add", "--all", "--sparse", "--", ":(top)", *inside)
        if done.returncode != 0:
            raise git.GitError(f"`git add` failed in `{self.path}`: {git.said(done)}")

    def unmerged(self) -> dict[str, str]:
        """The paths in conflict, each with git's two letters for how; see git-status(1)."""
        listed = self.output("status", "--porcelain", "-z", "--untracked-files=no")
        return {entry[3:]: entry[:2] for entry in listed.split("\0") if entry[:2] in SIDES}

    def is_changed(self, commit: str) -> bool:
        """Whether anything but ignored and included files differs from `commit`, committed or not."""
        found = self.output("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal")
        heads = [line for line in found.split("\0") if line.startswith("# branch.oid ")]
        own = {f"? {name.as_posix()}" for name in self.included}
        own |= {f"? {parent.as_posix()}/" for name in self.included for parent in name.parents}
        entries = [entry for entry in found.split("\0") if entry and not entry.startswith("# ")]
        return heads != [f"# branch.oid {commit}"] or not own.issuperset(entries)

    @property
    def _mark(self) -> Path:
        return self.path.with_name(f"{self.name}.setup")

    def was_set_up_by(self, command: tuple[str, ...]) -> bool:
        """Whether this very command has readied the worktree since it was made."""
        try:
            return self._mark.read_text(encoding="utf-8") == "\0".join(command)
        except OSError:
            return False

    def is_set_up_by(self, command: tuple[str, ...]) -> None:
        """The command has succeeded; what it left that is not ignored goes, or the next task would commit it."""
        replace(self._mark, "\0".join(command))
        self.output("reset", "--quiet", "--hard")
        self.drop_untracked()

    def drop_untracked(self) -> None:
        """Files that are in no commit and no index go, unless git ignores them or they are included."""
        self.output("clean", "-qffd")
        self._include()

    def remove(self) -> None:
        """Take the worktree away."""
        git.attempt(self.repo, "worktree", "remove", "--force", "--force", str(self.path))
        if self.path.is_symlink() or self.path.is_file():
            self.path.unlink()
        shutil.rmtree(self.path, ignore_errors=True)
        self._mark.unlink(missing_ok=True)


def found(repo: Path, folder: Path) -> list[Slot]:
    """The worktrees of a pool; what else lies in its folder is not peal's."""
    listed = git.output(repo, "worktree", "list", "--porcelain", "-z").split("\0")
    paths = {Path(entry.removeprefix("worktree ")) for entry in listed if entry.startswith("worktree ")}
    ours = [path for path in sorted(paths) if path.parent == folder]
    return [Slot(repo, path) for path in ours if path.name.isdigit() or path.name in (ADDRESS, STET)]


def difference(slot: Slot, base: str, options: list[str]) -> git.Done:
    """What differs from `base` in a worktree that somebody works in; its index stays as it is."""
    own = slot.output("rev-parse", "--path-format=absolute", "--git-path", "index")
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        if Path(own).exists():
            shutil.copyfile(own, index)
        steered = {"GIT_INDEX_FILE": str(index)}
        slot.attempt("add", "--all", env=steered)
        excluded = [f":(exclude,top,literal){name.as_posix()}" for name in slot.included]
        return slot.attempt("diff", "--cached", *options, base, "--", ":(top)", *excluded, env=steered)
