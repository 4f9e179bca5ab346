"""Starts the programs of attempts, with the environment they get, and waits for them."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import evolve, field

from peal.agents.registry import surroundings
from peal.classes import define
from peal.model.access import Access
from peal.model.agent import Command
from peal.model.process import Ended, Ending, Sign
from peal.model.work import Order, Outcome, Result
from peal.record.events import Event, ProcessStarted
from peal.system import process, removal
from peal.system.files import put
from peal.system.process import Cancel, Clocks, Launch

if TYPE_CHECKING:
    from peal.sandbox.confinement import Confinement

_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_BY_SIGNAL = frozenset(code for number in _ENDING for code in (-number, 128 + number))
"""Exit codes of what the signals have ended that are sent to everybody at once; 128 and more by a shell in between."""
_NEWS_AFTER_SIGNAL = 2.0
"""Seconds that such a process may be ahead of peal, which is to hear of the same signal."""
_NEWS_AFTER_FAILURE = 0.3
"""The same for one that has ended badly in any other way: many programs catch the signal and fail."""


@define
class Programs:
    """Those of the attempts at one plan; used from any thread."""

    run: str
    """Marks all that is started."""
    scratch: Path
    """A temporary folder for this plan alone; each attempt gets a TMPDIR of its own in it."""
    put: Callable[[Event | BaseException], None]
    watch: Callable[[int], None]
    """Tells the reaper of a process."""
    fence: Mapping[str, str]
    """Variables that go with the places to work in."""
    confinement: "Confinement | None" = None
    """The sandbox that they are started in."""
    cancel: Cancel = field(factory=Cancel)
    _env: dict[str, dict[bytes, bytes]] = field(factory=dict)
    """What all programs are given, by the CLI that they are of."""

    def carry_out(
        self,
        order: Order,
        workspace: Path,
        command: Command,
        clocks: Clocks,
        prefix: str = "",
        sign: Callable[[str], Sign | None] | None = None,
    ) -> Ending:
        """
        Run a command of this attempt to its end, by itself, by a clock or by `cancel`; OSError if it cannot start.

        What it prints is in the attempt's folder, in `stdout` and `stderr` behind the prefix. One that ends badly a moment
        before `cancel` was ended by the same hand, such as a service manager's or a terminal's.
        """
        launch = self._launch(order, workspace, command, clocks, prefix)
        if self.cancel.is_set:
            for path in (launch.stdout, launch.stderr):
                put(path, "")
            return Ending(Ended.CANCELLED, 0, 0.0)
        if self.confinement is None:
            return self._followed(order, launch, sign)
        places = self.confinement.places(command.access, workspace)
        self.confinement.appeared.begin(places)
        try:
            ending = self._followed(order, launch, sign)
        finally:
            told = self.confinement.appeared.end(places, order.folder)
        return evolve(ending, notes=told)

    def _followed(self, order: Order, launch: Launch, sign: Callable[[str], Sign | None] | None) -> Ending:
        """Start it, tell of it, and wait for its end."""
        started = process.start(launch)
        self.watch(started.pid)
        born = process.birth(started.pid) or ""
        self.put(
            ProcessStarted(time.time(), order.task.id, order.phase.name, order.number, started.pid, born)
        )
        ending = process.finish(started, evolve(launch, sign=sign), self.cancel)
        is_bad = ending.how is Ended.EXITED and ending.exit_code != 0
        if is_bad and self.cancel.comes_within(_news_after(ending.exit_code)):
            return evolve(ending, how=Ended.CANCELLED)
        return ending

    def judged(self, outcome: Outcome) -> Outcome:
        """The outcome, unless it is a failure and the run is being ended: what that cuts short fails in many ways."""
        if outcome.result is Result.FAILED and self.cancel.comes_within(_NEWS_AFTER_FAILURE):
            return evolve(outcome, result=Result.INTERRUPTED, reason="the run was ended")
        return outcome

    def carry_out_apart(self, argv: Sequence[str], workspace: Path, timeout: float) -> None:
        """Run a program outside of any attempt, quietly; as good as it goes. Whoever ends the run does not end this."""
        scratch = self.scratch / f"apart-{uuid4().hex[:8]}"
        scratch.mkdir(parents=True)
        env = {"PWD": str(workspace), "TMPDIR": str(scratch)}
        base = self._base_environment("")
        if self.confinement:
            path = os.fsdecode(base.get(b"PATH", b""))
            argv = self.confinement.wrapped(argv, Access(), workspace, str(scratch), path)
        environment, clocks = {**base, **_encoded(env)}, Clocks(timeout=timeout)
        launch = Launch(argv, workspace, environment, os.devnull, os.devnull, clocks=clocks)
        cancel = Cancel()
        with suppress(OSError):
            process.finish(process.start(launch), launch, cancel)
        cancel.close()
        for folder in (scratch, Path(f"{scratch}.own")):
            removal.remove(folder)

    def _base_environment(self, cli: str) -> dict[bytes, bytes]:
        if cli not in self._env:
            ours = {
                process.RUN_MARKER: self.run,
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_EDITOR": "true",
                **self.fence,
            }
            given = surroundings()
            if self.confinement:
                given = self.confinement.environment(given, cli)
            self._env[cli] = _encoded({**given, **ours})
        return self._env[cli]

    def _launch(self, order: Order, workspace: Path, command: Command, clocks: Clocks, prefix: str) -> Launch:
        folder, name = str(order.folder), order.folder.name
        marker = f"{self.run}/{self.scratch.name}/{name}"
        env = {
            **command.env,
            process.ATTEMPT_MARKER: marker,
            "PEAL_PHASE": order.phase.name,
            "PEAL_TASK": order.task.id,
            "PEAL_ATTEMPT": str(order.number),
            "PEAL_WORKSPACE": str(workspace),
            "PWD": str(workspace),  # some believe it rather than the folder they were started in
            "TMPDIR": f"{self.scratch}/{name}",
        }
        base = self._base_environment(command.access.cli if self.confinement else "")
        argv = [word.replace("{folder}", folder) for word in command.argv] if command.files else command.argv
        if self.confinement:
            path = command.env.get("PATH") or os.fsdecode(base.get(b"PATH", b""))
            argv = self.confinement.wrapped(
                argv, command.access, workspace, env["TMPDIR"], path, order.phase.name
            )
        return Launch(
            argv=argv,
            cwd=workspace,
            env={**base, **_encoded(env)},
            stdout=f"{folder}/{prefix}stdout",
            stderr=f"{folder}/{prefix}stderr",
            stdin=f"{folder}/{prefix}prompt.md" if command.prompt_on_stdin else None,
            marker=marker,
            clocks=clocks,
            tells_signals=self.confinement is not None and self.confinement.tells_signals,
        )


def _encoded(env: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in env.items()}


def _news_after(code: int) -> float:
    """For how many seconds after a bad end like this it may become known that the run is being ended."""
    return _NEWS_AFTER_SIGNAL if code in _BY_SIGNAL else _NEWS_AFTER_FAILURE
