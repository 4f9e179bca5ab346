"""The only door to child processes: start them, wait under three clocks, end them with all they left behind."""

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from attrs import field

from peal.classes import define, frozen
from peal.model.process import Ended, Ending, Sign
from peal.system import reaper

RUN_MARKER = "PEAL_RUN_ID"
ATTEMPT_MARKER = "PEAL_ATTEMPT_ID"
GRACE = 5.0
"""Seconds between TERM and KILL."""
LOOK = 0.25
"""Seconds between looks at the output files' growth."""
FAREWELL = 15.0
"""Seconds that a process may stay after its last word: a CLI waits about five for what it has left in the background."""
_LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a line that are kept until its end comes; no sign is that long."""
_COMPLAINT = 4096
"""Bytes of what a companion says that are read."""
_LAST_SIGNAL = 64
_NEW = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_HAS_PROC = Path("/proc/self/environ").exists()


def arguments(command: str) -> list[str]:
    """A command line split as a shell would; ValueError says what is wrong with its quotes."""
    words = shlex.split(command)
    if not words:
        raise ValueError("the command is empty")
    return words


def program(name: str, folder: Path) -> str | None:
    """The file a command's first word starts, seen from `folder`; None where there is none to run."""
    if "/" in name:
        path = folder / name
        return str(path) if path.is_file() and os.access(path, os.X_OK) else None
    return shutil.which(name)


def birth(pid: int) -> str | None:
    """When this process began, in words that no later process with the same number can share; None if it is gone."""
    if _HAS_PROC:
        stat = _stat(pid)
        return f"{_boot()}:{stat[19]}" if stat and stat[0] not in "ZX" else None
    import psutil

    try:
        found = psutil.Process(pid)
        return None if found.status() == psutil.STATUS_ZOMBIE else f"{found.create_time():.2f}"
    except psutil.Error:
        return None


@cache
def _boot() -> str:
    """Tells this boot of the machine from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


@frozen
class Clocks:
    """When a process has run too long or said too much; None switches a clock off."""

    timeout: float | None = None
    """Seconds from start to end."""
    idle: float | None = None
    """Seconds without growth of either output file."""
    flood: int | None = None
    """Bytes in one output file."""

    @property
    def watch_output(self) -> bool:
        """Whether the output files need a look now and then."""
        return self.idle is not None or self.flood is not None


def overdue(clocks: Clocks, elapsed: float, silent: float, largest: int) -> Ended | None:
    """Which clock has run out; all times in seconds, sizes in bytes."""
    if clocks.timeout is not None and elapsed >= clocks.timeout:
        return Ended.TIMED_OUT
    if clocks.flood is not None and largest > clocks.flood:
        return Ended.FLOODED
    if clocks.idle is not None and silent >= clocks.idle:
        return Ended.IDLE
    return None


@define
class Cancel:
    """Tells every waiting worker at once that the run is being ended; `hard` skips the grace."""

    hard: bool = False
    _read: int = -1
    _write: int = -1
    _lock: threading.Lock = field(factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self._read, self._write = os.pipe()

    @property
    def is_set(self) -> bool:
        """Whether the run is being ended."""
        return self._write < 0

    def set(self, hard: bool = False) -> None:
        """End every process that `run` waits for; again with `hard` to end them at once."""
        self.hard = self.hard or hard
        with self._lock:
            if self._write >= 0:
                write, self._write = self._write, -1  # first: who is woken by the close looks at once
                os.close(write)

    def comes_within(self, seconds: float) -> bool:
        """Whether the run is being ended, now or in so many seconds."""
        if not self.is_set:
            waiting = select.poll()
            waiting.register(self._read, select.POLLIN)
            waiting.poll(seconds * 1000)
        return self.is_set

    def close(self) -> None:
        """Give the pipe back once no worker is left."""
        self.set()
        os.close(self._read)

    def fileno(self) -> int:
        """Readable as soon as the run is being ended."""
        return self._read


@frozen
class Launch:
    """A process to be started: no shell, a session of its own, output into regular files."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[bytes, bytes]
    """As the operating system has it: hundreds of processes share most of it, encoded once."""
    stdout: str
    stderr: str
    stdin: str | None = None
    marker: str | None = None
    """The value of `ATTEMPT_MARKER`, by which whatever outlives the process is found."""
    clocks: Clocks = Clocks()
    sign: Callable[[str], Sign | None] | None = None
    """What a line of stdout or stderr tells, looked at while the process runs."""
    tells_signals: bool = False
    """The first word is a wrapper, which tells of a program that signal 9 has ended with 128 and 9, as a shell does."""


def start(launch: Launch) -> subprocess.Popen[bytes]:
    """The running process; OSError if it cannot be started."""
    files: list[int] = []
    try:
        files.append(os.open(launch.stdin or os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        files += (os.open(path, _NEW, 0o644) for path in (launch.stdout, launch.stderr))
        return subprocess.Popen(
            launch.argv,
            cwd=launch.cwd,
            env=launch.env,
            stdin=files[0],
            stdout=files[1],
            stderr=files[2],
            start_new_session=True,
        )
    finally:
        for file in files:
            os.close(file)


def finish(process: subprocess.Popen[bytes], launch: Launch, cancel: Cancel) -> Ending:
    """Wait until the process ends, by itself, by a clock or by `cancel`; then nothing it started is left."""
    began = time.monotonic()
    how = _watch(process, launch, cancel, began)
    seconds = time.monotonic() - began
    if how is not Ended.EXITED:
        _end_group(process, cancel)
    _end_left_behind(process, launch.marker, thorough=seconds > 1, cancel=cancel)
    return Ending(how, _exit_code(process.wait(), launch), seconds)


def _exit_code(code: int, launch: Launch) -> int:
    """As the operating system tells it of the program itself."""
    return 128 - code if launch.tells_signals and 128 < code <= 128 + _LAST_SIGNAL else code


def _watch(process: subprocess.Popen[bytes], launch: Launch, cancel: Cancel, began: float) -> Ended:
    clocks = launch.clocks
    size, grown = 0, began
    listener = Listener(launch.sign, (launch.stdout, launch.stderr)) if launch.sign else None
    while True:
        now = time.monotonic()
        ends = [LOOK] * (clocks.watch_output or listener is not None)
        if clocks.timeout is not None:
            ends.append(max(began + clocks.timeout - now, 0))
        if _exits_within(process, min(ends, default=None), cancel):
            return Ended.EXITED
        if cancel.is_set:
            return Ended.CANCELLED
        now = time.monotonic()
        if listener and (heard := listener.heard(now)):
            return heard
        if clocks.watch_output:
            sizes = [_size(launch.stdout), _size(launch.stderr)]
            if sum(sizes) != size:
                size, grown = sum(sizes), now
            if due := overdue(clocks, now - began, now - grown, max(sizes)):
                return due
        elif due := overdue(clocks, now - began, 0, 0):
            return due


@define
class Listener:
    """Hears in the growing outputs of a process that it has said its last word, or will never say one."""

    sign: Callable[[str], Sign | None]
    paths: tuple[str, ...]
    _read: dict[str, int] = field(factory=dict)
    _rest: dict[str, bytes] = field(factory=dict)
    _since: dict[str, float] = field(factory=dict)
    """When a last word was said in a file in which nothing has followed it."""

    def heard(self, now: float) -> Ended | None:
        """Why the process need not be waited for any longer at `now` (monotonic seconds); None if it may go on."""
        for path in self.paths:
            for line in self._news(path):
                sign = self.sign(line)
                if sign is Sign.STUCK:
                    return Ended.STUCK
                if sign is Sign.LAST:
                    self._since[path] = now
                else:
                    self._since.pop(path, None)
        return Ended.OVERSTAYED if any(now - since >= FAREWELL for since in self._since.values()) else None

    def _news(self, path: str) -> Iterator[str]:
        """The lines that have come to their end since the last look."""
        try:
            with open(path, "rb", buffering=0) as file:
                file.seek(self._read.get(path, 0))
                new = file.read(_LONGEST_LINE)
        except OSError:
            return
        self._read[path] = self._read.get(path, 0) + len(new)
        *whole, rest = (self._rest.get(path, b"") + new).split(b"\n")
        self._rest[path] = rest[:_LONGEST_LINE]
        for line in whole:
            yield line.decode("utf-8", "replace")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _exits_within(process: subprocess.Popen[bytes], seconds: float | None, cancel: Cancel | None) -> bool:
    """Sleep until the process has ended, the run is cancelled, or time is up; whether it has ended."""
    if process.poll() is not None:
        return True
    if not hasattr(os, "pidfd_open"):
        return _exits_within_by_looking(process, seconds, cancel)
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return process.poll() is not None
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        if cancel is not None:
            waiting.register(cancel.fileno(), select.POLLIN)
        waiting.poll(None if seconds is None else max(seconds * 1000, 0))
    finally:
        os.close(handle)
    return process.poll() is not None


def _exits_within_by_looking(
    process: subprocess.Popen[bytes], seconds: float | None, cancel: Cancel | None
) -> bool:
    until = None if seconds is None else time.monotonic() + seconds
    while process.poll() is None:
        if (cancel is not None and cancel.is_set) or (until is not None and time.monotonic() >= until):
            return False
        time.sleep(0.02)
    return True


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Whether the process's group still has a member to signal."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _members(process: subprocess.Popen[bytes], least: int) -> list[str]:
    """Who of the group still runs, of numbers from `least` on; the dead that nobody has collected yet do not count."""
    if not _signal_group(process, 0):
        return []
    if not _HAS_PROC:
        return [str(process.pid)]
    found = ((pid, _stat(pid)) for pid in _processes(least))  # the fields: proc_pid_stat(5)
    return [pid for pid, stat in found if stat and int(stat[2]) == process.pid and stat[0] not in "ZX"]


def _processes(least: int = 0) -> Iterator[str]:
    """The numbers of all processes from `least` on."""
    return (name for name in os.listdir("/proc") if name.isdigit() and int(name) >= least)


def _stat(pid: int | str) -> list[str]:
    """The fields of a process's stat behind its name; none if it is gone."""
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return os.read(file, 4096).rpartition(b")")[2].decode().split()
    except OSError:
        return []
    finally:
        os.close(file)


def _end_group(process: subprocess.Popen[bytes], cancel: Cancel) -> None:
    _ends_when_asked(process, cancel)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _ends_when_asked(process: subprocess.Popen[bytes], cancel: Cancel, least: int = 0) -> bool:
    """Ask the rest of a group, of numbers from `least` on, to end; whether it has within the grace."""
    until, pause = time.monotonic() + GRACE, 0.001
    asked: set[int] = set()
    while time.monotonic() < until and not cancel.hard:
        process.poll()
        members = _members(process, least)
        if not members:
            return True
        inside = _in_namespaces_of(members)
        if inside or asked:
            # what one that was asked starts now is part of its end
            new = {pid for pid, parent in inside.items() if pid not in asked and parent not in asked}
            reaper.signal_all(sorted(new), signal.SIGTERM)
            asked |= new
        else:
            _signal_group(process, signal.SIGTERM)
            asked = {process.pid}
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    return False


def _in_namespaces_of(members: Sequence[str]) -> dict[int, int]:
    """
    All in the process namespaces that a group has made, as sandboxes do, each with its parent; nobody where it has made none.

    The first process of a namespace waits for all others there and heeds no TERM, so it counts for nobody's parent; the one that has
    made it tells how they ended, so it has to outlive them. Whoever in there has left the group and carries no marker is found too;
    see pid_namespaces(7).
    """
    if not _HAS_PROC:
        return {}
    made = {_namespace(pid) for pid in members} - {_namespace("self"), ""}
    if not made:
        return {}
    inside = {int(pid): space for pid in _processes() if (space := _namespace(pid)) in made}
    parents = {pid: int(stat[1]) for pid in inside if (stat := _stat(pid))}
    first = {pid for pid, parent in parents.items() if inside.get(parent) != inside[pid]}
    return {pid: 0 if parent in first else parent for pid, parent in parents.items()}


def _namespace(pid: str) -> str:
    """Tells the namespace of a process from all others; empty if it is gone, or somebody else's."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _end_left_behind(
    process: subprocess.Popen[bytes], marker: str | None, thorough: bool, cancel: Cancel
) -> None:
    """
    End what outlived the process: the rest of its group, then whoever left the group but carries the marker.

    A descendant's number is higher than its ancestor's until numbers wrap, so a short attempt looks at younger
    processes only; the reaper's look at the end of the run has no such limit.
    """
    least = 0 if thorough else process.pid
    if _signal_group(process, 0) and not _ends_when_asked(process, cancel, least):
        _signal_group(process, signal.SIGKILL)
    if marker is None:
        return
    end_carriers(ATTEMPT_MARKER, marker, least, 0.0 if cancel.hard else GRACE)


def end_group(pid: int, born: str, grace: float = GRACE) -> None:
    """End a process and its group, if it is still the one that was born then."""
    until = time.monotonic() + grace
    while born and birth(pid) == born and time.monotonic() < until + reaper.HOPELESS:
        with suppress(OSError):
            os.killpg(pid, signal.SIGTERM if time.monotonic() < until else signal.SIGKILL)
        time.sleep(0.02)


def end_carriers(name: str, value: str, younger_than: int = 0, grace: float = GRACE) -> int:
    """End every process with this variable in its environment; how many there were."""
    marker = f"{name}={value}".encode()
    found = first = _carriers(marker, younger_than)
    reaper.signal_all(found, signal.SIGTERM)
    until = time.monotonic() + grace
    while found and time.monotonic() < until + reaper.HOPELESS:
        if time.monotonic() >= until:
            reaper.signal_all(found, signal.SIGKILL)
        time.sleep(0.02)
        found = _carriers(marker, younger_than)
    return len(first)


def carriers(name: str, value: str) -> list[int]:
    """The processes with this variable in their environment."""
    return _carriers(f"{name}={value}".encode(), 0)


def outlast(name: str, value: str, seconds: float) -> bool:
    """Wait for every process with this variable in its environment to end by itself; whether all have."""
    marker, until = f"{name}={value}".encode(), time.monotonic() + seconds
    while _carriers(marker, 0):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _carriers(marker: bytes, younger_than: int) -> list[int]:
    if _HAS_PROC:
        return reaper.carriers(marker, younger_than)
    import psutil

    name, _, value = marker.decode().partition("=")
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value and process.pid != os.getpid():
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def at_work(program: str, folder: Path, besides: Path) -> list[str]:
    """The processes of this program that work in `folder`, but not in `besides`, each as `process 7 (git gc)`."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            inside = Path(process.cwd())
            is_meant = process.name() == program and process.status() != psutil.STATUS_ZOMBIE
            if is_meant and inside.is_relative_to(folder) and not inside.is_relative_to(besides):
                found.append(f"process {process.pid} (`{' '.join(process.cmdline())[:60]}`)")
        except (psutil.Error, OSError):
            continue
    return found


def being_written() -> set[str]:
    """The files, by their real paths, that a process here has open to write in, as far as one may look."""
    import psutil

    found = set()
    for process in psutil.process_iter():
        try:
            # Where a system does not tell what for, any is taken for open to be written.
            opened = process.open_files()
            found |= {file.path for file in opened if getattr(file, "mode", "w") != "r"}
        except (psutil.Error, OSError):
            continue
    return found


@define
class Reaper:
    """The process that ends what this peal leaves running; it acts when this one is gone or calls `release`."""

    _process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, run: str, folder: Path) -> "Reaper":
        """Start the reaper of a run; `folder` is removed when the run is over."""
        argv = [sys.executable, "-I", "-S", reaper.__file__, run, str(folder)]
        env = {key: value for key, value in os.environ.items() if key not in (RUN_MARKER, ATTEMPT_MARKER)}
        return cls(
            subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env=env,
            )
        )

    def watch(self, pid: int) -> None:
        """End this process's group too when peal is gone, whatever its environment; may be called from any thread."""
        assert self._process.stdin is not None
        self._process.poll()  # collects what the reaper has left behind when it stood apart
        with suppress(OSError):
            os.write(self._process.stdin.fileno(), b"%d %s\n" % (pid, reaper.started(pid)))

    def release(self) -> None:
        """The run is over: let the reaper look once more that nothing is left."""
        with suppress(OSError):  # if somebody ended the reaper there is nobody to tell
            self._process.communicate(reaper.DONE)  # it stands apart: its output ends when it does


@define
class Companion:
    """
    A program that lives as long as this peal, however that ends: its standard input is a pipe of which only peal holds the
    other end, and it is to end with that.
    """

    _process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, argv: Sequence[str]) -> "Companion":
        """Start it, away from the terminal; OSError if that cannot be."""
        return cls(
            subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                cwd="/",
            )
        )

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, though it was not let go."""
        return self._process.poll() is not None

    def said(self) -> bytes:
        """What it has complained of first, if it is gone."""
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)  # what it has started may hold the other end
        return self._process.stderr.read(_COMPLAINT) or b""

    def release(self, grace: float = 1.0) -> None:
        """Let it go; what does not go by itself is ended with its group."""
        for stream in (self._process.stdin, self._process.stderr):
            assert stream is not None
            with suppress(OSError):
                stream.close()
        _exits_within(self._process, grace, None)
        _signal_group(self._process, signal.SIGKILL)
        self._process.wait()


@define(eq=False)
class Pipe:
    """A program that is spoken with through its standard streams; it is to end when its input does."""

    _process: subprocess.Popen[bytes]
    _complaints: IO[bytes]
    _lock: threading.Lock = field(factory=threading.Lock)

    @classmethod
    def start(cls, argv: Sequence[str]) -> "Pipe":
        """Start it, away from the terminal; OSError if that cannot be."""
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the program
        try:
            started = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                bufsize=0,
                start_new_session=True,
                cwd="/",
            )
        except OSError:
            complaints.close()
            raise
        return cls(started, complaints)

    @property
    def pid(self) -> int:
        """Its number; it leads a group."""
        return self._process.pid

    @property
    def read(self) -> int:
        """What it says."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    @property
    def write(self) -> int:
        """What it hears."""
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    def complaint(self) -> str:
        """The last line that it has complained with; empty if it has not."""
        with self._lock:
            if self._complaints.closed:
                return ""
            size = self._complaints.seek(0, os.SEEK_END)
            self._complaints.seek(max(size - _COMPLAINT, 0))
            lines = self._complaints.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def kill(self) -> None:
        """End it at once, with its group: whoever waits to be heard by it is woken."""
        _signal_group(self._process, signal.SIGKILL)

    def close(self, grace: float = 2.0) -> None:
        """
        Let it go; nobody may write to it any more. What does not go by itself is ended with its group. What it has said can
        still be read.
        """
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.close()
            _exits_within(self._process, grace, None)
            self.kill()
            self._process.wait()
