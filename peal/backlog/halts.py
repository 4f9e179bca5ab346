"""Why a run of the backlog is over, by one table, and what is said of it; pure."""

from collections.abc import Callable, Iterable, Mapping

from attrs import field

from peal.backlog.item import FINAL, Item
from peal.classes import frozen
from peal.model.decision import Halt
from peal.text.display import by_reason, count, harmless, some
from peal.text.names import natural

_SHOWN = 5


def _once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(ids), key=lambda id_: (natural(id_), id_)))


@frozen
class End:
    """What has come of a run by the time that no phase is under way and none may begin. Ids count once each."""

    completed: tuple[str, ...] = field(default=(), converter=_once)
    """The items that this run has brought to their end."""
    blocked: tuple[str, ...] = field(default=(), converter=_once)
    """The items that were blocked in this run."""
    open: tuple[str, ...] = field(default=(), converter=_once)
    """The items that were meant and are not over yet, the blocked ones too."""
    held: tuple[str, ...] = field(default=(), converter=_once)
    """Those of the open ones that would go on but for something of the person's, which was told."""
    begun: int = 0
    """Phases."""
    passed: int = 0
    """Phases that did what they were to."""
    follow_ups: tuple[str, ...] = field(default=(), converter=_once)
    merged: tuple[str, ...] = field(default=(), converter=_once)
    """Duplicates that have become part of another item."""
    is_targeted: bool = False
    is_triage: bool = False
    """Nothing but triage was asked for."""
    halted_target: str = ""
    """The target whose block ends the run."""
    command: str = "peal backlog run"
    """What asks for the same again."""
    is_explained: bool = False
    """Why items wait was told all along."""
    only: str = ""
    """The filter, as it is shown."""
    has_matched: bool = True
    """The filter has matched an item in this run."""
    cap: int | None = None
    """How many phases might begin, where more would have otherwise."""
    breaker: str = ""
    """Why too much went wrong in a row."""
    paused: str = ""
    """Why the run may go on later: a usage limit, a budget, a phase whose landing is held."""
    branch: str = ""
    """Where the items are, if that is not the branch that is checked out, whose items a person sees."""

    @property
    def still_blocked(self) -> tuple[str, ...]:
        """The blocked ones without those that were completed after all."""
        return tuple(one for one in self.blocked if one not in self.completed)


@frozen
class Row:
    """One way for a run to end."""

    name: str
    code: int
    when: str
    """For people: what has to be so, where no row above fits."""
    applies: Callable[[End], bool]
    why: Callable[[End], str]


ROWS: tuple[Row, ...] = (
    Row(
        "circuit breaker",
        3,
        "too many failures of the machine, or items whose retries are used up, in a row",
        lambda end: bool(end.breaker),
        lambda end: end.breaker,
    ),
    Row(
        "paused",
        4,
        "a usage limit or a budget is reached, or a phase is done and its landing is held",
        lambda end: bool(end.paused),
        lambda end: f"paused: {end.paused}",
    ),
    Row(
        "triaged",
        0,
        "`peal backlog triage` has triaged at least one item",
        lambda end: end.is_triage and end.passed > 0,
        lambda end: (
            f"{count(end.passed, 'item')} triaged"
            f"{f'; {_blocked(end)}' if end.still_blocked else ''}"
            f"{f'; {_cap(end)}' if end.cap is not None else ''}"
        ),
    ),
    Row(
        "target blocked, others completed",
        0,
        "a target was blocked, `--auto-advance` is not given, and at least one item is completed",
        lambda end: bool(end.halted_target and end.completed),
        lambda end: f"target {end.halted_target} is blocked; {_completed(end)}",
    ),
    Row(
        "target blocked",
        1,
        "a target was blocked, `--auto-advance` is not given, and no item is completed",
        lambda end: bool(end.halted_target),
        lambda end: f"target {end.halted_target} is blocked; no item is completed",
    ),
    Row(
        "cap reached, only blocked",
        1,
        "as many phases as `--cap` allows have begun, items were blocked and none is completed",
        lambda end: end.cap is not None and bool(end.still_blocked) and not end.completed,
        lambda end: f"{_cap(end)}; {_blocked(end)} and no item is completed",
    ),
    Row(
        "cap reached",
        0,
        "as many phases as `--cap` allows have begun",
        lambda end: end.cap is not None,
        lambda end: f"{_cap(end)}; `{end.command}` goes on",
    ),
    Row(
        "all completed",
        0,
        "at least one item is completed, and nothing that was asked for is open",
        lambda end: bool(end.completed) and not end.open,
        lambda _: "everything asked for is done",
    ),
    Row(
        "some completed",
        0,
        "at least one item is completed, and no other can be worked on",
        lambda end: bool(end.completed),
        lambda end: f"{_completed(end)}; {_left(end)}",
    ),
    Row(
        "all blocked",
        1,
        "items were blocked and none is completed",
        lambda end: bool(end.still_blocked),
        lambda end: f"{_blocked(end)} and no item is completed",
    ),
    Row(
        "no matching items",
        0,
        "`--only` has matched no item",
        lambda end: bool(end.only) and not end.has_matched,
        lambda end: f"no item matches {end.only}",
    ),
    Row(
        "nothing open",
        0,
        "everything that was asked for is done or cancelled",
        lambda end: not end.open,
        lambda _: "nothing is open",
    ),
    Row(
        "held",
        4,
        "items would go on but for something of yours, such as uncommitted edits of their files",
        lambda end: bool(end.held),
        lambda end: (
            f"{_items(end.held)} {_verb(end.held, 'is', 'are')} held for what was told above; mend that, and run again"
        ),
    ),
    Row(
        "nothing more to begin",
        0,
        "phases have passed without a target, and no other can begin",
        lambda end: end.passed > 0 and not end.is_targeted,
        lambda end: f"{count(end.passed, 'phase')} passed; {_left(end)}",
    ),
    Row(
        "nothing can be worked on",
        1,
        "items are open, and none of them can be worked on",
        lambda _: True,
        lambda end: f"none of {count(len(end.open), 'open item')} can be worked on{_explained(end)}",
    ),
)
"""Every way in which a run ends that is not ended by a signal, by what is asked first."""


def halt_of(end: End) -> Halt:
    """Why the run is over, and the exit code that says so."""
    row = row_of(end)
    where = f"in `{end.branch}`: " if end.branch else ""
    return Halt(row.code, f"{where}{row.why(end)}")


def row_of(end: End) -> Row:
    """The first row that fits; the last one always does."""
    return next(row for row in ROWS if row.applies(end))


def still_open(items: Mapping[str, Item], meant: Iterable[str]) -> tuple[str, ...]:
    """Those of the items that are meant and not over yet; one that is gone is not open."""
    return tuple(one for one in meant if one in items and items[one].status not in FINAL)


def waits_to_land(held: Iterable[tuple[str, str]]) -> str:
    """What has kept phases from landing; empty if nothing has."""
    return by_reason(held, "held", _SHOWN)


def ways_out(items: Mapping[str, Item], held: Mapping[str, str]) -> dict[str, str]:
    """For each item that does not go on: why, and what lets it, where that is known."""
    blocked = {id_: _unblocking(item) for id_, item in items.items() if item.status == "blocked"}
    return {**{id_: harmless(why) for id_, why in held.items()}, **blocked}


def _unblocking(item: Item) -> str:
    assert item.blocked is not None, "only of a blocked one"
    why, command = harmless(item.blocked.reason), f"peal backlog unblock {item.id}"
    if command in why:
        return why
    answer = " --notes ANSWER" if item.blocked.type in ("clarification", "decision") else ""
    return f"{why}; `{command}{answer}` lets it go on"


def summary(end: End, ways_out: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What a run has brought: how much of each, which items, and the ways out for those that stopped."""
    lists = (
        ("completed", f"{len(end.completed)} completed", end.completed),
        ("blocked", f"{len(end.still_blocked)} blocked", end.still_blocked),
        ("held", f"{len(end.held)} held", end.held),
        ("follow-ups", count(len(end.follow_ups), "follow-up"), end.follow_ups),
        ("merged", f"{len(end.merged)} merged", end.merged),
    )
    counts = (how_many for name, how_many, ids in lists if ids or name in ("completed", "blocked"))
    lines = [", ".join((count(end.begun, "phase"), *counts))]
    for name, _, ids in lists:
        lines += [f"{name}: {', '.join(ids)}"] if ids else []
        if name in ("blocked", "held"):
            lines += _stopped(ids, ways_out or {}, end.paused)
    return (*lines, *([f"only: {end.only}"] if end.only else []))


def table() -> str:
    """The rows in markdown, for the page about the backlog."""
    lines = [f"| {row.name} | {row.when} | {row.code} |" for row in ROWS]
    return "\n".join(("| end | when | exit code |", "| --- | --- | --- |", *lines, ""))


def _items(ids: tuple[str, ...]) -> str:
    return f"{'item' if len(ids) == 1 else 'items'} {some(ids, _SHOWN)}"


def _verb(ids: tuple[str, ...], one: str, several: str) -> str:
    return one if len(ids) == 1 else several


def _completed(end: End) -> str:
    return f"{_items(end.completed)} {_verb(end.completed, 'is', 'are')} completed"


def _blocked(end: End) -> str:
    return f"{_items(end.still_blocked)} {_verb(end.still_blocked, 'is', 'are')} blocked"


def _left(end: End) -> str:
    return f"{count(len(end.open), 'other item')} cannot go on now"


def _stopped(ids: tuple[str, ...], ways_out: Mapping[str, str], told: str) -> list[str]:
    """A line for each, as far as that is not told anyway."""
    lines = [f"  {id_}: {ways_out[id_]}" for id_ in ids if ways_out.get(id_, told) not in told]
    left = len(lines) - _SHOWN
    more = [f"  and {left} more; `peal backlog status` shows all"] if left > 0 else []
    return [*lines[:_SHOWN], *more]


def _explained(end: End) -> str:
    return "; why is told above" if end.is_explained else f"; `{end.command} --dry-run --explain` says why"


def _cap(end: End) -> str:
    return f"{count(end.cap or 0, 'phase')} begun, as many as the cap allows"
