"""The report of a run as text: what the run itself said at its end."""

from collections.abc import Iterator

from peal.model.decision import Halt
from peal.record.task_state import Attempt
from peal.reports.evidence import Reported
from peal.reports.run_report import RunReport
from peal.text.display import count
from peal.views.report import OUTPUT_LINES, failures, report, summary
from peal.views.status import sandbox_lines, spending_lines

_SHOWN = 20
"""Phases of items that have failed and are told of."""


def lines(reported: Reported) -> Iterator[str]:
    """What became of it, what failed and why."""
    found, evidence = reported.run, reported.evidence

    def output(one: Attempt) -> list[str]:
        return evidence.last_lines(one, OUTPUT_LINES)

    if not found.has_items:
        *told, _ = report(
            found.history, _halt(found), found.elapsed, output, evidence.folder, {}, advises=False
        )
        yield from told
        return
    yield headline(found)
    yield from sandbox_lines(found.status.sandbox)
    yield from spending_lines(found.history)
    yield from failures(found.history, output, evidence.folder, at_most=_SHOWN)


def headline(found: RunReport) -> str:
    """What became of a run, in one line."""
    if not found.has_items:
        return summary(found.history, _halt(found), found.elapsed)
    items = dict.fromkeys(task.group for task in found.tasks)
    return f"{_halt(found).why}: {count(len(found.tasks), 'phase')} of {count(len(items), 'item')}"


def _halt(found: RunReport) -> Halt:
    return Halt(found.status.exit_code or 0, found.status.why or found.status.state)
