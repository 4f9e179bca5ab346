"""Which phases an item goes through, and which of them comes next; pure."""

from collections.abc import Mapping

from peal.backlog.item import FINAL, Item, Pool
from peal.classes import frozen
from peal.errors import PealError
from peal.model.phase_result import TRIAGE
from peal.settings import ItemPhaseSettings, PipelineSettings
from peal.settings.pipelines import USUAL_NAME
from peal.text.display import harmless, some

_SHOWN = 5


@frozen
class ItemStep:
    """What comes next for an item."""

    phase: str
    """The name of a phase of its pipeline, or `TRIAGE`."""
    pool: Pool | None = None
    """None for triage."""
    index: int = -1
    """How far in the pipeline it is, over the phases of both pools."""
    is_destructive: bool = False


def usual(pipelines: Mapping[str, PipelineSettings]) -> str:
    """The name of the pipeline of items that name none: the only one there is, otherwise `feature`."""
    return next(iter(pipelines)) if len(pipelines) == 1 else USUAL_NAME


def pipeline_of(item: Item, pipelines: Mapping[str, PipelineSettings]) -> PipelineSettings:
    """The phases that an item goes through; PealError if the settings have no such pipeline."""
    name = item.pipeline or usual(pipelines)
    if name in pipelines:
        return pipelines[name]
    way = (
        f"the settings have {some(list(pipelines), _SHOWN)}"
        if pipelines
        else f"write `[pipelines.{USUAL_NAME}]` into `peal.toml`"
    )
    raise PealError(f"there is no pipeline `{harmless(name)}` for item {item.id}; {way}")


def phase_named(item: Item, name: str, pipelines: Mapping[str, PipelineSettings]) -> ItemPhaseSettings:
    """A phase of an item's pipeline; PealError if there is no such pipeline, KeyError if it has no such phase."""
    pipeline = pipeline_of(item, pipelines)
    return {one.name: one for one in (*pipeline.pre_phases, *pipeline.phases)}[name]


def next_step(item: Item, pipelines: Mapping[str, PipelineSettings]) -> ItemStep:
    """
    What comes next for an item that is neither blocked nor over: its phase, or the first one of its pool where it has none.

    PealError if that is not in its pipeline.
    """
    assert item.status not in ("blocked", *FINAL), "nothing comes next for such an item"
    if item.status == "new":
        return ItemStep(TRIAGE)
    pipeline = pipeline_of(item, pipelines)
    pool: Pool = "pre" if item.status == "scoping" else "main"
    phases = pipeline.pre_phases if pool == "pre" else pipeline.phases
    before = 0 if pool == "pre" else len(pipeline.pre_phases)
    wanted = "" if item.status == "ready" else item.phase
    for index, phase in enumerate(phases, before):
        if wanted in ("", phase.name):
            return ItemStep(phase.name, pool, index, phase.is_destructive)
    raise PealError(_missing(item, wanted, pool, phases))


def _missing(item: Item, wanted: str, pool: Pool, phases: tuple[ItemPhaseSettings, ...]) -> str:
    key = "pre_phases" if pool == "pre" else "phases"
    there = some([phase.name for phase in phases], _SHOWN) or "none"
    lacks = f"`{harmless(wanted)}` is not among them" if wanted else "it needs one"
    return (
        f"item {item.id} is {item.status.replace('_', ' ')} and the `{key}` of its pipeline are {there}: "
        f"{lacks}; `peal backlog advance {item.id} --to PHASE` chooses another"
    )
