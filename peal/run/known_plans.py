"""Which plan is meant, where its file is by now, and where it is remembered."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from peal.errors import PealError
from peal.record import journal, moved_plans, store
from peal.record.events import TaskRead
from peal.record.history import fold
from peal.run.plan_files import read_plan
from peal.system import git
from peal.system.layout import Places, PlanPlace
from peal.text.display import harmless, some

_LARGEST = 1_000_000
"""Bytes of a file that may be a plan."""
_SHOWN = 3


def plan_or_latest(plan: Path | None, places: Places) -> Path:
    """The plan that is meant: the one named, or the one that was run last."""
    if plan is not None:
        return plan
    found = store.known_runs(places)
    if not found:
        raise PealError(f"no plan has been run in `{places.repo}` yet; start with `peal run PLAN`")
    return places.plan_file(found[0].plan_path)


def place_of(places: Places, plan_file: Path) -> PlanPlace:
    """Where a plan is remembered; where its file can be read, also under a name that it had before."""
    own = places.plan(plan_file)
    if not moved_plans.is_remembered(own):
        with suppress(PealError):
            reading = store.as_read(places, plan_file, read_plan(plan_file, places))
            return store.place_of(places, reading)
    return own


def found_again(places: Places, plan_file: Path) -> Path:
    """
    The file that a remembered plan is in now: the one named, or where that is gone, the only one with its tasks.

    PealError if there is none, or if there are several.
    """
    if os.path.lexists(plan_file):
        return plan_file
    before = [line.task for line in fold(journal.load(places.plan(plan_file).journal).events).lines.values()]
    there = places.plan_file(places.plan_key(plan_file))
    found = [path for path in _files(places, there) if _holds(places, path, before)]
    gone = f"plan `{harmless(str(plan_file))}` cannot be read: No such file or directory"
    if not found:
        raise PealError(f"{gone}, and no file here has its tasks; bring it back, or name a plan file")
    if len(found) > 1:
        names = [os.path.relpath(path) for path in found]
        raise PealError(f"{gone}; its tasks are in {some(names, _SHOWN)}; name the one that is meant")
    return found[0]


def _files(places: Places, plan_file: Path) -> Iterator[Path]:
    """What may be a plan: files whose name ends alike, that git does not ignore or that lie near the old place."""
    listed = git.output(places.repo, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    end = plan_file.suffix or plan_file.name
    paths = {places.repo / name for name in listed.split("\0") if name.endswith(end)}
    for pattern in (f"*{end}", f"*/*{end}"):
        paths |= {path for path in plan_file.parent.glob(pattern) if places.root not in path.parents}
    yield from sorted(path for path in paths if path.is_file() and path.stat().st_size <= _LARGEST)


def _holds(places: Places, path: Path, before: Iterable[TaskRead]) -> bool:
    """Whether a file has most of the tasks that are remembered, and no memory of its own."""
    if moved_plans.is_remembered(places.plan(path)):
        return False
    with suppress(PealError):
        return moved_plans.is_same(before, store.as_read(places, path, read_plan(path, places)).tasks)
    return False
