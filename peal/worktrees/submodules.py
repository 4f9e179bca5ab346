"""The submodules of a worktree: filled from git folders that agents have no hand in, and taken in again as data."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from peal.classes import frozen
from peal.system import git
from peal.system.files import content
from peal.worktrees.agent_git import AgentGit, Origin

_LINK = (0o160000).to_bytes(4, "big")
"""The mode of a submodule in an index; see gitformat-index(5). It may stand there by chance, and is never missing."""
_KEPT = "refs/peal/"
"""Keeps commits that agents have made in a submodule from being collected."""
_REMOTES = "refs/remotes/origin/"


@frozen
class Around:
    """The repository that submodules are part of, in one worktree: the project itself, or a submodule of it."""

    tree: Path
    """Its folder in the worktree."""
    person_tree: Path
    """The person's folder of it."""
    store: Path
    """Its git folder that agents have no hand in."""
    index: Path
    """Its index as peal's git has it."""
    own: Path
    """Where peal keeps what it knows of its submodules in this worktree."""
    agent_folder: Path
    """Its git folder for agents."""
    home: Path
    """Where peal keeps submodules that the person has not filled."""

    def output(self, *words: str) -> str:
        """What git prints there; `GitError` if it fails."""
        env = {**git.steered(self.store, self.tree), "GIT_INDEX_FILE": str(self.index)}
        return git.output(self.tree, *words, env=env)

    def names(self) -> dict[str, str]:
        """Each submodule's name by its path; see gitmodules(5). None for a file that nobody can read, as in a conflict."""
        try:
            listed = self.output(
                "config", "--blob", ":.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"
            )
        except git.GitError:
            return {}
        entries = (entry.partition("\n") for entry in listed.split("\0") if entry)
        named = {path: key.removeprefix("submodule.").removesuffix(".path") for key, _, path in entries}
        return {path: name for path, name in named.items() if ".." not in name.split("/") and name[:1] != "/"}

    def submodules(self) -> list["Submodule"]:
        """Those that the index names and `.gitmodules` describes."""
        commits = links(self.index, self.output)
        named = self.names() if commits else {}
        return [Submodule(self, path, named[path], commits[path]) for path in commits if path in named]


@frozen
class Submodule:
    """One submodule in one worktree."""

    around: Around
    name_in_tree: str
    """Its path in the repository around it."""
    name: str
    commit: str
    """What the repository around it names."""

    @property
    def path(self) -> Path:
        """Its folder in the worktree."""
        return self.around.tree / self.name_in_tree

    @property
    def person_path(self) -> Path:
        """The person's folder of it."""
        return self.around.person_tree / self.name_in_tree

    @property
    def agent_git(self) -> AgentGit:
        """The git folder that programs in it use, where git itself would put one."""
        return AgentGit(self.path, self.around.agent_folder / "modules" / self.name)

    @property
    def store(self) -> Path:
        """The git folder that agents have no hand in: the person's, else one of peal's own, which may not be there yet."""
        theirs = (self.around.store / "modules" / self.name, _named_in(self.person_path / ".git"))
        return next((folder for folder in theirs if (folder / "HEAD").is_file()), self.own_store)

    @property
    def own_store(self) -> Path:
        """Where peal keeps it if the person has not filled it."""
        return self.around.home / quote(self.name, safe="")

    @property
    def _own(self) -> Path:
        return self.around.own / quote(self.name, safe="")

    @property
    def inside(self) -> Around:
        """As what its own submodules are part of."""
        return Around(
            tree=self.path,
            person_tree=self.person_path,
            store=self.store,
            index=self._own / "index",
            own=self._own / "submodules",
            agent_folder=self.agent_git.folder,
            home=self.own_store / "modules",
        )

    def has(self, commit: str) -> bool:
        """Whether the commit can be checked out without asking anybody."""
        return (self.store / "HEAD").is_file() and bool(
            self._attempt("cat-file", "-e", f"{commit}^{{commit}}")
        )

    def _attempt(self, *words: str) -> bool:
        done = git.run(self.store, *words, env=git.steered(self.store, self.store))
        return done.returncode == 0

    def list_files(self) -> None:
        """Know what belongs to its commit, without touching a file."""
        self._own.mkdir(parents=True, exist_ok=True)
        self.inside.output("read-tree", "--reset", self.commit)

    def fill(self, is_alone: bool) -> None:
        """Exactly the files of its commit, and a git folder for agents; ignored files stay."""
        self._own.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(parents=True, exist_ok=True)
        self.inside.output("read-tree", "--reset", "-u", self.commit)
        self.inside.output("clean", "-qffd")
        (self._own / "HEAD").write_text(f"{self.commit}\n", encoding="utf-8")
        self.agent_git.make(Origin.of(self.store, self.person_path, is_alone=is_alone), self._own)

    @property
    def head(self) -> str:
        """The commit that agents have left it at; the one it had, if it is no repository any more."""
        return (self.agent_git.head() if self.agent_git.is_in_place else "") or self.commit

    def take_in(self, commit: str) -> bool:
        """
        Bring a commit of an agent's into the git folder that agents have no hand in, and keep it there by a ref.

        It goes as a pack whose every object is hashed again: nothing of theirs is believed. Whether it is there then.
        """
        if not (self.store / "HEAD").is_file():
            self._make_own_store()
        if not self.has(commit) and not self._fetch([commit]):
            return False
        return self._attempt("update-ref", f"{_KEPT}{commit}", commit)

    def _fetch(self, commits: list[str]) -> bool:
        theirs = self.agent_git.folder
        env = git.steered(self.store, self.store)
        shallow = {"GIT_SHALLOW_FILE": str(theirs / "shallow")} if (theirs / "shallow").is_file() else {}
        try:
            objects = self.agent_git.objects_for_git(self.store)
        except git.GitError:
            return False
        known = git.output(self.store, "for-each-ref", "--format=^%(objectname)", env=env).split()
        wanted = "".join(f"{one}\n" for one in (*commits, *known)).encode()
        packed = git.run(
            self.store,
            "pack-objects",
            "--revs",
            "--stdout",
            "-q",
            stdin=wanted,
            env={**env, **objects, **shallow},
        )
        if packed.returncode != 0:
            return False
        if shallow and not (self.store / "shallow").exists():
            (self.store / "shallow").write_bytes(content(theirs / "shallow") or b"")
        taken = git.run(self.store, "index-pack", "--stdin", stdin=packed.stdout, env=env)
        return taken.returncode == 0 and all(map(self.has, commits))

    def _make_own_store(self) -> None:
        """A repository without files, in which the person can push what an agent has committed."""
        folder, theirs = self.own_store, self.agent_git.folder
        folder.mkdir(parents=True, exist_ok=True)
        names_format = f"--object-format={self.around.output('rev-parse', '--show-object-format')}"
        git.output(folder, "init", "--quiet", "--bare", "--template=", names_format)
        told = content(theirs / "config") or b""
        url = git.run(folder, "config", "--file", "-", "remote.origin.url", stdin=told)
        env = git.steered(folder, folder)  # bare, and a person may forbid git to find such a one by itself
        remote = os.fsdecode(url.stdout).strip() or "unknown"
        git.output(folder, "config", "remote.origin.url", remote, env=env)
        git.output(folder, "config", "remote.origin.fetch", f"+refs/heads/*:{_REMOTES}*", env=env)

    def note_published(self) -> None:
        """What an agent's git knows of the remote is known in peal's own repository too."""
        if self.store != self.own_store:
            return
        for name, commit in self.agent_git.refs(_REMOTES).items():
            if self.has(commit) or self._fetch([commit]):
                self._attempt("update-ref", name, commit)

    def is_published(self, commit: str) -> bool:
        """Whether a remote has the commit, as far as git here knows."""
        known = [one for one in self.agent_git.refs(_REMOTES).values() if self.has(one)]
        env = git.steered(self.store, self.store)
        missing = git.run(
            self.store, "rev-list", "--max-count=1", commit, "--not", "--remotes", *known, "--", env=env
        )
        return missing.returncode == 0 and not missing.stdout

    def difference(self) -> bytes:
        """What its files differ in from where agents have left it, as a patch; empty if they do not."""
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            if self.inside.index.exists():
                shutil.copyfile(self.inside.index, index)
            env = {**git.steered(self.store, self.path), "GIT_INDEX_FILE": str(index)}
            inner = [f":(exclude,top,literal){path}" for path in links(index, self.inside.output)]
            git.output(self.path, "add", "--all", "--", ":(top)", *inner, env=env)
            words = (
                "diff-index",
                "--cached",
                "--patch",
                "--binary",
                "--ignore-submodules=all",
                "--no-ext-diff",
            )
            return git.run(self.path, *words, "--no-textconv", self.head, env=env).stdout


def _named_in(entry: Path) -> Path:
    """The git folder that a `.git` is, or names: in a linked worktree of the person's it is not where others have it."""
    told = os.fsdecode(content(entry) or b"").removesuffix("\n")
    named = told.removeprefix("gitdir: ")
    return Path(os.path.normpath(entry.parent / named)) if named != told else entry


def filled(around: Around) -> Iterator[Submodule]:
    """The submodules that have files and a git folder in the worktree, those of others inside them too."""
    for submodule in around.submodules():
        if submodule.inside.index.exists() or submodule.agent_git.is_in_place:
            yield submodule
            yield from filled(submodule.inside)


def fill(around: Around, is_alone: bool = False) -> list[str]:
    """
    Fill all of them, as deep as they go; a line on each that stays empty for want of its commit.

    `is_alone` is as in `Origin`.
    """
    said = []
    for submodule in around.submodules():
        shown = os.path.relpath(submodule.person_path, around.person_tree)
        if submodule.has(submodule.commit):
            submodule.fill(is_alone)
            said += fill(submodule.inside, is_alone)
        elif submodule.store != submodule.own_store:
            said.append(
                f"submodule `{shown}` is empty in worktrees: yours lacks commit {submodule.commit[:10]}; "
                f"`git submodule update --init {shown}` brings it"
            )
    return said


def adopt(around: Around) -> None:
    """Take in the submodules that a program of the person's has just filled, and that are nowhere else here."""
    for submodule in around.submodules():
        if not submodule.has(submodule.commit) and submodule.agent_git.is_in_place:
            submodule.take_in(submodule.commit)
            submodule.note_published()
        if submodule.has(submodule.commit):
            submodule.list_files()
            adopt(submodule.inside)


def is_kept_only_in(store: Path, commit: str) -> bool:
    """Whether a git folder of peal's own has a commit that no remote has, as far as it knows."""
    env = git.steered(store, store)
    if git.run(store, "cat-file", "-e", f"{commit}^{{commit}}", env=env).returncode != 0:
        return False
    return bool(git.output(store, "rev-list", "--max-count=1", commit, "--not", "--remotes", env=env))


def links(index: Path, output: Callable[..., str]) -> dict[str, str]:
    """
    The submodules that an index names, each with its commit; of one in conflict the branch's.

    git would start another git inside of them, by the settings it finds there: they are kept out of its sight.
    """
    indexes = (index, *index.parent.glob("sharedindex.*"))
    if not any(_LINK in (content(one) or b"") for one in indexes):
        return {}
    entries = (entry.partition("\t") for entry in output("ls-files", "--stage", "-z").split("\0"))
    found = [(path, *head.split(" ")) for head, _, path in entries if head.startswith("160000 ")]
    return {path: commit for path, _, commit, stage in found if stage in ("0", "2")}
