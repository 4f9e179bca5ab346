"""Who works on a plan, and by which settings."""

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from peal.agents import Agent
from peal.model import Phase
from peal.process import Clocks
from peal.reviewers import CommandReviewer
from peal.settings import Settings
from peal.workspaces import Workspaces


@frozen
class Crew:
    """The agents, the reviewers and the places they work in."""

    settings: Settings
    agents: Mapping[Phase, Agent]
    reviewers: tuple[CommandReviewer, ...]
    workspaces: Workspaces
    context: str
    templates: Path | None = None

    def model(self, phase: Phase) -> str | None:
        """The model for this phase."""
        return self.settings.phase(phase).model or self.settings.model

    def agent_name(self, phase: Phase) -> str:
        """Who works in this phase; nobody where, but for a conflict, there is nothing to do for anybody."""
        is_quiet = phase is Phase.LAND or (phase is Phase.ADDRESS and not self.reviewers)
        return "" if is_quiet else self.agents[phase].name

    def clocks(self, phase: Phase) -> Clocks:
        """The clocks an attempt at this phase runs under."""
        settings = self.settings
        timeout = settings.phase(phase).timeout_sec or settings.phase_timeout_sec
        idle = self.agents[phase].idle_timeout_sec or settings.idle_timeout_sec
        return Clocks(timeout, idle, settings.max_output_mb * 1_000_000)

    def helper_clocks(self, phase: Phase) -> Clocks:
        """The clocks of programs that are no agents: a test run may well be silent."""
        return evolve(self.clocks(phase), idle=None)
