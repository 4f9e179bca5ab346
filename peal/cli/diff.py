"""`peal diff`: what a task has changed, or all of a plan's branch."""

import os
import sys
from pathlib import Path

import click

from peal.cli.options import plan_option, repo_paths_of, repository
from peal.errors import PealError
from peal.jobs.known_plans import plan_or_latest, plan_paths_of, state_of
from peal.landing import renamed_branch
from peal.record import journal
from peal.record.history import History, fold
from peal.record.task_state import Attempt, TaskState
from peal.system import git
from peal.system.layout import PATCH, PlanPaths, RepoPaths
from peal.worktrees import leftovers
from peal.worktrees.worktree import difference


@click.command()
@click.argument("task", required=False)
@plan_option
@click.option("--stat", is_flag=True, help="Which files and how much, instead of the lines.")
@repository
def diff(task: str | None, plan: Path | None, stat: bool, repo: Path) -> int:
    """
    What TASK has changed, landed or not; while it runs, so far.

    Without TASK all that has come into the plan's branch since the plan first began on it, whoever committed it: what
    the plan has landed, and what you or other plans have put there meanwhile.
    """
    repo_paths = repo_paths_of(repo)
    plan_paths = plan_paths_of(repo_paths, plan_or_latest(plan, repo_paths))
    history = fold(journal.load(plan_paths.journal).events)
    if task is None:
        shown = _of_branch(repo_paths, history, _options(stat))
    else:
        shown = _difference(repo_paths, plan_paths, state_of(task, history), _options(stat))
    if not shown and task is None:
        raise PealError(
            "nothing has come into the branch since the plan began; `peal status` shows how far it is"
        )
    if not shown:
        raise PealError(f"task {task} has changed nothing; `peal logs {task}` shows what it did")
    sys.stdout.buffer.write(shown)
    sys.stdout.buffer.flush()
    return 0


def _options(stat: bool) -> list[str]:
    wants_colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return [
        *(["--stat"] if stat else []),
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules=dirty",
        "--color=always" if wants_colour else "--color=never",
    ]


def _of_branch(repo_paths: RepoPaths, history: History, options: list[str]) -> bytes:
    """All that has come into the plan's branch since it began on it, as git prints it; PealError if that cannot be told."""
    repo, opened = repo_paths.repo, history.opened
    if opened is None or not opened.branch:
        raise PealError(
            "nothing of this plan lands in a branch; `git diff` shows what is changed in your tree"
        )
    begun_at, ref = history.begun_at.get(opened.branch, ""), f"refs/heads/{opened.branch}"
    if not begun_at:
        raise PealError(
            f"an older peal began this plan and did not note where `{opened.branch}` was; name a task, or see `git log`"
        )
    if not git.commit_id(repo, ref):
        raise PealError(renamed_branch.gone(repo, opened.branch, opened.branch_is_named))
    # From where both part: where the branch was rewritten since, what was taken out of it does not count as a change.
    return _shown(git.run(repo, "diff", *options, f"{begun_at}...{ref}", "--"))


def _difference(repo_paths: RepoPaths, plan_paths: PlanPaths, state: TaskState, options: list[str]) -> bytes:
    """As git prints it; empty if there is none. PealError if it cannot be told."""
    if state.running and state.running.base:
        at, folder = Path(state.running.workspace), _folder(plan_paths, state.running)
        if worktree := leftovers.holding(repo_paths.repo, at, folder):
            return _shown(difference(worktree, state.running.base, options))
    if commit := _commit(repo_paths, state):
        return _shown(git.run(repo_paths.repo, "diff", *options, f"{commit}^1", commit, "--"))
    last = state.running or state.last()
    patch = _folder(plan_paths, last) / PATCH if last else None
    if patch and patch.exists():
        is_short = options[0] == "--stat"
        return (
            _shown(git.run(repo_paths.repo, "apply", "--stat", str(patch)))
            if is_short
            else patch.read_bytes()
        )
    if last and not any(one.base for one in [*state.attempts, last]):
        raise PealError(
            f"task {state.task.id} worked in your own tree, where its changes cannot be told from others; see `git diff`"
        )
    return b""


def _folder(plan_paths: PlanPaths, one: Attempt) -> Path:
    return plan_paths.attempt(one.task, one.phase, one.number)


def _commit(repo_paths: RepoPaths, state: TaskState) -> str:
    """The commit that shows the task's change against its first parent: the merge, if it is the task's own."""
    merge, own = state.change.verified or state.change.mended, state.change.own
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
