"""What a person may want to type next, where a backlog was run; pure."""

import shlex
from collections.abc import Collection, Mapping
from typing import Any

from peal.record.history import History
from peal.record.state_file import BY_ITSELF
from peal.views.status import GO_ON, WHILE_IT_RUNS, to_look_at

_ADVISED = 3
"""Items for which there is a word each."""


def advice(history: History, is_alive: bool, blocked: Collection[str] | None = None) -> tuple[str, ...]:
    """`blocked` are the items that are so by now; None where that is not known."""
    unblocking = _unblocking(history, blocked)[:_ADVISED]
    if is_alive:
        return (*unblocking, *WHILE_IT_RUNS)
    return (*to_look_at(history), *unblocking, _goes_on(history))


def _unblocking(history: History, blocked: Collection[str] | None) -> list[str]:
    """What lets the items go on that this run has stopped at, as far as they are blocked."""
    asking = {task.partition("/")[0] for task in history.blocked}
    stopped = [task.split("/") for task in history.in_order(history.failed)]
    # That a task of a plan has failed blocks no item before the plan is over.
    items = dict.fromkeys(
        item for item, *names in stopped if (len(names) == 1 if blocked is None else item in blocked)
    )
    return [
        f"`peal backlog unblock {item} --notes ANSWER` to answer what it asks"
        if item in asking
        else f"`peal backlog unblock {item}` to have it tried again"
        for item in items
    ]


def _goes_on(history: History) -> str:
    """The items, and not the tasks of runs, say what is left."""
    if history.closed is None or history.closed.code not in BY_ITSELF:
        return GO_ON
    opened = history.opened
    again = command_again(opened.flags if opened else {})
    if opened and opened.branch_is_named:
        branch = shlex.quote(opened.branch)
        return f"`{again}` to go on with the items that are in it, `git switch {branch}` to look at them"
    return f"`peal backlog status` to see how far each item is, `{again}` to ask for the same again"


def command_again(flags: Mapping[str, Any]) -> str:
    """The command that asks a backlog for what was asked for by these flags."""
    words = ["peal", "backlog", "triage" if flags.get("triage") else "run"]
    for name in ("target", "only"):
        words += [word for value in flags.get(name) or () for word in (f"--{name}", value)]
    words += ["--branch", flags["branch"]] if flags.get("branch") else []
    words += ["--auto-advance"] if flags.get("auto_advance") else []
    return shlex.join(words)
