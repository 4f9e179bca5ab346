"""The nouns that several rooms share: plain frozen values, no behaviour beyond what they derive from themselves."""

import hashlib
import re
from collections.abc import Iterable
from enum import Enum, StrEnum
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path

from attrs import field, frozen

_TICK = re.compile(r"\[[xX]\]")


class Phase(StrEnum):
    """The stages of a task, in order."""

    PLAN = "plan"
    EXECUTE = "execute"
    ADDRESS = "address"
    LAND = "land"
    """Only where peal commits: the verified result enters the branch. No agent takes part."""

    @property
    def next(self) -> "Phase | None":
        """The phase after this one; None after the last."""
        return _NEXT.get(self)

    def comes_after(self, other: "Phase") -> bool:
        """Whether a task reaches `other` first."""
        phases = list(Phase)
        return phases.index(self) > phases.index(other)


_NEXT = dict(pairwise(Phase))
AGENT_PHASES = (Phase.PLAN, Phase.EXECUTE, Phase.ADDRESS)
"""The phases in which an agent may work."""


@frozen
class Task:
    """One piece of work of a plan."""

    index: int
    title: str
    body: str
    parallel: bool = False
    done: bool = False
    """Ticked off in the plan itself: never run."""
    after: tuple[int, ...] = ()
    """Tasks that the text says must come first; the plan's order has to keep it."""
    line: int = 0
    """Where the task begins in its file, counted from 1."""

    @property
    def id(self) -> str:
        """The task's name towards people and scripts."""
        return str(self.index)

    @property
    def digest(self) -> str:
        """Tells whether the text is still the same; does not depend on number, place or marks, ticked steps included."""
        text = _TICK.sub("[ ]", f"{self.title}\0{self.body}")
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@frozen
class Segment:
    """What the plan's order allows at once: one task, or neighbours that are all marked `(parallel)`."""

    tasks: tuple[int, ...]

    @property
    def kind(self) -> str:
        """`sequential` or `parallel`; a parallel run of one is sequential."""
        return "parallel" if len(self.tasks) > 1 else "sequential"


@frozen
class Problem:
    """Something in a plan file that a person should look at."""

    line: int
    message: str


@frozen
class Plan:
    """A plan as read; fit to run only without `problems`."""

    path: str
    format: str
    tasks: tuple[Task, ...]
    context: str = ""
    """What stands outside all tasks; agents get it beside their task."""
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Maximal runs of neighbouring parallel tasks, and every other task by itself."""
        return segments_of((task.index, task.parallel) for task in self.tasks)


def segments_of(marks: Iterable[tuple[int, bool]]) -> tuple[Segment, ...]:
    """The segments of tasks given in order as their number and whether they are marked `(parallel)`."""
    found: list[Segment] = []
    for parallel, run in groupby(marks, key=itemgetter(1)):
        indices = tuple(index for index, _ in run)
        found += [Segment(indices)] if parallel else [Segment((index,)) for index in indices]
    return tuple(found)


@frozen
class Step:
    """One phase of one task: what the scheduler starts."""

    task: int
    phase: Phase

    def __str__(self) -> str:
        return f"task {self.task} {self.phase}"


@frozen
class Limits:
    """The rules of a run that decide what may start and what has failed."""

    max_parallel: int = 1
    """Steps at once; 1 is one task after another."""
    plan_retry_count: int = 0
    execute_retry_count: int = 0
    address_retry_count: int = 0
    continue_with_remaining_tasks: bool = False
    max_consecutive_task_failures: int | None = None
    lands: bool = False
    """Tasks work in worktrees and end with `land`; otherwise `address` is the last phase."""
    as_ready: bool = False
    """`address` of a task starts as soon as its own `execute` is done, not when the whole segment's is."""
    conflict_retry: int = 1
    """How often a task whose change could not be merged is carried out anew on what landed meanwhile."""
    transient_retry_count: int = 10
    """How often in a row a provider may be unable to serve a step before that counts as a failed try."""
    agents: dict[Phase, tuple[str, ...]] = field(factory=dict)
    """Who may work in each phase: the first whose usage limit is not reached."""
    wait: bool = True
    """Sleep until a usage limit is reset; otherwise the run is paused."""
    max_cost: float | None = None
    """US dollars after which no agent is asked any more."""
    max_tokens: int | None = None
    """Tokens after which no agent is asked any more."""
    continue_session: bool = False
    """`execute` and `address` go on in the session of the phase before, where the agent can."""

    def retry_count(self, phase: Phase) -> int:
        """How often a failed step of this phase is tried again."""
        counts = {Phase.PLAN: self.plan_retry_count, Phase.EXECUTE: self.execute_retry_count}
        return counts.get(phase, self.address_retry_count)


@frozen
class Usage:
    """What an attempt has used of one model; each token counts once."""

    model: str = ""
    """As the agent calls it; empty if it does not say."""
    input: int = 0
    """Tokens read afresh."""
    cached: int = 0
    """Tokens read from the provider's cache."""
    written: int = 0
    """Tokens read and put into that cache, where they are told apart from `input`."""
    output: int = 0
    """Tokens written, thoughts included."""
    cost: float | None = None
    """US dollars; None if unknown."""

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input + self.cached + self.written + self.output


@frozen
class Halt:
    """Why a run is over, and the exit code that says so."""

    code: int
    why: str


@frozen
class Reason:
    """Why a decision treats these tasks as it does."""

    tasks: tuple[int, ...]
    text: str


@frozen
class Decision:
    """What the loop is to do now."""

    start: tuple[Step, ...] = ()
    halt: Halt | None = None
    wake_at: float | None = None
    """When something that waits now may go on, in wall-clock seconds."""
    reasons: tuple[Reason, ...] = ()
    concurrent: bool = False
    """Whether the started steps share the workspace with others."""
    segment: int = 0
    """Segments before this one are over and need no further look in this run."""


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
    LIMITED = "limited"
    """The agent's usage limit is reached: everything that needs this agent waits, and not a failure."""
    STOPPED = "stopped"
    """The agent cannot work at all: not logged in, or set up wrongly. The run is ended, for a person to mend it."""

    @property
    def is_failure(self) -> bool:
        """Counts as a failed try of its step."""
        return self in _FAILURES


_FAILURES = frozenset(
    {Result.FAILED, Result.REFUSED, Result.TOO_LONG, Result.HUNG, Result.FLOODED, Result.REJECTED}
)


class Severity(StrEnum):
    """How much a finding weighs, the most first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    def weighs_as_much_as(self, other: "Severity") -> bool:
        """Whether it weighs no less than `other`."""
        weights = list(Severity)
        return weights.index(self) <= weights.index(other)


@frozen
class Finding:
    """One thing a reviewer reports."""

    reviewer: str
    message: str
    path: str = ""
    """The file it is about, relative to the change's folder; empty if it is about no file."""
    line: int = 0
    """The line it is about, counted from 1; 0 if it is about none."""
    rule: str = ""
    """What the reviewer calls this kind of finding."""
    severity: Severity = Severity.ERROR
    context: str = ""
    """The text of that line, without blanks around it."""
    suggestion: str = ""
    """How the reviewer would mend it."""
    id: str = ""
    """What the reviewer calls this very finding."""
    may_dismiss: bool = False
    """Whether an agent's word is enough to pass over it."""
    dismissed: str = ""
    """Why it is passed over: one of `DISMISSALS`, with the agent's own words behind it; empty if it stands."""

    @property
    def fingerprint(self) -> str:
        """Equal for the same finding seen again: lines, and numbers in what is said, may have moved."""
        said = re.sub(r"\d+", "0", self.message)
        parts = (self.reviewer, self.path, self.rule, said, self.context)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


DISMISSALS = ("false_positive", "already_correct", "wrong_suggestion", "out_of_scope")
"""Why a finding may be passed over."""


@frozen
class Round:
    """What reviewers found in one look, in short: ten thousand findings need not be remembered to tell progress."""

    count: int
    digest: str
    """Equal for the same findings, in whatever order."""

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Round":
        """The round in which these were found."""
        marks = sorted(finding.fingerprint for finding in findings)
        return cls(len(marks), hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16])


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


@frozen
class Session:
    """A conversation that an agent can go on in, in the place where it began."""

    id: str
    workspace: str
    used: tuple[Usage, ...]
    """What it has used so far, for agents that report totals."""


@frozen
class Attempt:
    """One try of a step, with all that an agent is told about the tries before."""

    task: Task
    phase: Phase
    number: int
    folder: Path
    alone: bool
    """Nothing else works in the same workspace meanwhile, so changes can be told to be this attempt's."""
    plan_folder: Path | None = None
    """The attempt whose reply is the task's plan."""
    failed_before: str = ""
    """Why the attempt before this one failed."""
    failed_folder: Path | None = None
    """That attempt's folder."""
    interrupted_before: bool = False
    patch: Path | None = None
    """What that attempt had changed, where each attempt starts from a clean tree."""
    charged: frozenset[str] = frozenset()
    """Fingerprints of findings that stand against other tasks in the same tree: nobody is charged twice."""
    dismissed: frozenset[str] = frozenset()
    """Fingerprints of this task's findings that were dismissed in this run."""
    seen: tuple[Round, ...] = ()
    """The rounds of mending this task has had in this run."""
    brings: str = ""
    """The commit that `address` merges: the task's own, or the merge as mended so far; empty if nothing changed."""
    own: str = ""
    """The commit that `execute` made of the task."""
    verified: str = ""
    """The merge commit that is to land."""
    conflict: tuple[Finding, ...] = ()
    """Why the task is carried out anew: how its change clashed with what landed meanwhile."""
    agent: str = ""
    """Who is asked, if anybody is to be asked; empty if nobody may be asked now."""
    instead: Outcome | None = None
    """What comes of wanting to ask somebody when nobody may be asked."""
    session: Session | None = None
    """The conversation to go on in."""
    setbacks: int = 0
    """How often in a row the provider could not serve this step."""
    notes: tuple[str, ...] = ()
    """What the attempts before have noted."""

    @property
    def step(self) -> Step:
        """What this is a try of."""
        return Step(self.task.index, self.phase)


class Ended(StrEnum):
    """Why a process is no longer running."""

    EXITED = "exited"
    TIMED_OUT = "timed out"
    IDLE = "idle"
    FLOODED = "flooded"
    CANCELLED = "cancelled"
    OVERSTAYED = "overstayed"
    """It had said its last word and did not go away."""
    STUCK = "stuck"
    """It said that it waits for something that peal can wait for better."""


@frozen
class Ending:
    """How a process ended."""

    how: Ended
    exit_code: int
    """As the operating system tells it; minus the signal's number if a signal ended it."""
    seconds: float

    @property
    def is_clean(self) -> bool:
        """The process ended by itself and says it succeeded, or had only to be sent home."""
        return self.how is Ended.OVERSTAYED or (self.how is Ended.EXITED and self.exit_code == 0)


@frozen
class Command:
    """A process an agent wants started."""

    argv: tuple[str, ...]
    prompt_on_stdin: bool = False
    env: dict[str, str] = field(factory=dict)
    files: dict[str, str] = field(factory=dict)
    """Small files to write into the attempt's folder first; `{folder}` in `argv` names it."""


class Sign(Enum):
    """What one line of a live output tells."""

    LAST = "nothing follows; the process ought to go away"
    STUCK = "it waits for something that peal can wait for better"


class Fault(StrEnum):
    """What kind of thing an agent reports to have gone wrong."""

    FAILED = "failed"
    TOO_LONG = "too long"
    TRANSIENT = "transient"
    LIMITED = "limited"
    UNAUTHENTICATED = "not logged in"
    MISCONFIGURED = "set up wrongly"


@frozen
class Trouble:
    """What an agent reports to have gone wrong."""

    fault: Fault
    message: str
    until: float | None = None
    """When it is expected to be over, in wall-clock seconds; None if the agent does not say."""


@frozen
class Reply:
    """What an agent answered, and what it says about how it went."""

    text: str
    session: str = ""
    usage: tuple[Usage, ...] = ()
    counts_session: bool = False
    """`usage` is the whole session's, not this run's."""
    trouble: Trouble | None = None
    is_finished: bool = True
    """It came to its own end, as far as its output can tell."""
    refusals: tuple[str, ...] = ()
    """What it wanted to do and was not permitted to."""
    folder: str = ""
    """Where it says that it worked; empty if it does not say."""


@frozen
class Declined:
    """An agent has nothing it could do in this phase, and says why."""

    reason: str
