"""Text to Plan: the front that decides which format a file is in; to add one, write its file and name it here."""

from collections.abc import Iterable

from attrs import evolve

from peal.formats import checkbox, foreign, task_heading
from peal.formats.checks import (
    circles,
    no_task,
    nothing_to_do,
    order_by_name,
    swallowed,
    unfit_ids,
    unknown_needs,
)
from peal.formats.document import Document
from peal.formats.protocol import Format, Reading
from peal.model.plan import Plan, Problem

__all__ = ["FORMATS", "parse"]

# The first that recognises a document reads it: task headings win over checkboxes, and a list that belongs
# to another tool is refused before its boxes are taken for tasks.
FORMATS: tuple[Format, ...] = (task_heading, foreign, checkbox)


def parse(raw: bytes, path: str) -> Plan:
    """The plan in a file's bytes; never raises: what is wrong is in `problems`, beside what could be read."""
    document = Document.of(raw)
    found = next((each for each in FORMATS if each.recognises(document)), None)
    reading = found.read(document) if found else Reading()
    plan = Plan(
        path=path,
        format=found.name if found else "unknown",
        tasks=reading.tasks,
        context=reading.context,
    )
    problems = [*document.problems, *reading.problems, *nothing_to_do(plan)]
    problems += [*unfit_ids(plan), *unknown_needs(plan), *swallowed(document, plan)]
    if not problems:
        problems += circles(plan)
    return evolve(
        plan,
        problems=_by_line(problems or no_task(plan)),
        notes=_by_line([*reading.notes, *order_by_name(plan)]),
    )


def _by_line(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.line))
