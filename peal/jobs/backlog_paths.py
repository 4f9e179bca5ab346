"""Paths of a command line that are no plans, but the backlog's: its folder, or the file of an item."""

from pathlib import Path

from peal.errors import PealError
from peal.system.files import content
from peal.system.layout import RepoPaths
from peal.text.display import harmless

_BEGINNINGS = (b"---", b"\xef\xbb\xbf---")
"""Of items, and of few plans."""


def refuse_backlog(path: Path, repo_paths: RepoPaths | None) -> None:
    """PealError with what to type if a path is the folder of the backlog, with items in it, or an item's file."""
    is_folder = path.is_dir()
    if repo_paths is None or not (is_folder or (content(path, 10) or b"").startswith(_BEGINNINGS)):
        return
    # Only here: most plans are neither.
    from peal.backlog.parsed_items import ParsedItems
    from peal.backlog.place import Place
    from peal.backlog.store import ARCHIVE, Backlog, look
    from peal.settings import load

    real = path.resolve()
    try:
        folder = Place.of(repo_paths, load(repo_paths.repo, {}).backlog).folder.resolve()
        if (real if is_folder else real.parent) not in (folder, folder / ARCHIVE):
            return
        found = (
            Backlog.of(folder)
            if is_folder
            else Backlog.made(folder, filter(None, [look(real, False, ParsedItems().read)]))
        )
    except PealError:  # the settings, or the folder, are not what is asked about
        return
    if found.kept:
        id_ = found.kept[0].item.id
        what, target = (
            ("the backlog", "") if is_folder else (f"item {id_} of the backlog", f" --target {id_}")
        )
        shows = "status" if is_folder else f"show {id_}"
        raise PealError(
            f"`{harmless(str(path))}` is {what}, and no plan; `peal backlog run{target}` works on it, "
            f"`peal backlog {shows}` shows it"
        )
