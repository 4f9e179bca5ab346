"""`peal diff`, `peal clean`: what tasks have changed, and the worktrees and branches they worked in."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from peal import git, journal, lock, memory, reconcile
from peal.cli.options import places_of, plan_or_latest, repository
from peal.errors import Damaged, PealError
from peal.history import Line, fold
from peal.places import BRANCHES, Places, PlanPlace
from peal.workspaces import PATCH, slots


@click.command()
@click.argument("task", type=int)
@click.option("--plan", type=click.Path(path_type=Path), help="The plan; default: the latest run's.")
@click.option("--stat", is_flag=True, help="Which files and how much, instead of the lines.")
@repository
def diff(task: int, plan: Path | None, stat: bool, repo: Path) -> int:
    """What TASK has changed, landed or not; while it runs, so far."""
    places = places_of(repo)
    place = places.plan(plan_or_latest(plan, places))
    line = fold(journal.load(place.journal).events).lines.get(task)
    if line is None:
        raise PealError(f"task {task} is not in the plan; `peal status` lists its tasks")
    shown = _difference(places, place, line, ["--stat"] if stat else [])
    if not shown:
        raise PealError(f"task {task} has changed nothing; `peal logs {task}` shows what it did")
    sys.stdout.buffer.write(shown)
    sys.stdout.buffer.flush()
    return 0


def _difference(places: Places, place: PlanPlace, line: Line, options: list[str]) -> bytes:
    """As git prints it; empty if there is none. PealError if it cannot be told."""
    wants_colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    options = [*options, "--color=always"] if wants_colour else options
    running, last = line.running, line.last()
    if running and running.base and Path(running.workspace).is_dir():
        return slots.difference(Path(running.workspace), running.base, options)
    if commit := line.verified or line.brings:
        return _shown(git.attempt(places.repo, "diff", *options, f"{commit}^1", commit))
    patch = place.attempt(last.task, last.phase, last.number) / PATCH if last else None
    if patch and patch.exists():
        return (
            _shown(git.attempt(places.repo, "apply", "--stat", str(patch)))
            if options[:1] == ["--stat"]
            else patch.read_bytes()
        )
    if last and not any(one.base for one in line.tries):
        raise PealError(
            f"task {line.task.index} worked in your own tree, where its changes cannot be told from others; see `git diff`"
        )
    return b""


def _shown(done: "git.Done") -> bytes:
    if done.returncode != 0:
        raise PealError(f"git cannot show it: {git.said(done)}; the commit may have been cleaned away")
    return done.stdout


@click.command()
@click.option("--branches", is_flag=True, help="Also peal's own branches that are in the branch checked out.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and leave it.")
@repository
def clean(branches: bool, dry_run: bool, repo: Path) -> int:
    """Remove the worktrees that tasks worked in; what an unfinished task left there is kept as a patch."""
    places = places_of(repo)
    with lock.hold(places, "", first=memory.end_strays):
        said = [
            *_without_worktrees(places, dry_run),
            *(_without_branches(places, dry_run) if branches else ()),
        ]
    for text in said or ["nothing to clean"]:
        click.echo(text)
    return 0


def _without_worktrees(places: Places, dry_run: bool) -> Iterator[str]:
    if not dry_run:
        for place in places.known_plans():
            try:
                history = fold(journal.load(place.journal).events)
                reconcile.rescue(places.repo, places.worktrees, history, place)
            except Damaged as error:
                raise PealError(f"{error}; until then nothing is cleaned") from None
    for slot in slots.found(places.repo, places.worktrees):
        if not dry_run:
            slot.remove()
        yield f"{_would(dry_run, 'removed')} worktree `{slot.path}`"


def _without_branches(places: Places, dry_run: bool) -> Iterator[str]:
    """Only what the branch that is checked out holds: nothing gets lost with it."""
    names = git.output(places.repo, "for-each-ref", "--format=%(refname)", f"refs/heads/{BRANCHES}/").split()
    for name in names:
        short = name.removeprefix("refs/heads/")
        if not git.is_ancestor(places.repo, name, "HEAD"):
            yield f"kept branch `{short}`: it has not landed; `git log {short}` shows it, `git branch -D {short}` deletes it"
            continue
        if not dry_run:
            git.output(places.repo, "update-ref", "-d", name)
        yield f"{_would(dry_run, 'deleted')} branch `{short}`"


def _would(dry_run: bool, done: str) -> str:
    return f"would have {done}" if dry_run else done
