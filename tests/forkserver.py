"""
Starts `peal` by forking a process that has imported it already, which costs a tenth of a start of Python.

What is forked is a process of its own and looks like a fresh `python -m peal`: number, group and session, folder,
arguments, variables, time zone, standard streams, open files, signals, threads, and how it ends. It differs in what the
system alone tells of it: /proc/PID/environ and cmdline are the server's, and all that one server forks have its hash
seed, umask and limits. Tests that look at these start it `cold`; so is every start whose variables would have Python
itself begin otherwise, and with `COLD=1` in the environment every start there is.

Scripts that call `peal` themselves find one on PATH, by `on_path`, that asks the same server.

There is one server for each process that runs tests, from its first start on, and one more behind each `setpriv` that tests
put before peal: what that takes away, forks do not have either. They end when that process does, however that happens.
"""

import atexit
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, TextIO

from attrs import define, field, has

LATE = ("cattrs.preconf.json", "filelock", "jinja2", "markdown_it", "rich.live", "ruamel.yaml", "tomlkit")
"""What peal imports where it is used; one that is missing here is merely imported in each fork."""
_OURS = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
"""The server's variables: before any test had a hand in them, and without what would have Python start otherwise."""
_NUMBER = 4
"""Bytes in which a process's number, and later its exit code, are told."""


# --- what tests call


def popen(
    argv: tuple[str, ...],
    cwd: Path,
    env: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    start_new_session: bool = False,
    before: tuple[str, ...] = (),
    cold: bool = False,
) -> "Process":
    """`python -m ARGV`, behind other words or forked where nobody could tell; else as with subprocess.Popen."""
    is_inherited = before[:1] in ((), ("setpriv",))
    if cold or not is_inherited or _OURS.get("COLD") or _python_reads(env) != _python_reads(_OURS):
        return subprocess.Popen(
            [*before, sys.executable, "-m", *argv], cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr,
            start_new_session=start_new_session, text=True,
        )  # fmt: skip
    return _server(before).start(Call(argv, str(cwd), dict(env), start_new_session), stdin, stdout, stderr)


def on_path() -> str:
    """A folder to stand first on PATH: its `peal` is forked too, where nobody could tell."""
    return str(Path(sys.executable).parent) if _OURS.get("COLD") else str(_server(()).bin_())


def stop() -> None:
    """End all servers there are."""
    while _servers:
        _servers.popitem()[1].stop()


def _server(before: tuple[str, ...]) -> "Server":
    """The one behind these words, begun when it is first asked for."""
    if before not in _servers:
        _servers[before] = Server.begin(before)
    return _servers[before]


def _python_reads(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that Python looks at once, when it starts."""
    return {name: value for name, value in env.items() if name.startswith(("PYTHON", "LC_", "LANG"))}


class Call(NamedTuple):
    """What to start; the standard streams are sent beside it."""

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    start_new_session: bool


@define(eq=False)
class Forked:
    """A process that somebody else waits for, as subprocess.Popen would show it: as much of that as tests need."""

    pid: int
    stdout: IO[str] | None
    stderr: IO[str] | None
    _line: socket.socket
    returncode: int | None = None
    _said: dict[IO[str], bytes] = field(factory=dict)

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code once it has ended; if a signal has ended it, the signal's number below zero."""
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                told = self._line.recv(_NUMBER)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired("peal", timeout or 0) from None
            self.returncode = _number(told)
            self._line.close()
        return self.returncode

    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]:
        """All that is printed until nobody can print there any more; after TimeoutExpired it may be called again."""
        until = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as waiting:
            for stream in (self.stdout, self.stderr):
                if stream and not stream.closed:
                    waiting.register(stream, selectors.EVENT_READ)
            while waiting.get_map():
                ready = waiting.select(until and max(until - time.monotonic(), 0))
                if not ready:
                    raise subprocess.TimeoutExpired("peal", timeout or 0)
                for key, _ in ready:
                    if not self._hear(key.fileobj):
                        waiting.unregister(key.fileobj)
        self.wait(until and max(until - time.monotonic(), 0))
        return self._text(self.stdout), self._text(self.stderr)

    def _hear(self, stream: IO[str]) -> bool:
        """Whether there may be more."""
        chunk = os.read(stream.fileno(), 65536)
        self._said[stream] = self._said.get(stream, b"") + chunk
        if not chunk:
            stream.close()
        return bool(chunk)

    def _text(self, stream: IO[str] | None) -> str:
        said = self._said.get(stream, b"") if stream else b""
        return said.decode().replace("\r\n", "\n").replace("\r", "\n")

    def send_signal(self, number: int) -> None:
        """Nothing happens if it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """As nobody can hinder."""
        self.send_signal(signal.SIGKILL)


Process = subprocess.Popen[str] | Forked


@define
class Server:
    """The forking process, seen from the one that runs tests."""

    _control: socket.socket
    """The server ends when this end of it is closed, as the system does too."""
    _process: subprocess.Popen[bytes]
    _folder: Path
    """Where programs that are no tests of this process find the server, which takes it away when it ends."""

    @classmethod
    def begin(cls, before: tuple[str, ...]) -> "Server":
        """Returns at once; the first call waits until everything is imported."""
        ours, theirs = socket.socketpair()
        folder = Path(tempfile.mkdtemp(prefix="forks-"))
        with theirs, socket.socket(socket.AF_UNIX) as door:
            door.bind(str(folder / "door"))
            door.listen(64)
            argv = [*before, sys.executable, __file__, str(theirs.fileno()), str(door.fileno())]
            process = subprocess.Popen(
                argv,
                env=_OURS,
                pass_fds=[theirs.fileno(), door.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        return cls(ours, process, folder)

    def bin_(self) -> Path:
        """A folder with a `peal` that comes in by the door, and starts as ever where Python would begin otherwise."""
        folder = self._folder / "bin"
        if not folder.exists():
            folder.mkdir()
            asks = Path(__file__).parent / "fakes/peal.py"
            words = (
                *(sys.executable, "-I", "-S", str(asks), str(self._folder / "door")),
                json.dumps(_python_reads(_OURS)),
            )
            (folder / "peal").write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
            (folder / "peal").chmod(0o755)
        return folder

    def start(self, call: Call, stdin: int, stdout: int, stderr: int) -> Forked:
        """Fork a process for this call."""
        line, theirs = socket.socketpair()
        with theirs, Path(os.devnull).open("r+b", buffering=0) as null, ExitStack() as stack:
            reads = null.fileno() if stdin == subprocess.DEVNULL else stdin
            said, prints = _output(stdout, null.fileno(), stack)
            told, complains = (
                (None, prints) if stderr == subprocess.STDOUT else _output(stderr, null.fileno(), stack)
            )
            socket.send_fds(self._control, [b"."], [theirs.fileno(), reads, prints, complains])
        line.sendall(json.dumps(call).encode())
        line.shutdown(socket.SHUT_WR)
        return Forked(_number(line.recv(_NUMBER)), said, told, line)

    def stop(self) -> None:
        """Returns when it has ended."""
        self._control.close()
        self._process.wait()


_servers: dict[tuple[str, ...], Server] = {}


def _output(given: int, null: int, stack: ExitStack) -> tuple[IO[str] | None, int]:
    """What a test reads of a stream, and the descriptor to be written to; `stack` closes that here."""
    if given != subprocess.PIPE:
        return None, null if given == subprocess.DEVNULL else given
    read, write = os.pipe()
    stack.callback(os.close, write)
    return os.fdopen(read, encoding="utf-8"), write


def _number(told: bytes) -> int:
    assert told, "the server has died"
    return int.from_bytes(told, signed=True)


# --- the server


def main() -> None:
    """Import everything, then fork for each call; what is forked leaves the loop and becomes what was called."""
    control, door = (socket.socket(fileno=int(word)) for word in sys.argv[1:])
    _import_all()
    _make_ahead()
    gc.freeze()  # a collection in a fork need not look at, and so copy, what they all share
    if called := _called(control, door):
        call, files = called
        _become(call, files)
        _run(call.argv[0])
    else:
        shutil.rmtree(Path(door.getsockname()).parent, ignore_errors=True)


def _import_all() -> None:
    import peal

    found = (module.name for module in pkgutil.walk_packages(peal.__path__, "peal."))
    for name in (*LATE, *found):
        if name != "peal.__main__":
            importlib.import_module(name)


def _make_ahead() -> None:
    """What every peal makes of its own classes, patterns and templates when it first needs them, and then keeps."""
    from peal.formats import parse
    from peal.phases import prompts
    from peal.record.events import KINDS, converter

    for _ in range(2):  # making one makes cattrs forget some of those before
        for kind in KINDS.values():
            converter().get_structure_hook(kind)
        for kind in _classes("peal.model.", "peal.record.", "peal.views."):
            converter().get_unstructure_hook(kind)
    templates = prompts._environment(None)
    for name in templates.list_templates():
        templates.get_template(name)
    parse(b"# A plan\n\n## Task 1: one\n", "plan.md")


def _classes(*modules: str) -> list[type]:
    """The attrs classes in modules whose names begin so."""
    found = [vars(module).values() for name, module in sys.modules.items() if name.startswith(modules)]
    return [each for values in found for each in values if isinstance(each, type) and has(each)]


def _called(control: socket.socket, door: socket.socket) -> tuple[Call, list[int]] | None:
    """In each fork the call it is for, with its streams; in the server None, when nobody is left to call."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the tests, and they end the server
    child = signal.signal(signal.SIGCHLD, lambda *_: None)  # heard, so that it is told to `alarm`
    ended, alarm = socket.socketpair()
    alarm.setblocking(False)
    signal.set_wakeup_fd(alarm.fileno(), warn_on_full_buffer=False)
    lines: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control, ended, door], [], [])
        if ended in ready:
            ended.recv(65536)
            _tell_ends(lines)
            continue
        if control in ready:
            files = socket.recv_fds(control, 1, 4)[1]
            if not files:
                return None
            line = socket.socket(fileno=files.pop(0))
        else:
            line, _ = door.accept()
            files = socket.recv_fds(line, 1, 3)[1]
        if pid := os.fork():
            _close(files)
            lines[pid] = line
            _tell(line, pid)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, child)
        for servers in (control, door, ended, alarm, *lines.values()):
            servers.close()
        with line, line.makefile("rb") as told:
            call = Call(*json.load(told))
        signal.signal(signal.SIGINT, interrupt)
        return call, files


def _tell_ends(lines: dict[int, socket.socket]) -> None:
    """Tell of each fork that has ended how it did."""
    while lines:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with lines.pop(pid) as line:
            _tell(line, os.waitstatus_to_exitcode(status))


def _tell(line: socket.socket, number: int) -> None:
    with suppress(ConnectionError):  # nobody wants to know any more
        line.sendall(number.to_bytes(_NUMBER, signed=True))


def _become(call: Call, files: list[int]) -> None:
    """What Python does before a module's first line; see `pylifecycle.c` for the streams."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    _close(files)
    sys.stdin = sys.__stdin__ = os.fdopen(0, "r", **_manner(sys.stdin))
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", **_manner(sys.stdout))
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, **_manner(sys.stderr))
    if call.start_new_session:
        os.setsid()
        with suppress(OSError):  # a terminal that no other session has is its own, as after a login
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(call.cwd)
    os.environ.clear()
    os.environ.update(call.env)
    time.tzset()
    tempfile.tempdir = None
    sys.argv = list(call.argv)
    sys.orig_argv = [sys.executable, "-m", *call.argv]
    sys.path[0] = str(Path.cwd())


def _run(module: str) -> None:
    """
    End as Python does, but for taking its modules apart, by which each fork would copy them all.

    Python waits for threads, then calls what was registered for the end, this last of all. It is left to end by itself
    where that shows: after an error, and if there is something that cannot be printed.
    """
    codes: list[int] = []
    atexit.register(_leave, codes)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        codes.append(0)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        codes.append(end.code or 0)


def _leave(codes: list[int]) -> None:
    gc.collect()  # closes, and so writes, files that were left open
    with suppress(OSError, ValueError):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if codes:
            os._exit(codes[0] & 0xFF)


def _manner(stream: TextIO) -> dict[str, Any]:
    return {"encoding": stream.encoding, "errors": stream.errors, "newline": "\n", "closefd": False}


def _close(files: list[int]) -> None:
    for file in files:
        os.close(file)


if __name__ == "__main__":
    main()
