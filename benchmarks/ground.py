"""Where figures are measured: fresh folders, a clean environment, and commands run to their end under a clock."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from attrs import field, frozen

PYTHON = sys.executable
_OUTER = ("PEAL_", "GIT_")
_UNWANTED = ("CI", "NO_COLOR", "PYTHONPROFILEIMPORTTIME", "PYTHONDEVMODE")


class Missing(Exception):
    """Something that a figure needs is not there; the figure is left out."""


class Broken(Exception):
    """A command did not do what it is measured at."""


@frozen
class Ground:
    """
    Room for one run of the benchmarks.

    Every repetition gets a folder of its own and nothing is removed before the end: ext4 shuns inodes freed a moment
    ago, so files made right after many were removed cost more than they should.
    """

    folder: Path
    repeat: int
    env: Mapping[str, str] = field(factory=lambda: clean(os.environ))

    def fresh(self) -> Path:
        """An empty folder that was never used."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def repository(self, plan: str, settings: str = "") -> "Repository":
        """A new git repository with `plan.md` and `peal.toml` in it."""
        path = self.fresh() / "repository"
        path.mkdir()
        (path / "plan.md").write_text(plan, encoding="utf-8")
        (path / "peal.toml").write_text(settings, encoding="utf-8")
        run(["git", "init", "--quiet", str(path)], path.parent, self.env)
        return Repository(path, self.env)


@frozen
class Repository:
    """A repository in which peal is measured."""

    path: Path
    env: Mapping[str, str]

    def peal(self, *words: str) -> float:
        """Run a command of peal to its good end; the seconds it took."""
        return run([peal(), *words], self.path, self.env)


@contextmanager
def open_ground(repeat: int) -> Iterator[Ground]:
    """A ground that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="peal-benchmarks-"))
    try:
        yield Ground(folder, repeat)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what steers peal, git or the terminal."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_OUTER) and name not in _UNWANTED
    }
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def peal() -> str:
    """The installed console script of this Python."""
    path = Path(PYTHON).with_name("peal")
    if not path.exists():
        raise Missing("peal is not installed beside this Python")
    return str(path)


def run(argv: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: Path | None = None) -> float:
    """Run a command to its good end, its output in a file; the seconds it took."""
    with tempfile.TemporaryFile(dir=cwd.parent) as output, Path(stdin or os.devnull).open("rb") as given:
        began = time.perf_counter()
        code = subprocess.call(argv, cwd=cwd, env=env, stdin=given, stdout=output, stderr=output)
        took = time.perf_counter() - began
        if code:
            output.seek(0)
            raise Broken(last_words(argv, code, output.read()))
    return took


def last_words(argv: Sequence[str], code: int, output: bytes) -> str:
    """What a command that failed said last."""
    said = output.decode(errors="replace").strip().rpartition("\n")[2]
    return f"`{Path(argv[0]).name} {' '.join(argv[1:3])}` ended with {code}: {said}"


def alternate(
    repeat: int, *measures: Callable[[], float], before: Callable[[], object] | None = None
) -> list[tuple[float, ...]]:
    """Samples of each measure, taken in turns; every other round goes backwards, so that a trend hits all alike."""
    samples: list[list[float]] = [[] for _ in measures]
    for turn in range(repeat):
        if before:
            before()
        pairs = list(zip(measures, samples, strict=True))
        for measure, taken in reversed(pairs) if turn % 2 else pairs:
            taken.append(measure())
    return [tuple(taken) for taken in samples]


def machine(ground: Ground) -> str:
    """What the figures were taken on, in one line."""
    load = os.getloadavg()[0]
    return (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"temporary folders on {file_system(ground.folder)}, load {load:.1f}, medians of {ground.repeat}"
    )


def file_system(folder: Path) -> str:
    """The kind of file system that holds a folder."""
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    return next(
        (mounts[path] for path in (folder.resolve(), *folder.resolve().parents) if path in mounts), "?"
    )
