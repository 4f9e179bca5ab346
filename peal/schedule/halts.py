"""Why a run is over, and whether there was anything to do: from what became of the tasks that were asked for."""

from peal.model.decision import Halt
from peal.model.plan import TaskId
from peal.record.history import History
from peal.schedule.waits import no_agent
from peal.schedule.work import Work
from peal.text.display import count
from peal.text.names import ranges


def halt_of(work: Work, history: History, now: float) -> Halt:
    """The end of a run in which nothing runs and nothing may start at `now`."""
    tasks = work.tasks
    failed = [task for task in tasks if task in history.failed]
    if history.cap_reached:
        cap = history.rules.max_consecutive_task_failures or 0
        return Halt(3, f"{count(cap, 'task')} failed in a row: stopped at the cap")
    if failed and not history.rules.continue_with_remaining_tasks:
        return Halt(1, f"{_tasks(failed)} failed")
    if held := [task for task in tasks if task in history.held]:
        return Halt(4, f"{_tasks(held)} {'is' if len(held) == 1 else 'are'} held")
    if why := no_agent(history, now) if any(not history.states[task].is_settled for task in tasks) else "":
        return Halt(4, f"paused: {why}")
    return finished(work, history)


def is_complete(work: Work, history: History) -> bool:
    """Whether everything asked for is done, so that there is nothing to run."""
    return all(history.states[task].is_complete for task in work.tasks)


def finished(work: Work, history: History) -> Halt:
    """The end of a run that has come to the end of the plan."""
    tasks = work.tasks
    failed = [task for task in tasks if task in history.failed]
    left = [task for task in tasks if task in history.with_findings]
    issues = [f"{_tasks(failed)} failed"] if failed else []
    if left:
        issues.append(f"findings remain in {_tasks(left)}")
    missed = work.not_reached(failed)
    if waiting := [task for task in tasks if task in missed and not history.states[task].is_complete]:
        issues.append(f"{_tasks(waiting)} {'was' if len(waiting) == 1 else 'were'} not reached")
    if issues:
        return Halt(2, "finished, but " + " and ".join(issues))
    return Halt(0, "everything asked for is done")


def _tasks(tasks: list[TaskId]) -> str:
    return f"{'task' if len(tasks) == 1 else 'tasks'} {ranges(tasks)}"
