"""The progress of a batch: whether anybody is at work on it, and whether it can be read."""

import socket
import time
from collections.abc import Iterator
from functools import partial

from peal.doctor.backups import Keeping
from peal.doctor.finding import Symptom, of_refusal
from peal.doctor.look import Look
from peal.errors import Damaged
from peal.record import batch_file
from peal.record.batch import Batch
from peal.system import process
from peal.system.files import content
from peal.views.batch import LONG_AGO, age, ago, headline


def stale(look: Look) -> Iterator[Symptom]:
    """A batch that is not over, and that nobody carries out."""
    path = look.repo_paths.batch
    try:
        batch = None if look.is_live else batch_file.read(path)
    except Damaged:  # told by the other check
        return
    if batch and (why := _why_stale(batch, time.time())):
        told = f"{headline(batch, is_alive=False)}; {why}"
        is_open = batch.queued or batch.running or batch.held
        goes_on = "`peal resume` goes on with it"
        tries_again = (
            "`peal resume --retry-failed` tries again what has failed or was let through with findings"
        )
        by_hand = goes_on if is_open else tries_again
        yield Symptom(told, by_hand, look.told(path), partial(_remove, look))


def _why_stale(batch: Batch, now: float) -> str:
    """Why it is taken for left; empty if somebody may be at work on it."""
    owner = batch.owner
    if owner.host == socket.gethostname():
        is_alive = process.birth(owner.pid) == owner.birth
        return "" if is_alive else f"process {owner.pid}, which carried it out, is not running"
    old = age(batch.updated_at, now)
    return f"nothing has come of it since {ago(old)}, on `{owner.host}`" if old > LONG_AGO else ""


def _remove(look: Look, keeping: Keeping) -> str:
    keeping.removed(look.repo_paths.batch)
    batch_file.remove(look.repo_paths.batch)
    return "the batch is forgotten; its plans keep their memories"


def corrupt(look: Look) -> Iterator[Symptom]:
    """A progress file that cannot be read, so that no batch can be gone on with or begun."""
    path = look.repo_paths.batch
    try:
        batch_file.read(path)
    except Damaged as error:
        can_be_kept = content(path) is not None
        yield from of_refusal(error, look.told(path), partial(_remove, look) if can_be_kept else None)
