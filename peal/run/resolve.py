"""Who works on a plan, hired by the settings: agents, those that take over from them, and reviewers."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from peal import phases, reviewers
from peal.agents.protocol import Agent
from peal.agents.registry import find, first_here
from peal.errors import PealError
from peal.model.pipeline import AGENT_PHASES
from peal.model.plan import Plan, Task
from peal.phases import prompts
from peal.reviewers import StetReviewer
from peal.reviewers.stet.reviewer import unused
from peal.settings import CLIS, AgentSettings, Settings
from peal.system.layout import RepoPaths
from peal.text.redaction import redactor, secrets
from peal.work import Roster
from peal.work.roster import model_of
from peal.work.usage import price_of
from peal.workspaces import SharedTree, Workspaces


def roster_of(repo_paths: RepoPaths, plan: Plan, settings: Settings, spaces: Workspaces) -> Roster:
    """Everybody who is needed, checked; PealError if somebody is not here or could not keep to the budget."""
    repo = repo_paths.repo
    templates = repo / settings.prompts if settings.prompts else None
    prompts.check(templates)
    chains = {phase: _chain(settings, phase) for phase in AGENT_PHASES if settings.phase(phase).enabled}
    phases.check(chains)
    found: dict[str, Agent] = {}
    for phase, names in chains.items():
        for place, name in enumerate(names):
            model = model_of(settings, phase, name, is_first=not place)
            found[name] = find(name, settings.agents, repo, model)
            _check_budget(found[name], model, settings)
    for task in plan.tasks:
        for name in set(chain_of(task, settings)) - found.keys():
            found[name] = _named_in(plan, task, name, settings, repo)
    for table in settings.reviewers:
        if table.agent:
            found[table.agent] = find(table.agent, settings.agents, repo, table.model)
            _check_budget(found[table.agent], table.model, settings)
    return Roster(
        settings, found, chains, reviewers.all_of(settings, repo, spaces.place_of, lands=bool(spaces.branch)), spaces, plan.context, templates,
        reviewers.of_plan(plan) if settings.verify_from_plan else {}, redactor(_secrets(settings)),
    )  # fmt: skip


def reader_of(repo_paths: RepoPaths, settings: Settings) -> Roster:
    """Only who reads first for a task, to be asked before there is a plan; PealError as above."""
    enabled = (name for name in AGENT_PHASES if settings.phase(name).enabled)
    phase = next(enabled, AGENT_PHASES[0])
    chain = _chain(settings, phase)
    model = model_of(settings, AGENT_PHASES[0], chain[0], is_first=True)
    agent = find(chain[0], settings.agents, repo_paths.repo, model)
    _check_budget(agent, model, settings)
    return Roster(
        settings, {agent.name: agent}, {phase: chain}, (), SharedTree(repo_paths.repo), "", hide=redactor(_secrets(settings))
    )  # fmt: skip


def notices_on(roster: Roster) -> Iterator[str]:
    """What a person should know of who will do the work and was not named."""
    lands = bool(roster.workspaces.branch)
    if any(isinstance(one, StetReviewer) for one in roster.reviewers) and roster.settings.stet == "auto":
        yield "reviewer: `stet`, as it is here; `--stet off` leaves it out"
    elif text := unused(roster.settings, roster.workspaces.place, lands):
        yield text
    if "auto" in (roster.settings.agent, *(roster.settings.phase(phase).agent for phase in AGENT_PHASES)):
        yield f"agent: `{first_here()}`, the first that is here of {', '.join(CLIS)}"


def _secrets(settings: Settings) -> tuple[str, ...]:
    """The values that nobody may read: of variables that peal has, and of those it sets for agents."""
    given = (agent.env.items() for agent in settings.agents.values())
    return secrets(chain(os.environ.items(), *given), settings.redact)


def _chain(settings: Settings, phase: str) -> tuple[str, ...]:
    """Who may work in a phase: its agent, and those that take over at a usage limit."""
    own = settings.phase(phase)
    named = own.agent or settings.agent
    first = first_here() if named == "auto" else named
    others = own.fallback or settings.agents.get(first, AgentSettings()).fallback
    return tuple(dict.fromkeys((first, *others)))


def chain_of(task: Task, settings: Settings) -> tuple[str, ...]:
    """Who may work on a task that names its agent: that one, and those that take over from it; nobody if it names none."""
    if not task.agent:
        return ()
    return tuple(dict.fromkeys((task.agent, *settings.agents.get(task.agent, AgentSettings()).fallback)))


def _named_in(plan: Plan, task: Task, name: str, settings: Settings, repo: Path) -> Agent:
    model = task.model or model_of(settings, "", name, is_first=False)
    try:
        agent = find(name, settings.agents, repo, model)
        _check_budget(agent, model, settings)
    except PealError as error:
        raise PealError(f"plan `{plan.path}` line {task.line}: task `{task.id}`: {error}") from None
    return agent


def _check_budget(agent: Agent, model: str | None, settings: Settings) -> None:
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
