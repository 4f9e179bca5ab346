"""
Bytes passed on between pipes here and a connection of Dask's, each side waiting for the other.

They go as MessagePack: `bytes` are passed on, a text is the last word. Dask's own messages would be unpickled.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgpack

_CHUNK = 65536
_LARGEST = 2 * _CHUNK
"""Bytes of a message."""


class Stream(Protocol):
    """What a connection can do, as Tornado has it."""

    def read_bytes(self, num_bytes: int, partial: bool = False) -> Awaitable[bytes]:
        """What has come, once there is something; OSError if nothing will."""

    def write(self, data: bytes) -> Awaitable[None]:
        """Over when all of it has left."""


async def send(read: int, stream: Stream) -> None:
    """Send what comes out of a pipe, until it has ended; OSError if the connection has before."""
    os.set_blocking(read, False)
    while data := await _read(read):
        await stream.write(msgpack.packb(data))


async def send_last(word: str, stream: Stream) -> None:
    """Say that nothing more comes, and why if that is known; OSError if the connection has ended."""
    await stream.write(msgpack.packb(word))


async def receive(stream: Stream, write: int) -> str:
    """Put what comes into a pipe, until the last word: that one. OSError if either has ended before, or makes no sense."""
    os.set_blocking(write, False)
    unpacker = msgpack.Unpacker(max_buffer_size=_LARGEST + _CHUNK)
    while True:
        unpacker.feed(await stream.read_bytes(_CHUNK, partial=True))
        for said in _unpacked(unpacker):
            if isinstance(said, str):
                return said
            await _write(write, said)


def _unpacked(unpacker: Any) -> list[Any]:
    try:
        said = list(unpacker)
    except (ValueError, msgpack.UnpackException):
        said = [None]
    if not all(isinstance(one, str | bytes) for one in said):
        raise OSError("it said what is no message")
    return said


async def _read(file: int) -> bytes:
    loop = asyncio.get_running_loop()
    while True:
        try:
            return os.read(file, _CHUNK)
        except BlockingIOError:
            await _ready(file, loop.add_reader, loop.remove_reader)


async def _write(file: int, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    while data:
        try:
            data = data[os.write(file, data) :]
        except BlockingIOError:
            await _ready(file, loop.add_writer, loop.remove_writer)


async def _ready(file: int, watch: Callable[..., None], unwatch: Callable[[int], bool]) -> None:
    event = asyncio.Event()
    watch(file, event.set)
    try:
        await event.wait()
    finally:
        unwatch(file)
