"""What the page shows of one task: its attempts, what was found and how that ended, its change, and what was said."""

from collections.abc import Callable, Iterator
from pathlib import Path

from peal.classes import frozen
from peal.model.plan import TaskId
from peal.model.review import Finding
from peal.record.spending import amount, summed
from peal.record.task_state import Attempt
from peal.reports.evidence import Evidence, Excerpt, Reported
from peal.reports.page.timeline import look_of
from peal.reports.patches import Patches
from peal.reports.run_report import TaskReport
from peal.text.display import clock, count, duration

_FINDINGS = 50
"""Findings of one task that are shown."""
_LONGEST = 2000
"""Letters of a finding or a reason."""
_IN_SHORT = 200
"""Letters of a reason beside a task's title."""
_WEIGHTY = 8
"""So many times as much is shown of a task that a person has to look at."""
_TO_LOOK_AT = ("failed", "blocked", "held")


@frozen
class Piece:
    """A text that is folded until somebody wants to see it."""

    title: str
    excerpt: Excerpt


@frozen
class AttemptShown:
    """One row, and what belongs to it."""

    phase: str
    number: int
    agent: str
    began: str
    took: str
    result: str
    look: str
    reason: str
    used: str
    folder: Path
    pieces: tuple[Piece, ...]


@frozen
class FindingShown:
    """What a reviewer found, and how that ended."""

    finding: Finding
    message: str
    end: str
    stands: bool


@frozen
class TaskShown:
    """All of one task."""

    id: TaskId
    anchor: str
    title: str
    state: str
    why: str
    """Its reason in short, on one line."""
    reason: str
    took: str
    used: str
    notes: tuple[str, ...]
    attempts: tuple[AttemptShown, ...]
    findings: tuple[FindingShown, ...]
    findings_left_out: int
    standing: int
    """Findings that nobody has mended or dismissed."""
    commit: str
    patch: Excerpt | None


@frozen
class Caps:
    """How much of each thing is shown, in bytes."""

    prompt: int = 24_000
    reply: int = 24_000
    output: int = 48_000
    patch: int = 96_000

    def scaled(self, share: float) -> "Caps":
        """The same, each a part of it."""
        return Caps(*(int(one * share) for one in (self.prompt, self.reply, self.output, self.patch)))

    @property
    def of_attempt(self) -> int:
        """All that one attempt may take."""
        return self.prompt + self.reply + self.output


def bytes_wanted(task: TaskReport, caps: Caps) -> int:
    """How much there is room for if each thing takes as much as `caps` says, and what a person has to look at counts for more."""
    return _weight(task) * (caps.patch + caps.of_attempt * sum(bool(one.agent) for one in task.attempts))


def _weight(task: TaskReport) -> int:
    return _WEIGHTY if task.status.state in _TO_LOOK_AT else 1


def shown(task: TaskReport, anchor: str, reported: Reported, patches: Patches, share: float) -> TaskShown:
    """All of a task; of what was said, such a share of the most that is ever shown, and more where a person has to look."""
    evidence = reported.evidence
    caps = Caps().scaled(min(share * _weight(task), 1.0))
    findings = list(_findings(task, evidence))
    patch = patches.of(task.state.change, caps.patch)
    return TaskShown(
        id=task.id,
        anchor=anchor,
        title=task.status.title,
        state=task.status.state,
        why=evidence.short(task.status.reason, _IN_SHORT).partition("\n")[0],
        reason=evidence.short(task.status.reason, _LONGEST),
        took=duration(task.worked),
        used=_used(task.attempts),
        notes=task.status.notes,
        attempts=tuple(_attempt(one, task, evidence, caps) for one in task.attempts),
        findings=tuple(findings[:_FINDINGS]),
        findings_left_out=max(len(findings) - _FINDINGS, 0),
        standing=sum(finding.stands for finding in findings),
        commit=task.status.commit,
        patch=patch if patch and patch.text.strip() else None,
    )


def _attempt(one: Attempt, task: TaskReport, evidence: Evidence, caps: Caps) -> AttemptShown:
    outcome, folder = one.outcome, evidence.path_of(one)
    return AttemptShown(
        phase=one.phase,
        number=one.number,
        agent=one.agent or (outcome.agent if outcome else ""),
        began=clock(one.started, task.until),
        took=duration(task.end_of(one) - one.started),
        result=outcome.name if outcome else "not ended",
        look=look_of(one),
        reason=evidence.short(outcome.reason, _LONGEST) if outcome else "",
        used=_used((one,)),
        folder=folder,
        pieces=tuple(_pieces(one, folder, evidence, caps)) if one.agent else (),
    )


def _pieces(one: Attempt, folder: Path, evidence: Evidence, caps: Caps) -> Iterator[Piece]:
    readers: tuple[tuple[str, Callable[[], Excerpt]], ...] = (
        ("what it was told", lambda: evidence.begin_of(folder / "prompt.md", caps.prompt)),
        ("what it answered", lambda: evidence.begin_of(folder / "reply.md", caps.reply)),
        ("the end of what it printed", lambda: evidence.end_of_output(one, caps.output)),
    )
    for title, read in readers:
        if (excerpt := read()).text.strip():
            yield Piece(title, excerpt)


def _used(attempts: tuple[Attempt, ...]) -> str:
    used = summed(tuple(used for one in attempts if one.outcome for used in one.outcome.usage))
    return amount(used) if used.tokens else ""


def _findings(task: TaskReport, evidence: Evidence) -> Iterator[FindingShown]:
    """Each once, in the order in which they were found; those that stand first."""
    seen: dict[str, Finding] = {}
    for one in task.attempts:
        for finding in one.outcome.findings if one.outcome else ():
            seen.setdefault(finding.fingerprint, finding)
    left = {finding.fingerprint: finding for finding in _left(task)}
    dismissed = task.state.dismissed
    seen |= {**dismissed, **left}
    ends = [(mark, _end(mark, task, left), finding) for mark, finding in seen.items()]
    for mark, end, finding in sorted(ends, key=lambda one: one[0] not in left):
        yield FindingShown(finding, evidence.short(finding.message, _LONGEST), end, stands=mark in left)


def _left(task: TaskReport) -> tuple[Finding, ...]:
    """Those that nobody has mended or dismissed."""
    last = task.state.last()
    if task.state.findings or not task.state.is_stuck or not last or not last.outcome:
        return task.state.findings
    return last.outcome.findings


def _end(mark: str, task: TaskReport, left: dict[str, Finding]) -> str:
    if mark in left:
        return "still there"
    if dismissed := task.state.dismissed.get(mark):
        return f"dismissed: {dismissed.dismissed}"
    return "mended" if task.status.state == "done" else "not found again"


def summary_of(task: TaskShown) -> str:
    """What stands beside its title."""
    parts = [
        task.took if task.attempts else "",
        count(len(task.attempts), "attempt") if task.attempts else "",
    ]
    parts += [count(task.standing, "finding") if task.standing else "", task.used]
    return ", ".join(filter(None, parts))
