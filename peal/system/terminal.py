"""A person at the terminal: what they type there, and that it was made another size or given back to peal."""

import atexit
import os
import re
import select
import signal
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from attrs import field

from peal.classes import define

_LOOK = 1.0
"""Seconds between looks whether peal is in the foreground, where no key says so."""
_REST_OF_KEY = 0.1
"""Seconds in which the rest of what one key sends has come."""
_CHUNK = 256
_LOCAL_FLAGS, _CONTROLS = 3, 6
"""Where termios has these in what it tells of a terminal."""
_ENDS = (signal.SIGTSTP, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
"""Signals after which peal does not go on, or not now: whoever has the terminal then wants it as it was."""
_KEY = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])|[^\x1b]")
_NAMES = {
    **{start + end: name for start in (b"\x1b[", b"\x1bO") for end, name in
       ((b"A", "up"), (b"B", "down"), (b"H", "home"), (b"F", "end"))},
    b"\x1b[1~": "home", b"\x1b[7~": "home", b"\x1b[4~": "end", b"\x1b[8~": "end",
    b"\x1b[5~": "page up", b"\x1b[6~": "page down",
}  # fmt: skip
"""What keys without a letter send, as terminals are used to."""


def keys_in(typed: bytes) -> tuple[tuple[str, ...], bytes]:
    """The keys that were pressed, by letter or name, and what may be the beginning of another; unknown ones are empty."""
    keys, at = list[str](), 0
    while found := _KEY.match(typed, at):
        key, at = found[0], found.end()
        keys.append(_NAMES.get(key, key.decode("ascii", "ignore") if len(key) == 1 else ""))
    return tuple(keys), typed[at:]


# Without words of its own, for `signal` asks for those of a handler: they would hold all that is shown.
@define(eq=False, repr=False)
class Terminal:
    """
    The terminal that peal was started from, between `open` and `close`, both called in the main thread.

    Keys are heard only where it is peal's own and peal is in its foreground, and then without an echo and at once;
    otherwise it is left alone, so that a peal in the background is never stopped for it. Its modes are put back before peal
    ends, by a signal too, and while it is stopped.
    """

    reads: int
    """What keys come from."""
    typed: Callable[[tuple[str, ...]], None]
    """Is told what was pressed in one go, in a thread of its own."""
    changed: Callable[[bool], None]
    """
    Is told in a signal handler when what is drawn is to be drawn anew.

    True where others have written to the terminal meanwhile.
    """
    is_heard: bool = False
    """Whether keys are heard just now."""
    _lock: threading.RLock = field(factory=threading.RLock)
    _before: list[Any] | None = None
    """The modes as they are to be put back; None as long as they were not changed."""
    _is_given_back: bool = False
    _is_closed: bool = False
    _bell: tuple[int, int] = (-1, -1)
    """A pipe that wakes the thread."""
    _thread: threading.Thread | None = None
    _handlers: dict[int, Any] = field(factory=dict)
    """Who heard these signals before."""

    def open(self) -> None:
        """From now on keys and changes are told."""
        self._hear(signal.SIGWINCH, lambda *_: self.changed(False))
        self._hear(signal.SIGCONT, self._go_on)
        if not os.isatty(self.reads):
            return
        for number in _ENDS:
            if signal.getsignal(number) is signal.SIG_DFL:
                self._hear(number, self._leave)
        atexit.register(self._give_back)
        self._bell = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Nothing more is told, and the terminal is as it was; what nobody has read yet is for who comes next."""
        self._is_closed = True
        if self._thread is not None:
            self._ring()
            self._thread.join()
            for end in self._bell:
                os.close(end)
            self._give_back()
            atexit.unregister(self._give_back)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _hear(self, number: int, by: Callable[[int, FrameType | None], None]) -> None:
        self._handlers[number] = signal.signal(number, by)

    def _ring(self) -> None:
        os.write(self._bell[1], b".")

    def _leave(self, number: int, _: FrameType | None) -> None:
        """peal is stopped, or ended, as it would have been without anybody hearing of it."""
        self._give_back()
        by = signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, by)
        self._go_on()  # it was stopped, or where nobody could let it go on it was not

    def _go_on(self, *_: object) -> None:
        """peal was stopped by whatever signal."""
        self._is_given_back = False
        if self._thread is not None:
            self._ring()
        self.changed(True)

    def _give_back(self) -> None:
        """Put the modes back, unless the terminal belongs to somebody else by now."""
        with self._lock, _unstopped():
            self._is_given_back, self.is_heard = True, False
            if self._before is not None and self._is_in_foreground():
                with suppress(termios.error):
                    termios.tcsetattr(self.reads, termios.TCSANOW, self._before)
            self._before = None

    def _is_in_foreground(self) -> bool:
        """Whether keys are for peal; never at a terminal that belongs to another session."""
        try:
            return os.tcgetpgrp(self.reads) == os.getpgrp()
        except OSError:
            return False

    def _listen(self) -> None:
        """Until `close`, or until the terminal is gone."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for the main thread
        rest = b""
        while not self._is_closed:
            is_ours = self._take()
            seconds = _REST_OF_KEY if rest else _LOOK
            ready, _, _ = select.select([self._bell[0], *([self.reads] if is_ours else [])], [], [], seconds)
            if self._bell[0] in ready:
                os.read(self._bell[0], _CHUNK)
            elif self.reads not in ready:
                rest = b""  # a key of its own, that nobody asks for
            elif (read := self._read()) is None:
                return
            else:
                keys, rest = keys_in(rest + read)
                if any(keys):
                    self.typed(keys)

    def _read(self) -> bytes | None:
        """What was typed; None if the terminal is gone."""
        try:
            return os.read(self.reads, _CHUNK) or None
        except OSError:
            return b""  # not in the foreground any more

    def _take(self) -> bool:
        """Have keys come at once and without an echo, if they are for peal; whether they are."""
        with self._lock:
            self.is_heard = not (self._is_given_back or self._is_closed) and self._is_in_foreground()
            if self.is_heard:
                try:
                    self._set_modes()
                except termios.error:
                    self.is_heard = False
            return self.is_heard

    def _set_modes(self) -> None:
        found = termios.tcgetattr(self.reads)
        wanted = _at_once(found)
        if found != wanted:
            self._before = found
            termios.tcsetattr(self.reads, termios.TCSANOW, wanted)


def _at_once(modes: list[Any]) -> list[Any]:
    """The same modes, but each key is to be had as soon as it is pressed, and is not shown; Ctrl-C and Ctrl-Z are signals."""
    wanted = list(modes)
    wanted[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO)
    wanted[_CONTROLS] = list(modes[_CONTROLS])
    wanted[_CONTROLS][termios.VMIN], wanted[_CONTROLS][termios.VTIME] = 1, 0
    return wanted


@contextmanager
def _unstopped() -> Iterator[None]:
    """Nobody is stopped for touching a terminal that was given to another program in this moment."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTTIN, signal.SIGTTOU))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
