"""What is to be done now, or why a run is over; and the rules by which that is decided."""

from attrs import field, frozen

from peal.model.pipeline import Phase
from peal.model.work import Step


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
