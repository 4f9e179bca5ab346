"""A worktree of the pool: made once, then reset for each task; what git has ignored in it stays."""

import errno
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.system import git, removal
from peal.system.files import content, replace
from peal.system.git_objects import objects_of
from peal.text.display import some
from peal.worktrees import submodules
from peal.worktrees.agent_git import AgentGit, Origin, Stamp
from peal.worktrees.clearing import Clearing, holds_anything, make_usable
from peal.worktrees.conflicts import SIDES
from peal.worktrees.guarded import own_programs
from peal.worktrees.included_files import Bringing
from peal.worktrees.submodules import Around

ADDRESS = "address"
"""The worktree in which `address` works, one task at a time; the others have numbers."""
STET = "stet"
"""The worktree that the reviewer stet has for itself."""
NAMES = rf"(?:\d+|(?:{ADDRESS}|{STET})(?:-\d+)?)"
"""What worktrees of a pool are called: where plans land in several branches at once, each branch has its own for reviews."""
_MAKING = threading.Lock()
_OF_WORK = ("refs/heads/", "refs/stash")
_SHOWN = 5
"""Paths that a note names."""
_UNREAD = re.compile(r"^warning: could not open directory '(.*?)(?:': ([^'\n]*))?$", re.MULTILINE)
"""What git says of a folder; it cuts off what is too long for it, and the reason with it."""
_DENIED = "Permission denied"
_LOCKED = re.compile(rf'^error: open\("(.*)"\): {_DENIED}$', re.MULTILINE)
MARKER = re.compile(rb"^(?:<{7}|>{7}|[|]{7})(?: [^\n]*)?$", re.MULTILINE)
"""A line that git writes into a file to show a conflict; `=======` is left out, for texts underline with it."""


@frozen
class Worktree:
    """One worktree; only one attempt at a time works in it."""

    repo: Path
    path: Path
    included: tuple[Path, ...] = ()
    """The person's untracked files that are copied in, relative to the repository's root."""
    committed: tuple[str, ...] = ()
    """Patterns of paths that are committed though git ignores them."""

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
        return submodules.fill(self.around, origin.is_alone)

    def stamp(self) -> Stamp | None:
        """
        What is the same for as long as nobody has changed what was handed over; None where that cannot be told.

        Submodules have git folders of their own, in places of their own.
        """
        if (self.path / ".gitmodules").exists():
            return None
        return self.agent_git.stamp(self._registered())

    def check_intact(self) -> None:
        """PealError if who worked here has meddled with what makes the folder a worktree."""
        if not self.agent_git.is_in_place:
            raise PealError(f"worktree `{self.path}` is gone or broken; an agent must not touch its `.git`")

    def make(self) -> list[str]:
        """
        Add the worktree, without its files; tells of one that was there before and could not be removed.

        Never two at once: concurrent `git worktree add` fails now and then on a half-made neighbour. And a checkout
        here would make all others wait.
        """
        with _MAKING:
            return self._make()

    def _make(self) -> list[str]:
        told = self._out_of_the_way()
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
        return told

    def _out_of_the_way(self) -> list[str]:
        """Make room for a fresh worktree: what cannot be removed is moved aside, and told with what removes it."""
        left = self.remove() if os.path.lexists(self.path) else None
        self._mark.unlink(missing_ok=True)
        if left is None or not holds_anything(self.path):
            return []
        aside = removal.free_name(self.path, "left")
        try:
            self.path.rename(aside)
        except OSError as error:
            raise git.GitError(
                f"worktree `{self.path}` can be neither emptied ({left.why}) nor moved aside ({error.strerror}); "
                f"`{left.command()}` removes it"
            ) from None
        return [
            f"what could not be removed from worktree `{self.name}` ({left.why}) was moved to `{aside}`; `{left.command(aside)}` removes it"
        ]

    def reset(self, commit: str) -> list[str]:
        """
        Exactly the files of `commit`, HEAD detached there, nothing under way; ignored files stay.

        Tells what could not be removed, and what was kept because it may be in no other place.
        """
        self.clearing.open_up()
        told = [] if self.exists else self.make()
        try:
            told += self._reset(commit)
        except git.GitError:  # an agent can break a worktree in ways that only a new one mends
            told += self.make()
            told += self._reset(commit)
        return [*told, *self._bring()]

    def _reset(self, commit: str) -> list[str]:
        self.unlock()
        tracked = objects_of(self.repo).folders_of(commit)
        self.clearing.open_folders(tracked)
        self.output("reset", "--quiet", "--hard", commit)
        return self.clearing.clear(tracked)

    @property
    def clearing(self) -> Clearing:
        """What is done about things that attempts leave here."""
        return Clearing(self.path, self.run, self.agent_git.folder / "modules")

    def _bring(self) -> list[str]:
        return Bringing(self.repo, self.path, self.output).bring(self.included)

    def run(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> git.Done:
        """
        peal's git in this worktree, by the folder that it was registered with: what lies in the worktree is not believed.

        `GitError` where the worktree is gone.
        """
        steered = git.steered(self._registered(), self.path) | own_programs(self.repo)
        return git.run(self.path, *words, stdin=stdin, env={**steered, **(env or {})})

    def _registered(self) -> Path:
        if folder := self.git_folder:
            return folder
        raise git.GitError(f"worktree `{self.path}` is gone or broken; an agent must not touch its `.git`")

    def output(self, *words: str, stdin: bytes = b"") -> str:
        """What git prints in this worktree; `GitError` if it fails."""
        return git.printed(self.run(*words, stdin=stdin), self.path, words)

    def unlock(self) -> None:
        """Clear away locks that a git of peal's has left which was cut off; nobody else may be at work here."""
        for path in self._registered().glob("*.lock"):
            path.unlink(missing_ok=True)

    @property
    def work_under_way(self) -> str:
        """What git has left half done here, by the file that tells of it; empty for nothing."""
        return git.work_under_way(self.agent_git.folder)

    def have(self, commit: str, base: str, is_staged: bool) -> None:
        """The files of a commit, as changes to `base`, which an agent has staged or not."""
        self.output("read-tree", "--reset", "-u", commit)
        self.output("read-tree", "--reset", base)
        if is_staged:
            words, env = ("read-tree", commit), self.agent_git.index_for_git()
            git.printed(self.run(*words, env=env), self.path, words)

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
        return is_whole and (named.parent == self.path or named.parent.resolve() == self.path.resolve())

    def stage(self) -> list[str]:
        """Everything that differs goes into the index, but for ignored files and repositories inside; what git left out is told."""
        links = self._but_for_links()
        done = self._added("--", ":(top)", *links)
        if done.returncode != 0:  # a repository inside that has no commit
            listed = self.output("ls-files", "--others", "--exclude-standard", "-z").split("\0")
            inside = [f":(exclude,top,literal){path.rstrip('/')}" for path in listed if path.endswith("/")]
            done = self._added("--", ":(top)", *links, *inside)
        if done.returncode != 0:
            raise git.GitError(f"`git add` failed in `{self.path}`: {git.said(done)}")
        return [
            f"git cannot read `{removal.short(name)}` ({why}), so what is in there does not land"
            for name, why in _unread(done).items()
        ]

    def stage_tracked(self) -> None:
        """What differs of the files that the index has goes into it; no git is started in submodules."""
        self.output("add", "--update", *self.wholly, "--", ":(top)", *self._but_for_links())

    @property
    def wholly(self) -> tuple[str, ...]:
        """What lets git work on files too that a sparse checkout leaves out: it may pass over them in silence."""
        return ("--sparse",) if (self._registered() / "info/sparse-checkout").exists() else ()

    def _but_for_links(self) -> list[str]:
        return [f":(exclude,top,literal){path}" for path in self.links() if (self.path / path).is_dir()]

    def _added(self, *words: str) -> git.Done:
        """`git add` of everything, also of files that an attempt has locked, and in folders: of those git would only warn."""
        opened: set[str] = set()
        while True:
            done = self.run("add", "--all", *self.wholly, *words)
            folders = [name for name, why in _unread(done).items() if why == _DENIED]
            locked = {*folders, *_LOCKED.findall(os.fsdecode(done.stderr))} - opened
            if not locked:
                return done
            for name in locked:
                with suppress(OSError):
                    make_usable(self.path / name)
            opened |= locked

    def output_of_agent_index(self, *words: str) -> str:
        """What git prints of the index that the agent's git has; `GitError` if it is spoiled."""
        done = self.run(*words, env=self.agent_git.index_for_git())
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
        if not (head := self.agent_git.head()):
            return False
        try:
            env = self.agent_git.objects_for_git(git.common_folder(self.repo))
        except git.GitError:
            return False
        return self.run("merge-base", "--is-ancestor", commit, head, env=env).returncode == 0

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

    def mark_set_up_by(self, command: tuple[str, ...]) -> list[str]:
        """The command has succeeded; what it left that is not ignored goes, or the next task would commit it, and is told."""
        replace(self._mark, "\0".join(command))
        told = [*self._taken_back(), *self._taken_away()]
        self.output("reset", "--quiet", "--hard")
        return [*told, *self.drop_untracked()]

    def _taken_back(self) -> list[str]:
        """What the setup has changed of the files that are tracked."""
        words = (
            "diff",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "--ignore-submodules=all",
            "-z",
            "HEAD",
            "--",
        )
        listed = self.output(*words)
        changed = [path for path in listed.split("\0") if path]
        if not changed:
            return []
        shown = some(changed, _SHOWN)
        why = "tasks begin with the files as they are committed; commit the change, or let the command leave them alone"
        return [f"`worktree_setup` changed {shown}, and that was taken back: {why}"]

    def _taken_away(self) -> list[str]:
        """What the setup has made and git would take for the task's work."""
        brought = {f"{parent.as_posix()}/" for name in self.included for parent in name.parents}
        brought |= {name.as_posix() for name in self.included}
        made = [
            path for path in self.clearing.untracked() if path not in brought and self._is_something(path)
        ]
        if not made:
            return []
        links = any((self.path / path).is_symlink() for path in made)
        hint = "; a line that ends in `/` does not match a link" if links else ""
        way_out = f"name it in `.gitignore` or `.git/info/exclude`{hint}"
        why = f"which git does not ignore, so it was taken away again: {way_out}"
        return [f"`worktree_setup` made {some(made, _SHOWN)}, {why}"]

    def _is_something(self, path: str) -> bool:
        """Whether this is a file or a folder that is not empty."""
        return not path.endswith("/") or holds_anything(self.path / path)

    def drop_untracked(self) -> list[str]:
        """Files that are in no commit and no index go, unless git ignores them or they are included."""
        self.clearing.drop_untracked()
        return self._bring()

    def point_back(self) -> None:
        """Let the worktree name the folder that git registered it with, as `git worktree` wants to see it."""
        if folder := self.git_folder:
            self.agent_git.point_to(folder)

    def remove(self) -> removal.Left | None:
        """Take the worktree away; what still stands, None if it is gone."""
        left = removal.remove(self.path)
        if left is None:  # by itself git would also go where something is mounted
            git.run(self.repo, "worktree", "remove", "--force", "--force", str(self.path))
        removal.remove(self._mark)
        return left or removal.remove(self.agent_git.folder)


def _unread(done: git.Done) -> dict[str, str]:
    """The folders that git could not look into, each with its reason: it only warns of them."""
    found = _UNREAD.findall(os.fsdecode(done.stderr))
    return {name: why or os.strerror(errno.ENAMETOOLONG) for name, why in found}


def difference(worktree: Worktree, base: str, options: list[str]) -> git.Done:
    """What differs from `base` in a worktree that somebody works in; its index stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        if worktree.own_index.exists():
            shutil.copyfile(worktree.own_index, index)
        steered = {"GIT_INDEX_FILE": str(index)}
        links = [f":(exclude,top,literal){path}" for path in worktree.links()]
        worktree.run("add", "--all", *worktree.wholly, "--", ":(top)", *links, env=steered)
        excluded = [f":(exclude,top,literal){name.as_posix()}" for name in worktree.included]
        return worktree.run("diff", "--cached", *options, base, "--", ":(top)", *excluded, env=steered)
