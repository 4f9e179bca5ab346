"""An item that a person puts on to another phase of its pipeline."""

from attrs import evolve

from peal.backlog.item import Item, Pool
from peal.errors import PealError
from peal.settings import PipelineSettings
from peal.text.display import harmless, some

_SHOWN = 9
_WAYS = {
    "new": "a run triages it",
    "ready": "a run begins it",
    "blocked": "`peal backlog unblock` first",
}
"""What leads on from a status in which there is no phase to leave."""


def advanced(item: Item, pipeline: PipelineSettings, to: str | None, at: str) -> Item:
    """
    The item at its next phase, or at the one that is named, in the list that it is in.

    PealError, with what is possible, if it is in no phase, or there is none behind its own, or none of that name.
    """
    pool, names = _phases(item, pipeline)
    if to is None:
        to = _next(item, names)
    if to not in names:
        listed = some(names, _SHOWN) or "none"
        raise PealError(
            f"`{harmless(to)}` is no phase in which {item.id} can be: it is {item.status}; choose one of {listed}"
        )
    return evolve(item, phase=to, pool=pool, updated=at)


def _phases(item: Item, pipeline: PipelineSettings) -> tuple[Pool, tuple[str, ...]]:
    if item.status == "scoping":
        return "pre", tuple(phase.name for phase in pipeline.pre_phases)
    if item.status == "in_progress":
        return "main", tuple(phase.name for phase in pipeline.phases)
    way = _WAYS.get(item.status, "nothing comes after that")
    raise PealError(f"cannot advance {item.id}: it is {item.status}, not scoping or in_progress; {way}")


def _next(item: Item, names: tuple[str, ...]) -> str:
    listed = some(names, _SHOWN) or "none"
    if item.phase and item.phase not in names:
        raise PealError(
            f"cannot advance {item.id}: its phase `{harmless(item.phase)}` is none of {listed}; name one with --to"
        )
    place = names.index(item.phase) + 1 if item.phase else 0
    if place == len(names):
        way = (
            f"`peal backlog advance {item.id} --to PHASE` goes back to one of {listed}"
            if names
            else "a run makes it ready"
        )
        raise PealError(f"cannot advance {item.id}: there is no phase after `{harmless(item.phase)}`; {way}")
    return names[place]
