"""What the live screen costs: the CPU time of peal while it draws, against the same run written to a file."""

import json
import os
import pty
import termios
import threading
from collections.abc import Iterator

from attrs import define, evolve, field, frozen

from benchmarks.ground import PYTHON, Ground, Repository, alternate
from benchmarks.plans import SHARED, one_liners
from benchmarks.rows import Bound, Judged, Row
from benchmarks.watched import Usage, watch

_TALK = "import sys, time\nfor n in range(int(sys.argv[1])):\n print('line', n, flush=True)\n time.sleep(0.1)"
_AT_MOST = 3
"""Repetitions: each takes half a minute."""


@frozen
class Screen:
    """One parallel segment, all tasks at once, each agent printing ten lines a second in `execute`."""

    agents: int = 64
    seconds: float = 10.0
    size: tuple[int, int] = (70, 100)
    """Rows and columns."""
    name: str = "screen"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """One row."""
        drawn, written = alternate(
            min(ground.repeat, _AT_MOST),
            lambda: _share(self._on_terminal(ground)),
            lambda: _share(self._into_file(ground)),
        )
        ours = tuple(one - other for one, other in zip(drawn, written, strict=True))
        what = f"more CPU for the screen, {self.agents} agents"
        yield Row(self.name, what, ours, "all CPU, output to a file", written, "%", Bound(5, Judged.OURS))

    def _repository(self, ground: Ground) -> Repository:
        execute = [PYTHON, "-I", "-S", "-c", _TALK, str(int(self.seconds * 10))]
        settings = f'{SHARED}[agents.talker]\ncommand = ["true"]\nexecute = {json.dumps(execute)}\n'
        return ground.repository(one_liners(self.agents), settings)

    def _run(self, repository: Repository, stdout: int) -> Usage:
        words = ("run", "plan.md", "--agent", "talker", "--max-parallel", str(self.agents))
        env = {**repository.env, "TERM": "xterm"}
        return watch([repository.program, *words], repository.path, env, stdout)

    def _on_terminal(self, ground: Ground) -> Usage:
        repository = self._repository(ground)
        terminal = _Terminal(*self.size)
        try:
            return self._run(repository, terminal.end)
        finally:
            terminal.close()

    def _into_file(self, ground: Ground) -> Usage:
        repository = self._repository(ground)
        with (repository.path.parent / "output").open("wb") as output:
            return self._run(repository, output.fileno())

    def small(self) -> "Screen":
        """Two for a moment."""
        return evolve(self, agents=2, seconds=0.3)


def _share(usage: Usage) -> float:
    """Percent of one core."""
    return usage.cpu / usage.wall * 100


@define
class _Terminal:
    """A terminal that somebody reads as fast as it is written to."""

    rows: int
    columns: int
    end: int = field(init=False)
    """Where a program writes."""
    _reader: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        ours, self.end = pty.openpty()
        termios.tcsetwinsize(self.end, (self.rows, self.columns))
        self._reader = threading.Thread(target=_read_all, args=(ours,), daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Hang up; the reader ends with it."""
        os.close(self.end)
        self._reader.join()


def _read_all(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass  # the last writer has hung up
    finally:
        os.close(terminal)
