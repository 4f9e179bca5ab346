"""What is to be done now, or why a run is over; and the rules by which that is decided."""

from attrs import field

from peal.classes import frozen
from peal.model.plan import TaskId
from peal.model.work import Step


@frozen
class Budget:
    """What may be spent before no agent is asked any more; None where there is no end to it."""

    max_cost: float | None = None
    """US dollars."""
    max_tokens: int | None = None


@frozen
class Rules:
    """The rules of a run that decide what may start and what has failed; those of a phase are in its pipeline."""

    max_parallel: int = 1
    """Steps at once; 1 is one task after another."""
    continue_with_remaining_tasks: bool = False
    max_consecutive_task_failures: int | None = None
    as_ready: bool = False
    """`address` of a task starts as soon as its own `execute` is done, not when the whole segment's is."""
    conflict_retry: int = 1
    """How often a task whose change could not be merged is carried out anew on what landed meanwhile."""
    transient_retry_count: int = 10
    """How often in a row a provider may be unable to serve a step before that counts as a failed attempt."""
    wait: bool = True
    """Sleep until a usage limit is reset; otherwise the run is paused."""
    continue_session: bool = False
    """Each phase goes on in the session of the phase before, where the agent can."""
    budget: Budget = field(factory=Budget)


@frozen
class Halt:
    """Why a run is over, and the exit code that says so."""

    code: int
    why: str


@frozen
class Reason:
    """Why a decision treats these tasks as it does."""

    tasks: tuple[TaskId, ...]
    text: str
    is_wait: bool = False
    """They may not start yet; otherwise something about them starts or goes on."""

    def __str__(self) -> str:
        return f"waits: {self.text}" if self.is_wait else self.text


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
    front: tuple[TaskId, ...] = ()
    """The tasks that are open now, or have been last: those before them are over, those behind come later."""
