"""What a plan calls itself: its first heading that is no task's."""

from pathlib import PurePath

from peal.formats.document import Document
from peal.formats.marks import one_line
from peal.formats.task_headings import NotTask, read


def title(raw: bytes, path: str) -> str:
    """The title in a file's bytes; empty where no heading of the first level gives it one."""
    found = (one for one in Document.of(raw, PurePath(path).name).headings if one.level == 1)
    return next((one_line(one.text) for one in found if isinstance(read(one), NotTask)), "")
