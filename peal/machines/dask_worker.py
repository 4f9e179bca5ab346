"""The far end of a link over Dask: a worker that has `peal machine` carry out what comes, as long as somebody is connected."""

import asyncio
import sys
from contextlib import suppress
from typing import Any

from peal.machines.relay import receive, send, send_last
from peal.system.process import Pipe

OPERATION = "peal-machine"
"""What a worker is asked for whose connection is to become a link."""
_GRACE = 10.0
"""Seconds for what ran there to be ended in, once nobody is connected."""


def install(dask_worker: Any) -> None:
    """Have a worker know the operation; called there, by Dask, and again nothing happens."""
    dask_worker.handlers[OPERATION] = _machine


async def _machine(comm: Any) -> None:
    """One machine for one connection, which is not Dask's any more; neither outlives the other, nor the worker."""
    stream = comm.stream
    try:
        pipe = Pipe.start((sys.executable, "-m", "peal", "machine"))
    except OSError as error:
        last = f"`{sys.executable}` cannot be started: {error.strerror}"
    else:
        last = await _served(pipe, stream)
    with suppress(OSError):
        await send_last(last, stream)
    await comm.close()


async def _served(pipe: Pipe, stream: Any) -> str:
    """Pass on both ways until one end is gone, then let the program go; what that has complained of."""
    hearing = asyncio.create_task(receive(stream, pipe.write))
    saying = asyncio.create_task(send(pipe.read, stream))
    try:
        await asyncio.wait((hearing, saying), return_when=asyncio.FIRST_COMPLETED)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)  # it watches what is closed next
        await asyncio.to_thread(pipe.close, _GRACE)
        await asyncio.wait((saying,), timeout=_GRACE)
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
    return pipe.complaint()
