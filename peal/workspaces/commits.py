"""A task's commit: made from a worktree, kept by a branch of its own, found again after a crash."""

import os
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from peal import git
from peal.errors import PealError
from peal.files import replace
from peal.model import Task
from peal.text import harmless
from peal.workspaces.slots import MARKER, Slot

PATCH = "changes.patch"
"""In an attempt's folder: what it changed, if it did not pass."""

_EXACTLY = ("--binary", "--full-index", "--no-textconv", "--no-ext-diff", "--no-color")
"""For `git apply`, not for people."""


def message(task: Task, plan: str, run: str) -> str:
    """The text of a task's commit."""
    trailers = {"Peal-Plan": harmless(plan), "Peal-Task": task.id, "Peal-Run": run}
    return f"{subject(task)}\n\n" + "".join(f"{name}: {value}\n" for name, value in trailers.items())


def subject(task: Task) -> str:
    """`Task 3: its title`."""
    title = harmless(task.title)
    return f"Task {task.id}: {title}" if title else f"Task {task.id}"


def checkpoint(slot: Slot, base: str, text: str) -> str:
    """
    The commit of all that differs from `base` in the worktree, made without hooks; empty if nothing does.

    What the agent committed itself is part of it. Ignored files stay out, also those an agent has forced in, and so
    do repositories of their own inside the worktree.
    """
    if slot.under_way and (torn := [path for path in slot.unmerged() if _is_torn(slot.path / path)]):
        listed = ", ".join(f"`{harmless(path)}`" for path in torn)
        raise PealError(f"a merge was left half done, with conflict markers in {listed}")
    if not staged(slot, base):
        return ""
    return made(slot.repo, slot.output("write-tree"), (base,), text)


def _is_torn(path: Path) -> bool:
    """Whether a file still shows a conflict."""
    try:
        return MARKER.search(path.read_bytes()) is not None
    except OSError:
        return False


def made(folder: Path, tree: str, parents: Sequence[str], text: str) -> str:
    """A commit of `tree`; nothing points to it yet."""
    above = [word for parent in parents for word in ("-p", parent)]
    return git.output(folder, "commit-tree", tree, *above, "-F", "-", stdin=_encoded(text))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def staged(slot: Slot, base: str, brought: frozenset[str] = frozenset()) -> list[str]:
    """Put all that differs from `base` into the index; the paths. Those that were `brought` are wanted in any case."""
    slot.unlock()
    slot.detach(base)
    slot.stage()
    changes = _changes(slot, base)
    unwanted = _unwanted(slot, changes) - brought
    if unwanted:
        slot.output(
            "rm", "-r", "--cached", "--force", "--quiet", "--ignore-unmatch",
            "--pathspec-from-file=-", "--pathspec-file-nul",
            stdin=b"\0".join(os.fsencode(f":(top,literal){path}") for path in unwanted),
        )  # fmt: skip
    return [path for path in changes if path not in unwanted]


@frozen
class _Change:
    """How a path differs: its modes and blobs, before and now; zeros where there is none."""

    modes: tuple[str, str]
    blobs: tuple[str, str]


def _changes(slot: Slot, base: str) -> dict[str, _Change]:
    """Each path that differs from `base`; see git-diff-index(1), "Raw output format"."""
    raw = slot.output("diff-index", "--cached", "--raw", "--no-abbrev", "--no-renames", "-z", base)
    fields = raw.split("\0")
    found = {}
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        before, now, blob_before, blob_now, _ = head.removeprefix(":").split(" ")
        found[path] = _Change((before, now), (blob_before, blob_now))
    return found


def _unwanted(slot: Slot, changes: dict[str, _Change]) -> set[str]:
    """New paths that do not belong into a commit: ignored or included ones, and repositories that are no submodules."""
    gone = {change.blobs[0] for change in changes.values() if change.modes[1] == "000000"}
    new = [path for path, change in changes.items() if change.modes[0] == "000000"]
    if not new:
        return set()
    strays = (
        set() if ".gitmodules" in changes else {path for path in new if changes[path].modes[1] == "160000"}
    )
    # A tracked file that is ignored, as in a `dist/` that is committed all the same, may be given another name.
    unknown = [path for path in new if changes[path].blobs[1] not in gone]
    listed = b"\0".join(map(os.fsencode, unknown))
    ignored = (
        slot.attempt("check-ignore", "--no-index", "--stdin", "-z", stdin=listed).stdout if unknown else b""
    )
    included = {name.as_posix() for name in slot.included}
    return strays | included.intersection(new) | set(filter(None, os.fsdecode(ignored).split("\0")))


def save_patch(slot: Slot, base: str, folder: Path) -> None:
    """Write what differs from `base` into the attempt's folder, for `git apply`; no file if nothing does."""
    if not (folder / PATCH).exists() and staged(slot, base):
        patch = slot.attempt("diff-index", "--cached", "--patch", *_EXACTLY, base)
        if patch.returncode != 0:
            raise git.GitError(f"`git diff` failed in `{slot.path}`: {git.said(patch)}")
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / PATCH, patch.stdout)


def point(repo: Path, ref: str, commit: str) -> None:
    """Let a branch of peal's keep this commit."""
    git.output(repo, "update-ref", "-m", "peal", ref, commit)


def let_go(repo: Path, ref: str) -> None:
    """Delete a branch of peal's whose commit is in the person's branch."""
    git.attempt(repo, "update-ref", "-d", ref)


def made_in(repo: Path, ref: str, run: str) -> str:
    """The commit that a branch of peal's keeps, if it was made in this run; else nothing."""
    found = git.attempt(repo, "log", "-1", "--format=%H %(trailers:key=Peal-Run,valueonly,separator=)", ref)
    commit, _, made_by = os.fsdecode(found.stdout).strip().partition(" ")
    return commit if run and made_by == run else ""
