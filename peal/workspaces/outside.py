"""What changed in the person's own tree while an attempt worked: an agent may have found its way there."""

import os
from pathlib import Path

from peal.system import git, process
from peal.system.layout import FOLDER


def changed_since(repo: Path, since: int) -> tuple[str, ...]:
    """
    The paths there that differ from what is committed, ignored ones left out, and changed after a moment in ns.

    What somebody still writes in is not of an attempt that is over: a log, as where this peal's own output goes.
    """
    words = (
        "status",
        "--porcelain",
        "-z",
        "--untracked-files=all",
        "--no-renames",
        "--ignore-submodules=all",
    )
    looked = git.run(repo, *words)
    entries = os.fsdecode(looked.stdout).split("\0") if looked.returncode == 0 else []
    paths = [entry[3:] for entry in entries if entry]
    found = tuple(path for path in paths if path != FOLDER and _changed_at(repo / path) >= since)
    written = process.being_written() if found else set()
    return tuple(path for path in found if os.path.realpath(repo / path) not in written)


def _changed_at(path: Path) -> int:
    """When a file was changed last, in ns; of one that is gone, when something left the folder that still stands."""
    for place in (path, *path.parents):
        try:
            return place.lstat().st_ctime_ns
        except OSError:
            continue
    return 0
