"""A task's commit: made from a worktree, kept by a branch of its own, found again after a crash."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.system import git, git_refusals
from peal.system.files import content, replace
from peal.system.git_objects import objects_of
from peal.system.layout import PATCH
from peal.system.ref_changes import ref_changes
from peal.text.display import harmless, some
from peal.text.names import slug
from peal.worktrees import submodules
from peal.worktrees.staging import Staged, staged
from peal.worktrees.worktree import MARKER, Worktree

_SHOWN = 5
_EXACTLY = (
    "--binary",
    "--full-index",
    "--no-textconv",
    "--no-ext-diff",
    "--no-color",
    "--ignore-submodules=dirty",
)
"""For `git apply`, not for people."""


@frozen
class Checkpoint:
    """What a task has left, made safe."""

    commit: str
    """Empty if nothing differs."""
    notes: tuple[str, ...] = ()
    """What a person should know of it."""


def checkpoint(
    worktree: Worktree, base: str, commit: Callable[[str], str], found: Staged | None = None
) -> Checkpoint:
    """
    The commit of all that differs from `base` in the worktree, made of its tree without hooks; `found` is what is staged.

    What the agent committed itself is part of it. Ignored files stay out, also those an agent has forced in, and so
    do repositories of their own inside the worktree.
    """
    worktree.check_intact()
    if worktree.work_under_way and (
        torn := [path for path in worktree.unmerged_for_agent() if _is_torn(worktree.path / path)]
    ):
        listed = ", ".join(f"`{harmless(path)}`" for path in torn)
        raise PealError(f"a merge was left half done, with conflict markers in {listed}")
    found = found or staged(worktree, base)
    if found.forced:
        raise PealError(
            f"git ignores {some(found.forced, _SHOWN)}, which the agent has staged or committed: it would not land; change "
            f"`.gitignore`, or set `commit_ignored = [{json.dumps(found.forced[0])}]`"
        )
    return Checkpoint(commit(found.tree) if found.paths else "", found.notes)


def _is_torn(path: Path) -> bool:
    """Whether a file still shows a conflict."""
    return MARKER.search(content(path) or b"") is not None


def made(repo: Path, tree: str, parents: Sequence[str], text: str, identity: Mapping[str, str]) -> str:
    """A commit of `tree` by the person whose `identity` is given as variables; nothing points to it yet."""
    now = time.strftime("%s %z")
    head = [
        f"tree {tree}",
        *(f"parent {parent}" for parent in parents),
        f"author {_person(identity, 'AUTHOR', now)}",
        f"committer {_person(identity, 'COMMITTER', now)}",
    ]
    return objects_of(repo).add_commit(
        os.fsencode("\n".join(head)) + b"\n\n" + text.encode("utf-8", "replace")
    )


def _person(identity: Mapping[str, str], role: str, now: str) -> str:
    """Who it was and when, as a commit has it; a moment that the person has set counts for all commits."""
    when = identity.get(f"GIT_{role}_DATE", now).removeprefix("@")
    return f"{identity[f'GIT_{role}_NAME']} <{identity[f'GIT_{role}_EMAIL']}> {when}"


def save_patch(worktree: Worktree, base: str, folder: Path) -> None:
    """Write what differs from `base` into the attempt's folder, for `git apply`; no file if nothing does."""
    if not (folder / PATCH).exists() and staged(worktree, base).paths:
        patch = worktree.run("diff-index", "--cached", "--patch", *_EXACTLY, base)
        if patch.returncode != 0:
            raise git.GitError(f"`git diff` failed in `{worktree.path}`: {git.said(patch)}")
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / PATCH, patch.stdout)


def save_submodules(worktree: Worktree, folder: Path) -> list[str]:
    """Write what is not committed in submodules into the attempt's folder as patches; a line on each."""
    said = []
    for one in submodules.filled(worktree.around):
        if patch := one.difference():
            shown = os.path.relpath(one.path, worktree.path)
            path = folder / PATCH.replace(".", f"-{slug(shown)}.")
            folder.mkdir(parents=True, exist_ok=True)
            replace(path, patch)
            said.append(f"what is not committed in submodule `{shown}` does not land; it is kept in `{path}`")
    return said


def point(repo: Path, ref: str, commit: str) -> None:
    """Let a branch of peal's keep this commit."""
    if not ref_changes(repo).set(ref, commit):
        git.output(repo, "update-ref", "-m", "peal", ref, commit)  # which has words for why it cannot be


def keep(repo: Path, ref: str, commit: str) -> list[str]:
    """The same where the journal knows of it too: a lock in git's way is only noted, for no work is lost by it."""
    try:
        point(repo, ref, commit)
    except git.GitError as error:
        if git_refusals.lock_named(str(error), repo) is None:
            raise
        return [f"no branch keeps commit {commit[:10]} until it lands: {error}"]
    return []


def let_go(repo: Path, ref: str) -> list[str]:
    """Delete a branch of peal's whose commit is in the person's branch; what to note if git could not."""
    if ref_changes(repo).delete(ref):
        return []
    done = git.run(repo, "update-ref", "-d", ref)
    if done.returncode == 0:
        return []
    short = ref.removeprefix("refs/heads/")
    return [f"branch `{short}` could not be deleted: {git.why(done, repo)}, then `peal clean --branches`"]


def run_of(repo: Path, commit: str) -> str:
    """The run that a task's commit was made in."""
    return git.output(repo, "log", "-1", "--format=%(trailers:key=Peal-Run,valueonly,separator=)", commit)


def made_in(repo: Path, ref: str, run: str) -> str:
    """The commit that a branch of peal's keeps, if it was made in this run; else nothing."""
    found = git.run(repo, "log", "-1", "--format=%H %(trailers:key=Peal-Run,valueonly,separator=)", ref)
    commit, _, made_by = os.fsdecode(found.stdout).strip().partition(" ")
    return commit if run and made_by == run else ""
