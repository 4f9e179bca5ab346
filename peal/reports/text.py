"""The report of a run as text: what the run itself said at its end."""

from collections.abc import Callable, Iterator

from peal.model.decision import Halt
from peal.record.task_state import Attempt
from peal.reports.run_report import RunReport
from peal.text.display import count
from peal.views.report import failures, report
from peal.views.status import spending_lines

_SHOWN = 20
"""Phases of items that have failed and are told of."""


def lines(
    found: RunReport, output: Callable[[Attempt], list[str]], folder: Callable[[Attempt], str]
) -> Iterator[str]:
    """`output` gives the end of what an attempt printed, `folder` where its transcript is."""
    halt = Halt(found.status.exit_code or 0, found.status.why or found.status.state)
    if not found.has_items:
        yield from report(found.history, halt, found.elapsed, output, folder, {}, advises=False)
        return
    items = dict.fromkeys(task.group for task in found.tasks)
    yield from spending_lines(found.history)
    yield from failures(found.history, output, folder, at_most=_SHOWN)
    yield f"{halt.why}: {count(len(found.tasks), 'phase')} of {count(len(items), 'item')}"
