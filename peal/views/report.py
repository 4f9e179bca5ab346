"""What is said when a run is over: what became of it, what failed and why, and what to type next."""

from collections.abc import Callable, Mapping, Sequence

from peal.model.decision import Halt
from peal.model.plan import TaskId
from peal.model.review import Finding
from peal.model.work import Outcome, Result
from peal.record.history import History
from peal.record.task_state import Attempt, TaskState
from peal.text.display import count, duration, harmless
from peal.views.status import advice, noted_lines, sandbox_lines, spending_lines

OUTPUT_LINES = 12
_SHOWN = 20
"""Findings of one task that are shown."""
_IN_SHORT = 3
"""Findings that a reason tells, and the last lines of each."""
_LONGEST = 300


def report(
    history: History,
    halt: Halt,
    seconds: float,
    output: Callable[[Attempt], list[str]],
    folder: Callable[[Attempt], str],
    manual_checks: Mapping[TaskId, Sequence[str]],
    advises: bool = True,
) -> list[str]:
    """
    The end of a run as lines; `output` gives the end of what an attempt printed, `folder` its transcript's path.

    `manual_checks` is what the plan says a person should look at when a task is done; if it `advises`, what to type next
    comes last.
    """
    sandbox = history.opened.sandbox if history.opened else ()
    lines = [summary(history, halt, seconds), *sandbox_lines(sandbox), *spending_lines(history)]
    lines += failures(history, output, folder, at_most=len(history.failed))
    for task in history.in_order(history.held):
        lines += ["", *_held(history.states[task])]
    for task in history.in_order(history.with_findings):
        lines += ["", *let_through(history.states[task])]
    if passed_over := dismissed(history):
        lines += ["", *passed_over]
    if notes := noted_lines((task, state.notes) for task, state in history.states.items()):
        lines += ["", *notes]
    if to_look_at := [
        line
        for task in history.in_order(history.completed)
        if history.states[task].attempts
        for line in _for_a_person(task, manual_checks)
    ]:
        lines += ["", "for a person to look at:", *to_look_at]
    steps = [f"next: {step}" for step in advice(history, is_alive=False)] if advises else []
    return [*lines, "", *steps]


def reason_of(outcome: Outcome) -> str:
    """Why an attempt did not get on, in one line, with the words of what hooks and reviewers found last."""
    reason = outcome.reason or str(outcome.result)
    if outcome.result is Result.CONFLICTED:  # its reason is what was found
        return reason
    found = [_in_short(finding) for finding in outcome.findings[:_IN_SHORT]]
    left = len(outcome.findings) - _IN_SHORT
    return "; ".join([reason, *found, *([f"and {left} more"] if left > 0 else [])])


def _in_short(finding: Finding) -> str:
    """A finding in one line; of a long output its end, where programs say what is wrong."""
    from peal.worktrees.conflicts import REVIEWER  # only here: the report of a plan goes without it

    first, *rest = [harmless(line) for line in finding.message.splitlines() if line.strip()] or [""]
    said = "" if finding.reviewer == REVIEWER else " | ".join(rest[-_IN_SHORT:])[-_LONGEST:]
    return ": ".join(filter(None, [f"{harmless(finding.reviewer)}{_where(finding)}", first, said]))


def _for_a_person(task: TaskId, checks: Mapping[TaskId, Sequence[str]]) -> list[str]:
    return [f"  task {task}: {harmless(check)}" for check in checks.get(task, ())]


def summary(history: History, halt: Halt, seconds: float) -> str:
    """One line that says it all."""
    done = len(history.completed)
    parts = [f"{done} of {count(len(history.states), 'task')} complete"]
    if history.failed:
        parts.append(f"{len(history.failed)} failed")
    if history.held:
        parts.append(f"{len(history.held)} held")
    begun = sum(state.has_begun and not state.is_settled for state in history.states.values())
    if begun:
        parts.append(f"{begun} begun")
    return f"{halt.why}: {', '.join(parts)}, in {duration(seconds)}"


def failures(
    history: History,
    output: Callable[[Attempt], list[str]],
    folder: Callable[[Attempt], str],
    at_most: int,
) -> list[str]:
    """What has failed, a paragraph for each task, as many as are wanted; what waits for a person's answer has not failed."""
    failed = history.in_order(history.failed - history.blocked)
    lines = [
        line for task in failed[:at_most] for line in ("", *failure(history.states[task], output, folder))
    ]
    left = len(failed) - at_most
    return [
        *lines,
        *(["", f"{count(left, 'more task')} failed; `peal status` lists all"] if left > 0 else []),
    ]


def failure(
    state: TaskState, output: Callable[[Attempt], list[str]], folder: Callable[[Attempt], str]
) -> list[str]:
    """Why a task has failed, with what was found and printed last, as a paragraph."""
    last = state.last()
    title = f": {harmless(state.task.title)}" if state.task.title else ""
    lines = [f"task {state.task.id} failed{title}"]
    assert last is not None, "a failed task has had an attempt"
    assert last.outcome is not None, "which has ended"
    reason, *more = (state.failed or "").splitlines() or [""]
    lines.append(f"  {last.phase}, attempt {last.number}: {harmless(reason)}")
    lines += [f"    | {harmless(extra)}" for extra in more]
    if clash := _clash(state):
        lines.append(f"  it was carried out anew after a {harmless(clash)}")
    for finding in last.outcome.findings[:_SHOWN]:
        lines += _finding_lines(finding)
    lines += _more(len(last.outcome.findings))
    if said := output(last)[-OUTPUT_LINES:]:
        lines += ["  last output:", *(f"    | {one}" for one in said)]
    return [*lines, f"  transcript: {folder(last)}"]


def _clash(state: TaskState) -> str:
    """The conflict for which the task was carried out once more, if the last try is not that conflict itself."""
    clashes = [one.outcome for one in state.attempts[:-1] if one.result is Result.CONFLICTED and one.outcome]
    return clashes[-1].findings[0].message.partition("\n")[0] if state.conflicts and clashes else ""


def _held(state: TaskState) -> list[str]:
    title = f": {harmless(state.task.title)}" if state.task.title else ""
    return [f"task {state.task.id} is held{title}", f"  {harmless(state.held or '')}"]


def let_through(state: TaskState) -> list[str]:
    """What reviewers still found of a task that is done, as a paragraph."""
    title = f": {harmless(state.task.title)}" if state.task.title else ""
    lines = [f"task {state.task.id} was let through with {count(len(state.findings), 'finding')}{title}"]
    for finding in state.findings[:_SHOWN]:
        lines += _finding_lines(finding)
    return [*lines, *_more(len(state.findings))]


def dismissed(history: History) -> list[str]:
    """What was passed over by an agent's word or a pattern, for a person to judge."""
    found = [
        (task, finding) for task, state in history.states.items() for finding in state.dismissed.values()
    ]
    if not found:
        return []
    lines = [f"{count(len(found), 'finding')} dismissed"]
    for task, finding in found[:_SHOWN]:
        first = finding.message.partition("\n")[0]
        lines.append(
            f"  task {task}, {harmless(finding.reviewer)}{_where(finding)}: {harmless(first)} ({harmless(finding.dismissed)})"
        )
    return [*lines, *_more(len(found))]


def _more(number: int) -> list[str]:
    return [f"  … and {number - _SHOWN} more"] if number > _SHOWN else []


def _where(finding: Finding) -> str:
    """` src/a.py:3` of a finding that is about a place."""
    if not finding.path:
        return ""
    return f" {harmless(finding.path)}:{finding.line}" if finding.line else f" {harmless(finding.path)}"


def _finding_lines(finding: Finding) -> list[str]:
    first, *rest = finding.message.splitlines() or [""]
    shown = [f"  {harmless(finding.reviewer)}{_where(finding)}: {harmless(first)}"]
    return shown + [f"    | {harmless(one)}" for one in rest[-OUTPUT_LINES:]]
