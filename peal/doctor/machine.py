"""What the machine has to have."""

import shutil
from collections.abc import Iterator
from contextlib import suppress

from peal.doctor.finding import Symptom
from peal.doctor.look import Look
from peal.system import git, scratch
from peal.text.display import size

OLDEST_GIT = (2, 36)
"""`git worktree list -z` is younger than everything else that peal asks of git."""
_LITTLE = 200_000_000
"""Bytes in which a run of a few tasks, with what their agents print, may not find room."""


def git_too_old(look: Look) -> Iterator[Symptom]:  # noqa: ARG001
    """A git that does not know what peal asks of it."""
    if (version := git.version()) and version < OLDEST_GIT:
        here, needed = (".".join(map(str, numbers)) for numbers in (version, OLDEST_GIT))
        yield Symptom(f"git {here} is older than {needed}, which peal needs", "install a newer git")


def disk_low(look: Look) -> Iterator[Symptom]:
    """A disk with so little room that the next run may stop for it."""
    seen = set()
    for folder in (look.repo, look.repo_paths.root, scratch.place()):
        with suppress(OSError):
            disk, free = folder.stat().st_dev, shutil.disk_usage(folder).free
            if free < _LITTLE and disk not in seen:
                yield Symptom(
                    f"the disk of `{folder}` has {size(free)} left", "make room there", look.told(folder)
                )
            seen.add(disk)
