"""A file that is no plan yet, rewritten on the way to a run."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from peal.errors import PealError
from peal.model.plan import Plan
from peal.run import normalize
from peal.system.layout import RepoPaths
from peal.text.display import decoded, harmless
from peal.work import Roster


def rewritten(
    repo_paths: RepoPaths, plan_file: Path, roster: Roster, is_rehearsal: bool, say: Callable[[str], None]
) -> Plan:
    """The plan that an agent makes of a file, as the settings want it; PealError if that fails, or is not to be done."""
    if is_rehearsal:
        raise PealError(
            f"`{plan_file}` is no plan yet, and a dry run lets no agent rewrite it; run it without --dry-run"
        )
    path = roster.settings.normalize_prompt_path
    template = _template(repo_paths.repo / path) if path else _own_template()

    def shown(text: str) -> None:
        say(roster.hide(harmless(text)))

    return normalize.rewritten(normalize.Rewriting(repo_paths, plan_file, roster, template, shown))


def _own_template() -> str:
    return files("peal.run").joinpath("normalize_prompt.md").read_text(encoding="utf-8")


def _template(path: Path) -> str:
    """A person's own prompt."""
    try:
        text = decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PealError(f"`normalize_prompt_path` is `{path}`, which cannot be read: {reason}") from None
    if normalize.DOCUMENT not in text:
        raise PealError(
            f"`normalize_prompt_path` is `{path}`, which has no {normalize.DOCUMENT} in it; "
            "write that where the document belongs"
        )
    return text
