"""Starts the programs of attempts, with the environment they get, and waits for them."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, evolve, field

from peal import process
from peal.agents import surroundings
from peal.events import Event, ProcessStarted
from peal.files import put
from peal.model import Attempt, Command, Ended, Ending, Sign
from peal.process import Cancel, Clocks, Launch


@define
class Programs:
    """One for a run; used from any thread."""

    run: str
    scratch: Path
    """The run's temporary folder; each attempt gets a TMPDIR of its own in it."""
    put: Callable[[Event | BaseException], None]
    watch: Callable[[int], None]
    """Tells the guard of a process."""
    fence: Mapping[str, str]
    """Variables that go with the places to work in."""
    cancel: Cancel = field(factory=Cancel)
    _env: dict[bytes, bytes] = field(init=False)

    @_env.default
    def _base_environment(self) -> dict[bytes, bytes]:
        ours = {process.RUN_MARKER: self.run, "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", **self.fence}
        return _encoded({**surroundings(), **ours})

    def carry_out(
        self,
        attempt: Attempt,
        workspace: Path,
        command: Command,
        clocks: Clocks,
        prefix: str = "",
        sign: Callable[[str], Sign | None] | None = None,
    ) -> Ending:
        """
        Run a command of this attempt to its end, by itself, by a clock or by `cancel`; OSError if it cannot start.

        What it prints is in the attempt's folder, in `stdout` and `stderr` behind the prefix.
        """
        launch = self._launch(attempt, workspace, command, clocks, prefix)
        if self.cancel.is_set:
            for path in (launch.stdout, launch.stderr):
                put(path, "")
            return Ending(Ended.CANCELLED, 0, 0.0)
        started = process.start(launch)
        self.watch(started.pid)
        born = process.birth(started.pid) or ""
        self.put(
            ProcessStarted(time.time(), attempt.task.index, attempt.phase, attempt.number, started.pid, born)
        )
        return process.finish(started, evolve(launch, sign=sign), self.cancel)

    def _launch(
        self, attempt: Attempt, workspace: Path, command: Command, clocks: Clocks, prefix: str
    ) -> Launch:
        folder, name = str(attempt.folder), attempt.folder.name
        marker = f"{self.run}/{name}"
        env = {
            **command.env,
            process.ATTEMPT_MARKER: marker,
            "PEAL_PHASE": str(attempt.phase),
            "PEAL_TASK": attempt.task.id,
            "PEAL_ATTEMPT": str(attempt.number),
            "PEAL_WORKSPACE": str(workspace),
            "PWD": str(workspace),  # some believe it rather than the folder they were started in
            "TMPDIR": f"{self.scratch}/{name}",
        }
        return Launch(
            argv=[word.replace("{folder}", folder) for word in command.argv]
            if command.files
            else command.argv,
            cwd=workspace,
            env={**self._env, **_encoded(env)},
            stdout=f"{folder}/{prefix}stdout",
            stderr=f"{folder}/{prefix}stderr",
            stdin=f"{folder}/{prefix}prompt.md" if command.prompt_on_stdin else None,
            marker=marker,
            clocks=clocks,
        )


def _encoded(env: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
