"""What changed in the person's own tree while an attempt worked: an agent may have found its way there."""

import os
from pathlib import Path

from peal.system import git
from peal.system.layout import FOLDER


def changed_since(repo: Path, since: int) -> tuple[str, ...]:
    """The paths there that differ from what is committed, ignored ones left out, and changed after a moment in ns."""
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
    return tuple(path for path in paths if path != FOLDER and _changed_at(repo / path) >= since)


def _changed_at(path: Path) -> int:
    """When a file was changed last, in ns; of one that is gone, when something left the folder that still stands."""
    for place in (path, *path.parents):
        try:
            return place.lstat().st_ctime_ns
        except OSError:
            continue
    return 0
