"""What is done for a task, in which order: phases, and the pipelines that they make up."""

from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property

from attrs import evolve

from peal.classes import frozen
from peal.model.plan import Task


class Kind(StrEnum):
    """What is done in a phase, and by that who does it."""

    READ = "read"
    """An agent that may change nothing; its reply is handed to the phases after it."""
    WRITE = "write"
    """An agent that changes files."""
    REVIEW = "review"
    """Reviewers look at the change on top of the branch, and an agent mends what they find, until they find nothing."""
    LAND = "land"
    """The verified change enters the branch; no agent takes part."""


@frozen
class Phase:
    """One stage of a task."""

    name: str
    kind: Kind
    retries: int = 0
    """How often a failed attempt is made again."""
    agents: tuple[str, ...] = ()
    """Who may work in it: the first whose usage limit is not reached. Nobody in `land`."""
    contract: str = ""
    """Which prompt and verdict it has; those of its own name where empty."""
    model: str | None = None
    """The model for the first of its agents; what the settings say where it is None."""
    timeout_sec: int | None = None
    """How long an attempt may take; what the settings say where it is None."""

    def __str__(self) -> str:
        return self.name

    @property
    def contract_name(self) -> str:
        """The name of its prompt and verdict."""
        return self.contract or self.name

    @property
    def settings_name(self) -> str:
        """By which name the settings of a plan's phases are about it; empty where they are not."""
        return "" if self.contract else self.name

    @property
    def asks_agent(self) -> bool:
        """Whether nothing can be done in it without an agent."""
        return self.kind in (Kind.READ, Kind.WRITE)

    @property
    def is_at_branch(self) -> bool:
        """Whether it works on the branch as it will be, so that one task at a time can be in such a phase."""
        return self.kind in (Kind.REVIEW, Kind.LAND)


@frozen(slots=False)
class Pipeline:
    """
    The phases of a task, in order; ValueError for a row that cannot be carried out.

    What writes comes before what reviews, and that before what lands; there is at most one of the last two, and they
    are the last.
    """

    phases: tuple[Phase, ...]

    def __attrs_post_init__(self) -> None:
        names = [phase.name for phase in self.phases]
        order = [_ORDER[phase.kind] for phase in self.phases]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a pipeline wants phases with a name of their own, not {names}")
        if (
            order != sorted(order)
            or order.count(_ORDER[Kind.REVIEW]) > 1
            or order.count(_ORDER[Kind.LAND]) > 1
        ):
            raise ValueError(
                f"phases come in the order reading and writing, one review, one landing, not {names}"
            )
        if any(phase.kind is not Kind.LAND and not phase.agents for phase in self.phases):
            raise ValueError(f"nobody works in a phase of {names}")

    @cached_property
    def _by_name(self) -> dict[str, int]:
        return {phase.name: place for place, phase in enumerate(self.phases)}

    @cached_property
    def _firsts(self) -> dict[Kind, Phase]:
        return {phase.kind: phase for phase in reversed(self.phases)}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def phase(self, name: str) -> Phase:
        """The phase of this name; KeyError if there is none."""
        return self.phases[self._by_name[name]]

    def place(self, name: str) -> int:
        """Where a phase stands, counted from 0; KeyError if it does not."""
        return self._by_name[name]

    def after(self, name: str) -> Phase | None:
        """The phase after this one; None after the last."""
        place = self._by_name[name] + 1
        return self.phases[place] if place < len(self.phases) else None

    def first(self, kind: Kind) -> Phase | None:
        """The first phase of a kind; None if there is none."""
        return self._firsts.get(kind)

    @property
    def lands(self) -> bool:
        """Whether tasks work in worktrees, and what they change enters the branch."""
        return self.phases[-1].kind is Kind.LAND


PLAN_PHASES = (
    Phase("plan", Kind.READ),
    Phase("execute", Kind.WRITE),
    Phase("address", Kind.REVIEW),
    Phase("land", Kind.LAND),
)
"""What a plan's tasks go through; the last only where peal commits. A run adds who works in each, and how often."""
AGENT_PHASES = tuple(phase.name for phase in PLAN_PHASES if phase.kind is not Kind.LAND)
"""The names of the phases in which an agent may work."""

PIPELINE = "plan"
"""What the pipeline of a plan's tasks is called."""


def pipeline_name(task: Task) -> str:
    """What a task's pipeline is called, which may lack a plan or have an agent of its own."""
    plain = PIPELINE if task.is_planned else f"{PIPELINE} without plan"
    return f"{plain} by {task.agent}" if task.agent else plain


def pipeline_of(task: Task, usual: Pipeline, agents: Sequence[str]) -> Pipeline:
    """The phases of a task, from those of all; `agents` are its own, with those that take over."""
    phases = [phase for phase in usual.phases if task.is_planned or phase.name != PLAN_PHASES[0].name]
    if task.agent:
        phases = [evolve(phase, agents=tuple(agents)) if phase.agents else phase for phase in phases]
    return Pipeline(tuple(phases))


_ORDER = {Kind.READ: 0, Kind.WRITE: 0, Kind.REVIEW: 1, Kind.LAND: 2}


def renewed(name: str, old: Pipeline, new: Pipeline) -> str | None:
    """
    The phase of the new pipeline for a task that was to go on with `name` in the old one; None if all of it is done.

    That is the same phase, or where it is gone the next one that is still there.
    """
    if name in new:
        return name
    left: Sequence[Phase] = old.phases[old.place(name) :] if name in old else new.phases
    return next((phase.name for phase in left if phase.name in new), None)
