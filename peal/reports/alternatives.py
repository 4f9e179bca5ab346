"""How long a run would have taken another way, each attempt as long as it was; pure."""

from collections.abc import Iterator

from peal.classes import frozen
from peal.model.plan import segments_of
from peal.model.work import Result
from peal.reports.run_report import RunReport, TaskReport
from peal.views.forecast import Remainder, Stint, seconds_left

_MATTERS = 0.02
"""A part of the time; a way that saves less is not worth a word."""
_TELLS_NOTHING = (Result.INTERRUPTED, Result.TRANSIENT, Result.LOST, Result.LIMITED, Result.HELD)
"""Ends of attempts that would not come again, or come at any time."""


@frozen
class Alternative:
    """A way to carry the same plan out."""

    flags: str
    """By which one asks for it."""
    seconds: float


def alternatives(run: RunReport) -> tuple[Alternative, ...]:
    """The ways that would have been quicker, the smallest change first; none for phases of items, which come as they come."""
    if run.has_items or not run.tasks:
        return ()
    rules = run.history.rules
    places = max(rules.max_parallel, 1)
    shortest = _played(run, places, rules.as_ready)
    found: list[Alternative] = []
    for flags, seconds in _ways(run, places, rules.as_ready):
        if seconds < shortest * (1 - _MATTERS):
            found.append(Alternative(flags, seconds))
            shortest = seconds
    return tuple(found)


def _ways(run: RunReport, places: int, as_ready: bool) -> Iterator[tuple[str, float]]:
    ready = "" if as_ready or not run.history.lands else "--address as-ready"
    if ready:
        yield ready, _played(run, places, as_ready=True)
    for more in sorted({2 * places, 4 * places, len(run.tasks)}):
        if places < more <= len(run.tasks):
            words = ("--parallel" if places == 1 else "", f"--max-parallel {more}", ready)
            yield " ".join(filter(None, words)), _played(run, more, as_ready or bool(ready))


def _played(run: RunReport, places: int, as_ready: bool) -> float:
    """Seconds that the scheduler would need for what was done."""
    tasks = {task.id: task for task in run.tasks}
    segments = segments_of([task.state.task for task in run.tasks])
    rows = [[_remainder(tasks[one], run, as_ready) for one in segment.tasks] for segment in segments]
    after = {task.id: task.state.task.after for task in run.tasks if task.state.task.after}
    return seconds_left(rows, after, places)


def _remainder(task: TaskReport, run: RunReport, as_ready: bool) -> Remainder:
    pipeline = run.history.pipeline(task.state.task.pipeline)
    stints = tuple(
        Stint(pipeline.phase(one.phase).kind, one.ended - one.started)
        for one in task.attempts
        if one.ended is not None and one.phase in pipeline and one.result not in _TELLS_NOTHING
    )
    return Remainder(task.id, stints, is_eager=as_ready or bool(task.state.task.after))
