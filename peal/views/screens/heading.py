"""What stands above the tasks: the plan with its totals, and how far it is."""

from rich.cells import cell_len

from peal.model.pipeline import PIPELINE
from peal.record.history import History
from peal.record.spending import dollars
from peal.record.task_state import TaskState
from peal.text.display import duration, harmless
from peal.views.screens.scene import Scene
from peal.views.screens.spans import Row, Span, fit, joined, plain

_LEAST_NAME = 12
"""Cells that the plan's name must keep, or it is left out."""


def header(scene: Scene, now: float, width: int) -> Row:
    """The plan, how long it has been running and the totals; what there is no room for is left out."""
    opened = scene.history.opened
    name = harmless(opened.plan) if opened else ""
    took = f"  {duration(now - opened.at)}  " if opened else ""
    for totals in (_totals(scene), _short_totals(scene)):
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
    if (cost := scene.history.providers.spent.total.cost) is not None:
        parts.append(Span(dollars(cost)))
    return joined(parts, ", ")


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
