"""Cursor's `.plan.md`: the `todos` of the front matter are the tasks, and the text below is what they are about."""

from peal.classes import frozen
from peal.formats import front_matter, statuses
from peal.formats.document import Document
from peal.formats.front_matter import Setting, Unreadable
from peal.formats.marks import one_line
from peal.formats.protocol import Evidence, Reading
from peal.formats.task_order import in_order
from peal.formats.ticking import Edit
from peal.model.plan import Problem, Task, TaskId

name = "cursor"


@frozen
class _Todo:
    task: Task
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def evidence(document: Document) -> Evidence | None:
    """Settings at the top with `todos`."""
    line = front_matter.keys(document).get("todos")
    return Evidence(line, "`todos:` in the front matter") if line else None


def read(document: Document) -> Reading:
    """The todos as they stand; boxes in the text are none."""
    context = document.text(1, len(document.lines))
    try:
        settings = front_matter.read(document)
    except Unreadable as error:
        return Reading(context=context, problems=(error.problem,))
    todos = settings.at("todos")
    if not todos.items:
        message = "`todos` in the front matter is empty, so this plan has no task; let Cursor write them, or name each with `id` and `content`"
        return Reading(
            context=context, problems=(Problem(front_matter.keys(document).get("todos", 1), message),)
        )
    read = [_todo(one) for one in todos.items]
    overview = settings.at("overview").text
    return Reading(
        tasks=in_order([one.task for one in read]),
        context="\n\n".join(filter(None, (overview, context))),
        problems=tuple(problem for one in read for problem in one.problems),
        notes=tuple(note for one in read for note in one.notes),
        dependency="dependencies",
        is_markdown=False,
    )


def marked(document: Document, task: Task) -> list[Edit]:
    """A todo is done by its status."""
    todos = front_matter.read(document).at("todos").items
    found = next(one for one in todos if one.at("id").text == task.id)
    return front_matter.said(document, found, "status", "completed")


def _todo(one: Setting) -> _Todo:
    name, content = one.at("id").text, one.at("content").text
    first, _, rest = content.partition("\n")
    status = statuses.read(one.at("status").text)
    problems, notes = statuses.as_problems(status, one.line)
    if not name or not content:
        problems.append(Problem(one.line, "a todo needs `id` and `content`; write both"))
    task = Task(
        id=TaskId(name or "?"),
        title=one_line(first),
        body=rest.strip(),
        done=status.done,
        is_optional=status.is_optional,
        after=tuple(map(TaskId, one.at("dependencies").words)),
        line=one.line,
    )
    return _Todo(task, tuple(problems), tuple(notes))
