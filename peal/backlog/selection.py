"""What of the backlog may begin now, in which order, and why the rest may not; pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from attrs import field

from peal.backlog.dependencies import MISSING, unmet
from peal.backlog.item import FINAL, Item, rank
from peal.backlog.pipelines import ItemStep, next_step, pipeline_of
from peal.classes import frozen
from peal.errors import PealError
from peal.model.decision import Reason
from peal.model.phase_result import TRIAGE
from peal.model.plan import TaskId
from peal.settings import PipelineSettings
from peal.text.display import count, harmless
from peal.text.names import natural

_GROUPS = {"in_progress": 0, "ready": 0, "scoping": 1, "new": 2}
"""What is closest to its end comes first."""
_natural = lru_cache(maxsize=10_000)(natural)


@frozen
class Limits:
    """How much may be under way at once."""

    max_wip: int | None = 1
    """Items in progress; None for items that a person asks for by name."""
    destructive: Literal["alone", "isolated"] = "alone"
    max_passes: int = 8
    """How many others may begin while a destructive phase waits until nothing else runs."""
    places: int = 1
    """Phases side by side. A destructive one that could begin goes ahead of others that would leave places empty."""


@frozen
class View:
    """What is known of the backlog at a moment."""

    items: Mapping[str, Item]
    """All by id, the archived ones too: what is asked for never hides a dependency."""
    pipelines: Mapping[str, PipelineSettings]
    limits: Limits = Limits()
    running: Mapping[str, str] = field(factory=dict)
    """The phase that is under way, for each item that has one."""
    mask: Collection[str] | None = None
    """The items that may be worked on, a set where there are many; None for all."""
    held: Mapping[str, str] = field(factory=dict)
    """Why an item cannot begin now, whatever its file says."""
    passes: int = 0
    """How many others have begun since a destructive phase has been waiting."""


@frozen
class Selection:
    """What may begin now. Any number from the front of `ready` may begin at once, as far as there are places."""

    ready: tuple[str, ...] = ()
    """The items whose next phase may begin, best first."""
    reasons: tuple[Reason, ...] = ()
    """Why other open items of the mask do not begin, but for those that run; items with the same reason are together."""
    waiting: str = ""
    """The item whose destructive phase waits until nothing else runs."""

    def passes_after(self, passes: int) -> int:
        """`View.passes` for the next selection, once one of `ready` has begun."""
        return passes + 1 if self.waiting else 0


@frozen
class _Candidate:
    """An item that nothing of its own keeps from beginning."""

    item: Item
    step: ItemStep

    @property
    def name(self) -> str:
        return f"{self.item.id}/{self.step.phase}"


def select(view: View) -> Selection:
    """What may begin now, in which order, and why the rest may not."""
    candidates: list[_Candidate] = []
    waits: dict[str, str] = {}
    for item in _idle(view):
        if why := hindrance(item, view):
            waits[item.id] = why
        else:
            candidates.append(_Candidate(item, next_step(item, view.pipelines)))
    late = _over_the_limit(candidates, view)
    waits |= dict.fromkeys(late, f"at most {count(view.limits.max_wip or 0, 'item')} may be in progress")
    beside = _beside(sorted((one for one in candidates if one.item.id not in late), key=_order), view)
    waits |= beside.waits
    return Selection(tuple(one.item.id for one in beside.ready), _grouped(waits), beside.waiting)


def hindrance(item: Item, view: View) -> str:
    """What keeps an item from being worked on whatever else goes on; empty if nothing does, or if it is over."""
    if item.status in FINAL:
        return ""
    if item.blocked:
        why = f"{item.blocked.type}: {harmless(item.blocked.reason)}"
        return f"blocked by {why}; `peal backlog unblock {item.id}` lets it go on"
    return view.held.get(item.id) or _own_hindrance(item, view)


def _own_hindrance(item: Item, view: View) -> str:
    """What an item that is not blocked waits for, by its own file: another phase, or other items."""
    try:
        next_step(item, view.pipelines)
    except PealError as error:
        return str(error)
    return "; ".join(
        f"depends on {harmless(needed)}, which is {'not in the backlog' if state == MISSING else state.replace('_', ' ')}"
        for needed, state in unmet(item, view.items)
    )


def _idle(view: View) -> Iterator[Item]:
    """The open items that are meant and have no phase under way."""
    for item in view.items.values():
        is_meant = view.mask is None or item.id in view.mask
        if is_meant and item.status not in FINAL and item.id not in view.running:
            yield item


def _over_the_limit(candidates: Iterable[_Candidate], view: View) -> frozenset[str]:
    """The ready items for which too many are in progress, in the whole backlog."""
    if view.limits.max_wip is None:
        return frozenset()
    under_way = sum(_takes_a_place(item, view) for item in view.items.values())
    ready = sorted((one.item for one in candidates if one.item.status == "ready"), key=_worth)
    return frozenset(item.id for item in ready[max(view.limits.max_wip - under_way, 0) :])


def _takes_a_place(item: Item, view: View) -> bool:
    """
    Whether an item counts as in progress.

    One that waits for others does not, or they could wait for its place; nor does one that a person holds, or has to put right.
    """
    if item.id in view.held:
        return False
    if item.id in view.running:
        return item.status in ("ready", "in_progress")
    return item.status == "in_progress" and not _own_hindrance(item, view)


@frozen
class _Beside:
    """What may begin beside what runs."""

    ready: tuple[_Candidate, ...]
    waits: Mapping[str, str] = field(factory=dict)
    waiting: str = ""


def _beside(candidates: list[_Candidate], view: View) -> _Beside:
    """Which of these may begin beside what runs: a destructive phase runs alone, unless each is isolated."""
    first = next((one for one in candidates if one.step.is_destructive), None)
    if view.limits.destructive == "isolated":
        return _Beside(tuple(candidates))
    if alone := _running_alone(view):
        return _Beside((), {one.item.id: f"{alone} runs alone" for one in candidates})
    if first is None:
        return _Beside(tuple(candidates))
    others = [one for one in candidates if not one.step.is_destructive]
    passing = tuple(others[: max(view.limits.max_passes - view.passes, 0)])
    waits = {
        one.item.id: f"{first.name} comes first and runs alone" for one in candidates if one is not first
    }
    fills_places = first is not candidates[0] and len(passing) >= view.limits.places
    if not view.running and not fills_places:
        return _Beside((first,), waits)
    chosen = {one.item.id for one in passing}
    passed = f"passed {view.passes} of {view.limits.max_passes} times"
    waits = {item: why for item, why in waits.items() if item not in chosen}
    waits[first.item.id] = f"{first.step.phase} is destructive and begins when nothing else runs ({passed})"
    return _Beside(passing, waits, first.item.id)


def _running_alone(view: View) -> str:
    """The destructive phase that is under way, if there is one; one that cannot be found any more may be."""
    for item, phase in view.running.items():
        if phase != TRIAGE and _is_destructive(view.items.get(item), phase, view.pipelines):
            return f"{item}/{phase}"
    return ""


def _is_destructive(item: Item | None, phase: str, pipelines: Mapping[str, PipelineSettings]) -> bool:
    if item is None:
        return True
    try:
        pipeline = pipeline_of(item, pipelines)
    except PealError:
        return True
    phases = (*pipeline.pre_phases, *pipeline.phases)
    return next((one.is_destructive for one in phases if one.name == phase), True)


def _order(one: _Candidate) -> tuple[Any, ...]:
    """What is furthest comes first, and of those that are equally far the best."""
    return (_GROUPS[one.item.status], -one.step.index, _worth(one.item))


def _worth(item: Item) -> tuple[Any, ...]:
    """Which of two items that are equally far comes first: no two are the same."""
    age = (not item.created, item.created)
    return (-item.priority, -rank(item.impact), age, _natural(item.id), item.id)


def _grouped(waits: Mapping[str, str]) -> tuple[Reason, ...]:
    found: dict[str, list[TaskId]] = {}
    for item in sorted(waits, key=lambda id_: (_natural(id_), id_)):
        found.setdefault(waits[item], []).append(TaskId(item))
    return tuple(Reason(tuple(items), why, is_wait=True) for why, items in found.items())
