"""`peal diff`, `peal clean`: what tasks have changed, and the worktrees and branches they worked in."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import click

from peal.cli.options import repo_paths_of, repository
from peal.errors import PealError
from peal.record import journal, lock, store
from peal.record.history import Line, Try, fold
from peal.run.known_plans import plan_or_latest, plan_paths_of
from peal.system import git, removal
from peal.system.layout import PATCH, PlanPaths, RepoPaths
from peal.worktrees import leftovers
from peal.worktrees.worktree import difference, find_worktrees, moved_aside


@click.command()
@click.argument("task", type=int)
@click.option("--plan", type=click.Path(path_type=Path), help="The plan; default: the latest run's.")
@click.option("--stat", is_flag=True, help="Which files and how much, instead of the lines.")
@repository
def diff(task: int, plan: Path | None, stat: bool, repo: Path) -> int:
    """What TASK has changed, landed or not; while it runs, so far."""
    repo_paths = repo_paths_of(repo)
    plan_paths = plan_paths_of(repo_paths, plan_or_latest(plan, repo_paths))
    line = fold(journal.load(plan_paths.journal).events).lines.get(task)
    if line is None:
        raise PealError(f"task {task} is not in the plan; `peal status` lists its tasks")
    shown = _difference(repo_paths, plan_paths, line, ["--stat"] if stat else [])
    if not shown:
        raise PealError(f"task {task} has changed nothing; `peal logs {task}` shows what it did")
    sys.stdout.buffer.write(shown)
    sys.stdout.buffer.flush()
    return 0


def _difference(repo_paths: RepoPaths, plan_paths: PlanPaths, line: Line, options: list[str]) -> bytes:
    """As git prints it; empty if there is none. PealError if it cannot be told."""
    wants_colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    options = [
        *options,
        "--no-ext-diff",
        "--no-textconv",
        "--color=always" if wants_colour else "--color=never",
    ]
    if line.running and line.running.base:
        at, folder = Path(line.running.workspace), _folder(plan_paths, line.running)
        if worktree := leftovers.holding(repo_paths.repo, at, folder):
            return _shown(difference(worktree, line.running.base, options))
    if commit := _commit(repo_paths, line):
        return _shown(git.run(repo_paths.repo, "diff", *options, f"{commit}^1", commit))
    last = line.running or line.last()
    patch = _folder(plan_paths, last) / PATCH if last else None
    if patch and patch.exists():
        is_short = options[0] == "--stat"
        return (
            _shown(git.run(repo_paths.repo, "apply", "--stat", str(patch)))
            if is_short
            else patch.read_bytes()
        )
    if last and not any(one.base for one in [*line.tries, last]):
        raise PealError(
            f"task {line.task.index} worked in your own tree, where its changes cannot be told from others; see `git diff`"
        )
    return b""


def _folder(plan_paths: PlanPaths, one: Try) -> Path:
    return plan_paths.attempt(one.task, one.phase, one.number)


def _commit(repo_paths: RepoPaths, line: Line) -> str:
    """The commit that shows the task's change against its first parent: the merge, if it is the task's own."""
    merge, own = line.verified or line.mended, line.commit
    if not merge or not own:
        return merge or own
    is_ours = git.is_ancestor(repo_paths.repo, own, merge) and not git.is_ancestor(
        repo_paths.repo, own, f"{merge}^1"
    )
    is_replayed = not git.is_ancestor(repo_paths.repo, own, merge) and bool(
        git.commit_id(repo_paths.repo, merge)
    )
    return merge if is_ours or is_replayed else own


def _shown(done: "git.Done") -> bytes:
    if done.returncode != 0:
        raise PealError(f"git cannot show it: {git.said(done)}; the commit may have been cleaned away")
    return done.stdout


@click.command()
@click.option("--branches", is_flag=True, help="Also peal's own branches that are in the branch checked out.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and leave it.")
@repository
def clean(branches: bool, dry_run: bool, repo: Path) -> int:
    """
    Remove the worktrees that tasks worked in; what an unfinished task left there is kept as a patch.

    Ends with 1 if something could not be removed, and says what removes it.
    """
    repo_paths, remains = repo_paths_of(repo), False
    said: list[str] = []
    if repo_paths.root.is_dir():
        if dry_run:
            lock.refuse(repo_paths)
        with nullcontext() if dry_run else lock.hold(repo_paths, "", first=store.taking_over(repo_paths)):
            for text, is_gone in _without_worktrees(repo_paths, dry_run):
                remains = remains or not is_gone
                said.append(text)
            said += _without_branches(repo_paths, dry_run) if branches else ()
    for text in said or ["nothing to clean"]:
        click.echo(text)
    return 1 if remains else 0


def _without_worktrees(repo_paths: RepoPaths, dry_run: bool) -> Iterator[tuple[str, bool]]:
    """What becomes of each worktree, and of each one that was moved aside; false for what had to go and could not."""
    if not dry_run:
        yield from ((text, True) for text in store.put_right(repo_paths))
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


def _removed(what: str, left: removal.Left | None, dry_run: bool) -> tuple[str, bool]:
    if left is None:
        return f"{_would(dry_run, 'removed')} {what}", True
    return f"{what} could not be removed wholly ({left.why}); `{left.command()}` removes it", False


def _without_branches(repo_paths: RepoPaths, dry_run: bool) -> Iterator[str]:
    """Only what the branch that is checked out holds: nothing gets lost with it."""
    for name, is_in_use in _own_branches(repo_paths):
        short = name.removeprefix("refs/heads/")
        if is_in_use:
            yield f"kept branch `{short}`: it is checked out"
        elif not git.is_ancestor(repo_paths.repo, name, "HEAD"):
            yield f"kept branch `{short}`: it has not landed; `git log {short}` shows it, `git branch -D {short}` deletes it"
        else:
            if not dry_run:
                git.output(repo_paths.repo, "update-ref", "-d", name)
            yield f"{_would(dry_run, 'deleted')} branch `{short}`"


def _own_branches(repo_paths: RepoPaths) -> Iterator[tuple[str, bool]]:
    """
    The branches that runs of this checkout's plans have made, and whether each is checked out somewhere.

    Below any prefix, for `branch_prefix` may have been another one then: the names behind it are peal's alone.
    """
    names = {
        repo_paths.branch(repo_paths.plan_file(known.plan_path)) for known in store.known_runs(repo_paths)
    }
    own = re.compile(
        rf"refs/heads/.+/({'|'.join(map(re.escape, sorted(names)))})(\.before-\d{{8}}-\d{{6}})?/\d+"
    )
    listed = git.output(repo_paths.repo, "for-each-ref", "--format=%(refname) %(worktreepath)", "refs/heads/")
    for name, _, checked_out_at in (line.partition(" ") for line in listed.splitlines()):
        if names and own.fullmatch(name):
            yield name, bool(checked_out_at)


def _would(dry_run: bool, done: str) -> str:
    return f"would have {done}" if dry_run else done
