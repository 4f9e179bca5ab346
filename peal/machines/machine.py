"""A machine as it is seen from here: a command that gives a pipe to `peal machine`, begun anew when it has ended."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from attrs import field

from peal import __version__
from peal.classes import define, frozen
from peal.errors import MachineLost
from peal.machines.equipment import Need
from peal.machines.protocol import PROTOCOL
from peal.machines.rpc import FarError, LinkError, Methods, Peer, sent
from peal.system.process import LOOK, Cancel, Pipe

_ANSWERS_WITHIN = 60.0
"""Seconds that a machine may take to say who it is: ssh, or a container, has to begin first."""
_ROOM = 200_000_000
"""Bytes that have to be free on a machine."""
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_LAST_PATIENCE = 3.0
"""Seconds for a machine to answer when the run has to end at once."""


@frozen
class Hello:
    """Who answers at the far end."""

    peer: Peer
    life: str
    git: str
    """Its version."""
    room: int
    """Bytes that are free there."""
    clis: Mapping[str, str]
    """The coding CLIs that are there, each with what its program is called."""
    programs: dict[str, bool] = field(factory=dict)
    """Of others, as far as was asked, whether they are there."""


Heard = Callable[[str, bytes], None]
"""Takes the name of an output, and what was added to it."""


@define(eq=False)
class Machine:
    """Used from any thread."""

    name: str
    argv: tuple[str, ...]
    silence: float
    _pipe: Pipe | None = None
    _peer: Peer | None = None
    _hello: Hello | None = None
    _heard: dict[str, Heard] = field(factory=dict)
    """Who takes the output of an errand."""
    _transfers: dict[str, Path] = field(factory=dict)
    """Where pieces of a file go that comes from there."""
    _lock: threading.Lock = field(factory=threading.Lock)
    _failures: int = 0
    _not_before: float = 0.0

    def hello(self) -> Hello:
        """Who is there; the link is begun if there is none. `MachineLost` if nobody is."""
        with self._lock:
            if self._hello is None:
                self._begin()
            assert self._hello is not None
            return self._hello

    @property
    def is_there(self) -> bool:
        """Whether it answers, as far as is known."""
        return self._hello is not None

    @property
    def may_be_there(self) -> bool:
        """Whether it is worth asking: after a failure, only when some time has passed."""
        return self._hello is not None or time.monotonic() >= self._not_before

    def lacks(self, need: Need) -> str:
        """The first that an agent needs and is not there; empty for nothing. `MachineLost` if nobody answers."""
        hello = self.hello()
        if need.cli and need.cli not in hello.clis:
            return need.cli
        if unknown := [word for word in need.programs if word not in hello.programs]:
            hello.programs.update(zip(unknown, self.told("programs", unknown), strict=True))
        return next((word for word in need.programs if not hello.programs[word]), "")

    def call(self, cancel: Cancel, method: str, *params: Any, life: str = "") -> Any:
        """Ask, and wait for the answer; `MachineLost` if there is none, and also if it could not do that."""
        try:
            return self.answer(self.ask(method, *params, life=life), cancel)
        except FarError as error:
            raise MachineLost(f"machine `{self.name}`: {error}") from None

    def ask(self, method: str, *params: Any, life: str = "") -> "Future[Any]":
        """
        Ask without waiting.

        What is about something that the machine has lent is for the `life` in which it did: another knows nothing of it.
        """
        hello = self.hello()
        try:
            if life not in ("", hello.life):
                raise LinkError("it was begun anew meanwhile")
            return hello.peer.call(method, *params)
        except LinkError as error:
            raise self.lost(error) from None

    def answer(self, future: "Future[Any]", cancel: Cancel, look: Callable[[], None] = lambda: None) -> Any:
        """
        What it answered; `FarError` or `MachineLost`. `look` is called now and then meanwhile.

        One that does not answer when the run has to end at once is given up: it may be frozen.
        """
        until = math.inf
        while not _is_done(future):
            look()
            until = min(until, time.monotonic() + _LAST_PATIENCE) if cancel.hard else math.inf
            if time.monotonic() >= until:
                self.close()
        try:
            return future.result()
        except LinkError as error:
            raise self.lost(error) from None

    def lost(self, error: LinkError) -> MachineLost:
        """The same in words for a person, with what the link's own program complained of."""
        said = self._pipe.complaint() if self._pipe else ""
        return MachineLost(f"machine `{self.name}`: {error}{f' ({said})' if said else ''}")

    def tell(self, method: str, *params: Any) -> None:
        """Tell without an answer; nothing happens if it is gone."""
        if peer := self._peer:
            peer.tell(method, *params)

    def send_file(self, path: Path) -> str:
        """Send what a file holds; the name it has there until it is put somewhere."""
        self.hello()
        name = uuid4().hex
        sent(path, lambda data: self.tell("piece", name, data))
        return name

    def hear(self, errand: str, heard: Heard | None) -> None:
        """Whoever takes the output of this errand from now on; None for nobody."""
        if heard:
            self._heard[errand] = heard
        else:
            self._heard.pop(errand, None)

    def take_file(self, name: str, path: Path | None) -> None:
        """Where the pieces of a file go that comes under this name; None when it has come."""
        if path:
            self._transfers[name] = path
        else:
            self._transfers.pop(name, None)

    def close(self) -> None:
        """The run is over, or does not wait any longer."""
        if self._pipe and self._peer:
            _let_go(self._peer, self._pipe)

    # --- inside

    def _begin(self) -> None:
        try:
            pipe = Pipe.start(self.argv)
        except OSError as error:
            self._put_off()
            raise MachineLost(
                f"machine `{self.name}`: `{self.argv[0]}` cannot be started: {error.strerror}"
            ) from None
        peer = Peer(
            pipe.read, pipe.write, Methods({}, {"output": self._output, "piece": self._piece}), self.silence
        )
        self._pipe, self._peer = pipe, peer
        threading.Thread(
            target=self._serve, args=(peer, pipe), name=f"machine {self.name}", daemon=True
        ).start()
        try:
            told = peer.call("hello", self.silence).result(_ANSWERS_WITHIN)
        except (LinkError, FarError, TimeoutError) as error:
            _let_go(peer, pipe)
            self._put_off()
            why = str(error) or f"it did not say who it is within {_ANSWERS_WITHIN:g} seconds"
            raise self.lost(LinkError(why)) from None
        if unfit := _unfit(told):
            _let_go(peer, pipe)
            self._put_off()
            raise MachineLost(f"machine `{self.name}` {unfit}")
        self._hello = Hello(peer, told["life"], ".".join(map(str, told["git"])), told["room"], told["clis"])
        self._failures = 0

    def told(self, method: str, *params: Any, within: float = _ANSWERS_WITHIN) -> Any:
        """The answer to what takes so many seconds at most; `MachineLost` if there is none."""
        try:
            return self.ask(method, *params).result(within)
        except (LinkError, FarError, TimeoutError) as error:
            raise self.lost(LinkError(str(error) or "it does not answer")) from None

    def _put_off(self) -> None:
        self._failures += 1
        self._not_before = time.monotonic() + min(_PAUSE * 2**self._failures, _LONGEST_PAUSE)

    def _serve(self, peer: Peer, pipe: Pipe) -> None:
        peer.serve()
        with self._lock:
            if self._peer is peer:
                self._hello = None
                self._put_off()
        _let_go(peer, pipe)

    def _output(self, errand: str, name: str, data: bytes) -> None:
        if name in ("stdout", "stderr") and (heard := self._heard.get(errand)):
            heard(name, data)

    def _piece(self, name: str, data: bytes) -> None:
        if path := self._transfers.get(name):
            with path.open("ab") as file:
                file.write(data)


def _unfit(told: dict[str, Any]) -> str:
    """What keeps a machine that has said who it is from being used, in words that follow its name; empty for nothing."""
    if (told["peal"], told["protocol"]) != (__version__, PROTOCOL):
        return f"has peal {told['peal']}, and here is {__version__}; install the same on both"
    if not told["git"]:
        return "has no git; install it there"
    if told["room"] < _ROOM:
        return f"has only {told['room'] // 1_000_000} MB free; make room there"
    return ""


def _let_go(peer: Peer, pipe: Pipe) -> None:
    """End a link, from either side; one that does not read any more is killed first. Again, nothing happens."""
    if not peer.stop(within=1.0):
        pipe.kill()
        peer.stop(within=math.inf)
    pipe.close()


def _is_done(future: "Future[Any]") -> bool:
    """Whether there is an answer, after a moment at most."""
    with suppress(TimeoutError):
        future.exception(LOOK)
    return future.done()
