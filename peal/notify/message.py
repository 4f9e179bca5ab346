"""What a person is told, as words and as JSON; pure."""

import json
from collections.abc import Callable
from typing import Any

from attrs import asdict, evolve

from peal.model.notification import Cause, Counts, Notification
from peal.text.display import clock, count, harmless, stamp

_SAID = {
    Cause.HELD: ("waits for you", "wait for you"),
    Cause.LIMITED: ("is paused at a usage limit", "are paused at a usage limit"),
    Cause.FAILED: ("has failed", "have failed"),
    Cause.FINISHED: ("is finished", "are finished"),
    Cause.BUDGET: ("has used up its budget", "have used up their budget"),
}
"""Of one plan, and of several."""
_LONGEST, _LONGEST_NAME = 1000, 200
"""Letters of why, and of a plan's name: all of it has to fit into a variable, which on Linux ends at 128 KiB."""
_MOST = 20
"""Plans that are named."""


def title(told: Notification) -> str:
    """One short line."""
    return f"peal: {named(told.plans)} {_SAID[told.cause][len(told.plans) != 1]}"


def text(told: Notification) -> str:
    """All that there is to say to people."""
    goes_on = "" if told.code is not None else "; the run goes on"
    until = f" until {clock(told.until, told.at)}" if told.until and told.cause is Cause.LIMITED else ""
    return f"{told.why}{until}{goes_on}\n{counted(told.counts)}; in {told.repo}"


def named(plans: tuple[str, ...]) -> str:
    """A plan by its name, several by their number."""
    return harmless(plans[0]) if len(plans) == 1 else count(len(plans), "plan")


def progress(plans: tuple[str, ...], counts: Counts) -> str:
    """How far a run is, in few letters: `peal 3/10 plans/greet.md (1 failed)`."""
    done = f"{counts.done} done" if counts.all is None else f"{counts.done}/{counts.all}"
    stuck = _stuck(counts)
    return f"peal {done} {named(plans)}{f' ({stuck})' if stuck else ''}"


def counted(counts: Counts) -> str:
    """`3 of 5 tasks done, 1 failed`."""
    done = (
        f"{count(counts.done, 'phase')} done"
        if counts.all is None
        else f"{counts.done} of {count(counts.all, 'task')} done"
    )
    return ", ".join(filter(None, (done, _stuck(counts))))


def _stuck(counts: Counts) -> str:
    others = {"failed": counts.failed, "held": counts.held}
    return ", ".join(f"{number} {name}" for name, number in others.items() if number)


def as_json(told: Notification, hide: Callable[[str], str]) -> str:
    """One line that any program can read, without what `hide` takes out."""
    plans = tuple(_short(hide(plan), _LONGEST_NAME) for plan in told.plans)
    shown = evolve(told, why=_short(harmless(hide(told.why)), _LONGEST), plans=plans, repo=hide(told.repo))
    record: dict[str, Any] = {
        "event": str(told.cause),
        "title": title(shown),
        "text": text(shown),
        "why": shown.why,
        "over": told.code is not None,
        "exit_code": told.code,
        "plans": list(plans[:_MOST]),
        "repo": shown.repo,
        "run": told.run,
        "at": stamp(told.at),
        "until": None if told.until is None else stamp(told.until),
        "tasks": asdict(told.counts),
    }
    return json.dumps(record)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
