"""The report of runs for GitHub Actions: annotations of a workflow's step, and its summary."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from peal.classes import frozen
from peal.model.review import Finding, Severity
from peal.reports import files, markdown
from peal.reports.evidence import Reported
from peal.reports.places import file_of, plan_of
from peal.reports.run_report import TaskReport
from peal.reports.text import headline
from peal.system.files import size_of
from peal.text.display import count

_SHOWN = 10
"""Annotations of each kind that GitHub shows of a step."""
_LARGEST_SUMMARY = 1_000_000
"""Bytes; of a step whose summary is larger than 1 MiB GitHub shows none."""
_SUMMARY = "GITHUB_STEP_SUMMARY"
_ERROR = "error"
_WARNING = "warning"
_KINDS = {Severity.ERROR: _ERROR, Severity.WARNING: _WARNING, Severity.NOTE: "notice"}


@frozen
class _Annotation:
    """What GitHub shows beside a file, or at a run of the workflow."""

    kind: str
    title: str
    message: str
    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        """The command that makes it; nothing in it can end it or begin another one."""
        place = {"file": self.path, "line": str(self.line or "") if self.path else "", "title": self.title}
        properties = ",".join(f"{name}={_property(value)}" for name, value in place.items() if value)
        return f"::{self.kind} {properties}::{_data(self.message)}"


def publish(several: Sequence[Reported], put: Callable[[str], None], environ: Mapping[str, str]) -> None:
    """Print the annotations, and add to the step's summary where there is one; PealError if that cannot be written."""
    for line in commands(several):
        put(line)
    if path := environ.get(_SUMMARY):
        room = _LARGEST_SUMMARY - size_of(Path(path))
        files.append(Path(path), summary(several, room))


def commands(several: Sequence[Reported]) -> list[str]:
    """As many workflow commands of each kind as GitHub shows, those on tasks before those on findings."""
    found = _annotations(several)
    return [
        str(one) for kind in dict.fromkeys(one.kind for one in found) for one in _of(kind, found)[:_SHOWN]
    ]


def summary(several: Sequence[Reported], room: int) -> str:
    """The runs as Markdown, and how many annotations GitHub does not show; at most so many bytes."""
    found = _annotations(several)
    left = [(kind, len(_of(kind, found)) - _SHOWN) for kind in dict.fromkeys(one.kind for one in found)]
    listed = ", ".join(count(number, kind) for kind, number in left if number > 0)
    word = f"\n{listed} more than GitHub shows as annotations.\n" if listed else ""
    text = markdown.document(several, largest=min(markdown.LARGEST, room - len(word) - 1))
    return f"{text}{word}\n"


def _of(kind: str, found: Sequence[_Annotation]) -> list[_Annotation]:
    return [one for one in found if one.kind == kind]


def _annotations(several: Sequence[Reported]) -> list[_Annotation]:
    """All there are, what matters most first."""
    runs = [found for one in several for found in _on_run(one)]
    tasks = [found for one in several for task in one.run.tasks for found in _on_task(task, one)]
    findings = [
        _on_finding(finding, task, one) for one in several for task in one.run.tasks for finding in task.found
    ]
    return [*runs, *tasks, *findings]


def _on_run(one: Reported) -> Iterator[_Annotation]:
    """Of one that did not come to its end, though no task has failed or is held."""
    status = one.run.status
    is_told = any(status.counts[state] for state in ("failed", "held", "blocked"))
    if not is_told and (status.state == "cut off" or status.exit_code not in (0, 2, None)):
        said = one.evidence.said
        yield _Annotation(_ERROR, said(one.run.plan), said(headline(one.run)), said(plan_of(one.run)))


def _on_task(task: TaskReport, one: Reported) -> Iterator[_Annotation]:
    said, status = one.evidence.said, task.status
    if status.state not in ("failed", "held", "blocked"):
        return
    verb = "failed" if status.state == "failed" else f"is {status.state}"
    kind = _ERROR if status.state == "failed" else _WARNING
    named = f"task {task.id} {verb}: {status.title}" if status.title else f"task {task.id} {verb}"
    yield _Annotation(kind, said(named), said(status.reason) or verb, said(plan_of(one.run)))


def _on_finding(finding: Finding, task: TaskReport, one: Reported) -> _Annotation:
    said, path = one.evidence.said, file_of(finding, one.run)
    rule = " ".join(filter(None, (finding.reviewer, finding.rule)))
    elsewhere = [said(finding.path)] if finding.path and not path else []
    message = "\n".join([*elsewhere, *map(said, finding.message.splitlines() or [rule])])
    return _Annotation(
        _KINDS[finding.severity], said(f"{rule} (task {task.id})"), message, said(path), finding.line
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
