"""Repositories of which a machine could make nothing that is fit to work in, told before a run."""

from pathlib import Path

from peal.errors import PealError
from peal.system import git
from peal.workspaces.filters import filters_named

_WAY_OUT = "or run without machines"


def check(repo: Path, commit: str) -> None:
    """PealError for a repository whose commits do not hold all that its trees need."""
    configured = dict(git.configured(repo))
    if git.output(repo, "rev-parse", "--is-shallow-repository") == "true":
        raise PealError(
            f"machines need the whole history, and `{repo}` is a shallow clone; `git fetch --unshallow`, {_WAY_OUT}"
        )
    if any(name.startswith("remote.") and name.endswith(".promisor") for name in configured):
        raise PealError(
            f"machines need all objects, and `{repo}` is a partial clone, which lacks some; clone it whole, {_WAY_OUT}"
        )
    if git.output(repo, "ls-tree", "--name-only", commit, "--", ".gitmodules"):
        raise PealError(f"submodules are not sent to machines, and `{repo}` has some; {_WAY_OUT}")
    passed = sorted(
        name for name in filters_named(repo) if any(key.startswith(f"filter.{name}.") for key in configured)
    )
    if passed:
        raise PealError(
            f"files pass through filter `{passed[0]}` here, which machines do not have: their agents would see what is stored, "
            f"and store what they see; {_WAY_OUT}"
        )
