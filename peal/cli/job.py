"""From flags, settings and a plan to a job that can run."""

import os
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from peal import agents, git, journal, process, reconcile, reviewers
from peal.agents import Agent
from peal.cli.options import chosen, fit_plan
from peal.errors import PealError
from peal.model import AGENT_PHASES, Limits, Phase, Plan
from peal.phases import prompts
from peal.places import Places
from peal.redaction import HIDDEN, redactor, secrets
from peal.run import Job
from peal.settings import CLIS, AgentSettings, Settings, load
from peal.work import Crew
from peal.work.billing import price_of
from peal.work.crew import model_of
from peal.workspaces import Pool, SharedTree, Workspaces, preflight


def job_of(places: Places, plan_file: Path, flags: dict[str, Any], **how: bool) -> Job:
    """Everything that was asked for, checked and resolved; `how` is what `Job` takes so. PealError if it is not fit."""
    sets = flags.get("sets", ())
    if hidden := [text for text in sets if HIDDEN in text]:
        raise PealError(
            f"--set {hidden[0]} was given with a secret, which is not written down; give it again, or keep it in a variable"
        )
    config = Path(flags["config"]) if flags.get("config") else None
    known = {
        name: value for name, value in flags.items() if name not in ("task", "from_task", "sets", "config")
    }
    settings = load(places.repo, known, sets, config)
    _is_here(places, plan_file)
    plan = fit_plan(plan_file)
    crew = _crew(places, plan, settings, _workspaces(places, plan_file, settings))
    return Job(
        places=places,
        plan_file=plan_file,
        plan=plan,
        crew=crew,
        limits=_limits(settings, crew),
        flags=_storable(flags, crew.hide),
        command=tuple(map(crew.hide, ("peal", *sys.argv[1:]))),
        selected=_selected(plan, flags),
        notices=tuple(_notices(crew)),
        **how,
    )


def _storable(flags: dict[str, Any], hide: Callable[[str], str]) -> dict[str, Any]:
    """The flags as the journal may remember them."""
    return {**flags, "sets": [hide(text) for text in flags["sets"]]} if "sets" in flags else flags


def _notices(crew: Crew) -> Iterator[str]:
    """What a person should know of who will do the work."""
    if "auto" in (crew.settings.agent, *(crew.settings.phase(phase).agent for phase in AGENT_PHASES)):
        yield f"agent: `{agents.first_here()}`, the first that is here of {', '.join(CLIS)}"


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
    chains = {phase: _chain(settings, phase) for phase in AGENT_PHASES}
    found: dict[str, Agent] = {}
    for phase, chain in chains.items():
        for place, name in enumerate(chain):
            model = model_of(settings, phase, name, is_first=not place)
            found[name] = agents.find(name, settings.agents, repo, model)
            _can_be_counted(found[name], model, settings)
    return Crew(
        settings, found, chains, reviewers.all_of(settings.reviewers, repo), spaces, plan.context, templates,
        redactor(_secrets(settings)),
    )  # fmt: skip


def _secrets(settings: Settings) -> tuple[str, ...]:
    """The values that nobody may read: of variables that peal has, and of those it sets for agents."""
    given = (agent.env.items() for agent in settings.agents.values())
    return secrets(chain(os.environ.items(), *given), settings.redact)


def _chain(settings: Settings, phase: Phase) -> tuple[str, ...]:
    """Who may work in a phase: its agent, and those that take over at a usage limit."""
    own = settings.phase(phase)
    named = own.agent or settings.agent
    first = agents.first_here() if named == "auto" else named
    others = own.fallback or settings.agents.get(first, AgentSettings()).fallback
    return tuple(dict.fromkeys((first, *others)))


def _can_be_counted(agent: Agent, model: str | None, settings: Settings) -> None:
    """A budget that nobody can keep is refused before anything is spent."""
    if settings.max_tokens is not None and not agent.reports_usage:
        raise PealError(
            f"`max_tokens` cannot be kept: agent `{agent.name}` does not tell how many tokens it uses; take one out"
        )
    has_price = agent.reports_usage and (
        price_of(model or "", settings.prices) is not None or "*" in settings.prices
    )
    if settings.max_cost is not None and not agent.reports_cost and not has_price:
        raise PealError(
            f"`max_cost` cannot be kept: agent `{agent.name}` does not tell what it costs, and no price is set for "
            f"{f'model `{model}`' if model else 'its model'}; set [prices.{_quoted(model or '*')}], or take `max_cost` out"
        )


def _quoted(model: str) -> str:
    return f'"{model}"'


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


def _limits(settings: Settings, crew: Crew) -> Limits:
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
        transient_retry_count=settings.transient_retry_count,
        agents=dict(crew.chains),
        wait=settings.wait,
        max_cost=settings.max_cost,
        max_tokens=settings.max_tokens,
        continue_session=settings.continue_session,
    )
