"""A file that is no plan yet: an agent rewrites it as one, which is kept and stands for the file from then on."""

import time
from collections.abc import Callable
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.jobs import plan_files
from peal.model.decision import Budget
from peal.model.plan import Plan
from peal.record.events import PlanRewritten
from peal.run.session import Session
from peal.run.written_plan import Asking, Purpose, cost_of, written
from peal.system.layout import PlanPaths
from peal.text.display import count, fenced, is_utf16
from peal.work import Roster

DOCUMENT = "{{DOC}}"
"""Where the document stands in a prompt."""


def prompt_for(template: str, document: str) -> str:
    """What the agent is asked."""
    return template.replace(DOCUMENT, fenced(document, "DOCUMENT"))


@frozen
class Rewriting:
    """A file to be rewritten, and by whom."""

    session: Session
    plan_file: Path
    roster: Roster
    template: str
    """The prompt, with `DOCUMENT` in it."""
    budget: Budget
    say: Callable[[str], None]

    @property
    def plan_paths(self) -> PlanPaths:
        """Where the plan's memory will be."""
        return self.session.repo_paths.plan(self.plan_file)


def rewritten(rewriting: Rewriting) -> tuple[Plan, PlanRewritten]:
    """
    The plan that an agent makes of the file, kept for every later run; and what is to be remembered of it.

    PealError if it cannot be asked, or makes none; also if a signal comes first.
    """
    raw, path = rewriting.plan_file.read_bytes(), str(rewriting.plan_file)
    if is_utf16(raw):
        raise PealError(f"`{path}` is UTF-16, which no agent is asked to read; save it as UTF-8")
    asking = _asking(rewriting, path)
    rewriting.say(f"`{path}` is no plan yet; agent `{asking.agent}` rewrites it as one")
    found = written(asking, prompt_for(rewriting.template, raw.decode("utf-8-sig", "replace")))
    plan_files.keep(rewriting.plan_paths, raw, found.text)
    tasks, cost = count(len(found.plan.tasks), "task"), cost_of(found.spent, ", {}")
    rewriting.say(f"rewritten as {tasks}{cost}; kept in `{rewriting.plan_paths.normalized}`")
    return found.plan, PlanRewritten(time.time(), asking.agent, tuple(found.spent.models.values()))


def _asking(rewriting: Rewriting, path: str) -> Asking:
    return Asking(
        session=rewriting.session,
        roster=rewriting.roster,
        budget=rewriting.budget,
        say=rewriting.say,
        purpose=Purpose(
            name="normalize",
            deed="rewrite the plan",
            missed=f"made no plan of `{path}`",
            way_out="pass --normalize-retry-count, or rewrite the file yourself",
            ended="while the plan was rewritten; nothing was begun",
        ),
        path=path,
        transcripts=rewriting.plan_paths.attempts,
        retries=rewriting.roster.settings.normalize_retry_count,
    )
