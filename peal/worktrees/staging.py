"""What of a worktree goes into a task's commit: its files, read with what its agent has staged."""

import os
import shlex
from collections.abc import Iterable

from peal.classes import frozen
from peal.errors import PealError
from peal.system.files import content
from peal.system.git import RAW, GitError, Version
from peal.system.git_objects import objects_of
from peal.worktrees import submodules
from peal.worktrees.left_out import large
from peal.worktrees.submodules import Submodule
from peal.worktrees.worktree import Worktree

_NONE = "000000"
"""The mode of a path that is not there."""
_LINK = "160000"
"""The mode of a submodule."""


_FROM_INPUT = ("--pathspec-from-file=-", "--pathspec-file-nul")


@frozen
class Change:
    """How a path differs: its modes and blobs, before and now; zeros and nothing where there is none."""

    modes: tuple[str, str]
    blobs: tuple[str, str]

    @property
    def is_new(self) -> bool:
        """Whether there was nothing before."""
        return self.modes[0] == _NONE

    @property
    def is_gone(self) -> bool:
        """Whether there is nothing now."""
        return self.modes[1] == _NONE


@frozen
class Staged:
    """What is in the index now, ready to be committed."""

    tree: str
    """All of it, as an object."""
    paths: tuple[str, ...]
    """All that differs."""
    forced: tuple[str, ...] = ()
    """What the agent has staged or committed though git ignores it: left out."""
    notes: tuple[str, ...] = ()
    """What a person should know of it."""


def staged(
    worktree: Worktree, base: str, brought: frozenset[str] = frozenset(), is_fresh: bool = False
) -> Staged:
    """
    Put all that differs from `base` into the index. Paths that were `brought` are wanted in any case.

    `is_fresh` says that peal's index holds what `base` does, as after a reset.
    """
    worktree.unlock()
    worktree.detach(base)
    has_staged = content(worktree.agent_git.index) != content(worktree.own_index)
    if has_staged:
        _drop_submodules(worktree)
    notes = worktree.stage()
    notes += _move_submodules(worktree)
    asked_for = _stage_ignored(worktree)
    tree, changes = _written(worktree, base)
    of_agent = _changes_of_agent(worktree, base) if has_staged else {}
    if is_heeded := bool(of_agent) and _heed(worktree, changes, of_agent):
        tree, changes = _written(worktree, base)
    # What git adds by itself is not ignored: that is a question only where something else was put into the index.
    may_be_ignored = is_heeded or (has_staged and not is_fresh)
    unwanted = _unwanted(worktree, changes, may_be_ignored) - brought - asked_for
    new = [path for path, change in changes.items() if change.is_new and path not in unwanted]
    notes += large(worktree, new)
    if unwanted:
        worktree.output(
            "rm",
            "-r",
            "--cached",
            "--force",
            "--quiet",
            "--ignore-unmatch",
            *worktree.wholly,
            *_FROM_INPUT,
            stdin=_listed(unwanted),
        )
        tree = worktree.output("write-tree")
    missing = (path for path, change in of_agent.items() if change.is_new and path not in changes)
    forced = ignored(worktree, [*missing, *unwanted & of_agent.keys()])
    paths = tuple(path for path in changes if path not in unwanted)
    return Staged(tree, paths, tuple(sorted(forced)), tuple(notes))


def _stage_ignored(worktree: Worktree) -> set[str]:
    """Put files into the index that git ignores and that the person wants committed all the same; their paths."""
    if not worktree.committed:
        return set()
    patterns = [f":(top){pattern}" for pattern in worktree.committed]
    listed = worktree.output("ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", *patterns)
    paths = set(filter(None, listed.split("\0")))
    if paths:
        worktree.output("add", "--force", *worktree.wholly, *_FROM_INPUT, stdin=_listed(paths))
    return paths


def _drop_submodules(worktree: Worktree) -> None:
    """Those that the agent has taken out are no submodules any more, whatever is in their folders."""
    try:
        left = submodules.links(worktree.agent_git.index, worktree.output_of_agent_index)
    except GitError:
        return
    if gone := worktree.links().keys() - left.keys():
        worktree.output("update-index", "--force-remove", "-z", "--stdin", stdin=os.fsencode("\0".join(gone)))


def _move_submodules(worktree: Worktree) -> list[str]:
    """Let the index name the commits that agents have left submodules at; what to note of them."""
    notes, entries = [], []
    for one in submodules.filled(worktree.around):
        head = one.head
        if head != one.commit or not one.has(head):
            if not one.take_in(head):
                raise PealError(
                    f"submodule `{one.name_in_tree}` is at commit {head[:10]}, of which not everything is there"
                )
            one.note_published()
            if not one.is_published(head) and one.store != one.own_store:
                notes.append(_unpublished(one, head))
        if one.around.tree == worktree.path:
            entries.append(f"{_LINK} {head}\t{one.name_in_tree}\0")
    if entries:
        worktree.output("update-index", "-z", "--index-info", stdin=os.fsencode("".join(entries)))
    return notes


def _unpublished(one: Submodule, commit: str) -> str:
    return (
        f"submodule `{one.name_in_tree}` is at {commit[:10]}, which is on no remote yet: "
        f"`git -C {shlex.quote(str(one.person_path))} push origin {commit}:refs/heads/NAME`"
    )


def _listed(paths: Iterable[str]) -> bytes:
    """Paths from the root, each for what it is and not a pattern; for `_FROM_INPUT`."""
    return b"\0".join(os.fsencode(f":(top,literal){path}") for path in paths)


def _written(worktree: Worktree, base: str) -> tuple[str, dict[str, Change]]:
    """The index as a tree, and each path in which that differs from `base`."""
    objects, tree = objects_of(worktree.repo), worktree.output("write-tree")
    nothing, before = Version(_NONE, ""), objects.tree_of(base)
    changes = objects.changes(before, tree)
    sides = {path: (one.before or nothing, one.after or nothing) for path, one in changes.items()}
    return tree, {path: Change((a.mode, b.mode), (a.blob, b.blob)) for path, (a, b) in sides.items()}


def _changes_of_agent(worktree: Worktree, base: str) -> dict[str, Change]:
    """The same of the index that the agent's git has; see git-diff-index(1), "Raw output format"."""
    fields = _of_agent_index(worktree, "diff-index", "--cached", *RAW, base)
    changes = {}
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        before, now, blob_before, blob_now, _ = head.removeprefix(":").split(" ")
        changes[path] = Change((before, now), (blob_before, blob_now))
    return changes


def _of_agent_index(worktree: Worktree, *words: str) -> list[str]:
    """What git prints of it; nothing if an agent has spoiled it."""
    try:
        return worktree.output_of_agent_index(*words).split("\0")
    except GitError:
        return []


def _heed(worktree: Worktree, changes: dict[str, Change], staged: dict[str, Change]) -> bool:
    """Bring into the index what the agent has staged, or committed, and its files do not show; whether there was any."""
    entries = [
        *_taken_out(worktree, changes, staged),
        *_hidden(worktree, changes),
        *_made_executable(worktree, changes, staged),
    ]
    if entries:
        listed = "".join(f"{entry}\0" for entry in entries)
        worktree.output("update-index", "-z", "--index-info", stdin=os.fsencode(listed))
    renamed = [path for path in _renamed(changes, staged) if os.path.lexists(worktree.path / path)]
    if renamed:
        worktree.output("add", "--force", *worktree.wholly, *_FROM_INPUT, stdin=_listed(renamed))
    return bool(entries or renamed)


def _renamed(changes: dict[str, Change], staged: dict[str, Change]) -> list[str]:
    """Tracked files in a folder that git is to ignore, under other names than before."""
    gone = {change.blobs[0] for change in staged.values() if change.is_gone}
    new = {path: change for path, change in staged.items() if change.is_new and path not in changes}
    return [path for path, change in new.items() if change.blobs[1] in gone]


def _taken_out(worktree: Worktree, changes: dict[str, Change], staged: dict[str, Change]) -> list[str]:
    """Files that git is to ignore from now on: they stay where they are, and in the repository no more."""
    gone = [path for path, change in staged.items() if change.is_gone and path not in changes]
    return [f"0 {staged[path].blobs[0]}\t{path}" for path in ignored(worktree, gone)]


def _hidden(worktree: Worktree, changes: dict[str, Change]) -> list[str]:
    """Files that are missing only because the agent narrowed its checkout; see git-sparse-checkout(1)."""
    missing = {path: change for path, change in changes.items() if change.is_gone}
    if not missing:
        return []
    listed = _of_agent_index(worktree, "ls-files", "-t", "-z")
    hidden = (entry[2:] for entry in listed if entry.startswith("S "))
    return [
        f"{missing[path].modes[0]} {missing[path].blobs[0]}\t{path}" for path in hidden if path in missing
    ]


def _made_executable(worktree: Worktree, changes: dict[str, Change], staged: dict[str, Change]) -> list[str]:
    """Modes that only an index can hold, where the file system has none."""
    modes = {path: change for path, change in staged.items() if set(change.modes) == {"100644", "100755"}}
    new = {
        path: change
        for path, change in modes.items()
        if path not in changes or changes[path].modes != change.modes
    }
    if not new or worktree.run("config", "--type=bool", "core.fileMode").stdout.strip() != b"false":
        return []
    return [
        f"{change.modes[1]} {changes[path].blobs[1] if path in changes else change.blobs[0]}\t{path}"
        for path, change in new.items()
    ]


def _unwanted(worktree: Worktree, changes: dict[str, Change], may_be_ignored: bool) -> set[str]:
    """New paths that do not belong into a commit: ignored or included ones, and repositories that are no submodules."""
    gone = {change.blobs[0] for change in changes.values() if change.is_gone}
    new = [path for path, change in changes.items() if change.is_new]
    strays = set() if ".gitmodules" in changes else {path for path in new if changes[path].modes[1] == _LINK}
    # A tracked file that is ignored, as in a `dist/` that is committed all the same, may be given another name.
    unknown = [path for path in new if may_be_ignored and changes[path].blobs[1] not in gone]
    included = {name.as_posix() for name in worktree.included}
    return strays | included.intersection(new) | ignored(worktree, unknown)


def ignored(worktree: Worktree, paths: Iterable[str]) -> set[str]:
    """Those that git is told to ignore, tracked or not."""
    listed = b"\0".join(map(os.fsencode, paths))
    if not listed:
        return set()
    found = worktree.run("check-ignore", "--no-index", "--stdin", "-z", stdin=listed).stdout
    return set(filter(None, os.fsdecode(found).split("\0")))
