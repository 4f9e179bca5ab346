"""What whoever worked on a phase of an item answers: how it ended, and what was found out."""

from collections.abc import Callable
from typing import Literal

from attrs import asdict, evolve, field

from peal.classes import frozen

PhaseEnd = Literal["phase_complete", "subphase_complete", "failed", "blocked"]
"""The phase is done; a part of it is, and it goes on; it did not work out; a person has to say something first."""
Size = Literal["small", "medium", "large"]
Level = Literal["low", "medium", "high"]
"""How much there is of something: complexity, risk, impact."""
TRIAGE = "triage"
"""The phase that every new item goes through, whatever its pipeline."""


@frozen
class Assessments:
    """What an item takes and brings, as far as somebody has assessed it."""

    size: Size | None = None
    complexity: Level | None = None
    risk: Level | None = None
    impact: Level | None = None


@frozen
class Description:
    """What triage has made of a wish."""

    context: str = ""
    problem: str = ""
    solution: str = ""
    impact: str = ""
    sizing_rationale: str = ""


@frozen
class FollowUp:
    """Work that came up on the way and is no part of the item."""

    title: str
    context: str = ""
    suggested_size: Size | None = None
    suggested_risk: Level | None = None


@frozen
class PhaseResult:
    """The answer to one phase of one item."""

    item_id: str
    phase: str
    result: PhaseEnd
    summary: str
    context: str = ""
    """Why it failed or is blocked."""
    updated_assessments: Assessments = Assessments()
    follow_ups: tuple[FollowUp, ...] = ()
    based_on_commit: str = ""
    pipeline_type: str = ""
    """The pipeline that triage has chosen."""
    commit_summary: str = ""
    duplicates: tuple[str, ...] = ()
    """Other items that triage takes for the same wish."""
    description: Description = field(factory=Description)
    block_type: Literal["clarification", "decision"] | None = None
    """What it is blocked for."""
    requires_human_review: bool | None = None
    """Whether a person has to look at the item before it goes on by itself; None where nothing is said of it."""

    @property
    def why(self) -> str:
        """What a person is told of one that failed or is blocked."""
        return self.context or self.summary


def reworded(result: PhaseResult, change: Callable[[str], str]) -> PhaseResult:
    """The result with each text that somebody has written in words of their own changed."""
    words = {key: change(text) for key, text in asdict(result.description).items()}
    return evolve(
        result,
        summary=change(result.summary),
        context=change(result.context),
        commit_summary=change(result.commit_summary),
        follow_ups=tuple(
            evolve(one, title=change(one.title), context=change(one.context)) for one in result.follow_ups
        ),
        description=Description(**words),
    )
