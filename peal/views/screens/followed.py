"""A screen with others behind it that follow the same run."""

from collections.abc import Callable, Sequence
from typing import Protocol

from peal.classes import frozen
from peal.model.decision import Decision
from peal.record.events import Event
from peal.record.history import History
from peal.views.screens import Screen


class Follower(Protocol):
    """Is told in the main thread what happens in a run, and shows nothing of it; what it does costs next to nothing."""

    def decided(self, decision: Decision) -> None:
        """The loop is about to do this; asked in each of its turns."""

    def show(self, events: Sequence[Event], history: History) -> None:
        """These events have just been recorded."""


@frozen
class Followed:
    """The screen of a run; the followers are told after it."""

    screen: Screen
    followers: tuple[Follower, ...]

    def say(self, text: str) -> None:
        """On the screen."""
        self.screen.say(text)

    def decided(self, decision: Decision) -> None:
        """To all of them."""
        self.screen.decided(decision)
        for one in self.followers:
            one.decided(decision)

    def show(self, events: Sequence[Event], history: History) -> None:
        """To all of them."""
        self.screen.show(events, history)
        for one in self.followers:
            one.show(events, history)

    def woken_by(self, wake: Callable[[], None]) -> None:
        """The screen."""
        self.screen.woken_by(wake)

    def due(self) -> float | None:
        """When the screen wants to draw again."""
        return self.screen.due()

    def close(self) -> None:
        """The screen's; whoever has made the followers closes them."""
        self.screen.close()
