"""Who works on a plan, and by which settings."""

from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field

from peal.agents.cli import CliAgent
from peal.agents.needed import model_of
from peal.agents.protocol import Agent
from peal.classes import frozen
from peal.model.pipeline import Kind, Phase
from peal.model.plan import TaskId
from peal.model.work import Order
from peal.reviewers import Reviewer
from peal.settings import Settings
from peal.system.process import Clocks
from peal.workspaces import Workspaces


@frozen
class Roster:
    """The agents, the reviewers and the places they work in."""

    settings: Settings
    agents: Mapping[str, Agent]
    chains: Mapping[str, tuple[str, ...]]
    """Who may work in each phase, the first choice first."""
    reviewers: tuple[Reviewer, ...]
    """Those that look at every task."""
    workspaces: Workspaces
    context: str
    templates: Path | None = None
    checks: Mapping[TaskId, tuple[Reviewer, ...]] = field(factory=dict)
    """The commands of the plan that look at one task, where the person wants them to be run."""
    hide: Callable[[str], str] = str
    """Takes secrets out of a text that goes into journal, status or report."""

    def model(self, phase: Phase, agent: str) -> str | None:
        """The model for an agent in this phase: what is set for the phase is meant for its first choice only."""
        is_first = agent == (phase.agents or (agent,))[0]
        return (phase.model if is_first else None) or model_of(
            self.settings, phase.settings_name, agent, is_first
        )

    def model_for(self, order: Order) -> str | None:
        """The model for an attempt: the task's own, where it names one for its agent."""
        is_own = order.agent in ("", order.task.agent) or not order.task.agent
        return (order.task.model if is_own else "") or self.model(order.phase, order.agent)

    def agent_name(self, order: Order) -> str:
        """Who works on an attempt; nobody where, but for a conflict, there is nothing to do for anybody."""
        is_quiet = not order.phase.agents or (
            order.phase.kind is Kind.REVIEW and not self.reviewers_of(order.task.id)
        )
        return "" if is_quiet else order.agent

    def reviewers_of(self, task: TaskId) -> tuple[Reviewer, ...]:
        """Who looks at a task: what its plan says verifies it comes first."""
        return (*self.checks.get(task, ()), *self.reviewers)

    @property
    def unguarded(self) -> list[str]:
        """The coding CLIs that may do everything, as they are shown; none with `permissions = "limited"`, or with a sandbox."""
        clis = [name for name, agent in self.agents.items() if isinstance(agent, CliAgent)]
        is_guarded = self.settings.permissions == "limited" or self.settings.sandbox != ("none",)
        return [] if is_guarded else [f"`{name}`" for name in clis]

    def clocks(self, phase: Phase, agent: Agent) -> Clocks:
        """The clocks an agent runs under at this phase."""
        settings = self.settings
        idle = settings.idle_timeout_sec or agent.idle_timeout_sec
        return Clocks(self._timeout(phase), idle, settings.max_output_mb * 1_000_000)

    def helper_clocks(self, phase: Phase, timeout_sec: int | None = None) -> Clocks:
        """The clocks of programs that are no agents: a test run may well be silent."""
        return Clocks(timeout_sec or self._timeout(phase), None, self.settings.max_output_mb * 1_000_000)

    def _timeout(self, phase: Phase) -> int:
        own = phase.timeout_sec or self.settings.phase(phase.settings_name).timeout_sec
        return own or self.settings.phase_timeout_sec
