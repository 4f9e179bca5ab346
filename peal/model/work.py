"""What is done and what comes of it: steps, attempts, outcomes."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from pathlib import Path

from attrs import field

from peal.classes import frozen
from peal.model.agent import Session, Usage
from peal.model.phase_result import PhaseResult
from peal.model.pipeline import Phase
from peal.model.plan import Task, TaskId
from peal.model.review import Finding, Round


@frozen
class Step:
    """One phase of one task: what the scheduler starts."""

    task: TaskId
    phase: str

    def __str__(self) -> str:
        return f"task {self.task} {self.phase}"


class Result(StrEnum):
    """How an attempt ended."""

    PASSED = "passed"
    MENDED = "mended"
    """A round of `address` in which the agent worked on findings: the reviewers look again."""
    FAILED = "failed"
    REFUSED = "refused"
    """Failed: the agent was not permitted to do something it wanted to do."""
    TOO_LONG = "too long"
    """Failed: the prompt, or what the agent has gathered, is more than its model can take."""
    HUNG = "hung"
    """Failed: no output for too long."""
    FLOODED = "flooded"
    """Failed: more output than `max_output_mb`."""
    REJECTED = "rejected"
    """Failed, and trying again would change nothing: findings remain after the last round, or there is nothing to do it with."""
    INTERRUPTED = "interrupted"
    """Cut short by a person, a signal or a crash: not a failure."""
    CONFLICTED = "conflicted"
    """The change cannot be merged with what landed meanwhile, and the rounds of mending are used up."""
    OUTDATED = "outdated"
    """The branch has moved on since the change was verified: it has to be verified again on top."""
    HELD = "held"
    """The landing waits for the person, whose own work is in the way: not a failure."""
    TRANSIENT = "transient"
    """The provider could not serve just now: tried again in a while, and not a failure."""
    LOST = "lost"
    """The machine that it ran on is gone: tried again in a while, and not a failure."""
    LIMITED = "limited"
    """The agent's usage limit is reached: everything that needs this agent waits, and not a failure."""
    STOPPED = "stopped"
    """The agent cannot work at all: not logged in, or set up wrongly. The run is ended, for a person to mend it."""

    @property
    def weight(self) -> "Weight":
        """Whether it is good news, bad news or a failure."""
        return _WEIGHTS[self]

    @property
    def is_failure(self) -> bool:
        """Counts as a failed attempt at its step."""
        return self.weight is Weight.FAILURE


class Weight(Enum):
    """What an end means for the task."""

    SUCCESS = "it got on"
    NEITHER = "it did not get on, and goes on by itself"
    WARNING = "it did not get on, and a person may have to do something about it; no failure"
    FAILURE = "it counts as a failed attempt"


_WEIGHTS = {
    Result.PASSED: Weight.SUCCESS,
    Result.MENDED: Weight.SUCCESS,
    Result.INTERRUPTED: Weight.NEITHER,
    Result.OUTDATED: Weight.NEITHER,
    Result.TRANSIENT: Weight.NEITHER,
    Result.LOST: Weight.NEITHER,
    Result.LIMITED: Weight.NEITHER,
    Result.CONFLICTED: Weight.WARNING,
    Result.HELD: Weight.WARNING,
    Result.STOPPED: Weight.WARNING,
    Result.FAILED: Weight.FAILURE,
    Result.REFUSED: Weight.FAILURE,
    Result.TOO_LONG: Weight.FAILURE,
    Result.HUNG: Weight.FAILURE,
    Result.FLOODED: Weight.FAILURE,
    Result.REJECTED: Weight.FAILURE,
}


@frozen
class Outcome:
    """How an attempt ended and why, in words a person can act on."""

    result: Result
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    commit: str = ""
    """
    The commit it left: after `execute` the task's own, after a round of `address` the merge as mended so far, after
    the last one the merge that was verified, after `land` the one that is now in the branch.
    """
    agent: str = ""
    """Who was asked; empty if nobody was."""
    until: float | None = None
    """When what it waits for is expected to be over, in wall-clock seconds; of transient and limited ones."""
    session: str = ""
    """What the agent calls the conversation, to go on in it."""
    usage: tuple[Usage, ...] = ()
    """What the attempt has used, model by model."""
    round: Round | None = None
    """What was found in a round of `address`; `findings` may be the first of many."""
    dismissed: tuple[Finding, ...] = ()
    """What the agent, or a pattern, has dismissed."""
    notes: tuple[str, ...] = ()
    """What a person should know of it, however it ended: what is left out, taken away, set aside."""
    answer: PhaseResult | None = None
    """What was answered to a phase of an item, however it ended; None if there was nothing to be read."""
    is_systemic: bool = False
    """It failed for what would fail any task: a program that cannot be started, an agent that answers nothing."""
    rests_on: str = ""
    """The commit that was checked out when an item's phase began in the person's own tree; a worktree has its base."""
    is_idle: bool = False
    """An item's phase has changed nothing there, and nothing else; of a worktree its commit tells that."""

    @property
    def is_question(self) -> bool:
        """Whether a phase of an item has stopped for what a person has to say: trying again would change nothing, but it is no failure."""
        return self.result is Result.REJECTED and self.answer is not None and self.answer.result == "blocked"

    @property
    def weight(self) -> Weight:
        """Whether it is good news, bad news or a failure."""
        return Weight.WARNING if self.is_question else self.result.weight

    @property
    def name(self) -> str:
        """What people are told that it is."""
        return "blocked" if self.is_question else str(self.result)

    @property
    def is_system_failure(self) -> bool:
        """Whether the machine or the account is at fault, and not the task."""
        return self.is_systemic or self.result is Result.STOPPED


@frozen
class Change:
    """What a task has changed, as commits; each empty while there is none."""

    own: str = ""
    """What the phases that write have left; none if they changed nothing or worked in the shared tree."""
    mended: str = ""
    """The merge as the agent has mended it so far."""
    verified: str = ""
    """The merge that passed the review, and is to land."""

    @property
    def brings(self) -> str:
        """What a review has to merge; empty if there is nothing to merge."""
        return self.mended or self.own

    @property
    def commits(self) -> frozenset[str]:
        """Those that there are."""
        return frozenset(filter(None, (self.own, self.mended, self.verified)))


NO_CHANGE = Change()


@frozen
class Review:
    """What is known of the findings in a task's change."""

    seen: tuple[Round, ...] = ()
    """The rounds of mending this task has had in this run."""
    dismissed: frozenset[str] = frozenset()
    """Fingerprints of this task's findings that were dismissed in this run."""
    charged: frozenset[str] = frozenset()
    """Fingerprints of findings that stand against other tasks in the same tree: nobody is charged twice."""


@frozen
class Before:
    """What is known of the attempts before this one."""

    failure: str = ""
    """Why the attempt before this one failed."""
    question: str = ""
    """What that attempt had to ask a person, instead of failing; of phases of items."""
    folder: Path | None = None
    """The folder of the attempt that failed."""
    was_interrupted: bool = False
    patch: Path | None = None
    """What that attempt had changed, where each attempt starts from a clean tree."""
    conflict: tuple[Finding, ...] = ()
    """Why the task is carried out anew: how its change clashed with what landed meanwhile."""
    setbacks: int = 0
    """How often in a row the provider could not serve this step."""
    notes: tuple[str, ...] = ()
    """What the attempts before have noted."""


@frozen
class Answered:
    """What was answered to a phase of an item that is to land."""

    result: PhaseResult
    at: float
    """When, in wall-clock seconds."""
    base: str = ""
    """The commit that it rests on."""
    is_earlier: bool = False
    """The phase has failed for good since: an end of it may have told this already."""
    folder: Path | None = None
    """The attempt's."""


@frozen
class Order:
    """What an attempt is told: what is to be done, where, by whom, and what was done before."""

    task: Task
    phase: Phase
    number: int
    folder: Path
    alone: bool
    """Nothing else works in the same workspace meanwhile, so changes can be told to be this attempt's."""
    base: str = ""
    """The commit to begin on, where an earlier phase has changed something; empty for the newest of the branch."""
    stays: bool = False
    """The task's next phase works in the same place."""
    replies: Mapping[str, Path] = field(factory=dict)
    """Folders of the attempts whose replies this phase is given, by the names of their phases."""
    before: Before = Before()
    change: Change = NO_CHANGE
    review: Review = Review()
    agent: str = ""
    """Who is asked, if anybody is to be asked; empty if nobody may be asked now."""
    instead: Outcome | None = None
    """What comes of wanting to ask somebody when nobody may be asked."""
    session: Session | None = None
    """The conversation to go on in."""
    answered: Answered | None = None
    """What a phase before this one was answered with, where that lands with it."""

    @property
    def step(self) -> Step:
        """What this is an attempt at."""
        return Step(self.task.id, self.phase.name)
