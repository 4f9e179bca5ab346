"""A file that is no plan yet, rewritten on the way to a run."""

from importlib.resources import files
from pathlib import Path

import click

from peal import normalizing
from peal.errors import PealError
from peal.model import Plan
from peal.places import Places
from peal.text import decoded, harmless
from peal.work import Crew


def rewritten(places: Places, plan_file: Path, crew: Crew, is_rehearsal: bool) -> Plan:
    """The plan that the crew makes of a file, as the settings want it; PealError if that fails, or is not to be done."""
    if is_rehearsal:
        raise PealError(
            f"`{plan_file}` is no plan yet, and a dry run lets no agent rewrite it; run it without --dry-run"
        )
    path = crew.settings.normalize_prompt_path
    template = _template(places.repo / path) if path else _own_template()

    def say(text: str) -> None:
        """On stderr, as there is no screen yet."""
        click.echo(crew.hide(harmless(text)), err=True)

    return normalizing.rewritten(normalizing.Order(places, plan_file, crew, template, say))


def _own_template() -> str:
    return files("peal.cli").joinpath("normalize_prompt.md").read_text(encoding="utf-8")


def _template(path: Path) -> str:
    """A person's own prompt."""
    try:
        text = decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PealError(f"`normalize_prompt_path` is `{path}`, which cannot be read: {reason}") from None
    if normalizing.DOCUMENT not in text:
        raise PealError(
            f"`normalize_prompt_path` is `{path}`, which has no {normalizing.DOCUMENT} in it; "
            "write that where the document belongs"
        )
    return text
