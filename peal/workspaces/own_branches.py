"""The branches that peal has made of the plans that are remembered here."""

import re
from collections.abc import Iterator
from contextlib import suppress

from peal.classes import frozen
from peal.errors import Damaged
from peal.record import journal, store
from peal.system import git
from peal.system.layout import RepoPaths


@frozen
class OwnBranch:
    """A branch of peal's."""

    ref: str
    commit: str
    is_checked_out: bool

    @property
    def short(self) -> str:
        """As a person writes it."""
        return self.ref.removeprefix("refs/heads/")


def landed_in(repo_paths: RepoPaths) -> list[str]:
    """The branches, by their full names, that plans land in and that were meant by their names."""
    found = []
    for plan_paths in repo_paths.known_plans():
        with suppress(Damaged):  # the plan's own next run tells of it
            opened, _ = journal.latest_opening(plan_paths.journal)
            found += [f"refs/heads/{opened.branch}"] if opened and opened.branch_is_named else []
    return list(dict.fromkeys(found))


def own_branches(repo_paths: RepoPaths) -> Iterator[OwnBranch]:
    """
    The branches that runs of this checkout's plans have made, also those that were set aside.

    None of those that plans land in, whatever they are called. Below any prefix, for `branch_prefix` may have been another one then: the names behind it are peal's alone.
    """
    names = {
        repo_paths.branch(repo_paths.plan_file(known.plan_path)) for known in store.known_runs(repo_paths)
    }
    if not names:
        return
    own = re.compile(
        rf"refs/heads/.+/({'|'.join(map(re.escape, sorted(names)))})(\.before-\d{{8}}-\d{{6}})?/[^/]+"
    )
    targets = landed_in(repo_paths)
    words = ("for-each-ref", "--format=%(objectname) %(refname) %(worktreepath)", "refs/heads/")
    for commit, ref, worktree in (
        line.split(" ", 2) for line in git.output(repo_paths.repo, *words).splitlines()
    ):
        if own.fullmatch(ref) and ref not in targets:
            yield OwnBranch(ref, commit, bool(worktree))
