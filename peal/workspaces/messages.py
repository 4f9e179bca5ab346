"""What the commits of tasks and merges say: the person's templates filled in, and the trailers by which peal finds them."""

import re

from peal.classes import frozen
from peal.model.plan import Task
from peal.settings import COMMIT_MESSAGE
from peal.text.display import harmless

_MEND = "Mend task {id}: {title}"
_FIELD = re.compile(r"\{(\w+)\}")
_TRAILERS = re.compile(r"(?:[\w-]+: [^\n]*\n?)+")


@frozen
class Messages:
    """The wording of a plan's commits; see `commit_message` and `merge_message`."""

    plan: str
    branch: str
    commit: str
    merge: str

    def of_task(self, task: Task, run: str) -> str:
        """The text of a task's commit, with its trailers in the last paragraph."""
        trailers = {"Peal-Plan": harmless(self.plan), "Peal-Task": task.id, "Peal-Run": run}
        text = self._filled(self.commit, task)
        head, gap, last = text.rpartition("\n\n")
        apart = "" if gap and head and _TRAILERS.fullmatch(last) else "\n"
        return f"{text}{apart}" + "".join(f"{name}: {value}\n" for name, value in trailers.items())

    def of_mend(self, task: Task) -> str:
        """The text of a commit that mends what has landed already."""
        return self._filled(_MEND if self.commit == COMMIT_MESSAGE else self.commit, task)

    def of_merge(self, task: Task) -> str:
        """The text of the merge that brings a task into the branch."""
        return self._filled(self.merge, task)

    def _filled(self, template: str, task: Task) -> str:
        title = harmless(task.shown_title)
        if not title:
            template, title = template.replace("{id}: {title}", "{id}"), f"task {task.id}"
        values = {
            "title": title,
            "id": task.id,
            "plan": harmless(self.plan),
            "branch": self.branch,
        }
        return _FIELD.sub(lambda found: values[found[1]], template).strip() + "\n"
