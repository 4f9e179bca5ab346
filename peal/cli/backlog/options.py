"""What the commands on items have in common: where the backlog is, how it is committed, and an item as JSON."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from attrs import asdict

from peal import settings
from peal.backlog.changing import Change, changed
from peal.backlog.committing import Committer
from peal.backlog.item import Item
from peal.backlog.place import Place
from peal.backlog.store import Backlog, Kept
from peal.classes import frozen
from peal.cli.options import F, repo_paths_of
from peal.settings import Settings
from peal.settings.validation import MOST
from peal.text.display import harmless, stamp

PRIORITY = click.IntRange(max=MOST)
"""What a file may have as such."""


def no_commit(function: F) -> F:
    """`--no-commit`."""
    return click.option("--no-commit", is_flag=True, help="Change the file, and leave the commit to me.")(
        function
    )


def degrees(function: F) -> F:
    """`--size`, `--complexity`, `--risk`, `--impact`."""
    for name, of in (("impact", "low"), ("risk", "low"), ("complexity", "low"), ("size", "small")):
        choices = click.Choice(["small", "medium", "large"] if of == "small" else ["low", "medium", "high"])
        function = click.option(f"--{name}", type=choices, help=_ABOUT[name])(function)
    return function


_ABOUT = {
    "size": "How many files it changes.",
    "complexity": "How much there is to decide.",
    "risk": "What could break.",
    "impact": "How much it matters.",
}


@frozen
class Found:
    """The backlog of a repository, with the settings that hold there."""

    place: Place
    settings: Settings

    @classmethod
    def of(cls, repo: Path) -> "Found":
        """That of the repository around a folder; PealError if the settings are wrong."""
        repo_paths = repo_paths_of(repo)
        known = settings.load(repo_paths.repo, {})
        return cls(Place.of(repo_paths, known.backlog), known)

    def read(self) -> Backlog:
        """The backlog as it is; what is wrong with a file is told on stderr, and the others go on."""
        backlog = self.place.read()
        for problem in backlog.problems:
            click.echo(f"note: {harmless(problem)}", err=True)
        return backlog

    def committer(self, no_commit: bool) -> Committer:
        """Who commits what is changed; nobody if the settings, or a person, say so."""
        is_on = self.settings.commit and not no_commit
        return Committer(self.place.repo_paths.repo, is_on, self.settings.hooks)

    def change(self, name: str, no_commit: bool, make: Callable[[Item, Backlog], Change]) -> Kept:
        """An item changed and committed; see `changed`."""
        return changed(self.place, self.committer(no_commit), name, make)

    def record(self, kept: Kept) -> dict[str, Any]:
        """An item as scripts get it."""
        return {**asdict(kept.item), "path": self.place.told(kept), "archived": kept.is_archived}


def now() -> str:
    """This moment, as items have it."""
    return stamp(time.time())
