"""Which agents a run needs, by its settings and its plan, and whether each is here and can keep to the budget."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import evolve

from peal.agents.protocol import Agent
from peal.agents.registry import find, first_here
from peal.classes import frozen
from peal.errors import PealError
from peal.model.pipeline import AGENT_PHASES, PLAN_PHASES
from peal.model.plan import Plan, Task
from peal.settings import AgentSettings, ItemPhaseSettings, PriceSettings, Settings

_LEAVING = frozenset(phase.name for phase in PLAN_PHASES if not phase.is_at_branch)
"""The phases whose attempts run on machines, where some are named."""

_STAYS = (
    "phase `{phase}` runs here, not on machines (`[phases.{phase}] agent` can name another agent for it): "
)


@frozen
class Needed:
    """An agent that a run would ask, with the model that it would be told to use."""

    name: str
    model: str | None
    said_by: str = ""
    """Begins a refusal, where it is not plain who needs the agent."""
    is_here: bool = True
    """False for one that works on machines alone."""


def chain(settings: Settings, phase: str, is_for_items: bool = False) -> tuple[str, ...]:
    """Who may work in a phase: its agent, and those that take over at a usage limit; PealError if nobody is here."""
    own = settings.phase(phase)
    named = own.agent or settings.agent
    first = first_here(is_for_items) if named == "auto" else named
    others = own.fallback or settings.agents.get(first, AgentSettings()).fallback
    return tuple(dict.fromkeys((first, *others)))


def chain_of_item(settings: Settings, named: str | None, is_for_items: bool = True) -> tuple[str, ...]:
    """The same for phases of items that name this agent, or none."""
    return chain(evolve(settings, agent=named) if named else settings, "", is_for_items)


def check_shell(settings: Settings, phases: Iterable[ItemPhaseSettings]) -> None:
    """PealError where `shell` would triage items or work on them: it can carry out plans, and has no model for the rest."""
    wrong = []
    if _asks_shell(settings, None):
        wrong.append(
            "agent `shell` has no model that could triage items; pass --agent with one that has (`peal agents` lists those "
            'that are here), and write `agent = "shell"` at phases of kind `plan`, whose `sh` blocks it runs'
        )
    wrong += (
        f"phase `{phase.name}`: agent `shell` has no model that could work on an item; name another agent there, or write "
        '`kind = "plan"` or `kind = "command"`'
        for phase in phases
        if phase.kind == "agent" and phase.agent and _asks_shell(settings, phase.agent)
    )
    if wrong:
        raise PealError("\n".join(dict.fromkeys(wrong)))


def _asks_shell(settings: Settings, named: str | None) -> bool:
    try:
        return "shell" in chain_of_item(settings, named)
    except PealError:  # nobody is here: whoever hires them tells that
        return False


def chain_of(task: Task, settings: Settings) -> tuple[str, ...]:
    """Who may work on a task that names its agent: that one, and those that take over from it; nobody if it names none."""
    if not task.agent:
        return ()
    return tuple(dict.fromkeys((task.agent, *settings.agents.get(task.agent, AgentSettings()).fallback)))


def model_of(settings: Settings, phase: str, agent: str, is_first: bool) -> str | None:
    """The model for an agent in a phase, of which it is the first choice or one that takes over."""
    own = settings.agents.get(agent, AgentSettings()).model
    return (settings.phase(phase).model or settings.model or own) if is_first else own


def by_phases(settings: Settings) -> Iterator[Needed]:
    """Those that work in phases; PealError if nobody is here for one."""
    for phase in (phase for phase in AGENT_PHASES if settings.phase(phase).enabled):
        for place, name in enumerate(chain(settings, phase)):
            is_here = not settings.run_on or phase not in _LEAVING
            said_by = _STAYS.format(phase=phase) if settings.run_on and is_here else ""
            yield Needed(name, model_of(settings, phase, name, is_first=not place), said_by, is_here)


def by_tasks(settings: Settings, plan: Plan) -> Iterator[Needed]:
    """Those that tasks name."""
    for task in plan.tasks:
        said_by = f"plan `{plan.path}` line {task.line}: task `{task.id}`: "
        for name in chain_of(task, settings):
            yield Needed(name, task.model or model_of(settings, "", name, is_first=False), said_by)


def by_items(
    settings: Settings, phases: Sequence[ItemPhaseSettings], is_for_items: bool = True
) -> Iterator[Needed]:
    """
    Those that work in these phases of items, or triage them; nobody where there are none. PealError if nobody is here, in the
    words for plans unless only items are asked about.
    """
    named = dict.fromkeys(("", *(phase.agent or "" for phase in phases if phase.kind != "command")))
    for agent in named if phases else ():
        for place, name in enumerate(chain_of_item(settings, agent, is_for_items)):
            yield Needed(name, model_of(settings, "", name, is_first=not place))


def by_reviewers(settings: Settings) -> Iterator[Needed]:
    """Those that look at what others have done."""
    return (Needed(table.agent, table.model) for table in settings.reviewers if table.agent)


def hired(needed: Needed, settings: Settings, repo: Path) -> Agent:
    """The agent, ready to be used in `repo`; PealError if it is not here, or could not keep to the budget."""
    try:
        agent = find(needed.name, settings.agents, repo, needed.model, needed.is_here)
        check_budget(agent, needed.model, settings)
    except PealError as error:
        raise PealError(f"{needed.said_by}{error}") from None
    return agent


def hired_all(all_needed: Iterable[Needed], settings: Settings, repo: Path) -> dict[str, Agent]:
    """All of them by name; PealError for the first that cannot be used."""
    return {needed.name: hired(needed, settings, repo) for needed in all_needed}


def check_budget(agent: Agent, model: str | None, settings: Settings) -> None:
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


def price_of(model: str, prices: Mapping[str, PriceSettings]) -> PriceSettings | None:
    """The price of a model: under its own name, else the first pattern that fits it."""
    if model in prices:
        return prices[model]
    return next((price for pattern, price in prices.items() if fnmatchcase(model, pattern)), None)


def _quoted(model: str) -> str:
    return f'"{model}"'
