"""When each attempt ran and where, and what was waited for, in lanes; pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from peal.classes import frozen
from peal.model.plan import TaskId
from peal.model.work import Weight
from peal.record.task_state import Attempt
from peal.reports.page.time_scale import TimeScale, merged, scale_of
from peal.reports.run_report import RunReport, TaskReport
from peal.system.layout import WORKTREES
from peal.text.display import duration
from peal.views.waiting import Cause

_WAITS = {
    Cause.LIMIT: "waiting for a usage limit",
    Cause.PROVIDER: "waiting for a provider",
    Cause.MACHINE: "waiting for a machine",
    Cause.BRANCH: "waiting for the branch",
    Cause.PERSON: "waiting for a person",
}
_FOR_OTHERS = "waiting for others"
"""In one tree, where nothing lands in a branch."""
_SEEN = 0.00001
"""A part of the line; what has no width at all is not drawn."""
_BRANCH = "the branch"
_OWN_TREE = "your tree"
_LOOKS = {Weight.SUCCESS: "good", Weight.NEITHER: "put-off", Weight.WARNING: "warning", Weight.FAILURE: "bad"}


@frozen
class Bar:
    """An attempt, or a wait, on the line of time."""

    place: float
    """Where it begins, from 0 to 1."""
    width: float
    look: str
    """`good`, `put-off`, `warning`, `bad`, `running` or `wait`."""
    text: str
    """What it was."""
    phase: str = ""
    task: TaskId | None = None
    """None of a wait."""


@frozen
class Lane:
    """Bars of which no two overlap."""

    name: str
    bars: tuple[Bar, ...]


@frozen
class Timeline:
    """All lanes on one scale."""

    scale: TimeScale
    lanes: tuple[Lane, ...]


def timeline_of(run: RunReport) -> Timeline:
    """A lane for each place, one for the branch, and one for each thing that was waited for."""
    placed = [(_place(one, task, run), task, one) for task in run.tasks for one in task.attempts]
    spans = [(one.started, task.end_of(one)) for _, task, one in placed]
    scale = scale_of(spans, run.began, run.ended)
    lanes = defaultdict[str, list[tuple[float, float, Bar]]](list)
    for (name, task, one), (since, until) in zip(placed, spans, strict=True):
        lanes[name].append((since, until, _bar(one, task, since, until, scale)))
    found = [
        Lane(name if number == 0 else "", bars)
        for name in sorted(lanes, key=lambda name: (name == _BRANCH, len(name), name))
        for number, bars in enumerate(_without_overlap(lanes[name]))
    ]
    return Timeline(scale, (*found, *_waits(run, scale)))


def _place(one: Attempt, task: TaskReport, run: RunReport) -> str:
    """Where an attempt ran; empty where an older peal, or one that was cut off, has not noted it."""
    if not run.history.lands:
        return _OWN_TREE
    at = Path(one.workspace)
    pipeline = run.history.pipeline(task.state.task.pipeline)
    if one.phase in pipeline and pipeline.phase(one.phase).is_at_branch:
        return _BRANCH
    if one.machine:
        return one.machine
    if not one.workspace:
        return ""
    return f"place {at.name}" if at.parent.name == WORKTREES else _OWN_TREE


def _bar(one: Attempt, task: TaskReport, since: float, until: float, scale: TimeScale) -> Bar:
    left = scale.place_of(since)
    name = one.outcome.name if one.outcome else "not ended"
    text = f"{task.id} {task.status.title}: {one.phase}, attempt {one.number}, {name} in {duration(until - since)}"
    width = max(scale.place_of(until) - left, _SEEN)
    return Bar(left, width, look_of(one), text, one.phase, task.id)


def look_of(one: Attempt) -> str:
    """Whether how it ended is good or bad news, as a class of the page's style."""
    return _LOOKS[one.outcome.weight] if one.outcome else "running"


def _without_overlap(bars: Iterable[tuple[float, float, Bar]]) -> Iterator[tuple[Bar, ...]]:
    """As few rows as hold them side by side, each in its order."""
    rows: list[tuple[float, list[Bar]]] = []
    for since, until, bar in sorted(bars, key=lambda one: one[:2]):
        at = next((number for number, (end, _) in enumerate(rows) if end <= since), len(rows))
        if at == len(rows):
            rows.append((until, []))
        rows[at][1].append(bar)
        rows[at] = (until, rows[at][1])
    yield from (tuple(row) for _, row in rows)


def _waits(run: RunReport, scale: TimeScale) -> Iterator[Lane]:
    for cause, known_as in _WAITS.items():
        name = known_as if run.history.lands or cause is not Cause.BRANCH else _FOR_OTHERS
        spans = [(pause.began, pause.ended) for pause in run.pauses if pause.cause is cause]
        bars = [
            Bar(
                left := scale.place_of(since),
                scale.place_of(until) - left,
                "wait",
                f"{name} for {duration(until - since)}",
            )
            for since, until in merged(spans, run.began, run.ended)
        ]
        if bars:
            yield Lane(name, tuple(bars))
