"""
Calls through a pair of pipes, from either end, as MessagePack-RPC has them: `[0, id, method, params]` asks, `[1, id, error,
result]` answers, `[2, method, params]` tells. See https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md.

execnet was looked at: it makes the far end an interpreter for whatever the near one sends, has no bound for a message, and
does not notice silence.
"""

import errno
import itertools
import os
import select
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgpack
from attrs import field

from peal.classes import define, frozen

LARGEST = 8 * 1024 * 1024
"""Bytes of a message; what is larger comes in pieces."""
PIECE = 1024 * 1024
"""Bytes of a file that go in one message."""
_CALL, _ANSWER, _NOTICE = 0, 1, 2
_ENDED = "it ended the connection"
_ALIVE = "alive"
"""Tells that its sender is there, and by a number of seconds for how long either may be silent from now on."""
_LEAST = 1.0
"""Seconds that anybody may be silent."""


class LinkError(Exception):
    """The other end is gone, silent, or says what nobody can make sense of; the message tells which."""


class FarError(Exception):
    """The other end could not do what it was asked to; the message is its own."""


@frozen
class Methods:
    """What one end does when the other calls or tells it something."""

    calls: Mapping[str, Callable[..., Any]] = field(factory=dict)
    """Each in a thread of its own; what it returns, or the words of a `FarError`, go back."""
    notices: Mapping[str, Callable[..., None]] = field(factory=dict)
    """One after another, in the order they came; the other end waits as long as one takes."""


@define(eq=False)
class Peer:
    """One end of a link; used from any thread."""

    read: int
    write: int
    methods: Methods
    silence: float
    """Seconds without a sign of life after which the other end counts as gone; what one end has said, both keep to."""
    beginning: float = 0.0
    """Seconds until its first one, where that may take longer."""
    _ids: "itertools.count[int]" = field(factory=itertools.count)
    _waiting: dict[int, "Future[Any]"] = field(factory=dict)
    _lock: threading.Lock = field(factory=threading.Lock)
    _writing: threading.Lock = field(factory=threading.Lock)
    _paced: threading.Event = field(factory=threading.Event)
    """Set when a sign of life is due sooner than was thought, or none any more."""
    _why: str = ""
    """Why nothing comes any more."""

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""
        return bool(self._why)

    def agree(self) -> None:
        """Have the other end keep to the same silence."""
        self.tell(_ALIVE, self.silence)

    def call(self, method: str, *params: Any) -> "Future[Any]":
        """Ask; the future has the answer, `FarError` or `LinkError`."""
        future: Future[Any] = Future()
        number = next(self._ids)
        with self._lock:
            if self._why:
                raise LinkError(self._why)
            self._waiting[number] = future
        self._send([_CALL, number, method, list(params)])
        return future

    def tell(self, method: str, *params: Any) -> None:
        """Tell without an answer; nothing happens if the link has ended."""
        with suppress(LinkError):
            self._send([_NOTICE, method, list(params)])

    def stop(self, within: float) -> bool:
        """
        Send nothing any more, so that what is written to may be closed; False if somebody still waits to be heard after so many
        seconds.
        """
        if not self._writing.acquire(timeout=within):
            return False
        self._why = self._why or _ENDED
        self._writing.release()
        self._paced.set()
        return True

    def serve(self) -> str:
        """Hear the other end until the link ends; why it did. Whoever waits for an answer gets `LinkError` then."""
        unpacker = msgpack.Unpacker(
            max_buffer_size=LARGEST + PIECE, strict_map_key=False, unicode_errors="surrogateescape"
        )
        threading.Thread(target=self._keep_alive, daemon=True).start()
        patience, why = max(self.silence, self.beginning), _ENDED
        try:
            while chunk := self._heard(patience):
                unpacker.feed(chunk)
                for message in unpacker:
                    self._take(message)
                patience = self.silence
        except Exception as error:  # whatever the other end has made of it, nobody waits for ever
            why = str(error) or type(error).__name__
        finally:
            self._end(why)
        return why

    def _heard(self, patience: float) -> bytes:
        waiting = select.poll()
        waiting.register(self.read, select.POLLIN)
        if not waiting.poll(patience * 1000):
            raise LinkError(f"nothing was heard of it for {patience:g} seconds")
        return os.read(self.read, 65536)

    def _keep_alive(self) -> None:
        while not self._why:
            self._paced.wait(self.silence / 4)
            self._paced.clear()
            self.tell(_ALIVE)

    def _take(self, message: Any) -> None:
        match message:
            case [int(kind), int(number), str(method), list(params)] if kind == _CALL:
                asked = partial(self._method(self.methods.calls, method), *params)
                threading.Thread(target=self._answer, args=(number, asked), daemon=True).start()
            case [int(kind), method, [int() | float() as silence]] if (kind, method) == (_NOTICE, _ALIVE):
                self.silence = max(float(silence), _LEAST)
                self._paced.set()
            case [int(kind), int(number), error, result] if kind == _ANSWER:
                with self._lock:
                    future = self._waiting.pop(number, None)
                if future and error is None:
                    future.set_result(result)
                elif future:
                    future.set_exception(FarError(str(error)))
            case [int(kind), str(method), list(params)] if kind == _NOTICE:
                if method != _ALIVE:
                    self._method(self.methods.notices, method)(*params)
            case _:
                raise LinkError("it said what is no message")

    def _answer(self, number: int, asked: Callable[[], Any]) -> None:
        try:
            answer = [_ANSWER, number, None, asked()]
        except Exception as error:
            answer = [_ANSWER, number, f"{type(error).__name__}: {error}", None]
        with suppress(LinkError):
            self._send(answer)

    def _method(self, known: Mapping[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
        if name not in known:
            raise LinkError(f"it asked for `{name}`, which is not known here")
        return known[name]

    def _send(self, message: list[Any]) -> None:
        data = memoryview(msgpack.packb(message, unicode_errors="surrogateescape"))
        with self._writing:
            if self._why:
                raise LinkError(self._why)
            try:
                while data:
                    data = data[os.write(self.write, data) :]
            except OSError as error:
                is_gone = error.errno == errno.EPIPE
                raise LinkError(_ENDED if is_gone else f"it cannot be written to: {error.strerror}") from None

    def _end(self, why: str) -> None:
        with self._lock:
            self._why = self._why or why
            self._paced.set()
            left, self._waiting = list(self._waiting.values()), {}
        for future in left:
            future.set_exception(LinkError(self._why))


def sent(path: Path, tell: Callable[[bytes], None], start: int = 0) -> int:
    """Tell what a file holds behind a place, in pieces; the place where it ends now."""
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while piece := file.read(PIECE):
            tell(piece)
            start += len(piece)
    return start
