"""A task of Backlog.md: the file is one task, named by its front matter, and boxes in it are criteria."""

from peal.formats import front_matter, one_task
from peal.formats.document import Document
from peal.formats.one_task import OneTask
from peal.formats.protocol import Evidence, Reading
from peal.formats.ticking import Edit
from peal.model.plan import Task

name = "backlog_md"

_NAMED = {"id", "title", "status"}
DEPENDENCY = "dependencies"
"""The setting that names what a task waits for."""
# Decisions have an id and a status too, and none of these.
_OF_TASKS = {DEPENDENCY, "created_date", "parent_task_id", "ordinal", "assignee"}


def evidence(document: Document) -> Evidence | None:
    """Settings at the top with an id, a title, a status, and one that only tasks have."""
    keys = front_matter.keys(document)
    is_one = keys.keys() >= _NAMED and keys.keys() & _OF_TASKS
    return Evidence(keys["id"], "`id`, `title` and `status` in the front matter") if is_one else None


def read(document: Document) -> Reading:
    """The one task; all text below the settings is its text."""
    return one_task.by_itself(of_file(document))


def marked(document: Document, _task: Task) -> list[Edit]:
    """A task is done by its status."""
    return one_task.marked(document, "Done")


def of_file(document: Document) -> OneTask:
    """The task with what it waits for in other files."""
    return one_task.read(document, "", "title", DEPENDENCY)
