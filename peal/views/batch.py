"""What is said of a batch: what is gone on with, what comes next, and what became of its plans; pure."""

import shlex
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from peal.model.decision import Halt
from peal.record.batch import Batch
from peal.text.display import count, duration, harmless, some, stamp

LONG_AGO = 24 * 3600.0
"""Seconds after which a person may have forgotten what a batch was about."""
_SHOWN = 3


def age(moment: str, now: float) -> float:
    """Seconds from a moment in ISO 8601 to `now`, in wall-clock seconds."""
    return max(now - datetime.fromisoformat(moment).timestamp(), 0.0)


def gone_on_with(before: Batch, batch: Batch, now: float) -> Iterator[str]:
    """What a person is to know when an unfinished batch, as it was `before`, is gone on with."""
    old = age(before.updated_at, now)
    begun = f"begun {ago(age(before.started_at, now))}"
    since = f", left {ago(old)}" if old > LONG_AGO else ""
    done = f"{len(before.done)} of {count(len(before.plans), 'plan')} done"
    yield f"going on with the batch {begun}{since}: {done}"
    if new := [plan for plan in batch.plans if plan not in before.plans]:
        yield f"added at its end: {some(list(map(harmless, new)), _SHOWN)}"
    if batch.failed:
        left = some([harmless(one.plan) for one in batch.failed], _SHOWN)
        yield f"left as {'it is' if len(batch.failed) == 1 else 'they are'}, failed: {left}; `--retry-failed` tries again"


def ago(seconds: float) -> str:
    """`3m05s ago`, `12 days ago`."""
    return f"{int(seconds // 86400)} days ago" if seconds >= 2 * 86400 else f"{duration(seconds)} ago"


def place_of(batch: Batch, plan: str) -> str:
    """`plan 2 of 5, plans/b.md`."""
    return f"plan {batch.plans.index(plan) + 1} of {len(batch.plans)}, {harmless(plan)}"


def moved_on(batch: Batch, plan: str, following: str | None) -> str:
    """What became of a plan that did not end well, and what comes after it."""
    failed = {one.plan: one.reason for one in batch.failed}
    held = {one.plan: one.reason for one in batch.held}
    became = (
        f"failed: {_first_line(failed[plan])}" if plan in failed else f"is held: {_first_line(held[plan])}"
    )
    told = f"{place_of(batch, plan)}, {became}"
    if following is not None:
        return f"{told}; next: {place_of(batch, following)}"
    if batch.queued:
        return f"{told}; no other plan is begun; `--auto-advance` goes on with the next"
    return told


def _first_line(text: str) -> str:
    return harmless(text.partition("\n")[0])


def headline(batch: Batch, is_alive: bool = True) -> str:
    """How far it is, in one line."""
    parts = [f"{len(batch.done)} of {count(len(batch.plans), 'plan')} done"]
    parts += [f"{len(batch.running)} {'running' if is_alive else 'begun'}"] if batch.running else []
    parts += [f"{len(batch.failed)} failed"] if batch.failed else []
    parts += [f"{len(batch.held)} held"] if batch.held else []
    parts += [f"{len(batch.queued)} queued"] if batch.queued else []
    return f"batch: {', '.join(parts)}"


def overview(batch: Batch, live_session: str | None) -> list[str]:
    """How far a batch is, with every plan of it; `live_session` is the session that goes on in the repository."""
    is_alive = batch.session_id == live_session
    return [headline(batch, is_alive), *rows(batch, is_alive)]


def rows(batch: Batch, is_alive: bool) -> list[str]:
    """Every plan once, with what became of it or what it waits for."""
    told = {
        **dict.fromkeys(batch.completed, "done"),
        **dict.fromkeys(batch.with_findings, "done, with findings"),
        **dict.fromkeys(batch.skipped, "done already"),
        **{one.plan: f"failed ({_first_line(one.reason)})" for one in batch.failed},
        **{one.plan: f"held ({_first_line(one.reason)})" for one in batch.held},
        **dict.fromkeys([one.plan for one in batch.running], "running" if is_alive else "begun"),
        **dict.fromkeys(batch.queued, "queued" if is_alive else "not reached"),
    }
    return [f"  {harmless(plan)}: {told[plan]}" for plan in batch.plans]


def report(batch: Batch, halt: Halt, seconds: float, typed: Callable[[str], str]) -> list[str]:
    """The end of a batch as lines: what became of each plan, and what to type next; `typed` names a plan as a person does."""
    return [
        f"batch: {halt.why}, in {duration(seconds)}",
        *rows(batch, is_alive=False),
        *(f"next: {step}" for step in advice(batch, typed)),
    ]


def advice(batch: Batch, typed: Callable[[str], str] = str) -> Iterator[str]:
    """What a person may want to type next; without `typed` in the repository's root."""
    if batch.queued or batch.running or batch.held:
        yield "`peal resume` to go on with the batch"
    if batch.failed or batch.with_findings:
        yield "`peal resume --retry-failed` to try what has failed again, and have what was found mended"
    for plan in [one.plan for one in batch.failed if one.plan in batch.begun][:_SHOWN]:
        yield f"`peal status {shlex.quote(typed(plan))}` for what has failed there"


def summary(batch: Batch, halt: Halt, ended: float) -> dict[str, Any]:
    """What became of a batch that ended at this moment (wall-clock seconds), for scripts."""
    return {
        "exit_code": halt.code,
        "why": halt.why,
        "started_at": batch.started_at,
        "completed_at": stamp(ended),
        "session": batch.session_id,
        "plans": list(batch.plans),
        "completed": list(batch.done),
        "with_findings": list(batch.with_findings),
        "failed": {one.plan: one.reason for one in batch.failed},
        "held": {one.plan: one.reason for one in batch.held},
        "begun": [one.plan for one in batch.running],
        "not_reached": list(batch.queued),
        "next": list(advice(batch)),
    }
