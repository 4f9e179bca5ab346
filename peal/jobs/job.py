"""What a person asked for, checked and resolved."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field

from peal.classes import frozen
from peal.jobs.source import Source
from peal.model.decision import Rules
from peal.model.pipeline import PIPELINE, Pipeline
from peal.model.plan import Plan, TaskId
from peal.record.events import PlanRewritten
from peal.schedule.work import Work
from peal.system.layout import PlanPaths, RepoPaths
from peal.work import Roster
from peal.workspaces import Pool


@frozen
class Job:
    """Everything a person asked for, checked and resolved."""

    repo_paths: RepoPaths
    plan_file: Path
    plan: Plan
    source: Source
    """Where its tasks come from."""
    roster: Roster
    rules: Rules
    pipelines: Mapping[str, Pipeline]
    """The phases of tasks, by the name of their pipeline."""
    flags: dict[str, Any]
    """The flags to remember for `peal resume`."""
    command: tuple[str, ...]
    selected: frozenset[TaskId] | None = None
    fresh: bool = False
    resumed: bool = False
    """It goes on with the run before, whose spending counts too."""
    try_now: bool = False
    """Ask agents although an earlier run has met their usage limit."""
    notices: tuple[str, ...] = ()
    """What a person should know before the run starts."""
    retry_failed: bool = False
    """What was let through with findings is addressed again."""
    retarget: bool = False
    """Land in the branch that is checked out now, whatever earlier runs landed in."""
    verbose: bool = False
    rewritten: PlanRewritten | None = None
    """How an agent has made the plan of a file that was none, just now."""
    pool: Pool | None = None
    """The worktrees tasks work in; None where they share the person's tree."""
    plan_paths: PlanPaths = field(init=False)
    """Where the plan's memory is."""

    @plan_paths.default
    def _place_of_the_plan(self) -> PlanPaths:
        return self.repo_paths.plan(self.plan_file)

    key: str = field(init=False)
    """The plan's path as it is remembered; looked up once, because each turn of the run asks for it."""

    @key.default
    def _remembered_path(self) -> str:
        return self.repo_paths.plan_key(self.plan_file)

    @property
    def pipeline(self) -> Pipeline:
        """The phases of the plan's tasks."""
        return self.pipelines[PIPELINE]

    @property
    def width(self) -> int:
        """How many tasks can be under way at once."""
        widest = max((len(segment.tasks) for segment in self.work.segments), default=1)
        return max(min(self.rules.max_parallel, widest), 1)

    @property
    def work(self) -> Work:
        """The segments asked for."""
        return Work.of(self.plan.tasks, self.selected)
