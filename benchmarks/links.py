"""Machines to measure: processes of this one, each with a folder of its own, at the end of a pipe, of an ssh or of Dask."""

import getpass
import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.ground import PYTHON, Ground, Missing

_WAIT = 60.0
_CERTIFICATE = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
_AUTHORITY = (
    f"{_CERTIFICATE} -x509 -days 9 -subj /CN=authority -keyout ca.key -out ca.pem",
    f"{_CERTIFICATE} -subj /CN=one -keyout key.pem -out asked.pem",
    "openssl x509 -req -in asked.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -out cert.pem",
)


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
        _wait_until(lambda: _is_heard_at(port))
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


@contextmanager
def dask(ground: Ground, count: int, places: int) -> Iterator[str]:
    """
    Settings in which runs use so many workers of a Dask cluster, with TLS, on the loopback interface; `Missing` where there can
    be none.
    """
    program = Path(PYTHON).with_name("dask")
    if not program.exists() or not shutil.which("openssl"):
        raise Missing('`distributed` or `openssl` is not installed; `pip install "peal-plans[cluster]"`')
    folder = ground.fresh()
    for words in _AUTHORITY:
        subprocess.run(shlex.split(words), cwd=folder, check=True, capture_output=True)
    url = f"tls://127.0.0.1:{_free_port()}"
    files = ["--tls-ca-file", "ca.pem", "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--no-dashboard"]
    scheduler = ["scheduler", "--host", "tls://127.0.0.1", "--port", url.rpartition(":")[2]]
    workers = [
        ["worker", url, "--host", "127.0.0.1", "--no-nanny", "--local-directory", str(folder / str(number))]
        for number in range(count)
    ]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number, words in enumerate([scheduler, *workers]):
            log, env = (
                folder / f"log-{number}",
                {**ground.env, "XDG_CACHE_HOME": str(folder / f"cache-{number}")},
            )
            with log.open("wb") as output:
                started.append(
                    subprocess.Popen(
                        [program, *words, *files], cwd=folder, env=env, stdout=output, stderr=output
                    )
                )
            _wait_until(
                lambda log=log: "Scheduler at:" in log.read_text() or "Registered to:" in log.read_text()
            )
        certificates = (f'{name} = "{folder}/{name}.pem"' for name in ("ca", "cert", "key"))
        table = [f'url = "{url}"', *certificates, f"places = {{ shell = {places} }}"]
        yield "\n".join(['run_on = ["lab"]', "[machines.lab]", *table, ""])
    finally:
        for process in started:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_heard_at(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), _WAIT):
        return True
    return False


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + _WAIT
    while not is_so():
        if time.monotonic() > until:
            raise Missing("what leads to the machines did not start")
        time.sleep(0.05)
