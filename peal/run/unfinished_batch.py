"""Which batch is carried out: a new one, or the unfinished one, as it is by now."""

import os
import socket
import time
from contextlib import suppress

from attrs import evolve

from peal.classes import frozen
from peal.errors import PealError
from peal.jobs.known_plans import where_it_is
from peal.record import batch_file, journal, store
from peal.record.batch import Batch, BatchOwner
from peal.schedule import batches
from peal.system import process
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import stamp


@frozen
class BatchRequest:
    """What a person asks for of a batch."""

    plans: tuple[str, ...]
    """In their order, as their memories name them; none where the batch only is to go on."""
    only: tuple[str, ...] | None = None
    """The plans that are meant this time, in this order, if not all are."""
    fresh: bool = False
    """Start over, whatever is remembered."""
    retry_failed: bool = False


def agreed(repo_paths: RepoPaths, request: BatchRequest, name: str) -> Batch:
    """
    The batch as it is carried out in a session of this name: a new one, or the unfinished one gone on with.

    PealError if there is an unfinished one and it shares no plan with what is asked for.
    """
    before = None if request.fresh else unfinished(repo_paths)
    now = time.time()
    pid = os.getpid()
    owner = BatchOwner(pid, process.birth(pid) or "", socket.gethostname())
    if before is None and not request.plans:
        raise PealError("the batch has come to its end meanwhile; `peal runs` shows what was run")
    if before is None:
        at, afresh = stamp(now), request.plans if request.fresh else ()
        return Batch(name, owner, at, at, plans=request.plans, queued=request.plans, afresh=afresh)
    if request.plans and not set(request.plans).intersection(before.plans):
        raise PealError(
            f"a batch is unfinished here, of which none of these plans is a part ({before.plans[0]} is one of "
            f"{len(before.plans)}); `peal resume` goes on with it, `--no-resume` leaves it aside"
        )
    found = batches.taken_up(_as_it_is_by_now(repo_paths, before), request.plans, request.retry_failed)
    return evolve(found, session_id=name, owner=owner)


def unfinished(repo_paths: RepoPaths) -> Batch | None:
    """The batch that can be gone on with, its plans by the names that their files have now."""
    batch = batch_file.read(repo_paths.batch)
    for plan in batch.plans if batch else ():
        path = repo_paths.plan_file(plan)
        if batch and plan not in batch.done and not os.path.lexists(path):
            with suppress(PealError):  # told when its turn comes
                batch = batch.renamed(plan, repo_paths.plan_key(where_it_is(repo_paths, path)))
    return batch


def _as_it_is_by_now(repo_paths: RepoPaths, batch: Batch) -> Batch:
    """What was done since, by itself or by a person's word, is done; what is to be done again by such a word is queued."""
    for one in (*batch.failed, *batch.held):
        known = store.known(memory_of(repo_paths, one.plan))
        if known and known.is_done:
            batch = batch.ended_complete(one.plan, with_findings=False)
    again = [plan for plan in batch.completed if _is_to_be_redone(memory_of(repo_paths, plan))]
    return batch.queued_again(again)


def memory_of(repo_paths: RepoPaths, plan: str) -> PlanPaths:
    """Where a plan of the batch is remembered."""
    return repo_paths.plan(repo_paths.plan_file(plan))


def _is_to_be_redone(plan_paths: PlanPaths) -> bool:
    with suppress(PealError, OSError):  # the plan's own next run tells of it
        return bool(journal.latest_opening(plan_paths.journal)[1])
    return False
