"""What starts next: fills places with what is open, one task at a time at the branch, and says why; pure."""

from collections.abc import Callable, Iterable, Sequence

from attrs import evolve

from peal.classes import frozen
from peal.model.decision import Decision, Halt, Reason
from peal.model.pipeline import PIPELINE, Kind, Phase
from peal.model.plan import TaskId
from peal.model.work import Result, Step, Weight
from peal.record.events import StopAsked
from peal.record.history import History
from peal.record.task_state import TaskState
from peal.schedule.agenda import Agenda, Stage
from peal.schedule.waits import Waits, sorted_out
from peal.text.display import count
from peal.text.names import ranges


@frozen
class Others:
    """What is under way of other plans: they have their share of the places, and a branch is for one step at a time."""

    running: int = 0
    at_branch: bool = False
    """One of them is at the branch that this plan lands in."""
    places: int | None = None
    """For the steps of all plans together; None for as many as each plan may have for itself."""


def decide(agenda: Agenda, now: float, others: Others = Others()) -> Decision:
    """What to start at `now` (wall-clock seconds), or why the run is over."""
    history = agenda.history
    if history.stop is not None:
        decision = _stopping(history, history.stop)
    else:
        left = _left(agenda, now, others)
        goes_on = left.may_go_on
        decision = _within(left, history) if goes_on else Decision(halt=agenda.end(now))
    return evolve(decision, front=agenda.front, reasons=(*decision.reasons, *agenda.waits))


def decide_together(agendas: Sequence[Agenda], now: float, places: int | None = None) -> tuple[Decision, ...]:
    """
    For each of several plans what to start at `now`, or why its run is over; places go to the first first.

    `places` is for the steps of all of them together; without it no plan has more than its own share leaves. ValueError for several that do not all work in worktrees: in one tree reviewers would look while others write.
    """
    if len(agendas) > 1 and not all(agenda.history.lands for agenda in agendas):
        raise ValueError("several plans at once need worktrees")
    running = {id(agenda): len(agenda.history.running) for agenda in agendas}
    at_branch = {id(agenda): bool(_at_the_branch(agenda.history)) for agenda in agendas}
    found: list[Decision] = []
    for agenda in agendas:
        rest = [other for other in agendas if other is not agenda]
        shares = [other for other in rest if _branch(other) == _branch(agenda)]
        others = Others(
            sum(running[id(other)] for other in rest),
            any(at_branch[id(other)] for other in shares),
            places,
        )
        decision = decide(agenda, now, others)
        running[id(agenda)] += len(decision.start)
        at_branch[id(agenda)] |= any(_is_at_branch(step, agenda.history) for step in decision.start)
        found.append(decision)
    return tuple(found)


def _branch(agenda: Agenda) -> str:
    return agenda.history.opened.branch if agenda.history.opened else ""


def _is_at_branch(step: Step, history: History) -> bool:
    return history.next_phase(history.states[step.task]).is_at_branch


@frozen
class _Left:
    """What may still go on: the open tasks by stage, in task order; what runs is in the history."""

    fresh: list[TaskId]
    begun: list[TaskId]
    reviewable: list[TaskId]
    landable: list[TaskId]
    again: list[TaskId]
    waits: Waits
    """Those that have to wait for a time to come."""
    running: int
    pending: int
    """Open tasks with something left to do, whether they may go on or not."""
    is_eager: Callable[[TaskId], bool]
    """Whether a task is reviewed as soon as it is made, whatever the others do."""
    making: bool
    """Whether one of the others is, or could be, on its way to its review."""
    in_order: Callable[[Iterable[TaskId]], list[TaskId]]
    others: Others

    @property
    def idle(self) -> list[TaskId]:
        """All that may start, in the order in which one after another would take them."""
        return [
            *self.landable,
            *self.in_order([*self.fresh, *self.begun, *self.reviewable]),
            *self.again,
        ]

    @property
    def working(self) -> bool:
        """Whether a task is, or could be, on its way to its review."""
        return bool(self.running or self.fresh or self.begun or self.waits.tasks)

    @property
    def may_go_on(self) -> bool:
        """Whether anything runs or may start."""
        return bool(self.working or self.reviewable or self.landable or self.again)


def _left(agenda: Agenda, now: float, others: Others) -> _Left:
    history = agenda.history
    idle = sum(len(agenda.idle(stage)) for stage in Stage)
    pending = idle + len(history.running) + sum(map(agenda.is_open, history.held))
    startable, waits = sorted_out({stage: agenda.startable(stage) for stage in Stage}, history, now)
    is_eager = _eager(agenda)
    under_way = (*history.running, *startable[Stage.FRESH], *startable[Stage.BEGUN], *waits.tasks)
    return _Left(
        is_eager=is_eager,
        making=not all(map(is_eager, under_way)),
        fresh=startable[Stage.FRESH],
        begun=startable[Stage.BEGUN],
        reviewable=startable[Stage.REVIEW],
        landable=startable[Stage.LAND],
        again=startable[Stage.AGAIN],
        waits=waits,
        running=len(history.running),
        pending=pending,
        in_order=agenda.in_order,
        others=others,
    )


def _eager(agenda: Agenda) -> Callable[[TaskId], bool]:
    """Where all share one tree nobody may write in it while reviewers look: there nobody is eager unless all are."""
    history = agenda.history
    if history.rules.as_ready:
        return lambda _: True
    return agenda.is_eager if history.lands else lambda _: False


def _stopping(history: History, stop: StopAsked) -> Decision:
    if not history.running:
        return Decision(halt=Halt(stop.code, stop.why))
    steps = count(len(history.running), "step")
    return Decision(reasons=(Reason(tuple(history.running), f"ending {steps}: {stop.why}"),))


def _within(left: _Left, history: History) -> Decision:
    """What is open allows something."""
    concurrent = left.others.running or (history.rules.max_parallel > 1 and left.pending > 1)
    decision = _side_by_side(left, history) if concurrent else _one_by_one(left, history)
    if not left.waits.tasks:
        return decision
    return evolve(decision, wake_at=left.waits.wake_at, reasons=(*decision.reasons, *left.waits.reasons))


def _one_by_one(left: _Left, history: History) -> Decision:
    if not left.idle:
        return Decision(reasons=(_running(history),) if history.running else ())
    if history.running:
        waiting = _waiting(left.idle, f"after task {ranges(history.running)}: one task at a time")
        return Decision(reasons=(_running(history), *waiting))
    first, *rest = left.idle
    waiting = _waiting(rest, f"after task {first}: one task at a time")
    state = history.states[first]
    return Decision((_step(state),), reasons=(_why(state, history), *waiting))


def _side_by_side(left: _Left, history: History) -> Decision:
    limit = history.rules.max_parallel
    places = limit if left.others.places is None else left.others.places
    busy, running = _at_the_branch(history), len(history.running)
    free = max(min(limit - running, places - running - left.others.running), 0)
    first = [] if busy or left.others.at_branch else _to_the_branch(left)[:free]
    is_alone = not all(map(left.is_eager, (*busy, *first)))
    ready = [task for task in (*left.begun, *left.fresh) if not is_alone or left.is_eager(task)]
    chosen = [*first, *ready[: free - len(first)]]
    if busy and is_alone:
        waiting = _waiting(
            [task for task in left.idle if task not in chosen], f"`{_review(history)}` runs alone"
        )
    else:
        late = [task for task in (*left.begun, *left.fresh) if task not in chosen]
        is_open = bool(first or busy or history.rules.as_ready)
        waiting = [
            *_waiting(late, f"all {min(limit, places)} places are taken"),
            *_waits_for_the_branch(left, first, history, is_open),
        ]
    return Decision(
        tuple(_step(history.states[task]) for task in chosen),
        reasons=(
            *(_why_first(history.states[task], left, history) for task in first),
            *(_why(history.states[task], history) for task in chosen[len(first) :]),
            *([_running(history)] if history.running else []),
            *waiting,
        ),
        concurrent=bool(history.running or left.others.running or chosen != first),
    )


def _at_the_branch(history: History) -> list[TaskId]:
    """What runs in a phase that only one task at a time may be in."""
    return [task for task, state in history.running.items() if _running_phase(state, history).is_at_branch]


def _running_phase(state: TaskState, history: History) -> Phase:
    assert state.running is not None
    return history.pipeline(state.task.pipeline).phase(state.running.phase)


def _to_the_branch(left: _Left) -> list[TaskId]:
    """Whose turn it is to be reviewed or to land, one at a time: what is verified, what is done, what has clashed."""
    if left.landable:
        return left.landable[:1]
    if left.reviewable:
        return [task for task in left.reviewable if not left.making or left.is_eager(task)][:1]
    return [] if left.working else left.again[:1]


def _why_first(state: TaskState, left: _Left, history: History) -> Reason:
    last, phase = state.last(), history.next_phase(state)
    made = _before_review(history)
    if phase.kind is Kind.REVIEW and not left.working and (last is None or last.phase == made):
        return _about(state, f"{_step(state)}: every task of the segment has left `{made}`")
    return _why(state, history)


def _waits_for_the_branch(left: _Left, first: list[TaskId], history: History, is_open: bool) -> list[Reason]:
    """Why the others do not go to the branch now; `is_open` if one after another may."""
    late = [task for task in [*left.landable, *left.reviewable] if task not in first]
    if left.others.at_branch and late:
        return _waiting([*late, *left.again], "another plan is at the branch")
    review = _review(history)
    why = (
        f"`{review}` goes one task at a time, in task order"
        if is_open
        else f"`{review}` starts when every task of the segment has left `{_before_review(history)}`"
    )
    again = [task for task in left.again if task not in first]
    return [*_waiting(late, why), *_waiting(again, "its change clashed: the others land first")]


def _review(history: History) -> str:
    """What the review is called."""
    return history.first(Kind.REVIEW)


def _before_review(history: History) -> str:
    """What the phase is called that a task has left when its review may come."""
    made = [phase for phase in history.pipeline(PIPELINE).phases if not phase.is_at_branch]
    return made[-1].name if made else ""


def _running(history: History) -> Reason:
    return Reason(tuple(history.running), f"{count(len(history.running), 'step')} running")


def _waiting(tasks: Sequence[TaskId], why: str) -> list[Reason]:
    return [Reason(tuple(tasks), why, is_wait=True)] if tasks else []


def _step(state: TaskState) -> Step:
    assert state.next is not None, "a complete task is not idle"
    return Step(state.task.id, state.next)


def _why(state: TaskState, history: History) -> Reason:
    return _about(state, f"{_step(state)}: {_cause(state, history)}")


def _about(state: TaskState, text: str) -> Reason:
    return Reason((state.task.id,), text)


def _cause(state: TaskState, history: History) -> str:
    last = state.last()
    if last is None or last.result is None:
        return "its turn has come and a place is free"
    if last.result is Result.CONFLICTED:
        return "carried out anew after a conflict" if state.clashed else "the merge is tried again"
    if last.result is Result.OUTDATED:
        return "the branch has moved on"
    if last.result is Result.PASSED and _is_before(last.phase, state, history):
        return f"`{last.phase}` passed"
    if last.phase == state.next and last.result.weight is Weight.FAILURE:
        is_answered = last.outcome is not None and last.outcome.is_question
        return "a person has answered" if is_answered else "tried again after it failed"
    return _CAUSES.get(last.result, _ONCE_MORE) if last.phase == state.next else _ONCE_MORE


def _is_before(name: str, state: TaskState, history: History) -> bool:
    """Whether a phase is the one that a task's next phase comes after."""
    pipeline = history.pipeline(state.task.pipeline)
    return name in pipeline and pipeline.after(name) == history.next_phase(state)


_ONCE_MORE = "to be done again"
_CAUSES = {
    Result.MENDED: "the reviewers look again",
    Result.INTERRUPTED: "tried again after it was cut short",
    Result.HELD: "the person may have made way",
}
