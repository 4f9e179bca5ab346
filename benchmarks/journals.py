"""How long attempts took, as the journal has it."""

from statistics import median

from benchmarks.ground import Repository
from peal.model.plan import TaskId
from peal.record import journal
from peal.record.events import StepEnded, StepStarted


def attempt_time(repository: Repository) -> float:
    """The median of all attempts at `execute`, in milliseconds."""
    (path,) = repository.path.glob(".peal/plan-*/journal.jsonl")
    began: dict[TaskId, float] = {}
    took: list[float] = []
    for event in journal.load(path).events:
        match event:
            case StepStarted(phase="execute"):
                began[event.task] = event.at
            case StepEnded(phase="execute"):
                took.append(event.at - began[event.task])
    return median(took) * 1000
