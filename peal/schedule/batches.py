"""Which plan of a batch is next, what becomes of it by the end of its run, and how the batch ends; pure."""

from collections.abc import Collection
from datetime import datetime

from peal.model.decision import Halt
from peal.record.batch import Batch
from peal.record.history import History
from peal.record.state_file import State
from peal.text.display import count


def taken_up(batch: Batch, given: Collection[str], retry_failed: bool) -> Batch:
    """
    A batch that is gone on with: what was cut off or held is queued again in its old place, what is given anew behind all.

    With `retry_failed` what has failed, or was let through with findings, comes after the rest.
    """
    cut_off = [one.plan for one in batch.running]
    held = [one.plan for one in batch.held]
    found = batch.queued_again([*cut_off, *held]).with_added(given)
    if not retry_failed:
        return found
    again = [*(one.plan for one in found.failed), *found.with_findings]
    return found.moved_to_end(again).queued_again(again)


def next_plan(batch: Batch, only: Collection[str] | None) -> str | None:
    """The plan whose turn it is, of those that are asked for where only some are; None if none is left."""
    if only is None:
        return batch.queued[0] if batch.queued else None
    return next((plan for plan in only if plan in batch.queued), None)


def after(batch: Batch, plan: str, halt: Halt, history: History) -> Batch:
    """The batch when the run of one of its plans has ended so; a plan that was stopped stays at work, to be gone on with."""
    if is_stopped(halt, history):
        return batch
    match halt.code:
        case 0 if plan in batch.begun:
            return batch.ended_complete(plan, with_findings=False)
        case 0:
            return batch.ended_skipped(plan)
        case 2 if history.with_findings and not history.failed:
            return batch.ended_complete(plan, with_findings=True)
        case 4:
            return batch.ended_held(plan, halt.why)
        case _:
            return batch.ended_failed(plan, halt.why)


def is_stopped(halt: Halt, history: History) -> bool:
    """Whether somebody, or a full disk, has ended a run before its own end."""
    return history.stop is not None and history.stop.code == halt.code


def halt_of(batch: Batch) -> Halt:
    """How a batch ends in which nothing runs and nothing is to begin."""
    done, failed, held = len(batch.done), len(batch.failed), len(batch.held)
    parts = [f"{done} of {count(len(batch.plans), 'plan')} done"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{held} held"] if held else []
    why = ", ".join(parts)
    if failed:
        return Halt(2 if done else 1, why)
    if held:
        return Halt(4, why)
    if left := batch.with_findings:
        return Halt(2, f"{why}, and findings remain in {len(left)}")
    return Halt(0, why)


def was_last(batch: Batch, latest: State | None) -> bool:
    """Whether nothing was run after a batch; `latest` is what is known of the plan that was run last and is unfinished."""
    if latest is None or latest.run_id == batch.session_id:
        return True
    if not latest.run_id and latest.plan_path in [one.plan for one in batch.running]:
        return True  # it was cut off before the run of that plan was opened
    return datetime.fromisoformat(latest.updated_at) <= datetime.fromisoformat(batch.updated_at)
