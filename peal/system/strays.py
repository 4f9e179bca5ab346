"""What a dead peal left running is ended, all but its own git, and its temporary folder goes."""

from peal.system import git, process, removal, scratch

GRACE = 0.5
"""Seconds between TERM and KILL for what a dead run left."""
_GIT_WITHIN = 120.0
"""Seconds that a git which a killed peal had started may still take: cut short, it would leave locks behind."""


def end(pid: int, run: str) -> None:
    """End what the run of a peal that is dead left running, but let its own git finish; remove its temporary folder."""
    process.outlast(git.OF_PEAL, str(pid), _GIT_WITHIN)
    if run:
        process.end_carriers(process.RUN_MARKER, run, grace=GRACE)
        removal.remove(scratch.folder_of(run))
