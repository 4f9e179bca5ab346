"""What keeps a backlog from being worked on as it is: everything at once, before any work; pure."""

import difflib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from peal.backlog.item import FINAL, Item, Status
from peal.backlog.pipelines import usual
from peal.backlog.store import Kept, twins, way_to_one
from peal.classes import frozen
from peal.settings import PipelineSettings
from peal.settings.pipelines import workflow_files
from peal.text.display import harmless, some
from peal.text.names import natural

BY_SETTINGS = frozenset(
    ("WORKFLOW_MISSING", "PIPELINE_UNKNOWN", "PHASE_MISSING", "PHASE_UNKNOWN", "PHASE_IN_WRONG_POOL")
)
"""The codes of what is wrong only by the settings."""
_SHOWN = 5
_WORDS = {"scoping": "scoping", "in_progress": "in progress"}


@frozen
class Problem:
    """One thing that is wrong."""

    code: str
    """Scripts know it by that: it stays."""
    found: str
    by_hand: str
    """How a person mends it."""
    where: str
    """The file concerned, seen from the repository."""
    is_error: bool = True
    """Whether no work is begun for it; otherwise it is told."""


def preflight(
    repo: Path, kept: Sequence[Kept], pipelines: Mapping[str, PipelineSettings], files: Container[str]
) -> tuple[Problem, ...]:
    """
    All problems of a backlog: `kept` are its items, the archived ones too, in their order; `files` are the
    workflows that are `present`.
    """
    backlog = _Backlog(repo, kept)
    return (
        *_missing_files(pipelines, files),
        *_duplicates(backlog),
        *(problem for one in kept for problem in _misplaced(backlog, one)),
        *(problem for one in backlog.open for problem in _stage(backlog, one, pipelines)),
        *(problem for one in backlog.open for problem in _dependencies(backlog, one)),
        *_cycles(backlog),
    )


def present(repo: Path, pipelines: Mapping[str, PipelineSettings]) -> frozenset[str]:
    """Those of `workflow_files` that there are in a repository."""
    return frozenset(file for file in workflow_files(pipelines) if (repo / file).is_file())


@frozen(slots=False)
class _Backlog:
    repo: Path
    kept: Sequence[Kept]

    @cached_property
    def open(self) -> list[Kept]:
        """What there is still something to do for."""
        return [one for one in self.kept if not one.is_archived and one.item.status not in FINAL]

    def path(self, kept: Kept) -> str:
        path = kept.path.relative_to(self.repo) if kept.path.is_relative_to(self.repo) else kept.path
        return harmless(path.as_posix())

    @cached_property
    def near(self) -> dict[str, str]:
        """The near misses, as questions, of the first dependencies that do not exist: looking for all of them could take hours."""
        missing = dict.fromkeys(
            other for one in self.open for other in one.item.depends if other not in self.statuses
        )
        return {other: _near(other, self.statuses) for other in islice(missing, _SHOWN)}

    @cached_property
    def statuses(self) -> dict[str, Status]:
        """How far each item is; `done` where that is one of several of its id."""
        found: dict[str, Status] = {}
        for one in self.kept:
            found[one.item.id] = (
                "done" if "done" in (one.item.status, found.get(one.item.id)) else one.item.status
            )
        return found


def _missing_files(pipelines: Mapping[str, PipelineSettings], files: Container[str]) -> Iterator[Problem]:
    for file, place in workflow_files(pipelines).items():
        if file not in files:
            yield Problem(
                "WORKFLOW_MISSING",
                f"`{place}` names the file `{harmless(file)}`, which is not there",
                "write it, or take it out of `workflows`",
                harmless(file),
            )


def _duplicates(backlog: _Backlog) -> Iterator[Problem]:
    for other, one in twins(backlog.kept):
        yield Problem(
            "DUPLICATE_ID",
            f"item {one.item.id} is in `{backlog.path(other)}` already",
            way_to_one(other, one, backlog.path),
            backlog.path(one),
        )


def _misplaced(backlog: _Backlog, one: Kept) -> Iterator[Problem]:
    if one.is_archived and one.item.status not in FINAL:
        yield Problem(
            "ARCHIVED_BUT_OPEN",
            f"item {one.item.id} is {_told(one.item.status)} and its file in the archive, where nobody works on it",
            "move the file out of the archive, or write `status: cancelled` into it",
            backlog.path(one),
            is_error=False,
        )


def _stage(backlog: _Backlog, one: Kept, pipelines: Mapping[str, PipelineSettings]) -> Iterator[Problem]:
    """Whether an item is somewhere in a pipeline that there is."""
    item, where = one.item, backlog.path(one)
    status = item.blocked.before if item.blocked else item.status
    waits = item.status == "blocked"
    name = item.pipeline or usual(pipelines)
    if name not in pipelines:
        if item.pipeline or status != "new":  # otherwise triage chooses one
            yield Problem(
                "PIPELINE_UNKNOWN",
                f"item {item.id} is to go through the pipeline `{harmless(name)}`, which the settings do not have",
                f"{_near(name, pipelines)}`peal backlog edit {item.id} --pipeline NAME`",
                where,
                not waits,
            )
    elif status in _WORDS:
        yield from _phase(item, status, name, pipelines[name], where)


def _phase(
    item: Item, status: Status, name: str, pipeline: PipelineSettings, where: str
) -> Iterator[Problem]:
    """Whether an item that is scoping or in progress is in a phase of its pipeline, and of the right list of it."""
    keys = {"pre": "pre_phases", "main": "phases"}
    names = {pool: [phase.name for phase in getattr(pipeline, key)] for pool, key in keys.items()}
    wanted = "pre" if status == "scoping" else "main"
    there = next((pool for pool in names if item.phase in names[pool]), None)
    advance = f"`peal backlog advance {item.id} --to PHASE`"
    is_error = item.status != "blocked"
    shown, told = harmless(item.phase), f"item {item.id} is {_WORDS[status]}"
    if not names[wanted]:
        yield Problem(
            "PHASE_MISSING",
            f"{told} and the pipeline `{name}` has no `{keys[wanted]}`",
            f"write some into `[pipelines.{name}]`, or edit the file: `status: ready`, without `phase` and `pool`",
            where,
            is_error,
        )
    elif not item.phase:
        yield Problem(
            "PHASE_MISSING",
            f"{told} and in no phase, so that `{names[wanted][0]}` comes next",
            f"if another is to come: {advance}",
            where,
            is_error=False,
        )
    elif there is None:
        yield Problem(
            "PHASE_UNKNOWN",
            f"{told} and in the phase `{shown}`, which the pipeline `{name}` does not have",
            f"{_near(item.phase, names[wanted])}{advance}; there is {some(names[wanted], _SHOWN)}",
            where,
            is_error,
        )
    elif there != wanted or item.pool not in (None, there):
        pool = f", with the pool `{item.pool}`" if item.pool else ""
        yield Problem(
            "PHASE_IN_WRONG_POOL",
            f"{told}{pool}, and its phase `{shown}` one of the `{keys[there]}` of the pipeline `{name}`",
            f"{advance}, or edit the file: `pool: {wanted}` and a phase of `{keys[wanted]}`",
            where,
            is_error,
        )


def _dependencies(backlog: _Backlog, one: Kept) -> Iterator[Problem]:
    """What an item waits for in vain."""
    item, where = one.item, backlog.path(one)
    for other in dict.fromkeys(item.depends):
        shown = harmless(other)
        take_out = f"`peal backlog edit {item.id} --remove-depends {shown}`"
        status = backlog.statuses.get(other)
        if other == item.id:
            yield Problem("DEPENDS_ON_ITSELF", f"item {item.id} depends on itself", take_out, where)
        elif status is None:
            found = f"item {item.id} depends on {shown}, which does not exist"
            yield Problem("DEPENDENCY_MISSING", found, f"{backlog.near.get(other, '')}{take_out}", where)
        elif status == "cancelled":
            found = f"item {item.id} depends on {shown}, which is cancelled and so will never be done"
            by_hand = f"if it is not needed: {take_out}"
            yield Problem("DEPENDENCY_CANCELLED", found, by_hand, where, is_error=False)


def _cycles(backlog: _Backlog) -> Iterator[Problem]:
    files = {one.item.id: one for one in backlog.open}
    needs = {
        id_: [other for other in one.item.depends if other in files and other != id_]
        for id_, one in files.items()
    }
    for circle in circles(needs):
        first, second = circle[:2]
        yield Problem(
            "DEPENDENCY_CYCLE",
            f"items depend on each other in a circle: {' → '.join((*circle, first))}",
            f"take one of these out, such as by `peal backlog edit {first} --remove-depends {second}`",
            backlog.path(files[first]),
        )


def circles(needs: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
    """
    What depends on itself by way of others, each circle from its first item on; `needs` names what each depends on.

    Without one dependency of each circle there is none left.
    """
    left = {one: list(dict.fromkeys(others)) for one, others in needs.items()}
    done: set[str] = set()
    for start in needs:
        way = {start: None}
        while way:
            one = next(reversed(way))
            others = left.get(one, [])
            while others and others[-1] in done:
                others.pop()
            if not others:
                done.add(way.popitem()[0])
            elif others[-1] not in way:
                way[others[-1]] = None
            else:
                found = _circle(list(way), others[-1])
                yield found
                left[found[0]].pop()
                while next(reversed(way)) != found[0]:  # whoever else leads there has a look of their own
                    way.popitem()


def _circle(way: Sequence[str], closed_at: str) -> tuple[str, ...]:
    """The end of a way that comes back to where it was, from its first item on."""
    circle = way[way.index(closed_at) :]
    start = circle.index(min(circle, key=natural))
    return (*circle[start:], *circle[:start])


def _near(name: str, known: Iterable[str]) -> str:
    """The near miss, as a question, if there is one."""
    folded = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f"did you mean `{folded[near[0]]}`? " if near else ""


def _told(status: Status) -> str:
    return status.replace("_", " ")
