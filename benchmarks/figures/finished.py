"""What a long plan that is done costs to look at or to resume, against parsing its text."""

import subprocess
from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import PYTHON, Broken, Ground, Repository, alternate
from benchmarks.peers import parse
from benchmarks.plans import NOOP, remember_as_done, written_out
from benchmarks.rows import Bound, Row


@frozen
class Finished:
    """A command on a plan in which nothing is left to do, without what the same costs on a plan of one task."""

    command: str
    tasks: int = 10_000

    @property
    def name(self) -> str:
        """The command's."""
        return self.command

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        long, short = self._repository(ground, self.tasks), self._repository(ground, 1)
        whole, start_up, theirs = alternate(
            ground.repeat,
            lambda: long.peal(self.command),
            lambda: short.peal(self.command),
            lambda: _parsed(long),
        )
        ours = tuple(one - other for one, other in zip(whole, start_up, strict=True))
        what = f"`peal {self.command}`, {self.tasks} tasks done"
        yield Row(self.name, what, ours, "parsing that plan", theirs, "s", Bound(2))

    def _repository(self, ground: Ground, tasks: int) -> Repository:
        repository = ground.repository(written_out(tasks), NOOP)
        remember_as_done(repository.path)
        return repository

    def small(self) -> "Finished":
        """A short plan."""
        return evolve(self, tasks=20)


def _parsed(repository: Repository) -> float:
    argv = [PYTHON, str(parse.__file__), "plan.md"]
    done = subprocess.run(
        argv, cwd=repository.path, env=repository.env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Broken(f"parsing the plan failed: {done.stderr.strip().rpartition(chr(10))[2]}")
    return float(done.stdout)
