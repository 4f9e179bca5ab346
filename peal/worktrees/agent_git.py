"""
The git folder that programs in a worktree use: the person's history by reference, everything else a copy.

What an agent commits, stashes, branches, configures or breaks is there and nowhere else, and goes with the next copy.
peal's own git never reads it: what it says of itself is read as data, and what its settings name is never run.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from peal.classes import frozen
from peal.system import git, removal
from peal.system.files import content
from peal.system.git_refs import all_refs
from peal.system.git_settings import Entry, entries, is_way_out, setting

_UNDER_WAY = ("MERGE_HEAD", "MERGE_MODE", "MERGE_MSG", "AUTO_MERGE", "CHERRY_PICK_HEAD", "ORIG_HEAD")
"""What git keeps beside the index of something begun; see gitrepository-layout(5)."""
_OWN = ("HEAD", "index")
_FOLDERS = ("objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags", "info")
"""What a git folder has, those above first."""
_SHARED = ("shallow", "info/exclude", "info/attributes", "info/grafts")
_NOT_TAKEN = (
    "core.bare",
    "core.worktree",
    "core.fsmonitor",
    "extensions.worktreeconfig",
    "extensions.refstorage",
    "include.",
    "includeif.",
)
"""Settings that are about the person's own folders, or whose files have been read already."""
_PEAL_S_OWN = "refs/peal/"
_NOT_ANYBODY_S = ("refs/stash", _PEAL_S_OWN, "refs/bisect/", "refs/worktree/", "refs/rewritten/")
"""What belongs to one worktree or to the person alone: an agent that pops a stash would get theirs."""
_LONGEST = 1_000_000
"""Bytes of a file of the agent's that are read."""
_DEEPEST = 5
"""How many names may point to one another before that is taken for a circle; git has the same bound."""


Stamp = frozenset[tuple[str, tuple[int, ...]]]
"""Paths, each with what a file system changes whenever it is changed."""


@frozen
class Origin:
    """What the git folders of one repository's worktrees are made from."""

    folder: Path
    """The repository's git folder, what all its worktrees share."""
    settings: str
    """The repository's own settings, as the text of a settings file."""
    has_ref_files: bool
    """Whether git keeps branches and tags in files there, and not in a table."""
    hidden: str = _PEAL_S_OWN
    """Begins the names of refs that are peal's own business: as many as tasks have not landed."""
    is_alone: bool = False
    """Whether nothing there leads to another repository: no remote, and no password for one."""

    @classmethod
    def of(cls, folder: Path, tree: Path, hidden: str = _PEAL_S_OWN, is_alone: bool = False) -> "Origin":
        """As the repository is configured now; what an agent changes in there later is not handed on."""
        configured = _configured(folder)
        if is_alone:
            configured = [entry for entry in configured if not is_way_out(entry[0], entry[2])]
        in_files = all(value == "files" for name, _, value in configured if name == "extensions.refstorage")
        return cls(folder, _settings(folder, tree, configured), in_files, hidden, is_alone)


@frozen
class AgentGit:
    """The git folder for one worktree, or for a submodule in it."""

    tree: Path
    folder: Path

    @property
    def index(self) -> Path:
        """What is staged there."""
        return self.folder / "index"

    @property
    def is_in_place(self) -> bool:
        """Whether the worktree is a folder and its `.git` still says what peal wrote."""
        if self.tree.is_symlink() or not self.tree.is_dir():
            return False
        told = os.fsdecode(content(self.tree / ".git", _LONGEST) or b"").removesuffix("\n")
        named = os.path.normpath(self.tree / told.removeprefix("gitdir: "))
        return told.startswith("gitdir: ") and named == os.path.normpath(self.folder)

    def make(self, origin: Origin, own: Path) -> None:
        """
        Make the folder anew, as the worktree stands in `own`, the folder that peal's git uses for it.

        HEAD, index and what is under way are the same in both from then on, until somebody works in one of them.
        """
        common = origin.folder
        if removal.empty(self.folder, frozenset(_FOLDERS)):
            # Something of another owner: nobody's work, and not in the way beside.
            self.folder.rename(removal.free_name(self.tree, "left"))
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in _FOLDERS:
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "objects/info/alternates").write_bytes(b"".join(_alternates(common / "objects")))
        (self.folder / "config").write_text(
            origin.settings + _of_worktree(own), encoding="utf-8", errors="surrogateescape"
        )
        (self.folder / "packed-refs").write_text(_refs(origin), encoding="utf-8", errors="surrogateescape")
        for name in _SHARED:
            _copy(common / name, self.folder / name)
        there = {path.name for path in own.iterdir()}
        for name in ("HEAD", *_UNDER_WAY, *filter(_is_of_index, there)):
            if name in there:
                _copy(own / name, self.folder / name)
        _copy(own / "info/sparse-checkout", self.folder / "info/sparse-checkout")
        self.point_to(self.folder)

    def follow(self, own: Path) -> None:
        """HEAD and index are as in `own`, as in `make`; all else stays."""
        self.have_index(own)
        removal.remove(self.folder / "HEAD")
        _copy(own / "HEAD", self.folder / "HEAD")

    @property
    def is_detached(self) -> bool:
        """Whether HEAD names a commit and not a branch."""
        return _is_id(self._text("HEAD"))

    def have_index(self, own: Path) -> None:
        """What is staged there is what peal's git has staged in `own`; all else stays."""
        for name in filter(_is_of_index, [path.name for path in own.iterdir()]):
            removal.remove(self.folder / name)
            _copy(own / name, self.folder / name)

    def index_stamp(self) -> tuple[int, ...]:
        """What is the same for as long as nothing is staged there."""
        return _stamp(str(self.index))

    def index_for_git(self) -> dict[str, str]:
        """Variables that let peal's git read what is staged there; `GitError` if that is no file: it would wait for a fifo."""
        if not _is_plain(self.index):
            raise git.GitError(f"`{self.index}` is no file")
        return {"GIT_INDEX_FILE": str(self.index)}

    def objects_for_git(self, store: Path) -> dict[str, str]:
        """
        Variables that let peal's git read what was made there, beside what is in the git folder `store`.

        `GitError` if there is anything that could keep git waiting or lead it elsewhere.
        """
        objects, references = self.folder / "objects", self.folder / "objects/info/alternates"
        inside = [
            f"{folder}/{name}" for folder, *parts in os.walk(objects) for part in parts for name in part
        ]
        known = b"".join(_alternates(store / "objects"))
        is_all_plain = all(_is_plain(path) for path in (str(objects), *inside))
        if not is_all_plain or content(references, _LONGEST) not in (None, b"", known):
            raise git.GitError(f"`{objects}` holds or names what no git has put there")
        return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": git.quoted(str(objects))}

    def stamp(self, own: Path) -> Stamp:
        """What is the same for as long as nobody has changed this folder, or what of it comes from `own`."""
        found = [
            (name, _stamp(name)) for name in (str(self.tree / ".git"), *(str(own / name) for name in _OWN))
        ]
        todo = [str(self.folder)]
        while todo:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    found.append((entry.path, _stamp(entry.path)))
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
        return frozenset(found)

    def point_to(self, folder: Path) -> None:
        """Let programs in the worktree find this git folder."""
        name = self.tree / ".git"
        removal.remove(name)
        name.write_bytes(_pointer(folder))

    def head(self) -> str:
        """The commit that HEAD means there; empty if that cannot be told."""
        name = "HEAD"
        for _ in range(_DEEPEST):
            text = self._text(name)
            if not text.startswith("ref: "):
                return text or self._packed(name)
            name = text.removeprefix("ref: ")
        return ""

    def _text(self, name: str) -> str:
        if not Path(os.path.normpath(self.folder / name)).is_relative_to(self.folder):
            return ""
        return (content(self.folder / name, _LONGEST) or b"").decode("utf-8", "replace").strip()

    def _packed(self, name: str) -> str:
        lines = (content(self.folder / "packed-refs") or b"").decode("utf-8", "replace").splitlines()
        return next((line.split(" ")[0] for line in lines if line.endswith(f" {name}")), "")

    def new_refs(self) -> dict[str, str]:
        """Branches, tags and stashes that were made or moved there, by their full names, with what they point to."""
        found = (
            f"{os.path.relpath(folder, self.folder)}/{name}"
            for folder, _, names in os.walk(self.folder / "refs")
            for name in names
        )
        return {name: self._text(name) for name in sorted(found) if not name.endswith(".lock")}

    def refs(self, prefix: str) -> dict[str, str]:
        """Everything below a name, with what it points to."""
        lines = (content(self.folder / "packed-refs") or b"").decode("utf-8", "replace").splitlines()
        packed = (line.partition(" ") for line in lines if not line.startswith(("#", "^")))
        found = {name: commit for commit, _, name in packed} | self.new_refs()
        return {name: commit for name, commit in found.items() if name.startswith(prefix) and _is_id(commit)}


def _is_id(text: str) -> bool:
    return len(text) in (40, 64) and all(letter in "0123456789abcdef" for letter in text)


def _pointer(folder: Path) -> bytes:
    return b"gitdir: %s\n" % os.fsencode(folder)


def _is_of_index(name: str) -> bool:
    return name == "index" or name.startswith("sharedindex.")


def _is_plain(path: str | Path) -> bool:
    """Whether this is a file or a folder, and no link to one."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _stamp(path: str) -> tuple[int, ...]:
    """Nothing where there is nothing."""
    try:
        seen = os.lstat(path)
    except OSError:
        return ()
    return seen.st_ctime_ns, seen.st_ino, seen.st_size, seen.st_mode


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        return


def _alternates(objects: Path) -> Iterator[bytes]:
    """
    The folder of objects and those that it refers to itself, a line each.

    git takes relative ones only from the first folder it reads; see gitrepository-layout(5), "objects/info/alternates".
    """
    yield os.fsencode(git.quoted(str(objects))) + b"\n"
    for line in (content(objects / "info/alternates") or b"").splitlines():
        if line and not line.startswith((b"#", b'"')):
            yield os.fsencode(git.quoted(os.path.normpath(objects / os.fsdecode(line)))) + b"\n"
        elif line.startswith(b'"'):
            yield line + b"\n"


def _refs(origin: Origin) -> str:
    """The branches, tags and remote branches as git keeps them in one file, without what is the person's alone."""
    listed = all_refs(origin.folder, origin.has_ref_files, origin.hidden)
    return "".join(f"{id_} {name}\n" for name, id_ in listed.items() if not name.startswith(_NOT_ANYBODY_S))


def _configured(folder: Path) -> list[Entry]:
    """The repository's settings, with what they include: names, a line end if there is a value, values."""
    words = ("config", "--local", "--includes", "--list", "-z")
    return entries(git.output(folder, *words, env=git.steered(folder, folder)))


def _settings(folder: Path, tree: Path, configured: Iterable[Entry]) -> str:
    """Settings in a form that holds in another folder."""
    lines = [setting("core.bare", "false"), setting("core.hooksPath", str(folder / "hooks"))]
    for name, equals, value in configured:
        is_url = name.startswith(("remote.", "submodule.")) and name.endswith((".url", ".pushurl"))
        if not name.startswith(_NOT_TAKEN):
            told = _absolute_url(value, tree) if is_url else value
            lines.append(setting(name, told if equals else None))
    if (folder / "lfs").is_dir():
        lines.append(setting("lfs.storage", str(folder / "lfs")))
    return "".join(lines)


def _of_worktree(own: Path) -> str:
    """The settings that the worktree alone has, as for a sparse checkout."""
    if not (own / "config.worktree").exists():
        return ""
    listed = git.output(own, "config", "--file", str(own / "config.worktree"), "--list", "-z")
    return "".join(
        setting(name, value if equals else None)
        for name, equals, value in entries(listed)
        if not name.startswith(_NOT_TAKEN)
    )


def _absolute_url(url: str, tree: Path) -> str:
    """A remote that is named by a relative path, as seen from any folder."""
    return os.path.normpath(tree / url) if url.startswith((".", "..")) and "://" not in url else url
