"""Which commits of a branch are those of plans, and which are somebody else's; pure."""

from collections.abc import Iterable

from peal.classes import frozen
from peal.model.work import Change
from peal.record.events import Event, PlanRead, RunOpened, StepEnded
from peal.record.history import fold
from peal.text.display import harmless


@frozen
class Commit:
    """A commit of a branch."""

    id: str
    subject: str
    author: str = ""
    plan: str = ""
    """As its trailer `Peal-Plan` names it."""
    task: str = ""
    """As its trailer `Peal-Task` names it."""


@frozen
class Own:
    """What a plan has brought, in all of its runs."""

    commits: frozenset[str] = frozenset()
    plans: frozenset[str] = frozenset()
    """What it was called, as trailers have it."""

    def has(self, commit: Commit) -> bool:
        """Whether a commit is the plan's: one that is remembered, or that says so, as what was rebased since still does."""
        return commit.id in self.commits or (bool(commit.task) and commit.plan in self.plans)


def own_of(events: Iterable[Event]) -> Own:
    """What a plan has brought by its journal."""
    events = tuple(events)
    named = [event.plan for event in events if isinstance(event, RunOpened | PlanRead) and event.plan]
    made = [event.outcome.commit for event in events if isinstance(event, StepEnded)]
    changes: Iterable[Change] = (state.change for state in fold(events).states.values())
    kept = [commit for change in changes for commit in change.commits]
    return Own(frozenset(filter(None, (*made, *kept))), frozenset(map(harmless, named)))


def strangers(commits: Iterable[Commit], own: Iterable[Own]) -> list[Commit]:
    """Those that belong to none of the plans."""
    plans = tuple(own)
    return [commit for commit in commits if not any(one.has(commit) for one in plans)]
