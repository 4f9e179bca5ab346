"""The phases of items as pipelines of tasks, with who works in each, by the settings."""

from pathlib import Path

from attrs import evolve, field

from peal import phases
from peal.agents.needed import Needed, chain_of_item, check_shell, hired, model_of
from peal.agents.phase_command import PhaseCommand
from peal.agents.protocol import Agent
from peal.backlog.task_names import pipeline_name
from peal.classes import define
from peal.errors import PealError
from peal.jobs.plan_job import retries_of
from peal.model.phase_result import TRIAGE
from peal.model.pipeline import PIPELINE, PLAN_PHASES, Kind, Phase, Pipeline
from peal.settings import ItemPhaseSettings, Settings
from peal.settings.pipelines import item_phases, pipelines

_CONTRACTS = {"agent": "item", "command": "command"}
"""What is asked of whoever works in a phase, by its kind in the settings."""


@define
class ItemPhases:
    """All pipelines by their names, and the agents that work in them; `of` makes them."""

    settings: Settings
    repo: Path
    lands: bool
    agents: dict[str, Agent] = field(factory=dict)
    pipelines: dict[str, Pipeline] = field(factory=dict)

    @classmethod
    def of(cls, settings: Settings, repo: Path, lands: bool) -> "ItemPhases":
        """By the settings; PealError if somebody is not here or could not keep to the budget."""
        check_shell(settings, item_phases(pipelines(settings)))
        made = cls(settings, repo, lands)
        triage = made._alone(
            Phase(TRIAGE, Kind.WRITE, settings.execution.max_retries, made._chain(None), TRIAGE)
        )
        made.pipelines |= {TRIAGE: triage, PIPELINE: triage}
        for name, pipeline in pipelines(settings).items():
            for phase in (*pipeline.pre_phases, *pipeline.phases):
                made._add(pipeline_name(name, phase.name), phase)
        phases.check(one.contract_name for row in made.pipelines.values() for one in row.phases if one.agents)
        return made

    def _add(self, name: str, phase: ItemPhaseSettings) -> None:
        if phase.kind == "plan":
            whole = self._plan_phases(phase)
            self.pipelines |= {name: Pipeline(whole), f"{name} without plan": Pipeline(whole[1:])}
        else:
            own = self._command(phase) if phase.kind == "command" else self._chain(phase)
            retries = self.settings.execution.max_retries if phase.retries is None else phase.retries
            contract = _CONTRACTS[phase.kind]
            first = Phase(phase.name, Kind.WRITE, retries, own, contract, phase.model, phase.timeout)
            self.pipelines[name] = self._alone(first)

    def _alone(self, first: Phase) -> Pipeline:
        """A phase that is one task, with its review and its landing."""
        mending = first.agents if phases.has_prompt(first.contract_name) else self._chain(None)
        return Pipeline((first, *(self._late(one, mending) for one in PLAN_PHASES if self._is_late(one))))

    def _plan_phases(self, phase: ItemPhaseSettings) -> tuple[Phase, ...]:
        """What each task of a plan goes through, with this phase's own agent, model and clock."""
        own = self._chain(phase)
        early = [
            evolve(
                one,
                retries=retries_of(self.settings, one) if phase.retries is None else phase.retries,
                agents=own,
                model=phase.model,
                timeout_sec=phase.timeout,
            )
            for one in PLAN_PHASES
            if not one.is_at_branch
        ]
        return (*early, *(self._late(one, own) for one in PLAN_PHASES if self._is_late(one)))

    def _is_late(self, phase: Phase) -> bool:
        return phase.is_at_branch and (self.lands or phase.kind is not Kind.LAND)

    def _late(self, phase: Phase, agents: tuple[str, ...]) -> Phase:
        return evolve(
            phase,
            retries=retries_of(self.settings, phase),
            agents=agents if phase.kind is Kind.REVIEW else (),
        )

    def _chain(self, phase: ItemPhaseSettings | None) -> tuple[str, ...]:
        """The agent of a phase, or that of all, with those that take over; they are hired."""
        names = chain_of_item(self.settings, phase.agent if phase else None)
        for place, name in enumerate(names):
            own = phase.model if phase and not place else None
            model = own or model_of(self.settings, "", name, is_first=not place)
            if name not in self.agents:
                self.agents[name] = hired(Needed(name, model), self.settings, self.repo)
        return names

    def _command(self, phase: ItemPhaseSettings) -> tuple[str, ...]:
        command = PhaseCommand.of(phase.command or "", self.repo, phase.network == "on")
        if why := command.missing(None, is_here=not self.settings.run_on):
            raise PealError(f"phase `{phase.name}`: {why}")
        self.agents[command.name] = command
        return (command.name,)
