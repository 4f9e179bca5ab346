"""From flags, settings and a plan to a job that can run."""

import sys
from pathlib import Path
from typing import Any

from peal import agents, git, journal, process, reconcile, reviewers
from peal.cli.options import chosen, fit_plan
from peal.errors import PealError
from peal.model import AGENT_PHASES, Limits, Phase, Plan
from peal.phases import prompts
from peal.places import Places
from peal.run import Job
from peal.settings import Settings, load
from peal.work import Crew
from peal.workspaces import Pool, SharedTree, Workspaces, preflight


def job_of(
    places: Places, plan_file: Path, flags: dict[str, Any], verbose: bool, fresh: bool, retarget: bool
) -> Job:
    """Everything that was asked for, checked and resolved; PealError if it is not fit."""
    sets = flags.get("sets", ())
    config = Path(flags["config"]) if flags.get("config") else None
    known = {
        name: value for name, value in flags.items() if name not in ("task", "from_task", "sets", "config")
    }
    settings = load(places.repo, known, sets, config)
    _is_here(places, plan_file)
    plan = fit_plan(plan_file)
    return Job(
        places=places,
        plan_file=plan_file,
        plan=plan,
        crew=_crew(places, plan, settings, _workspaces(places, plan_file, settings)),
        limits=_limits(settings),
        flags=flags,
        command=("peal", *sys.argv[1:]),
        selected=_selected(plan, flags),
        fresh=fresh,
        retarget=retarget,
        verbose=verbose,
    )


def _is_here(places: Places, plan_file: Path) -> None:
    """A plan that is committed goes with its branch: say so rather than that it cannot be found."""
    if not plan_file.exists():
        opened, _ = journal.latest_opening(places.plan(plan_file).journal)
        now = git.branch(places.repo)
        if opened and opened.branch not in ("", now):
            raise reconcile.elsewhere(opened.branch, now or "a commit without a branch")


def _selected(plan: Plan, flags: dict[str, Any]) -> frozenset[int] | None:
    if flags.get("task") and flags.get("from_task") is not None:
        raise PealError("--task and --from-task exclude each other; give one of them")
    if flags.get("task"):
        return frozenset(chosen(tuple(flags["task"]), plan))
    if flags.get("from_task") is not None:
        (first,) = chosen((str(flags["from_task"]),), plan)
        return frozenset(task.index for task in plan.tasks if task.index >= first)
    return None


def _crew(places: Places, plan: Plan, settings: Settings, spaces: Workspaces) -> Crew:
    repo = places.repo
    templates = repo / settings.prompts if settings.prompts else None
    prompts.check(templates)
    found = {
        phase: agents.find(
            settings.phase(phase).agent or settings.agent,
            settings.agents,
            repo,
            settings.phase(phase).model or settings.model,
        )
        for phase in AGENT_PHASES
    }
    return Crew(settings, found, reviewers.all_of(settings.reviewers, repo), spaces, plan.context, templates)


def _lands(settings: Settings) -> bool:
    """Whether tasks work in worktrees and land; PealError if the keys contradict each other."""
    given = settings.origins
    if settings.isolation == "none" and settings.commit and "commit" in given:
        raise PealError(
            "`isolation = none` and `commit = true` exclude each other: peal commits from worktrees only; "
            "take one of them out"
        )
    if settings.isolation == "worktree" and not settings.commit:
        raise PealError(
            "`isolation = worktree` needs `commit`: what is done in a worktree gets to you as a commit; "
            "take one of them out"
        )
    lands = settings.commit and settings.isolation != "none"
    if settings.address == "as-ready" and not lands:
        raise PealError(
            "`address = as-ready` needs worktrees: in a shared tree nobody may write while reviewers look; "
            "take it out, or let `commit` and `isolation` be as they are by default"
        )
    return lands


def _workspaces(places: Places, plan_file: Path, settings: Settings) -> Workspaces:
    repo = places.repo
    if not _lands(settings):
        return SharedTree(repo)
    return Pool(
        repo,
        places.worktrees,
        preflight.landing_branch(repo),
        places.branches(plan_file),
        places.plan_key(plan_file),
        tuple(process.arguments(settings.worktree_setup)) if settings.worktree_setup else (),
        preflight.included(repo, settings.worktree_include),
    )


def _limits(settings: Settings) -> Limits:
    counts = {phase: settings.phase(phase).retry_count for phase in AGENT_PHASES}
    retries = {phase: settings.phase_retry_count if own is None else own for phase, own in counts.items()}
    return Limits(
        max_parallel=max(settings.max_parallel, 1) if settings.parallel else 1,
        plan_retry_count=retries[Phase.PLAN],
        execute_retry_count=retries[Phase.EXECUTE],
        address_retry_count=retries[Phase.ADDRESS],
        continue_with_remaining_tasks=settings.continue_with_remaining_tasks,
        max_consecutive_task_failures=settings.max_consecutive_task_failures,
        lands=_lands(settings),
        as_ready=settings.address == "as-ready",
        conflict_retry=settings.conflict_retry,
    )
