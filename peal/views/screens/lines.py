"""A run as lines: for people, files and pipes in words, for programs in JSON."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from attrs import field

from peal.classes import define
from peal.model.decision import Decision, Reason
from peal.record.events import Event, StepEnded, written
from peal.record.history import History
from peal.text.display import harmless
from peal.views.screens import Output
from peal.views.status import event_line, reason_line


def stamped(event: Event, history: History, label: str = "") -> str | None:
    """An event as a line that begins with its time of day, then `label`; None if it is not worth one."""
    line = event_line(event, history)
    return f"{_time_of(event)} {label}{line}" if line else None


def noted(events: Sequence[Event], told: set[str], label: str = "") -> list[str]:
    """What attempts that ended have noted, as lines; what is in `told` has been said, and is told once only."""
    lines = []
    for event in (event for event in events if isinstance(event, StepEnded)):
        news = [note for note in event.outcome.notes if note not in told]
        told.update(news)
        lines += [f"{_time_of(event)} {label}task {event.task}: {harmless(note)}" for note in news]
    return lines


def _time_of(event: Event) -> str:
    return time.strftime("%H:%M:%S", time.localtime(event.at))


def safe(text: str) -> str:
    """A line that no terminal obeys, its indentation kept."""
    shown = text.lstrip(" ")
    return " " * (len(text) - len(shown)) + harmless(shown)


@define
class Lines:
    """One plain line per event: for files, pipes and CI."""

    out: Output
    explaining: bool = False
    quiet: bool = False
    label: str = ""
    """Before what is told of a plan, where several are at work."""
    _explained: tuple[Reason, ...] = ()
    _asleep: tuple[Reason, ...] = ()
    _noted: set[str] = field(factory=set)

    def say(self, text: str) -> None:
        """One line."""
        self.out.put(safe(text))

    def decided(self, decision: Decision) -> None:
        """Each reason as a line, when asked to and when it is news; and what a run that sleeps waits for."""
        asleep = decision.reasons if decision.wake_at and not decision.start else ()
        for reason in asleep if not self.explaining and not self.quiet else ():
            if reason not in self._asleep and reason.is_wait:
                self.out.put(f"{self.label}{reason_line(reason.tasks, str(reason))}")
        self._asleep = asleep
        if self.explaining:
            for reason in decision.reasons:
                if reason not in self._explained:
                    self.out.put(f"  {self.label}because {reason_line(reason.tasks, str(reason))}")
            self._explained = decision.reasons

    def show(self, events: Sequence[Event], history: History) -> None:
        """A line for each event that is worth one, and for each thing that is noted first."""
        for event in events if not self.quiet else ():
            if line := stamped(event, history, self.label):
                self.out.put(line)
            for text in noted((event,), self._noted, self.label):
                self.out.put(text)

    def woken_by(self, wake: Callable[[], None]) -> None:
        """Nobody types at a line."""

    def due(self) -> float | None:
        """Never."""
        return None

    def close(self) -> None:
        """Nothing to put back."""


@define
class JsonLines:
    """Every event as one line of JSON, in the journal's own words."""

    out: Output
    plan: str = ""
    """Told with each, where there are several plans."""

    def say(self, text: str) -> None:
        """What is said to people."""
        self.tell({"event": "Said", "text": text})

    def tell(self, record: dict[str, Any]) -> None:
        """One line."""
        named = {**record, "plan": self.plan} if self.plan else record
        self.out.put(json.dumps(named, ensure_ascii=False))

    def decided(self, decision: Decision) -> None:
        """Decisions are no events."""

    def show(self, events: Sequence[Event], history: History) -> None:  # noqa: ARG002
        """A line for each."""
        for event in events:
            self.tell(written(event))

    def woken_by(self, wake: Callable[[], None]) -> None:
        """Nobody types at a line."""

    def due(self) -> float | None:
        """Never."""
        return None

    def close(self) -> None:
        """Nothing to put back."""
