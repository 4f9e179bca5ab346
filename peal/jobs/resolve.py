"""Who works on a plan, hired by the settings: agents, those that take over from them, and reviewers."""

from collections.abc import Iterator

from peal import phases, reviewers
from peal.agents.needed import Needed, by_phases, by_reviewers, by_tasks, chain, hired, hired_all, model_of
from peal.agents.registry import first_here
from peal.model.pipeline import AGENT_PHASES
from peal.model.plan import Plan
from peal.phases import prompts
from peal.reviewers import StetReviewer
from peal.reviewers.stet.reviewer import unused
from peal.settings import CLIS, Settings
from peal.settings.secret_values import secrets_of
from peal.system.layout import RepoPaths
from peal.text.redaction import redactor
from peal.work import Roster
from peal.workspaces import SharedTree, Workspaces


def roster_of(repo_paths: RepoPaths, plan: Plan, settings: Settings, spaces: Workspaces) -> Roster:
    """Everybody who is needed, checked; PealError if somebody is not here or could not keep to the budget."""
    repo = repo_paths.repo
    templates = repo / settings.prompts if settings.prompts else None
    prompts.check(templates)
    chains = {phase: chain(settings, phase) for phase in AGENT_PHASES if settings.phase(phase).enabled}
    phases.check(chains)
    found = hired_all(by_phases(settings), settings, repo)
    for needed in by_tasks(settings, plan):
        if needed.name not in found:
            found[needed.name] = hired(needed, settings, repo)
    found |= hired_all(by_reviewers(settings), settings, repo)
    return Roster(
        settings, found, chains, reviewers.all_of(settings, repo, spaces.tree_of, lands=bool(spaces.branch)), spaces, plan.context, templates,
        reviewers.of_plan(plan) if settings.verify_from_plan else {}, redactor(secrets_of(settings)),
    )  # fmt: skip


def reader_of(repo_paths: RepoPaths, settings: Settings) -> Roster:
    """Only who reads first for a task, to be asked before there is a plan; PealError as above."""
    enabled = (name for name in AGENT_PHASES if settings.phase(name).enabled)
    phase = next(enabled, AGENT_PHASES[0])
    names = chain(settings, phase)
    model = model_of(settings, AGENT_PHASES[0], names[0], is_first=True)
    agent = hired(Needed(names[0], model), settings, repo_paths.repo)
    return Roster(
        settings, {agent.name: agent}, {phase: names}, (), SharedTree(repo_paths.repo), "", hide=redactor(secrets_of(settings))
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


def check_who_is_told(settings: Settings) -> None:
    """PealError if somebody is to be told how the run goes on, and cannot be."""
    if settings.notify.urls:
        from peal.notify.addresses import addresses  # only here: most runs tell nobody

        addresses(settings.notify)
