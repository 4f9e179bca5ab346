"""What runs that are dead have left: their lock, their processes, and a landing that was cut off."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from peal.doctor.backups import Keeping
from peal.doctor.finding import Symptom
from peal.doctor.look import Look
from peal.landing import locks, rollback
from peal.record import lock
from peal.record.events import RunOpened
from peal.system import git, process, strays
from peal.text.display import harmless, some

_SHOWN = 5


def stale_lock(look: Look) -> Iterator[Symptom]:
    """A run that died with peal's lock in its hands, or a git with one of git's."""
    where = look.told(look.repo_paths.owner)
    if look.owner and not look.is_live:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(look.owner.since))
        told = f"`{harmless(look.owner.command)}`, process {look.owner.pid}, began at {since} and is dead"
        yield Symptom(told, "`peal resume` goes on with it", where, _let_go)
    elif lock.owner(look.repo_paths) is None and look.repo_paths.owner.exists():
        yield Symptom(
            "who holds the lock cannot be read, so nobody does", "the next run clears it away", where, _let_go
        )
    if not look.damage and not look.is_live:
        held = locks.in_the_way(git.own_folder(look.repo), look.branch)
        if held and locks.is_left(held, look.repo):
            found, _, by_hand = git.story_of(held, look.repo).partition("; ")
            yield Symptom(found, by_hand, look.told(held), partial(_unlock, look, held))


def _let_go(keeping: Keeping) -> str:  # noqa: ARG001
    """Who mends holds the lock by now, and whoever takes it clears up after a dead owner."""
    return "the lock is free"


def _unlock(look: Look, held: Path, keeping: Keeping) -> str:
    keeping.removed(held)
    if not locks.is_left(held, look.repo):
        return "a git is at work there again"
    held.unlink(missing_ok=True)
    return f"removed `{held}`"


def orphan_processes(look: Look) -> Iterator[Symptom]:
    """Programs that a dead run has started and that run still."""
    if look.is_live:
        return
    for pid, run, born in _dead_runs(look):
        found = process.carriers(process.RUN_MARKER, run) if run else []
        found += [one for one, birth in born if process.birth(one) == birth and one not in found]
        if found:
            shown = some([str(one) for one in found], _SHOWN)
            what = "a process" if len(found) == 1 else f"{len(found)} processes"
            told = f"a dead run has left {what}: {shown}"
            by_hand = f"`kill {' '.join(map(str, found))}`"
            yield Symptom(told, by_hand, "", partial(_end, pid, run, born))


_Born = tuple[tuple[int, str], ...]


def _dead_runs(look: Look) -> Iterator[tuple[int, str, _Born]]:
    """The number and the name of each run that ended without a word, with processes of its tasks."""
    runs: dict[tuple[int, str], _Born] = {}
    if look.owner:
        runs[look.owner.pid, look.owner.run] = ()
    for memory in look.memories:
        opened = memory.history.opened
        if opened and memory.history.is_open:
            born = [memory.history.processes.get(task, (0, "")) for task in memory.history.running]
            key = opened.pid, _name(opened)
            runs[key] = runs.get(key, ()) + tuple(one for one in born if one[1])
    yield from ((pid, run, born) for (pid, run), born in runs.items())


def _name(opened: RunOpened) -> str:
    return opened.session or opened.run


def _end(pid: int, run: str, born: _Born, keeping: Keeping) -> str:  # noqa: ARG001
    strays.end(pid, run)
    for one, birth in born:
        process.end_group(one, birth, strays.GRACE)
    return "ended what a dead run had left running"


def landing_cut_off(look: Look) -> Iterator[Symptom]:
    """A landing that git has begun in the person's tree and not finished."""
    begun = None if look.is_live else rollback.noted(look.repo)
    if begun:
        told = f"a landing in `{harmless(begun.branch)}` was cut off, and may have changed {some(sorted(begun.marks), _SHOWN)}"
        by_hand = "`peal resume` puts back what it has changed"
        yield Symptom(told, by_hand, look.told(look.repo_paths.landing), partial(_take_back, look, begun))


def _take_back(look: Look, begun: rollback.Note, keeping: Keeping) -> str:
    paths = [look.repo / name for name in begun.marks]
    keeping.modified(*paths, git.own_folder(look.repo) / "index")
    keeping.removed(look.repo_paths.landing, look.repo_paths.landing_index)
    undone = rollback.undo(look.repo)
    return undone.told() or "git had changed nothing yet"
