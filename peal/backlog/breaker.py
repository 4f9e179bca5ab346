"""When so much goes wrong in a row that it is not an item's fault; pure."""

from typing import Literal

from attrs import evolve

from peal.classes import frozen
from peal.text.display import count

Event = Literal["succeeded", "blocked", "exhausted", "system_failure", "auto_advanced"]
"""
What a phase comes to: it did what it was to, or a part of it; its agent asks for a person; its retries are used up; nothing
came of it for which the item could be blamed, as its agent did not start, was not let in or left no result. And a blocked
target is left behind.
"""


@frozen
class Breaker:
    """How often in a row things went wrong, and when that ends a run."""

    max_system_failures: int = 2
    max_exhausted: int = 2
    system_failures: int = 0
    """Across all items; only an agent's answer says that the machine works."""
    exhausted: int = 0
    """Items in a row whose retries are used up."""

    def after(self, event: Event) -> "Breaker":
        """The counts after something has happened."""
        match event:
            case "succeeded" | "blocked":
                return evolve(self, system_failures=0, exhausted=0)
            case "exhausted":
                return evolve(self, exhausted=self.exhausted + 1)
            case "system_failure":
                return evolve(self, system_failures=self.system_failures + 1)
            case "auto_advanced":  # targets have nothing to do with each other; the machine is the same
                return evolve(self, exhausted=0)

    @property
    def tripped(self) -> str:
        """Why no more phases begin; empty as long as they may."""
        if self.system_failures >= self.max_system_failures:
            return f"{count(self.system_failures, 'failure')} in a row to get an answer from an agent"
        if self.exhausted >= self.max_exhausted:
            return f"the retries of {count(self.exhausted, 'item')} in a row are used up"
        return ""
