"""An older peal, out of this repository's history, measured beside the one that is installed."""

import io
import shlex
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve

from benchmarks.figures import Figure
from benchmarks.figures.recording import Recording
from benchmarks.ground import PYTHON, Broken, Ground, Missing
from benchmarks.rows import Bound, Row

_ROOT = Path(__file__).parents[1]
_MAIN = "import sys; sys.path.insert(0, {folder!r}); from peal.cli import main; sys.exit(main())"


def against(figure: Figure, ground: Ground, commit: str, most: float) -> Iterator[Row]:
    """
    The figure's rows, with what the peal of that commit needs for the same as the peer; `Broken` if it cannot do it.

    The two take turns, and every other turn the older one goes first.
    """
    if isinstance(figure, Recording):
        raise Missing("it measures pieces of peal in this process, and not the program")
    peals = (
        evolve(ground, peal=_script(_ROOT, ground), repeat=1),
        evolve(ground, peal=_script(_extracted(commit, ground), ground), repeat=1),
    )
    taken: list[list[list[Row]]] = [[], []]
    for turn in range(ground.repeat):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            rows = [row for row in figure.rows(peals[which]) if isinstance(row, Row)]
            taken[which].append(rows)
    for at, row in enumerate(taken[0][0]):
        ours, theirs = (tuple(sample for rows in turns for sample in rows[at].ours) for turns in taken)
        yield evolve(row, ours=ours, peer=f"peal {commit}", theirs=theirs, bound=Bound(most))


def _extracted(commit: str, ground: Ground) -> Path:
    """A folder with the package as it was then."""
    done = subprocess.run(
        ["git", "archive", commit, "peal"], cwd=_ROOT, env=ground.env, capture_output=True, check=False
    )
    if done.returncode:
        raise Broken(f"there is no peal of `{commit}`: {done.stderr.decode(errors='replace').strip()}")
    folder = ground.fresh()
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # not there before 3.11.4
        archive.extractall(folder)
    return folder


def _script(folder: Path, ground: Ground) -> str:
    """A program that is the peal of a folder: both are started alike."""
    path = ground.fresh() / "peal"
    start = shlex.join([PYTHON, "-P", "-c", _MAIN.format(folder=str(folder))])
    path.write_text(f'#!/bin/sh\nexec {start} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)
