"""The report of runs as JUnit XML, which CI systems read; pure."""

import re
from collections.abc import Sequence
from pathlib import PurePath
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from peal.reports.evidence import Reported
from peal.reports.run_report import TaskReport
from peal.reports.text import headline
from peal.text.display import stamp
from peal.views.report import OUTPUT_LINES, failure, let_through
from peal.views.status import to_show

MARK = '<testsuites name="peal"'
"""In the first lines of each such file."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0, section 2.2."""


def document(several: Sequence[Reported]) -> str:
    """
    A suite for each run and a case for each of its tasks: done has passed, failed has failed, all else is skipped.

    Valid by `junit-10.xsd` of jenkinsci/xunit-plugin, which is stricter than what CI systems read: `testsuites` tells no
    `skipped`; a suite has `name`, `tests`, `failures` and `errors`; a case has a `name`, and no properties or file; the only
    children of a case are `skipped`, `failure`, `error`, `system-out` and `system-err`.
    """
    suites = [_suite(one) for one in several]
    root = Element("testsuites", name="peal")
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, 0)) for suite in suites)))
    root.set("time", _seconds(sum(one.run.elapsed for one in several)))
    root.extend(suites)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(one: Reported) -> Element:
    run = one.run
    cases = [_case(one, task) for task in run.tasks]
    suite = Element("testsuite", name=run.plan)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", "0")
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    suite.set("time", _seconds(run.elapsed))
    suite.set("timestamp", stamp(run.began))
    properties = SubElement(suite, "properties")
    for name, value in _properties(one):
        SubElement(properties, "property", name=name, value=value)
    suite.extend(cases)
    for element in suite.iter():
        _make_fit(element, one)
    return suite


def _properties(one: Reported) -> list[tuple[str, str]]:
    run = one.run
    branch = run.history.opened.branch if run.history.opened else ""
    told = [("run", run.status.run), ("state", run.status.state), ("said", headline(run)), ("branch", branch)]
    code = [("exit_code", str(run.status.exit_code))] if run.status.exit_code is not None else []
    return [(name, value) for name, value in (*told, *code) if value]


def _case(one: Reported, task: TaskReport) -> Element:
    case = Element("testcase", name=_name(task), classname=task.group or _dotted(one.run.plan))
    case.set("time", _seconds(task.worked))
    match task.status.state:
        case "failed":
            _add_failure(case, one, task)
        case "done":
            _add(case, "system-err", let_through(task.state) if task.found else [])
        case _:
            SubElement(case, "skipped", message=_why_skipped(one, task))
    _add(case, "system-out", _printed(one, task))
    return case


def _printed(one: Reported, task: TaskReport) -> list[str]:
    """The end of what the attempt printed that tells how the task stands, or of the latest that printed anything."""
    tries = [to_show(task.state, task.attempts), *reversed(task.attempts)] if task.attempts else []
    return next((lines for past in tries if (lines := one.evidence.last_lines(past, OUTPUT_LINES))), [])


def _name(task: TaskReport) -> str:
    """In a plan the task, in a suite of items the phase, each with its title."""
    name = task.id.removeprefix(f"{task.group}/") if task.group else f"task {task.id}"
    return f"{name}: {task.status.title}" if task.status.title else name


def _dotted(plan: str) -> str:
    """A plan as a class in its package, which is what CI systems sort by."""
    path = PurePath(PurePath(plan).name) if PurePath(plan).is_absolute() else PurePath(plan)
    return ".".join(path.with_suffix("").parts)


def _add_failure(case: Element, one: Reported, task: TaskReport) -> None:
    last = task.state.last()
    kind = f"{last.phase} {last.result}" if last else task.status.state
    message = task.status.reason.partition("\n")[0]
    element = SubElement(case, "failure", type=kind, message=message)
    element.text = "\n".join(failure(task.state, lambda _: [], one.evidence.folder))


def _why_skipped(one: Reported, task: TaskReport) -> str:
    status = task.status
    if status.reason:
        return f"{status.state}: {status.reason}"
    return f"{status.state}; {one.run.status.why}" if one.run.status.why else status.state


def _add(case: Element, name: str, lines: Sequence[str]) -> None:
    if lines:
        SubElement(case, name).text = "\n".join(lines)


def _make_fit(element: Element, one: Reported) -> None:
    """Without secrets, and without what XML cannot hold."""
    for name, value in element.attrib.items():
        element.set(name, _NOT_XML.sub("\ufffd", one.evidence.said(value)))
    if element.text:
        lines = element.text.split("\n")
        element.text = "\n".join(_NOT_XML.sub("\ufffd", one.evidence.hide(line)) for line in lines)


def _seconds(number: float) -> str:
    return f"{max(number, 0.0):.3f}"
