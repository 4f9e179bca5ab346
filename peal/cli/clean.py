"""`peal clean`: removes the worktrees that tasks worked in, and branches of their own."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import click

from peal.cli.options import repo_paths_of, repository
from peal.record import lock
from peal.run.session import session
from peal.system import git, removal
from peal.system.layout import RepoPaths
from peal.workspaces.own_branches import landed_in, own_branches
from peal.worktrees import leftovers
from peal.worktrees.listing import find_worktrees, moved_aside


@click.command()
@click.option("--branches", is_flag=True, help="Also peal's own branches whose work has landed.")
@click.option(
    "--machines",
    is_flag=False,
    flag_value="",
    metavar="[NAMES]",
    help="Also what machines keep of this repository: those that runs have used, or these.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go, and leave it.")
@repository
def clean(branches: bool, machines: str | None, dry_run: bool, repo: Path) -> int:
    """
    Remove the worktrees that tasks worked in; what an unfinished task left there is kept as a patch.

    What package managers have fetched in sandboxes goes, too.

    Ends with 1 if something could not be removed, and says what removes it.
    """
    repo_paths, remains = repo_paths_of(repo), False
    said: list[str] = []
    if repo_paths.root.is_dir():
        if dry_run:
            lock.refuse(repo_paths)
        with nullcontext() if dry_run else session(repo_paths, said.append):
            for text, is_gone in _without_worktrees(repo_paths, dry_run):
                remains = remains or not is_gone
                said.append(text)
            for text, is_gone in _without_caches(repo_paths, dry_run):
                remains = remains or not is_gone
                said.append(text)
            said += _without_branches(repo_paths, dry_run) if branches else ()
            if machines is not None:
                from peal.cli.clean_machines import without_stores  # only here: it takes a while to import

                for text, is_gone in without_stores(repo_paths, machines, dry_run):
                    remains = remains or not is_gone
                    said.append(text)
    for text in said or ["nothing to clean"]:
        click.echo(text)
    return 1 if remains else 0


def _without_worktrees(repo_paths: RepoPaths, dry_run: bool) -> Iterator[tuple[str, bool]]:
    """What becomes of each worktree, and of each one that was moved aside; false for what had to go and could not."""
    for worktree in find_worktrees(repo_paths.repo, repo_paths.worktrees):
        yield _removed(f"worktree `{worktree.path}`", None if dry_run else worktree.remove(), dry_run)
    for path in moved_aside(repo_paths.worktrees, "left"):
        told = f"`{path}`, the rest of a worktree"
        yield _removed(told, None if dry_run else removal.remove(path), dry_run)
    for path in moved_aside(repo_paths.worktrees, "kept"):
        command = removal.by_hand(path)
        yield (
            f"kept `{path}`: it holds work that is in no patch; when you have seen to it, `{command}` removes it",
            True,
        )
    if not dry_run:
        leftovers.forget(repo_paths.worktrees)


def _without_caches(repo_paths: RepoPaths, dry_run: bool) -> Iterator[tuple[str, bool]]:
    """What can be fetched again."""
    if repo_paths.caches.is_dir():
        told = f"`{repo_paths.caches}`, what package managers have fetched in sandboxes"
        yield _removed(told, None if dry_run else removal.remove(repo_paths.caches), dry_run)


def _removed(what: str, left: removal.Left | None, dry_run: bool) -> tuple[str, bool]:
    if left is None:
        return f"{_would(dry_run, 'removed')} {what}", True
    return f"{what} could not be removed wholly ({left.why}); `{left.command()}` removes it", False


def _without_branches(repo_paths: RepoPaths, dry_run: bool) -> Iterator[str]:
    """Only what the branch that is checked out holds, or one that plans land in: nothing gets lost with it."""
    targets = landed_in(repo_paths)
    for branch in own_branches(repo_paths):
        short = branch.short
        if branch.is_checked_out:
            yield f"kept branch `{short}`: it is checked out"
        elif not any(git.is_ancestor(repo_paths.repo, branch.ref, one) for one in ("HEAD", *targets)):
            yield f"kept branch `{short}`: it has not landed; `git log {short}` shows it, `git branch -D {short}` deletes it"
        else:
            if not dry_run:
                git.output(repo_paths.repo, "update-ref", "-d", branch.ref)
            yield f"{_would(dry_run, 'deleted')} branch `{short}`"


def _would(dry_run: bool, done: str) -> str:
    return f"would have {done}" if dry_run else done
