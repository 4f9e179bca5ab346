"""A task of ccpm: the file is one task, whose id is the number that it is called by."""

import re

from peal.formats import front_matter, one_task
from peal.formats.document import Document
from peal.formats.one_task import OneTask
from peal.formats.protocol import Evidence, Reading
from peal.formats.ticking import Edit
from peal.model.plan import Task

name = "ccpm"

DEPENDENCY = "depends_on"
"""The setting that names what a task waits for."""
_NAMED = {"name", "status"}
_OF_TASKS = {DEPENDENCY, "parallel", "conflicts_with"}
_AT_THE_END = re.compile(r"(?:^|[\W_])(\d+)$")
_AT_THE_BEGINNING = re.compile(r"(\d+)[\W_]")


def evidence(document: Document) -> Evidence | None:
    """Settings at the top with a name, a status, and what the task waits for or may stand beside."""
    keys = front_matter.keys(document)
    told = keys.keys() & _OF_TASKS
    is_one = keys.keys() >= _NAMED and (len(told) > 1 or DEPENDENCY in told)
    return Evidence(keys["name"], "`name`, `status` and `depends_on` in the front matter") if is_one else None


def read(document: Document) -> Reading:
    """The one task; all text below the settings is its text."""
    return one_task.by_itself(of_file(document))


def marked(document: Document, _task: Task) -> list[Edit]:
    """A task is done by its status."""
    return one_task.marked(document, "closed")


def of_file(document: Document) -> OneTask:
    """The task with what it waits for in other files."""
    return one_task.read(document, _id(document.name), "name", DEPENDENCY)


def _id(file: str) -> str:
    stem = file.rpartition(".")[0] or file
    number = _AT_THE_END.search(stem) or _AT_THE_BEGINNING.match(stem)
    return number[1] if number else stem or "1"
