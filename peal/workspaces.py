"""Where a step works."""

from pathlib import Path

from attrs import frozen

from peal import git


@frozen
class SharedTree:
    """Every step works in the repository itself; only a step that is alone there can be told what it changed."""

    repo: Path

    @property
    def path(self) -> Path:
        """The folder to work in."""
        return self.repo

    def look(self) -> git.Look:
        """The state of the folder now."""
        return git.look(self.repo)
