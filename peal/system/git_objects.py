"""A repository's commits and trees, read and added by gits that go on."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from attrs import field

from peal.classes import define, frozen
from peal.system import git
from peal.system.git import Change, Version
from peal.system.git_dialogue import Dialogue

_FOLDER = "040000"
_AT_MOST = 300_000
"""Entries of trees that are kept in memory."""
_FIRST_PARENTS = 200
"""Commits of a branch that are looked at one by one before git is asked about all."""
_SHA1 = 40
"""Letters of an id in repositories of the usual kind."""
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

Entries = Mapping[str, Version]
"""A folder as a tree has it: each name with its mode and its id."""


@frozen
class Commit:
    """A commit as it is stored."""

    id: str
    tree: str
    parents: tuple[str, ...]


@define
class Objects:
    """
    The objects of one repository. Those that were read are kept: an id means the same for ever.

    A name is looked up anew each time.
    """

    repo: Path
    _reading: Dialogue
    _adding: Mapping[str, Dialogue]
    """By the kind of object."""
    _commits: dict[str, Commit] = field(factory=dict)
    _trees: dict[str, Entries] = field(factory=dict)
    _kept: int = 0

    def commit(self, name: str) -> Commit | None:
        """The commit that a name means, as `refs/heads/main`; None if there is none."""
        if known := self._commits.get(name):
            return known
        (found,) = self._reading.ask([f"{name}^{{commit}}"], _answer)
        if found is None:
            return None
        commit = _commit(*found)
        self._commits[commit.id] = commit
        return commit

    def add_commit(self, content: bytes) -> str:
        """Store a commit that is written out; its id."""
        return self._add("commit", content)

    def _add(self, kind: str, content: bytes) -> str:
        """Store an object as it is, unless it is there; its id."""
        with NamedTemporaryFile(prefix=f"peal-{kind}-") as file:
            file.write(content)
            file.flush()
            (made,) = self._adding[kind].ask([file.name], _id)
        return made

    def content(self, blob: str) -> bytes:
        """What a file holds as it is stored, before filters; GitError if that is not there."""
        (found,) = self._reading.ask([blob], _answer)
        if found is None:
            raise git.GitError(f"file `{blob}` is not in the repository; `git fsck` tells what is missing")
        return found[1]

    def entries(self, tree: str, folder: str) -> Entries:
        """What a folder of a tree holds, by name; nothing if there is no such folder."""
        entries = self._read([tree])[tree]
        for name in filter(None, folder.split("/")):
            if not (inner := _tree_of(entries.get(name))):
                return {}
            entries = self._read([inner])[inner]
        return entries

    def file(self, tree: str, path: str) -> Version | None:
        """A file of a tree; None if there is none."""
        folder, _, name = path.rpartition("/")
        return _file(self.entries(tree, folder).get(name))

    def edited(self, tree: str, edits: Mapping[str, bytes | None]) -> str:
        """
        The tree with files that hold something else, or are gone where it is None; what is new is a plain file.

        A folder that is left empty is gone, a file in the way of a folder too.
        """
        if not edits:
            return tree
        blobs = {path: None if new is None else self._add("blob", new) for path, new in edits.items()}
        return self._edited(tree, blobs) or self._add("tree", b"")

    def _edited(self, tree: str, blobs: Mapping[str, str | None]) -> str:
        """The same with what is stored already; empty for a folder with nothing in it."""
        entries = dict(self._read([tree])[tree] if tree else {})
        below: dict[str, dict[str, str | None]] = {}
        for path, blob in blobs.items():
            name, _, rest = path.partition("/")
            if rest:
                below.setdefault(name, {})[rest] = blob
            elif blob is None:
                entries.pop(name, None)
            else:
                before = _file(entries.get(name))
                is_plain = before is not None and before.mode.startswith("100")
                entries[name] = Version(before.mode if before and is_plain else "100644", blob)
        for name, inner in below.items():
            if made := self._edited(_tree_of(entries.get(name)), inner):
                entries[name] = Version(_FOLDER, made)
            elif _is_folder(entries.get(name)):
                del entries[name]
        return self._add("tree", _written(entries)) if entries else ""

    def commit_id(self, name: str) -> str:
        """Its id; empty if there is none."""
        found = self.commit(name)
        return found.id if found else ""

    def tree_of(self, commit: str) -> str:
        """The tree of a commit; GitError if that is not there."""
        found = self.commit(commit)
        if found is None:
            raise git.GitError(
                f"commit `{commit}` is not in the repository; `git fsck` tells what is missing"
            )
        return found.tree

    def contains(self, newer: str, older: str) -> bool:
        """Whether `newer` contains `older`; git itself is asked only where the latest first parents do not show it."""
        at: Commit | None = self.commit(newer)
        for _ in range(_FIRST_PARENTS):
            if at is None or at.id == older:
                break
            at = self.commit(at.parents[0]) if at.parents else None
        return (at is not None and at.id == older) or git.is_ancestor(self.repo, older, newer)

    def brought_by(self, commit: str) -> dict[str, Change]:
        """What a commit changes in its first parent; GitError if one of them is not there."""
        made = self.commit(commit)
        before = self.commit(made.parents[0]) if made and made.parents else None
        if made is None or before is None:
            return git.changes(self.repo, f"{commit}^1", commit)  # which has words for it
        return self.changes(before.tree, made.tree)

    def changes(self, before: str, after: str) -> dict[str, Change]:
        """Each path that differs between two trees, in their order; a rename is two of them."""
        found: dict[str, Change] = {}
        todo = [("", before, after)]
        while todo:
            above, old, new = todo.pop()
            trees = self._read({old, new} - {""})
            was, now = trees.get(old, {}), trees.get(new, {})
            for name in was.keys() | now.keys():
                one, other = was.get(name), now.get(name)
                if one == other:
                    continue
                files = Change(_file(one), _file(other))
                if files.before or files.after:
                    found[above + name] = files
                if _is_folder(one) or _is_folder(other):
                    todo.append((f"{above}{name}/", _tree_of(one), _tree_of(other)))
        return {path: found[path] for path in sorted(found, key=os.fsencode)}

    def folders_of(self, commit: str) -> dict[str, Entries]:
        """Each folder of a commit with what is in it, before those inside: the root is ``, others end with `/`."""
        return self.folders(self.tree_of(commit))

    def folders(self, tree: str) -> dict[str, Entries]:
        """The same of a tree."""
        found: dict[str, Entries] = {}
        level = {"": tree}
        while level:
            trees = self._read(level.values())
            found |= {folder: trees[id_] for folder, id_ in level.items()}
            level = {
                f"{folder}{name}/": one.blob
                for folder, id_ in level.items()
                for name, one in trees[id_].items()
                if one.mode == _FOLDER
            }
        return found

    def _read(self, ids: Iterable[str]) -> dict[str, Entries]:
        """These trees; GitError if one is missing."""
        wanted = dict.fromkeys(ids)
        known = {id_: entries for id_ in wanted if (entries := self._trees.get(id_)) is not None}
        asked = [id_ for id_ in wanted if id_ not in known]
        answers = self._reading.ask(asked, _answer) if asked else []
        read = {id_: _entries(id_, found) for id_, found in zip(asked, answers, strict=True)}
        self._keep(read)
        return known | read

    def _keep(self, read: Mapping[str, Entries]) -> None:
        self._kept += sum(map(len, read.values()))
        if self._kept > _AT_MOST:
            self._trees, self._kept = {}, 0
        self._trees |= read


@cache
def objects_of(repo: Path) -> Objects:
    """Those of a repository, and of all its worktrees."""
    folder = git.common_folder(repo)
    adding = {
        kind: Dialogue(folder, ("hash-object", "-t", kind, "-w", "--no-filters", "--stdin-paths"))
        for kind in ("blob", "tree", "commit")
    }
    return Objects(repo, Dialogue(folder, ("cat-file", "--batch")), adding)


def blob_id(content: bytes, like: str) -> str:
    """The id that git gives to a file; `like` is any other of the repository, by which it tells its kind."""
    kind = "sha1" if len(like) == _SHA1 else "sha256"
    return hashlib.new(kind, b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()


def _id(stream: IO[bytes]) -> str:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line.decode().strip()


def _answer(stream: IO[bytes]) -> tuple[str, bytes] | None:
    """The id and the content of an object; None if there is none. See git-cat-file(1), "Batch output"."""
    head = stream.readline()
    if not head.endswith(b"\n"):
        raise EOFError
    words = head.split()
    if len(words) != 3 or not _ID.fullmatch(words[0].decode("ascii", "replace")):
        return None
    size = int(words[2])
    content = stream.read(size + 1)
    if len(content) <= size:
        raise EOFError
    return words[0].decode(), content[:-1]


def _commit(id_: str, content: bytes) -> Commit:
    """A commit is lines of a key and a value, up to an empty one."""
    lines = content.partition(b"\n\n")[0].decode("ascii", "replace").split("\n")
    entries = [line.partition(" ") for line in lines]
    return Commit(
        id_,
        next(value for key, _, value in entries if key == "tree"),
        tuple(value for key, _, value in entries if key == "parent"),
    )


def _entries(id_: str, found: tuple[str, bytes] | None) -> Entries:
    """What a tree holds: mode, name and id one behind the other, for each."""
    if found is None:
        raise git.GitError(f"tree `{id_}` is not in the repository; `git fsck` tells what is missing")
    raw, width = found[1], len(id_) // 2
    entries, at = {}, 0
    while at < len(raw):
        space = raw.index(b" ", at)
        end = raw.index(b"\0", space)
        id_of_entry = raw[end + 1 : end + 1 + width].hex()
        entries[os.fsdecode(raw[space + 1 : end])] = Version(_mode(raw[at:space]), id_of_entry)
        at = end + 1 + width
    return entries


def _written(entries: Entries) -> bytes:
    """A tree as git stores it: by name, where a folder's ends with a slash."""
    raw = [(os.fsencode(name), one) for name, one in entries.items()]
    raw.sort(key=lambda pair: pair[0] + b"/" if pair[1].mode == _FOLDER else pair[0])
    return b"".join(b"%o %s\0%s" % (int(one.mode, 8), name, bytes.fromhex(one.blob)) for name, one in raw)


def _mode(raw: bytes) -> str:
    """As git tells it: old trees have others for files, which mean the same as one of the two."""
    mode = int(raw, 8)
    if mode & 0o170000 == 0o100000:
        return "100755" if mode & 0o100 else "100644"
    return f"{mode:06o}"


def _is_folder(one: Version | None) -> bool:
    return one is not None and one.mode == _FOLDER


def _tree_of(one: Version | None) -> str:
    return one.blob if one is not None and one.mode == _FOLDER else ""


def _file(one: Version | None) -> Version | None:
    return None if _is_folder(one) else one
