"""A git that goes on: it is asked one thing after another by its pipes, and so starts once for all of them."""

import atexit
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TypeVar

from attrs import field

from peal.classes import define
from peal.system import git

_AT_ONCE = 500
"""Questions put before an answer is read: they fit into a pipe, so neither side waits for the other."""
_TRIES = 2

T = TypeVar("T")


@define
class Dialogue:
    """
    Started by the first question, and again if somebody has ended it; it ends with peal, however peal ends.

    May be asked from any thread.
    """

    git_folder: Path
    words: tuple[str, ...]
    takes_locks: bool = False
    _process: git.Coprocess | None = None
    _lock: threading.Lock = field(factory=threading.Lock)

    def ask(self, questions: Sequence[str], read: Callable[[IO[bytes]], T]) -> list[T]:
        """The answer to each question, a line or several; `read` takes one, and raises EOFError where it ends too early."""
        with self._lock:
            return [
                answer
                for first in range(0, len(questions), _AT_ONCE)
                for answer in self._asked(questions[first : first + _AT_ONCE], read)
            ]

    def _asked(self, questions: Sequence[str], read: Callable[[IO[bytes]], T]) -> list[T]:
        lines = os.fsencode("".join(f"{question}\n" for question in questions))
        for _ in range(_TRIES):
            process = self._process = self._process or self._started()
            put, answers = process.stdin, process.stdout
            assert put is not None, "it was started with pipes"
            assert answers is not None, "it was started with pipes"
            try:
                put.write(lines)
                put.flush()
                return [read(answers) for _ in questions]
            except (OSError, EOFError):
                self.end()
            except BaseException:  # a signal: what is still to be read would be taken for the next answer
                self.end()
                raise
        # Once more for its own words: what it answers to is something that it cannot read.
        git.output(self.git_folder, *self.words, stdin=lines, env={"GIT_DIR": str(self.git_folder)})
        raise git.GitError(f"`git {' '.join(self.words)}` ends without an answer in `{self.git_folder}`")

    def _started(self) -> git.Coprocess:
        atexit.register(self.end)
        return git.start(self.git_folder, *self.words, takes_locks=self.takes_locks)

    def end(self) -> None:
        """Let it go; the next question starts another one."""
        process, self._process = self._process, None
        atexit.unregister(self.end)
        if process:
            git.end(process)
