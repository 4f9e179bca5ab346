"""The backlog: whether its items can be read, are where they belong, and can be worked on by the settings."""

import json
import os
import shlex
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from peal.backlog import worklog
from peal.backlog.checks import Problem
from peal.backlog.item import FINAL
from peal.backlog.left_out import LeftOut
from peal.backlog.store import ARCHIVE, Kept, is_same, left_behind
from peal.doctor.backups import Keeping
from peal.doctor.finding import Severity, Symptom, of_refusal
from peal.doctor.look import Look
from peal.doctor.renumbering import renumber
from peal.errors import PealError
from peal.record import lock
from peal.system import git
from peal.system.files import content
from peal.text.display import harmless, some

_SHOWN = 5


def unreadable(look: Look) -> Iterator[Symptom]:
    """Files that should be items and are none, so that nobody works on them; or a folder that cannot be read."""
    try:
        problems = look.backlog.unreadable if look.backlog else ()
    except PealError as error:
        for symptom in of_refusal(error):
            yield Symptom(symptom.found, symptom.by_hand, severity=Severity.ERROR)
        return
    yield from (symptom for problem in problems for symptom in of_refusal(PealError(problem)))


def problems(code: str) -> Callable[[Look], Iterator[Symptom]]:
    """A check for what no item is begun for, or what a run tells before it begins: that of this code."""

    def look_at(look: Look) -> Iterator[Symptom]:
        for problem in look.problems_of_backlog:
            if problem.code == code and not _is_on_its_way(look, problem):
                yield _symptom(look, problem)

    return look_at


def _is_on_its_way(look: Look, problem: Problem) -> bool:
    """Whether a run that goes on may just be moving the item to the archive, where for a moment it is twice."""
    twins = look.twins.get(problem.where) if look.is_live and problem.code == "DUPLICATE_ID" else None
    return twins is not None and is_same(*twins)


def _symptom(look: Look, problem: Problem) -> Symptom:
    """In the words in which a run is refused."""
    severity = None if problem.is_error else Severity.WARNING
    found, mend = f"`{problem.where}`: {problem.found}", None
    if problem.code == "DUPLICATE_ID" and (twins := look.twins.get(problem.where)):
        if gone := left_behind(*twins):
            mend = partial(_take_away, look, gone, twins)
        elif not is_same(*twins):
            mend = partial(renumber, look.place, twins[1].item.id)
    return Symptom(found, problem.by_hand, problem.where, mend, severity)


def _take_away(look: Look, gone: Kept, twins: tuple[Kept, Kept], keeping: Keeping) -> str:
    """The open one of two files goes, where the other is the same item and over."""
    with lock.landing(look.repo_paths):
        _check_unchanged(look, *twins)
        keeping.removed(gone.path)
        gone.path.unlink()
    where, id_ = look.told(gone.path), gone.item.id
    told = f"`{harmless(where)}` is taken away, for {id_} is over in the archive"
    if not git.succeeds(look.repo, "ls-files", "--error-unmatch", "--", f":(literal){where}"):
        return told
    path = shlex.quote(where)
    return f"{told}; commit that: `git commit -m '[{id_}] archived' -- {path}`"


def not_archived(look: Look) -> Iterator[Symptom]:
    """Items that are over, and whose files lie among the open ones; what is twice has a check of its own."""
    twice = look.backlog.twice if look.backlog else {}
    for one in look.backlog.kept if look.backlog else ():
        if one.item.status in FINAL and not one.is_archived and one.item.id not in twice:
            place = one.path.parent / ARCHIVE / one.path.name
            where = look.told(one.path)
            move = shlex.join(("git", "mv", where, look.told(place)))
            told = f"item {one.item.id} is {one.item.status}, and its file not in the archive"
            folder = shlex.quote(look.told(place.parent))
            yield Symptom(
                told,
                f"`mkdir -p {folder} && {move}`, and commit that",
                where,
                partial(_archive, look, one, place),
            )


def _archive(look: Look, kept: Kept, place: Path, keeping: Keeping) -> str:
    with lock.landing(look.repo_paths):
        if os.path.lexists(place):
            raise PealError(f"`{look.told(place)}` is already there; move it away")
        _check_unchanged(look, kept)
        keeping.removed(kept.path)
        keeping.made(place, kept.raw)
        place.parent.mkdir(parents=True, exist_ok=True)
        kept.path.rename(place)
    paths = shlex.join(map(look.told, (kept.path, place)))
    return f"{kept.item.id} is in the archive; commit it: `git add -A -- {paths} && git commit -m '[{kept.item.id}] archived' -- {paths}`"


def _check_unchanged(look: Look, *kept: Kept) -> None:
    for one in kept:
        if content(one.path) != one.raw:
            raise PealError(f"`{look.told(one.path)}` was changed meanwhile; try again")


def left_out(look: Look) -> Iterator[Symptom]:
    """Entries that could not be written into the worklog, as the person is at work on it."""
    if look.backlog is None or look.is_live:
        return
    entries = LeftOut(look.repo_paths.plan(look.place.folder).worklog_left_out).read()
    if entries:
        pages = sorted({worklog.path_of(one.at) for one in entries})
        items = some(list(dict.fromkeys(one.item for one in entries)), _SHOWN)
        told = f"what was done for {items} is not in the worklog yet, for you had changes in it"
        yield Symptom(
            told,
            f"commit what you have changed in {some(pages, _SHOWN)}; the next phase that lands takes them along",
            pages[0],
        )


def cache_corrupt(look: Look) -> Iterator[Symptom]:
    """What is kept of the items to be quick, and cannot be read; it is made again by whoever looks next."""
    path = look.repo_paths.backlog_cache
    if (raw := content(path)) is None:
        return
    try:
        is_fit = isinstance(json.loads(raw)["items"], dict)
    except (ValueError, TypeError, KeyError):
        is_fit = False
    if not is_fit:
        yield Symptom(
            f"`{look.told(path)}` cannot be understood",
            "`peal backlog list` makes it again",
            look.told(path),
            partial(_remove, path),
        )


def _remove(path: Path, keeping: Keeping) -> str:
    keeping.removed(path)
    path.unlink(missing_ok=True)
    return "it is made again by whoever looks at the backlog next"
