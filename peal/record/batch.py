"""How far a batch of plans is: which of them are done, have failed, are held, at work or still to come; a frozen value."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, field

from peal.classes import frozen
from peal.text.display import stamp

SCHEMA = 1


@frozen
class BatchOwner:
    """The process that carries a batch out, or did so last."""

    pid: int
    birth: str
    """When the process was started, as the system tells it: another one may have the same number later."""
    host: str


@frozen
class AtWork:
    """A plan that is at work."""

    plan: str
    since: str


@frozen
class Left:
    """A plan that has come to no good end, and why."""

    plan: str
    reason: str


@frozen
class Batch:
    """
    How far a batch is. Plans are named as in their memories: relative to the repository, or absolute outside of it.

    Each of `plans` is in exactly one of the lists `queued` to `skipped`. Moments are in ISO 8601.
    """

    session_id: str
    """The session that carries it out, or did so last."""
    owner: BatchOwner
    started_at: str
    updated_at: str
    plans: tuple[str, ...]
    """All of them, in their order."""
    queued: tuple[str, ...]
    running: tuple[AtWork, ...] = ()
    completed: tuple[str, ...] = ()
    failed: tuple[Left, ...] = ()
    held: tuple[Left, ...] = ()
    """Those that wait for a person, a limit or money."""
    skipped: tuple[str, ...] = ()
    """Those of which everything was done before their turn came."""
    with_findings: tuple[str, ...] = ()
    """Those of the completed that were let through with findings."""
    begun: tuple[str, ...] = ()
    """Those whose run goes on if they are taken up again."""
    afresh: tuple[str, ...] = ()
    """Those that are to start over when their turn comes."""
    parallel: int = 1
    """How many plans may be at work at once."""
    flags: Mapping[str, Any] = field(factory=dict)
    """What was asked for, to be asked again by `peal resume`."""
    schema_version: int = SCHEMA

    @property
    def done(self) -> tuple[str, ...]:
        """Plans with nothing left to do."""
        return self._ordered((*self.completed, *self.skipped))

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left that could be gone on with, tried again or mended."""
        return len(self.done) == len(self.plans) and not self.with_findings

    def _ordered(self, plans: Iterable[str]) -> tuple[str, ...]:
        there = frozenset(plans)
        return tuple(plan for plan in self.plans if plan in there)

    def _without(self, *plans: str) -> "Batch":
        """In no list, whatever they were."""
        return evolve(
            self,
            queued=_but(self.queued, plans),
            running=tuple(one for one in self.running if one.plan not in plans),
            completed=_but(self.completed, plans),
            failed=tuple(one for one in self.failed if one.plan not in plans),
            held=tuple(one for one in self.held if one.plan not in plans),
            skipped=_but(self.skipped, plans),
            with_findings=_but(self.with_findings, plans),
        )

    def started(self, plan: str, at: float) -> "Batch":
        """Its turn has come."""
        rest = self._without(plan)
        return evolve(rest, running=(*rest.running, AtWork(plan, stamp(at))))

    def opened(self, plan: str) -> "Batch":
        """Its run has been opened: it is gone on with from now on."""
        return evolve(self, begun=self._ordered((*self.begun, plan)), afresh=_but(self.afresh, (plan,)))

    def ended_complete(self, plan: str, with_findings: bool) -> "Batch":
        """Everything asked for is done."""
        rest = self._without(plan)
        return evolve(
            rest,
            completed=rest._ordered((*rest.completed, plan)),
            with_findings=rest._ordered((*rest.with_findings, plan)) if with_findings else rest.with_findings,
        )

    def ended_skipped(self, plan: str) -> "Batch":
        """There was nothing to do."""
        rest = self._without(plan)
        return evolve(rest, skipped=rest._ordered((*rest.skipped, plan)))

    def ended_failed(self, plan: str, reason: str) -> "Batch":
        """It has failed."""
        rest = self._without(plan)
        return evolve(rest, failed=rest._left(rest.failed, plan, reason))

    def ended_held(self, plan: str, reason: str) -> "Batch":
        """It waits for somebody."""
        rest = self._without(plan)
        return evolve(rest, held=rest._left(rest.held, plan, reason))

    def _left(self, others: Sequence[Left], plan: str, reason: str) -> tuple[Left, ...]:
        reasons = {one.plan: one for one in (*others, Left(plan, reason))}
        return tuple(reasons[plan] for plan in self._ordered(reasons))

    def queued_again(self, plans: Iterable[str]) -> "Batch":
        """These are to be carried out, each in its place among those that are."""
        again = tuple(plans)
        rest = self._without(*again)
        return evolve(rest, queued=rest._ordered((*rest.queued, *again)))

    def moved_to_end(self, plans: Iterable[str]) -> "Batch":
        """These come last."""
        last = self._ordered(plans)
        return evolve(self, plans=(*_but(self.plans, last), *last))

    def renamed(self, plan: str, now: str) -> "Batch":
        """The file of a plan has another name now; as before if that is one of the others."""
        if now in self.plans:
            return self

        def new(plans: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(now if one == plan else one for one in plans)

        def left(those: tuple[Left, ...]) -> tuple[Left, ...]:
            return tuple(evolve(one, plan=now) if one.plan == plan else one for one in those)

        return evolve(
            self,
            plans=new(self.plans),
            queued=new(self.queued),
            running=tuple(evolve(one, plan=now) if one.plan == plan else one for one in self.running),
            completed=new(self.completed),
            failed=left(self.failed),
            held=left(self.held),
            skipped=new(self.skipped),
            with_findings=new(self.with_findings),
            begun=new(self.begun),
            afresh=new(self.afresh),
        )

    def with_added(self, plans: Iterable[str]) -> "Batch":
        """More plans, behind all others."""
        more = tuple(plan for plan in plans if plan not in self.plans)
        return evolve(self, plans=(*self.plans, *more), queued=(*self.queued, *more))


def _but(plans: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    left_out = frozenset(others)
    return tuple(plan for plan in plans if plan not in left_out)
