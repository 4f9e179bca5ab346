"""A file that is no plan yet, rewritten on the way to a run."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from peal.errors import PealError
from peal.jobs.plan_job import Rewrite
from peal.model.decision import Budget
from peal.model.plan import Plan
from peal.record.events import PlanRewritten
from peal.run.session import Opener
from peal.text.display import decoded, harmless
from peal.work import Roster


def rewriter(open_session: Opener, say: Callable[[str], None]) -> Rewrite:
    """Has an agent make plans of files, as the settings want it, in a session that is opened for that if need be."""

    def rewrite(plan_file: Path, roster: Roster, budget: Budget) -> tuple[Plan, PlanRewritten]:
        from peal.run.normalize import DOCUMENT, Rewriting, rewritten  # only here: most files are plans

        def shown(text: str) -> None:
            say(roster.hide(harmless(text)))

        session, path = open_session(shown), roster.settings.normalize_prompt_path
        template = _template(session.repo_paths.repo / path, DOCUMENT) if path else _own_template()
        return rewritten(Rewriting(session, plan_file, roster, template, budget, shown))

    return rewrite


def refuse_to_rewrite(plan_file: Path, _roster: Roster, _budget: Budget) -> tuple[Plan, PlanRewritten]:
    """PealError, for a dry run."""
    raise PealError(
        f"`{plan_file}` is no plan yet, and a dry run lets no agent rewrite it; run it without --dry-run"
    )


def _own_template() -> str:
    return files("peal.run").joinpath("normalize_prompt.md").read_text(encoding="utf-8")


def _template(path: Path, document: str) -> str:
    """A person's own prompt, with the place of the `document` in it."""
    try:
        text = decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PealError(f"`normalize_prompt_path` is `{path}`, which cannot be read: {reason}") from None
    if document not in text:
        raise PealError(
            f"`normalize_prompt_path` is `{path}`, which has no {document} in it; "
            "write that where the document belongs"
        )
    return text
