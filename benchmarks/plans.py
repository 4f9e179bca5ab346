"""The plans that are run, and the memory of plans that have been run."""

from pathlib import Path

from attrs import evolve

from peal import formats
from peal.model.decision import Rules
from peal.model.pipeline import PIPELINE, PLAN_PHASES, Kind, Pipeline
from peal.model.plan import Plan, TaskId
from peal.model.work import Outcome, Result
from peal.record.events import (
    Event,
    PlanRead,
    ProcessStarted,
    RunClosed,
    RunOpened,
    StepEnded,
    StepStarted,
    TaskRead,
)
from peal.record.journal import Journal, open_journal
from peal.system.layout import RepoPaths

SHARED = "commit = false\n"
"""Settings by which all work in the one tree and nothing is committed; what comes first in `peal.toml`."""
NOOP = SHARED + '[agents.noop]\ncommand = ["true"]\n'
"""An agent that does nothing, there."""
PHASES = ("plan", "execute", "address")
"""Those of a task in the shared tree."""
_BODY = """
Look up where the limit is set and write the new one there. Keep the order of the entries.

```sh
printf '%s\\n' "{number}" >>limits.txt
```
"""


def one_liners(tasks: int, parallel: bool = True) -> str:
    """A plan of headings only."""
    mark = " (parallel)" if parallel else ""
    return "# A plan\n\n" + "\n".join(f"## Task {n}{mark}: Number {n}\n" for n in range(1, tasks + 1))


def written_out(tasks: int) -> str:
    """A plan whose tasks have a short text and a block each."""
    return "# A plan\n\n" + "\n".join(
        f"## Task {n}: Number {n}\n{_BODY.format(number=n)}" for n in range(1, tasks + 1)
    )


def scripts(*bodies: str, then: str = "") -> str:
    """A plan for the agent `shell`: parallel tasks, and one that comes after them all."""
    tasks = [_scripted(f"Task {n} (parallel)", body) for n, body in enumerate(bodies, 1)]
    last = [_scripted(f"Task {len(bodies) + 1}", then)] if then else []
    return "# A plan\n\n" + "\n".join(tasks + last)


def _scripted(heading: str, body: str) -> str:
    return f"## {heading}: Some work\n\n```sh\n{body}\n```\n"


def reviewed_by(command: str) -> str:
    """Settings with a reviewer."""
    return f"[[reviewers]]\nname = 'check'\ncommand = '{command}'\n"


def open_memory(repository: Path, plan: Plan) -> Journal:
    """The memory of the plan in a repository's `plan.md`, as a run opens it."""
    file, places = repository / "plan.md", RepoPaths(repository.resolve())
    tasks = (TaskRead(task.id, task.title, task.digest, task.parallel, task.done) for task in plan.tasks)
    places.prepare()
    return open_journal(
        places.plan(file), PlanRead(1.0, tuple(tasks), places.plan_key(file), str(places.repo))
    )


def remember_as_done(repository: Path) -> None:
    """Write the memory of a run in which every task of `plan.md` was done, through peal's own journal."""
    plan = formats.parse((repository / "plan.md").read_bytes(), "plan.md")
    memory = open_memory(repository, plan)
    memory.append(opened(str(repository)))
    memory.append(*(event for task in plan.tasks for event in _done(task.id)))
    memory.append(RunClosed(3.0, 0, "everything asked for is done"))
    memory.close()


def opened(repository: str, max_parallel: int = 1) -> RunOpened:
    """A run of `plan.md` by the agent that does nothing was asked for."""
    agents = ("noop",)
    phases = tuple(evolve(phase, agents=agents) for phase in PLAN_PHASES if phase.kind is not Kind.LAND)
    return RunOpened(
        1.0, "0123456789ab", "plan.md", repository, 4711, "01234567:4711", ("peal", "run", "plan.md"),
        {"agent": "noop"}, Rules(max_parallel), {PIPELINE: Pipeline(phases)},
    )  # fmt: skip


def _done(task: TaskId) -> list[Event]:
    """Everything that happens to a task without a hitch."""
    return [event for phase in PHASES for event in passed(task, phase)]


def passed(task: TaskId, phase: str) -> list[Event]:
    """One phase without a hitch; in `address` there is nobody to start."""
    start, *process = _begun(task, phase)
    return [start, *process, StepEnded(2.0, task, phase, 1, Outcome(Result.PASSED))]


def _begun(task: TaskId, phase: str) -> list[Event]:
    """One phase up to where an agent works."""
    if phase == "address":
        return [StepStarted(2.0, task, phase, 1, "")]
    return [
        StepStarted(2.0, task, phase, 1, "noop"),
        ProcessStarted(2.0, task, phase, 1, 4711, "01234567:4711"),
    ]
