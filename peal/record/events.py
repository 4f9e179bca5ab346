"""The facts a run is made of, past tense, and their one written form."""

from functools import cache
from json import JSONEncoder
from typing import TYPE_CHECKING, Any

from attrs import field

from peal.classes import frozen
from peal.model.agent import Usage
from peal.model.decision import Rules
from peal.model.pipeline import PIPELINE, Kind, Pipeline
from peal.model.plan import TaskId, id_as_json, id_from_json
from peal.model.work import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs import Converter


@frozen
class TaskRead:
    """A task as one reading of the plan saw it."""

    id: TaskId
    title: str
    digest: str
    parallel: bool
    done: bool
    pipeline: str = PIPELINE
    """Its phases, by the name that they have when a run opens."""
    after: tuple[TaskId, ...] = ()
    """What has to have landed before it begins; none where the order of the plan says so."""
    section: int = 0
    """The part of the plan that it stands in: neighbours of two parts are never side by side."""


@frozen
class RunOpened:
    """A person asked for a run; what went before counts as memory, not as part of it."""

    at: float
    run: str
    plan: str
    repo: str
    pid: int
    birth: str
    command: tuple[str, ...]
    flags: dict[str, Any]
    rules: Rules
    pipelines: dict[str, Pipeline] = field(factory=dict)
    """The phases of tasks, by the name of their pipeline; that of tasks without one is `PIPELINE`."""
    selected: tuple[TaskId, ...] | None = None
    branch: str = ""
    """The branch that results land in; empty where peal does not commit."""
    branch_at: str = ""
    """The commit that this branch was on then; empty in what older peals wrote."""
    branch_is_named: bool = False
    """It was asked for by its name, whatever is checked out."""
    resumed: bool = False
    """It goes on with the run before: what that has spent counts too."""
    try_now: bool = False
    """Usage limits that earlier runs have met are taken for reset."""
    session: str = ""
    """What one peal works at, which may be several plans: their spending counts together."""
    format: str = ""
    """In which format the plan was read; empty in what older peals wrote."""
    is_open_ended: bool = False
    """Its tasks come while it goes on: it is over when it says so, whatever is left of them."""
    sandbox: tuple[str, ...] = ()
    """What its programs were started in; empty for none."""


@frozen
class PlanRead:
    """The plan's text was read and differs from the reading before, if there was one."""

    at: float
    tasks: tuple[TaskRead, ...]
    plan: str = ""
    """The plan's path relative to the repository, absolute if it lies outside."""
    repo: str = ""
    known_as: tuple[TaskId | None, ...] | None = None
    """
    For each task the id it had in the reading before, None for a new one. Without it, as in older journals, those
    with the same text are given out in order.
    """


@frozen
class TasksAdded:
    """There is more to do than there was, or it has other phases now; what was done for a task that is known counts on."""

    at: float
    tasks: tuple[TaskRead, ...]


@frozen
class PlanRewritten:
    """An agent has made the plan of a file that was none, for the run that is opened next."""

    at: float
    agent: str
    usage: tuple[Usage, ...] = ()
    """What that has used, model by model."""


@frozen
class StepStarted:
    """An attempt was handed to a worker."""

    at: float
    task: TaskId
    phase: str
    attempt: int
    agent: str


@frozen
class WorkspaceReady:
    """An attempt has a worktree to work in, clean and on the commit `base`."""

    at: float
    task: TaskId
    phase: str
    attempt: int
    path: str
    base: str


@frozen
class ProcessStarted:
    """An attempt's process exists; `birth` tells it from a later process with the same number."""

    at: float
    task: TaskId
    phase: str
    attempt: int
    pid: int
    birth: str
    machine: str = ""
    """Where it runs, if that is not here; its number then says nothing."""


@frozen
class StepEnded:
    """An attempt is over."""

    at: float
    task: TaskId
    phase: str
    attempt: int
    outcome: Outcome


@frozen
class TasksForgotten:
    """These tasks are to be done again, from `phase` on."""

    at: float
    tasks: tuple[TaskId, ...]
    phase: str
    why: str


@frozen
class TasksMarkedDone:
    """These tasks count as complete though no attempt here says so."""

    at: float
    tasks: tuple[TaskId, ...]
    why: str


@frozen
class StopAsked:
    """Nothing more is to start; what runs is being ended. `code` is the exit code it leads to."""

    at: float
    code: int
    why: str


@frozen
class RunClosed:
    """The run ended by its own decision."""

    at: float
    code: int
    why: str


Event = (
    RunOpened
    | PlanRead
    | TasksAdded
    | PlanRewritten
    | StepStarted
    | WorkspaceReady
    | ProcessStarted
    | StepEnded
    | TasksForgotten
    | TasksMarkedDone
    | StopAsked
    | RunClosed
)

KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        RunOpened,
        PlanRead,
        TasksAdded,
        PlanRewritten,
        StepStarted,
        WorkspaceReady,
        ProcessStarted,
        StepEnded,
        TasksForgotten,
        TasksMarkedDone,
        StopAsked,
        RunClosed,
    )
}


@cache
def converter() -> "Converter":
    """The one cattrs converter for everything peal writes as JSON; made late because importing cattrs is dear."""
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
    from cattrs.preconf.json import make_converter

    # Not detailed: that would tell in many words where a record is wrong, and take a fifth longer for all that are right.
    made = make_converter(omit_if_default=True, detailed_validation=False)
    made.register_structure_hook(TaskId, lambda value, _: id_from_json(value))
    made.register_unstructure_hook(TaskId, id_as_json)
    # What older peals have written, and read: a task was known by its number, and that was its `index`.
    as_index = override(rename="index")
    made.register_structure_hook(TaskRead, make_dict_structure_fn(TaskRead, made, id=as_index))
    made.register_unstructure_hook(
        TaskRead, make_dict_unstructure_fn(TaskRead, made, _cattrs_omit_if_default=True, id=as_index)
    )
    return made


as_json = JSONEncoder(separators=(",", ":")).encode
"""
Compact JSON, ASCII only: a path that is no UTF-8 survives it. One encoder made once, because `json.dumps` with
options makes one per call.
"""


def written(event: Event) -> dict[str, Any]:
    """An event as plain JSON values; what equals its default is left out."""
    return {"event": type(event).__name__, **converter().unstructure(event)}


def read(record: dict[str, Any]) -> Event:
    """The event that `written` wrote; KeyError, TypeError, ValueError or a cattrs error for anything else."""
    kind, structure = _reader(record["event"])
    if kind is RunOpened and "limits" in record:
        record = _renewed(record)
    event: Event = structure(record, kind)
    return event


def _renewed(opened: dict[str, Any]) -> dict[str, Any]:
    """A run as it was opened before phases had names and pipelines: what they ask for stood among its limits."""
    limits = opened.pop("limits")
    agents, lands = limits.pop("agents", {}), limits.pop("lands", False)
    retries = {name: limits.pop(f"{name}_retry_count", 0) for name in ("plan", "execute", "address")}
    kinds = {"plan": Kind.READ, "execute": Kind.WRITE, "address": Kind.REVIEW}
    phases: list[dict[str, Any]] = [
        {"name": name, "kind": kind, "retries": retries[name], "agents": agents.get(name) or [""]}
        for name, kind in kinds.items()
    ]
    if lands:
        phases.append({"name": "land", "kind": Kind.LAND, "retries": retries["address"]})
    budget = {name: limits.pop(name) for name in ("max_cost", "max_tokens") if name in limits}
    pipelines = {PIPELINE: {"phases": phases}}
    return {**opened, "rules": {**limits, "budget": budget}, "pipelines": pipelines}


@cache
def _reader(name: str) -> "tuple[type, Callable[[Any, Any], Any]]":
    """A kind of event and how it is read; asked of the converter once instead of a hundred thousand times."""
    return KINDS[name], converter().get_structure_hook(KINDS[name])
