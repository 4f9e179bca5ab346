"""What a sandbox costs: for each attempt, for a run as a whole, and in memory for many agents at once."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from attrs import evolve, frozen

from benchmarks.ground import Broken, Ground, Missing, Repository, alternate
from benchmarks.journals import attempt_time
from benchmarks.plans import scripts
from benchmarks.rows import Bound, Judged, Row

_AT_ONCE = 4
_WORKED = "mkdir -p out; echo 1 >out/{number}"
_LOOK = 0.1
_LONGEST = 120.0
"""Seconds until all agents are there."""


@frozen
class SandboxCosts:
    """The same tasks with bubblewrap and without."""

    tasks: int = 40
    agents: int = 64
    name: str = "sandbox"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """What is added to an attempt, to each task of a run, and to what an agent holds in memory."""
        _needs_bubblewrap()
        inside, outside = self._both(ground, self._attempt)
        adds = _differences(inside, outside)
        what = "what a sandbox adds to an attempt"
        yield Row(self.name, what, adds, "the attempt without", outside, "ms", Bound(15, Judged.OURS))
        inside, outside = self._both(ground, self._task)
        what = f"wall time for each of {self.tasks} tasks, {_AT_ONCE} at once, in a sandbox"
        yield Row(self.name, what, inside, "the same without", outside, "ms", Bound(1.35))
        inside, outside = self._both(ground, self._memory)
        adds = _differences(inside, outside)
        what = f"what it adds to the memory of each of {self.agents} agents at once"
        yield Row(
            self.name, what, adds, "the agent, a shell that sleeps", outside, "MB", Bound(1, Judged.OURS)
        )

    def _both(self, ground: Ground, measure: Callable[[Ground, str], float]) -> list[tuple[float, ...]]:
        return alternate(
            ground.repeat,
            lambda: measure(ground, "sandbox = 'bubblewrap'\n"),
            lambda: measure(ground, ""),
        )

    def _attempt(self, ground: Ground, settings: str) -> float:
        """The median of all attempts at `execute` of one task after another, in milliseconds."""
        repository = self._ran(ground, settings, 1)[0]
        return attempt_time(repository)

    def _task(self, ground: Ground, settings: str) -> float:
        return self._ran(ground, settings, _AT_ONCE)[1] * 1000 / self.tasks

    def _ran(self, ground: Ground, settings: str, at_once: int) -> tuple[Repository, float]:
        works = (_WORKED.format(number=number) for number in range(1, self.tasks + 1))
        repository = ground.project(scripts(*works), settings)
        took = repository.peal("run", "plan.md", "--agent", "shell", "--max-parallel", str(at_once))
        repository.expect_landed(self.tasks)
        return repository, took

    def _memory(self, ground: Ground, settings: str) -> float:
        """What each agent and all around it hold by themselves, in millions of bytes, while all are there."""
        works = (f"touch '{{}}/{number}'; sleep 600" for number in range(1, self.agents + 1))
        there = ground.fresh()
        named = f"sandbox_writable = ['{there}']\n" if settings else ""
        repository = ground.project(scripts(*(work.format(there) for work in works)), f"{settings}{named}")
        words = ("run", "plan.md", "--agent", "shell", "--max-parallel", str(self.agents))
        with (repository.path.parent / "output").open("wb") as output:
            process = subprocess.Popen(
                [repository.program, *words],
                cwd=repository.path,
                env=repository.env,
                stdout=output,
                stderr=output,
            )
            try:
                self._wait_for_all(there, process)
                return (
                    sum(map(_held, psutil.Process(process.pid).children(recursive=True))) / self.agents / 1e6
                )
            finally:
                process.terminate()
                process.wait()

    def _wait_for_all(self, there: Path, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + _LONGEST
        while len(list(there.iterdir())) < self.agents:
            if process.poll() is not None or time.monotonic() > until:
                raise Broken("not all agents have begun")
            time.sleep(_LOOK)

    def small(self) -> "SandboxCosts":
        """A handful."""
        return evolve(self, tasks=3, agents=2)


def _differences(inside: tuple[float, ...], outside: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(one - other for one, other in zip(inside, outside, strict=True))


def _held(process: psutil.Process) -> float:
    """Bytes of a process's own, and its share of what it has with others; 0 if it is gone."""
    try:
        return float(process.memory_full_info().pss)
    except psutil.Error:
        return 0.0


def _needs_bubblewrap() -> None:
    words = ("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-pid", "true")
    if not shutil.which("bwrap") or subprocess.run(words, capture_output=True, check=False).returncode:
        raise Missing("bubblewrap does not work here")
