"""How far a task has come: its attempts, its change as commits, what it waits for, and why it goes no further."""

from collections.abc import Mapping

from attrs import field

from peal.classes import frozen
from peal.model.plan import TaskId
from peal.model.review import Finding, Round
from peal.model.work import NO_CHANGE, Change, Outcome, Result
from peal.record.events import TaskRead

DONE = "done"
"""The standing of a task that is complete."""


@frozen(
    slots=False
)  # each event of a journal makes it anew, and `evolve` copies what has no slots in one step
class Attempt:
    """An attempt as remembered; `ended` and `outcome` are None while it runs."""

    task: TaskId
    """The task's id when the attempt was made: its folder is named after it."""
    phase: str
    number: int
    agent: str
    started: float
    ended: float | None = None
    outcome: Outcome | None = None
    workspace: str = ""
    """The worktree it worked in."""
    base: str = ""
    """The commit that the worktree was on when it began."""
    machine: str = ""
    """Where its programs run, if that is not here."""

    @property
    def result(self) -> Result | None:
        """How it ended; None while it runs."""
        return self.outcome.result if self.outcome else None


@frozen
class Wait:
    """How the next phase was put off by a provider or by a usage limit."""

    times: int = 0
    """How often in a row, in the same way."""
    way: Result | None = None
    """A limit is nobody's failure, so the one does not count as the other."""
    until: float = 0.0
    """When the next phase may be tried again, in wall-clock seconds."""
    needs_agent: bool = False
    """The next phase has come to a point where nothing goes on without an agent, and none was free."""


@frozen(slots=False)  # for the same reason
class TaskState:
    """One task's way through its phases."""

    task: TaskRead
    next: str | None
    """The phase to do; None once the task is complete."""
    attempts: tuple[Attempt, ...] = ()
    earlier: int = 0
    """How many of these were made before the task had failed for good, or was to be done again."""
    running: Attempt | None = None
    has_begun: bool = False
    """Something was done for the task, in this run or an earlier one, that still counts."""
    failures: int = 0
    """Failed attempts at the next phase in this run."""
    conflicts: int = 0
    """How often in this run the change could not be merged."""
    clashed: bool = False
    """The change could not be merged, and has not been made anew since."""
    wait: Wait = Wait()
    change: Change = NO_CHANGE
    seen: tuple[Round, ...] = ()
    """The rounds of mending in this run."""
    dismissed: Mapping[str, Finding] = field(factory=dict)
    """What was dismissed of this change, by fingerprint."""
    findings: tuple[Finding, ...] = ()
    """What the reviewers still found when the task was let through."""
    notes: tuple[str, ...] = ()
    """What attempts since `peal run` have noted, each thing once."""
    failed: str | None = None
    """Why the task has failed in this run."""
    held: str | None = None
    """What of the person's own is in the way of the landing in this run."""
    completed_at: float | None = None

    @property
    def is_complete(self) -> bool:
        """Everything asked of the task is done, here or by the word of a person or the plan."""
        return self.next is None or self.task.done

    @property
    def is_stuck(self) -> bool:
        """It has failed in this run, or waits for the person."""
        return self.failed is not None or self.held is not None

    @property
    def is_blocked(self) -> bool:
        """What it has stopped at in this run is no failure: a person has to say something first."""
        last = self.last()
        return bool(self.failed is not None and last and last.outcome and last.outcome.is_question)

    @property
    def is_settled(self) -> bool:
        """Nothing more happens to the task in this run."""
        return self.is_complete or self.is_stuck

    def last(self) -> Attempt | None:
        """The latest attempt that ended."""
        return self.attempts[-1] if self.attempts else None

    def failure(self, phase: str) -> Attempt | None:
        """The attempt at this phase whose failure nothing has made good yet; being cut short or put off does not count."""
        for past in reversed(self.attempts):
            if past.result is None or past.phase != phase:
                return None
            if past.result.is_failure:
                return past
            if past.result not in _NEITHER:
                return None
        return None


_NEITHER = (Result.INTERRUPTED, Result.TRANSIENT, Result.LOST, Result.LIMITED, Result.STOPPED, Result.HELD)
"""Ends of an attempt that neither fail it nor make a failure good."""
