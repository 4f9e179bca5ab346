"""Files that are one task each, with its settings at the top: what such a file says, by itself and among others."""

from attrs import evolve

from peal.classes import frozen
from peal.formats import front_matter, statuses
from peal.formats.document import Document
from peal.formats.front_matter import Setting, Unreadable
from peal.formats.marks import one_line
from peal.formats.protocol import Reading
from peal.formats.ticking import Edit
from peal.model.plan import Problem, Task, TaskId
from peal.text.display import some


@frozen
class OneTask:
    """What a file that is one task says; of one that cannot be read only the problems."""

    task: Task | None
    """With what it waits for in other files."""
    settings: Setting
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def read(document: Document, name: str, title: str, after: str) -> OneTask:
    """The task of that name, whose title and whose needs stand under these keys."""
    try:
        settings = front_matter.read(document)
    except Unreadable as error:
        return OneTask(None, Setting(1), (error.problem,))
    places = front_matter.keys(document)
    status = statuses.read(settings.at("status").text)
    problems, notes = statuses.as_problems(status, places.get("status", 1))
    task = Task(
        id=TaskId(name or settings.at("id").text),
        title=one_line(settings.at(title).text),
        body=document.text(1, len(document.lines)),
        done=status.done,
        is_optional=status.is_optional,
        after=tuple(dict.fromkeys(map(TaskId, settings.at(after).words))),
        line=places.get(title, 1),
    )
    return OneTask(task, settings, tuple(problems), tuple(notes))


def marked(document: Document, word: str) -> list[Edit]:
    """What has the settings say that the task is done, by the tool's word for that."""
    return front_matter.said(document, front_matter.read(document), "status", word)


def by_itself(one: OneTask) -> Reading:
    """A plan of this task alone: what it waits for is in other files, so that is only told."""
    if not one.task:
        return Reading(problems=one.problems)
    notes = list(one.notes)
    if one.task.after:
        which = some(one.task.after, 5)
        message = (
            f"this task waits for {which}, in other files; to carry them out in their order name their folder"
        )
        notes.append(Problem(one.task.line, message))
    return Reading(
        tasks=(evolve(one.task, after=()),), problems=one.problems, notes=tuple(notes), is_markdown=False
    )
