"""
Links over a Dask cluster: the scheduler is asked who the workers are, and each link is a connection to one of them.

Nothing else of Dask's is used: it moves no results, and places and repeats nothing. Of what a cluster answers only plain values
are read, for `distributed` itself would unpickle the rest.
"""

import asyncio
import os
import pickle
import random
import struct
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import IO, Any

import msgpack
from attrs import field

from peal.classes import define
from peal.machines import dask_access, dask_worker, relay
from peal.machines.rpc import LinkError

_PAUSE = 5.0
"""Seconds for which a scheduler that could not be asked is left alone."""
_LARGEST = 256 * 1024 * 1024
"""Bytes of an answer: a worker's entry in the scheduler's is some thousand."""


@define(eq=False)
class DaskLink:
    """A link to a worker; as `Pipe` is one."""

    _heard: IO[bytes]
    _told: IO[bytes]
    _over: "Future[str]"
    """Has the last word of the far end once the connection has ended."""
    _lock: threading.Lock = field(factory=threading.Lock)

    @property
    def read(self) -> int:
        """What it says."""
        return self._heard.fileno()

    @property
    def write(self) -> int:
        """What it hears."""
        return self._told.fileno()

    def complaint(self) -> str:
        """The far end's last word; empty if it has not said one."""
        has_word = self._over.done() and not self._over.cancelled() and not self._over.exception()
        return self._over.result() if has_word else ""

    def kill(self) -> None:
        """End it at once: whoever waits to be heard by it is woken."""
        self._over.cancel()

    def close(self, grace: float = 2.0) -> None:
        """Let it go; nobody may write to it any more. What it has said can still be read."""
        with self._lock:
            self._told.close()
            wait([self._over], grace)
            self._over.cancel()


@define(eq=False)
class Cluster:
    """The workers of a scheduler, each held by one link at a time; used from any thread."""

    url: str
    _args: Mapping[str, Any]
    """How `distributed` is to connect."""
    _loop: asyncio.AbstractEventLoop
    _held: set[str] = field(factory=set)
    _failures: Counter[str] = field(factory=Counter)
    """How often a worker could not be had."""
    _silent: tuple[float, str] = (0.0, "")
    """When the scheduler could not be asked, and why."""
    _lock: threading.Lock = field(factory=threading.Lock)

    @classmethod
    def of(cls, url: str, files: Mapping[str, Path]) -> "Cluster":
        """
        That of the scheduler at `url`, with the `files` of certificates by what they are; `LinkError` if they cannot be used.

        Nobody is asked yet. The thread that is started here keeps no process from ending.
        """
        args = dask_access.connection_args(url, files)
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name=f"cluster {url}", daemon=True).start()
        return cls(url, args, loop)

    def workers(self) -> list[str]:
        """
        The addresses of all workers there are; `LinkError` if the scheduler does not tell.

        One that has not told just now is not asked again at once: all machines of a cluster would wait for it in turn.
        """
        at, why = self._silent
        if why and time.monotonic() < at + _PAUSE:
            raise LinkError(why)
        try:
            return self._workers()
        except LinkError as error:
            self._silent = time.monotonic(), str(error)
            raise

    def begin(self) -> DaskLink:
        """A link to a worker that no other has; `LinkError` if there is none, or it cannot be used."""
        workers = self.workers()
        with self._lock:
            free = [one for one in workers if one not in self._held]
            if not free:
                raise LinkError(f"`{self.url}` has no worker that is free; start another there")
            # Any of them: others may have begun with the first, too.
            worker = min(free, key=lambda one: (self._failures[one], random.random()))
            self._held.add(worker)
        try:
            self._install(worker)
            link: DaskLink = self._done(worker, self._linked(worker))
            return link
        except LinkError:
            self._failures[worker] += 1
            self._release(worker)
            raise

    # --- inside

    def _workers(self) -> list[str]:
        told = self._done(self.url, self._asked(self.url, op="identity"))
        workers = told.get("workers") if isinstance(told, dict) else None
        if not isinstance(workers, dict):
            raise LinkError(f"`{self.url}` is no scheduler of Dask's; name one")
        return [str(address) for address in workers]

    def _install(self, worker: str) -> None:
        words = {"function": dask_worker.install, "args": (), "kwargs": {}}
        pickled = {name: pickle.dumps(value) for name, value in words.items()}
        told = self._done(worker, self._asked(worker, op="run", wait=True, **pickled))
        if not isinstance(told, dict) or told.get("status") != "OK":
            why = str(told.get("exception_text", "")) if isinstance(told, dict) else ""
            raise LinkError(dask_access.cannot_install(worker, why))

    async def _linked(self, worker: str) -> DaskLink:
        comm = await self._connected(worker)
        await comm.write({"op": dask_worker.OPERATION, "reply": False, "close": True})
        (heard, says), (hears, told) = os.pipe(), os.pipe()
        over = asyncio.run_coroutine_threadsafe(_passed_on(comm, hears, says), self._loop)
        over.add_done_callback(lambda _: self._release(worker))
        return DaskLink(os.fdopen(heard, "rb", 0), os.fdopen(told, "wb", 0), over)

    def _release(self, worker: str) -> None:
        with self._lock:
            self._held.discard(worker)

    async def _asked(self, address: str, **message: Any) -> Any:
        """The answer to one message, as much of it as is plain."""
        comm = await self._connected(address)
        try:
            await comm.write(message)
            return await _answer(comm.stream)
        finally:
            comm.abort()

    async def _connected(self, address: str) -> Any:
        """As `distributed.connect` does it, which would wait for who is not there, and unpickle the first answer."""
        from distributed.comm import parse_address
        from distributed.comm.registry import get_backend

        scheme, place = parse_address(address)
        comm = await get_backend(scheme).get_connector().connect(place, deserialize=False, **self._args)
        try:
            await comm.write(comm.handshake_info())
            await _answer(comm.stream)
        except BaseException:
            comm.abort()
            raise
        return comm

    def _done(self, address: str, work: "Coroutine[Any, Any, Any]") -> Any:
        """What comes of it within bounds; `LinkError` in words for a person."""
        try:
            future = asyncio.run_coroutine_threadsafe(
                asyncio.wait_for(work, dask_access.ANSWERS_WITHIN), self._loop
            )
            return future.result()
        except Exception as error:  # what is answered, and where workers are said to be, is foreign
            raise LinkError(dask_access.cannot_be_asked(address, error)) from None


async def _answer(stream: relay.Stream) -> Any:
    """
    The next of Dask's messages, without what it has pickled.

    It is the lengths of frames, each eight bytes, then the frames; the first is MessagePack, and refers to the others.
    """
    (size,) = struct.unpack("Q", await stream.read_bytes(8))
    if size > _LARGEST:
        raise ValueError("it answers with what is no message")
    block = await stream.read_bytes(size)
    count, length = struct.unpack_from("QQ", block)
    start = 8 + 8 * count
    return msgpack.unpackb(block[start : start + length], strict_map_key=False)


async def _passed_on(comm: Any, hears: int, says: int) -> str:
    """Pass on both ways until the far end is gone; its last word. Who forgets a `comm` of Dask's closes it."""
    sending = asyncio.create_task(_all_sent(hears, comm.stream))
    try:
        return await relay.receive(comm.stream, says)
    except OSError:
        return ""
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        comm.abort()
        os.close(hears)
        os.close(says)


async def _all_sent(hears: int, stream: relay.Stream) -> None:
    await relay.send(hears, stream)
    await relay.send_last("", stream)
