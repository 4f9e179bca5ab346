"""Who looks for something to mend: one file per kind; to add one, write its file and name it here."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from peal.model.plan import Plan, TaskId
from peal.reviewers.agent import AgentReviewer
from peal.reviewers.command import CommandReviewer, finding_of
from peal.reviewers.protocol import Ran, ReviewContext, Reviewer
from peal.reviewers.stet.reviewer import StetReviewer
from peal.settings import ReviewerSettings, Settings

if TYPE_CHECKING:
    from peal.reviewers.stet.session import Tree

__all__ = [
    "AgentReviewer",
    "CommandReviewer",
    "Ran",
    "ReviewContext",
    "Reviewer",
    "StetReviewer",
    "all_of",
    "finding_of",
    "of_plan",
]


def all_of(
    settings: Settings, repo: Path, tree_of: "Callable[[str], Tree]", lands: bool
) -> tuple[Reviewer, ...]:
    """
    The reviewers of a run, in order, stet last; PealError if one could not be started.

    `tree_of` gives one that needs a tree of its own its worktree, by its name, `lands` whether tasks make commits.
    """
    listed: list[Reviewer] = [
        AgentReviewer(table) if table.agent else CommandReviewer.of(table, repo)
        for table in settings.reviewers
    ]
    stet = StetReviewer.of(settings, repo, tree_of, lands)
    return (*listed, stet) if stet else tuple(listed)


def of_plan(plan: Plan) -> dict[TaskId, tuple[Reviewer, ...]]:
    """The commands by which a plan says that its tasks are verified, each run through a shell."""
    return {
        task.id: tuple(
            CommandReviewer(ReviewerSettings(name=command, command=command), ("sh", "-c", command))
            for command in dict.fromkeys(task.checks)
        )
        for task in plan.tasks
        if task.checks
    }
