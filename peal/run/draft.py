"""A plan for a wish: an agent reads the repository and writes it; nothing is carried out."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.model.decision import Budget
from peal.run.session import Opener, Session
from peal.run.written_plan import Asking, Purpose, WrittenPlan, cost_of, written
from peal.settings import Settings
from peal.text.display import count, fenced, harmless
from peal.text.redaction import HIDDEN
from peal.work import Roster

_WISH = "{{WISH}}"
"""Where the wish stands in the prompt."""
_RETRIES = 2
"""How often an answer is handed back where nobody has set that: there is no document that a person could mend instead."""
_PURPOSE = Purpose(
    name="draft",
    deed="write the plan",
    missed="wrote no plan that can be run",
    way_out="pass --normalize-retry-count to have it asked more often, or say more of what you want",
    ended="while the plan was written; nothing was kept of it",
)


@frozen
class Draft:
    """A wish, who writes a plan for it, and where that is going to be."""

    wish: str
    instructions: str
    """What a plan looks like and what makes a good one, for a language model."""
    output: Path
    roster: Roster
    open_session: Opener
    tell: Callable[[str], None]

    def say(self, text: str) -> None:
        """Tell how it goes."""
        self.tell(self.roster.hide(harmless(text)))


def drafted(draft: Draft) -> WrittenPlan:
    """
    The plan, without problems in peal's own format, and without the values of secret variables; it is in no file yet.

    PealError if the agent cannot be asked or writes none; `EndedError` if a signal comes first.
    """
    agent = next(iter(draft.roster.agents))
    if agent == "shell":
        raise PealError(
            "agent `shell` has no model that could write a plan; pass --agent with one that has (`peal agents` lists those "
            "that are here), or give what `peal prompt` prints to any model"
        )
    asking = _asking(draft, draft.open_session(draft.say))
    draft.say(f"agent `{agent}` reads the repository and writes a plan")
    found = written(asking, prompt_for(draft.wish, draft.instructions))
    draft.say(f"written as {count(len(found.plan.tasks), 'task')}{cost_of(found.spent, ', {}')}")
    if HIDDEN in found.text:
        draft.say(f"in place of secret values the plan has `{HIDDEN}`; name their variables instead")
    return found


def prompt_for(wish: str, instructions: str) -> str:
    """What the agent is asked: the wish, then what a plan is."""
    template = files("peal.run").joinpath("draft_prompt.md").read_text(encoding="utf-8")
    return template.replace(_WISH, fenced(wish, "WISH")) + instructions


def _asking(draft: Draft, session: Session) -> Asking:
    settings = draft.roster.settings
    return Asking(
        session=session,
        roster=draft.roster,
        budget=Budget(settings.max_cost, settings.max_tokens),
        say=draft.say,
        purpose=_PURPOSE,
        path=str(draft.output),
        transcripts=session.repo_paths.plan(draft.output).attempts,
        retries=_retries(settings),
        format_name="peal",
        clean=draft.roster.hide,
    )


def _retries(settings: Settings) -> int:
    is_set = "normalize_retry_count" in settings.origins
    return settings.normalize_retry_count if is_set else _RETRIES
