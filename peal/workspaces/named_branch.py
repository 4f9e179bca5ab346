"""The branch that results land in: one that is meant by its name is fit wherever it is checked out, or is to be made."""

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from peal.errors import PealError
from peal.landing import checkouts, fast_forward
from peal.landing.outcomes import Target
from peal.settings import Settings
from peal.system import git
from peal.system.git_objects import objects_of
from peal.system.layout import RepoPaths
from peal.text.display import harmless
from peal.text.names import branch_part
from peal.workspaces import preflight

_OTHER = "name another with --branch"


def target_of(repo_paths: RepoPaths, plan_file: Path, settings: Settings) -> tuple[Target, str]:
    """
    The branch that a plan's results land in: what is checked out, or the one that is named.

    With the commit at which it is to be made if it is not there. PealError with the way out if it is not fit.
    """
    repo, prefix = repo_paths.repo, settings.branch_prefix
    if settings.branch is None:
        preflight.check_free(repo)
        return Target(repo, preflight.landing_branch(repo, prefix)), ""
    return target(repo, name_for(settings.branch, repo_paths.plan_key(plan_file)), prefix, settings.base)


def name_for(name: str, plan: str) -> str:
    """A branch's name with `{plan}` filled in for a plan, which is named as in its memory."""
    return name.replace("{plan}", branch_part(Path(plan).stem))


def check_are_apart(name: str, plans: Iterable[str]) -> None:
    """PealError if `{plan}` in a branch's name is the same for several plans."""
    first: dict[str, str] = {}
    for plan in plans if "{plan}" in name else ():
        other = first.setdefault(name_for(name, plan), plan)
        if other != plan:
            raise PealError(
                f"`{harmless(other)}` and `{harmless(plan)}` would both land in `{name_for(name, plan)}`; give one of the files "
                "another name, or run them apart"
            )


def target(repo: Path, name: str, prefix: str, base: str | None) -> tuple[Target, str]:
    """The branch, and the commit at which it is to be made if it is not there; PealError with the way out if it is not fit."""
    _can_be(repo, name, prefix)
    preflight.has_room(repo, prefix, "or set another `branch_prefix`")
    found = Target(repo, name, is_named=True)
    if objects_of(repo).commit_id(found.ref):
        _can_be_moved(repo, name)
        return found, ""
    _can_be_made(repo, name)
    return found, _commit(repo, base)


def _can_be(repo: Path, name: str, prefix: str) -> None:
    """git takes the name for a branch's, and it is none of those that peal has for itself."""
    if not git.succeeds(repo, "check-ref-format", "--branch", name):
        raise PealError(f"git takes `{harmless(name)}` for no branch's name; {_OTHER}")
    if f"{prefix}/".startswith(f"{name}/"):
        raise PealError(
            f"a branch `{name}` would keep git from making peal's own below `{prefix}/`; {_OTHER}"
        )
    if re.match(rf"{re.escape(prefix)}/[^/]+-[0-9a-f]{{8}}(\.before-\d{{8}}-\d{{6}})?(/|$)", name):
        raise PealError(
            f"`{name}` is like the branches by which peal keeps what has not landed, which go again; {_OTHER}"
        )


def _can_be_moved(repo: Path, name: str) -> None:
    """Nobody has it in hand, and a tree that it is checked out in is there."""
    tree = checkouts.found(repo, name)
    if tree is None:
        why = checkouts.in_hand(repo, name)
    elif not (why := checkouts.unusable(repo, tree, name)):
        begun = fast_forward.busy(Path(git.output(tree, "rev-parse", "--absolute-git-dir")))
        why = f"in `{harmless(str(tree))}`, where `{name}` is checked out, {begun}" if begun else ""
    if why:
        raise PealError(f"{why}, or {_OTHER}")


def _can_be_made(repo: Path, name: str) -> None:
    """No branch is in its way: git keeps each like a file."""
    parts = name.split("/")
    for above in ("/".join(parts[:at]) for at in range(1, len(parts))):
        if objects_of(repo).commit_id(f"refs/heads/{above}"):
            raise PealError(f"a branch is named `{above}`, which keeps git from making `{name}`; {_OTHER}")
    below = git.output(repo, "for-each-ref", "--count=1", "--format=%(refname:short)", f"refs/heads/{name}/")
    if below:
        raise PealError(f"a branch is named `{below}`, which keeps git from making `{name}`; {_OTHER}")


def _commit(repo: Path, base: str | None) -> str:
    """The commit to begin at."""
    if commit := git.commit_id(repo, base or "HEAD"):
        return commit
    if base:
        raise PealError(
            f"there is no commit `{harmless(base)}` for a branch to begin at; give --base a branch, a tag or a commit, "
            f"such as one of `git -C {shlex.quote(os.fspath(repo))} log --oneline --all`"
        )
    raise PealError(
        f"`{repo}` has no commit yet, and a branch needs one to begin at; make a first one "
        "(`git commit --allow-empty -m start`)"
    )
