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
_UNWANTED = ("CI", "NO_COLOR", "PYTHONPROFILEIMPORTTIME", "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE")


class Missing(Exception):
    """Something that a figure needs is not there; the figure is left out."""


class Broken(Exception):
    """A command did not do what it is measured at."""


def installed() -> str:
    """The installed console script of this Python."""
    path = Path(PYTHON).with_name("peal")
    if not path.exists():
        raise SystemExit("peal is not installed beside this Python; `make .venv/tools.installed` does that")
    return str(path)


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
    peal: str = field(factory=installed)
    """The program that is measured."""

    def fresh(self) -> Path:
        """An empty folder that was never used."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def repository(self, plan: str, settings: str = "") -> "Repository":
        """A new git repository with `plan.md` and `peal.toml` in it."""
        path = self.fresh() / "repository"
        path.mkdir()
        (path / "plan.md").write_text(plan, encoding="utf-8")
        (path / "peal.toml").write_text(settings, encoding="utf-8")
        repository = Repository(path, self.env, self.peal)
        repository.git("init", "--quiet", "--initial-branch=main")
        return repository

    def project(self, plan: str, settings: str = "", files: Mapping[str, str] | None = None) -> "Repository":
        """The same with more files and everything in a first commit, as worktrees need it."""
        repository = self.repository(plan, settings)
        for name, text in (files or {}).items():
            path = repository.path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        repository.git("config", "user.name", "A Person")
        repository.git("config", "user.email", "person@example.org")
        repository.git("add", ".")
        repository.git("commit", "--quiet", "-m", "first")
        return repository


@frozen
class Repository:
    """A repository in which peal is measured."""

    path: Path
    env: Mapping[str, str]
    program: str

    def git(self, *words: str) -> str:
        """What git prints, without the last line end."""
        argv = ["git", *words]
        done = subprocess.run(argv, cwd=self.path, env=self.env, capture_output=True, check=False)
        if done.returncode:
            raise Broken(last_words(argv, done.returncode, done.stderr))
        return os.fsdecode(done.stdout).removesuffix("\n")

    def landed(self) -> list[int]:
        """The numbers of the tasks whose commits are in the branch, each as often as it is there."""
        trailers = self.git("log", "--format=%(trailers:key=Peal-Task,valueonly,separator=)", "main")
        return sorted(int(line) for line in trailers.split("\n") if line)

    def expect_landed(self, tasks: int) -> None:
        """Each task's commit and its file `out/NUMBER` are in the branch, and nothing is left behind: by git's word."""
        names = self.git("ls-tree", "-r", "--name-only", "main", "out/").split("\n")
        if self.landed() != list(range(1, tasks + 1)) or {f"out/{n}" for n in range(1, tasks + 1)} - {*names}:
            raise Broken(f"of {tasks} tasks these are in the branch: {self.landed()}, {names}")
        if left := self.git("status", "--porcelain") + self.git("for-each-ref", "refs/heads/peal"):
            raise Broken(f"left behind: {left}")

    def ending(self, *words: str) -> tuple[int, str]:
        """Run a command of peal to whatever end; its exit code and all it printed."""
        done = subprocess.run(
            [self.program, *words],
            cwd=self.path,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def peal(self, *words: str) -> float:
        """Run a command of peal to its good end; the seconds it took."""
        return run([self.program, *words], self.path, self.env)


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


def find_gnu_parallel() -> None:
    """`Missing` where it is not installed."""
    found = shutil.which("parallel")
    if (
        found is None
        or "GNU"
        not in subprocess.run(
            [found, "--version"], capture_output=True, text=True, check=False
        ).stdout.partition("\n")[0]
    ):
        raise Missing("GNU parallel is not installed")


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
