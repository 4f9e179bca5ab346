"""Who looks for something to mend: one file per kind; to add one, write its file and name it here."""

from pathlib import Path

from peal.reviewers.command import CommandReviewer, finding_of
from peal.settings import ReviewerSettings

__all__ = ["CommandReviewer", "all_of", "finding_of"]


def all_of(tables: tuple[ReviewerSettings, ...], repo: Path) -> tuple[CommandReviewer, ...]:
    """The reviewers of a run, in order; PealError if one could not be started."""
    return tuple(CommandReviewer.of(table, repo) for table in tables)
