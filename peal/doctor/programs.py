"""Who is to work, by the settings: whether those can be understood, and who they name is here."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from attrs import evolve

from peal.agents.needed import Needed, by_phases, by_reviewers, by_tasks, hired
from peal.agents.registry import adapter
from peal.doctor.finding import Severity, Symptom, of_refusal, refused
from peal.doctor.look import Look
from peal.errors import PealError
from peal.phases import prompts
from peal.reviewers import CommandReviewer, StetReviewer
from peal.settings import CLIS, FILE, Settings
from peal.workspaces import preflight


def settings_invalid(look: Look) -> Iterator[Symptom]:
    """What cannot be understood, contradicts itself or names what is not there."""
    for problem in (*look.readable.problems, *look.as_run_last.problems):
        yield from of_refusal(PealError(problem), FILE if problem.startswith(FILE) else "")
    settings = look.readable.settings
    templates = look.repo / settings.prompts if settings.prompts else None
    yield from refused(partial(preflight.lands, settings), partial(prompts.check, templates))
    if look.lands:
        yield from refused(partial(preflight.included, look.repo, settings.worktree_include))


def agent_missing(look: Look) -> Iterator[Symptom]:
    """An agent that is needed, and that is not here, nobody knows, or could not keep to the budget."""
    for settings in _believed(look):
        yield from refused(
            partial(list, by_phases(settings)),
            *(partial(hired, needed, settings, look.repo) for needed in _needed(look, settings)),
        )


def version_unknown(look: Look) -> Iterator[Symptom]:
    """A coding CLI that is not the one peal was tried with: its program is asked."""
    names = {needed.name for settings in _believed(look) for needed in _needed(look, settings)}
    if not (clis := [adapter(name) for name in CLIS if name in names]):
        return
    from peal.agents import probe  # only here: most looks ask no program
    from peal.system.scratch import scratch

    with scratch(uuid.uuid4().hex[:12], lambda _: None) as at:
        found = probe.look(at, clis, probe.LOOK_SEC)
    for one in (one for one in found if one.program):
        if one.problem:
            for symptom in of_refusal(PealError(f"agent `{one.name}`: {one.problem}"), one.program):
                yield evolve(symptom, severity=Severity.ERROR)
        for note in one.notes:
            told = f"agent `{one.name}`: {one.version or 'its version'}, {note}"
            yield Symptom(told, f"`peal agents --probe {one.name}` asks it for one word", one.program)


def reviewer_missing(look: Look) -> Iterator[Symptom]:
    """A reviewer whose program is not here."""
    for settings in _believed(look):
        commands = [table for table in settings.reviewers if not table.agent]
        yield from refused(
            *(partial(CommandReviewer.of, table, look.repo) for table in commands),
            partial(StetReviewer.of, settings, look.repo, look.repo_paths.worktrees.joinpath, look.lands),
        )


def _believed(look: Look) -> list[Settings]:
    """The settings as they are written down, and as the latest run was told, where they can be believed."""
    told = [one.settings for one in (look.readable, look.as_run_last) if one.tells_who]
    return [one for place, one in enumerate(told) if one not in told[:place]]


def _needed(look: Look, settings: Settings) -> Iterator[Needed]:
    """Every agent that would be asked, as far as that can be told."""
    with suppress(PealError):
        yield from by_phases(settings)
    yield from by_reviewers(settings)
    if look.asked.plan_file:  # how other plans will be run nobody knows
        with suppress(PealError):
            yield from by_tasks(settings, look.read(look.asked.plan_file))
