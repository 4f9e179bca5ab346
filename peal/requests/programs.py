"""Programs that talk to other machines, run to their end one after another; none of them can ask anybody anything."""

import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from peal.classes import define, frozen
from peal.errors import Interrupted, PealError
from peal.model.process import Ended, Ending
from peal.requests.remotes import without_login
from peal.system import git, git_refusals, signals
from peal.system.files import content, put
from peal.system.process import Cancel, Clocks, Launch
from peal.system.scratch import Scratch, scratch
from peal.text.display import duration

_ENOUGH = 64_000_000
"""Bytes of one output after which a program is ended."""
_SHORT = 10
"""Lines of a message that says at its beginning what is wrong; a longer one is a log, which says so at its end."""
_LAST = 3


@frozen
class Ran:
    """A program that has ended."""

    ending: Ending
    stdout: bytes
    stderr: bytes

    @property
    def is_clean(self) -> bool:
        """Whether it ended well."""
        return self.ending.is_clean

    @property
    def json(self) -> Any:
        """What it printed as JSON; None if it is none."""
        try:
            return json.loads(self.stdout)
        except (ValueError, RecursionError):
            return None

    @property
    def said(self) -> str:
        """Why it failed, in its own words, without logins; or how it was ended."""
        match self.ending.how:
            case Ended.TIMED_OUT:
                return f"it did not end within {duration(self.ending.seconds)}"
            case Ended.FLOODED:
                return "it prints without end"
        lines = (self.stderr.strip() or self.stdout).decode(errors="replace").splitlines()
        told = lines if len(lines) <= _SHORT else lines[-_LAST:]
        return git_refusals.quoted(without_login("\n".join(told))) or f"status {self.ending.exit_code}"


@define
class Programs:
    """What starts them."""

    _scratch: Scratch
    _cancel: Cancel
    _signal: int = 0
    _count: int = 0

    def stop(self, number: int) -> None:
        """A signal ends the one that runs, and there is no other after it."""
        self._signal = self._signal or number
        self._cancel.set(hard=self._cancel.is_set)

    def run(
        self, argv: Sequence[str], folder: Path, env: Mapping[bytes, bytes], seconds: float, text: str = ""
    ) -> Ran:
        """Run a program to its end, `text` on its standard input; PealError if it cannot be started, `Interrupted` by a signal."""
        if self._cancel.is_set:
            raise self._interrupted()
        self._count += 1
        stdin, stdout, stderr = (
            str(self._scratch.folder / f"{self._count}.{end}") for end in ("in", "out", "err")
        )
        clocks = Clocks(seconds, None, _ENOUGH)
        try:
            put(stdin, text)
            launch = Launch(argv, folder, env, stdout, stderr, stdin, clocks=clocks)
            ending = self._scratch.carry_out(str(self._count), launch, self._cancel)
        except OSError as error:
            raise PealError(
                f"`{argv[0]}` cannot be run: {error.strerror or error}; mend that and try again"
            ) from None
        if ending.how is Ended.CANCELLED:
            raise self._interrupted()
        return Ran(ending, content(stdout) or b"", content(stderr) or b"")

    def _interrupted(self) -> Interrupted:
        return Interrupted(
            self._signal, f"{signals.NAMES.get(self._signal, 'stopped')} before it was through"
        )


@contextmanager
def programs(say: Callable[[str], None]) -> Iterator[Programs]:
    """Nothing of what was started is left afterwards; signals are heard besides by who listens."""
    with closing(Cancel()) as cancel, scratch(uuid.uuid4().hex[:12], say) as temporary:
        made = Programs(temporary, cancel)
        with signals.heard(made.stop, besides=True):
            yield made


def environment_of_git() -> dict[bytes, bytes]:
    """
    The environment of a git that is the person's own in everything but that it asks nobody.

    A helper that they have named for answering (`GIT_ASKPASS`) goes on doing so; windows that would ask them do not open.
    """
    language = {"LC_ALL": os.environ.get("LC_ALL", "")}
    quiet = {
        "GIT_ASKPASS": os.environ.get("GIT_ASKPASS", ""),
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
    }
    return git.environment(language | quiet)
