"""A machine that has been met, for as long as the link to it lasts: what is asked of it, and the files that come and go."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from attrs import field

from peal import __version__
from peal.classes import define, frozen
from peal.errors import MachineLost
from peal.machines.equipment import Need
from peal.machines.link import Begin, Link
from peal.machines.protocol import ANSWERS, HELLO, PROTOCOL, has_shape
from peal.machines.rpc import FarError, LinkError, Methods, Peer, sent
from peal.sandbox.wanted import Wanted
from peal.system.process import LOOK

_ANSWERS_WITHIN = 60.0
"""Seconds for an answer to what takes no time."""
SANDBOX_SEC = 90.0
"""Seconds for a machine to try a sandbox: a wrapper may have to fetch an image."""
_ROOM = 200_000_000
"""Bytes that have to be free on a machine."""
_STOPS_WITHIN = 1.0
"""Seconds for whoever writes to a machine to be done, when it is let go."""


@frozen
class Hello:
    """Who answers at the far end."""

    life: str
    git: str
    """Its version there."""
    room: int
    """Bytes that are free there."""
    clis: Mapping[str, str]
    """The coding CLIs that are there, each with what its program is called."""


@frozen
class SandboxThere:
    """What a sandbox that is wanted is on a machine."""

    kind: tuple[str, ...]
    problem: str = ""
    """Why it does not work there; empty if it does."""
    left_out: tuple[str, ...] = ()
    """Variables that programs in it are not given."""

    @property
    def is_known(self) -> bool:
        """Whether it works, and peal knows what it does."""
        return not self.problem and len(self.kind) == 1


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
class Connection:
    """
    Used from any thread; what it is asked about ends with it, so nothing is ever asked of a later life of the machine.

    `MachineLost`, with the reason, is what everything raises once it has ended.
    """

    name: str
    """The machine's."""
    hello: Hello = field(init=False)
    _link: Link
    _peer: Peer = field(init=False)
    _heard: dict[str, Heard] = field(factory=dict)
    """Who takes the output of an errand."""
    _transfers: dict[str, Transfer] = field(factory=dict)
    _programs: dict[str, bool] = field(factory=dict)
    """Of those that were asked about, whether they are there."""
    _sandboxes: dict[Wanted, SandboxThere] = field(factory=dict)
    """What those are there that were asked about."""

    @classmethod
    def open(
        cls,
        name: str,
        begin: Begin,
        silence: float,
        start_sec: float,
        ended: Callable[["Connection", str], None],
    ) -> "Connection":
        """A link that is begun, at whose end `ended` is called with why; nobody is met yet. `MachineLost` if it cannot be."""
        try:
            connection = cls(name, begin())
        except LinkError as error:
            raise MachineLost(f"machine `{name}`: {error}") from None
        connection._begin(silence, start_sec, ended)
        return connection

    def meet(self, start_sec: float) -> None:
        """Learn who is there, within so many seconds; else, or if that is not fit, it is let go, and `MachineLost` raised."""
        try:
            self._meet(start_sec)
        except MachineLost:
            self.close()
            raise

    def lacks(self, need: Need) -> str:
        """The first that an agent needs and is not there; empty for nothing."""
        if need.cli and need.cli not in self.hello.clis:
            return need.cli
        if unknown := [word for word in need.programs if word not in self._programs]:
            there = self.told("programs", unknown)
            self._programs.update({word: there.get(word, False) for word in unknown})
        return next((word for word in need.programs if not self._programs[word]), "")

    def sandbox(self, wanted: Wanted) -> SandboxThere:
        """What becomes of it there; it is tried when that is first asked."""
        if wanted not in self._sandboxes:
            told = self.told("sandbox", wanted.as_json(), within=SANDBOX_SEC)
            self._sandboxes[wanted] = SandboxThere(
                tuple(told["kind"]), told["problem"], tuple(told["left_out"])
            )
        return self._sandboxes[wanted]

    def call(self, method: str, *params: Any) -> Any:
        """Ask, and wait for the answer, however long that takes; `MachineLost` too if it could not do that."""
        try:
            return self.answer(self.ask(method, *params))
        except FarError as error:
            raise MachineLost(f"machine `{self.name}`: {error}") from None

    def told(self, method: str, *params: Any, within: float = _ANSWERS_WITHIN) -> Any:
        """The same for what takes so many seconds at most."""
        question = self.ask(method, *params)
        try:
            return _checked(question, question.future.result(within))
        except (LinkError, FarError, TimeoutError) as error:
            raise self.lost(str(error) or "it does not answer") from None

    def ask(self, method: str, *params: Any) -> Question:
        """Ask, and do not wait for the answer."""
        try:
            return Question(method, self._peer.call(method, *params))
        except LinkError as error:
            raise self.lost(str(error)) from None

    def answer(self, question: Question, look: Callable[[], None] = lambda: None) -> Any:
        """What it answered; `FarError` if it could not do what it was asked for. `look` is called now and then meanwhile."""
        while not _is_done(question.future):
            look()
        try:
            return _checked(question, question.future.result())
        except LinkError as error:
            raise self.lost(str(error)) from None

    def tell(self, method: str, *params: Any) -> None:
        """Tell without an answer; nothing happens if it is gone."""
        self._peer.tell(method, *params)

    def lost(self, why: str) -> MachineLost:
        """The same in words for a person, with what the link's own program complained of."""
        said = self._link.complaint()
        return MachineLost(f"machine `{self.name}`: {why}{f' ({said})' if said else ''}")

    def send_file(self, path: Path) -> str:
        """Send what a file holds; the name it has there until it is put somewhere."""
        name = uuid4().hex
        sent(path, lambda data: self.tell("piece", name, data))
        return name

    @contextmanager
    def taking_file(self, name: str, path: Path) -> Iterator[Transfer]:
        """Have the pieces of a file that comes under this name put there; it is gone at the end."""
        transfer = self._transfers[name] = Transfer(path)
        try:
            yield transfer
        finally:
            del self._transfers[name]
            path.unlink(missing_ok=True)

    @contextmanager
    def hearing(self, errand: str, heard: Heard) -> Iterator[None]:
        """Have the output of an errand taken, as it comes."""
        self._heard[errand] = heard
        try:
            yield
        finally:
            del self._heard[errand]

    def close(self) -> None:
        """
        Let it go, from any thread, whoever waits for it or writes to it; again, nothing happens.

        One that does not read any more is killed first: it may be frozen.
        """
        if not self._peer.stop(within=_STOPS_WITHIN):
            self._link.kill()
            self._peer.stop(within=threading.TIMEOUT_MAX)
        self._link.close()

    @property
    def is_over(self) -> bool:
        """Whether the link has ended."""
        return self._peer.is_over

    # --- inside

    def _begin(self, silence: float, start_sec: float, ended: Callable[["Connection", str], None]) -> None:
        methods = Methods({}, {"output": self._output, "piece": self._piece})
        self._peer = Peer(self._link.read, self._link.write, methods, silence, start_sec)

        def serve() -> None:
            why = self._peer.serve()
            ended(self, why)
            self.close()

        threading.Thread(target=serve, name=f"machine {self.name}", daemon=True).start()

    def _meet(self, start_sec: float) -> None:
        self._peer.agree()
        question = self.ask("hello")
        try:
            told = _checked(question, question.future.result(start_sec))
        except (LinkError, FarError, TimeoutError) as error:
            raise self.lost(str(error) or f"it did not say who it is within {start_sec:g} seconds") from None
        if unfit := _unfit(told):
            raise MachineLost(f"machine `{self.name}` {unfit}")
        git = ".".join(map(str, told["git"]))
        self.hello = Hello(told["life"], git, told["room"], told["clis"])

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
    if told.get("peal") != __version__:
        return f"has peal {told.get('peal')}, and here is {__version__}; install the same on both"
    if told.get("protocol") != PROTOCOL or not has_shape(told, HELLO):
        return (
            f"has peal {__version__} as here, but another commit of it: it speaks protocol {told.get('protocol')}, and here is "
            f"{PROTOCOL}; install the same commit on both, which `peal --version` tells"
        )
    if not told["git"]:
        return "has no git; install it there"
    if told["room"] < _ROOM:
        return f"has only {told['room'] // 1_000_000} MB free; make room there"
    return ""


def _is_done(future: "Future[Any]") -> bool:
    """Whether there is an answer, after a moment at most."""
    with suppress(TimeoutError):
        future.exception(LOOK)
    return future.done()
