"""Where the backlog of a repository is."""

import os
from pathlib import Path

from attrs import field

from peal.backlog.parsed_items import ParsedItems
from peal.backlog.store import Backlog, Kept
from peal.classes import frozen
from peal.errors import PealError
from peal.settings import BacklogSettings
from peal.system.layout import FOLDER, RepoPaths
from peal.text.display import harmless

_NOT_FOR_ITEMS = (".git", FOLDER)


@frozen
class Place:
    """The folder of a backlog."""

    repo_paths: RepoPaths
    folder: Path
    prefix: str
    _parsed: list[ParsedItems] = field(factory=list, eq=False, repr=False)

    @classmethod
    def of(cls, repo_paths: RepoPaths, settings: BacklogSettings) -> "Place":
        """What the settings say; PealError if the folder can be none."""
        folder = Path(os.path.normpath(repo_paths.repo / settings.folder))
        inside = folder.relative_to(repo_paths.repo).parts if folder.is_relative_to(repo_paths.repo) else ()
        if not inside or inside[0] in _NOT_FOR_ITEMS:
            raise PealError(
                f"`backlog.folder` is `{harmless(settings.folder)}`, where no items can be; name a folder in the repository: "
                "`peal backlog init --folder DIR`"
            )
        return cls(repo_paths, folder, settings.prefix)

    def read(self, keeps: bool = True) -> Backlog:
        """
        The backlog as it is now; a file that has not changed since an earlier look is not parsed again.

        What was parsed is kept for later commands, unless nothing at all is to be written.
        """
        backlog = Backlog.of(self.folder, self.parsed)
        if keeps and backlog.kept and self._prepared():
            self.parsed.keep(self.repo_paths.backlog_cache)
        return backlog

    @property
    def parsed(self) -> ParsedItems:
        """What is known of the items' files."""
        if not self._parsed:
            self._parsed.append(ParsedItems.of(self.repo_paths.backlog_cache))
        return self._parsed[0]

    def _prepared(self) -> bool:
        try:
            self.repo_paths.prepare()
        except OSError:
            return False
        return True

    def told(self, kept: Kept) -> str:
        """The path of an item's file as a person types it at the top of the repository."""
        return kept.path.relative_to(self.repo_paths.repo).as_posix()
