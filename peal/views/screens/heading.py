"""What stands above the tasks: the plan with its totals, how far it is, when it ends, and what is waited for."""

from rich.cells import cell_len

from peal.model.pipeline import PIPELINE
from peal.record.history import History
from peal.record.spending import dollars, tokens
from peal.record.task_state import TaskState
from peal.text.display import clock, duration, harmless
from peal.views.screens.scene import Scene
from peal.views.screens.spans import Row, Span, fit, joined, plain
from peal.views.waiting import Cause, Wait, waits_of

_WORTH_TELLING = 5.0
"""Seconds that a wait for the branch lasts before it stands above the tasks: most are over before one has read it."""
_LEAST_NAME = 12
"""Cells that the plan's name must keep, or it is left out."""


def header(scene: Scene, now: float, width: int) -> Row:
    """The plan, how long it has been running and the totals; what there is no room for is left out."""
    opened = scene.history.opened
    name = harmless(opened.plan) if opened else ""
    took = f"  {duration(now - opened.at)}  " if opened else ""
    for totals in (_totals(scene), (*_short_totals(scene), Span(f" {_spent(scene)}")), _short_totals(scene)):
        room = width - cell_len(took) - cell_len(plain(totals))
        if room >= min(cell_len(name), _LEAST_NAME):
            return (Span(fit(name, min(cell_len(name), room)), "bold"), Span(took), *totals)
    totals = _short_totals(scene)
    return (Span(took.lstrip()), *totals) if cell_len(took + plain(totals)) <= width + 2 else totals


def _totals(scene: Scene) -> Row:
    done, running, failed, waiting = _counts(scene)
    of_all = "" if scene.is_open_ended else f" of {len(scene.tasks)}"
    parts = [Span(f"{done}{of_all} done"), Span(f"{running} running")]
    if failed:
        parts.append(Span(f"{failed} failed", "bold red"))
    if blocked := len(scene.history.blocked & scene.tasks):
        parts.append(Span(f"{blocked} blocked", "bold yellow"))
    if held := len(scene.history.held & scene.tasks):
        parts.append(Span(f"{held} held", "bold yellow"))
    if waiting or not scene.is_open_ended:
        parts.append(Span(f"{waiting} waiting"))
    if spent := _spent(scene):
        parts.append(Span(spent))
    return joined(parts, ", ")


def _spent(scene: Scene) -> str:
    """What was used so far: money where anybody told, else tokens."""
    total = scene.history.providers.spent.total
    if total.cost is not None:
        return dollars(total.cost)
    return tokens(total.tokens) if total.tokens else ""


def _short_totals(scene: Scene) -> Row:
    done, running, failed, _ = _counts(scene)
    blocked = len(scene.history.blocked & scene.tasks)
    of_all = " done" if scene.is_open_ended else f"/{len(scene.tasks)}"
    parts = [Span(f"{done}{of_all}"), Span(f"{running} run")]
    parts += [Span(f"{failed} fail", "bold red")] if failed else []
    parts += [Span(f"{blocked} ask", "bold yellow")] if blocked else []
    return joined(parts, " ")


def _counts(scene: Scene) -> tuple[int, int, int, int]:
    """How many of the tasks asked for are done, running, have failed, wait."""
    done = len(scene.history.completed & scene.tasks)
    running = len(scene.history.running)
    stuck = len((scene.history.failed | scene.history.held) & scene.tasks)
    failed = len((scene.history.failed - scene.history.blocked) & scene.tasks)
    return done, running, failed, len(scene.tasks) - done - running - stuck


def bar(scene: Scene, width: int) -> Row:
    """How many of all phases are over, and how many will not be reached; full only when everything is done."""
    done, _, failed, _ = _counts(scene)
    total = _phases(scene) * max(len(scene.tasks), 1)
    states = (scene.history.states[task] for task in scene.current)
    over = _phases(scene) * done + sum(_phases_over(line, scene.history) for line in states)
    label = f" {100 * over // total:3} %"
    room = max(width - len(label), 0)
    full, lost = room * over // total, room * _phases(scene) * failed // total
    rest = room - full - lost
    return (Span("━" * full, "green"), Span("×" * lost, "red"), Span("─" * rest, "dim"), Span(label))


def _phases(scene: Scene) -> int:
    """How many phases a task has."""
    return len(scene.history.pipeline(PIPELINE).phases)


def _phases_over(state: TaskState, history: History) -> int:
    """The phases that a task under way has behind it."""
    over = state.is_settled and state.held is None
    return 0 if over or state.next is None else history.pipeline(state.task.pipeline).place(state.next)


def pace(scene: Scene, now: float, width: int) -> Row:
    """How fast it goes and when it ends, as an estimate; empty where there is nothing to go by, or no room."""
    rate, end = _rate(scene.per_hour), "" if scene.ends_at is None else _about(scene.ends_at, now)
    short = [f"{rate}/h" if rate else "", f"ends about {end}" if end else ""]
    full = [f"{rate} tasks an hour" if rate else "", f"{short[1]} if the rest takes as long" if end else ""]
    return _longest([", ".join(filter(None, parts)) for parts in (full, short, short[1:])], width)


def _rate(per_hour: float | None) -> str:
    if per_hour is None:
        return ""
    return f"{per_hour:.0f}" if per_hour >= 10 else f"{per_hour:.1f}"


def _about(at: float, now: float) -> str:
    """A moment as exactly as an estimate is: to the minute, or where that is soon to ten seconds."""
    grain = 10 if abs(at - now) < 600 else 60
    return clock(round(max(at, now) / grain) * grain, now)


def waiting(scene: Scene, now: float, width: int) -> Row:
    """What is waited for, how long already and until when, if that is known; empty where it is only for a turn."""
    idle = (task for reason in scene.decision.reasons if reason.is_wait for task in reason.tasks)
    waits = [wait for wait in waits_of(scene.history, idle, now) if _is_told(wait, now)]
    full = "waiting: " + "; ".join(f"{_why(wait, now)}{_lasting(wait, now)}" for wait in waits)
    brief = ", ".join(_in_short(wait, now) for wait in waits)
    return _longest([full, brief], width, "yellow") if waits else ()


def _is_told(wait: Wait, now: float) -> bool:
    return wait.cause is not Cause.BRANCH or (wait.since is not None and now - wait.since >= _WORTH_TELLING)


def _why(wait: Wait, now: float) -> str:
    number = len(wait.tasks)
    match wait.cause:
        case Cause.LIMIT:
            agents = " and ".join(f"`{harmless(agent)}`" for agent in wait.agents)
            return f"{number} at the usage limit of {agents}{_until(wait, now, 'until')}"
        case Cause.PROVIDER:
            return f"{number} for the provider (asked again{_until(wait, now, 'at')})"
        case Cause.MACHINE:
            return f"{number} for a machine (tried again{_until(wait, now, 'at')})"
        case Cause.BRANCH:
            return f"{number} for the branch"
    return f"{number} for you"


def _in_short(wait: Wait, now: float) -> str:
    name = "you" if wait.cause is Cause.PERSON else wait.cause
    return f"{len(wait.tasks)} {name}{_until(wait, now, 'till')}"


def _until(wait: Wait, now: float, word: str) -> str:
    return f" {word} {clock(wait.until, now)}" if wait.until is not None else ""


def _lasting(wait: Wait, now: float) -> str:
    return f", for {duration(now - wait.since)}" if wait.since is not None else ""


def _longest(texts: list[str], width: int, style: str = "dim") -> Row:
    """The first of some texts that has room, or as much as has of the last."""
    fitting = next((text for text in texts if cell_len(text) <= width), texts[-1])
    return (Span(fitting, style),) if fitting else ()
