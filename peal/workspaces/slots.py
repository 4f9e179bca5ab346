"""A worktree of the pool: made once, then reset for each task; what git has ignored in it stays."""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from attrs import frozen

from peal import git
from peal.errors import PealError
from peal.files import content, replace
from peal.workspaces import submodules
from peal.workspaces.agent_git import AgentGit, Origin
from peal.workspaces.submodules import Around

ADDRESS = "address"
"""The slot in which `address` works, one task at a time; the others have numbers."""
STET = "stet"
"""The worktree that the reviewer stet has for itself."""
_MAKING = threading.Lock()
_OF_WORK = ("refs/heads/", "refs/stash")
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
        return self.git_folder is not None

    @property
    def agent_git(self) -> AgentGit:
        """The git folder that programs in the worktree use."""
        return AgentGit(self.path, self.path.with_name(f"{self.name}.git"))

    @property
    def own_index(self) -> Path:
        """What is staged as far as peal's git is concerned."""
        return self._registered() / "index"

    def hand_over(self, origin: Origin) -> list[str]:
        """Somebody is about to work here: their git finds the worktree as peal's has it; what to note of submodules."""
        self.agent_git.make(origin, self._registered())
        return submodules.fill(self.around)

    def check_intact(self) -> None:
        """PealError if who worked here has meddled with what makes the folder a worktree."""
        if not self.agent_git.is_in_place:
            raise PealError(f"worktree `{self.path}` is gone or broken; an agent must not touch its `.git`")

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
        self.unlock()
        self.output("reset", "--quiet", "--hard", commit)
        self.output("clean", "-qffd")

    def attempt(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> git.Done:
        """
        peal's git in this worktree, by the folder that it was registered with: what lies in the worktree is not believed.

        `GitError` where the worktree is gone.
        """
        steered = git.steered(self._registered(), self.path)
        return git.attempt(self.path, *words, stdin=stdin, env={**steered, **(env or {})})

    def _registered(self) -> Path:
        if folder := self.git_folder:
            return folder
        raise git.GitError(f"worktree `{self.path}` is gone or broken; an agent must not touch its `.git`")

    def output(self, *words: str, stdin: bytes = b"") -> str:
        """What git prints in this worktree; `GitError` if it fails."""
        return git.printed(self.attempt(*words, stdin=stdin), self.path, words)

    def unlock(self) -> None:
        """Clear away locks that a git of peal's has left which was cut off; nobody else may be at work here."""
        for path in self._registered().glob("*.lock"):
            path.unlink(missing_ok=True)

    @property
    def under_way(self) -> str:
        """What git has left half done here, by the file that tells of it; empty for nothing."""
        return git.under_way(self.agent_git.folder)

    def detach(self, commit: str) -> None:
        """HEAD names `commit` itself from now on."""
        head = (self._registered() / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
        if head != commit:
            self.output("update-ref", "--no-deref", "HEAD", commit)

    @property
    def git_folder(self) -> Path | None:
        """
        Where peal's git keeps this worktree's index and HEAD; None if there is no such worktree.

        Found from git's side: the worktree's own `.git` is what an agent has left there.
        """
        if self.path.is_symlink() or not self.path.is_dir():
            return None
        folders = git.common_folder(self.repo) / "worktrees"
        likely = chain([folders / self.name], folders.glob("*"))
        return next((folder for folder in likely if self._is_named_by(folder)), None)

    def _is_named_by(self, folder: Path) -> bool:
        """Whether this is git's folder for the worktree; see gitrepository-layout(5), "worktrees/<id>/gitdir"."""
        named = folder / os.fsdecode(content(folder / "gitdir") or b"").removesuffix("\n")
        is_whole = named.name == ".git" and (folder / "HEAD").is_file()
        return is_whole and named.parent.resolve() == self.path.resolve()

    def _include(self) -> None:
        for name in self.included:
            source, target = self.repo / name, self.path / name
            if source.exists() and target.resolve().is_relative_to(self.path.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def stage(self) -> None:
        """Everything that differs goes into the index, but for ignored files and repositories inside."""
        links = [f":(exclude,top,literal){path}" for path in self.links() if (self.path / path).is_dir()]
        done = self.attempt("add", "--all", "--", ":(top)", *links)
        if done.returncode != 0:  # a sparse checkout, or a repository inside that has no commit
            listed = self.output("ls-files", "--others", "--exclude-standard", "-z").split("\0")
            inside = [f":(exclude,top,literal){path.rstrip('/')}" for path in listed if path.endswith("/")]
            done = self.attempt("add", "--all", "--sparse", "--", ":(top)", *links, *inside)
        if done.returncode != 0:
            raise git.GitError(f"`git add` failed in `{self.path}`: {git.said(done)}")

    def output_of_agent_index(self, *words: str) -> str:
        """What git prints of the index that the agent's git has; `GitError` if it is spoiled."""
        done = self.attempt(*words, env={"GIT_INDEX_FILE": str(self.agent_git.index)})
        return git.printed(done, self.path, words)

    def links(self) -> dict[str, str]:
        """The submodules that the index names, each with its commit."""
        return submodules.links(self.own_index, self.output)

    @property
    def around(self) -> Around:
        """As what its submodules are part of."""
        registered = self._registered()
        return Around(
            tree=self.path,
            person_tree=self.repo,
            store=git.common_folder(self.repo),
            index=registered / "index",
            own=registered / "submodules",
            agent_folder=self.agent_git.folder,
            home=self.path.parent.parent / "submodules",
        )

    def unmerged(self) -> dict[str, str]:
        """The paths in conflict, each with git's two letters for how; see git-status(1)."""
        listed = self.output("status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all")
        return {entry[3:]: entry[:2] for entry in listed.split("\0") if entry[:2] in SIDES}

    def unmerged_for_agent(self) -> set[str]:
        """The paths that are in conflict still as far as the agent's git knows; if that is spoiled, all that were."""
        try:
            found = self.output_of_agent_index("ls-files", "--unmerged", "-z")
        except git.GitError:
            return set(self.unmerged())
        return {entry.partition("\t")[2] for entry in found.split("\0") if entry}

    def agent_has(self, commit: str) -> bool:
        """Whether the commit that the agent's HEAD is at contains this one."""
        objects = git.quoted(str(self.agent_git.folder / "objects"))
        head, env = self.agent_git.head(), {"GIT_ALTERNATE_OBJECT_DIRECTORIES": objects}
        return (
            bool(head) and self.attempt("merge-base", "--is-ancestor", commit, head, env=env).returncode == 0
        )

    def put_away(self) -> list[str]:
        """The branches and stashes of the agent's own that hold commits which nobody else has."""
        found = {
            name: commit for name, commit in self.agent_git.new_refs().items() if name.startswith(_OF_WORK)
        }
        return [name for name, commit in found.items() if not git.commit_id(self.repo, commit)]

    def changed(self) -> tuple[str, ...]:
        """The paths that differ from what the worktree was reset to; ignored and included files do not count."""
        found = self.output(
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=normal",
            "--no-renames",
            "--ignore-submodules=all",
        )
        own = {name.as_posix() for name in self.included}
        own |= {f"{parent.as_posix()}/" for name in self.included for parent in name.parents}
        paths = [entry[3:] for entry in found.split("\0") if entry]
        moved = [one.name_in_tree for one in self.around.submodules() if one.head != one.commit]
        return tuple(path for path in (*paths, *moved) if path not in own)

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

    def point_back(self) -> None:
        """Let the worktree name the folder that git registered it with, as `git worktree` wants to see it."""
        if folder := self.git_folder:
            self.agent_git.point_to(folder)

    def remove(self) -> None:
        """Take the worktree away."""
        self.point_back()
        git.attempt(self.repo, "worktree", "remove", "--force", "--force", str(self.path))
        shutil.rmtree(self.agent_git.folder, ignore_errors=True)
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
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        if slot.own_index.exists():
            shutil.copyfile(slot.own_index, index)
        steered = {"GIT_INDEX_FILE": str(index)}
        links = [f":(exclude,top,literal){path}" for path in slot.links()]
        slot.attempt("add", "--all", "--", ":(top)", *links, env=steered)
        excluded = [f":(exclude,top,literal){name.as_posix()}" for name in slot.included]
        return slot.attempt("diff", "--cached", *options, base, "--", ":(top)", *excluded, env=steered)
