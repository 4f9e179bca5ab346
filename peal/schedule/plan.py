"""What of a plan may start now, and why: the rules of segments, phases, failures and limits."""

from collections.abc import Sequence

from attrs import evolve, frozen

from peal.model.decision import Decision, Halt, Reason
from peal.model.pipeline import Phase
from peal.model.plan import Segment
from peal.model.work import Result, Step
from peal.record.history import History, Stage, TaskState
from peal.schedule.waits import Waits, no_agent, sorted_out
from peal.text.display import count, ranges


@frozen
class Work:
    """The part of a plan that was asked for."""

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, segments: Sequence[Segment], selected: frozenset[int] | None = None) -> "Work":
        """The plan's segments, cut down to the selected tasks where there is a selection."""
        if selected is None:
            return cls(tuple(segments))
        cut = (tuple(task for task in segment.tasks if task in selected) for segment in segments)
        return cls(tuple(Segment(tasks) for tasks in cut if tasks))

    @property
    def tasks(self) -> tuple[int, ...]:
        """Every task asked for, in order."""
        return tuple(task for segment in self.segments for task in segment.tasks)


def decide(work: Work, history: History, now: float, since: int = 0) -> Decision:
    """
    What to start at `now` (wall-clock seconds), or why the run is over.

    Segments before `since` are known to be over in this run; pass the previous decision's `segment`, so that
    a decision costs what the current segment costs, not what is already done.
    """
    if history.stop is not None:
        return _stopping(history, since)
    for at in range(since, len(work.segments)):
        left = _left(work.segments[at].tasks, history, now)
        if left.may_go_on:
            return _within(left, history, at)
        if left.pending:
            return Decision(halt=_halt(work, history, now), segment=at)
    return Decision(halt=_halt(work, history, now), segment=len(work.segments))


@frozen
class _Left:
    """What of a segment may still go on: its idle tasks by stage, in task order; what runs is in the history."""

    fresh: list[int]
    begun: list[int]
    reviewable: list[int]
    landable: list[int]
    again: list[int]
    waits: Waits
    """Those that have to wait for a time to come."""
    running: int
    pending: int
    """Tasks with something left to do, whether they may go on or not."""

    @property
    def idle(self) -> list[int]:
        """All that may start, in the order in which one after another would take them."""
        return [*self.landable, *sorted([*self.fresh, *self.begun, *self.reviewable]), *self.again]

    @property
    def working(self) -> bool:
        """Whether a task is, or could be, on its way to the end of `execute`."""
        return bool(self.running or self.fresh or self.begun or self.waits.tasks)

    @property
    def may_go_on(self) -> bool:
        """Whether anything runs or may start."""
        return bool(self.working or self.reviewable or self.landable or self.again)


def _left(tasks: tuple[int, ...], history: History, now: float) -> _Left:
    """After a failure that ends the run only what has begun in the same segment goes on."""
    idle = {stage: history.idle(stage, tasks) for stage in Stage}
    running = sum(tasks[0] <= task <= tasks[-1] for task in history.running)
    held = sum(tasks[0] <= task <= tasks[-1] for task in history.held)
    pending = sum(map(len, idle.values())) + running + held
    if _fails_the_run(history):
        idle[Stage.FRESH] = []
        if history.failed.isdisjoint(tasks):
            idle = {stage: [] for stage in Stage}
    idle, waits = sorted_out(idle, history, now)
    return _Left(
        fresh=idle[Stage.FRESH],
        begun=idle[Stage.BEGUN],
        reviewable=idle[Stage.REVIEW],
        landable=idle[Stage.LAND],
        again=idle[Stage.AGAIN],
        waits=waits,
        running=running,
        pending=pending,
    )


def _stopping(history: History, since: int) -> Decision:
    assert history.stop is not None
    if history.running:
        why = Reason(
            tuple(history.running), f"ending {count(len(history.running), 'step')}: {history.stop.why}"
        )
        return Decision(reasons=(why,), segment=since)
    return Decision(halt=Halt(history.stop.code, history.stop.why), segment=since)


def _fails_the_run(history: History) -> bool:
    return history.cap_reached or bool(history.failed and not history.limits.continue_with_remaining_tasks)


def _within(left: _Left, history: History, at: int) -> Decision:
    """What one segment allows."""
    concurrent = history.limits.max_parallel > 1 and left.pending > 1
    decision = _side_by_side(left, history, at) if concurrent else _one_by_one(left, history, at)
    if not left.waits.tasks:
        return decision
    return evolve(decision, wake_at=left.waits.wake_at, reasons=(*decision.reasons, *left.waits.reasons))


def _one_by_one(left: _Left, history: History, at: int) -> Decision:
    if not left.idle:
        return Decision(reasons=(_running(history),) if history.running else (), segment=at)
    if history.running:
        waiting = _waiting(left.idle, f"after task {ranges(history.running)}: one task at a time")
        return Decision(reasons=(_running(history), *waiting), segment=at)
    first, *rest = left.idle
    waiting = _waiting(rest, f"after task {first}: one task at a time")
    return Decision(
        (_step(history.lines[first]),), reasons=(_why(history.lines[first]), *waiting), segment=at
    )


def _side_by_side(left: _Left, history: History, at: int) -> Decision:
    is_busy = any(line.running and line.running.phase in _ALONE for line in history.running.values())
    if is_busy and not history.limits.as_ready:
        waiting = _waiting(left.idle, "`address` runs alone")
        return Decision(reasons=(_running(history), *waiting), concurrent=True, segment=at)
    limit = history.limits.max_parallel
    free = max(limit - len(history.running), 0)
    first = [] if is_busy else _to_the_branch(left, history)[:free]
    room = free - len(first) if history.limits.as_ready or not first else 0
    chosen = [*first, *(left.begun + left.fresh[:room])[:room]]
    late = left.begun[room:] + left.fresh[max(room - len(left.begun), 0) :]
    return Decision(
        tuple(_step(history.lines[task]) for task in chosen),
        reasons=(
            *(_why_first(history.lines[task], left) for task in first),
            *(_why(history.lines[task]) for task in chosen[len(first) :]),
            *([_running(history)] if history.running else []),
            *_waiting(late, f"all {limit} places are taken"),
            *_waits_for_the_branch(left, first, bool(first) or is_busy or history.limits.as_ready),
        ),
        concurrent=bool(history.running or chosen != first),
        segment=at,
    )


_ALONE = (Phase.ADDRESS, Phase.LAND)


def _to_the_branch(left: _Left, history: History) -> list[int]:
    """Whose turn it is to be addressed or to land, one at a time: what is verified, what is done, what has clashed."""
    if left.landable:
        return left.landable[:1]
    if left.reviewable:
        return left.reviewable[:1] if history.limits.as_ready or not left.working else []
    return [] if left.working else left.again[:1]


def _why_first(line: TaskState, left: _Left) -> Reason:
    last = line.last()
    if line.next is Phase.ADDRESS and not left.working and (last is None or last.phase is Phase.EXECUTE):
        text = f"task {line.task.index} address: every task of the segment has left `execute`"
        return Reason((line.task.index,), text)
    return _why(line)


def _waits_for_the_branch(left: _Left, first: list[int], is_open: bool) -> list[Reason]:
    """Why the others do not go to the branch now; `is_open` if one after another may."""
    late = [task for task in [*left.landable, *left.reviewable] if task not in first]
    why = (
        "`address` goes one task at a time, in task order"
        if is_open
        else "`address` starts when every task of the segment has left `execute`"
    )
    again = [task for task in left.again if task not in first]
    return [*_waiting(late, why), *_waiting(again, "its change clashed: the others land first")]


def _running(history: History) -> Reason:
    return Reason(tuple(history.running), f"{count(len(history.running), 'step')} running")


def _waiting(tasks: list[int], why: str) -> list[Reason]:
    return [Reason(tuple(tasks), f"waits: {why}")] if tasks else []


def _step(line: TaskState) -> Step:
    assert line.next is not None, "a complete task is not idle"
    return Step(line.task.index, line.next)


def _why(line: TaskState) -> Reason:
    return Reason((line.task.index,), f"{_step(line)}: {_cause(line)}")


def _cause(line: TaskState) -> str:
    last = line.last()
    if last is None:
        return "its turn has come and a place is free"
    if last.result is Result.CONFLICTED:
        return (
            "carried out anew after a conflict" if line.next is Phase.EXECUTE else "the merge is tried again"
        )
    if last.result is Result.OUTDATED:
        return "the branch has moved on"
    if last.phase.next is line.next:
        return f"`{last.phase}` passed"
    if last.phase is not line.next or last.outcome is None:
        return "to be done again"
    causes = {
        Result.FAILED: "tried again after it failed",
        Result.REJECTED: "tried again after it failed",
        Result.MENDED: "the reviewers look again",
        Result.INTERRUPTED: "tried again after it was cut short",
        Result.HELD: "the person may have made way",
    }
    return causes.get(last.outcome.result, "to be done again")


def _halt(work: Work, history: History, now: float) -> Halt:
    """The end of the run, from what became of the tasks that were asked for."""
    tasks = work.tasks
    failed = [task for task in tasks if task in history.failed]
    if history.cap_reached:
        cap = history.limits.max_consecutive_task_failures or 0
        return Halt(3, f"{count(cap, 'task')} failed in a row: stopped at the cap")
    if failed and not history.limits.continue_with_remaining_tasks:
        return Halt(1, f"{_tasks(failed)} failed")
    if held := [task for task in tasks if task in history.held]:
        return Halt(4, f"{_tasks(held)} {'is' if len(held) == 1 else 'are'} held")
    if why := no_agent(history, now) if any(not history.lines[task].is_settled for task in tasks) else "":
        return Halt(4, f"paused: {why}")
    return finished(work, history)


def is_complete(work: Work, history: History) -> bool:
    """Whether everything asked for is done, so that there is nothing to run."""
    return all(history.lines[task].is_complete for task in work.tasks)


def finished(work: Work, history: History) -> Halt:
    """The end of a run that has come to the end of the plan."""
    tasks = work.tasks
    failed = [task for task in tasks if task in history.failed]
    left = [task for task in tasks if task in history.with_findings]
    issues = [f"{_tasks(failed)} failed"] * bool(failed) + [f"findings remain in {_tasks(left)}"] * bool(left)
    if issues:
        return Halt(2, "finished, but " + " and ".join(issues))
    return Halt(0, "everything asked for is done")


def _tasks(indices: list[int]) -> str:
    return f"{'task' if len(indices) == 1 else 'tasks'} {ranges(indices)}"
