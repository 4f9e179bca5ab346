"""A machine as it is seen from here: a link to `peal machine` there, begun anew when it has ended."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from attrs import Factory, field

from peal import __version__
from peal.classes import define, frozen
from peal.errors import MachineLost
from peal.machines.equipment import Need
from peal.machines.link import Begin, Link
from peal.machines.protocol import ANSWERS, HELLO, PROTOCOL, has_shape
from peal.machines.rpc import FarError, LinkError, Methods, Peer, sent
from peal.system.process import LOOK, Cancel

START_SEC = 60.0
"""Seconds that a machine may take to say who it is, unless a person says otherwise: ssh, or a container, has to begin first."""
_ANSWERS_WITHIN = 60.0
"""Seconds for an answer to what takes no time."""
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


@frozen
class Question:
    """Something that was asked, whose answer is to come."""

    method: str
    future: "Future[Any]"


@define
class Transfer:
    """A file that comes in pieces."""

    path: Path
    error: OSError | None = None
    """Why it could not be written here: nothing that the machine could help."""

    def add(self, data: bytes) -> None:
        """One piece more."""
        try:
            with self.path.open("ab") as file:
                file.write(data)
        except OSError as error:
            self.error = self.error or error


Heard = Callable[[str, bytes], None]
"""Takes the name of an output, and what was added to it."""


@define(eq=False)
class Machine:
    """Used from any thread."""

    name: str
    begin: Begin
    silence: float
    start_sec: float = START_SEC
    """Seconds until it says who it is: it may stand in a queue."""
    _link: Link | None = None
    _peer: Peer | None = None
    _hello: Hello | None = None
    _heard: dict[str, Heard] = field(factory=dict)
    """Who takes the output of an errand."""
    _transfers: dict[str, "Transfer"] = field(factory=dict)
    _lock: threading.Lock = field(factory=threading.Lock)
    _anew: threading.Lock = field(factory=threading.Lock)
    """Held while a link is begun that nobody waits for."""
    _failures: int = 0
    _not_before: float = 0.0
    why_not: str = field(
        default=Factory(lambda self: f"machine `{self.name}` does not answer yet", takes_self=True)
    )
    """Why it was not there when that was last seen, in words for a person."""

    def hello(self) -> Hello:
        """Who is there; the link is begun if there is none. `MachineLost` if nobody is."""
        with self._lock:
            if self._hello is None:
                self._begin()
            assert self._hello is not None
            return self._hello

    def met(self) -> Hello:
        """Who is there, as far as is known; `MachineLost` if nobody is. No link is begun, so nobody waits."""
        if hello := self._hello:
            return hello
        raise MachineLost(self.why_not)

    @property
    def is_there(self) -> bool:
        """Whether it answers, as far as is known."""
        return self._hello is not None

    def ask_again(self) -> bool:
        """
        Have a link begun beside, if enough time has passed since it failed; whether that is under way.

        Nobody waits for it: a host that is switched off may take a minute to be so.
        """
        if time.monotonic() >= self._not_before and self._anew.acquire(blocking=False):
            threading.Thread(target=self._begin_again, name=f"machine {self.name} anew", daemon=True).start()
        return self._anew.locked()

    def _begin_again(self) -> None:
        try:
            with suppress(MachineLost):
                self.hello()
        finally:
            self._anew.release()

    def lacks(self, need: Need) -> str:
        """The first that an agent needs and is not there; empty for nothing. `MachineLost` if nobody answers."""
        hello = self.met()
        if need.cli and need.cli not in hello.clis:
            return need.cli
        if unknown := [word for word in need.programs if word not in hello.programs]:
            hello.programs.update(zip(unknown, self._soon("programs", unknown), strict=True))
        return next((word for word in need.programs if not hello.programs[word]), "")

    def call(self, cancel: Cancel, method: str, *params: Any, life: str = "") -> Any:
        """Ask, and wait for the answer; `MachineLost` if there is none, and also if it could not do that."""
        try:
            return self.answer(self.ask(method, *params, life=life), cancel)
        except FarError as error:
            raise MachineLost(f"machine `{self.name}`: {error}") from None

    def ask(self, method: str, *params: Any, life: str = "") -> Question:
        """
        Ask without waiting.

        What is about something that the machine has lent is for the `life` in which it did: another knows nothing of it.
        """
        hello = self.met()
        try:
            if life not in ("", hello.life):
                raise LinkError("it is gone")
            return Question(method, hello.peer.call(method, *params))
        except LinkError as error:
            raise self.lost(error) from None

    def answer(self, question: Question, cancel: Cancel, look: Callable[[], None] = lambda: None) -> Any:
        """
        What it answered; `FarError` or `MachineLost`. `look` is called now and then meanwhile.

        One that does not answer when the run has to end at once is given up: it may be frozen.
        """
        until = math.inf
        while not _is_done(question.future):
            look()
            until = min(until, time.monotonic() + _LAST_PATIENCE) if cancel.hard else math.inf
            if time.monotonic() >= until:
                self.close()
        try:
            return _checked(question, question.future.result())
        except LinkError as error:
            raise self.lost(error) from None

    def lost(self, error: LinkError) -> MachineLost:
        """The same in words for a person, with what the link's own program complained of."""
        return MachineLost(f"machine `{self.name}`{self._told_of(str(error))}")

    def _told_of(self, why: str) -> str:
        said = self._link.complaint() if self._link else ""
        return f": {why}{f' ({said})' if said else ''}"

    def tell(self, method: str, *params: Any) -> None:
        """Tell without an answer; nothing happens if it is gone."""
        if peer := self._peer:
            peer.tell(method, *params)

    def send_file(self, path: Path) -> str:
        """Send what a file holds; the name it has there until it is put somewhere."""
        name = uuid4().hex
        sent(path, lambda data: self.tell("piece", name, data))
        return name

    def hear(self, errand: str, heard: Heard | None) -> None:
        """Whoever takes the output of this errand from now on; None for nobody."""
        if heard:
            self._heard[errand] = heard
        else:
            self._heard.pop(errand, None)

    @contextmanager
    def taking_file(self, name: str, path: Path) -> Iterator["Transfer"]:
        """Have the pieces of a file that comes under this name put there; it is gone at the end."""
        transfer = self._transfers[name] = Transfer(path)
        try:
            yield transfer
        finally:
            del self._transfers[name]
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """The run is over, or does not wait any longer."""
        if self._link and self._peer:
            _let_go(self._peer, self._link)

    # --- inside

    def _begin(self) -> None:
        try:
            link = self.begin()
        except LinkError as error:
            raise self._put_off(f": {error}") from None
        methods = Methods({}, {"output": self._output, "piece": self._piece})
        peer = Peer(link.read, link.write, methods, self.silence, self.start_sec)
        self._link, self._peer = link, peer
        threading.Thread(
            target=self._serve, args=(peer, link), name=f"machine {self.name}", daemon=True
        ).start()
        try:
            question = Question("hello", peer.call("hello", self.silence))
            told = _checked(question, question.future.result(self.start_sec))
        except (LinkError, FarError, TimeoutError) as error:
            _let_go(peer, link)
            why = str(error) or f"it did not say who it is within {self.start_sec:g} seconds"
            raise self._put_off(self._told_of(why)) from None
        if unfit := _unfit(told):
            _let_go(peer, link)
            raise self._put_off(f" {unfit}")
        self._hello = Hello(peer, told["life"], ".".join(map(str, told["git"])), told["room"], told["clis"])
        self._failures = 0

    def told(self, method: str, *params: Any, within: float = _ANSWERS_WITHIN) -> Any:
        """The answer to what takes so many seconds at most; `MachineLost` if there is none. The link is begun if there is none."""
        self.hello()
        return self._soon(method, *params, within=within)

    def _soon(self, method: str, *params: Any, within: float = _ANSWERS_WITHIN) -> Any:
        try:
            question = self.ask(method, *params)
            return _checked(question, question.future.result(within))
        except (LinkError, FarError, TimeoutError) as error:
            raise self.lost(LinkError(str(error) or "it does not answer")) from None

    def _put_off(self, why: str) -> MachineLost:
        """Not to be asked again for a while; the error that says why."""
        self._failures += 1
        self._not_before = time.monotonic() + min(_PAUSE * 2**self._failures, _LONGEST_PAUSE)
        self.why_not = f"machine `{self.name}`{why}"
        return MachineLost(self.why_not)

    def _serve(self, peer: Peer, link: Link) -> None:
        why = peer.serve()
        with self._lock:
            if self._peer is peer and self._hello:
                self._hello = None
                self._put_off(self._told_of(why))
        _let_go(peer, link)

    def _output(self, errand: str, name: str, data: bytes) -> None:
        if name in ("stdout", "stderr") and (heard := self._heard.get(errand)):
            heard(name, data)

    def _piece(self, name: str, data: bytes) -> None:
        if transfer := self._transfers.get(name):
            transfer.add(data)


def _checked(question: Question, answer: Any) -> Any:
    """An answer, if it is one that can be made sense of; else `LinkError`."""
    if not has_shape(answer, ANSWERS[question.method]):
        raise LinkError(f"to `{question.method}` it answered what nobody can make sense of")
    return answer


def _unfit(told: dict[str, Any]) -> str:
    """What keeps a machine that has said who it is from being used, in words that follow its name; empty for nothing."""
    if (told.get("peal"), told.get("protocol")) != (__version__, PROTOCOL):
        return f"has peal {told.get('peal')}, and here is {__version__}; install the same on both"
    if not has_shape(told, HELLO):
        return "says of itself what nobody can make sense of; install the same peal on both"
    if not told["git"]:
        return "has no git; install it there"
    if told["room"] < _ROOM:
        return f"has only {told['room'] // 1_000_000} MB free; make room there"
    return ""


def _let_go(peer: Peer, link: Link) -> None:
    """End a link, from either side; one that does not read any more is killed first. Again, nothing happens."""
    if not peer.stop(within=1.0):
        link.kill()
        peer.stop(within=math.inf)
    link.close()


def _is_done(future: "Future[Any]") -> bool:
    """Whether there is an answer, after a moment at most."""
    with suppress(TimeoutError):
        future.exception(LOOK)
    return future.done()
