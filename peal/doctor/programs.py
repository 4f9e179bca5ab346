"""Who is to work, by the settings: whether those can be understood, and who they name is here."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Never

from attrs import evolve

from peal.agents.needed import Needed, by_items, by_phases, by_reviewers, by_tasks, check_shell, hired
from peal.agents.phase_command import PhaseCommand
from peal.agents.registry import adapter
from peal.doctor.finding import Severity, Symptom, of_refusal, refused
from peal.doctor.look import Look
from peal.errors import PealError
from peal.notify.addresses import addresses
from peal.phases import prompts
from peal.reviewers import CommandReviewer, StetReviewer
from peal.sandbox.wanted import Wanted, kept_from_network, refusal, unusable
from peal.settings import CLIS, FILE, ItemPhaseSettings, Settings, readable
from peal.settings.pipelines import item_phases, pipelines
from peal.system import git
from peal.workspaces import preflight


def settings_invalid(look: Look) -> Iterator[Symptom]:
    """What cannot be understood, contradicts itself or names what is not there."""
    for problem in (*look.readable.problems, *look.as_run_last.problems):
        yield from of_refusal(PealError(problem), FILE if problem.startswith(FILE) else "")
    settings = look.readable.settings
    templates = look.repo / settings.prompts if settings.prompts else None
    yield from refused(
        partial(preflight.lands, settings),
        partial(prompts.check, templates),
        partial(addresses, settings.notify),
    )
    if look.lands:
        yield from refused(partial(preflight.included, look.repo, settings.worktree_include))


def agent_missing(look: Look) -> Iterator[Symptom]:
    """An agent that is needed, and that is not here, nobody knows, or could not keep to the budget."""
    for settings in _believed(look):
        yield from refused(
            *(partial(list, needed) for needed in _by_all_phases(look, settings)),
            *(partial(hired, needed, settings, look.repo) for needed in _needed(look, settings)),
            *(partial(_check_command, phase, look.repo) for phase in _item_phases(look, settings)),
        )
    yield from _shell_for_items(look)


def _shell_for_items(look: Look) -> Iterator[Symptom]:
    """Items for `shell`; what a plan was run with says nothing about them."""
    settings = look.readable.settings if look.asked.is_backlog else readable(look.repo, {}).settings
    if phases := _item_phases(look, settings):
        yield from refused(partial(check_shell, settings, phases))


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
            partial(StetReviewer.of, settings, look.repo, _no_tree, look.lands),
        )


def sandbox_unusable(look: Look) -> Iterator[Symptom]:
    """A sandbox that is asked for and does not work here, or that somebody would need who is to have no network."""
    settings = look.readable.settings
    cut_off = list(kept_from_network(settings, _item_phases(look, settings)))
    if why := refusal(settings.sandbox, cut_off):
        yield from of_refusal(PealError(why), FILE)
    if settings.sandbox == ("none",) or why:
        return
    from peal.sandbox.available import best, problem  # only here: most have none
    from peal.sandbox.confinement import Confinement
    from peal.system.scratch import scratch

    wanted = Wanted.of(settings, settings.sandbox, has_network=not cut_off)
    with scratch(uuid.uuid4().hex[:12], lambda _: None) as at:
        made = Confinement.of(wanted, best(), look.repo, git.common_folder(look.repo), at.folder)
        why = problem(made, at, wanted.has_network)
    if why:
        found = f"{unusable(wanted, made.kind)} here: {why}"
        severity = Severity.ERROR if wanted.is_required else Severity.WARNING
        yield Symptom(found, "mend that, or set `sandbox` to `none`", severity=severity)


def _no_tree(name: str) -> Never:
    """Nothing is reviewed here."""
    raise AssertionError(f"nobody needs worktree `{name}`")


def _believed(look: Look) -> list[Settings]:
    """The settings as they are written down, and as the latest run was told, where they can be believed."""
    told = [one.settings for one in (look.readable, look.as_run_last) if one.tells_who]
    return [one for place, one in enumerate(told) if one not in told[:place]]


def _needed(look: Look, settings: Settings) -> Iterator[Needed]:
    """Every agent that would be asked, as far as that can be told."""
    for needed in _by_all_phases(look, settings):
        with suppress(PealError):
            yield from needed
    yield from by_reviewers(settings)
    if look.asked.plan_file:  # how other plans will be run nobody knows
        with suppress(PealError):
            yield from by_tasks(settings, look.read(look.asked.plan_file))


def _by_all_phases(look: Look, settings: Settings) -> Iterator[Iterator[Needed]]:
    """Who works in phases of tasks, and who in those of items, as far as either is looked at."""
    if not look.asked.is_backlog:
        yield by_phases(settings)
    yield by_items(settings, _item_phases(look, settings), look.asked.is_backlog)


def _item_phases(look: Look, settings: Settings) -> list[ItemPhaseSettings]:
    """The phases of pipelines, where there are items to go through them."""
    with suppress(PealError):  # told by the check whose matter that is
        if look.backlog and (look.backlog.kept or look.asked.is_backlog):
            return list(item_phases(pipelines(settings)))
    return []


def _check_command(phase: ItemPhaseSettings, repo: Path) -> None:
    """PealError if a phase is a command that is not here."""
    if phase.command and (why := PhaseCommand.of(phase.command, repo).missing(None)):
        raise PealError(f"phase `{phase.name}`: {why}")
