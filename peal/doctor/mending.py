"""What can be put right without asking is put right: under the repository's lock, with a backup, and looked at again."""

from collections.abc import Callable, Iterator

from attrs import evolve

from peal.classes import frozen
from peal.doctor.backups import Backup, Keeping, restore
from peal.doctor.checks import examine
from peal.doctor.finding import Finding
from peal.doctor.look import Look
from peal.errors import PealError
from peal.record import lock
from peal.record.lock import Owner
from peal.system import strays
from peal.system.layout import RepoPaths

LookAgain = Callable[[Owner | None], Look]
"""Looks anew, for whoever is said to hold the lock."""

_ROUNDS = 3
"""What one thing hid that was mended may be there to be mended too."""


@frozen
class Mended:
    """What has come of it."""

    findings: tuple[Finding, ...]
    """What was found before and what is found now, each once."""
    said: tuple[str, ...]
    """What was done, and what could not be."""
    backup: str
    """What `--restore` calls the backup; empty if there was nothing to keep."""


def mend_all(repo_paths: RepoPaths, look_again: LookAgain, reason: str) -> Mended:
    """
    Mend everything that can be; `Busy` beside a live run. `reason` is the command, for the manifest.

    The lock is taken as by any run, so what a dead one has left running is ended.
    """
    backup, dead, said = Backup(repo_paths, reason), list[Owner](), list[str]()
    before = examine(look_again(lock.owner(repo_paths)))
    with lock.hold(repo_paths, "", first=_taking_over(backup, dead)):
        look = look_again(dead[0] if dead else None)
        for _ in range(_ROUNDS):
            said += _mended(look, backup)
            look = look_again(None)
            found = examine(look)
            if not any(one.can_be_mended for one in found):
                break
        backup.drop_old()
    gone = {one for one in before if one not in found}
    findings = (evolve(one, is_mended=one in gone) for one in before)
    told = tuple(dict.fromkeys(said))  # what could not be done was tried in each round
    return Mended((*findings, *(one for one in found if one not in before)), told, backup.name)


def _taking_over(backup: Backup, dead: list[Owner]) -> Callable[[Owner], None]:
    def take_over(owner: Owner) -> None:
        dead.append(owner)
        Keeping(backup, "STALE_LOCK").removed(backup.repo_paths.owner)
        strays.end(owner.pid, owner.run)

    return take_over


def _mended(look: Look, backup: Backup) -> Iterator[str]:
    """A line for each thing that was mended, or could not be."""
    for finding in examine(look):
        if mend := finding.symptom.mend:
            try:
                yield f"mended {finding.code}: {mend(Keeping(backup, finding.code))}"
            except (PealError, OSError) as error:
                yield f"could not mend {finding.code}: {error}"


def put_back(repo_paths: RepoPaths, name: str, reason: str) -> Mended:
    """Put a backup back; `Busy` beside a live run, PealError if there is no such backup."""
    backup = Backup(repo_paths, reason)
    with lock.hold(repo_paths, "", first=_taking_over(backup, [])):
        said = tuple(restore(repo_paths, name, backup))
        backup.drop_old()
    return Mended((), said, backup.name)
