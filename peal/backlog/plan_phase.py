"""A phase of an item that is a plan: the tasks of a file that an earlier phase has written."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import evolve

from peal.backlog.task_names import task_of_plan
from peal.classes import frozen
from peal.errors import PealError
from peal.model.phase_result import PhaseResult
from peal.model.pipeline import pipeline_name
from peal.model.plan import ItemPhase, Plan, Task, TaskId
from peal.record.events import TaskRead
from peal.record.history import History
from peal.record.task_state import TaskState
from peal.schedule.work import Work
from peal.text.display import by_reason, count, harmless, some
from peal.views.report import reason_of
from peal.workspaces import Files, PlanFile

_SHOWN = 5


@frozen
class PlanPhase:
    """The plan of a phase, with the names that its tasks have in the run."""

    phase: ItemPhase
    file: PlanFile
    tasks: Mapping[TaskId, Task]
    """As they are worked on."""
    written: Mapping[TaskId, Task]
    """As the plan has them."""
    work: Work
    pipeline: str

    @classmethod
    def of(cls, phase: ItemPhase, file: PlanFile, plan: Plan, pipeline: str, context: str) -> "PlanPhase":
        """The tasks of a plan; PealError with its problems if it cannot be carried out."""
        path = file.path
        if plan.problems:
            lines = (f"`{harmless(path)}` line {one.line}: {one.message}" for one in plan.problems[:_SHOWN])
            raise PealError("; ".join(lines))
        above = "\n\n".join(filter(None, (context, plan.context)))
        renamed = {task.id: task_of_plan(phase, task.id) for task in plan.tasks}
        way_on = f"mark it as done in `{harmless(path)}`, commit that, and `peal backlog run`"
        tasks = {
            renamed[task.id]: evolve(
                task,
                id=renamed[task.id],
                after=tuple(renamed[one] for one in task.after),
                context=above,
                agent="",
                model="",
                way_on=way_on,
            )
            for task in plan.tasks
        }
        work = Work.of(tasks.values(), [one.id for one in tasks.values() if not one.is_optional or one.done])
        return cls(phase, file, tasks, {renamed[task.id]: task for task in plan.tasks}, work, pipeline)

    def readings(self) -> Iterator[TaskRead]:
        """The tasks as they are remembered."""
        for task in self.tasks.values():
            name = f"{self.pipeline}{pipeline_name(task).removeprefix('plan')}"
            yield TaskRead(
                task.id,
                task.shown_title,
                task.digest,
                task.parallel,
                task.done,
                name,
                task.after,
                task.section,
            )

    def answer(self, history: History) -> PhaseResult | None:
        """What the phase comes to when all of it is done; None before."""
        if not all(history.states[task].is_complete for task in self.work.tasks):
            return None
        done = f"{count(len(self.work.tasks), 'task')} of `{self.file.path}`"
        return PhaseResult(self.phase.item, self.phase.phase, "phase_complete", f"{done} done")

    def has_met_system_failure(self, history: History) -> bool:
        """Whether one of its tasks has failed for what would fail any."""
        failed = (history.states[task].last() for task in self.work.tasks if task in history.failed)
        return any(one and one.outcome and one.outcome.is_system_failure for one in failed)

    def failure(self, history: History) -> str:
        """Why the plan is not done, of which nothing more can be done."""
        failed = {task: _why(history.states[task]) for task in self.work.tasks if task in history.failed}
        left = sum(not history.states[task].is_complete for task in self.work.tasks)
        why = f"; {by_reason(failed.items(), 'failed', _SHOWN)}" if failed else ""
        return f"{count(left, 'task')} of `{self.file.path}` not done{why}"


def _why(state: TaskState) -> str:
    last = state.last()
    return reason_of(last.outcome) if last and last.outcome else state.failed or ""


class NoPlan(PealError):
    """The plan of a phase is not there."""


@frozen
class PlanReader:
    """Reads the plans of phases."""

    repo: Path
    files: Callable[[], Files]
    """The repository's, as they are now."""
    is_ticked: bool
    """Whether tasks are marked as done in the plan when they land."""

    def read(self, phase: ItemPhase, folder: str, pattern: str, pipeline: str, context: str) -> PlanPhase:
        """
        The one plan in an item's folder whose path fits.

        `NoPlan` if there is none, PealError if there are several, or if it cannot be carried out.
        """
        from peal.formats import parse  # only here: reading markdown takes long to load

        files = self.files()
        wanted = f"the phase wants one plan `{harmless(folder)}/{pattern}`"
        paths = list(_fitting(files, folder, pattern))
        if not paths:
            raise NoPlan(f"{wanted}, and none is there")
        if len(paths) > 1:
            raise PealError(f"{wanted}, and {some([path[len(folder) + 1 :] for path in paths], _SHOWN)}")
        (path,) = paths
        raw = files.content(path)
        if raw is None:
            raise PealError(f"`{harmless(path)}` is no plain file")
        plan = parse(raw, path)
        file = PlanFile(self.repo, path, plan.format, self.is_ticked)
        return PlanPhase.of(phase, file, plan, pipeline, context)

    def unwritten(self, phase: ItemPhase, folder: str, pattern: str, pipeline: str) -> PlanPhase:
        """A plan that is still to be written, as one task."""
        path = f"{folder}/{pattern}"
        whole = Task(TaskId("1"), f"all of `{harmless(path)}`", "")
        plan = Plan(path, "", (whole,))
        return PlanPhase.of(phase, PlanFile(self.repo, path, "", is_ticked=False), plan, pipeline, "")


def _fitting(files: Files, folder: str, pattern: str) -> Iterator[str]:
    """The paths in a folder that fit a pattern, name by name."""
    first, _, rest = pattern.partition("/")
    for name in files.versions(folder):
        if fnmatchcase(name, first):
            path = f"{folder}/{name}"
            yield from _fitting(files, path, rest) if rest else (path,)
