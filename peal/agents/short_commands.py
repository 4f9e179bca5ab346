"""Short commands run to their end, several at once: what they printed, or what they did instead."""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import evolve, field

from peal.agents.output_tail import last_words
from peal.classes import define, frozen
from peal.model.process import Ended, Ending, Sign
from peal.system import process, signals
from peal.system.files import end_of
from peal.system.scratch import Scratch
from peal.text.display import duration, last_line

_ENOUGH = 16_000_000
"""Bytes of one output after which a program is ended."""
_READ = 128 * 1024
_FEW = 2.0
"""Seconds between TERM and KILL: nothing here has work to save."""


@frozen
class ShortCommand:
    """A command to be run to its end."""

    name: str
    """Of the files that it prints into."""
    argv: tuple[str, ...]
    folder: Path
    env: Mapping[str, str]
    stdin: Path | None = None
    sign: Callable[[str], Sign | None] | None = None


@frozen
class Completed:
    """What came of it."""

    ending: Ending | None
    """None if it could not be started."""
    stdout: Path
    stderr: Path
    refusal: str = ""
    """Why it could not be started."""

    @property
    def text(self) -> str:
        """What it printed, of much its end, errors last."""
        return f"{text_of(self.stdout)}\n{text_of(self.stderr)}"

    @property
    def last_words(self) -> str:
        """The last line that it printed, errors first."""
        return last_words(self.stderr) or last_words(self.stdout)

    @property
    def failure(self) -> str:
        """What it did instead of ending well; empty if it did that."""
        if self.ending is None:
            return f"cannot be started: {self.refusal}"
        match self.ending.how:
            case Ended.EXITED if self.ending.exit_code == 0:
                return ""
            case Ended.TIMED_OUT:
                return f"did not end within {duration(self.ending.seconds)}"
            case Ended.FLOODED:
                return "prints without end"
        words = self.last_words
        return f"ends with status {self.ending.exit_code}{f': {words}' if words else ''}"


@define
class _Running:
    """A program under way."""

    command: ShortCommand
    completed: Completed
    marker: str
    started: Any
    """As `sh` has it."""
    began: float = field(factory=time.monotonic)
    _listener: process.Listener | None = None

    def __attrs_post_init__(self) -> None:
        if self.command.sign:
            paths = str(self.completed.stdout), str(self.completed.stderr)
            self._listener = process.Listener(self.command.sign, paths)

    def over(self, seconds: float) -> Ended | None:
        """Why it need not be waited for any longer; None if it may go on."""
        if not self.started.is_alive():
            return Ended.EXITED
        now = time.monotonic()
        if self._listener and (heard := self._listener.heard(now)):
            return heard
        sizes = [path.stat().st_size for path in (self.completed.stdout, self.completed.stderr)]
        return process.overdue(process.Clocks(seconds, flood=_ENOUGH), now - self.began, 0, max(sizes))

    def end(self, how: Ended) -> Completed:
        """It is gone afterwards, with all it has started."""
        import sh

        took = time.monotonic() - self.began
        if how is not Ended.EXITED:
            process.end_carriers(process.ATTEMPT_MARKER, self.marker, grace=_FEW)
            with suppress(OSError):
                os.killpg(self.started.process.pgid, signal.SIGKILL)
        with suppress(sh.ErrorReturnCode):
            self.started.wait()
        return evolve(self.completed, ending=Ending(how, self.started.process.exit_code, took))


def run_all(
    scratch: Scratch, commands: Sequence[ShortCommand], seconds: float, at_once: int
) -> list[Completed]:
    """Run programs, so many at once, each for so long at most; what came of them, in their order."""
    waiting, running = deque(commands), list[_Running]()
    completed: dict[str, Completed] = {}
    with signals.kept() as came:  # forks and `sh` do not bear that a handler raises in their midst
        try:
            while (waiting or running) and not came:
                while waiting and len(running) < at_once:
                    command = waiting.popleft()
                    started = _started(scratch, command)
                    if isinstance(started, Completed):
                        completed[command.name] = started
                    else:
                        running.append(started)
                for one in tuple(running):
                    if how := one.over(seconds):
                        running.remove(one)
                        completed[one.command.name] = one.end(how)
                time.sleep(0.02)
        finally:
            for one in running:
                one.end(Ended.CANCELLED)
    return [completed[command.name] for command in commands]


def _started(scratch: Scratch, command: ShortCommand) -> _Running | Completed:
    """It is under way, or could not be started."""
    import sh

    completed = Completed(
        None, scratch.folder / f"{command.name}.out", scratch.folder / f"{command.name}.err"
    )
    marker = f"{scratch.run}/{command.name}"
    env = {**command.env, process.RUN_MARKER: scratch.run, process.ATTEMPT_MARKER: marker}
    program, *words = command.argv
    stdin = command.stdin or Path(os.devnull)
    try:
        with (
            stdin.open("rb") as source,
            completed.stdout.open("wb") as out,
            completed.stderr.open("wb") as err,
        ):
            running = sh.Command(program)(
                *words,
                _in=source,
                _out=out,
                _err=err,
                _env=env,
                _cwd=str(command.folder),
                _tty_out=False,
                _new_session=True,
                _bg=True,
                _bg_exc=False,
            )
    except sh.CommandNotFound:
        return evolve(completed, refusal=f"`{program}` is no program")
    except sh.ForkException as error:
        return evolve(completed, refusal=last_line(str(error).encode()))
    return _Running(command, completed, marker, running)


def text_of(path: Path) -> str:
    """What a program printed into a file, of much its end."""
    return end_of(path, _READ).decode("utf-8", "replace")
