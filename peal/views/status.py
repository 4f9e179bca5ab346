"""What is seen of a run, while it goes on and afterwards: pure functions of events, history and live output."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import evolve, field

from peal.classes import frozen
from peal.model.agent import Usage
from peal.model.plan import TaskId
from peal.model.work import Change, Result, Weight
from peal.record.events import Event, StepEnded, StepStarted, StopAsked
from peal.record.history import History
from peal.record.spending import amount, summed
from peal.record.task_state import Attempt, TaskState
from peal.text.display import clock, duration, harmless
from peal.text.names import ranges

_BAD = (Weight.WARNING, Weight.FAILURE)
_ADVISED = 3
"""Tasks for which there is a word each."""
WHILE_IT_RUNS = (
    "`peal status --watch` to look on",
    "`peal stop` to end the run; `peal resume` goes on later",
)
GO_ON = "`peal resume` to go on where this stopped"
STATES = ("done", "failed", "blocked", "held", "running", "cut off", "waiting", "not begun")


@frozen
class TaskStatus:
    """Where one task stands."""

    id: TaskId
    title: str
    state: str
    """One of `STATES`."""
    phase: str | None = None
    """The phase that runs or comes next."""
    attempt: int = 0
    agent: str = ""
    seconds: float | None = None
    """How long the running attempt has taken so far, or all of the task's attempts together."""
    reason: str = ""
    """Why it failed, or what it waits for."""
    findings: int = 0
    last_output: str = ""
    machine: str = ""
    """Where the running attempt is, if that is not here."""
    commit: str = ""
    """What it has changed, as a commit; whether that has landed is told by `state`."""
    used: Usage = field(factory=Usage)
    """What all its attempts have used together."""
    notes: tuple[str, ...] = ()
    """What a person should know of its attempts, however they ended."""


@frozen
class RunStatus:
    """Where a plan stands."""

    plan: str
    state: str
    """`not run`, `running`, `finished`, `stopped` or `cut off`."""
    run: str = ""
    pid: int | None = None
    started_at: float | None = None
    seconds: float | None = None
    exit_code: int | None = None
    why: str = ""
    counts: dict[str, int] = field(factory=dict)
    tasks: tuple[TaskStatus, ...] = ()
    used: Usage = field(factory=Usage)
    """What was used since `peal run`; a resume goes on counting."""
    used_by_model: tuple[Usage, ...] = ()
    used_by_phase: dict[str, Usage] = field(factory=dict)
    sandbox: tuple[str, ...] = ()
    """What its programs are started in, as it was found when the run began; empty for none."""
    next: tuple[str, ...] = ()
    """Commands that make sense now, each with what it is for."""
    is_of_backlog: bool = False
    """Its tasks are phases of items, and only those that the latest run has worked on."""


def overview(
    history: History,
    now: float,
    is_alive: bool,
    reasons: Mapping[TaskId, str],
    last_output: Callable[[Attempt], str],
    ways_on: Sequence[str] = (),
) -> RunStatus:
    """
    The standing of a plan at `now`; `is_alive` tells whether the run that opened it still goes on.

    `ways_on` is what a person may want to type next.
    """
    opened, closed = history.opened, history.closed
    lost = out_of_reach(history)
    tasks = tuple(
        task_status(state, now, is_alive, lost.get(task) or reasons.get(task, ""), last_output)
        for task, state in history.states.items()
    )
    counts = dict.fromkeys(STATES, 0)
    for task in tasks:
        counts[task.state] += 1
    if opened is None:
        return RunStatus(history.plan, "not run", counts=counts, tasks=tasks)
    return RunStatus(
        plan=history.plan,
        state=run_state(history, is_alive),
        run=opened.run,
        pid=opened.pid if is_alive else None,
        started_at=opened.at,
        seconds=(closed.at if closed else now) - opened.at if closed or is_alive else None,
        exit_code=closed.code if closed else None,
        why=closed.why if closed else "",
        counts=counts,
        tasks=tasks,
        used=history.providers.spent.total,
        used_by_model=tuple(history.providers.spent.models.values()),
        used_by_phase=dict(history.providers.spent.phases),
        sandbox=opened.sandbox,
        next=tuple(ways_on),
    )


def out_of_reach(history: History) -> dict[TaskId, str]:
    """Tasks that wait by name for one that has failed in this run, or for one that does; each with which."""
    found: dict[TaskId, str] = {}
    for task, state in history.states.items():
        if state.is_complete or state.failed is not None:
            continue
        if failed := [one for one in state.task.after if one in history.failed]:
            found[task] = f"not reached: it comes after task {ranges(failed)}, which failed"
    waiting = [state for state in history.states.values() if state.task.after and not state.is_complete]
    while more := [  # what is waited for may stand behind: look until nothing is new
        (state.task.id, [one for one in state.task.after if one in found])
        for state in waiting
        if state.task.id not in found and any(one in found for one in state.task.after)
    ]:
        found |= {task: f"not reached: it comes after task {ranges(lost)}" for task, lost in more}
    return found


def run_state(history: History, is_alive: bool) -> str:
    """What became of the latest run."""
    if history.opened is None:
        return "not run"
    if history.closed is None:
        return "running" if is_alive else "cut off"
    return "stopped" if history.stop and history.stop.code == history.closed.code else "finished"


def task_status(
    state: TaskState, now: float, is_alive: bool, reason: str, last_output: Callable[[Attempt], str]
) -> TaskStatus:
    """Where one task stands at `now`."""
    found = _standing(state, now, is_alive, reason, last_output)
    used = tuple(usage for past in state.attempts if past.outcome for usage in past.outcome.usage)
    return evolve(
        found, commit=state.change.verified or state.change.brings, used=summed(used), notes=state.notes
    )


def _standing(
    state: TaskState, now: float, is_alive: bool, reason: str, last_output: Callable[[Attempt], str]
) -> TaskStatus:
    task, last = state.task, state.last()
    resting = TaskStatus(
        task.id,
        task.title,
        "waiting" if state.has_begun or (is_alive and reason) else "not begun",
        state.next,
        last.number if last else 0,
        last.agent if last else "",
        sum((one.ended or one.started) - one.started for one in state.attempts) if state.attempts else None,
        reason,
    )
    if shown := state.running:
        return evolve(
            resting,
            state="running" if is_alive else "cut off",
            phase=shown.phase,
            attempt=shown.number,
            agent=shown.agent,
            seconds=now - shown.started if is_alive else None,
            reason="",
            last_output=last_output(shown),
            machine=shown.machine,
        )
    if state.is_complete:
        done, findings = _done_reason(state), len(state.findings)
        return evolve(resting, state="done", phase=None, reason=done, findings=findings)
    if state.failed is not None:
        shown_output = last_output(last) if last else ""
        name = "blocked" if state.is_blocked else "failed"
        return evolve(resting, state=name, reason=state.failed, last_output=shown_output)
    if state.held is not None:
        return evolve(resting, state="held", reason=state.held)
    return resting


def _done_reason(state: TaskState) -> str:
    if state.task.done:
        return "ticked off in the plan"
    return "" if state.attempts else "marked done"


def advice(history: History, is_alive: bool) -> tuple[str, ...]:
    """What a person may want to type next, where a plan was run."""
    if is_alive:
        return WHILE_IT_RUNS
    open_tasks = [task for task, state in history.states.items() if not state.is_complete]
    steps = list(to_look_at(history))
    if open_tasks and _has_more(history, open_tasks):
        steps.append(GO_ON)
    elif open_tasks:
        steps.append(f"`peal run {shlex.quote(history.plan)}` to do the other tasks too")
    elif history.with_findings:
        one = history.in_order(history.with_findings)[0]
        steps.append(
            f"`peal run {shlex.quote(history.plan)} --retry-failed` to have what was found mended, "
            f"`peal done {one}` to be content with task {one}"
        )
    else:
        opened = history.opened
        branch = f" {shlex.quote(opened.branch)}" if opened and opened.branch_is_named else ""
        look = f"git log --first-parent{branch}" if history.lands else "git status"
        steps.append(f"`{look}` to see what was done; `peal redo TASK` to do a task again")
    return tuple(steps)


def to_look_at(history: History) -> Iterator[str]:
    """What shows why tasks have stopped in this run, and with what."""
    for task in history.in_order(history.failed - history.blocked)[:_ADVISED]:
        yield _to_the_logs(history.states[task])
    for task in _unlanded(history)[:_ADVISED]:
        yield f"`peal diff {task}` for what task {task} would change"


def to_show(state: TaskState, among: Sequence[Attempt]) -> Attempt:
    """
    Which of some attempts at a task tells best how it stands.

    What has ended it badly comes before what ran well, and what somebody worked at before what nobody was asked for.
    """
    last = state.last()
    if last and last in among and not state.running and not state.is_complete and _is_told(state, last):
        return last
    return next((one for one in reversed(among) if one.agent), among[-1])


def _is_told(state: TaskState, last: Attempt) -> bool:
    is_over = state.failed is not None or state.held is not None
    return is_over or (last.result is not None and last.result.weight in _BAD)


def _to_the_logs(state: TaskState) -> str:
    task = state.task.id
    return f"`peal logs {task}` for all that task {task} printed in `{to_show(state, state.attempts).phase}`"


def _unlanded(history: History) -> list[TaskId]:
    """The tasks that have stopped in this run with a commit that is not in the branch."""
    stopped = history.in_order(history.failed | history.held)
    return [task for task in stopped if history.states[task].change != Change()]


def _has_more(history: History, open_tasks: list[TaskId]) -> bool:
    """Whether anything of what the latest run was asked for is left."""
    selected = history.opened.selected if history.opened else None
    return selected is None or not set(selected).isdisjoint(open_tasks)


def event_line(event: Event, history: History) -> str | None:
    """What one event looks like as a line; None if it is not worth one."""
    match event:
        case StepStarted(agent=""):
            return None
        case StepStarted():
            title = harmless(history.states[event.task].task.title)
            again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            return f"task {event.task} {event.phase} started{again}{': ' + title if title else ''}"
        case StepEnded():
            state = history.states[event.task]
            if event.outcome.result is Result.PASSED and state.next is None and not state.findings:
                where = (
                    f": landed in `{history.opened.branch}`"
                    if event.outcome.commit and history.opened
                    else ""
                )
                return f"task {event.task} complete{where}"
            took = duration(event.at - state.attempts[-1].started)
            result = event.outcome.name
            shout = event.outcome.weight in _BAD
            reason = f": {harmless(event.outcome.reason)}" if event.outcome.reason else ""
            until = event.outcome.until
            wait = f"; waits until {clock(until, event.at)}" if until is not None else ""
            return f"task {event.task} {event.phase} {result.upper() if shout else result} in {took}{reason}{wait}"
        case StopAsked():
            return f"{event.why}: ending what runs{_how_soon(event, history.stop)}"
    return None


def _how_soon(event: StopAsked, first: StopAsked | None) -> str:
    """What a person who asks for the end is told of asking again; others cannot hurry it."""
    if event.code <= 128:
        return ""
    is_again = first is not None and first.code > 128 and event != first
    return " at once" if is_again else "; once more to end it at once"


def noted_lines(notes: Iterable[tuple[TaskId, tuple[str, ...]]]) -> list[str]:
    """What tasks have noted, a line for each thing, with the tasks it is about; nothing if there is nothing."""
    tasks: dict[str, list[TaskId]] = {}
    for task, texts in notes:
        for text in texts:
            tasks.setdefault(text, []).append(task)
    return [f"note: {reason_line(tuple(about), harmless(text))}" for text, about in tasks.items()]


def sandbox_lines(kind: Sequence[str]) -> list[str]:
    """What programs are started in; nothing if they are without."""
    return [f"sandbox: {sandbox_name(kind)}"] if kind else []


def sandbox_name(kind: Sequence[str]) -> str:
    """A sandbox in short: a wrapper has many words, and the first tells what it is."""
    return harmless(kind[0] if len(kind) == 1 else f"{kind[0]} …")


def spending_lines(history: History) -> list[str]:
    """What was used since `peal run`, in all and, where there were several, by model; nothing if nobody told."""
    spent = history.providers.spent
    if not spent.total.tokens:
        return []
    lines = [f"used: {amount(spent.total)}{_unpriced(spent.unpriced, spent.total)}"]
    if len(spent.models) > 1:
        lines += [
            f"  {harmless(model) or 'a model without a name'}: {amount(used)}"
            for model, used in spent.models.items()
        ]
    return lines


def _unpriced(models: set[str], total: Usage) -> str:
    """Whose part is missing in a sum that is known in part."""
    if total.cost is None or not models:
        return ""
    names = ", ".join(
        f"`{harmless(model)}`" if model else "a model without a name" for model in sorted(models)
    )
    return f", without what {names} costs: unknown"


def reason_line(tasks: tuple[TaskId, ...], text: str) -> str:
    """A reason with the tasks it is about, unless it names its one task itself."""
    if len(tasks) == 1 and text.startswith("task "):
        return text
    return f"task{'s' if len(tasks) > 1 else ''} {ranges(tasks)}: {text}"
