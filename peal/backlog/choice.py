"""Which items of a run may begin now, by what a person asked for and by how far that is."""

from collections.abc import Callable, Iterable, Mapping

from attrs import evolve, field

from peal.backlog.breaker import Breaker
from peal.backlog.filters import Filter, meant
from peal.backlog.item import Item
from peal.backlog.selection import Limits, Selection, View, select
from peal.backlog.tally import Tally
from peal.backlog.targets import Targets, turn
from peal.classes import define, frozen


@frozen
class Request:
    """What a person asked for of a backlog."""

    limits: Limits
    cap: int
    """How many phases may begin."""
    breaker: Breaker = field(factory=Breaker)
    only: Filter = field(factory=Filter)
    targets: Targets | None = None
    is_triage: bool = False
    """New items are triaged, and nothing else is done."""
    branch: str = ""
    """Where the items are, if that is not the branch that is checked out."""
    command: str = "peal backlog run"
    """What asks for the same again."""
    is_explained: bool = False
    """Why items wait is told all along."""


@define
class Choice:
    """Chooses for one run; what was chosen last, and what follows from that, is kept for the next time."""

    request: Request
    tally: Tally
    say: Callable[[str], None]
    passes: int = 0
    """How many phases have begun since a destructive one has been waiting."""
    selection: Selection = field(factory=Selection)
    is_capped: bool = False
    """More would begin than the cap allows."""
    halted: str = ""
    """The target whose block ends the run."""
    _targets: Targets | None = field(init=False)
    _matched: frozenset[str] = frozenset()
    """Items that the filter has matched in this run; they stay in."""

    @_targets.default
    def _targets_asked_for(self) -> Targets | None:
        return self.request.targets

    def made(self, view: View, places: int) -> list[str]:
        """The items whose next phase may begin, the best first and no more than there can be places for."""
        self.selection = select(evolve(view, mask=self._mask(view), passes=self.passes))
        left = max(self.request.cap - self.tally.begun, 0)
        self.is_capped = bool(self.selection.ready) and not left
        if self.halted or self.tally.breaker.tripped:
            return []
        return list(self.selection.ready[: min(left, max(places, 1))])

    def _mask(self, view: View) -> frozenset[str] | None:
        if self.request.is_triage:
            return frozenset(id_ for id_, item in view.items.items() if item.status == "new")
        if self._targets is not None:
            return self._target(view)
        if self.request.only.criteria:
            self._matched = meant(self.request.only, view.items.values(), self._matched)
            return self._matched
        return None

    def _target(self, view: View) -> frozenset[str]:
        assert self._targets is not None, "only with targets there is one"
        found = turn(self._targets, view, self.tally.blocked)
        self._targets, self.halted = found.targets, found.halted or self.halted
        for text in found.told:
            self.say(text)
        if found.has_advanced:
            self.tally.advanced()
        return frozenset(filter(None, [found.targets.current]))

    def begun(self) -> None:
        """One phase more has begun."""
        self.tally.begun += 1
        self.passes = self.selection.passes_after(self.passes)

    def asked_for(self, items: Mapping[str, Item]) -> list[str]:
        """The items that are meant, as far as they are there."""
        asked_for: Iterable[str] = items
        if self._targets is not None:
            asked_for = self._targets.ids
        elif self.request.only.criteria:
            asked_for = self._matched
        is_triage = self.request.is_triage
        return [id_ for id_ in asked_for if id_ in items and (not is_triage or items[id_].status == "new")]

    def known(self) -> dict[str, object]:
        """What is to be said of it at the end."""
        is_filtered = bool(self.request.only.criteria)
        return {
            "is_targeted": self._targets is not None,
            "is_triage": self.request.is_triage,
            "command": self.request.command,
            "is_explained": self.request.is_explained,
            "halted_target": self.halted,
            "only": str(self.request.only) if is_filtered else "",
            "has_matched": bool(self._matched),
            "cap": self.request.cap if self.is_capped else None,
            "branch": self.request.branch,
        }
