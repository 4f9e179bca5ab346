"""Machines to measure: processes of this one, each with a folder of its own, at the end of a pipe or of an ssh."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.ground import PYTHON, Ground, Missing

_WAIT = 10.0


def machines(ground: Ground, count: int, places: int, way: Sequence[str] = ()) -> str:
    """Settings in which runs use so many machines, each with so many places for `shell`; `way` leads to them."""
    folder, lines = ground.fresh(), [f"run_on = {json.dumps([f'm{one + 1}' for one in range(count)])}\n"]
    for number in range(1, count + 1):
        words = [*way, PYTHON, "-m", "peal", "machine", "--home", str(folder / f"m{number}")]
        lines.append(
            f"[machines.m{number}]\ncommand = {json.dumps(words)}\nplaces = {{ shell = {places} }}\n"
        )
    return "\n".join(lines)


@contextmanager
def ssh(ground: Ground) -> Iterator[list[str]]:
    """The words that lead through an sshd of its own on the loopback interface; `Missing` where there is none."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if not sshd or not shutil.which("ssh"):
        raise Missing("OpenSSH's `sshd` is not installed")
    folder = ground.fresh()
    for name in ("host", "user"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    port = _free_port()
    config = folder / "config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "PidFile none\nPasswordAuthentication no\nStrictModes no\nUsePAM no\n",
        encoding="utf-8",
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([sshd, "-D", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
        ]
        words = ["ssh", "-T", "-F", "none", "-p", str(port), "-i", str(folder / "user")]
        yield [*words, *(f"-o{option}" for option in options), f"{getpass.getuser()}@127.0.0.1"]
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + _WAIT
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), _WAIT):
            return
        time.sleep(0.05)
    raise Missing("`sshd` could not be started")
