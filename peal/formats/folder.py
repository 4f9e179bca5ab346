"""A folder of files that are one task each: together they are one plan, in the order of what each waits for."""

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from peal.classes import frozen
from peal.formats import backlog_md, ccpm
from peal.formats.document import Document
from peal.formats.one_task import OneTask
from peal.formats.protocol import Reading, quoted
from peal.formats.task_order import in_order
from peal.model.plan import Parent, Problem, Task, TaskId
from peal.text.display import count, some
from peal.text.names import natural

name = "folder"

_KINDS = (backlog_md, ccpm)
_BESIDE_CCPM = re.compile(r"github-mapping\.md|\d+-analysis\.md")
_EPIC = "epic.md"
_SHOWN = 3


@frozen
class FolderReading:
    """What is in a folder, and what it was taken for by what."""

    format: str
    evidence: str
    reading: Reading


@frozen
class _File:
    name: str
    one: OneTask
    task: Task


def read(files: Mapping[str, bytes]) -> FolderReading:
    """The plan in the files of a folder, by their names; never raises."""
    documents = {file: Document.of(files[file], file) for file in sorted(files)}
    found = {kind.name: [file for file, one in documents.items() if kind.evidence(one)] for kind in _KINDS}
    kinds = [kind for kind in _KINDS if found[kind.name]]
    if not kinds:
        return _refused(_no_tasks(documents))
    kind, tasks = kinds[0], found[kinds[0].name]
    others = [file for file in documents if file not in tasks and not _is_beside(kind.name, file)]
    if others:
        told = f"{quoted(tasks[0])} is a task by itself and {quoted(others[0])} is not, or of another tool"
        way_out = "leave files of one kind in this folder, or name one of them"
        return _refused(f"{told}; {way_out}")
    return FolderReading(
        format=kind.name,
        evidence=f"{count(len(tasks), 'file')} with one task each, such as {quoted(tasks[0])}",
        reading=evolve(
            _merged(documents, {file: kind.of_file(documents[file]) for file in tasks}),
            dependency=kind.DEPENDENCY,
        ),
    )


def is_one_plan(files: Mapping[str, bytes]) -> bool:
    """Whether a file in a folder, given by their names, is a task by itself; otherwise they are plans, if anything."""
    documents = (Document.of(raw, file) for file, raw in files.items())
    return any(kind.evidence(document) for document in documents for kind in _KINDS)


def _refused(message: str) -> FolderReading:
    return FolderReading(name, "", Reading(problems=(Problem(1, message),), is_markdown=False))


def _no_tasks(documents: Mapping[str, Document]) -> str:
    if not documents:
        return "there is no markdown file in this folder; name a plan file"
    shown = some(list(documents), _SHOWN)
    return f"this is a folder of plans ({shown}), and one is asked for; name one of its files"


def _is_beside(kind: str, file: str) -> bool:
    """Whether a tool keeps such a file beside its tasks."""
    return kind == ccpm.name and (file == _EPIC or _BESIDE_CCPM.fullmatch(file) is not None)


def _merged(documents: Mapping[str, Document], read: Mapping[str, OneTask]) -> Reading:
    files = [_File(file, one, one.task) for file, one in read.items() if one.task]
    files.sort(key=lambda file: natural(file.task.id))
    problems = [_told(file, one) for file, read_one in read.items() for one in read_one.problems]
    problems += [_told(file, one) for file, document in documents.items() for one in document.problems]
    notes = [_told(file, one) for file, read_one in read.items() for one in read_one.notes]
    children = _children(files)
    parents = [file for file in files if file.task.id in children]
    tasks = in_order(list(_linked(files, children)))
    return Reading(
        tasks=_apart(tasks, {file.task.id: file for file in files}),
        context="\n\n".join(_context(documents, parents)),
        parents=tuple(Parent(one.task.id, one.task.title, one.task.done, one.task.line) for one in parents),
        problems=(*problems, *_alike(files)),
        notes=tuple(notes),
        is_markdown=False,
    )


def _told(file: str, problem: Problem) -> Problem:
    return Problem(problem.line, f"of {quoted(file)}: {problem.message}")


def _alike(files: Sequence[_File]) -> Iterator[Problem]:
    known: dict[str, _File] = {}
    for file in files:
        first = known.setdefault(file.task.id.casefold(), file)
        if first is not file:
            message = f"{quoted(first.name)} and {quoted(file.name)} are both task {quoted(file.task.id)}"
            yield Problem(file.task.line, f"{message}; give each an id of its own")


def _children(files: Sequence[_File]) -> dict[TaskId, list[_File]]:
    """The files that say that they belong to a task of the folder, by that task."""
    known = _known(files)
    children: dict[TaskId, list[_File]] = {}
    for file in files:
        parent = known.get(file.one.settings.at("parent_task_id").text.casefold())
        if parent and parent != file.task.id:
            children.setdefault(parent, []).append(file)
    return children


def _known(files: Sequence[_File]) -> dict[str, TaskId]:
    return {file.task.id.casefold(): file.task.id for file in files}


def _linked(files: Sequence[_File], children: Mapping[TaskId, Sequence[_File]]) -> Iterator[Task]:
    """The tasks that hold no others, waiting for tasks: for all in a parent where that is named, and for what their own waits for."""
    known = _known(files)
    parent_of = {child.task.id: parent for parent, inner in children.items() for child in inner}
    after = {file.task.id: tuple(known.get(one.casefold(), one) for one in file.task.after) for file in files}
    for file in files:
        if file.task.id not in children:
            above = _above(file.task.id, parent_of)
            needed = (one for task in above for one in after[task])
            tasks = (TaskId(one) for need in needed for one in _within(TaskId(need), children))
            is_beside = file.one.settings.at("parallel").text.lower() == "true"
            yield evolve(file.task, after=tuple(dict.fromkeys(tasks)), parallel=is_beside, file=file.name)


def _above(task: TaskId, parent_of: Mapping[TaskId, TaskId]) -> list[TaskId]:
    found = [task]
    while (parent := parent_of.get(found[-1])) and parent not in found:
        found.append(parent)
    return found


def _within(task: TaskId, children: Mapping[TaskId, Sequence[_File]]) -> Iterator[TaskId]:
    """The tasks that a name stands for: itself, or all that are in it."""
    open_, seen = [task], {task}
    while open_:
        one = open_.pop(0)
        if one not in children:
            yield one
        inner = [child.task.id for child in children.get(one, ()) if child.task.id not in seen]
        seen |= set(inner)
        open_ += inner


def _apart(tasks: Sequence[Task], files: Mapping[TaskId, _File]) -> tuple[Task, ...]:
    """The tasks in their order, each behind those of them that it must not be worked on beside."""
    place = {task.id: at for at, task in enumerate(tasks)}
    behind: dict[TaskId, list[TaskId]] = {}
    for task in tasks:
        for other in map(TaskId, files[task.id].one.settings.at("conflicts_with").words):
            if other in place and other != task.id:
                first, last = sorted((task.id, other), key=place.__getitem__)
                behind.setdefault(last, []).append(first)
    return tuple(
        evolve(task, after=tuple(dict.fromkeys((*task.after, *behind[task.id]))))
        if task.id in behind and (task.parallel or task.after)
        else task
        for task in tasks
    )


def _context(documents: Mapping[str, Document], parents: Sequence[_File]) -> Iterator[str]:
    if _EPIC in documents:
        yield documents[_EPIC].text(1, len(documents[_EPIC].lines))
    for parent in parents:
        yield f"# {parent.task.id}: {parent.task.title}\n\n{parent.task.body}".strip()
