"""What hooks have staged, and made of the message, in the git folder that programs use: taken over by its content."""

import os
from collections.abc import Iterable

from peal.system import git
from peal.system.files import content, replace
from peal.system.git import RAW, GitError
from peal.worktrees.worktree import Worktree

MESSAGE = "COMMIT_EDITMSG"
"""Where hooks are used to find the message; see githooks(5)."""
_LONGEST = 1_000_000
"""Bytes of a message."""
_GONE = "000000"
_LINK = "160000"
"""The modes of what is not there, and of a submodule."""


def put_message(worktree: Worktree, text: str) -> None:
    """Write the message down for hooks to see and change."""
    replace(worktree.agent_git.folder / MESSAGE, text.encode("utf-8", "replace"))


def message_left(worktree: Worktree) -> str:
    """The message as hooks have left it, cleaned up as git does."""
    raw = content(worktree.agent_git.folder / MESSAGE, _LONGEST) or b""
    text = worktree.output("stripspace", stdin=raw)
    if not text:
        raise GitError(f"a hook has left an empty message in `{worktree.path}`")
    return text + "\n"


def take_over(worktree: Worktree) -> None:
    """
    Have in peal's index what is staged in the one that hooks use; `GitError` if that cannot be.

    Nothing there is believed: objects come as a pack of which each is hashed again, and git refuses names such as `.git`.
    """
    words = ("diff-index", "--cached", "--ita-invisible-in-index", *RAW, worktree.output("write-tree"))
    fields = worktree.output_of_agent_index(*words).split("\0")
    changes = [(head.split(" "), path) for head, path in zip(fields[::2], fields[1::2], strict=False)]
    if clashing := [path for head, path in changes if head[4] == "U"]:
        raise GitError(f"a hook has left `{clashing[0]}` in conflict in `{worktree.path}`")
    blobs = {head[3] for head, _ in changes if head[1] not in (_GONE, _LINK) and head[3] != head[2]}
    _bring(worktree, blobs)
    gone_first = sorted(changes, key=lambda change: change[0][1] != _GONE)
    entries = "".join(f"{head[1].lstrip('0') or 0} {head[3]}\t{path}\0" for head, path in gone_first)
    if not entries:
        return
    done = worktree.run("update-index", "-z", "--index-info", stdin=os.fsencode(entries))
    if done.returncode or done.stderr:  # a name that it refuses is left out with a word
        raise GitError(f"git does not take what a hook has staged in `{worktree.path}`: {git.said(done)}")


def _bring(worktree: Worktree, blobs: Iterable[str]) -> None:
    """Have files that hooks have staged in the repository."""
    wanted = "".join(f"{blob}\n" for blob in blobs).encode()
    if not wanted:
        return
    objects = worktree.agent_git.objects_for_git(git.common_folder(worktree.repo))
    packed = worktree.run("pack-objects", "--stdout", "-q", stdin=wanted, env=objects)
    git.printed(packed, worktree.path, ("pack-objects",))
    worktree.output("unpack-objects", "--strict", "-q", stdin=packed.stdout)
    there = worktree.output("cat-file", "--batch-check=%(objecttype)", stdin=wanted)
    if set(there.split("\n")) != {"blob"}:
        raise GitError(f"what a hook has staged in `{worktree.path}` is damaged")
