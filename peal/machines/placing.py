"""Which machine takes the next attempt: one that is there, has the agent and a free place for it, and the least to do."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from attrs import field

from peal.classes import define, frozen


@frozen
class Offer:
    """What a machine takes."""

    name: str
    places: Mapping[str, int] = field(factory=dict)
    """How many attempts of each agent at once; empty for any agent, as many as there are."""

    def takes(self, agent: str, running: int) -> bool:
        """Whether one more fits beside those of this agent that run there."""
        return not self.places or running < self.places.get(agent, 0)


@define
class Placing:
    """Who is where; not for several threads at once."""

    offers: Sequence[Offer]
    _running: Counter[tuple[str, str]] = field(factory=Counter)
    """By machine and agent."""

    def may_take(self, agent: str, machine: str) -> bool:
        """Whether a machine takes this agent at all."""
        return any(offer.takes(agent, 0) for offer in self.offers if offer.name == machine)

    def take(self, agent: str, usable: Collection[str], first: str = "") -> str | None:
        """The machine for an attempt with this agent, of those that can be used, rather the `first`; None while there is none."""
        free = [
            offer.name
            for offer in self.offers
            if offer.name in usable and offer.takes(agent, self._running[offer.name, agent])
        ]
        chosen = first if first in free else min(free, key=self._load, default=None)
        if chosen is not None:
            self._running[chosen, agent] += 1
        return chosen

    def give_back(self, agent: str, machine: str) -> None:
        """An attempt there is over."""
        self._running[machine, agent] -= 1

    def _load(self, machine: str) -> int:
        return sum(count for (name, _), count in self._running.items() if name == machine)
