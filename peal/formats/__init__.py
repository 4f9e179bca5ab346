"""Text to Plan: the front that decides which format a file is in; to add one, write its file and name it here."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath

from attrs import evolve

from peal.formats import (
    backlog_md,
    bmad,
    ccpm,
    checklist,
    conductor,
    cursor,
    execplan,
    feature_list,
    folder,
    foreign,
    front_matter,
    gsd,
    kiro,
    numbered,
    openspec,
    peal,
    phases,
    prd,
    speckit,
    task_groups,
    taskmaster,
    ticking,
    trackers,
    writing,
)
from peal.formats.checks import (
    circles,
    no_task,
    nothing_to_do,
    order_by_name,
    shared_files,
    swallowed,
    unfit_ids,
    unknown_needs,
    unread,
)
from peal.formats.contradictions import contradictions
from peal.formats.document import Document
from peal.formats.folder import is_one_plan
from peal.formats.marks import Marked, without_trailing
from peal.formats.protocol import Evidence, Format, Reading, quoted
from peal.model.plan import Plan, Problem, Task
from peal.text.display import count

__all__ = ["FORMATS", "NAMES", "converted", "has_marks", "is_one_plan", "parse", "parse_folder", "ticked"]

# The first that finds evidence reads the document, and no other: what is a tool's own stands before what anyone
# may write, and a plain list is what nothing else explains. So JSON, settings at the top, tags and headings that only one
# tool writes come first: below them may stand headings and boxes that are no tasks. Boxes with numbers come before the
# headings around them; of the formats with numbers at their boxes the first wants `1.0` or sections called groups, the
# second `1.` or marks of Kiro's, and the third takes what is left.
FORMATS: tuple[Format, ...] = (
    *(prd, feature_list, taskmaster, trackers),
    *(cursor, backlog_md, ccpm, gsd, bmad, execplan, conductor),
    *(peal, speckit, task_groups, kiro, openspec, numbered, phases, foreign, checklist),
)

NAMES = tuple(sorted(one.name for one in FORMATS if one not in (foreign, trackers)))
"""What a person may name."""


def parse(raw: bytes, path: str, format_name: str = "") -> Plan:
    """
    The plan in a file's bytes; never raises: what is wrong is in `problems`, beside what could be read.

    It is read in the format of that name, or else in the one that there is evidence for.
    """
    document = Document.of(raw, PurePath(path).name)
    found, evidence = (_named(format_name), None) if format_name else _decided(document)
    reading = found.read(document) if found else Reading()
    seen = f"{evidence.seen} on line {evidence.line}" if evidence else ""
    plan = _plan(path, found.name if found else "unknown", seen, reading)
    problems = [*document.problems, *(swallowed(document, plan) if reading.is_markdown else ())]
    problems = problems if found else [*problems, *unread(document)]
    return _checked(plan, reading, problems, contradictions(document, plan.tasks))


def parse_folder(files: Mapping[str, bytes], path: str) -> Plan:
    """The plan in a folder's files, given by their names, which are one task each; never raises either."""
    found = folder.read(files)
    return _checked(_plan(path, found.format, found.evidence, found.reading), found.reading)


def _plan(path: str, format_name: str, evidence: str, reading: Reading) -> Plan:
    return Plan(
        path=path,
        format=format_name,
        tasks=reading.tasks,
        context=reading.context,
        evidence=evidence,
        parents=reading.parents,
    )


def _checked(
    plan: Plan, reading: Reading, found: Iterable[Problem] = (), notes: Iterable[Problem] = ()
) -> Plan:
    problems = [*found, *reading.problems, *nothing_to_do(plan), *unfit_ids(plan), *unknown_needs(plan)]
    if not problems:
        problems += circles(plan, reading.dependency)
    return evolve(
        plan,
        problems=_by_line(problems or no_task(plan)),
        notes=_by_line(
            [*reading.notes, *notes, *order_by_name(plan, reading.dependency), *shared_files(plan)]
        ),
    )


def converted(plan: Plan) -> tuple[bytes, tuple[str, ...]]:
    """
    A plan in peal's own format, and a word on each thing that could not be said there.

    ValueError names the task that would be read as something else.
    """
    written = writing.written(plan)
    raw = written.text.encode("utf-8", "replace")
    if parse(raw, plan.path).format != peal.name:
        raw = f"---\n{_NAMED} {peal.name}\n---\n\n".encode() + raw
    read = parse(raw, plan.path, peal.name)
    if read.problems:
        raise ValueError(f"line {read.problems[0].line} of it: {read.problems[0].message}")
    if len(read.tasks) != len(plan.tasks):
        raise ValueError(f"its {count(len(plan.tasks), 'task')} would be read as {len(read.tasks)}")
    for task, other in zip(plan.tasks, read.tasks, strict=True):
        title = without_trailing(Marked(task.title)).text if task.done else task.title
        if (title, task.done, task.is_planned) != (other.title, other.done, other.is_planned):
            raise ValueError(f"task `{task.id}` on line {task.line} would be read as another than it is")
    return raw, written.told


def has_marks(format_name: str) -> bool:
    """Whether a plan in this format says which of its tasks are done."""
    return _mark_of(format_name) is not None


def ticked(raw: bytes, format_name: str, task: Task, path: str = "") -> bytes | None:
    """
    A plan's file with a task marked as done, every other byte as it is; None if it is that already, or cannot be marked.

    The task is the one of the same name and title; some formats name it by the path. A file is given back only if it is read
    as the same plan but for that.
    """
    before, mark = parse(raw, path, format_name), _mark_of(format_name)
    found = next((one for one in before.tasks if (one.id, one.title) == (task.id, task.title)), None)
    if before.problems or not found or found.done or not mark:
        return None
    after = ticking.edited(raw, mark(Document.of(raw, PurePath(path).name), found))
    expected = [(one.id, one.title, one.done or one is found) for one in before.tasks]
    read = parse(after, path, format_name)
    is_so = not read.problems and [(one.id, one.title, one.done) for one in read.tasks] == expected
    return after if is_so else None


def _mark_of(format_name: str) -> Callable[[Document, Task], list[ticking.Edit]] | None:
    return getattr(_named(format_name), "marked", ticking.marked_in_markdown)


_NAMED = "peal_format:"
"""In front matter, before the name of the format of the file."""


def _decided(document: Document) -> tuple[Format | None, Evidence | None]:
    for line, text in enumerate(document.front_matter, front_matter.FIRST):
        if text.startswith(_NAMED) and (name := text.removeprefix(_NAMED).strip()) in NAMES:
            return _named(name), Evidence(line, quoted(text.strip()))
    for one in FORMATS:
        if evidence := one.evidence(document):
            return one, evidence
    return None, None


def _named(name: str) -> Format:
    return next(one for one in FORMATS if one.name == name)


def _by_line(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.line))
