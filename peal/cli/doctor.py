"""`peal doctor`: what is wrong here, and how it is mended."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import click

from peal.classes import frozen
from peal.cli.options import as_json, hidden, repository
from peal.doctor.checks import CHECKS, examine
from peal.doctor.finding import Finding, Severity
from peal.doctor.look import Look, PlanFiles
from peal.doctor.mending import mend_all, put_back
from peal.errors import PealError
from peal.jobs.known_plans import where_it_is
from peal.jobs.plan_files import fit_plan
from peal.record import lock
from peal.record.lock import Owner
from peal.system import git, git_damage
from peal.system.layout import RepoPaths
from peal.text.display import count, harmless

_LOOKS = 3
"""Looks at a repository in which runs begin and end meanwhile."""


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended, with a backup of what is changed.")
@click.option("--restore", metavar="TIME", help="Put back what the backup of that time holds.")
@as_json
@repository
def doctor(fix: bool, restore: str | None, json_: bool, repo: Path) -> int:
    """
    What is wrong in this repository, with peal's memory, the settings and the machine, and how it is mended.

    Looks only, also beside a run that goes on. With --fix it takes the repository's lock. Ends with 1 if errors remain.
    """
    if fix and restore:
        raise click.UsageError("--fix and --restore exclude each other; give one of them")
    place = _Place.around(repo)
    hide = hidden(place.repo_paths.repo)
    if restore:
        done = put_back(place.repo_paths, restore, _command())
        for line in (*done.said, *_backup_told(done.backup)):
            click.echo(hide(harmless(line)))
        return 0
    said: list[str] = []
    found = _examined(place)
    if fix:
        lock.refuse(place.repo_paths)
    if fix and any(finding.can_be_mended for finding in found):
        mended = mend_all(place.repo_paths, partial(_look, repo), _command())
        found = list(mended.findings)
        said = [*mended.said, *_backup_told(mended.backup)]
    if json_:
        click.echo(hide(json.dumps([finding.as_json() for finding in found], ensure_ascii=False)))
    else:
        click.echo(hide("\n".join((*map(harmless, said), *_lines(found)))))
    return 1 if any(finding.is_error for finding in found) else 0


def _command() -> str:
    return shlex.join(["peal", *sys.argv[1:]])


def _backup_told(name: str) -> Iterator[str]:
    if name:
        yield f"what was changed is kept: `peal doctor --restore {name}` puts it back"


@frozen
class _Place:
    """A repository that git works in, or that it could work in once it is healed."""

    repo_paths: RepoPaths
    damage: str = ""

    @classmethod
    def around(cls, folder: Path) -> "_Place":
        """PealError where there is nothing that could be healed."""
        try:
            return cls(RepoPaths(git.top_level(folder)))
        except PealError as error:
            is_git_here = shutil.which("git") is not None
            place = git_damage.place_of(folder) if is_git_here and folder.is_dir() else None
            if place is None:
                raise
            return cls(RepoPaths(place), str(error))


def _examined(place: _Place) -> list[Finding]:
    """What is found; once more if a run has begun or ended meanwhile, whose half-written files say nothing."""
    found: list[Finding] = []
    for _ in range(_LOOKS):
        owner = lock.owner(place.repo_paths)
        found = examine(_look_at(place, owner))
        if not found or lock.owner(place.repo_paths) == owner:
            break
    return found


def _look(folder: Path, owner: Owner | None) -> Look:
    return _look_at(_Place.around(folder), owner)


def _look_at(place: _Place, owner: Owner | None) -> Look:
    repo_paths = place.repo_paths
    files = PlanFiles(
        lambda path: fit_plan(Path(os.path.relpath(path)), repo_paths),
        lambda path: where_it_is(repo_paths, path),
    )
    return Look(repo_paths, owner, files, damage=place.damage)


def _lines(found: Iterable[Finding]) -> Iterator[str]:
    """Two lines for each finding that is left, and what to type next."""
    left = [finding for finding in found if not finding.is_mended]
    for finding in left:
        yield from _told(finding)
    if not left:
        yield f"healthy: {len(CHECKS)} checks found nothing"
        return
    numbers = {severity: sum(one.severity is severity for one in left) for severity in Severity}
    counted = ", ".join(_counted(number, severity) for severity, number in numbers.items() if number)
    able = sum(finding.can_be_mended for finding in left)
    yield f"{counted}; `peal doctor --fix` mends {able}" if able else counted


def _counted(number: int, severity: Severity) -> str:
    return f"{number} info" if severity is Severity.INFO else count(number, severity)


def _told(finding: Finding) -> Iterator[str]:
    symptom = finding.symptom
    where = f" ({symptom.where})" if symptom.where and symptom.where not in symptom.found else ""
    yield f"{finding.severity} {finding.code}: {harmless(f'{symptom.found}{where}')}"
    if symptom.by_hand:
        yield f"  {harmless(symptom.by_hand)}"
